"""Pages of several sources that wait for the writer, written in one transaction.

Each statement has its price, however few rows it moves (docs/scaling.md): at a busy writer, where pages queue up, all
that wait cost little more than one of them. Where nothing waits, a page is written alone and at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from aggregator.ingest.arrivals import Arrival, Outcome
from aggregator.store.database import Connection, Database, StoreError
from aggregator.store.sources import FenceLostError

log = structlog.get_logger()

MOST = 200  # records of a transaction, unless a single page brings more: whoever claims an inquiry waits for its end

Write = Callable[[Connection, Sequence[Arrival]], Sequence[Outcome]]
Told = Callable[[Sequence[Arrival], Sequence[Outcome]], Awaitable[None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    arrival: Arrival
    done: asyncio.Future[Outcome]

    @property
    def size(self) -> int:
        return max(1, self.arrival.page.records, len(self.arrival.page.drafts))


class Together:
    """Of all sources of a process.

    write: writes pages, each of another space, within a transaction. told: what was written, told after the commit,
    whether or not anybody still waits for it.
    """

    def __init__(self, db: Database, write: Write, told: Told) -> None:
        self._db = db
        self._write = write
        self._told = told
        self._waiting = deque[_Waiting]()
        self._unanswered = set[_Waiting]()
        self._turns: asyncio.Task[None] | None = None

    async def commit(self, arrival: Arrival) -> Outcome:
        """Return once this page is committed; the order of a source's pages is kept. A cancelled caller does not take
        its page back.

        Raises:
            FenceLostError, StoreError: this page was refused; nothing of it was kept. What others are refused for is
                not told here.
        """
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future())
        # A caller who was cancelled never hears of an error; asyncio would print it as a forgotten one.
        waiting.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._unanswered.add(waiting)
        self._waiting.append(waiting)
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        return await asyncio.shield(waiting.done)

    async def settled(self, source: str) -> None:
        """Return once no page of this source waits or is being written."""
        left = [each.done for each in self._unanswered if each.arrival.origin.source == source]
        if left:
            await asyncio.wait(left)

    async def finish(self) -> None:
        """Write what waits, before the database is closed."""
        if self._turns is not None:
            await asyncio.wait([self._turns])

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                await self._take_turn()
        finally:
            for each in list(self._unanswered):  # a bug, or the end of the program
                self._answer(each, StoreError("its turn at the writer was broken off"))

    async def _take_turn(self) -> None:
        taken: list[_Waiting] = []

        def write(con: Connection) -> Sequence[Outcome]:
            if not taken:  # else it is tried again
                taken.extend(self._next())  # only now: what came while others were written goes with the first
            return self._write(con, [each.arrival for each in taken])

        try:
            outcomes = await self._db.write(write)
        except Exception as error:
            await self._refused(taken or self._next(), error)
        else:
            await self._written(taken, outcomes)

    def _next(self) -> list[_Waiting]:
        """The first that waits, and all others that may go with it. Called on the writer's thread, while others may be
        added behind."""
        taken, left = list[_Waiting](), list[_Waiting]()
        spaces, room = set[str](), MOST
        for _ in range(len(self._waiting)):
            each = self._waiting.popleft()
            space = each.arrival.origin.space
            if space in spaces or (taken and each.size > room):
                left.append(each)
            else:
                taken.append(each)
                room -= each.size
            spaces.add(space)  # what comes later from a source whose page stays behind does not overtake it
        self._waiting.extendleft(reversed(left))
        return taken

    async def _refused(self, taken: Sequence[_Waiting], error: Exception) -> None:
        """Of several that were refused together each has to answer for itself."""
        if len(taken) == 1:
            self._answer(taken[0], error)
            return
        known = isinstance(error, FenceLostError | StoreError)
        say = log.warning if known else log.exception
        say("pages.refused_together", sources=[each.arrival.origin.source for each in taken], why=str(error)[:300])
        for each in taken:
            try:
                outcomes = await self._db.write(partial(self._write_alone, each.arrival))
            except Exception as own:
                self._answer(each, own)
            else:
                await self._written([each], outcomes)

    def _write_alone(self, arrival: Arrival, con: Connection) -> Sequence[Outcome]:
        return self._write(con, [arrival])

    async def _written(self, taken: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        await self._told([each.arrival for each in taken], outcomes)
        for each, outcome in zip(taken, outcomes, strict=True):
            self._answer(each, outcome)

    def _answer(self, waiting: _Waiting, answer: Outcome | Exception) -> None:
        self._unanswered.discard(waiting)
        if waiting.done.done():
            return
        if isinstance(answer, Outcome):
            waiting.done.set_result(answer)
        else:
            waiting.done.set_exception(answer)
