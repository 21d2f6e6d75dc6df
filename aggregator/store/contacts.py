"""What the page of an inquiry tells of people: on which way somebody came here, and who approached that person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aggregator.identity import Id, as_uuid, code, stable_id, written
from aggregator.inquiry import Inquiry
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

Level = Literal["same", "verified", "claimed", "suggested", "undone"]
"""same: the same account; undone: a colleague said that it is somebody else."""

BACK = timedelta(days=30)  # what was closed before that is not told
_MOST = 12  # steps
_TOLD = 3  # inquiries that an impostor approached
_MOST_OF_A_NAME = 5  # accounts that share one: more is a common name
_SHORTEST = {True: 5, False: 2}  # letters of a name that may tell somebody, Latin and other ones
_INQUIRY = "inquiry_id, code, channel, state, opened_at, coalesce(title, excerpt), person_id"


@dataclass(frozen=True, slots=True)
class Step:
    """One inquiry of a person. Only where it is surely the same person `words` are shown."""

    inquiry_id: Id
    code: str
    channel: str
    state: str
    opened_at: datetime
    words: str
    account_id: Id
    name: str
    followers: int | None
    level: Level
    kinds: tuple[str, ...]  # of the evidence
    undone_by: str | None
    here: bool

    @property
    def inquiry(self) -> str:
        return written(self.inquiry_id)

    @property
    def account(self) -> str:
        return written(self.account_id)


@dataclass(frozen=True, slots=True)
class Approacher:
    """Somebody who is not one of us, and answered this customer."""

    account_id: Id
    name: str
    handle: str | None
    reason: str
    approached_at: datetime
    permalink: str | None
    withdrawn_at: datetime | None
    judged_by: str | None

    @property
    def account(self) -> str:
        return written(self.account_id)


@dataclass(frozen=True, slots=True)
class Known:
    """How an account is known to be somebody's."""

    level: Level
    kinds: tuple[str, ...] = ()
    undone_by: str | None = None


def path_to(cursor: Connection, inquiry: Inquiry) -> tuple[Step, ...]:
    """The inquiries of this one's person, the first contact first; empty: this is the only one."""
    accounts = {inquiry.person_id: Known("same")} | linked(cursor, inquiry.person_id)
    for account in namesakes(cursor, inquiry.person_id):
        accounts.setdefault(account, Known("suggested"))
    since = inquiry.opened_at - BACK
    found = rows.fetch(cursor, "inquiry_open", _INQUIRY, "person_id", accounts)
    found += rows.fetch(cursor, "inquiry_closed", _INQUIRY, "person_id", accounts, "last_post_at >= ?", [since])
    if len(found) < 2:
        return ()
    told = {row[0]: row[1:] for row in rows.fetch(cursor, "account", _ACCOUNT, "account_id", accounts)}
    steps = [_step(row, told, accounts[row[-1]], row[0] == inquiry.inquiry_id) for row in found]
    steps.sort(key=lambda step: (step.opened_at, step.inquiry_id))
    here = next((at for at, step in enumerate(steps) if step.here), 0)
    first = max(0, min(here - _MOST + 1, len(steps) - _MOST))
    return tuple(steps[first : first + _MOST])


_ACCOUNT = "account_id, name, followers"


def _step(row: tuple[Any, ...], told: dict[Id, tuple[Any, ...]], known: Known, here: bool) -> Step:
    inquiry, called, channel, state, opened_at, words, person = row
    name, followers = told.get(person, ("", None))
    sure = known.level in ("same", "verified")
    return Step(
        inquiry, called, channel, state, opened_at, words if sure else "", person, name, followers, known.level,
        known.kinds, known.undone_by, here,
    )  # fmt: skip


def linked(cursor: Connection, account: Id) -> dict[Id, Known]:
    """Accounts that are linked to this one, and those that were."""
    if not cursor.execute("SELECT 1 FROM person_link WHERE account_id = ? LIMIT 1", [as_uuid(account)]).fetchone():
        return {}
    contact = "SELECT contact_id FROM person_link WHERE undone_at IS NULL AND account_id IN (FROM this)"
    values = f"SELECT value FROM person_link WHERE contact_id IN ({contact}) OR account_id IN (FROM this)"
    found = rows.select(
        cursor,
        "WITH this AS MATERIALIZED (SELECT id FROM wanted) "
        "SELECT account_id, person_id, kind, undone_by, undone_at IS NOT NULL FROM person_link "
        f"WHERE contact_id IN ({contact}) OR value IN ({values}) ORDER BY kind",
        rows.ids([account]),
    )
    me = next((person for one, person, _, _, undone in found if one == account and not undone), account)
    linked: dict[Id, Known] = {}
    for one, person, kind, undone_by, undone in found:
        if one == account:
            continue
        before = linked.get(one)
        if undone:
            linked.setdefault(one, Known("undone", (kind,), undone_by))
        else:
            kinds = before.kinds if before and before.level != "undone" else ()
            linked[one] = Known("verified" if person == me else "claimed", tuple(dict.fromkeys((*kinds, kind))))
    return linked


def apart(one: Id, other: Id) -> Id:
    """What stands for two accounts of one name of which a colleague said that they are two persons."""
    return stable_id("apart", *sorted((one.hex(), other.hex())))


def namesakes(cursor: Connection, account: Id) -> list[Id]:
    """Accounts on other platforms that have the same name or handle, if few have it."""
    this = as_uuid(account)
    mine = cursor.execute("SELECT name, handle, space FROM account WHERE account_id = ?", [this]).fetchone()
    if mine is None:
        return []
    wanted = [name for name in dict.fromkeys(mine[:2]) if name and len(name) >= _SHORTEST[name.isascii()]]
    if not wanted:
        return []
    found = cursor.execute(
        "SELECT account_id FROM account WHERE (name IN (SELECT unnest($names)) OR handle IN (SELECT unnest($names))) "
        "AND space <> $space AND role = 'customer' AND account_id <> $this LIMIT $most",
        {"names": wanted, "space": mine[2], "this": this, "most": _MOST_OF_A_NAME + 1},
    ).fetchall()
    others = [one.bytes for (one,) in found]
    if len(others) > _MOST_OF_A_NAME or not others:
        return []
    pairs = {apart(account, other): other for other in others}
    said = rows.select(
        cursor,
        "SELECT value FROM person_link WHERE kind = 'name' AND value IN (SELECT id FROM wanted)",
        rows.ids(pairs),
    )
    return [other for value, other in pairs.items() if (value,) not in said]


def approachers(cursor: Connection, inquiry_id: Id) -> tuple[Approacher, ...]:
    """Who answered this customer and is none of us; also those of whom a colleague said that they are harmless."""
    found = cursor.execute(
        "SELECT a.account_id, a.name, a.handle, p.reason, p.approached_at, p.post_id, p.withdrawn_at, a.suspect_by "
        "FROM approach AS p JOIN account AS a USING (account_id) WHERE p.inquiry_id = ? ORDER BY p.approached_at",
        [as_uuid(inquiry_id)],
    ).fetchall()
    if not found:
        return ()
    posts = [row[5].bytes for row in found]
    since = [found[0][4]]  # a post was written when it approached
    links = dict(rows.fetch(cursor, "post", "post_id, permalink", "post_id", posts, "posted_at >= ?", since))
    first = {row[0]: row for row in reversed(found)}  # once for each account
    return tuple(
        Approacher(account.bytes, name, handle, reason, at, links.get(post.bytes), withdrawn, by)
        for account, name, handle, reason, at, post, withdrawn, by in sorted(first.values(), key=lambda row: row[4])
    )


@dataclass(frozen=True, slots=True)
class Impersonator:
    """One row of the view `impersonator`."""

    account_id: Id
    space: str
    native_id: str
    name: str
    handle: str | None
    score: float
    reason: str
    since: datetime
    approached: int
    last_approach_at: datetime | None
    codes: tuple[str, ...]  # of the inquiries that were approached last, the newest first

    @property
    def account(self) -> str:
        return written(self.account_id)


def impersonators(cursor: Connection) -> list[Impersonator]:
    """For moderation, the latest first."""
    found = cursor.execute(
        "SELECT m.account_id, m.space, m.native_id, m.name, m.handle, m.suspect_score, m.suspect_reason, m.suspect_at, "
        "m.approached, m.last_approach_at, p.ids FROM impersonator AS m LEFT JOIN "
        f"(SELECT account_id, max_by(inquiry_id, approached_at, {_TOLD}) AS ids FROM approach GROUP BY 1) AS p "
        "USING (account_id) ORDER BY coalesce(m.last_approach_at, m.suspect_at) DESC, m.account_id LIMIT 500"
    ).fetchall()
    told = [
        (account.bytes, *facts, tuple(dict.fromkeys(code(each.bytes) for each in ids or ())))
        for account, *facts, ids in found
    ]
    return [Impersonator(*each) for each in told]
