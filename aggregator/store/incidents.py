"""What people look at: the list of incidents, and one of them with its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from aggregator.identity import Id, as_uuid, written
from aggregator.store.database import Connection

LISTED = 200
MEMBERS = 500
_LATELY = timedelta(hours=1)

_INCIDENTS = """
SELECT i.incident_id, i.number, i.state, i.fields, i.began_at, i.ended_at, i.end_reason,
       into_.incident_id, into_.number,
       coalesce(s.persons, 0) AS persons, coalesce(s.inquiries, 0), s.first_at, s.last_at,
       coalesce(m.lately, 0) AS lately, coalesce(m.channels, []), coalesce(m.langs, [])
FROM incident AS i
LEFT JOIN incident AS into_ ON into_.incident_id = i.merged_into
LEFT JOIN incident_size AS s ON s.incident_id = i.incident_id
LEFT JOIN (
    SELECT m.incident_id,
           count(DISTINCT m.person_id) FILTER (m.reported_at > $since) AS lately,
           list_sort(list(DISTINCT q.channel)) AS channels,
           list_sort(list(DISTINCT replace(q.lang, 'zh-Hans', 'zh'))) AS langs
    FROM incident_member AS m JOIN inquiry AS q ON q.inquiry_id = m.inquiry_id
    WHERE m.left_at IS NULL
    GROUP BY m.incident_id
) AS m ON m.incident_id = i.incident_id
"""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident as the list shows it. lately: persons of the last hour. first_at, last_at: of its reports; None:
    nobody is left in it."""

    incident_id: Id
    number: int
    state: str
    fields: Mapping[str, Any]
    began_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    merged_into: Id | None
    merged_number: int | None
    persons: int
    inquiries: int
    first_at: datetime | None
    last_at: datetime | None
    lately: int
    channels: tuple[str, ...]
    langs: tuple[str, ...]

    @property
    def name(self) -> str:
        return written(self.incident_id)


@dataclass(frozen=True, slots=True)
class Member:
    """One inquiry of an incident, and why it is there, or why it left."""

    inquiry_id: Id
    code: str
    author: str
    channel: str
    lang: str
    state: str
    excerpt: str
    reported_at: datetime
    why: str
    left_at: datetime | None
    left_why: str | None

    @property
    def name(self) -> str:
        return written(self.inquiry_id)


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    happened_at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """An incident, its members (who are in it first, the latest report first), and its history (oldest first)."""

    row: IncidentRow
    members: tuple[Member, ...]
    events: tuple[IncidentEvent, ...]


def incident_list(cursor: Connection, *, moment: datetime) -> list[IncidentRow]:
    """Open ones first, the largest first; then the others, the newest first."""
    found = cursor.execute(
        f"{_INCIDENTS} ORDER BY i.state <> 'open', CASE WHEN i.state = 'open' THEN s.persons END DESC NULLS LAST, "
        f"i.number DESC LIMIT {LISTED}",
        {"since": moment - _LATELY},
    ).fetchall()
    return [_row(each) for each in found]


def incident_page(cursor: Connection, incident: Id, *, moment: datetime) -> IncidentPage | None:
    found = cursor.execute(
        f"{_INCIDENTS} WHERE i.incident_id = $one", {"since": moment - _LATELY, "one": as_uuid(incident)}
    ).fetchone()
    if found is None:
        return None
    members = cursor.execute(
        """
        SELECT m.inquiry_id, q.code, coalesce(a.name, ''), q.channel, q.lang, q.state, q.excerpt, m.reported_at, m.why,
               m.left_at, m.left_why
        FROM (
            FROM incident_member WHERE incident_id = ?
            QUALIFY row_number() OVER (PARTITION BY inquiry_id ORDER BY joined_at DESC, left_at DESC NULLS FIRST) = 1
        ) AS m
        JOIN inquiry AS q ON q.inquiry_id = m.inquiry_id
        LEFT JOIN account AS a ON a.account_id = q.person_id
        ORDER BY m.left_at IS NOT NULL, m.reported_at DESC, m.inquiry_id
        LIMIT ?
        """,
        [as_uuid(incident), MEMBERS],
    ).fetchall()
    events = cursor.execute(
        "SELECT happened_at, who, what FROM incident_event WHERE incident_id = ? ORDER BY happened_at, event_id",
        [as_uuid(incident)],
    ).fetchall()
    return IncidentPage(
        _row(found),
        tuple(Member(inquiry.bytes, *said) for inquiry, *said in members),
        tuple(IncidentEvent(*event) for event in events),
    )


def find_by_number(cursor: Connection, number: int) -> Id | None:
    """The incident that people call INC-<number>."""
    found = cursor.execute("SELECT incident_id FROM incident WHERE number = ?", [number]).fetchone()
    return found[0].bytes if found else None


def _row(found: tuple[Any, ...]) -> IncidentRow:
    (
        one, number, state, fields, began, ended, reason, into, into_number, persons, inquiries, first, last, lately,
        channels, langs,
    ) = found  # fmt: skip
    return IncidentRow(
        one.bytes, number, state, orjson.loads(fields), began, ended, reason, into.bytes if into else None, into_number,
        persons, inquiries, first, last, lately, tuple(channels), tuple(langs),
    )  # fmt: skip
