"""Everything that is known of one person: accounts and how each is known, inquiries over all channels, promises of
ours, and who approached that person. What only a claim links is listed without a word of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson

from aggregator.acting.flags import verdicts
from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR
from aggregator.people.search import counted
from aggregator.store import rows
from aggregator.store.contacts import Approacher, Known, Level, approachers, linked, namesakes
from aggregator.store.history import HistoryEvent
from aggregator.store.reading import FeedRow, Told, rows_by_id, told_by
from aggregator.triage.slots import SLOTS

if TYPE_CHECKING:
    from aggregator.acting.flags import Flag
    from aggregator.store.rows import Connection

PAGE = 50
TOLD_BACK = timedelta(days=30)  # what was told of a trouble before that no longer counts
SURE: tuple[Level, ...] = ("same", "verified")
"""Only of these accounts are words shown: of them alone is it certain that they are the same person."""
_LISTED: tuple[Level, ...] = (*SURE, "claimed")
_MOST_APPROACHED = 10
_EVENTS = 20

Key = tuple[datetime, Id]
Fate = Literal["runs", "kept", "late", "broken", "over"]


@dataclass(frozen=True, slots=True)
class Account:
    """One account, and how it is known to be this person's."""

    account_id: Id
    space: str
    native_id: str
    name: str
    handle: str | None
    followers: int | None
    role: str
    suspect: bool | None
    suspect_reason: str | None
    suspect_at: datetime | None
    suspect_by: str | None
    known: Known
    flag: Flag | None
    open: int
    inquiries: int
    last_post_at: datetime | None

    @property
    def account(self) -> str:
        return written(self.account_id)


@dataclass(frozen=True, slots=True)
class Promised:
    """What an answer of ours promised. runs: there is time left; over: nothing is owed any more."""

    made_at: datetime
    until: datetime
    fate: Fate


@dataclass(frozen=True, slots=True)
class PersonInquiry:
    """One of the person's inquiries. `sure`: its words may be shown. `given`: what was told in it."""

    row: FeedRow
    level: Level
    given: tuple[str, ...]
    promises: tuple[Promised, ...]

    @property
    def sure(self) -> bool:
        return self.level in SURE


@dataclass(frozen=True, slots=True)
class Person:
    """`accounts`: the one that was asked for first. `older`: where the list of inquiries goes on."""

    accounts: tuple[Account, ...]
    inquiries: tuple[PersonInquiry, ...]
    older: Key | None
    told: Told
    approaches: tuple[tuple[str, Approacher], ...]  # with the code of the inquiry
    approached: tuple[tuple[str, datetime], ...]  # inquiries whose customers this account approached
    events: tuple[HistoryEvent, ...]

    @property
    def this(self) -> Account:
        return self.accounts[0]

    def at(self, *levels: Level) -> list[Account]:
        """Those accounts that are known so."""
        return [each for each in self.accounts if each.known.level in levels]


def person_of(cursor: Connection, account: Id, *, moment: datetime, before: Key | None = None) -> Person | None:
    """The person behind an account; None: there is no such account.

    before: show inquiries that are older than this one.
    """
    known = known_accounts(cursor, account)
    accounts = _accounts(cursor, account, known)
    if not accounts or accounts[0].account_id != account:
        return None
    listed = {each.account_id: each.known.level for each in accounts if each.known.level in _LISTED}
    keys = _newest(cursor, listed, before)
    page = keys[:PAGE]
    inquiries = _inquiries(cursor, page, listed, moment)
    ((person,),) = rows.fetch(cursor, "account", "person_id", "account_id", [account])
    return Person(
        accounts,
        inquiries,
        page[-1] if len(keys) > PAGE else None,
        told_by(cursor, person, moment - TOLD_BACK),
        _approaches(cursor, [each.row for each in inquiries if each.sure]),
        _approached_by(cursor, account) if accounts[0].suspect is not None else (),
        _events(cursor, known),
    )


def known_accounts(cursor: Connection, account: Id) -> dict[Id, Known]:
    """This account, all that are linked to it, that were, and that may be."""
    known = {account: Known("same")} | linked(cursor, account)
    for other in namesakes(cursor, account):
        known.setdefault(other, Known("suggested"))
    return known


_ORDER: tuple[Level, ...] = ("same", "verified", "claimed", "suggested", "undone")
_COLUMNS = (
    "account_id, space, native_id, name, handle, followers, role, suspect, suspect_reason, suspect_at, suspect_by"
)


def _accounts(cursor: Connection, this: Id, known: Mapping[Id, Known]) -> tuple[Account, ...]:
    counts = counted(cursor, known)
    flags = verdicts(cursor, "account", [written(one) for one in known])
    told = [
        (*row, known[row[0]], flags.get(written(row[0])), *counts.get(row[0], (0, 0, None)))
        for row in rows.fetch(cursor, "account", _COLUMNS, "account_id", known)
    ]
    accounts = [Account(*each) for each in told]
    accounts.sort(key=lambda each: (each.account_id != this, _ORDER.index(each.known.level), each.space, each.name))
    return tuple(accounts)


def _newest(cursor: Connection, accounts: Collection[Id], before: Key | None) -> list[Key]:
    """The keys of a page and of one more, newest first; of history only as much as that is read."""
    keys: list[Key] = []
    older = "AND (opened_at, inquiry_id) < (?, ?) " if before else ""
    for table in ("inquiry_open", "inquiry_closed"):
        keys += rows.select(
            cursor,
            f"SELECT opened_at, inquiry_id FROM {table} WHERE person_id IN (SELECT id FROM wanted) {older}"
            f"ORDER BY opened_at DESC, inquiry_id DESC LIMIT {PAGE + 1}",
            rows.ids(accounts),
            [before[0], as_uuid(before[1])] if before else [],
        )
    return sorted(keys, reverse=True)[: PAGE + 1]


def _inquiries(
    cursor: Connection, keys: Sequence[Key], levels: Mapping[Id, Level], moment: datetime
) -> tuple[PersonInquiry, ...]:
    if not keys:
        return ()
    ids = [inquiry for _, inquiry in keys]
    since = keys[-1][0]
    posts: dict[Id, list[tuple[Any, ...]]] = {}
    columns = "inquiry_id, staff, posted_at, deleted_at, facts ->> '$.promise', facts -> '$.given'"
    for inquiry, *said in rows.fetch(cursor, "post", columns, "inquiry_id", ids, "posted_at >= ?", [since - NEAR]):
        posts.setdefault(inquiry, []).append(tuple(said))
    for inquiry, at, details in rows.fetch(
        cursor,
        "inquiry_event",
        "inquiry_id, happened_at, details",
        "inquiry_id",
        ids,
        "happened_at >= ? AND what = 'reply'",
        [since],
    ):
        posts.setdefault(inquiry, []).append((True, at, None, orjson.loads(details).get("promise"), None))
    found = {row.inquiry.inquiry_id: row for row in rows_by_id(cursor, ids, moment=moment)}
    return tuple(
        _inquiry(found[one], posts.get(one, ()), levels[found[one].inquiry.person_id], moment)
        for one in ids
        if one in found
    )


def _inquiry(row: FeedRow, posts: Sequence[tuple[Any, ...]], level: Level, moment: datetime) -> PersonInquiry:
    standing = [said for said in posts if said[2] is None]
    answers = sorted(at for staff, at, *_ in standing if staff)
    given = {slot for staff, *_, slots in standing if slots and not staff for slot in orjson.loads(slots)}
    made = {(at, datetime.fromisoformat(until)) for staff, at, _, until, _ in standing if staff and until}
    promises = tuple(Promised(at, until, _fate(row, at, until, answers, moment)) for at, until in sorted(made))
    return PersonInquiry(row, level, tuple(slot for slot in SLOTS if slot in given), promises)


def _fate(row: FeedRow, made: datetime, until: datetime, answers: Sequence[datetime], moment: datetime) -> Fate:
    """Our next answer keeps it, if it comes in time. What is closed owes nothing any more."""
    following = next((at for at in answers if at > made), None)
    if following:
        return "kept" if following <= until else "late"
    closed = row.inquiry.closed_at
    if closed and closed <= until:
        return "over"
    return "runs" if until > moment else "broken"


def _approaches(cursor: Connection, found: Sequence[FeedRow]) -> tuple[tuple[str, Approacher], ...]:
    codes = {row.inquiry.inquiry_id: row.inquiry.code for row in found}
    if not codes:
        return ()
    sql = "SELECT DISTINCT inquiry_id FROM approach WHERE inquiry_id IN (SELECT id FROM wanted)"
    met = [inquiry for (inquiry,) in rows.select(cursor, sql, rows.ids(codes))][:_MOST_APPROACHED]
    return tuple((codes[inquiry], who) for inquiry in met for who in approachers(cursor, inquiry))


def _approached_by(cursor: Connection, account: Id) -> tuple[tuple[str, datetime], ...]:
    found = cursor.execute(
        "SELECT i.code, max(p.approached_at) FROM approach AS p JOIN inquiry AS i USING (inquiry_id) "
        "WHERE p.account_id = ? GROUP BY i.code ORDER BY 2 DESC LIMIT 50",
        [as_uuid(account)],
    ).fetchall()
    return tuple(found)


def _events(cursor: Connection, accounts: Collection[Id]) -> tuple[HistoryEvent, ...]:
    found = rows.fetch(cursor, "account_event", "happened_at, who, what, details, event_id", "account_id", accounts)
    newest = sorted(found, key=lambda row: (row[0], row[4]), reverse=True)[:_EVENTS]
    return tuple(HistoryEvent(at, who, what, orjson.loads(details), event) for at, who, what, details, event in newest)
