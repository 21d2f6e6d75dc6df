"""What runs: the service and its parts, one poll, the check of the configuration, and the demo."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli.doing import do, load_settings, require_secrets, show
from aggregator.cli.group import BAD_CONFIGURATION, DONE, FAILED, PARTLY_DONE, main
from aggregator.cli.options import config_option, json_option, shard_of

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.service import Running


@main.command(epilog="Example: aggregator run --config connectors.yaml")
@config_option
def run(config: Path) -> None:
    """Poll all sources, serve the feed and the webhooks, until stopped (Ctrl-C, SIGTERM)."""
    from aggregator.service import run as run_service

    settings = load_settings(config)
    require_secrets(settings)

    def greet(service: Running) -> None:
        from aggregator.greeting import greeting

        click.echo(greeting(service))

    asyncio.run(run_service(settings, greet))


@main.command(epilog="Example: aggregator collect --shard 2/8")
@click.option("--shard", default="1/1", callback=shard_of, help="Which share of how many, by the sources' names.")
@click.option("--hooks-port", type=click.IntRange(0, 65535), help="Instead of the configured one; 0 takes any.")
@config_option
def collect(shard: tuple[int, int], hooks_port: int | None, config: Path) -> None:
    """Poll a share of the sources into a lake (docs/lake.md), and take their webhooks, until stopped.

    A second one of the same share stands by: it takes over within the time of a lease when the first dies.
    """
    from aggregator.collecting import Shard
    from aggregator.collecting import collect as collect_on

    settings = load_settings(config)
    require_secrets(settings)
    asyncio.run(collect_on(settings, Shard(*shard), hooks_port))


@main.command(epilog="Example: aggregator web --port 8090")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the configured one; 0 takes any.")
@config_option
def web(port: int | None, config: Path) -> None:
    """Serve only the feed, over a lake (docs/lake.md) that collectors fill, until stopped."""
    from aggregator.feed_only import serve_feed

    settings = load_settings(config)
    asyncio.run(serve_feed(settings, click.echo, port))


@main.command(epilog="Example: aggregator poll forum support-group")
@click.argument("sources", nargs=-1)
@config_option
@json_option
def poll(sources: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Read each source once, then end: for cron. Without SOURCES: all of them.

    Where no service is at work, webhooks and alerts that are due are sent at the end, for at most 30 seconds.
    While another `aggregator poll` is at work it says so and ends with 0.
    """
    from aggregator.locking import lock
    from aggregator.store.folder import make

    settings = load_settings(config)
    require_secrets(settings)
    make(settings.data)
    with lock(settings.data / "poll.lock") as alone:
        if not alone:
            show({}, as_json, "already running: another `aggregator poll` has not ended yet")
            return
        result = do(settings, "poll", {"sources": list(sources)}, quiet=as_json)
    show(result, as_json, "")
    failed = [name for name, one in result.items() if not one["ok"]]
    sys.exit(DONE if not failed else FAILED if len(failed) == len(result) else PARTLY_DONE)


@main.command(epilog="Example: aggregator check --connect")
@config_option
@click.option("--connect", is_flag=True, help="Try each login, too, and say what it may read.")
@json_option
def check(config: Path, connect: bool, as_json: bool) -> None:
    """Look for every mistake in the configuration and in the word lists."""
    from aggregator.config import at_its_place, missing_secrets
    from aggregator.store.folder import open_to_others, unusable
    from aggregator.triage import get_ready

    settings = load_settings(config)
    get_ready()
    if seen := open_to_others(settings.data):
        click.echo(seen, err=True)
    from aggregator.alerting.trying import wrong_secrets

    wrong = missing_secrets(settings) + wrong_secrets(settings)
    if why := unusable(settings.data):
        wrong.append(at_its_place(settings, ("data",), why))
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        sys.exit(BAD_CONFIGURATION)
    if not connect:
        show({"sources": len(settings.sources)}, as_json, f"{config}: no mistakes, {len(settings.sources)} sources")
        return
    from aggregator.checking import check_lake, check_sources, of_quotas

    findings = asyncio.run(check_lake(settings)) | asyncio.run(check_sources(settings))
    for name, quota in of_quotas(_quotas(settings)).items():
        findings.get(name, []).append(quota)
    if as_json:
        show(findings, True, "")
    for name, found in findings.items() if not as_json else ():
        for finding in found:
            click.echo(f"{name}: {finding.level}: {finding.text}")
    bad = [name for name, found in findings.items() if any(finding.level == "failed" for finding in found)]
    sys.exit(DONE if not bad else FAILED if len(bad) == len(findings) else PARTLY_DONE)


@main.command(epilog="Example: aggregator demo --seconds 30 --json")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the feed, 0 for any free one; else 8080 if free.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the data there; else it is deleted at the end.")
@click.option("--seconds", type=click.FloatRange(5), help="End by itself after so many seconds, and check the result.")
@click.option("--speed", type=click.FloatRange(1), help="How many times as fast as a real day.")
@click.option("--open", "open_browser", is_flag=True, help="Open the feed in a browser, signed in.")
@json_option
def demo(
    port: int | None, data: Path | None, seconds: float | None, speed: float | None, open_browser: bool, as_json: bool
) -> None:
    """Play a day in the life of a wallet's community: simulated platforms, real connectors, the real feed."""
    from aggregator.demo.play import play

    if seconds and speed:
        raise click.UsageError("--seconds squeezes the whole day into so many; leave --speed out")
    ok = asyncio.run(
        play(port=port, data=data, seconds=seconds, speed=speed, open_browser=open_browser, as_json=as_json)
    )
    sys.exit(DONE if ok else FAILED)


def _quotas(settings: Settings) -> dict[str, Any]:
    """What the last polls told; nothing where none has been, or where another command holds the database."""
    from aggregator.backup import DATABASE
    from aggregator.control import RefusedError
    from aggregator.store.database import StoreError

    if not (settings.data / DATABASE).exists():
        return {}
    try:
        return do(settings, "quotas", {}, quiet=True, patience=0)
    except (RefusedError, StoreError):
        return {}
