"""Saved views of the feed, one's own and those that colleagues share. They live in the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.store.desk import Desk, DeskError

MOST = 40  # of one person
NAME_LENGTH = 60
QUERY_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class SavedView:
    """A named address. `query` as in it, without the question mark."""

    number: int
    owner: str
    name: str
    query: str
    shared: bool


class ViewError(DeskError):
    """A view cannot be kept or changed. `why`: name, too_many, not_yours."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this view cannot be kept: {why}")
        self.why = why


def views_of(desk: Desk, user: str) -> list[SavedView]:
    """One's own by name, then those of others that are shared."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT id, user, name, query, shared FROM view WHERE user = ?1 OR shared "
            "ORDER BY user <> ?1, name COLLATE NOCASE, id",
            [user],
        ).fetchall()
    return [SavedView(number, owner, name, query, bool(shared)) for number, owner, name, query, shared in found]


def save_view(desk: Desk, user: str, name: str, query: str, *, shared: bool, now: datetime) -> int | None:
    """Keep it; the same name again replaces what it meant. Returns the number of a view that meant something else
    before; None: there was none.

    Raises:
        ViewError: name or query cannot be kept, or there are too many.
    """
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or len(query) > QUERY_LENGTH:
        raise ViewError("name")
    with desk.writing() as con:
        (others,) = con.execute("SELECT count(*) FROM view WHERE user = ? AND name <> ?", [user, name]).fetchone()
        if others >= MOST:
            raise ViewError("too_many")
        before = con.execute(
            "SELECT id FROM view WHERE user = ? AND name = ? AND query <> ?", [user, name, query]
        ).fetchone()
        con.execute(
            "INSERT INTO view (user, name, query, shared, saved) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (user, name) DO UPDATE SET query = excluded.query, shared = excluded.shared, "
            "saved = excluded.saved",
            [user, name, query, shared, now.timestamp()],
        )
    return int(before[0]) if before else None


def drop_view(desk: Desk, user: str, number: int) -> None:
    """Raises ViewError: it is somebody else's, or there is none."""
    with desk.writing() as con:
        if not con.execute("DELETE FROM view WHERE id = ? AND user = ?", [number, user]).rowcount:
            raise ViewError("not_yours")
