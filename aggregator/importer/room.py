"""What an import asks of its process, and gives back at its end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.store.database import Connection, Database

# Nothing of a page refers to itself in a circle. To look for circles whenever 700 objects more are there, which is
# Python's rule, took 8 of the writer's 65 us a post.
_OBJECTS = (200_000, 20, 20)
# Each checkpoint writes the table's last 122,880 rows anew: at 64 MB of log, three of them took 11 us a post, at this
# two take 7. A start after a kill reads up to so much log.
_LOG = "100MB"


@asynccontextmanager
async def room_for(db: Database, *, alone: bool) -> AsyncIterator[None]:
    """While the block runs. `alone`: the process does nothing else meanwhile."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*_OBJECTS)
    before = await _set(db, _LOG) if alone else None
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if before is not None:
            await _set(db, before)


async def _set(db: Database, log: str) -> str:
    """Let the log grow so far. Returns how far it did until now."""

    def change(con: Connection) -> None:
        found = con.execute("SELECT current_setting('checkpoint_threshold')").fetchone()
        assert found is not None
        before.append(found[0])
        con.execute(f"SET GLOBAL checkpoint_threshold = '{log}'")

    before: list[str] = []
    await asyncio.to_thread(partial(db.outside, change))
    return before[0]
