"""Pages of several sources that wait for the writer, written in one transaction.

Each statement has its price, however few rows it moves (docs/scaling.md): at a busy writer, where pages queue up, all
that wait cost little more than one of them. Where nothing waits, a page is written alone and at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from aggregator.ingest.commit import Arrival, Outcome
from aggregator.store.database import Connection, Database

MOST = 200  # posts of a transaction, unless a single page brings more: whoever claims an inquiry waits for its end


class _Waiting(NamedTuple):
    arrival: Arrival
    done: asyncio.Future[Outcome]


class Together:
    """Of all sources of a process. `write`: writes pages, each of another space, within a transaction."""

    def __init__(self, db: Database, write: Callable[[Connection, Sequence[Arrival]], Sequence[Outcome]]) -> None:
        self._db = db
        self._write = write
        self._waiting = deque[_Waiting]()
        self._turns: asyncio.Task[None] | None = None

    async def commit(self, arrival: Arrival) -> Outcome:
        """Return once this page is committed; the order of a source's pages is kept. A cancelled caller does not take
        its page back.

        Raises:
            FenceLostError, StoreError: this page was refused; nothing of it was kept. What others are refused for is
                not told here.
        """
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        return await waiting.done

    async def finish(self) -> None:
        """Write what waits, before the database is closed."""
        if self._turns is not None:
            await self._turns

    async def _take_turns(self) -> None:
        while self._waiting:
            taken: list[_Waiting] = []

            def write(con: Connection, taken: list[_Waiting] = taken) -> Sequence[Outcome]:
                if not taken:  # else it is tried again
                    taken += self._next()  # only now: what came while others were written goes with the first
                return self._write(con, [each.arrival for each in taken])

            try:
                outcomes = await self._db.write(write)
            except Exception as error:
                await self._each_alone(taken or self._next(), error)
            else:
                for each, outcome in zip(taken, outcomes, strict=True):
                    if not each.done.done():  # else its caller has gone
                        each.done.set_result(outcome)

    def _next(self) -> list[_Waiting]:
        """The first that waits, and all others that may go with it. Called on the writer's thread, while others may be
        added behind."""
        taken, left = list[_Waiting](), list[_Waiting]()
        spaces, room = set[str](), MOST
        for _ in range(len(self._waiting)):
            each = self._waiting.popleft()
            posts, space = len(each.arrival.page.drafts), each.arrival.origin.space
            if space in spaces or (taken and posts > room):
                left.append(each)
            else:
                taken.append(each)
                room -= posts
            spaces.add(space)  # what comes later from a source whose page stays behind does not overtake it
        self._waiting.extendleft(reversed(left))
        return taken

    def _write_alone(self, arrival: Arrival, con: Connection) -> Sequence[Outcome]:
        return self._write(con, [arrival])

    async def _each_alone(self, taken: Sequence[_Waiting], error: Exception) -> None:
        """Several were refused together: each has to answer for itself."""
        for each in taken:
            if len(taken) > 1:
                try:
                    (outcome,) = await self._db.write(partial(self._write_alone, each.arrival))
                except Exception as own:
                    error = own
                else:
                    if not each.done.done():
                        each.done.set_result(outcome)
                    continue
            if not each.done.done():
                each.done.set_exception(error)
