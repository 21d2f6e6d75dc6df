"""What is read of the store to tell of it, and what becomes worth telling though nothing was written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.identity import Id, as_uuid, written
from aggregator.store.meta import note, noted

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.store.rows import Connection

TOLD_TO = "told_to"
"""The key of `meta` that holds until when somebody looked for what is worth telling."""
OLD = timedelta(hours=1)  # a clock that ran out so long ago is no longer about to run out


def incidents_by_id(con: Connection, wanted: Collection[Id]) -> list[dict[str, Any]]:
    found = con.execute(
        """
        SELECT i.incident_id, i.number, i.state, i.fields, i.began_at, i.ended_at, i.end_reason,
               coalesce(s.persons, 0),
               EXISTS (
                   FROM incident_member AS m JOIN inquiry AS q ON q.inquiry_id = m.inquiry_id
                   WHERE m.incident_id = i.incident_id AND NOT q.backfill
               ),
               EXISTS (FROM incident_event AS e WHERE e.incident_id = i.incident_id AND e.who <> 'system')
               OR EXISTS (
                   FROM incident_member AS m JOIN inquiry_open AS q ON q.inquiry_id = m.inquiry_id
                   WHERE m.incident_id = i.incident_id AND m.left_at IS NULL
                       AND (q.owner IS NOT NULL OR q.state NOT IN ('new', 'snoozed'))
               )
        FROM incident AS i LEFT JOIN incident_size AS s ON s.incident_id = i.incident_id
        WHERE list_contains(?, i.incident_id)
        ORDER BY i.number
        """,
        [[as_uuid(one) for one in wanted]],
    ).fetchall()
    names = ("id", "number", "state", "fields", "began_at", "ended_at", "end_reason", "persons", "live", "taken")
    told = [dict(zip(names, row, strict=True)) for row in found]
    return [row | {"id": str(row["id"]), "fields": orjson.loads(row["fields"])} for row in told]


def escalating(con: Connection) -> list[Id]:
    """Incidents of which somebody is still to be told unless a colleague has begun with them."""
    found = con.execute(
        "SELECT DISTINCT CAST(subject AS UUID) FROM delivery "
        "WHERE state = 'due' AND unless_taken AND starts_with(event, 'incident.')"
    ).fetchall()
    return [one.bytes for (one,) in found]


class SourceLook(NamedTuple):
    """gap: since when one is open. trouble: of which kind, where that is known. next_at: when it is asked again."""

    name: str
    state: str
    message: str
    warnings: Sequence[str]
    gap: datetime | None
    trouble: str | None
    next_at: datetime | None


def sources(con: Connection, names: Collection[str]) -> list[SourceLook]:
    """How these fare, by name."""
    found = con.execute(
        "SELECT h.source, h.state, h.message, h.warnings, g.from_at, h.trouble, h.next_at FROM source_health AS h "
        "LEFT JOIN coverage AS g ON g.source = h.source AND g.state = 'gap' "
        "WHERE list_contains(?, h.source) ORDER BY h.source",
        [[*names]],
    ).fetchall()
    return [SourceLook(*row)._replace(warnings=orjson.loads(row[3])) for row in found]


_CANDIDATES = """
FROM (
    SELECT f.inquiry_id, f.inquiry_id::VARCHAR AS name, f.state, f.due_at, f.kind,
           f.due_at - least(
               $within, coalesce((epoch(f.due_at) - epoch(f.waiting_since)) / 2, $within)
           ) * INTERVAL 1 SECOND AS soon,
           CASE WHEN f.priority >= $p0 THEN 3 WHEN f.priority >= $p1 THEN 2 WHEN f.priority >= $p2 THEN 1
                ELSE 0 END AS band
    FROM feed_at($now) AS f
    WHERE f.state IN ('new', 'claimed', 'snoozed') AND NOT f.backfill
) AS f
"""


def _bound(now: datetime, bands: Bands, due_within: timedelta) -> dict[str, object]:
    return {"now": now, "p0": bands.P0, "p1": bands.P1, "p2": bands.P2, "within": due_within.total_seconds()}


def risen(con: Connection, now: datetime, bands: Bands, due_within: timedelta, floor: float) -> set[Id]:
    """Inquiries that time, or an incident, has brought into a state that was not noticed yet."""
    found = con.execute(
        f"""
        SELECT f.inquiry_id {_CANDIDATES}
        LEFT JOIN noticed AS b ON b.key = 'band:' || f.name
        LEFT JOIN noticed AS u ON u.key = 'urgent:' || f.name
        LEFT JOIN noticed AS d ON d.key = 'due:' || f.name
        WHERE (f.band >= $floor AND f.band > coalesce(b.level, 0))
           OR (f.band = 3 AND coalesce(u.level, 0) = 0)
           OR (f.state <> 'snoozed' AND f.due_at >= $old AND f.soon <= $now
               AND coalesce(d.level, 0) < epoch(f.due_at) - 0.001)
        """,
        {**_bound(now, bands, due_within), "floor": floor, "old": now - OLD},
    ).fetchall()
    return {inquiry.bytes for (inquiry,) in found}


def begin(con: Connection, now: datetime, bands: Bands, due_within: timedelta, floor: float) -> None:
    """Take everything that is so already for noticed: whoever begins to listen is told of what comes."""
    con.execute("DELETE FROM noticed")
    bound = _bound(now, bands, due_within)
    states: Mapping[str, tuple[str, str, dict[str, object]]] = {
        "band": ("f.band", "f.band >= $floor", {"floor": floor}),
        "urgent": ("1", "f.band = 3 OR f.kind = 'emergency'", {}),
        "due": ("epoch(f.due_at)", "f.soon <= $now", {}),
    }
    for what, (level, where, more) in states.items():
        con.execute(
            f"INSERT INTO noticed SELECT '{what}:' || f.name, {level}, $now {_CANDIDATES} WHERE {where}", bound | more
        )
    con.execute(
        "INSERT INTO noticed SELECT 'key_exposed:' || inquiry_id::VARCHAR, 1, ? FROM inquiry WHERE secret", [now]
    )
    con.execute(
        "INSERT INTO noticed SELECT 'incident:' || i.incident_id::VARCHAR, s.persons, ? FROM incident AS i "
        "JOIN incident_size AS s ON s.incident_id = i.incident_id WHERE i.state = 'open'",
        [now],
    )


def touched(con: Connection, inquiries: Collection[Id], floor: float) -> set[Id]:
    """Those of some inquiries that may be in a state worth telling, or are in one that was noticed.

    floor: the least points that, with all that circumstances may add, can bring one into such a band.
    """
    ids = [written(one) for one in inquiries]
    found = con.execute(
        """
        SELECT inquiry_id FROM inquiry_open
        WHERE inquiry_id IN (SELECT unnest($ids)::UUID) AND (secret OR kind = 'emergency' OR points >= $floor)
        UNION
        SELECT split_part(key, ':', 2)::UUID FROM noticed WHERE list_contains($ids, split_part(key, ':', 2))
        """,
        {"ids": ids, "floor": floor},
    ).fetchall()
    return {inquiry.bytes for (inquiry,) in found}


def told_to(con: Connection) -> datetime | None:
    found = noted(con, TOLD_TO)
    return datetime.fromisoformat(found) if found else None


def note_told(con: Connection, now: datetime) -> None:
    note(con, TOLD_TO, now.isoformat())
