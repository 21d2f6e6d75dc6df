"""A row of the outbox, and its way from one state to the next: by compare-and-set, on the writer's connection."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

from aggregator.identity import Id, as_uuid, written
from aggregator.store.changed import gathered
from connectors.replying import Why

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

State = Literal["held", "sending", "sent", "refused", "unknown", "undone"]


class Row(NamedTuple):
    """The columns of `outbox`, where each is explained (aggregator/sql/0008_outbox.sql; `lot`: 0014_handover.sql)."""

    outbox_id: UUID
    inquiry_id: UUID
    thread_id: UUID
    post_id: UUID
    source: str
    who: str
    text: str
    key: str
    state: State
    written_at: datetime
    due_at: datetime
    tries: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None
    why: Why | None = None
    detail: str | None = None
    looked: Literal["absent", "cannot tell"] | None = None
    native_id: str | None = None
    sent_post_id: UUID | None = None
    arrived_at: datetime | None = None
    permalink: str | None = None
    pending: bool = False
    settled_at: datetime | None = None
    settled_by: str | None = None
    lot: UUID | None = None

    @property
    def is_shown(self) -> bool:
        """Whether somebody still has to see it: it is on its way, or has not got there."""
        return self.settled_at is None and self.state not in ("undone", "sent")

    @property
    def stands_alone(self) -> bool:
        """The platform has it, and no post of ours tells so (yet)."""
        return self.state == "sent" and self.arrived_at is None


_COLUMNS = ", ".join(f'"{name}"' for name in Row._fields)


class Turn(NamedTuple):
    """What decides when a held answer is sent. Its words, which may be long, are read once it is its turn."""

    outbox_id: UUID
    inquiry_id: UUID
    source: str
    due_at: datetime
    why: Why | None
    lot: UUID | None


_TURN = ", ".join(f'"{name}"' for name in Turn._fields)


def insert(con: Connection, row: Row) -> None:
    con.execute(f"INSERT INTO outbox ({_COLUMNS}) VALUES ({', '.join('?' * len(row))})", [*row])


def move(con: Connection, outbox_id: UUID, *states: State, **changes: Any) -> bool:
    """Set columns of a row that is still in one of these states and that nobody has settled; whether it was."""
    names = ", ".join(f'"{name}" = ?' for name in changes)
    moved = con.execute(
        f"UPDATE outbox SET {names} WHERE outbox_id = ? AND settled_at IS NULL AND list_contains(?, state)",
        [*changes.values(), outbox_id, list(states)],
    ).fetchone()
    done = moved is not None and moved[0] > 0
    if done and "state" in changes and (changed := gathered()) is not None:
        changed.replies.add(outbox_id)
    return done


def row(con: Connection, outbox_id: UUID) -> Row:
    """Raises KeyError: there is none."""
    if (found := left(con, outbox_id)) is None:
        raise KeyError(outbox_id)
    return found


def left(con: Connection, outbox_id: UUID) -> Row | None:
    """None: it went, together with the person whom it answered."""
    return next(iter(_select(con, "outbox_id = ?", outbox_id)), None)


def of_inquiry(con: Connection, inquiry: Id) -> list[Row]:
    """All that was ever written to it, oldest first."""
    return _select(con, "inquiry_id = ?", as_uuid(inquiry))


def of_inquiries(con: Connection, inquiries: Collection[Id]) -> list[Row]:
    """All that was ever written to them, oldest first."""
    names = [written(inquiry) for inquiry in inquiries]
    return _select(con, "inquiry_id IN (SELECT unnest(?::UUID[]))", names) if names else []


def of_lot(con: Connection, lot: UUID) -> list[Row]:
    """In the order in which they are sent."""
    return _select(con, "lot = ?", lot)


def in_state(con: Connection, *states: State) -> list[Row]:
    """Oldest first: in the order in which they are sent."""
    return _select(con, "list_contains(?, state) AND settled_at IS NULL", list(states))


def is_another(con: Connection, outbox_id: UUID, post: UUID) -> bool:
    """Whether a post is known to be another answer that was sent from here."""
    other = "SELECT 1 FROM outbox WHERE sent_post_id = ? AND outbox_id <> ? LIMIT 1"
    return con.execute(other, [post, outbox_id]).fetchone() is not None


def turns(con: Connection) -> list[Turn]:
    """Of all that is held, oldest first."""
    found = con.execute(
        f"SELECT {_TURN} FROM outbox WHERE state = 'held' AND settled_at IS NULL ORDER BY outbox_id"
    ).fetchall()
    return [Turn(*each) for each in found]


UNSETTLED: tuple[State, ...] = ("refused", "unknown")
"""What did not get there, or may not have, as long as nobody has dealt with it."""


def unsettled_count(con: Connection) -> int:
    (count,) = con.execute(
        "SELECT count(*) FROM outbox WHERE list_contains(?, state) AND settled_at IS NULL", [list(UNSETTLED)]
    ).fetchone() or (0,)
    return int(count)


def _select(con: Connection, where: str, value: object) -> list[Row]:
    found = con.execute(f"SELECT {_COLUMNS} FROM outbox WHERE {where} ORDER BY outbox_id", [value]).fetchall()
    return [Row(*each) for each in found]
