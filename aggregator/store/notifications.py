"""Notifications: what colleagues were told about their inquiries. Kept until it was read, and for thirty days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from aggregator.identity import Id, as_written, written

if TYPE_CHECKING:
    from aggregator.store.desk import Desk

KEPT: Final = timedelta(days=30)
LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Notification:
    """`what`: take, assign, wait, snooze, close, reopen (these also with _many), ask, refused, unknown,
    undone. `inquiry` None: it concerns several."""

    at: datetime
    what: str
    who: str
    inquiry: Id | None
    code: str
    n: int
    unread: bool

    @property
    def path(self) -> str:
        return f"/inquiry/{written(self.inquiry)}" if self.inquiry else "/?owner=me"


def remember(desk: Desk, message: Mapping[str, object], now: datetime) -> None:
    """Keep what the stream tells `to` somebody; who does not work here (any more) is told nothing."""
    inquiry = as_written(str(message["id"])) if message.get("id") else None
    with desk.writing() as con:
        con.execute("DELETE FROM told WHERE at < ?", [(now - KEPT).timestamp()])
        con.execute(
            "INSERT INTO told (user, at, what, who, inquiry, code, n) "
            "SELECT name, ?, ?, ?, ?, ?, ? FROM user WHERE name = ?",
            [now.timestamp(), message["what"], message["who"], inquiry, message.get("code", ""),
             message.get("n", 1), message["to"]],
        )  # fmt: skip


def unread(desk: Desk, name: str) -> int:
    with desk.reading() as con:
        (count,) = con.execute("SELECT count(*) FROM told WHERE user = ? AND read = 0", [name]).fetchone()
    return int(count)


def told_to(desk: Desk, name: str) -> list[Notification]:
    """The latest first."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT at, what, who, inquiry, code, n, read FROM told WHERE user = ? ORDER BY id DESC LIMIT ?",
            [name, LISTED],
        ).fetchall()
    return [
        Notification(datetime.fromtimestamp(at, UTC), what, who, inquiry, code, n, not read)
        for at, what, who, inquiry, code, n, read in found
    ]


def mark_told(desk: Desk, name: str, inquiry: Id | None = None) -> None:
    """This person has read all of it, or what concerns one inquiry."""
    with desk.reading() as con:  # mostly there is nothing: no page waits for a write then
        due = con.execute(
            "SELECT 1 FROM told WHERE user = ? AND read = 0 AND (inquiry = ? OR ? IS NULL)", [name, inquiry, inquiry]
        ).fetchone()
    if due:
        with desk.writing() as con:
            con.execute(
                "UPDATE told SET read = 1 WHERE user = ? AND read = 0 AND (inquiry = ? OR ? IS NULL)",
                [name, inquiry, inquiry],
            )
