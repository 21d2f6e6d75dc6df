"""What people look at: the feed, one inquiry with its thread and its reasons.

Functions take a cursor and the moment they speak of, and return values. The order comes from the macros in
aggregator/sql (from 0003_priority on) alone, so that the feed and a page of it never disagree. The reasons shown beside
a priority, and all that is said of a few inquiries by their ids, come from aggregator/moving_points.py and beside.py,
which tests hold to those macros: planning the same expressions in SQL took DuckDB longer than looking at 30,000
inquiries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR, Inquiry
from aggregator.moving_points import Beside, awake, moving_terms, within_band
from aggregator.store.beside import around
from aggregator.store.contacts import Approacher, Step, approachers, path_to
from aggregator.store.database import Connection
from aggregator.store.filters import Filters, where
from aggregator.store.history import HistoryEvent, history_of
from aggregator.store.inquiry_cache import InquiryCache
from aggregator.store.rows import among, fetch

if TYPE_CHECKING:
    from aggregator.config import Bands

THREAD_LIMIT = 100
AROUND = 4 * NEAR  # what was said in a thread longer before, or after, is not shown beside an inquiry

# Repeat contact and the order by ageing concern the open ones; history keeps the priority without them.
_PRICED = "priority_at(i.points, i.wait_per_hour, i.wait_cap, {since}, i.due_at, {repeats}, {moment})"
_THEN = "coalesce(i.closed_at, $moment)"
_NO_INCIDENT = "NULL::UUID AS incident_id, NULL AS incident_number, 0 AS incident_persons"
OPEN = "FROM feed_at($moment) AS f"
_ALONE = "0 AS repeats, CAST(NULL AS TIMESTAMPTZ) AS first_since, 0 AS approaches"
_PRICED_ALONE = _PRICED.format(since="i.waiting_since", repeats=0, moment=_THEN)
_WITHIN = "within_band(computed, i.at_least, i.at_most) AS priority"


def closed_ones(condition: str = "true") -> str:
    """As `OPEN` for history; `condition` on `i`: those that fail it are left out before any priority is computed."""
    return (
        f"FROM (SELECT i.*, {_ALONE}, {_NO_INCIDENT}, {_PRICED_ALONE} AS computed, {_WITHIN} "
        f"FROM inquiry_closed AS i WHERE {condition}) AS f"
    )


# Of some inquiries. Among the many closed ones row numbers are found first, for the other columns are wide.
_SOME_OPEN = f"{OPEN} WHERE list_contains($ids::UUID[], f.inquiry_id)"
_SOME_ROWS = "SELECT rowid FROM inquiry_closed WHERE inquiry_id IN (SELECT unnest($ids)::UUID)"
_SOME_CLOSED = f"{closed_ones(f'i.rowid IN ({_SOME_ROWS})')} WHERE true"


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


def rows_by_id(
    cursor: Connection, ids: Collection[Id], *, moment: datetime, cache: InquiryCache | None = None
) -> list[FeedRow]:
    """These inquiries, open or closed, most pressing first. `cache`: what was read before."""
    cache = cache or InquiryCache()
    rows = _open_rows(cursor, ids, cache, moment)
    if left := set(ids) - {row.inquiry.inquiry_id for row in rows}:
        found = cursor.execute(
            f"SELECT {RANKED} {_SOME_CLOSED}", {"ids": [written(one) for one in left], "moment": moment}
        ).fetchall()
        rows += listed_rows(cursor, found, cache, moment=moment)
    return sorted(rows, key=lambda row: (row.priority, row.inquiry.inquiry_id), reverse=True)


def _open_rows(cursor: Connection, ids: Collection[Id], cache: InquiryCache, moment: datetime) -> list[FeedRow]:
    """Those that are open, in any order, with the priority that `feed_at` would say."""
    shown = fetch(cursor, "inquiry_open", "inquiry_id, ver, seen_at", "inquiry_id", ids)
    known = cache.read(cursor, [(one, "inquiry_open") for one in shown])
    beside = around(cursor, [inquiry for inquiry, _ in known.values()])
    rows = []
    for one, (kept, author) in known.items():
        facts, incident, number = beside[one]
        inquiry = awake(kept, moment)
        tag = IncidentTag(incident, number, facts.persons) if incident and number is not None else None
        moving = moving_terms(inquiry, facts, moment)
        priority = within_band(inquiry, computed := inquiry.points + sum(moving.values()))
        moving["band_set"] = priority - computed
        rows.append(FeedRow(inquiry, priority, author, _terms(inquiry, moving), tag))
    return rows


def held(cursor: Connection, ids: Collection[Id], filters: Filters, *, moment: datetime, bands: Bands) -> set[Id]:
    """Which of these a view shows."""
    if not ids:
        return set()
    conditions, bound = where(filters, bands)
    tables = [_SOME_OPEN, *([_SOME_CLOSED] if "closed" in filters.states else [])]
    condition = " AND ".join(conditions) or "true"
    selects = " UNION ALL ".join(f"SELECT f.inquiry_id {table} AND {condition}" for table in tables)
    found = cursor.execute(
        selects,
        {**bound, "ids": [written(one) for one in ids], "moment": moment},
    ).fetchall()
    return {one.bytes for (one,) in found}


RANKED = (
    "f.inquiry_id, f.ver, f.seen_at, f.state, f.priority, f.computed, f.repeats, f.first_since, f.approaches, "
    "f.incident_persons, f.incident_id, f.incident_number"
)
"""What `listed_rows` reads: what the moment and other rows decide, and what tells whether an inquiry is still the one
that was read before."""


def listed_rows(
    cursor: Connection, listed: Sequence[tuple[Any, ...]], cache: InquiryCache, *, moment: datetime
) -> tuple[FeedRow, ...]:
    """These rows in the same order; who has changed in the meantime is left out."""
    tables = {True: "inquiry_closed", False: "inquiry_open"}
    wanted = [((one.bytes, ver, seen), tables[state == "closed"]) for one, ver, seen, state, *_ in listed]
    known = cache.read(cursor, wanted)
    rows = []
    for one, _, _, state, priority, computed, *beside, incident, number in listed:
        if one.bytes in known:
            inquiry, author = known[one.bytes]
            if inquiry.state != state:  # it has slept long enough
                inquiry = inquiry._replace(state=state)
            facts = Beside(*beside)
            moving = moving_terms(inquiry, facts, inquiry.closed_at or moment) | {"band_set": priority - computed}
            tag = IncidentTag(incident.bytes, number, facts.persons) if incident else None
            rows.append(FeedRow(inquiry, priority, author, _terms(inquiry, moving), tag))
    return tuple(rows)


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
    (told, path), said = person_of(cursor, rows[0].inquiry), said_in(cursor, rows[0].inquiry)
    return InquiryPage(rows[0], said.posts, said.events, told, path, said.approaches)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said and done around an inquiry, as `InquiryPage` has it."""

    posts: tuple[ThreadPost, ...]
    events: tuple[HistoryEvent, ...]
    approaches: tuple[Approacher, ...]


def said_in(cursor: Connection, inquiry: Inquiry) -> Said:
    events = history_of(cursor, inquiry.inquiry_id, inquiry.opened_at)
    return Said(tuple(_thread(cursor, inquiry)), events, approachers(cursor, inquiry.inquiry_id))


def person_of(cursor: Connection, inquiry: Inquiry) -> tuple[Told, tuple[Step, ...]]:
    """What this customer has told us, and on which way they came."""
    return told_by(cursor, inquiry.person_id, inquiry.opened_at - NEAR), path_to(cursor, inquiry)


def told_by(cursor: Connection, person_id: Id, since: datetime) -> Told:
    """What a person has told us, in any channel: an address or a device whenever it was, of the trouble itself only
    since `since`. Deleted posts tell nothing, and claimed links are not followed."""
    found = cursor.execute(
        "SELECT account_id FROM account WHERE person_id = $1 OR account_id = $1", [as_uuid(person_id)]
    ).fetchall()
    accounts = list({person_id, *(account.bytes for (account,) in found)})
    wrote = among("account_id", accounts) if found else among("post_id", accounts)  # who has no account wrote one post
    # What was said before they came need not be read.
    first = cursor.execute(f"SELECT min(opened_at) FROM inquiry WHERE {among('person_id', accounts)}").fetchone()
    if first is None or first[0] is None:
        return Told(frozenset(), {})
    found = cursor.execute(
        f"""
        SELECT posted_at >= $since, facts -> 'given', facts -> 'entities'
        FROM post
        WHERE {wrote} AND posted_at >= $from AND NOT staff AND deleted_at IS NULL
          AND (facts -> 'given') IS NOT NULL
        ORDER BY posted_at, native_order
        """,
        {"since": since, "from": first[0] - NEAR},
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
            WHERE (thread_id = $thread OR inquiry_id = $inquiry) AND posted_at BETWEEN $from AND $until
            ORDER BY ours DESC,
                     greatest(epoch($opened) - epoch(posted_at), epoch(posted_at) - epoch($last), 0),
                     posted_at DESC, native_order DESC
            LIMIT $room
        )
        SELECT p.post_id, p.account_id, p.posted_at, p.edited_at, p.deleted_at, p.seen_at, p.version, p.text, p.lang,
               p.staff, coalesce(p.inquiry_id = $inquiry, false) AS ours, p.permalink, p.facts ->> 'place'
        FROM post AS p
        WHERE p.rowid IN (SELECT number FROM near) AND p.posted_at BETWEEN $from AND $until
        ORDER BY p.posted_at, p.native_order
        """,
        {
            "inquiry": as_uuid(inquiry.inquiry_id),
            "thread": as_uuid(inquiry.thread_id),
            "opened": inquiry.opened_at,
            "last": inquiry.last_post_at,
            "from": inquiry.opened_at - AROUND,
            "until": max(inquiry.last_post_at, inquiry.answered_at or inquiry.last_post_at) + AROUND,
            "room": THREAD_LIMIT,
        },
    ).fetchall()
    names = _accounts(cursor, {str(row[1]) for row in rows if row[1]})
    for post, account, posted, edited, deleted, seen, version, text, lang, staff, ours, permalink, place in rows:
        name, handle, role, suspect = names.get(account, ("", None, "customer", False))
        yield ThreadPost(
            post.bytes, name, handle, role, posted, edited, deleted, seen, version, text, lang, staff, suspect, ours,
            permalink, place,
        )  # fmt: skip


def _accounts(cursor: Connection, ids: Collection[str]) -> dict[UUID, tuple[str, str | None, str, bool]]:
    found = cursor.execute(
        "SELECT account_id, name, handle, role, coalesce(suspect, false) FROM account "
        "WHERE account_id IN (SELECT unnest(?)::UUID)",
        [list(ids)],
    ).fetchall()
    return {account: (name, handle, role, suspect) for account, name, handle, role, suspect in found}


def _terms(inquiry: Inquiry, moving: Mapping[str, float]) -> tuple[Term, ...]:
    """`waiting` is stored for its rate; its points depend on the moment, as those of the other moving terms do."""
    stored = (
        Term(reason.rule, reason.points, reason.post_id, reason.start, reason.end)
        for reason in inquiry.reasons
        if reason.rule != "waiting"
    )
    added = (Term(rule, points) for rule, points in moving.items() if points)
    return tuple(sorted((*stored, *added), key=lambda term: (-abs(term.points), term.rule)))
