"""Who first had an inquiry before them, and when. It lives in the desk, beside the read marks."""

from __future__ import annotations

from datetime import UTC, datetime

from aggregator.identity import Id
from aggregator.store.desk import Desk


def looked(desk: Desk, user: str, inquiry: Id, now: datetime) -> None:
    """Note that this person saw it now, unless they saw it before."""
    with desk.reading() as con:
        known = con.execute("SELECT 1 FROM first_look WHERE inquiry = ? AND user = ?", [inquiry, user]).fetchone()
    if known:
        return
    with desk.writing() as con:
        con.execute("INSERT INTO first_look VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [user, inquiry, now.timestamp()])


def looks_at(desk: Desk, inquiry: Id) -> list[tuple[str, datetime]]:
    """Who saw it, the first one first."""
    with desk.reading() as con:
        found = con.execute("SELECT user, at FROM first_look WHERE inquiry = ? ORDER BY at, user", [inquiry]).fetchall()
    return [(user, datetime.fromtimestamp(at, UTC)) for user, at in found]
