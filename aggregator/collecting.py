"""`aggregator collect`: polls its share of the sources, into a lake that other processes write and read, too.

A source is polled by whoever holds its lease. Collectors of one share stand by for one another; one that dies is
followed within the time of a lease. One of all collectors keeps house, by a lease as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import partial
from hashlib import blake2b
from uuid import uuid4

import structlog

from aggregator import renewing
from aggregator.alerting.noting import LOOK_EVERY
from aggregator.alerting.serving import delivering
from aggregator.allocating import started
from aggregator.clocks import Clock, system_clock
from aggregator.config import Settings
from aggregator.digesting import daily_digest, digest_if_missed
from aggregator.housekeeping import count_anew, finish_erasing, keep_what_may_be_kept, retain_if_missed
from aggregator.identity import Id
from aggregator.listener import serve
from aggregator.outbox import Sender
from aggregator.service import COUNT_AT, ERASE_EVERY, LOOK_FOR_MISSED_EVERY, RETAIN_AT, house_jobs, receiver
from aggregator.stopping import ended, until_signalled
from aggregator.store import sources
from aggregator.store.database import Connection
from aggregator.store.folder import warn_if_open_to_others
from aggregator.store.lake import Lake
from aggregator.store.leases import HOUSE, Leases
from aggregator.store.sources import SourceState
from aggregator.turns import take_short_turns
from aggregator.vocabulary import load_vocabulary
from aggregator.web.hooks import create_hooks
from aggregator.workplace import Workplace
from connectors.errors import ConfigError

log = structlog.get_logger()

LISTENS_EVERY = 2.0  # seconds between looks for answers and alerts that other processes have written
MAINTAIN_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Shard:
    """A static share of the sources: the `number`th of `of`, from 1."""

    number: int = 1
    of: int = 1

    def has(self, source: str) -> bool:
        """Whether this source is in it: by its name alone, whatever other sources there are."""
        return int.from_bytes(blake2b(source.encode(), digest_size=8).digest()) % self.of == self.number - 1


@dataclass
class Collector:
    """A process at work. `hooks_url`: where it takes what platforms tell."""

    work: Workplace
    leases: Leases
    shard: Shard
    hooks_url: str = ""
    polled: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    keeps_house: bool = False
    _house: AsyncExitStack = field(default_factory=AsyncExitStack)
    _overtaken: set[str] = field(default_factory=set)  # sources whose fence was lost, until the next beat
    _sooner: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def beat(self) -> None:
        """Take up what is held, and let go of what was lost, overtaken, or paused by a colleague.

        One after another, and all that is taken up or let go is so here: never two at the same time.
        """
        work = self.work
        while self._overtaken:
            await self._let_go(self._overtaken.pop())
        held = self.leases.held() & self.wanted()
        if self.leases.answered:
            self.paused = await work.db.read(sources.paused)
        for name in self.polled - (held - self.paused):
            await self._let_go(name)
        held -= self.paused
        for name in sorted(held - self.polled - {HOUSE}):
            await self._take_up(name)
        if (HOUSE in held) != self.keeps_house:
            await (self._begin_house() if HOUSE in held else self._end_house())

    async def renew_on(self) -> None:
        """Renew three times in the time of a lease, whatever a beat waits for, until it ends. Cut off from the catalog,
        it may hear no answer for long: then what is held counts by our own clock until its time is over. What else
        fails here ends the process: without leases it would poll nothing for ever."""
        try:
            while not self._ended.is_set():
                await asyncio.to_thread(self.leases.renew, self.wanted())
                self._sooner.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), self.leases.seconds / 3)
        except Exception as error:
            if not self.work.poller.failed.done():
                self.work.poller.failed.set_exception(error)

    def wanted(self) -> set[str]:
        """What it would have: its share of the sources, and the house."""
        return {name for name in self.work.poller.sources if self.shard.has(name)} | {HOUSE}

    async def _take_up(self, name: str) -> None:
        work, connector = self.work, self.work.connectors[name]
        config = work.settings.sources[name]
        await work.ingest.together.settled(name)  # a page of ours that was under way when it was let go

        def start(con: Connection) -> SourceState:
            work.ingest.incidents.forget(lost=True)  # who had it may have died before all was grouped
            return sources.start(
                con,
                source=name,
                space=connector.space,
                channel=connector.channel,
                now=work.clock(),
                backfill=config.backfill,
                cursor_of=connector.cursor_of,
            )

        work.poller.take_up(name, await work.db.write(start))
        self.polled.add(name)
        work.ingest.group_soon()
        log.info("source.taken", source=name)

    async def _let_go(self, name: str) -> None:
        if name in self.polled:
            self.polled.discard(name)
            await self.work.poller.let_go(name)
            log.info("source.let_go", source=name)

    def fence_lost(self, name: str) -> None:
        """Another process has polled it: take it up anew from where it stands now, if its lease is still ours."""
        log.warning("source.fence_lost", source=name)
        self._overtaken.add(name)
        self._sooner.set()

    async def _begin_house(self) -> None:
        work, self.keeps_house = self.work, True
        sender = Sender(work.outbox, work.poller.failed)
        sender.start()
        self._house.push_async_callback(sender.stop)
        if work.alerting.is_used:
            await self._house.enter_async_context(
                delivering(work.db, work.settings, work.clock, work.alerting, work.poller.failed)
            )
        log.info("house.taken")

    async def _end_house(self) -> None:
        self.keeps_house = False
        await self._house.aclose()
        log.info("house.let_go")

    async def beat_on(self) -> None:
        """Beat after each renewal, or where one is missing, and when a fence was lost, until it ends. What fails here
        ends the process."""
        try:
            while not self._ended.is_set():
                for _ in range(2):  # this process may have stood still: then the renewal gets its time first
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._sooner.wait(), self.leases.seconds / 3)
                self._sooner.clear()
                if not self._ended.is_set():
                    await self.beat()
        except Exception as error:
            if not self.work.poller.failed.done():
                self.work.poller.failed.set_exception(error)

    async def end_beating(self, renewing: asyncio.Task[None], beating: asyncio.Task[None]) -> None:
        """Let a beat under way come to its end; out of reach of the catalog it may take long, and is broken off after
        the time of a lease. A renewal is waited for: it could still take leases that nobody would let go."""
        self._ended.set()
        self._sooner.set()
        await asyncio.wait([beating], timeout=self.leases.seconds)
        await ended(beating)
        await asyncio.wait([renewing])

    async def end(self) -> None:
        """Stop polling, and let others begin at once."""
        await self.work.poller.stop()
        if self.keeps_house:
            await self._end_house()
        await asyncio.to_thread(self.leases.let_go, {*self.polled, *self.paused, HOUSE})

    def when_keeping_house(self, job: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        """The job, for one process of all."""

        async def do() -> None:
            if self.keeps_house:
                await job()

        return do

    async def listen_to_others(self) -> None:
        """Colleagues write answers in other processes, and other collectors find pieces of recovery phrases."""
        self.work.outbox.wake.set()
        self.work.alerting.wake()
        if await self.work.db.read(_is_compaction_due):
            self.work.ingest.compact_due.set()


@asynccontextmanager
async def collecting(
    settings: Settings, shard: Shard, *, clock: Clock = system_clock, hooks_port: int | None = None
) -> AsyncIterator[Collector]:
    """Collect until the block ends.

    Raises:
        ConfigError: there is no lake.
        StoreError, PortTakenError: it cannot start.
    """
    if settings.lake is None:
        raise ConfigError("collect: this needs a lake (docs/lake.md); with a file everything is in `aggregator run`")
    take_short_turns()
    async with AsyncExitStack() as stack:
        work = await stack.enter_async_context(Workplace(settings, clock=clock))
        assert isinstance(work.db, Lake)
        warn_if_open_to_others(settings.data)
        leases = Leases(work.db, uuid4().hex, settings.lake.lease.total_seconds())
        await asyncio.to_thread(leases.make)
        collector = Collector(work, leases, shard)
        work.poller.fence_lost = collector.fence_lost
        door = settings.hooks
        collector.hooks_url = await stack.enter_async_context(
            serve(create_hooks(receiver(work)), door.host, door.port if hooks_port is None else hooks_port)
        )
        await load_vocabulary()
        stack.enter_context(started())
        work.poller.keep_house(work.poller.take_up_renewed, renewing.LOOK_EVERY)  # of the sources that it polls itself
        for job, every in house_jobs(work, _nobody):
            work.poller.keep_house(collector.when_keeping_house(job), every)
        work.poller.keep_house(
            collector.when_keeping_house(collector.listen_to_others), timedelta(seconds=LISTENS_EVERY)
        )
        finish = collector.when_keeping_house(partial(finish_erasing, work))
        work.poller.keep_house(finish, ERASE_EVERY)
        maintain = collector.when_keeping_house(partial(asyncio.to_thread, work.db.maintain))
        work.poller.keep_house(maintain, MAINTAIN_EVERY)
        keep = collector.when_keeping_house(partial(keep_what_may_be_kept, work))
        work.poller.daily(keep, RETAIN_AT, settings.timezone)
        late = collector.when_keeping_house(partial(retain_if_missed, work))
        work.poller.keep_house(late, LOOK_FOR_MISSED_EVERY)
        count = collector.when_keeping_house(partial(count_anew, work))
        work.poller.daily(count, COUNT_AT, settings.timezone)
        if settings.digest.at:
            url = str(settings.web.public_url or "")
            digest = collector.when_keeping_house(partial(daily_digest, work, url))
            work.poller.daily(digest, time.fromisoformat(settings.digest.at), settings.timezone)
            late = collector.when_keeping_house(partial(digest_if_missed, work, url))
            work.poller.keep_house(late, LOOK_FOR_MISSED_EVERY)
        if work.alerting.is_used:
            work.poller.keep_house(collector.when_keeping_house(work.alerting.look), LOOK_EVERY)
        work.poller.start(polling=False)
        stack.push_async_callback(collector.end)
        await asyncio.to_thread(leases.renew, collector.wanted())
        await collector.beat()
        tasks = [asyncio.create_task(collector.renew_on()), asyncio.create_task(collector.beat_on())]
        stack.push_async_callback(collector.end_beating, *tasks)
        log.info("collector.started", shard=f"{shard.number}/{shard.of}", hooks=collector.hooks_url)
        yield collector
    log.info("collector.stopped")


async def collect(settings: Settings, shard: Shard, hooks_port: int | None = None) -> None:
    """`collecting` until SIGINT or SIGTERM; SIGHUP tries stopped sources again. Raises as that."""
    stop = asyncio.get_running_loop().create_future()
    collectors: list[Collector] = []

    def hang_up() -> None:
        for one in collectors:
            one.work.poller.resume()

    with until_signalled(stop, hang_up):
        async with collecting(settings, shard, hooks_port=hooks_port) as collector:
            collectors.append(collector)
            failed = collector.work.poller.failed
            await asyncio.wait([stop, failed], return_when=asyncio.FIRST_COMPLETED)
            collectors.clear()
    if failed.done():
        failed.result()


def _is_compaction_due(con: Connection) -> bool:
    return con.execute("SELECT 1 FROM meta WHERE key = 'compact_due'").fetchone() is not None


def _nobody(_: Collection[Id]) -> None:
    """Web processes hear of it from the lake."""
