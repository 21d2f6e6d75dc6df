"""The same news to everybody who waits for it, in one go: who can be told, through what, and who was told already.

Each gets an answer of one's own, and no person more than one: on the channel where that person wrote last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import UUID

from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid
from aggregator.incidents.notices import LANGS, NoticeLang, notice_lang
from aggregator.outbox import asked, row
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.inquiry import Inquiry
    from aggregator.outbox.row import Row
    from aggregator.store.rows import Connection
    from connectors.replying import Asked, Window

Place = Literal["due", "elsewhere", "thanked", "closed", "told", "cannot"]
"""due: waits for it. elsewhere: the same person is told where they wrote last. thanked, closed: seems to need nothing.
These four can be answered. told: somebody has answered since. cannot: not from here."""
CHOICES: tuple[Place, ...] = ("due", "elsewhere", "thanked", "closed")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An inquiry of an incident. `told_by`, `told_at`: who has answered since, in this inquiry or, `where`, in another
    one of the same person; `where` is also the inquiry in which that person is told instead."""

    inquiry: Inquiry
    person: Id
    author: str
    place: Place
    window: Window | None = None
    told_by: str = ""
    told_at: datetime | None = None
    where: Inquiry | None = None
    post: Id | None = None  # that is answered


class Lot(NamedTuple):
    """What was sent to many at once; `answers`: how many were taken."""

    lot: UUID
    incident_id: UUID
    who: str
    taken_at: datetime
    answers: int


def told_since(con: Connection, incident: Id) -> dict[NoticeLang, datetime]:
    """An answer in a language from then on counts as the news: since the incident has ended, or its notice in this
    language says what it says.

    Raises:
        KeyError: there is no such incident.
    """
    found = con.execute("SELECT ended_at, began_at FROM incident WHERE incident_id = ?", [as_uuid(incident)]).fetchone()
    if found is None:
        raise KeyError(incident)
    ended_at, began_at = found
    if ended_at is not None:
        return dict.fromkeys(LANGS, ended_at)
    written = con.execute(
        "SELECT lang, max(written_at) FROM incident_notice WHERE incident_id = ? GROUP BY lang", [as_uuid(incident)]
    ).fetchall()
    return dict.fromkeys(LANGS, began_at) | dict(written)


def candidates(
    con: Connection,
    incident: Id,
    since: Mapping[NoticeLang, datetime],
    window: Callable[[Inquiry, Asked | None], Window],
) -> list[Candidate]:
    """Everybody in it, who wrote last first.

    Args:
        since: an answer in this language from then on counts as the news.
        window: whether a platform takes an answer to a post.
    """
    people = _people(con, incident)
    inquiries = inquiries_by_id(con, people)
    latest = sorted(inquiries.values(), key=lambda each: (each.last_post_at, each.inquiry_id), reverse=True)
    told = _told(con, latest, since)
    targets = asked.newest_posts(con, latest, row.of_inquiries(con, list(inquiries)))
    by_person: dict[Id, list[Inquiry]] = {}
    for inquiry in latest:
        by_person.setdefault(people[inquiry.inquiry_id][0], []).append(inquiry)
    found: dict[Id, Candidate] = {}
    for person, theirs in by_person.items():
        news = next((each for each in theirs if each.inquiry_id in told), None)
        chosen: Inquiry | None = None
        for inquiry in theirs:
            author = people[inquiry.inquiry_id][1]
            if news is not None:
                who, at = told[news.inquiry_id]
                where = None if news is inquiry else news
                found[inquiry.inquiry_id] = Candidate(inquiry, person, author, "told", None, who, at, where)
                continue
            post, to = targets.get(inquiry.inquiry_id, (None, None))
            reach = window(inquiry, to)
            place = _place(inquiry, reach, chosen)
            where = chosen if place == "elsewhere" else None
            found[inquiry.inquiry_id] = Candidate(inquiry, person, author, place, reach, where=where, post=post)
            chosen = inquiry if place == "due" else chosen
    return [found[each.inquiry_id] for each in latest]


def _place(inquiry: Inquiry, window: Window, chosen: Inquiry | None) -> Place:
    if window.why is not None:
        return "cannot"
    if chosen is not None:
        return "elsewhere"
    if inquiry.thanks:
        return "thanked"
    return "closed" if inquiry.state == "closed" else "due"


def _people(con: Connection, incident: Id) -> dict[Id, tuple[Id, str]]:
    """Of each inquiry that is in it: whose it is, over channels, and what that account is called."""
    found = con.execute(
        "SELECT DISTINCT m.inquiry_id, coalesce(a.person_id, m.person_id), coalesce(a.name, '') "
        "FROM incident_member AS m LEFT JOIN account AS a ON a.account_id = m.person_id "
        "WHERE m.incident_id = ? AND m.left_at IS NULL",
        [as_uuid(incident)],
    ).fetchall()
    return {inquiry.bytes: (person.bytes, name) for inquiry, person, name in found}


def _told(
    con: Connection, inquiries: Sequence[Inquiry], since: Mapping[NoticeLang, datetime]
) -> dict[Id, tuple[str, datetime]]:
    """Those that were answered since, from here or on their platform, by whom and when."""
    start = {each.inquiry_id: since[notice_lang(each.lang)] for each in inquiries}
    told = {
        each.inquiry_id: ("", each.answered_at)
        for each in inquiries
        if each.answered_at is not None and each.answered_at >= start[each.inquiry_id]
    }
    sent = rows.fetch(
        con,
        "outbox",
        "inquiry_id, who, written_at",
        "inquiry_id",
        [*start],
        "written_at >= ? AND (state IN ('held', 'sending', 'sent') OR (state = 'unknown' AND settled_at IS NULL))",
        [min(since.values())],
    )
    later = (each for each in sorted(sent, key=lambda each: each[2]) if each[2] >= start[each[0]])
    return told | {inquiry: (who, at) for inquiry, who, at in later}


def lot(con: Connection, lot_id: UUID) -> tuple[Lot, list[Row]]:
    """A lot and its answers, in the order in which they are sent. Raises KeyError: there is none."""
    found = con.execute("SELECT lot, incident_id, who, taken_at, answers FROM answer_lot WHERE lot = ?", [lot_id])
    if (one := found.fetchone()) is None:
        raise KeyError(lot_id)
    return Lot(*one), row.of_lot(con, lot_id)


def lots(con: Connection, incident: Id) -> list[Lot]:
    """The latest first."""
    found = con.execute(
        "SELECT lot, incident_id, who, taken_at, answers FROM answer_lot WHERE incident_id = ? ORDER BY taken_at DESC",
        [as_uuid(incident)],
    ).fetchall()
    return [Lot(*each) for each in found]


def once_each(found: Iterable[Candidate], wanted: Mapping[Id, str]) -> list[tuple[Candidate, str]]:
    """Of those that are wanted, with their texts, the ones that can be answered: one of each person, where that person
    wrote last."""
    taken: dict[Id, tuple[Candidate, str]] = {}
    for one in found:
        text = wanted.get(one.inquiry.inquiry_id)
        if text is not None and one.place in CHOICES:
            taken.setdefault(one.person, (one, text))
    return list(taken.values())
