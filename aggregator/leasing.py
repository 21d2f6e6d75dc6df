"""What one process of all does at a time, over a lake; whoever has a file to itself is alone anyhow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from aggregator.stopping import ended

if TYPE_CHECKING:
    from aggregator.store.leases import Leases
    from aggregator.workplace import Workplace

ERASING = "@erasing"


@asynccontextmanager
async def one_of_all(work: Workplace, what: str) -> AsyncIterator[bool]:
    """Hold this lease while the block lasts. False: another process holds it; were that killed, others may when the
    time of a lease is over."""
    if work.settings.lake is None:
        yield True
        return
    from aggregator.store.lake import Lake
    from aggregator.store.leases import Leases

    assert isinstance(work.db, Lake)
    leases = Leases(work.db, uuid4().hex, work.settings.lake.lease.total_seconds())
    await asyncio.to_thread(leases.make)
    if what not in await asyncio.to_thread(leases.renew, {what}):
        yield False
        return
    renewing = asyncio.create_task(_renew(leases, what))
    try:
        yield True
    finally:
        await ended(renewing)
        await asyncio.to_thread(leases.let_go, {what})


async def _renew(leases: Leases, what: str) -> None:
    while True:
        await asyncio.sleep(leases.seconds / 3)
        await asyncio.to_thread(leases.renew, {what})
