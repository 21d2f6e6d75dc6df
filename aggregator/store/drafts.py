"""What colleagues have written and not sent (desk.db). A text gives way only to a newer one, and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3

    from aggregator.identity import Id
    from aggregator.store.desk import Desk

LONGEST = 50_000  # characters
KEPT_FOR = timedelta(days=14)
_MOST_KEPT = 5  # of an inquiry
_WORTH = 3  # letters; a shorter text is written again sooner than found

Why = Literal["tab", "emptied", "sent"]
"""tab: another tab has a newer one; emptied: it was taken out of the box."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A text that gave way; `number` is how it is asked for."""

    number: int
    text: str
    saved: float  # Unix time
    why: Why


@dataclass(frozen=True, slots=True)
class Draft:
    """As it stands on the server; version 0: there is none."""

    text: str = ""
    version: int = 0
    saved: float = 0.0
    kept: tuple[Kept, ...] = ()  # the newest first


def draft_of(desk: Desk, user: str, inquiry: Id) -> Draft:
    with desk.reading() as con:
        return _read(con, user, inquiry)


def save_draft(desk: Desk, user: str, inquiry: Id, text: str, base: int, now: datetime) -> Draft:
    """Store what the box holds now; the newer text wins.

    Args:
        base: the version that the box began from. If it is not the stored one, another tab has written meanwhile, and
            that text is kept to be taken back.
    """
    with desk.writing() as con:
        before = _read(con, user, inquiry)
        if text == before.text:
            return before
        grows = text.startswith(before.text) or (text and before.text.startswith(text))
        if before.text and not grows and (base != before.version or not text):
            _keep(con, user, inquiry, before, "tab" if base != before.version else "emptied", now)
        con.execute(
            "INSERT INTO draft VALUES ($user, $inquiry, $version, $text, $saved) ON CONFLICT DO UPDATE SET "
            "version = excluded.version, text = excluded.text, saved = excluded.saved",
            {
                "user": user,
                "inquiry": inquiry,
                "version": before.version + 1,
                "text": text,
                "saved": now.timestamp(),
            },
        )
        return _read(con, user, inquiry)


def draft_sent(desk: Desk, user: str, inquiry: Id, text: str, base: int | None, now: datetime) -> Draft:
    """The box's text was taken to be sent: its draft is done. What another tab has written since stays.

    Args:
        base: the version that the box began from; None: its page has no script, and what it showed is the draft.
    """
    with desk.writing() as con:
        before = _read(con, user, inquiry)
        if before.version and base not in (None, before.version) and before.text.strip() != text.strip():
            return before
        if before.text or not before.version:
            con.execute(
                "INSERT INTO draft VALUES (?, ?, ?, '', ?) ON CONFLICT DO UPDATE SET "
                "version = excluded.version, text = excluded.text, saved = excluded.saved",
                [user, inquiry, before.version + 1, now.timestamp()],
            )
        return _read(con, user, inquiry)


def put_back(desk: Desk, user: str, inquiry: Id, text: str, now: datetime) -> Draft:
    """An answer was taken back: it is the draft again, or kept beside what was written since."""
    with desk.writing() as con:
        before = _read(con, user, inquiry)
        if before.text.strip() in ("", text.strip()):
            con.execute(
                "INSERT INTO draft VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "version = excluded.version, text = excluded.text, saved = excluded.saved",
                [user, inquiry, before.version + 1, text, now.timestamp()],
            )
        else:
            _keep(con, user, inquiry, Draft(text, 0, now.timestamp()), "sent", now)
        return _read(con, user, inquiry)


def _read(con: sqlite3.Connection, user: str, inquiry: Id) -> Draft:
    row = con.execute(
        "SELECT text, version, saved FROM draft WHERE user = ? AND inquiry = ?", [user, inquiry]
    ).fetchone()
    kept = con.execute(
        "SELECT kept, text, saved, why FROM draft_kept WHERE user = ? AND inquiry = ? ORDER BY kept DESC LIMIT ?",
        [user, inquiry, _MOST_KEPT],
    ).fetchall()
    text, version, saved = row or ("", 0, 0.0)
    return Draft(text, version, saved, tuple(Kept(*each) for each in kept))


def _keep(con: sqlite3.Connection, user: str, inquiry: Id, draft: Draft, why: Why, now: datetime) -> None:
    if len(draft.text.strip()) < _WORTH:
        return
    con.execute("DELETE FROM draft_kept WHERE user = ? AND inquiry = ? AND text = ?", [user, inquiry, draft.text])
    con.execute(
        "INSERT INTO draft_kept (user, inquiry, text, saved, why) VALUES (?, ?, ?, ?, ?)",
        [user, inquiry, draft.text, draft.saved, why],
    )
    con.execute("DELETE FROM draft_kept WHERE saved < ?", [(now - KEPT_FOR).timestamp()])
