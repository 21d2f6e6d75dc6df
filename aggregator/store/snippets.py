"""Snippets that colleagues wrote, and what they changed or removed of the shipped ones (desk.db)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from aggregator.store.desk import Desk

BACK_WITHIN = timedelta(days=30)  # so long a removed one can be taken back
_COLUMNS = "id, owner, origin, name, lang, kinds, text, changed, changed_by, deleted"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the table; `owner` None: everybody's."""

    snippet_id: str
    owner: str | None
    origin: str | None
    name: str
    lang: str
    kinds: tuple[str, ...]
    text: str
    changed: float
    changed_by: str
    deleted: float | None

    @property
    def is_there(self) -> bool:
        return self.deleted is None


def stored_snippets(desk: Desk, user: str) -> list[Stored]:
    """This colleague's and everybody's, removed ones too."""
    with desk.reading() as con:
        found = con.execute(
            f"SELECT {_COLUMNS} FROM snippet WHERE owner IS NULL OR owner = ? ORDER BY name, id", [user]
        ).fetchall()
    return [_stored(row) for row in found]


def save_snippet(desk: Desk, snippet: Stored) -> Stored:
    """Add it (with no id), or put it in the place of the one that has its id, or its origin."""
    with desk.writing() as con:
        number = snippet.snippet_id
        if not number and snippet.origin:
            known = con.execute("SELECT id FROM snippet WHERE origin = ?", [snippet.origin]).fetchone()
            number = known[0] if known else ""
        number = number or uuid4().hex
        con.execute(
            f"INSERT OR REPLACE INTO snippet ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number,
                snippet.owner,
                snippet.origin,
                snippet.name,
                snippet.lang,
                ",".join(snippet.kinds),
                snippet.text,
                snippet.changed,
                snippet.changed_by,
                snippet.deleted,
            ],
        )
        row = con.execute(f"SELECT {_COLUMNS} FROM snippet WHERE id = ?", [number]).fetchone()
    return _stored(row)


def remove_snippet(desk: Desk, snippet_id: str, who: str, now: datetime, *, back: bool = False) -> None:
    """Take it out of use, or, with `back`, into use again. What nobody wanted back for long is deleted."""
    at = now.timestamp()
    with desk.writing() as con:
        con.execute(
            "UPDATE snippet SET deleted = ?, changed = ?, changed_by = ? WHERE id = ?",
            [None if back else at, at, who, snippet_id],
        )
        # One that stands for a shipped snippet says that it is out of use, for good.
        con.execute("DELETE FROM snippet WHERE deleted < ? AND origin IS NULL", [(now - BACK_WITHIN).timestamp()])


def _stored(row: tuple[str, ...]) -> Stored:
    number, owner, origin, name, lang, kinds, text, changed, by, deleted = row
    named = tuple(kind for kind in kinds.split(",") if kind)
    return Stored(
        number, owner, origin, name, lang, named, text, float(changed), by, None if deleted is None else float(deleted)
    )
