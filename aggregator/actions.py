"""One deed with one inquiry: compare-and-set, written as an event, and the row folded again. All in one transaction.

Ingest, the service's own jobs and people go through `note`; what each event means stands in aggregator/course.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

import orjson

from aggregator.clocks import Clock
from aggregator.config import Settings, clock_of
from aggregator.course import with_tags
from aggregator.fold import fold, same
from aggregator.identity import Id, as_uuid, time_ordered_id
from aggregator.inquiry import Event, EventKind, Inquiry
from aggregator.refold import events_of, inquiries_by_id, posts_of, subject_of, write
from aggregator.store.database import Connection, Database

QUIET = timedelta(days=3)

What = Literal["claim", "take", "assign", "release", "wait", "snooze", "close", "reopen", "label", "band"]
"""What changes the row of an inquiry."""
WHATS = frozenset(get_args(What))

_TOLD = ("state", "owner", "snoozed_until", "close_reason", "kind", "tags", "at_least", "at_most", "band_by")


class ChangedMeanwhileError(Exception):
    """Somebody was quicker; `inquiry` is the row as it is now."""

    def __init__(self, inquiry: Inquiry) -> None:
        super().__init__(f"{inquiry.code} has changed meanwhile")
        self.inquiry = inquiry


class AtWorkError(ChangedMeanwhileError):
    """It belongs to somebody who is at work, from whom this person may not take it."""


class Done(NamedTuple):
    """The inquiry as it is now, and the event that says so; None: it was so already."""

    inquiry: Inquiry
    event: Id | None
    details: Mapping[str, str]


async def act(
    db: Database,
    settings: Settings,
    inquiry_id: Id,
    ver: int,
    who: str,
    what: What,
    now: datetime,
    details: Mapping[str, str],
    *,
    batch: Id | None = None,
    at_work: Collection[str] = (),
) -> Done:
    """Do it. What is so already is left as it is.

    Args:
        details: what aggregator/acting/wishes.py makes of a person's form.
        batch: names what was done to many at once.
        at_work: owners from whom this person may not take it.

    Raises:
        AtWorkError: it belongs to one of these.
        ChangedMeanwhileError: the inquiry is no longer at `ver`, or not in a state in which this can be done.
        KeyError: there is no such inquiry.
    """
    return await db.write(lambda con: act_in(con, settings, inquiry_id, ver, who, what, now, details, batch, at_work))


def act_in(
    con: Connection,
    settings: Settings,
    inquiry_id: Id,
    ver: int,
    who: str,
    what: What,
    now: datetime,
    details: Mapping[str, str],
    batch: Id | None = None,
    at_work: Collection[str] = (),
) -> Done:
    """`act` inside of a transaction."""
    before = inquiry_at(inquiries_by_id(con, [inquiry_id])[inquiry_id], now)
    if _is_so(before, who, what, details):
        return Done(before, None, details)
    if before.ver != ver and not _only_woke(con, before, ver):
        raise ChangedMeanwhileError(before)
    if not _may_become(before, who, what):
        raise ChangedMeanwhileError(before)
    if what in ("take", "assign"):
        if before.owner != who and before.owner in at_work:
            raise AtWorkError(before)
        details = {**details, "from": before.owner or ""}
    return note(con, settings, before, who, what, now, details, batch)


def note(
    con: Connection,
    settings: Settings,
    inquiry: Inquiry,
    who: str,
    what: EventKind,
    now: datetime,
    details: Mapping[str, str],
    batch: Id | None = None,
) -> Done:
    """Write an event of an inquiry that was read in this transaction, and fold it again.

    It is `refold` for one inquiry, with half its statements: many are done at once.
    """
    this, since = inquiry.inquiry_id, inquiry.opened_at
    at = max(now, since)  # where clocks differ: nothing happens to an inquiry before it is opened
    events = events_of(con, {this: inquiry}, since).get(this, [])
    number = sum(each.happened_at >= at for each in events)
    event = Event(time_ordered_id(int(at.timestamp() * 1000), number).bytes, this, at, who, what, dict(details))
    posts = posts_of(con, {this}, since)[this]
    clock = clock_of(settings, inquiry.channel)
    after = fold(subject_of(inquiry), posts, [*events, event], clock, settings.points, inquiry.ver + 1)
    if same(inquiry, after):
        after = inquiry
    else:
        write(con, [after], [inquiry])
    changed = [name for name in _TOLD if getattr(inquiry, name) != getattr(after, name)]
    before_after = [_json({name: getattr(each, name) for name in changed}) for each in (inquiry, after)]
    con.execute(
        "INSERT INTO inquiry_event (event_id, inquiry_id, happened_at, who, what, details, ver, batch, before, after) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [as_uuid(event.event_id), as_uuid(this), at, who, what, _json(details), after.ver,
         as_uuid(batch) if batch else None, *before_after],
    )  # fmt: skip
    return Done(after, event.event_id, details)


def inquiry_at(inquiry: Inquiry, moment: datetime) -> Inquiry:
    """The same rule as `state_at` in SQL: whose time is up is awake, though nobody has written it down yet."""
    if inquiry.state == "snoozed" and inquiry.snoozed_until and inquiry.snoozed_until <= moment:
        return inquiry._replace(state="claimed" if inquiry.owner else "new", snoozed_until=None)
    return inquiry


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
        note(con, settings, inquiry, "system", "close", now, {"reason": "quiet"})
    return quiet


async def wake_due(
    db: Database, settings: Settings, clock: Clock, changed: Callable[[Collection[Inquiry]], None]
) -> None:
    """Write down that snoozes have ended, and hand them, in a thread, to `changed`."""
    now = clock()
    woken = await db.write(lambda con: _wake_due(con, settings, now))
    if woken:
        await asyncio.to_thread(changed, woken)


def _wake_due(con: Connection, settings: Settings, now: datetime) -> list[Inquiry]:
    due = con.execute(
        "SELECT inquiry_id FROM inquiry_open WHERE state = 'snoozed' AND snoozed_until <= ?", [now]
    ).fetchall()
    asleep = inquiries_by_id(con, [inquiry.bytes for (inquiry,) in due]) if due else {}
    return [
        note(con, settings, each, "system", "wake", each.snoozed_until or now, {}).inquiry for each in asleep.values()
    ]


def _is_so(inquiry: Inquiry, who: str, what: What, details: Mapping[str, str]) -> bool:
    match what:
        case "claim" | "take":
            return inquiry.owner == who and inquiry.state not in ("closed", "snoozed")
        case "assign":
            return inquiry.owner == details["owner"] and inquiry.state != "closed"
        case "release":
            return inquiry.owner is None
        case "wait":
            return inquiry.state == "waiting"
        case "snooze":
            return inquiry.snoozed_until == datetime.fromisoformat(details["until"])
        case "close":
            return inquiry.state == "closed"
        case "reopen":
            return inquiry.state in ("new", "claimed")
        case "label":
            tags = with_tags(details.get("tags", inquiry.tags), details.get("add", ""))
            return details.get("kind", inquiry.kind) == inquiry.kind and tags == inquiry.tags
        case "band":
            return details["band"] == "computed" and inquiry.band_by is None


def _may_become(inquiry: Inquiry, who: str, what: What) -> bool:
    """What is closed must be reopened first; and what is somebody else's is taken over, not claimed or released."""
    if inquiry.state == "closed":
        return what in ("reopen", "label")
    return what not in ("claim", "release") or inquiry.owner in (None, who)


def _only_woke(con: Connection, inquiry: Inquiry, seen: int) -> bool:
    """Whether nothing else happened since than the end of a snooze, which whoever saw it knew of."""
    if inquiry.ver < seen:
        return False
    (woke,) = con.execute(
        "SELECT count(DISTINCT ver) FROM inquiry_event "
        "WHERE inquiry_id = ? AND happened_at >= ? AND ver > ? AND what = 'wake'",
        [as_uuid(inquiry.inquiry_id), inquiry.opened_at, seen],
    ).fetchone() or (0,)
    return bool(woke == inquiry.ver - seen)


def _json(values: Mapping[str, object]) -> str:
    return orjson.dumps(values).decode()
