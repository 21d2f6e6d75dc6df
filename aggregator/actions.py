"""What colleagues do with an inquiry: claim, release, close, reopen. Compare-and-set, with history."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import orjson

from aggregator.clocks import Clock
from aggregator.config import Settings, clock_of
from aggregator.identity import Id, as_uuid, time_ordered_id
from aggregator.inquiry import Inquiry
from aggregator.refold import inquiries_by_id, refold
from aggregator.store.database import Connection, Database

QUIET = timedelta(days=3)

What = Literal["claim", "release", "close", "reopen"]


class ChangedMeanwhileError(Exception):
    """Somebody was quicker; `inquiry` is the row as it is now."""

    def __init__(self, inquiry: Inquiry) -> None:
        super().__init__(f"{inquiry.code} has changed meanwhile")
        self.inquiry = inquiry


async def act(
    db: Database,
    settings: Settings,
    inquiry_id: Id,
    ver: int,
    who: str,
    what: What,
    now: datetime,
    details: dict[str, str],
) -> Inquiry:
    """Do it, and return the inquiry as it is then. What is so already is left as it is.

    Raises:
        ChangedMeanwhileError: the inquiry is no longer at `ver`.
        KeyError: there is no such inquiry.
    """
    return await db.write(lambda con: _act(con, settings, inquiry_id, ver, who, what, now, details))


def _act(
    con: Connection,
    settings: Settings,
    inquiry_id: Id,
    ver: int,
    who: str,
    what: What,
    now: datetime,
    details: dict[str, str],
) -> Inquiry:
    before = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    if _is_so(before, who, what):
        return before
    if before.ver != ver or (what == "claim" and before.owner not in (None, who)):
        raise ChangedMeanwhileError(before)
    _note(con, settings, before, who, what, now, details)
    return inquiries_by_id(con, [inquiry_id])[inquiry_id]


def _note(
    con: Connection, settings: Settings, inquiry: Inquiry, who: str, what: What, now: datetime, details: dict[str, str]
) -> None:
    at = max(now, inquiry.opened_at)  # where clocks differ: nothing happens to an inquiry before it is opened
    this = as_uuid(inquiry.inquiry_id)
    (earlier,) = con.execute(
        "SELECT count(*) FROM inquiry_event WHERE inquiry_id = ? AND happened_at >= ?", [this, at]
    ).fetchone() or (0,)
    event = [time_ordered_id(int(at.timestamp() * 1000), earlier), this, at, who, what]
    con.execute("INSERT INTO inquiry_event VALUES (?, ?, ?, ?, ?, ?)", [*event, orjson.dumps(details).decode()])
    refold(con, {inquiry.inquiry_id}, clock_of=partial(clock_of, settings), points=settings.points)


async def close_quiet(
    db: Database, settings: Settings, clock: Clock, changed: Callable[[Collection[Id]], None]
) -> None:
    """Close what we answered, and promised nothing more, when the customer has been quiet for three days since."""
    now = clock()
    closed = await db.write(lambda con: _close_quiet(con, settings, now))
    if closed:
        changed(closed)


def _close_quiet(con: Connection, settings: Settings, now: datetime) -> list[Id]:
    quiet = [
        inquiry.bytes
        for (inquiry,) in con.execute(
            "SELECT inquiry_id FROM inquiry_open "
            "WHERE state = 'answered' AND due_at IS NULL AND answered_at < ? AND last_post_at < ?",
            [now - QUIET, now - QUIET],
        ).fetchall()
    ]
    for inquiry in inquiries_by_id(con, quiet).values() if quiet else ():
        _note(con, settings, inquiry, "system", "close", now, {"reason": "quiet"})
    return quiet


def _is_so(inquiry: Inquiry, who: str, what: What) -> bool:
    match what:
        case "claim":
            return inquiry.owner == who and inquiry.state != "closed"
        case "release":
            return inquiry.owner is None
        case "close":
            return inquiry.state == "closed"
        case "reopen":
            return inquiry.state != "closed"
