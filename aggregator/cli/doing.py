"""What commands do with the settings: read them, let the running service do something, or do it here; and show it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli.group import DONE, FAILED

if TYPE_CHECKING:
    from aggregator.alerting.trying import Tried
    from aggregator.config import Settings
    from aggregator.control import Say


def load_settings(config: Path) -> Settings:
    from aggregator.config import load
    from aggregator.folding.fold import STATE_RULES
    from aggregator.triage.terms import RULES

    return load(config, known_rules=frozenset(RULES) | frozenset(STATE_RULES))


def settings_or_none() -> Settings:
    from aggregator.config import Settings

    return Settings(sources={})


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


def do(settings: Settings, command: str, arguments: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Let the running service do it, or do it here."""
    from aggregator.stopping import stoppable
    from aggregator.terminal import progress

    with progress(quiet) as say:
        return asyncio.run(stoppable(_anywhere(settings, command, arguments, say)))


async def _anywhere(settings: Settings, command: str, arguments: dict[str, Any], say: Say) -> dict[str, Any]:
    from aggregator.control import ask, socket_path

    answered = await ask(socket_path(settings.data), command, arguments, say)
    if answered is not None:
        return answered
    from aggregator.importer.workers import workers_for

    with workers_for(map(Path, arguments["files"] if command == "import" else ())) as workers:
        from aggregator.commands import handlers
        from aggregator.vocabulary import load_vocabulary
        from aggregator.workplace import Workplace

        if command == "poll":
            await load_vocabulary()
        async with Workplace(settings, listen=command == "poll") as work:
            return await handlers(work, alone=True, workers=workers)[command](arguments, say)


def show(result: Any, as_json: bool, text: str) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(result, default=str).decode())
    elif text:
        click.echo(text)


def tell_tried(tried: Tried, as_json: bool) -> None:
    show(tried._asdict(), as_json, tried.line)
    sys.exit(DONE if tried.ok else FAILED)
