"""What colleagues say of accounts: the same person or not, an impostor or none, blocked.

It can be taken back, and has a history: of the inquiry on whose page it was said, else of the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from aggregator.acting.flags import report
from aggregator.config import Settings
from aggregator.folding.noting import in_json
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid, time_ordered_id, written
from aggregator.people.links import confirm, link_again, unlink, waiting_inquiries
from aggregator.people.person import known_accounts
from aggregator.people.suspects import judge
from aggregator.store import rows
from aggregator.store.database import Connection, Database

Said = Literal["unlink", "link", "clear", "suspect"]
"""On the page of an inquiry, of an account that it shows."""
About = Literal["unlink", "link", "confirm", "prove"]
"""On the page of a person, of another account that it shows."""
Verdict = Literal["clear", "suspect", "flag", "block"]
"""Of one account, wherever it is listed."""


async def say(
    db: Database, settings: Settings, inquiry_id: Id, account: Id, who: str, what: Said, now: datetime
) -> set[Id]:
    """Say it of an account that the page of an inquiry shows. Returns the inquiries that rank otherwise now.

    Raises:
        KeyError: there is no such inquiry or account.
    """
    return await db.write(lambda con: _say(con, settings, inquiry_id, account, who, what, now))


async def say_about(
    db: Database, mine: Id, theirs: Id, who: str, what: About, now: datetime, reason: str = ""
) -> set[Id]:
    """Say of account `theirs` whether it is the person of account `mine`. Returns the inquiries that rank otherwise.

    Raises:
        KeyError: there is no such account, or the page of that person does not show the other.
    """
    return await db.write(lambda con: _say_about(con, mine, theirs, who, what, now, reason))


async def say_of(
    db: Database, settings: Settings, account: Id, who: str, what: Verdict, now: datetime, reason: str = ""
) -> set[Id]:
    """Say it of an account. Returns the inquiries that changed.

    Raises:
        KeyError: there is no such account, or, to clear or suspect it, it was never marked.
    """
    return await db.write(lambda con: _say_of(con, settings, account, who, what, now, reason))


def _say(
    con: Connection, settings: Settings, inquiry_id: Id, account: Id, who: str, what: Said, now: datetime
) -> set[Id]:
    inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    name = _name(con, account)
    if what in ("clear", "suspect"):
        changed = judge(con, settings, account, who, now, suspect=what == "suspect")
    elif account == inquiry.person_id:
        raise KeyError(account)
    elif what == "unlink":
        changed = waiting_inquiries(con, unlink(con, inquiry.person_id, account, who, now))
    else:
        changed = waiting_inquiries(con, link_again(con, inquiry.person_id, account, now))
    at = max(now, inquiry.opened_at)
    con.execute(
        "INSERT INTO inquiry_event (event_id, inquiry_id, happened_at, who, what, details, ver) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [_number(at), as_uuid(inquiry_id), at, who, what, in_json(_told(account, name)), inquiry.ver],
    )
    return changed | {inquiry_id}


def _say_about(con: Connection, mine: Id, theirs: Id, who: str, what: About, now: datetime, reason: str) -> set[Id]:
    name = _name(con, theirs)
    if mine == theirs or theirs not in known_accounts(con, mine):
        raise KeyError(theirs)
    match what:
        case "unlink":
            changed = unlink(con, mine, theirs, who, now)
        case "link":
            changed = link_again(con, mine, theirs, now)
        case "confirm" | "prove":
            changed = confirm(con, mine, theirs, now, proved=what == "prove")
    note_of(con, mine, who, what, now, {**_told(theirs, name), **({"reason": reason} if reason else {})})
    return waiting_inquiries(con, changed)


def _say_of(
    con: Connection, settings: Settings, account: Id, who: str, what: Verdict, now: datetime, reason: str
) -> set[Id]:
    name = _name(con, account)
    changed = set[Id]()
    if what in ("clear", "suspect"):
        changed = judge(con, settings, account, who, now, suspect=what == "suspect")
    else:
        report(con, account, who, now, reason, blocked=what == "block")
    note_of(con, account, who, what, now, {**_told(account, name), "reason": reason})
    return changed


def note_of(con: Connection, account: Id, who: str, what: str, now: datetime, details: Mapping[str, str]) -> None:
    """Write down what was said of an account, in the transaction that makes it so."""
    con.execute(
        "INSERT INTO account_event VALUES (?, ?, ?, ?, ?, ?)",
        [_number(now), as_uuid(account), now, who, what, in_json(details)],
    )


def _name(con: Connection, account: Id) -> str:
    found = dict(
        rows.fetch(con, "account", "account_id, coalesce(nullif(name, ''), native_id)", "account_id", [account])
    )
    return str(found[account])


def _told(account: Id, name: str) -> dict[str, str]:
    return {"account": written(account), "name": name}


def _number(at: datetime) -> object:
    return time_ordered_id(int(at.timestamp() * 1000), 0)
