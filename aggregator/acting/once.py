"""What a program asks for with a key of its own is done once, however often it is sent, also over a restart.

The key is the `batch` of the events that it leads to: half of it says who asked with which key, half for what. So it is
written with the deed itself, and nothing has to be remembered beside it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from aggregator.acting.compare_and_set import note
from aggregator.folding.noting import Done
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aggregator.config import Settings
    from aggregator.store.rows import Connection

_HALF = 8  # bytes


class KeyUsedError(Exception):
    """Something else was asked for with this key before."""


def lot_of(who: str, key: str, asked: str) -> Id:
    """The batch of what this person asks for with this key."""
    return b"".join(blake2b(part.encode(), digest_size=_HALF).digest() for part in (f"{who}\0{key}", asked))


def done_before(con: Connection, lot: Id) -> dict[Id, Id]:
    """Which inquiries it was done with already, and the event of each.

    Raises:
        KeyUsedError: see there.
    """
    first, last = (as_uuid(lot[:_HALF] + fill * _HALF) for fill in (b"\x00", b"\xff"))
    found = con.execute(
        "SELECT inquiry_id, event_id, batch FROM inquiry_event WHERE batch BETWEEN ? AND ?", [first, last]
    ).fetchall()
    if any(batch.bytes != lot for *_, batch in found):
        raise KeyUsedError
    return {inquiry.bytes: event.bytes for inquiry, event, _ in found}


def note_once(
    con: Connection, settings: Settings, inquiry_id: Id, who: str, now: datetime, details: Mapping[str, str], lot: Id
) -> Done:
    """Write a note, unless it stands there from the call before.

    Raises:
        KeyUsedError: see there.
        KeyError: there is no such inquiry.
    """
    before = done_before(con, lot)
    inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    if inquiry_id in before:
        return Done(inquiry, before[inquiry_id], details)
    return note(con, settings, inquiry, who, "note", now, details, lot)
