"""What the service closes by itself: inquiries that we answered, and that are quiet since."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from aggregator.clocks import Clock
from aggregator.config import Settings, clock_of
from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid
from aggregator.store.database import Connection, Database

QUIET = timedelta(days=3)
QUIET_AT_ONCE = 200  # inquiries in one transaction: after an import nearly all are quiet


async def close_quiet(
    db: Database, settings: Settings, clock: Clock, changed: Callable[[Collection[Id]], None]
) -> None:
    """Close what we answered, and promised nothing more, when the customer has been quiet for three days since."""
    now, after = clock(), UUID(int=0)
    while closed := await db.write(partial(_close_quiet, settings, now, after), bulk=True):  # live pages go first
        after = as_uuid(closed[-1])
        changed(closed)


def _close_quiet(settings: Settings, now: datetime, after: UUID, con: Connection) -> list[Id]:
    """A part of them, by id."""
    quiet = [
        inquiry.bytes
        for (inquiry,) in con.execute(
            "SELECT inquiry_id FROM inquiry_open WHERE inquiry_id > ? "
            "AND state = 'answered' AND due_at IS NULL AND answered_at < ? AND last_post_at < ? "
            "ORDER BY inquiry_id LIMIT ?",
            [after, now - QUIET, now - QUIET, QUIET_AT_ONCE],
        ).fetchall()
    ]
    these = [(inquiry, {"reason": "quiet"}) for inquiry in inquiries_by_id(con, quiet).values()] if quiet else []
    note_all(con, partial(clock_of, settings), settings.points, these, "system", "close", now)
    return quiet
