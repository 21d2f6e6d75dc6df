"""When a colleague was last at the desk: stretches of work, parted by two hours without a request."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aggregator.store.desk import Desk

AWAY: Final = timedelta(hours=2)


def seen(con: sqlite3.Connection, name: str, at: float) -> None:
    """Somebody is at the desk; who was away for longer than `AWAY` has left when last seen."""
    con.execute(
        "INSERT INTO stretch VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET "
        "left = CASE WHEN excluded.seen - seen > ? THEN seen ELSE left END, seen = max(seen, excluded.seen)",
        [name, at, AWAY.total_seconds()],
    )


def left_at(desk: Desk, name: str) -> datetime | None:
    """When this person's stretch before the present one ended, to five minutes; None: this is the first."""
    with desk.reading() as con:
        found = con.execute("SELECT left FROM stretch WHERE user = ?", [name]).fetchone()
    return datetime.fromtimestamp(found[0], UTC) if found and found[0] is not None else None
