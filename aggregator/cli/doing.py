"""What commands do with the settings: read them, let the running service do something, or do it here; and show it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aggregator.cli.group import DONE, FAILED

if TYPE_CHECKING:
    from aggregator.alerting.trying import Tried
    from aggregator.config import Settings
    from aggregator.control import Say
    from aggregator.workplace import Workplace

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds for which a command waits while another process has the database: a poll by cron holds it for some."""
LOOK_EVERY = 1.0


def load_settings(config: Path) -> Settings:
    from aggregator.config import load
    from aggregator.folding.fold import STATE_RULES
    from aggregator.triage.terms import RULES

    return load(config, known_rules=frozenset(RULES) | frozenset(STATE_RULES))


def settings_if_any(context: click.Context, config: Path) -> Settings:
    """For what needs no source: the defaults, where no file was named and none stands there."""
    from aggregator.config import Settings

    named = context.get_parameter_source("config") is click.core.ParameterSource.COMMANDLINE
    return load_settings(config) if named or config.exists() else Settings(sources={})


def require_secrets(settings: Settings) -> None:
    from aggregator.alerting.trying import wrong_secrets
    from aggregator.config import missing_secrets
    from connectors.errors import ConfigError

    if missing := missing_secrets(settings) + wrong_secrets(settings):
        raise ConfigError("\n".join(missing))


def told_by(config: Path) -> Settings:
    """Settings whose webhooks and alerts can be tried, whatever the secrets of the sources are."""
    from aggregator.alerting.trying import wrong_secrets
    from connectors.errors import ConfigError

    settings = load_settings(config)
    if wrong := wrong_secrets(settings):
        raise ConfigError("\n".join(wrong))
    return settings


def do(
    settings: Settings, command: str, arguments: dict[str, Any], *, quiet: bool = False, patience: float | None = None
) -> dict[str, Any]:
    """Let the running service do it, or do it here, as soon as no other command has the database.

    Args:
        patience: seconds to wait for that, instead of PATIENCE.
    """
    from aggregator.stopping import stoppable
    from aggregator.terminal import progress

    patience = PATIENCE if patience is None else patience
    with progress(quiet) as say:
        return asyncio.run(stoppable(_anywhere(settings, command, arguments, say, patience)))


async def _anywhere(
    settings: Settings, command: str, arguments: dict[str, Any], say: Say, patience: float
) -> dict[str, Any]:
    from aggregator.control import ask, socket_path

    answered = await ask(socket_path(settings.data), command, arguments, say)
    if answered is not None:
        return answered
    from aggregator.importer.workers import workers_for

    with workers_for(map(Path, arguments["files"] if command == "import" else ())) as workers:
        from aggregator.commands import handlers
        from aggregator.vocabulary import load_vocabulary

        if command == "poll":
            await load_vocabulary()
        async with AsyncExitStack() as stack:
            work = await _opened(settings, stack, listen=command == "poll", patience=patience)
            if work is not None:
                return await handlers(work, alone=True, workers=workers)[command](arguments, say)
    return await _anywhere(settings, command, arguments, say, patience)


async def _opened(settings: Settings, stack: AsyncExitStack, *, listen: bool, patience: float) -> Workplace | None:
    """None: it was a service that has the database, and it answers now.

    Raises:
        DatabaseBusyError: another process has it, and has had it all the time.
    """
    from tenacity import AsyncRetrying

    from aggregator.control import listens, socket_path
    from aggregator.workplace import Workplace

    async def open_it() -> Workplace | None:
        if listens(socket_path(settings.data)):
            return None
        return await stack.enter_async_context(Workplace(settings, listen=listen))

    return await AsyncRetrying(**_while_busy(patience))(open_it)


def when_free(do_it: Callable[[], T]) -> T:
    """Do what needs the database for itself, as soon as no other command has it.

    Raises:
        DatabaseBusyError: another process has had it all the time.
    """
    from tenacity import Retrying

    return Retrying(**_while_busy(PATIENCE))(do_it)


def _while_busy(patience: float) -> dict[str, Any]:
    """How tenacity tries again, as long as another process has the database; it is told once."""
    from tenacity import RetryCallState, retry_if_exception_type, stop_after_delay, wait_fixed

    from aggregator.store.database import DatabaseBusyError

    def tell(state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            who = str(state.outcome.exception()).partition(";")[0]
            click.echo(f"{who}: waiting until it is free, for {patience:.0f} seconds at most (Ctrl-C ends)", err=True)

    return {
        "retry": retry_if_exception_type(DatabaseBusyError),
        "stop": stop_after_delay(patience),
        "wait": wait_fixed(LOOK_EVERY),
        "before_sleep": tell,
        "reraise": True,
    }


def show(result: Any, as_json: bool, text: str) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(result, default=str))  # bytes: JSON is UTF-8, whatever a terminal speaks
    elif text:
        click.echo(text)


def tell_tried(tried: Tried, as_json: bool) -> None:
    show(tried._asdict(), as_json, tried.line)
    sys.exit(DONE if tried.ok else FAILED)
