"""Answers that a platform had taken, and that did not arrive: refused after all, and the question is open again.

Everything here runs on the writer's connection, in the transaction of the page that tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import orjson

from aggregator.identity import Id, time_ordered_id
from aggregator.store.changed import gathered

if TYPE_CHECKING:
    from aggregator.store.rows import Connection
    from connectors.contract import Undelivered


class Lost(NamedTuple):
    outbox_id: UUID
    inquiry_id: Id


def take(con: Connection, source: str, told: Sequence[Undelivered], now: datetime) -> list[Lost]:
    """The answers that were lost. Told again, it changes nothing; of what was not sent from here we know nothing."""
    found = []
    for each in told:
        row = con.execute(
            "SELECT outbox_id, inquiry_id, state, ended_at FROM outbox "
            "WHERE \"source\" = ? AND (native_id = ? OR key = ?) AND state IN ('sending', 'sent', 'unknown')",
            [source, each.native_id, each.native_id],
        ).fetchone()
        if row is None:
            continue
        outbox_id, inquiry_id, state, ended_at = row
        con.execute(
            "UPDATE outbox SET state = 'refused', ended_at = ?, why = ?, detail = ?, looked = NULL, settled_at = NULL, "
            "settled_by = NULL WHERE outbox_id = ?",
            [now, each.why, each.detail, outbox_id],
        )
        if state == "sent":
            _take_back(con, inquiry_id, ended_at, now)
        if (changed := gathered()) is not None:
            changed.replies.add(outbox_id)
        found.append(Lost(outbox_id, inquiry_id.bytes))
    return found


def _take_back(con: Connection, inquiry: UUID, sent_at: datetime, now: datetime) -> None:
    """That it was answered does not count; its event was written together with what is now refused."""
    event = con.execute(
        "SELECT event_id, happened_at FROM inquiry_event WHERE inquiry_id = ? AND what = 'reply' AND happened_at >= ? "
        "ORDER BY happened_at, event_id LIMIT 1",
        [inquiry, sent_at],
    ).fetchone()
    if event is None:
        return
    reply, happened_at = event
    at = max(now, happened_at)  # where clocks differ
    (earlier,) = con.execute(
        "SELECT count(*) FROM inquiry_event WHERE inquiry_id = ? AND happened_at >= ?", [inquiry, at]
    ).fetchone() or (0,)
    con.execute(
        "INSERT INTO inquiry_event (event_id, inquiry_id, happened_at, who, what, details) VALUES (?, ?, ?, ?, ?, ?)",
        [time_ordered_id(int(at.timestamp() * 1000), earlier), inquiry, at, "system", "undo",
         orjson.dumps({"event": str(reply)}).decode()],
    )  # fmt: skip
