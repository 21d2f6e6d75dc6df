"""What colleagues say of accounts: not the same person, no impostor. It can be taken back, and has a history."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import orjson

from aggregator.config import Settings
from aggregator.identity import Id, as_uuid, time_ordered_id, written
from aggregator.people import link_again, unlink, waiting_inquiries
from aggregator.refold import inquiries_by_id
from aggregator.store import rows
from aggregator.store.database import Connection, Database
from aggregator.suspects import judge

Said = Literal["unlink", "link", "clear", "suspect"]


async def say(
    db: Database, settings: Settings, inquiry_id: Id, account: Id, who: str, what: Said, now: datetime
) -> set[Id]:
    """Say it of an account that the page of an inquiry shows. Returns the inquiries that rank otherwise now.

    Raises:
        KeyError: there is no such inquiry or account.
    """
    return await db.write(lambda con: _say(con, settings, inquiry_id, account, who, what, now))


async def clear(db: Database, settings: Settings, account: Id, who: str, now: datetime) -> set[Id]:
    """Say of an account that was taken for an impostor's that it is none. Returns the inquiries that changed.

    Raises:
        KeyError: it was not.
    """
    return await db.write(lambda con: judge(con, settings, account, who, now, suspect=False))


def _say(
    con: Connection, settings: Settings, inquiry_id: Id, account: Id, who: str, what: Said, now: datetime
) -> set[Id]:
    inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    name = dict(rows.fetch(con, "account", "account_id, name", "account_id", [account]))[account]
    if what in ("clear", "suspect"):
        changed = judge(con, settings, account, who, now, suspect=what == "suspect")
    elif account == inquiry.person_id:
        raise KeyError(account)
    elif what == "unlink":
        changed = waiting_inquiries(con, unlink(con, inquiry.person_id, account, who, now))
    else:
        changed = waiting_inquiries(con, link_again(con, inquiry.person_id, account, now))
    details = orjson.dumps({"account": written(account), "name": name}).decode()
    at = max(now, inquiry.opened_at)
    con.execute(
        "INSERT INTO inquiry_event (event_id, inquiry_id, happened_at, who, what, details, ver) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [time_ordered_id(int(at.timestamp() * 1000), 0), as_uuid(inquiry_id), at, who, what, details, inquiry.ver],
    )
    return changed | {inquiry_id}
