"""What happened to inquiries and incidents: the history of one, what a colleague did lately, and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from aggregator.identity import Id, as_uuid, as_written

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """What somebody did with an inquiry."""

    happened_at: datetime
    who: str
    what: str
    details: Mapping[str, str]
    event_id: Id
    ver: int | None = None  # of the inquiry after it; None: written before versions were kept
    undone: bool = False  # it was taken back


def history_of(cursor: Connection, inquiry_id: Id) -> tuple[HistoryEvent, ...]:
    """All of it, oldest first."""
    found = cursor.execute(
        "SELECT happened_at, who, what, details, event_id, ver FROM inquiry_event WHERE inquiry_id = ? "
        "ORDER BY happened_at, event_id",
        [as_uuid(inquiry_id)],
    ).fetchall()
    events = [
        HistoryEvent(at, who, what, orjson.loads(details), event.bytes, ver)
        for at, who, what, details, event, ver in found
    ]
    undone = {as_written(event.details["event"]) for event in events if event.what == "undo"}
    return tuple(replace(event, undone=event.event_id in undone) for event in events)
