"""The one task that delivers. Each target has its own turn, so that a dead one keeps nobody else waiting.

What was taken, and not yet written down as taken, when a process died is delivered again, with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from aggregator.alerting.carrying import BACK_OFF, Carrier, Outcome
from aggregator.clocks import Clock, real_seconds
from aggregator.due_work import DueWork
from aggregator.store import deliveries
from aggregator.store.database import Database

if TYPE_CHECKING:
    from aggregator.store.deliveries import Delivery
    from aggregator.store.rows import Connection

log = structlog.get_logger()

TICK: Final = 1.0  # seconds between looks at what has become due
GONE: Final = "it wants no more (410 Gone): nothing is sent there until the service starts again"


class Sender:
    """Run it once per process. `failed`: what the service cannot live with."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        carriers: Mapping[str, Carrier],
        failed: asyncio.Future[None] | None = None,
    ) -> None:
        self.wake = asyncio.Event()
        self._db, self._clock, self._carriers = db, clock, carriers
        self._work = DueWork(self.wake, "delivery.broken", failed)
        self._failures: dict[str, int] = {}  # in a row
        self._not_before: dict[str, datetime] = {}
        self._looked_at: datetime | None = None
        self._gone: set[str] = set()

    def start(self) -> None:
        self._work.start(self.deliver_due, TICK)

    async def stop(self) -> None:
        """What is under way is broken off, and delivered again after the next start."""
        await self._work.stop()
        for carrier in self._carriers.values():
            await carrier.close()

    async def deliver_due(self, *, until_done: bool = False) -> bool:
        """Begin what is due. `until_done`: and wait for its end. Returns whether something waits for its time."""
        before, now = self._looked_at, self._clock()
        self._looked_at = now
        if before is None:  # whoever asked a former process for time has it
            self._not_before = await self._db.read(deliveries.waits)
        elif now < before:  # the clock was set back, and nobody has to wait for that
            self._not_before.clear()
        due = await self._db.read(lambda con: deliveries.first_due(con, now))
        for each in due:
            if not self._work.is_busy(each.target) and self._not_before.get(each.target, now) <= now:
                self._work.begin(each.target, partial(self._deliver_all, each.target))
        if until_done:
            await self._work.done()
        return await self._db.read(deliveries.next_due) is not None

    async def _deliver_all(self, target: str) -> None:
        while await self._deliver(target):
            pass

    async def _deliver(self, target: str) -> bool:
        """What is first at a target. Whether there may be more."""
        carrier, now = self._carriers.get(target), self._clock()
        if carrier is None or target in self._gone:
            await self._give_up(target, None, GONE if carrier else "it stands no longer in connectors.yaml")
            return False
        most = max(carrier.together, carrier.in_a_row)
        due = await self._db.read(lambda con: deliveries.due_of(con, target, now, most))
        if not due:
            return False
        joined = carrier.together > 1 and len(due) > carrier.alone
        parts = [due] if joined else [[each] for each in due[: carrier.in_a_row]]
        done: list[Delivery] = []
        try:
            for part in parts:
                outcome = await _carried(carrier, part, target)
                if outcome.why:
                    await self._not_taken(target, carrier, part, outcome)
                    return outcome.alone
                self._failures.pop(target, None)
                done += part[: outcome.carried]
        finally:
            await self._taken(target, done)
        return True

    async def _taken(self, target: str, done: Sequence[Delivery]) -> None:
        if not done:
            return
        ids, now = [each.delivery_id for each in done], self._clock()
        await self._db.write(lambda con: deliveries.end(con, ids, "done", now))
        log.info("delivery.done", target=target, deliveries=len(ids))

    async def _not_taken(self, target: str, carrier: Carrier, some: Sequence[Delivery], outcome: Outcome) -> None:
        now, ids = self._clock(), [each.delivery_id for each in some]
        if outcome.gone:
            self._gone.add(target)
            await self._give_up(target, None, GONE)
            return
        failures = max(some[0].tries, 0 if outcome.alone else self._failures.get(target, 0)) + 1
        seconds = max(outcome.retry_after or 0.0, 0.0 if outcome.retry_after else BACK_OFF.after(failures))
        due_at = now + timedelta(seconds=real_seconds(self._clock, seconds))
        log.warning("delivery.failed", target=target, why=outcome.why, failures=failures, retry_in=round(seconds))
        if not outcome.alone:
            self._failures[target], self._not_before[target] = failures, due_at
        too_old = due_at - carrier.gives_up
        if outcome.alone:
            if some[0].written_at <= too_old:  # when it is due is put off by each try
                await self._db.write(lambda con: deliveries.end(con, ids, "given_up", now, outcome.why))
                return
        else:
            await self._give_up(target, too_old, outcome.why)

        def do(con: Connection) -> None:
            deliveries.later(con, ids, due_at if outcome.alone else None, outcome.why)
            if not outcome.alone:
                deliveries.wait(con, target, due_at, now)

        await self._db.write(do)

    async def _give_up(self, target: str, before: datetime | None, why: str) -> None:
        now = self._clock()
        count = await self._db.write(lambda con: deliveries.give_up(con, target, before, now, why))
        if count:
            log.error("delivery.given_up", target=target, deliveries=count, why=why)


async def _carried(carrier: Carrier, part: Sequence[Delivery], target: str) -> Outcome:
    """One attempt. A bug on the way to one target ends neither the service nor the others' turns."""
    try:
        return await carrier.carry(part)
    except Exception as error:
        log.exception("delivery.broken", target=target, exc_info=error)
        return Outcome(f"the way there is broken ({type(error).__name__}); see the log")
