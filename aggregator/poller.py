"""One scheduled job for each source: when to poll, how long to back off, when to stop.

Only this module waits and retries. Every page is committed with its cursor, so a poll that fails simply ends,
and the next one goes on at the last cursor. A failing source never disturbs another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from aggregator import tempo
from aggregator.backing_off import BackOff
from aggregator.clock_steps import ClockSteps, plan_earlier
from aggregator.config import secrets_in
from aggregator.ingest.arrivals import Outcome
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.origin import Origin
from aggregator.renewing import Renewal
from aggregator.store import sources
from aggregator.store.database import Connection, StoreError
from aggregator.store.sources import FenceLostError, HealthState, SourceState
from aggregator.tempo import Rhythm
from aggregator.unread import Unread
from connectors.contract import Cursor, PullConnector, Quota, SourceConfig
from connectors.errors import (
    AuthError,
    ConnectorError,
    CursorExpiredError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.wording import worded

log = structlog.get_logger()

LONGEST: Final = 300.0  # seconds
BACK_OFF: Final = BackOff(LONGEST)
WELL: Final = ("ok", "silent")
PAUSED: Final = "paused by {who}: it is asked nothing until somebody lets it go on"
KEEP_EVERY = timedelta(minutes=1)  # what is learned of a source's rhythm is written no more often
NOTE_EVERY = timedelta(seconds=10)  # a quiet source's coverage and health are written no more often
CLOCK_EVERY: Final = 5.0  # seconds between looks whether the clock was set back
LOOK_EVERY: Final = 0.02  # seconds, at a poll under way that may turn out to listen


class AnotherFormatError(ConnectorError):
    """No record could be read for long: the platform has changed its format."""

    kind = "unreadable"


@dataclass(slots=True)
class Source:
    """A source at work."""

    name: str
    config: SourceConfig
    connector: PullConnector
    origin: Origin
    cursor: Cursor | None
    fence: int
    backfill_from: datetime
    renewal: Renewal
    state: HealthState = "ok"
    message: str = ""
    trouble: str | None = None  # of which kind, while it fails or has stopped because of it
    failures: int = 0
    warnings: tuple[str, ...] = ()
    unread: Unread = field(default_factory=Unread)
    quota: Quota | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    kept_at: datetime | None = None  # when the rhythm was last written
    noted_at: datetime | None = None  # when coverage and health were last written
    again: bool = False  # the platform said that there is something to fetch
    listens: bool = False  # the poll under way has caught up and goes on
    job: asyncio.Task[None] | None = None  # the scheduled poll under way
    opened: bool = False
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self, paused_by: str | None) -> None:
        """A pause outlives the process in which it was made."""
        paused = paused_by is not None
        self.state, self.message = ("paused", PAUSED.format(who=paused_by)) if paused else ("ok", "")

    @property
    def to_spread(self) -> Quota | None:
        """The platform's calls over which its polls are spread; None: they are not counted, or it does so itself."""
        return None if self.connector.paces_itself else self.quota


class Poller:
    """Polls pull sources until it is stopped."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest = ingest
        self.sources: dict[str, Source] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.fence_lost: Callable[[str], None] | None = None
        """Told of a source that another process polls, where that may be; else it ends the process."""
        self.clock_steps = ClockSteps()
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._minding: asyncio.Task[None] | None = None

    def add(self, connector: PullConnector, config: SourceConfig, origin: Origin, state: SourceState) -> Source:
        """Take up a source where it was left."""
        source = Source(
            name=connector.source,
            config=config,
            connector=connector,
            origin=origin,
            cursor=state.cursor,
            fence=state.fence,
            backfill_from=state.backfill_from,
            renewal=Renewal([secret for _, secret in secrets_in(config, ())]),
            quota=state.quota,
            rhythm=Rhythm.of(state.rhythm),
        )
        source.begin(state.paused_by)
        self.sources[source.name] = source
        return source

    def keep_house(self, job: Callable[[], Awaitable[None]], every: timedelta) -> None:
        """Do `job` from time to time, beside the polling."""
        self._scheduler.add_job(
            job, IntervalTrigger(seconds=every.total_seconds(), timezone=UTC), max_instances=1, coalesce=True
        )

    def daily(self, job: Callable[[], Awaitable[object]], at: time_of_day, zone: str) -> None:
        """Do `job` once a day, at this time there; also late, if the machine slept."""
        trigger = CronTrigger(hour=at.hour, minute=at.minute, timezone=zone)
        self._scheduler.add_job(job, trigger, max_instances=1, coalesce=True, misfire_grace_time=None)

    def start(self, *, polling: bool = True) -> None:
        """Begin polling; every source at once (unless its day's polls are used up), then each at its own pace.

        `polling` False: only house is kept, until sources are taken up one by one.
        """
        for source in self.sources.values() if polling else ():
            self._schedule(source)
        self._scheduler.start()
        self._minding = asyncio.create_task(self._mind_the_clock())

    async def _mind_the_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_EVERY)
            if seconds := self.clock_steps.back():
                log.warning("clock.set_back", seconds=round(seconds))
                plan_earlier(self._scheduler, seconds)

    def _schedule(self, source: Source) -> None:
        longest = source.config.poll_between[1] if source.config.poll_between else source.config.poll_every
        self._scheduler.add_job(
            self._job,
            IntervalTrigger(seconds=longest.total_seconds(), timezone=UTC),
            args=[source],
            id=source.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=None
            if source.state == "paused"
            else datetime.now(UTC) + timedelta(seconds=self._used_up(source)),
        )

    def take_up(self, name: str, state: SourceState) -> None:
        """Poll a source from now on, where another process left it."""
        source = self.sources[name]
        source.cursor, source.fence, source.backfill_from = state.cursor, state.fence, state.backfill_from
        source.quota, source.rhythm = state.quota, Rhythm.of(state.rhythm)
        source.begin(state.paused_by)
        source.failures = 0
        source.noted_at = source.kept_at = None
        self._schedule(source)

    async def let_go(self, name: str) -> None:
        """Poll a source no more: another process does. A page under way is committed, or left to be fetched again."""
        source = self.sources[name]
        self._scheduler.pause_job(name)
        if source.job is not None:
            source.job.cancel()
            await asyncio.gather(source.job, return_exceptions=True)
        self._scheduler.remove_job(name)  # its connections stay open: a connector is opened once

    def resume(self) -> None:
        """Try stopped sources again."""
        for source in self.sources.values():
            if source.state == "stopped":
                self._try_again(source)

    async def take_up_renewed(self) -> None:
        """Try those stopped sources again of which a secret's file was written anew."""
        now = self.ingest.clock()
        for source in self.sources.values():
            if source.state == "stopped" and source.renewal.look(now):
                log.info("source.secret_renewed", source=source.name)
                self._try_again(source)

    def _try_again(self, source: Source) -> None:
        if self._scheduler.get_job(source.name) is None:
            return  # another process asks it
        source.state = "failing"  # the poll that stopped it may not be over, and would pause it
        self._scheduler.modify_job(source.name, next_run_time=datetime.now(UTC))

    async def pause(self, name: str, who: str) -> None:
        """Ask this source nothing, over restarts as well, until it may go on. What it tells by itself is still taken.

        Raises:
            KeyError: no such source is polled.
        """
        source = self.sources[name]
        source.state, source.message = "paused", PAUSED.format(who=who)
        if self._scheduler.running:
            self._scheduler.pause_job(name)
        if source.job is not None:
            source.job.cancel()
            await asyncio.gather(source.job, return_exceptions=True)
        await self.ingest.together.settled(name)
        await self.ingest.db.write(lambda con: sources.pause(con, name, who))
        await self._report(source, self.ingest.clock(), None)

    async def go_on(self, name: str) -> None:
        """Poll a source that was paused, or has stopped: at once.

        Raises:
            KeyError: no such source is polled.
        """
        source = self.sources[name]
        if source.state == "paused":
            async with source.lock:  # a poll by hand ends at its next page
                await self._end_pause(source)
        elif source.state == "stopped":
            source.state, source.message = "failing", ""  # until a poll has shown that all is well
        else:
            return
        if self._scheduler.running:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    async def _end_pause(self, source: Source) -> None:
        source.state, source.message = "failing", ""
        await self.ingest.db.write(lambda con: sources.pause(con, source.name, None))
        # A page under way may have been committed all the same.
        source.cursor, source.fence = await self.ingest.db.read(lambda con: sources.stands(con, source.name))

    def poll_soon(self, name: str) -> None:
        """The platform called: there is something to fetch. A poll under way is followed by another one."""
        source = self.sources.get(name)
        if source is None or source.state in ("stopped", "paused"):
            return
        source.again = source.lock.locked()
        if not source.again and self._scheduler.running and self._scheduler.get_job(name):
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    async def ready(self, name: str) -> None:
        """Open a source's connections, if that is left to its first poll and has not been done. Raises as a poll."""
        if (source := self.sources.get(name)) is None:
            return
        async with source.opening:
            if not source.opened:
                await source.connector.open()
                source.opened = True

    async def stop(self) -> None:
        """Stop polling; a page under way is committed or left to be fetched again."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        running = [source.job for source in self.sources.values() if source.job is not None]
        running += [self._minding] if self._minding is not None else []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def close(self) -> None:
        """Close the sources' connections."""
        for source in self.sources.values():
            if source.opened:
                source.opened = False
                await source.connector.close()

    async def _job(self, source: Source) -> None:
        source.job = asyncio.current_task()
        try:
            pause = await self.poll(source)
            while source.again and not source.failures:
                pause = await self.poll(source)
        except (StoreError, FenceLostError) as error:
            if isinstance(error, FenceLostError) and self.fence_lost is not None:
                self.fence_lost(source.name)
            elif not self.failed.done():
                self.failed.set_exception(error)
            return
        except asyncio.CancelledError:
            return  # stop() or pause() asked for it; the scheduler would report an error
        finally:
            source.job = None
        if source.state in ("stopped", "paused"):
            self._scheduler.pause_job(source.name)
        elif pause := pause or self._tempo(source):
            self._scheduler.modify_job(source.name, next_run_time=datetime.now(UTC) + timedelta(seconds=pause))

    async def poll(self, source: Source, *, once: bool = False) -> float | None:
        """Drain a source. `once`: until it has caught up; note coverage and health, however short ago that was. Where a
        poll under way listens, all is done by it.

        Returns seconds to back off, 0 for its usual interval, None to stop it.

        Raises:
            StoreError: the database cannot be written; the process should end.
            FenceLostError: another process collects this source.
        """
        if once and await self._is_listened_to(source):
            return 0.0
        async with source.lock:
            if source.state == "paused":
                return 0.0
            began, source.again, source.listens = self.ingest.clock(), False, False
            fence = source.fence
            source.renewal.look(began)
            try:
                await self.ready(source.name)
                await self._drain(source, once=once)
            except ConnectorError as error:
                return await self._failed(source, error, in_part=source.fence > fence)
            except (StoreError, FenceLostError, asyncio.CancelledError):
                raise
            except Exception as error:  # a bug in one connector leaves the others running
                log.exception("source.broken", source=source.name)
                return await self._failed(source, error, in_part=False)
            source.rhythm = tempo.polled(source.rhythm, self.ingest.clock(), ())
            await self._succeeded(source, began, note=once)
        if once and source.again:
            self.poll_soon(source.name)  # called during a poll by hand, which is not repeated by itself
        return 0.0

    async def _is_listened_to(self, source: Source) -> bool:
        """Whether the poll under way hears by itself what there is; it might not end for hours."""
        while source.lock.locked():
            if source.listens:
                return True
            await asyncio.sleep(LOOK_EVERY)
        return False

    # -- tempo -----------------------------------------------------------------------------------

    def heard(self, name: str, arrived: Sequence[datetime]) -> None:
        """New posts came, by a poll or by a call; `arrived`: when they were posted. An incident hastens the others."""
        source = self.sources.get(name)
        if source is None or not arrived:
            return
        now = self.ingest.clock()
        before, source.rhythm = source.rhythm, tempo.heard(source.rhythm, now, arrived)
        if tempo.is_surge(source.rhythm, now) and not tempo.is_surge(before, now):
            log.info("source.surges", source=name)
            for other in self.sources.values():
                if other is not source and other.config.poll_between and other.state in WELL:
                    self._hasten(other)

    def _hasten(self, source: Source) -> None:
        job, pause = self._scheduler.get_job(source.name), self._tempo(source)
        if job is None or pause is None or source.lock.locked():
            return
        due = datetime.now(UTC) + timedelta(seconds=pause)
        if job.next_run_time and due < job.next_run_time:
            self._scheduler.modify_job(source.name, next_run_time=due)

    def _tempo(self, source: Source) -> float | None:
        """Seconds until its next poll; None: at its fixed interval."""
        now = self.ingest.clock()
        urgent = any(tempo.is_surge(other.rhythm, now) for other in self.sources.values() if other is not source)
        return tempo.next_pause(source.rhythm, source.config, source.to_spread, now, urgent=urgent)

    def _used_up(self, source: Source) -> float:
        """Seconds until a source may be polled at all."""
        now = self.ingest.clock()
        budgets = tempo.budgets_of(source.rhythm, source.config, source.to_spread, now)
        return max(((each.until - now).total_seconds() for each in budgets if each.polls < 1), default=0.0)

    # -- one poll --------------------------------------------------------------------------------

    async def _drain(self, source: Source, *, once: bool) -> None:
        source.connector.waits = not once
        before, works_after = source.quota, time.monotonic() + source.config.poll_every.total_seconds()
        async with aclosing(source.connector.pages(source.cursor)) as pages:
            asked = self.ingest.clock()
            async for page in pages:
                outcome = await self.ingest.page(source.origin, page, source.fence)
                source.cursor, source.fence = page.cursor, source.fence + 1
                source.warnings, source.quota = page.warnings, page.quota or source.quota
                self.heard(source.name, outcome.arrived)
                if source.state == "paused":
                    break
                if page.caught_up or time.monotonic() >= works_after:
                    await self._works_again(source)
                self._look_at_unread(source, outcome)
                if page.caught_up:
                    await self._succeeded(source, asked, note=False)
                    source.listens = source.listens or not page.records
                    if once and not page.records:
                        break  # what stays connected would go on for ever
                asked = self.ingest.clock()
        if before and source.quota and before.resets_at == source.quota.resets_at:
            source.rhythm = tempo.spent(source.rhythm, before.left - source.quota.left)

    def _look_at_unread(self, source: Source, outcome: Outcome) -> None:
        """Raises AnotherFormatError; whoever lets the source go on then gives it as long once more."""
        now, before = self.ingest.clock(), source.unread
        source.unread = before.after(outcome, now)
        if source.unread.means_another_format(now):
            records, source.unread = len(source.unread), Unread()
            raise AnotherFormatError(
                f"{source.name}: none of {records} records could be read; they are kept. The "
                "platform has probably changed its format: update, then run `aggregator replay`."
            )
        if len(source.unread) != len(before) and (source.unread.is_trouble or before.is_trouble):
            source.noted_at = None  # it is told at once

    async def _works_again(self, source: Source) -> None:
        """A poll goes well for so long that its end is not waited for: a busy chat's may not come for hours.

        One page says little: the part of a source that fails may come after those that do not.
        """
        source.failures = 0
        if source.state in WELL:
            return
        source.state, source.message = "ok", ""
        source.noted_at = None  # the gap is closed once everything is fetched
        log.info("source.recovered", source=source.name)
        await self._report(source, self.ingest.clock(), source.config.poll_every.total_seconds())

    async def _succeeded(self, source: Source, began: datetime, *, note: bool) -> None:
        """Everything that was there at `began` is stored. `note`: write so, however short ago that was done."""
        if source.state == "paused":  # during a poll by hand, which was broken off, and vouches for nothing
            return
        before, source.failures = source.state, 0
        source.rhythm = tempo.heard(source.rhythm, self.ingest.clock(), ())
        missed = tempo.silence(source.rhythm, self.ingest.clock())
        source.state, source.message = ("ok", "") if missed is None else ("silent", _silence(source.rhythm, missed))
        changed = source.state != before
        if not (changed or note) and source.noted_at and timedelta(0) <= began - source.noted_at < NOTE_EVERY:
            return
        source.noted_at = began
        if changed:
            log.info("source.recovered" if source.state == "ok" else "source.silent", source=source.name)
        keeps = note or source.kept_at is None or not timedelta(0) <= began - source.kept_at < KEEP_EVERY
        if keeps:
            source.kept_at = began
        until = min(began, source.connector.complete_to or began)
        await self.ingest.db.write(lambda con: _vouch(con, source, until, began, keeps))
        await self._report(source, began, self._tempo(source) or source.config.poll_every.total_seconds())

    async def _failed(self, source: Source, error: Exception, *, in_part: bool) -> float | None:
        """`in_part`: some pages were committed; the parts that work are not kept waiting."""
        if source.state == "paused":  # the next poll will meet it again
            return None
        now = self.ingest.clock()
        source.failures += 1
        source.rhythm = tempo.counted(source.rhythm, now)
        message = str(error) or type(error).__name__
        usual = self._tempo(source) or source.config.poll_every.total_seconds()
        pause = _pause(error, source.failures, max(usual, BACK_OFF.after(1)) if in_part else LONGEST)
        if isinstance(error, AuthError):
            pause = source.renewal.patience(now)
        elif pause is not None:
            pause = max(pause, self._used_up(source))
        source.state = "stopped" if pause is None else "failing"
        source.message = message
        source.trouble = error.kind if isinstance(error, ConnectorError) else ConnectorError.kind
        log.warning("source.failed", source=source.name, message=message, failures=source.failures, retry_in=pause)
        if isinstance(error, CursorExpiredError):
            source.cursor = None
            await self.ingest.db.write(lambda con: _restart(con, source, now, message))
            source.fence += 1
        else:
            await self.ingest.db.write(
                lambda con: sources.open_gap(con, source.name, source.backfill_from, now, message)
            )
        await self._report(source, now, pause)
        return pause

    async def _report(self, source: Source, now: datetime, pause: float | None) -> None:
        next_at = None if pause is None else now + timedelta(seconds=pause)
        trouble = source.trouble if source.state in ("failing", "stopped") else None
        told = (*source.warnings, *unread_told(source.unread))
        await self.ingest.db.write(
            lambda con: sources.report(
                con, source.name, source.state, source.message, source.failures, now, next_at, told, trouble
            )
        )


def _restart(con: Connection, source: Source, now: datetime, message: str) -> None:
    sources.restart(con, source.name, source.fence)
    sources.lose(con, source.name, source.backfill_from, now, message)


def _vouch(con: Connection, source: Source, until: datetime, now: datetime, keeps: bool) -> None:
    sources.vouch(con, source.name, source.backfill_from, until, source.connector.retention)
    if source.state == "silent" and source.rhythm.last is not None:
        since = datetime.fromtimestamp(source.rhythm.last, UTC)
        sources.doubt(con, source.name, since, now, source.message)
    elif source.unread.since is not None and (told := unread_told(source.unread)):
        sources.doubt(con, source.name, source.unread.since, now, told[0])
    else:
        sources.believe(con, source.name, now)
    if keeps:
        sources.keep_rhythm(con, source.name, source.rhythm.as_json())


def _silence(rhythm: Rhythm, missed: float) -> str:
    since = datetime.fromtimestamp(rhythm.last or 0.0, UTC)
    return worded(
        f"nothing has come since {since:%Y-%m-%d %H:%M} UTC, where about {missed:.0f} posts are usual: "
        "look whether it is so quiet there, and whether we may still read all of it"
    )


def unread_told(unread: Unread) -> tuple[str, ...]:
    """For the health page; empty: too few to speak of."""
    if not unread.is_trouble:
        return ()
    return (
        worded(
            f"none of the last {len(unread)} records could be read; they are kept. If it goes on like this, the "
            "platform has changed its format: update, then run `aggregator replay`"
        ),
    )


def _pause(error: Exception, failures: int, longest: float) -> float | None:
    """How long to wait before the next poll; None: until a person has looked. `longest`: of our own accord."""
    if isinstance(error, AuthError | SourceGoneError | AnotherFormatError):
        return None
    if (
        isinstance(error, ThrottledError) and error.retry_after > 1
    ):  # who says "at once" each time would be asked each second
        return error.retry_after
    if isinstance(error, TransientError | ThrottledError | CursorExpiredError):
        return min(BACK_OFF.after(failures), longest)
    return None
