"""What a hand-over needs beside views: notes to whoever comes next, and what others did with what is somebody's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import orjson

from aggregator.identity import Id, time_ordered_id, written
from aggregator.store.history import HistoryEvent

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

SHOWN: Final = 20
KEPT_IN_SIGHT = timedelta(days=7)
"""Notes that were put away are listed for so long."""


class Note(NamedTuple):
    """`done_at`: since when it is put away; None: whoever comes next should read it."""

    note_id: UUID
    text: str
    written_at: datetime
    written_by: str
    done_at: datetime | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """What a colleague did with an inquiry of somebody else."""

    event: HistoryEvent
    inquiry: Id
    code: str

    @property
    def path(self) -> str:
        return f"/inquiry/{written(self.inquiry)}"


def add_note(con: Connection, text: str, who: str, now: datetime) -> None:
    note = time_ordered_id(int(now.timestamp() * 1000), int.from_bytes(os.urandom(1)))
    con.execute("INSERT INTO handover_note VALUES (?, ?, ?, ?, NULL, NULL)", [note, text, now, who])


def put_away(con: Connection, note: UUID, who: str, now: datetime) -> None:
    """What is away stays so, with whoever was first. Raises KeyError: there is no such note."""
    if con.execute("SELECT 1 FROM handover_note WHERE note_id = ?", [note]).fetchone() is None:
        raise KeyError(note)
    con.execute(
        "UPDATE handover_note SET done_at = ?, done_by = ? WHERE note_id = ? AND done_at IS NULL", [now, who, note]
    )


def notes(cursor: Connection, now: datetime) -> list[Note]:
    """Those that wait first, then those that were put away lately; each the latest first."""
    found = cursor.execute(
        "SELECT note_id, text, written_at, written_by, done_at, done_by FROM handover_note "
        "WHERE done_at IS NULL OR done_at >= ? ORDER BY done_at IS NOT NULL, written_at DESC, note_id DESC LIMIT ?",
        [now - KEPT_IN_SIGHT, 5 * SHOWN],
    ).fetchall()
    return [Note(*row) for row in found]


def by_others(cursor: Connection, owner: str, since: datetime) -> list[Deed]:
    """What colleagues did since then with what is this person's, or with what they took from them; the latest first."""
    found = cursor.execute(
        """
        SELECT e.happened_at, e.who, e.what, e.details, e.event_id, e.ver, e.inquiry_id, i.code
        FROM (FROM inquiry_event WHERE happened_at >= $since AND who NOT IN ('system', $owner)) AS e
        JOIN inquiry AS i ON i.inquiry_id = e.inquiry_id
        WHERE i.owner = $owner OR (e.details ->> 'from') = $owner
        ORDER BY e.happened_at DESC, e.event_id DESC
        LIMIT $shown
        """,
        {"since": since, "owner": owner, "shown": SHOWN},
    ).fetchall()
    return [
        Deed(HistoryEvent(at, who, what, orjson.loads(details), event.bytes, ver), inquiry.bytes, code)
        for at, who, what, details, event, ver, inquiry, code in found
    ]
