"""How inquiries stood at a moment in the past: folded again from what we knew then, and priced by the same macros.

What is not known any more is taken as it is now: the wording of an edited post, and which accounts are one person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.config import clock_of
from aggregator.folding.fold import FoldPost, fold
from aggregator.folding.refold import events_of, inquiries_by_id, posts_of, subject_of
from aggregator.identity import Id
from aggregator.inquiry import Event, Inquiry
from aggregator.store import rows
from aggregator.store.reading import IncidentTag, Term

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.database import Connection


@dataclass(frozen=True, slots=True)
class Then:
    """One inquiry at the moment. `terms` sum to `priority`, strongest first."""

    inquiry: Inquiry
    priority: float
    terms: tuple[Term, ...]


_PRICES = """
SELECT id, priority, waiting, overdue, repeated, first_contact, approached, incident, priority - computed AS band_set
FROM (
    SELECT *, within_band(computed, at_least, at_most) AS priority
    FROM (
        SELECT *, points + waiting + overdue + repeated + first_contact + approached + incident AS computed
        FROM (
            SELECT *,
                share_of(points) * waiting_points(wait_per_hour, wait_cap, waiting_since, $1) AS waiting,
                share_of(points) * overdue_points(due_at, $1) AS overdue,
                share_of(points) * repeat_points(repeats) AS repeated,
                share_of(points)
                    * first_contact_points(wait_per_hour, wait_cap, waiting_since, first_since, $1) AS first_contact,
                room_of(points) * approached_points(approaches) AS approached,
                room_of(points) * incident_points(persons) AS incident
            FROM wanted
        )
    )
)
"""
_MOVING = ("waiting", "overdue", "repeat_contact", "first_contact", "approached", "incident_size", "band_set")


def stood(con: Connection, settings: Settings, wanted: Collection[Id], moment: datetime) -> dict[Id, Then]:
    """Those of the inquiries that there were at the moment, as they stood then; closed ones included."""
    folded = _folded(con, settings, wanted, moment)
    contacts = _contacts(con, folded.values())
    others = _same_contact(con, contacts, folded, moment)
    beside = folded | _folded(con, settings, others - folded.keys(), moment)
    repeats = _repeats(beside, contacts | _contacts(con, beside.values()))
    priced = _priced(con, folded, repeats, moment)
    return {one: Then(folded[one], *priced[one]) for one in folded}


def incidents_then(con: Connection, inquiries: Collection[Id], moment: datetime) -> dict[Id, IncidentTag]:
    """The incident to which each belonged, and how many persons reported it then."""
    found = rows.select(
        con,
        """
        WITH member AS (
            SELECT m.incident_id, m.inquiry_id, coalesce(a.person_id, m.person_id) AS person_id
            FROM incident_member AS m LEFT JOIN account AS a ON a.account_id = m.person_id
            WHERE m.joined_at <= $1 AND (m.left_at IS NULL OR m.left_at > $1)
        ), size AS (SELECT incident_id, count(DISTINCT person_id) AS persons FROM member GROUP BY 1)
        SELECT m.inquiry_id, i.incident_id, i.number, s.persons
        FROM member AS m JOIN incident AS i USING (incident_id) JOIN size AS s USING (incident_id)
        WHERE m.inquiry_id IN (SELECT id FROM wanted)
        ORDER BY i.number
        """,
        rows.ids(inquiries),
        [moment],
    )
    return {inquiry: IncidentTag(incident, number, persons) for inquiry, incident, number, persons in found}


def _folded(con: Connection, settings: Settings, wanted: Collection[Id], moment: datetime) -> dict[Id, Inquiry]:
    stored = inquiries_by_id(con, wanted) if wanted else {}
    if not stored:
        return {}
    since = min(inquiry.opened_at for inquiry in stored.values())
    deleted_later = {
        post
        for (post,) in rows.select(
            con,
            "SELECT post_id FROM post WHERE inquiry_id IN (SELECT id FROM wanted) AND deleted_at > $1",
            rows.ids(stored),
            [moment],
        )
    }
    posts = posts_of(con, set(stored), since)
    events = events_of(con, stored, None)
    folded = {}
    for one, now in stored.items():
        known = [_then(post, deleted_later) for post in posts.get(one, ()) if post.seen_at <= moment]
        if not any(not post.staff for post in known):
            continue
        done: list[Event] = [event for event in events.get(one, ()) if event.happened_at <= moment]
        folded[one] = fold(subject_of(now), known, done, clock_of(settings, now.channel), settings.points, now.ver)
    return folded


def _then(post: FoldPost, deleted_later: Collection[Id]) -> FoldPost:
    return post._replace(deleted=False) if post.post_id in deleted_later else post


def _contacts(con: Connection, inquiries: Collection[Inquiry]) -> dict[Id, Id]:
    """Account -> the one contact that several accounts are; those that stand alone are absent."""
    people = {inquiry.person_id for inquiry in inquiries}
    if not people:
        return {}
    sql = "SELECT account_id, contact_id FROM contact WHERE account_id IN (SELECT id FROM wanted)"
    return dict(rows.select(con, sql, rows.ids(people)))


def _same_contact(
    con: Connection, contacts: Mapping[Id, Id], folded: Mapping[Id, Inquiry], moment: datetime
) -> set[Id]:
    """Further inquiries of the same contacts that may have waited then."""
    people = {inquiry.person_id for inquiry in folded.values()}
    if not people:
        return set()
    accounts = people | {
        account
        for (account,) in rows.select(
            con,
            "SELECT account_id FROM contact WHERE contact_id IN (SELECT id FROM wanted)",
            rows.ids(set(contacts.values())),
        )
    }
    found = rows.select(
        con,
        "SELECT inquiry_id FROM inquiry WHERE person_id IN (SELECT id FROM wanted) "
        "AND opened_at <= $1 AND (closed_at IS NULL OR closed_at > $1)",
        rows.ids(accounts),
        [moment],
    )
    return {one for (one,) in found}


def _repeats(inquiries: Mapping[Id, Inquiry], contacts: Mapping[Id, Id]) -> dict[Id, tuple[int, datetime | None]]:
    """For each inquiry whose contact waited in several: how many others waited beside it, and since when the longest
    one. As `repeat_contact` (0011_shares.sql) has it: who only chats waits in no second place."""
    waited: defaultdict[Id, dict[Id, Inquiry]] = defaultdict(dict)
    for one, inquiry in inquiries.items():
        if inquiry.waiting_since is not None and inquiry.state != "closed" and inquiry.kind != "other":
            waited[contacts.get(inquiry.person_id, inquiry.person_id)][one] = inquiry
    found: dict[Id, tuple[int, datetime | None]] = {}
    for one, inquiry in inquiries.items():
        theirs = waited[contacts.get(inquiry.person_id, inquiry.person_id)]
        if len(theirs) > 1:
            running = [each.waiting_since for each in theirs.values() if each.wait_per_hour > 0 and each.waiting_since]
            found[one] = (len(theirs) - 1 if one in theirs else 0, min(running, default=None))
    return found


def _priced(
    con: Connection,
    folded: Mapping[Id, Inquiry],
    repeats: Mapping[Id, tuple[int, datetime | None]],
    moment: datetime,
) -> dict[Id, tuple[float, tuple[Term, ...]]]:
    if not folded:
        return {}
    incidents = incidents_then(con, folded, moment)
    approaches = dict(
        rows.select(
            con,
            "SELECT inquiry_id, count(DISTINCT account_id) FROM approach "
            "WHERE inquiry_id IN (SELECT id FROM wanted) AND approached_at <= $1 "
            "AND (withdrawn_at IS NULL OR withdrawn_at > $1) GROUP BY 1",
            rows.ids(folded),
            [moment],
        )
    )
    columns = ("points", "wait_per_hour", "wait_cap", "waiting_since", "due_at", "at_least", "at_most")
    priced = [
        (
            *(getattr(inquiry, name) for name in columns),
            one,
            *repeats.get(one, (0, None)),
            approaches.get(one, 0),
            incidents[one].persons if one in incidents else 0,
        )
        for one, inquiry in folded.items()
    ]
    schema = rows.Schema({name: rows.INQUIRY[name] for name in columns} | {
        "id": rows.UUIDS, "repeats": rows.INT, "first_since": rows.TIME, "approaches": rows.INT, "persons": rows.INT,
    })  # fmt: skip
    found = rows.select(con, _PRICES, rows.table(schema, priced), [moment])
    return {one: (priority, _terms(folded[one], points)) for one, priority, *points in found}


def _terms(inquiry: Inquiry, moving: Collection[float]) -> tuple[Term, ...]:
    stored = (
        Term(reason.rule, reason.points, reason.post_id, reason.start, reason.end)
        for reason in inquiry.reasons
        if reason.rule != "waiting"
    )
    computed = (Term(rule, points) for rule, points in zip(_MOVING, moving, strict=True) if points)
    return tuple(sorted((*stored, *computed), key=lambda term: (-abs(term.points), term.rule)))
