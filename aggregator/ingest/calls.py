"""Calls of a platform, committed together: those of a source that come while another one is being committed make up
one page. In a storm each page would else hold one post, cost the writer as much as a full one, and wait for all before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aggregator.ingest.arrivals import Outcome
from aggregator.ingest.origin import Origin
from connectors.contract import Record

MOST = 200  # records of a page, unless a single call brings more


class _Call(NamedTuple):
    records: Sequence[Record]
    done: asyncio.Future[Outcome]


class Calls:
    """Of all sources of a process. `commit`: commits one page."""

    def __init__(self, commit: Callable[[Origin, Sequence[Record]], Awaitable[Outcome]]) -> None:
        self._commit = commit
        self._waiting: dict[str, deque[_Call]] = {}
        self._works: set[asyncio.Task[None]] = set()

    async def commit(self, origin: Origin, records: Sequence[Record]) -> Outcome:
        """Return once these records are committed; the order of a source's calls is kept. What they changed together
        with others is told to the first of these alone.

        Raises:
            StoreError: the database refused it; nothing of these records was kept.
        """
        call = _Call(records, asyncio.get_running_loop().create_future())
        if (waiting := self._waiting.get(origin.source)) is not None:
            waiting.append(call)
        else:
            self._waiting[origin.source] = waiting = deque([call])
            work = asyncio.create_task(self._work(origin, waiting))
            self._works.add(work)
            work.add_done_callback(self._works.discard)
        return await call.done

    async def _work(self, origin: Origin, waiting: deque[_Call]) -> None:
        try:
            while waiting:
                calls = [waiting.popleft()]
                room = MOST - len(calls[0].records)
                while waiting and (room := room - len(waiting[0].records)) >= 0:
                    calls.append(waiting.popleft())
                await self._take(origin, calls)
        finally:
            del self._waiting[origin.source]
            for call in waiting:
                call.done.cancel()

    async def _take(self, origin: Origin, calls: Sequence[_Call]) -> None:
        first, *others = calls
        try:
            outcome = await self._commit(origin, [record for call in calls for record in call.records])
        except Exception as error:
            if not others:
                if not first.done.done():  # else its caller has gone
                    first.done.set_exception(error)
                return
            for call in calls:  # each has to answer for itself alone
                await self._take(origin, [call])
            return
        except asyncio.CancelledError:
            for call in calls:
                call.done.cancel()
            raise
        for call in calls:
            if not call.done.done():
                call.done.set_result(outcome if call is first else Outcome(records=len(call.records)))
