"""`aggregator run`: scheduler, connectors, web, webhooks and commands in one asyncio process around one file."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

import structlog
from starlette.applications import Starlette

from aggregator import renewing
from aggregator.acting.closing_quiet import close_quiet
from aggregator.acting.waking import tell_woken, wake_due
from aggregator.alerting.noting import LOOK_EVERY
from aggregator.alerting.serving import delivering
from aggregator.allocating import be_thrifty, started
from aggregator.analysts.serving import live_sql
from aggregator.clocks import Clock, system_clock
from aggregator.commands import handlers
from aggregator.config import Settings
from aggregator.control import Control, socket_path
from aggregator.digesting import daily_digest, digest_if_missed
from aggregator.housekeeping import count_anew, finish_erasing, keep_what_may_be_kept, retain_if_missed
from aggregator.identity import Id
from aggregator.incidents.acting import end_quiet
from aggregator.listener import serve
from aggregator.outbox import Sender
from aggregator.stopping import until_signalled
from aggregator.store.folder import warn_if_open_to_others
from aggregator.store.source_reports import source_reports
from aggregator.turns import take_short_turns
from aggregator.vocabulary import load_vocabulary
from aggregator.web.app import create_app
from aggregator.web.hooks import create_hooks
from aggregator.web.replies import tell_writer
from aggregator.web.stream import Stream
from aggregator.web.visit import Sources
from aggregator.workplace import Workplace
from connectors.contract import Push, PushConnector, Received
from connectors.errors import ConfigError

log = structlog.get_logger()

COMPACT_EVERY = timedelta(minutes=1)  # only if it is due
ERASE_EVERY = timedelta(minutes=1)  # only what a kill left unfinished
QUIET_EVERY = timedelta(minutes=10)
RETAIN_AT = time(3, 30)
LOOK_FOR_MISSED_EVERY = timedelta(minutes=10)  # jobs of a day that nobody was there to do
COUNT_AT = time(4, 30)
WAKE_EVERY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Running:
    """A service at work."""

    work: Workplace
    url: str  # of the feed
    hooks_url: str

    @property
    def failed(self) -> asyncio.Future[None]:
        """Ends with the error that the service cannot live with."""
        return self.work.poller.failed


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock = system_clock, port: int | None = None, hooks_port: int | None = None
) -> AsyncIterator[Running]:
    """Run everything until the block ends. Ports: instead of the configured ones; 0 takes any free one.

    Raises:
        StoreError, PortTakenError: it cannot start.
        ConfigError: there is a lake, which is for several processes, or mistakes are in the word lists.
    """
    if settings.lake is not None:
        raise ConfigError("run: with a lake, start `aggregator collect` and `aggregator web` instead (docs/lake.md)")
    be_thrifty()
    take_short_turns()
    async with AsyncExitStack() as stack:
        work = await stack.enter_async_context(Workplace(settings, clock=clock))
        warn_if_open_to_others(settings.data)
        stream, app = feed_of(work, work.poller)
        web, door = settings.web, settings.hooks
        url = await stack.enter_async_context(serve(app, web.host, web.port if port is None else port, lifespan=True))
        hooks_url = await stack.enter_async_context(
            serve(create_hooks(receiver(work)), door.host, door.port if hooks_port is None else hooks_port)
        )
        await load_vocabulary()
        stack.enter_context(started())
        await stack.enter_async_context(live_sql(work.db, work.desk, settings.sql, clock, work.poller.keep_house))
        stack.callback(stream.stop)  # before the listeners close: they would wait for its open answers
        control = Control(socket_path(settings.data), handlers(work))
        await control.start()
        stack.push_async_callback(control.stop)
        for job, every in house_jobs(work, stream.publish):
            work.poller.keep_house(job, every)
        work.poller.keep_house(partial(finish_erasing, work), ERASE_EVERY)
        work.poller.keep_house(work.poller.take_up_renewed, renewing.LOOK_EVERY)
        work.poller.daily(partial(keep_what_may_be_kept, work), RETAIN_AT, settings.timezone)
        work.poller.keep_house(partial(retain_if_missed, work), LOOK_FOR_MISSED_EVERY)
        work.poller.daily(partial(count_anew, work), COUNT_AT, settings.timezone)
        if settings.digest.at:
            at = time.fromisoformat(settings.digest.at)
            work.poller.daily(partial(daily_digest, work, url), at, settings.timezone)
            work.poller.keep_house(partial(digest_if_missed, work, url), LOOK_FOR_MISSED_EVERY)
        work.ingest.group_soon()
        sender = Sender(work.outbox, work.poller.failed)
        sender.start()
        stack.push_async_callback(sender.stop)
        if work.alerting.is_used:
            await stack.enter_async_context(delivering(work.db, settings, clock, work.alerting, work.poller.failed))
            work.poller.keep_house(work.alerting.look, LOOK_EVERY)
        work.poller.start()
        stack.push_async_callback(work.poller.stop)
        log.info("service.started", url=url, hooks=hooks_url, sources=len(work.connectors))
        yield Running(work, url, hooks_url)
    log.info("service.stopped")


def feed_of(work: Workplace, sources: Sources) -> tuple[Stream, Starlette]:
    """The feed of a workplace, which hears of what changes there. `sources`: who asks them, and can be told when."""
    stream = Stream(work.db, settings=work.settings, clock=work.clock)
    work.ingest.changed = work.outbox.changed = stream.publish
    work.outbox.tell = partial(tell_writer, stream)
    app = create_app(
        work.db,
        work.desk,
        settings=work.settings,
        stream=stream,
        clock=work.clock,
        health=lambda: source_reports(work.db, work.settings, work.clock()),
        surfacing=work.ingest.surfacing,
        grouping=work.ingest.incidents,
        outbox=work.outbox,
        sources=sources,
    )
    return stream, app


def house_jobs(
    work: Workplace, changed: Callable[[Collection[Id]], None]
) -> list[tuple[Callable[[], Awaitable[None]], timedelta]]:
    """What is done from time to time, and how often. `changed` is told of the inquiries that it changed."""
    db, settings, clock = work.db, work.settings, work.clock
    return [
        (work.compact_if_due, COMPACT_EVERY),
        (partial(close_quiet, db, settings, clock, changed), QUIET_EVERY),
        (partial(wake_due, db, settings, clock, partial(tell_woken, work.desk, changed)), WAKE_EVERY),
        (partial(end_quiet, db, work.ingest.incidents, clock), QUIET_EVERY),
    ]


async def run(settings: Settings, greet: Callable[[Running], None]) -> None:
    """`running` until SIGINT or SIGTERM; SIGHUP tries stopped sources again.

    Raises:
        StoreError, PortTakenError: it could not start.
        StoreError, FenceLostError: it could not go on.
    """
    stop = asyncio.get_running_loop().create_future()
    services: list[Running] = []

    def hang_up() -> None:
        for service in services:
            service.work.poller.resume()

    # Until all is closed: a second Ctrl-C would otherwise break off what ends in order, and print where.
    with until_signalled(stop, hang_up):
        async with running(settings) as service:
            services.append(service)
            greet(service)
            await asyncio.wait([stop, service.failed], return_when=asyncio.FIRST_COMPLETED)
            services.clear()
            failed = service.failed
    if failed.done():
        failed.result()


def receiver(work: Workplace) -> Callable[[str, Push], Awaitable[Received]]:
    """What the door does with a call: authenticate, commit, and only then say what to answer."""
    under_way: defaultdict[str, list[datetime]] = defaultdict(list)  # by source, when calls came that are not committed

    async def receive(source: str, push: Push) -> Received:
        """Raises KeyError: no such source takes pushes; PushRefusedError: not from the platform."""
        connector = work.connectors[source]
        if not isinstance(connector, PushConnector):
            raise KeyError(source)
        came = work.clock()
        under_way[source].append(came)
        try:
            received = await asyncio.to_thread(connector.receive, push)
            if received.records:
                outcome = await work.ingest.pushed(work.origins[source], received.records)
                work.poller.heard(source, outcome.arrived)
        finally:
            under_way[source].remove(came)
        if received.heard:
            heard = min((came, *under_way[source]))
            connector.heard_at = max(heard, connector.heard_at or heard)
        if received.poll:
            work.poller.poll_soon(source)
        return received

    return receive
