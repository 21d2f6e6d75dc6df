"""What people look at: the feed, one inquiry with its thread and its reasons.

Functions take a cursor and the moment they speak of, and return values. Priorities come from the macros in
aggregator/sql (from 0003_priority on) alone, so that the feed, a page of it and the reasons shown beside it never
disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR, Inquiry
from aggregator.store.contacts import Approacher, Step, approachers, path_to
from aggregator.store.database import Connection
from aggregator.store.filters import Filters, where
from aggregator.store.history import HistoryEvent, history_of
from aggregator.store.rows import INQUIRY, to_inquiry

if TYPE_CHECKING:
    import pyarrow as pa

    from aggregator.config import Bands

THREAD_LIMIT = 100

_COLUMNS = ", ".join(f"f.{column}" for column in INQUIRY)
_WIDTH = len(INQUIRY)
# Repeat contact and the order by ageing concern the open ones; history keeps the priority without them.
_PRICED = "priority_at(i.points, i.wait_per_hour, i.wait_cap, {since}, i.due_at, {repeats}, {moment})"
_THEN = "coalesce(i.closed_at, $moment)"
_NO_INCIDENT = "NULL::UUID AS incident_id, NULL AS incident_number, 0 AS incident_persons"
_INCIDENT = "n.incident_id, n.number AS incident_number, coalesce(n.persons, 0) AS incident_persons"
OPEN = "FROM feed_at($moment) AS f"
_ALONE = "0 AS repeats, CAST(NULL AS TIMESTAMPTZ) AS first_since, 0 AS approaches"
_PRICED_ALONE = _PRICED.format(since="i.waiting_since", repeats=0, moment=_THEN)
_WITHIN = "within_band(computed, i.at_least, i.at_most) AS priority"
CLOSED = (
    f"FROM (SELECT i.*, {_ALONE}, {_NO_INCIDENT}, {_PRICED_ALONE} AS computed, {_WITHIN} FROM inquiry_closed AS i) AS f"
)
# The same of some inquiries. Their row numbers are found first, for the other columns are wide.
_SOME = "rowid IN (SELECT rowid FROM {table} WHERE inquiry_id IN (SELECT unnest($ids)::UUID))"
_REPEATS = "repeats_of(i.waiting_since, i.kind, r.repeats)"
_SINCE = "waiting_from(i.waiting_since, r.first_since)"
_SOME_OPEN = (
    "FROM (SELECT i.* REPLACE (state_at(i.state, i.owner, i.snoozed_until, $moment) AS state), "
    f"{_REPEATS} AS repeats, r.first_since, coalesce(a.approaches, 0) AS approaches, {_INCIDENT}, "
    f"{_PRICED.format(since=_SINCE, repeats=_REPEATS, moment='$moment')} "
    f"+ room_of(i.points) * (approached_points(a.approaches) + incident_points(n.persons)) AS computed, {_WITHIN} "
    f"FROM (FROM inquiry_open WHERE {_SOME.format(table='inquiry_open')}) AS i "
    "LEFT JOIN repeat_contact_of($ids::UUID[]) AS r ON r.person_id = i.person_id "
    "LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id "
    "LEFT JOIN incident_of AS n ON n.inquiry_id = i.inquiry_id) AS f"
)
_SOME_CLOSED = (
    f"FROM (SELECT i.*, {_ALONE}, {_NO_INCIDENT}, {_PRICED_ALONE} AS computed, {_WITHIN} "
    f"FROM inquiry_closed AS i WHERE i.{_SOME.format(table='inquiry_closed')}) AS f"
)
_SHARE, _ENDED = "share_of(f.points)", "coalesce(f.closed_at, $moment)"
_COMPUTED = {
    "waiting": f"{_SHARE} * waiting_points(f.wait_per_hour, f.wait_cap, f.waiting_since, {_ENDED})",
    "overdue": f"{_SHARE} * overdue_points(f.due_at, {_ENDED})",
    "repeat_contact": f"{_SHARE} * repeat_points(f.repeats)",
    "first_contact": f"{_SHARE} * first_contact_points(f.wait_per_hour, f.wait_cap, f.waiting_since, f.first_since, "
    "$moment)",
    "approached": "room_of(f.points) * approached_points(f.approaches)",
    "incident_size": "room_of(f.points) * incident_points(f.incident_persons)",
    "band_set": "f.priority - f.computed",
}
_SHOWN = (
    f"{_COLUMNS}, f.priority, f.incident_id, f.incident_number, f.incident_persons, {', '.join(_COMPUTED.values())}"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One line of why: its points at the moment of reading, and the words of a post that say it."""

    rule: str
    points: float
    post_id: Id | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class IncidentTag:
    """To which incident an inquiry belongs, and how many persons report it."""

    incident_id: Id
    number: int
    persons: int

    @property
    def name(self) -> str:
        """As people call it."""
        return f"INC-{self.number}"

    @property
    def path(self) -> str:
        return f"/incidents/{written(self.incident_id)}"


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One inquiry as the feed shows it. `terms` sum to `priority`, strongest first."""

    inquiry: Inquiry
    priority: float
    author: str
    terms: tuple[Term, ...]
    incident: IncidentTag | None = None

    @property
    def computed(self) -> float:
        """The priority before a colleague set its band."""
        return self.priority - sum(term.points for term in self.terms if term.rule == "band_set")


@dataclass(frozen=True, slots=True)
class ThreadPost:
    """One post of a thread. `ours`: part of this inquiry or an answer to it; otherwise a neighbour."""

    post_id: Id
    author: str
    handle: str | None
    role: str
    posted_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    seen_at: datetime
    version: int
    text: str
    lang: str
    staff: bool
    suspect: bool  # poses as one of us
    ours: bool
    permalink: str | None
    place: str | None  # where to find it on the platform, which gives it no address


LASTING = frozenset({"account", "device"})
"""What a person has told once need not be told again for another trouble."""


@dataclass(frozen=True, slots=True)
class Told:
    """The slots that a person has given, and what their posts name, by kind of entity."""

    slots: frozenset[str]
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class InquiryPage:
    """Everything that the page of one inquiry shows; posts and events oldest first."""

    row: FeedRow
    posts: tuple[ThreadPost, ...]
    events: tuple[HistoryEvent, ...]
    told: Told
    path: tuple[Step, ...]  # the person's way here over other threads and channels
    approaches: tuple[Approacher, ...]


def rows_by_id(cursor: Connection, ids: Collection[Id], *, moment: datetime) -> list[FeedRow]:
    """These inquiries, open or closed, most pressing first."""
    if not ids:
        return []
    rows = _rows(cursor, _SOME_OPEN, ids, moment)
    if left := set(ids) - {row.inquiry.inquiry_id for row in rows}:
        rows += _rows(cursor, _SOME_CLOSED, left, moment)
    return sorted(_signed(cursor, rows), key=lambda row: (row.priority, row.inquiry.inquiry_id), reverse=True)


def held(cursor: Connection, ids: Collection[Id], filters: Filters, *, moment: datetime, bands: Bands) -> set[Id]:
    """Which of these a view shows."""
    if not ids:
        return set()
    conditions, bound = where(filters, bands)
    tables = [_SOME_OPEN, *([_SOME_CLOSED] if "closed" in filters.states else [])]
    condition = " AND ".join(conditions) or "true"
    found = cursor.execute(
        " UNION ALL ".join(f"SELECT f.inquiry_id {table} WHERE {condition}" for table in tables),
        {**bound, "ids": [written(one) for one in ids], "moment": moment},
    ).fetchall()
    return {one.bytes for (one,) in found}


JOINED = (
    "f.inquiry_id, f.priority, f.computed, f.repeats, f.first_since, f.approaches, f.incident_id, f.incident_number, "
    "f.incident_persons"
)
"""What a row of `feed_at` has besides its inquiry's own columns, which are many and wide."""
# Arrow has ids as text. And DuckDB would else send a filter by id to the Arrow table, which cannot take one.
_LISTED = (
    "(WITH sent AS MATERIALIZED (SELECT * REPLACE (inquiry_id::UUID AS inquiry_id, incident_id::UUID AS incident_id) "
    "FROM listed) FROM sent) AS l"
)


def rows_listed(cursor: Connection, listed: pa.Table, *, moment: datetime) -> dict[Id, FeedRow]:
    """The rows of a list that has the columns JOINED: those are not looked up and added up again."""
    rows: list[FeedRow] = []
    for table, state in (
        ("inquiry_open", "REPLACE (state_at(i.state, i.owner, i.snoozed_until, $moment) AS state)"),
        ("inquiry_closed", ""),
    ):
        if len(rows) == len(listed):
            break
        numbers = f"SELECT rowid FROM {table} WHERE inquiry_id IN (SELECT inquiry_id::UUID FROM listed)"
        source = (
            f"FROM (SELECT i.* {state}, l.* EXCLUDE (inquiry_id) FROM (FROM {table} WHERE rowid IN ({numbers})) AS i "
            f"JOIN {_LISTED} ON l.inquiry_id = i.inquiry_id) AS f"
        )
        rows += _read(cursor.execute(f"SELECT {_SHOWN} {source}", {"moment": moment}).fetchall())
    return {row.inquiry.inquiry_id: row for row in _signed(cursor, rows)}


def find_by_code(cursor: Connection, code: str) -> Id | None:
    """The inquiry that people call by this code; the newest one if two share it."""
    found = cursor.execute(
        "SELECT inquiry_id FROM inquiry WHERE code = ? ORDER BY opened_at DESC LIMIT 1", [code.upper()]
    ).fetchone()
    return found[0].bytes if found else None


def inquiry_page(cursor: Connection, inquiry_id: Id, *, moment: datetime) -> InquiryPage | None:
    """One inquiry with its thread, why it ranks where it ranks, and its history."""
    rows = rows_by_id(cursor, [inquiry_id], moment=moment)
    if not rows:
        return None
    return InquiryPage(
        rows[0],
        tuple(_thread(cursor, rows[0].inquiry)),
        history_of(cursor, inquiry_id, rows[0].inquiry.opened_at),
        told_by(cursor, rows[0].inquiry.person_id, rows[0].inquiry.opened_at - NEAR),
        path_to(cursor, rows[0].inquiry),
        approachers(cursor, inquiry_id),
    )


def told_by(cursor: Connection, person_id: Id, since: datetime) -> Told:
    """What a person has told us, in any channel: an address or a device whenever it was, of the trouble itself only
    since `since`. Deleted posts tell nothing, and claimed links are not followed."""
    found = cursor.execute(
        """
        WITH theirs AS (  -- narrow first: facts are wide
            SELECT rowid AS number
            FROM post
            WHERE account_id IN (SELECT account_id FROM account WHERE person_id = $person) OR post_id = $person
        )
        SELECT p.posted_at >= $since, p.facts -> 'given', p.facts -> 'entities'
        FROM post AS p
        WHERE p.rowid IN (SELECT number FROM theirs) AND NOT p.staff AND p.deleted_at IS NULL
          AND (p.facts -> 'given') IS NOT NULL
        ORDER BY p.posted_at, p.native_order
        """,
        {"person": as_uuid(person_id), "since": since},
    ).fetchall()
    slots: dict[str, None] = {}
    values: dict[str, dict[str, None]] = {}
    for recent, given, entities in found:
        counted = {slot for slot in orjson.loads(given) if recent or slot in LASTING}
        slots |= dict.fromkeys(counted)
        for kind, named in orjson.loads(entities or "{}").items():
            if counted:
                values.setdefault(kind, {}).update(dict.fromkeys(named))
    return Told(frozenset(slots), {kind: tuple(named) for kind, named in values.items()})


def _thread(cursor: Connection, inquiry: Inquiry) -> Iterable[ThreadPost]:
    """The inquiry's own posts and answers, then as many neighbours as there is room for, nearest in time."""
    rows = cursor.execute(
        """
        WITH near AS (  -- narrow first: a group's thread may hold all that was ever said there
            SELECT rowid AS number, coalesce(inquiry_id = $inquiry, false) AS ours
            FROM post
            WHERE thread_id = $thread OR inquiry_id = $inquiry
            ORDER BY ours DESC,
                     greatest(epoch($opened) - epoch(posted_at), epoch(posted_at) - epoch($last), 0),
                     posted_at DESC, native_order DESC
            LIMIT $room
        )
        SELECT p.post_id, coalesce(a.name, ''), a.handle, coalesce(a.role, 'customer'), p.posted_at, p.edited_at,
               p.deleted_at, p.seen_at, p.version, p.text, p.lang, p.staff,
               coalesce(a.suspect, false), coalesce(p.inquiry_id = $inquiry, false) AS ours, p.permalink,
               p.facts ->> 'place'
        FROM post AS p LEFT JOIN account AS a USING (account_id)
        WHERE p.rowid IN (SELECT number FROM near)
        ORDER BY p.posted_at, p.native_order
        """,
        {
            "inquiry": as_uuid(inquiry.inquiry_id),
            "thread": as_uuid(inquiry.thread_id),
            "opened": inquiry.opened_at,
            "last": inquiry.last_post_at,
            "room": THREAD_LIMIT,
        },
    ).fetchall()
    return [ThreadPost(post.bytes, *said) for post, *said in rows]


def _rows(cursor: Connection, table: str, ids: Collection[Id], moment: datetime) -> list[FeedRow]:
    """The rows of `table` that these ids name, without their authors."""
    bound = {"ids": [written(one) for one in ids], "moment": moment}
    return _read(cursor.execute(f"SELECT {_SHOWN} {table}", bound).fetchall())


def _read(found: Sequence[tuple[Any, ...]]) -> list[FeedRow]:
    """Of rows selected with _SHOWN."""
    inquiries = [(to_inquiry(row[:_WIDTH]), *row[_WIDTH : _WIDTH + 4], row[_WIDTH + 4 :]) for row in found]
    return [
        FeedRow(inquiry, priority, "", _terms(inquiry, points), _tag(*incident))
        for inquiry, priority, *incident, points in inquiries
    ]


def _signed(cursor: Connection, rows: Sequence[FeedRow]) -> list[FeedRow]:
    """With their authors."""
    authors = _authors(cursor, [row.inquiry for row in rows])
    return [replace(row, author=authors.get(row.inquiry.lead_post_id, "")) for row in rows]


def _tag(incident: UUID | None, number: int, persons: int) -> IncidentTag | None:
    return IncidentTag(incident.bytes, number, persons) if incident else None


def _terms(inquiry: Inquiry, computed: Sequence[float]) -> tuple[Term, ...]:
    """`waiting` is stored for its rate; its points, like those of the other moving terms, come from the macro."""
    stored = (
        Term(reason.rule, reason.points, reason.post_id, reason.start, reason.end)
        for reason in inquiry.reasons
        if reason.rule != "waiting"
    )
    moving = (Term(rule, points) for rule, points in zip(_COMPUTED, computed, strict=True) if points)
    return tuple(sorted((*stored, *moving), key=lambda term: (-abs(term.points), term.rule)))


def _authors(cursor: Connection, inquiries: Sequence[Inquiry]) -> dict[Id, str]:
    """Who wrote the leading posts. A post is no older than its inquiry: that spares reading the older ones."""
    if not inquiries:
        return {}
    found = cursor.execute(
        "SELECT p.post_id, a.name FROM post AS p JOIN account AS a USING (account_id) WHERE p.rowid IN "
        "(SELECT rowid FROM post WHERE post_id IN (SELECT unnest(?)::UUID) AND posted_at >= ?)",
        [
            [written(inquiry.lead_post_id) for inquiry in inquiries],
            min(inquiry.opened_at for inquiry in inquiries),
        ],
    ).fetchall()
    return {post.bytes: name for post, name in found}
