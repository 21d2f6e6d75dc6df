"""Until a service has read everything that the platforms have to tell; then it is stopped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aggregator.demo.stage import Stage
from benchmarks.crash_service import Service
from connectors.discourse import DEEP_EVERY

STANDS_STILL: Final = 40.0  # seconds in which no platform has made a call, though one waits: nobody takes it
WELL_WITHIN: Final = 300.0  # seconds, until every source has recovered from its last trouble


async def drained(service: Service, stage: Stage) -> float:
    """Let it read everything, looking deeply at the forum, and stop it; the seconds that stopping took."""
    await all_called(stage)
    for _ in range(DEEP_EVERY + 1):
        await service.command("poll", sources=[])
    async with asyncio.timeout(WELL_WITHIN):
        await _until_well(service)
    return await asyncio.to_thread(service.stop)


async def all_called(stage: Stage) -> None:
    """Until the platforms have made their last call, as long as that takes a busy machine."""
    while left := stage.undelivered:
        with suppress(TimeoutError):
            async with asyncio.timeout(STANDS_STILL):
                await stage.has_called()
        if stage.undelivered >= left:
            raise TimeoutError(f"{left} calls of platforms are not taken")


async def _until_well(service: Service) -> None:
    """Until a poll of every source ends well: one may have to wait, for it was asked too often."""
    while True:
        polled = await service.command("poll", sources=[]) or {}
        if polled and all(source["ok"] for source in polled.values()):
            return
        await asyncio.sleep(1)
