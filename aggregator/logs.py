"""Where logs go: standard error, one line for each event, as text or as JSON lines. Never texts, never secrets."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Literal

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, ExcInfo, Processor

# What our own modules give beside an event where they log with the standard library. A library's may hold anything.
_BESIDE = ("number", "path", "source", "why", "at_once", "address")
_OURS = "aggregator"  # our handler's name, so that a second set-up replaces it and no other
# httpx logs whole URLs, and Telegram's hold the token; python-telegram-bot logs whole updates, even as CRITICAL.
_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "uvicorn": logging.WARNING,
    "apscheduler": logging.ERROR,
    "telegram": logging.CRITICAL + 1,
}


def set_up(format: Literal["text", "json"], *, verbose: bool) -> None:
    """Log from now on, libraries' warnings included. `verbose`: what is only of interest to developers, too."""
    first: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *first,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_OURS)
    foreign: list[Processor] = [*first, structlog.stdlib.ExtraAdder(allow=_BESIDE)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=[*_last_of(format)]))
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if each.name == _OURS]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)


def _last_of(format: Literal["text", "json"]) -> list[Processor]:
    common: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.ExceptionRenderer(_traceback),
    ]
    if format == "json":
        return [*common, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return [*common, _one_line, structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=20)]


def _traceback(exc_info: ExcInfo) -> str:
    """Frames without the values of their variables; a library's message may quote what it was given."""
    import traceback

    from aggregator.triage.secrets import mask

    return mask("".join(traceback.format_exception(*exc_info)))[0]


def _one_line(_: object, __: str, event: EventDict) -> EventDict:
    """Values may come from a platform; as text they could pretend to be further lines."""
    return {key: _flat(value) if key != "exception" else value for key, value in event.items()}


def _flat(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(each if each.isprintable() else " " for each in value)
