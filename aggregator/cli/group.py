"""The command `aggregator` itself: what all commands share before they begin, and what becomes of their errors."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from typing import Any, Literal, NoReturn

import click

DONE, FAILED, BAD_CONFIGURATION, PARTLY_DONE = 0, 1, 2, 3


class _Commands(click.Group):
    """Turns what can go wrong into one sentence and an exit code."""

    def main(self, *words: Any, **more: Any) -> Any:
        _open_what_is_closed()
        _never_fail_over_a_sign()
        return super().main(*words, **more)

    def invoke(self, context: click.Context) -> Any:
        from connectors.errors import ConfigError

        try:
            return super().invoke(context)
        except ConfigError as error:
            fail(str(error), BAD_CONFIGURATION)
        except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
            from aggregator.stopping import ignore_ctrl_c

            ignore_ctrl_c()
            fail(str(stopped) or "stopped; what was committed is kept", 130)
        except BrokenPipeError:
            _hush()
            sys.exit(FAILED)
        except Exception as error:
            names = {each.__name__ for each in type(error).__mro__}
            if _EXPECTED.isdisjoint(names) and not _is_damage(error):
                raise
            fail(_sentence(error), BAD_CONFIGURATION if "MisusedError" in names else FAILED)


# By name, so that `aggregator --help` need not import what raises them.
_EXPECTED = frozenset(
    {"StoreError", "RefusedError", "PortTakenError", "FenceLostError", "DeskError", "ConnectorError", "OSError"}
    | {"OperationalError"}  # of SQLite: desk.db is locked, or the disk is full
)


def _sentence(error: Exception) -> str:
    if isinstance(error, ConnectionError):
        return "the service ended meanwhile; run it again"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else f"it cannot be written: {error.strerror}"
    if _is_damage(error):
        return f"desk.db is damaged ({error}): put a backup in place, with `aggregator restore FOLDER --force`"
    return f"desk.db: {error}" if type(error).__name__ == "OperationalError" else str(error)


def _is_damage(error: Exception) -> bool:
    """SQLite's very own DatabaseError; those that descend from it are mistakes of a statement, or told above."""
    return (type(error).__module__, type(error).__name__) == ("sqlite3", "DatabaseError")


def _open_what_is_closed() -> None:
    """Whoever starts us may close standard streams (`>&-`). They are None then, and a file of ours gets their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _never_fail_over_a_sign() -> None:
    """What a terminal's or a pipe's encoding does not have is shown as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def fail(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


def _hush() -> None:
    """The reader of a pipe has gone: nothing more can be said, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="inquiry-aggregator", prog_name="aggregator")
@click.option(
    "--log",
    "log_format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="How to write logs; auto: as text to a terminal, else as JSON lines.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every poll, too.")
def main(log_format: Literal["auto", "text", "json"], verbose: bool) -> None:
    """Listens on every channel of a community and ranks what people ask and complain about.

    Exit codes: 0 done, 1 failed, 2 bad configuration or wrong usage (nothing was started), 3 partly done (what is
    missing is named), 130 stopped with Ctrl-C.
    """
    from aggregator.lean import import_without_rich

    import_without_rich("structlog", "httpx")
    from aggregator.logs import set_up

    os.umask(0o077)  # whatever is written is customers' texts, or secrets
    if log_format == "auto":
        log_format = "text" if sys.stderr.isatty() else "json"
    set_up(log_format, verbose=verbose)
