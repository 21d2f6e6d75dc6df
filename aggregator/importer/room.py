"""What an import asks of its process, and gives back at its end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.store.database import Connection, Database

# Nothing of a page refers to itself in a circle. To look for circles whenever 700 objects more are there, which is
# Python's rule, took 8 of the writer's 65 us a post.
_OBJECTS = (200_000, 20, 20)
# By setting of DuckDB.
_ALONE = {
    # A checkpoint may write the last 122,880 rows of each table anew. At 64 MB of log, as elsewhere, there were two of
    # them in 100,000 posts, 11 us of each; now there is one, 7 us. A start after a kill reads so much log at most.
    "checkpoint_threshold": "72MB",
    # DuckDB keeps what it has read or written as long as it may, and hardly any of it is looked at again: 60 MB at the
    # peak. What is not checkpointed yet (2.4 kB a post, 110 MB) has room in this; more is put on the disk for a while.
    "memory_limit": "112MB",
}
# Of glibc's malloc: what is larger goes back to the system as soon as it is freed, DuckDB's blocks of 256 KiB above
# all. Else it keeps them, between smaller pieces: 13 MB at the peak.
_M_MMAP_THRESHOLD, _LARGE = -3, 200_000


@asynccontextmanager
async def room_for(db: Database, *, alone: bool) -> AsyncIterator[None]:
    """While the block runs. `alone`: the process does nothing else meanwhile."""
    with _circles.seldom_looked_for():
        if alone and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
        before = await _set(db, _ALONE) if alone else {}
        try:
            yield
        finally:
            await _set(db, before)


class _Circles:
    """When Python looks for them: a setting of the whole process, in which several imports may be under way."""

    def __init__(self) -> None:
        self._imports = 0
        self._before = gc.get_threshold()

    @contextmanager
    def seldom_looked_for(self) -> Iterator[None]:
        if not self._imports:
            self._before = gc.get_threshold()
            gc.set_threshold(*_OBJECTS)
        self._imports += 1
        try:
            yield
        finally:
            self._imports -= 1
            if not self._imports:
                gc.set_threshold(*self._before)


_circles = _Circles()


async def _set(db: Database, settings: Mapping[str, str]) -> dict[str, str]:
    """Returns what they were until now."""
    before: dict[str, str] = {}

    def change(con: Connection) -> None:
        for name, value in settings.items():
            found = con.execute(f"SELECT current_setting('{name}')").fetchone()
            assert found is not None
            before[name] = found[0]
            con.execute(f"SET GLOBAL {name} = '{value}'")

    if settings:
        await asyncio.to_thread(partial(db.outside, change))
    return before
