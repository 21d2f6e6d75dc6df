"""`aggregator demo`: a day in the life of a community, on simulated platforms, through the real service."""

from __future__ import annotations

import asyncio
import logging
import time
import webbrowser
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import orjson
from rich.console import Console

from aggregator.backup import DATABASE
from aggregator.clocks import ScaledClock
from aggregator.config import Settings
from aggregator.demo.given_away import leaks
from aggregator.demo.outcome import Outcome, show
from aggregator.demo.scene import UNNOTICED
from aggregator.demo.script import DAY_SECONDS, OPENS, load
from aggregator.demo.stage import Stage, staged
from aggregator.demo.verdict import judge
from aggregator.demo.visitor import watching
from aggregator.listener import PortTakenError
from aggregator.service import Running, running
from aggregator.stopping import until_signalled
from aggregator.store.database import Connection, StoreError
from aggregator.users import sign_in_link

ZONE: Final = ZoneInfo("Asia/Shanghai")  # the default of `timezone`
USER: Final = "demo"
PORT: Final = 8080
SPEED: Final = 36.0  # the rest of the day in 12 minutes
AT_ONCE: Final = 0.4  # of the day: what a newcomer finds in the feed
AT_ONCE_SECONDS: Final = 2.0
TAIL: Final = 3.0  # seconds that a squeezed day leaves for what is still on its way
GRACE: Final = 60.0  # seconds more, on a busy machine, before what has not arrived counts as lost
PATIENCE: Final = 10.0  # seconds, at most, that the link to the feed waits for the morning's posts, and they for us
RECOVERS_WITHIN: Final = 6.0  # seconds, mostly, from a trouble to the end of the next good poll
IN_TERMINAL: Final = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})

Say = Callable[[str], None]


async def play(
    *,
    port: int | None,
    data: Path | None,
    seconds: float | None,
    speed: float | None,
    open_browser: bool,
    as_json: bool,
) -> bool:
    """Play the day until it is stopped, or squeezed into so many seconds and checked; whether all was right.

    Args:
        port: None: 8080, or any free one where that is taken.
        data: where to keep the databases; None: nowhere.

    Raises:
        PortTakenError: the port that was asked for.
        StoreError: `data` holds a database already.
    """
    began = time.monotonic()
    _calm_logs(as_json)
    console = Console(stderr=as_json, highlight=False, markup=False, soft_wrap=True)
    stop = asyncio.get_running_loop().create_future()
    outcome: Outcome | None = None
    with until_signalled(stop), _folder(data) as folder, TemporaryDirectory() as secrets:
        console.print("灯笼钱包社区的一天 · A day in the community of Lantern Wallet")
        async with staged(load(), ScaledClock(_this_morning())) as stage:
            settings = stage.settings(folder, Path(secrets))
            async with (
                _serving(settings, stage.clock, port, console.print) as service,
                stage.connected(service.hooks_url),
            ):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stage.until_heard(), PATIENCE)
                if seconds is None:
                    whole = _live(stage, service, speed or SPEED, open_browser, console.print)
                    await _unless_stopped(whole, stop, service.failed)
                else:
                    squeezed = _squeezed(stage, service, folder, began + seconds, console.print)
                    outcome = await _unless_stopped(squeezed, stop, service.failed)
            if outcome is not None:
                outcome.secrets_found_on_disk = max(outcome.secrets_found_on_disk, leaks(folder, stage.secrets()))
    if outcome is None:
        console.print("结束 · Stopped")
        return seconds is None
    if as_json:
        click.echo(orjson.dumps(outcome.as_json()))
    else:
        show(outcome, console)
    return outcome.is_good


# -- the two ways to play ------------------------------------------------------------------------


async def _live(stage: Stage, service: Running, speed: float, open_browser: bool, say: Say) -> None:
    """The first part of the day at once, the rest as it happens; then stay."""
    say("上午的帖子正在到达 · The morning's posts are coming in")
    noon = DAY_SECONDS * AT_ONCE
    stage.plants_unreadable()
    stage.clock.run(noon / AT_ONCE_SECONDS)
    await _play(stage, 0, noon)
    stage.clock.run(speed)
    await settle(stage, service, time.monotonic() + PATIENCE)
    link = await _invited(stage, service)
    say(f"打开问询台（一次性链接）· Open the feed (this link signs you in once):\n  {link}")
    say(f"{speed:g} 倍速播放，Ctrl-C 结束 · Playing at {speed:g} times the speed of a day; Ctrl-C ends it")
    if open_browser:
        await asyncio.to_thread(_open, link)
    async with asyncio.TaskGroup() as group:
        besides = [group.create_task(_trouble(stage, service, source, pause=60)) for source in stage.scenes]
        besides.append(group.create_task(_tell_the_hours(stage, service, say)))
        await _play(stage, noon, DAY_SECONDS)
        for task in besides:
            task.cancel()
    stage.clock.run(1)
    say("一天结束了，问询台继续开着 · The day is over; the feed stays open until Ctrl-C")
    await asyncio.Event().wait()


async def _squeezed(stage: Stage, service: Running, folder: Path, ends: float, say: Say) -> Outcome:
    """The whole day until `ends` (time.monotonic), troubles included, and what came of it."""
    async with watching(service.url, await _invited(stage, service)) as visitor:
        length = max(1.0, ends - TAIL - time.monotonic())
        say(f"整天压缩到 {length:.0f} 秒 · The whole day in {length:.0f} seconds")
        stage.clock.run(DAY_SECONDS / length)
        stage.plants_unreadable()
        async with asyncio.TaskGroup() as group:
            for source in stage.scenes:
                group.create_task(_trouble(stage, service, source, pause=0.5, ends=ends))
            progress = group.create_task(_tell_the_hours(stage, service, say))
            await _play(stage, 0, DAY_SECONDS)
            progress.cancel()
            stage.clock.run(1)
        await settle(stage, service, max(ends, time.monotonic()) + GRACE)
        return Outcome(
            verdicts=await service.work.db.read(lambda con: judge(con, stage, visitor)),
            faults=dict(stage.faults),
            failing=_failing(service),
            secrets_found_on_disk=leaks(folder, stage.secrets()),
        )


async def _play(stage: Stage, begin: float, end: float) -> None:
    """The lines from `begin` to `end` (seconds of the day), each when its time has come."""
    for line in stage.day.lines:
        if begin <= line.at < end:
            left = stage.opens + timedelta(seconds=line.at) - stage.clock()
            await asyncio.sleep(max(0.0, left.total_seconds() / stage.clock.speed))
            stage.plays(line)


async def _trouble(stage: Stage, service: Running, name: str, *, pause: float, ends: float | None = None) -> None:
    """One trouble after the other, each once the source has recovered from the one before."""
    source = service.work.poller.sources[name]
    for trouble in stage.scenes[name].troubles:
        await asyncio.sleep(pause)
        began = time.monotonic()
        if ends is not None and ends - began < RECOVERS_WITHIN:
            return
        stage.fails(name, trouble)
        if trouble in UNNOTICED:
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERS_WITHIN + GRACE):
                await _until(lambda: source.failures > 0)
                await _until(lambda: source.failures == 0)
        stage.outages[name].append((began, time.monotonic()))


async def _until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.02)


async def settle(stage: Stage, service: Running, latest: float) -> None:
    """Wait until everything that was said is stored and no source is in trouble, `latest` at most."""
    while time.monotonic() < latest:
        verdicts = await service.work.db.read(lambda con: judge(con, stage))
        if verdicts["all"].is_good and not _failing(service):
            return
        await asyncio.sleep(0.1)


def _failing(service: Running) -> list[str]:
    return [name for name, source in service.work.poller.sources.items() if source.state != "ok"]


async def _tell_the_hours(stage: Stage, service: Running, say: Say) -> None:
    """One line an hour of the simulated day."""
    while True:
        now = stage.clock().astimezone(ZONE)
        hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        await asyncio.sleep((hour - now).total_seconds() / stage.clock.speed)
        posts, waiting = await service.work.db.read(_counted)
        say(f"{hour:%H:%M}  {posts} 条帖子，{waiting} 条在等 · {posts} posts, {waiting} inquiries waiting")


def _counted(con: Connection) -> tuple[int, int]:
    """How many posts there are, and how many inquiries wait for us."""
    counted = con.execute(
        "SELECT (SELECT count(*) FROM post), (SELECT count(*) FROM inquiry_open WHERE waiting_since IS NOT NULL)"
    ).fetchone()
    assert counted is not None
    return counted[0], counted[1]


# -- around it -----------------------------------------------------------------------------------


def _calm_logs(as_json: bool) -> None:
    """The day makes its own troubles; what a person at the terminal should see of them is in the feed."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of the answers that simulators drop
    if not as_json and logging.getLogger().level == logging.INFO:
        logging.getLogger().setLevel(logging.ERROR)


async def _unless_stopped(
    whole: Coroutine[Any, Any, Outcome | None], stop: asyncio.Future[None], failed: asyncio.Future[None]
) -> Outcome | None:
    """What comes of it; None: stopped before.

    Raises:
        StoreError, FenceLostError: the service could not go on.
    """
    task = asyncio.create_task(whole)
    ends: set[asyncio.Future[Any]] = {task, stop, failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    if failed.done():
        failed.result()
    return None


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with TemporaryDirectory(prefix="aggregator-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    if (data / DATABASE).exists():
        raise StoreError(f"{data} holds a database already; name an empty folder for the demo, or delete that one")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield data


@asynccontextmanager
async def _serving(settings: Settings, clock: ScaledClock, port: int | None, say: Say) -> AsyncIterator[Running]:
    """The service, on the wished port, or where nobody asked for one on any that is free."""
    async with AsyncExitStack() as stack:
        try:
            service = await _entered(stack, settings, clock, PORT if port is None else port)
        except PortTakenError:
            if port is not None:
                raise
            say(f"端口 {PORT} 已被占用，另选一个 · Port {PORT} is taken; using another one")
            service = await _entered(stack, settings, clock, 0)
        yield service


async def _entered(stack: AsyncExitStack, settings: Settings, clock: ScaledClock, port: int) -> Running:
    return await stack.enter_async_context(running(settings, clock=clock, port=port, hooks_port=0))


def _this_morning() -> datetime:
    return datetime.combine(datetime.now(ZONE).date(), time_of_day(OPENS // 3600), ZONE).astimezone(UTC)


async def _invited(stage: Stage, service: Running) -> str:
    """A link that signs in the demo's user once; the user is an administrator, made at the first time."""
    desk = service.work.desk

    def invite() -> str:
        if USER not in {user.name for user in desk.users()}:
            desk.add_user(USER, "admin")
        return desk.invite(USER, stage.clock())

    return sign_in_link(service.url, await asyncio.to_thread(invite))


def _open(link: str) -> None:
    """Show it in a browser that has windows; one of the terminal would take this terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if getattr(browser, "name", "") not in IN_TERMINAL:
        browser.open(link)
