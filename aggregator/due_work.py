"""One task that begins what is due, and rests until more may be.

Under each name (a source, a target) there is one piece of work at a time, so that a slow one keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from aggregator.store.database import StoreError

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]
BeginDue = Callable[[], Awaitable[bool]]
"""Begins what is due. Returns whether something waits for its time."""


class DueWork:
    """Run it once per process.

    wake: set it when there may be something. broken: the log's event of a bug. failed: what the service cannot live
    with; None: whoever waits for the work sees it.
    """

    def __init__(self, wake: asyncio.Event, broken: str, failed: asyncio.Future[None] | None) -> None:
        self._wake, self._broken, self._failed = wake, broken, failed
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def is_busy(self, name: str) -> bool:
        return name in self._busy

    def start(self, begin_due: BeginDue, tick: float, *, first: Work | None = None) -> None:
        """tick: seconds after which it looks again while something waits for its time."""
        self._task = asyncio.create_task(self._run(begin_due, tick, first))

    async def stop(self, lets_finish: float = 0.0) -> None:
        """Work under way has so many seconds to end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        busy = list(self._busy.values())
        if busy and lets_finish:
            await asyncio.wait(busy, timeout=lets_finish)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)

    def begin(self, name: str, work: Work) -> None:
        """Of a name that is not busy."""
        self._busy[name] = asyncio.create_task(self._guarded(name, work))

    async def done(self) -> None:
        """Wait until all that was begun has ended."""
        if self._busy:
            await asyncio.gather(*self._busy.values())

    async def _run(self, begin_due: BeginDue, tick: float, first: Work | None) -> None:
        try:
            if first is not None:
                await first()
            while True:
                self._wake.clear()  # before the look: what is written meanwhile wakes it again
                waits = await begin_due()
                # Not wait_for: before Python 3.12 it passes over a cancellation that comes together with a wake.
                with suppress(TimeoutError):
                    async with asyncio.timeout(tick if waits else None):
                        await self._wake.wait()
        except Exception as error:
            self._fail(error)

    async def _guarded(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            self._fail(error)
            if self._failed is None:
                raise
        finally:
            del self._busy[name]
            self._wake.set()

    def _fail(self, error: Exception) -> None:
        """A database that cannot be written ends the service; so does a bug here, for nothing may wait in silence."""
        if not isinstance(error, StoreError):
            log.exception(self._broken, exc_info=error)
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
