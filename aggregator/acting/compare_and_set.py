"""One deed with one inquiry: compare-and-set, written as an event, and the row folded again. All in one transaction.

Ingest, the service's own jobs and people go through `note_all` (aggregator/folding/noting.py); what each event means
stands in aggregator/folding/course.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, get_args

from aggregator.config import Settings, clock_of
from aggregator.folding.course import with_tags
from aggregator.folding.noting import Done as Done
from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid
from aggregator.inquiry import ASIDE, EventKind, Inquiry
from aggregator.store.database import Connection, Database

What = Literal["claim", "take", "assign", "release", "wait", "snooze", "close", "reopen", "label", "band"]
"""What changes the row of an inquiry."""
WHATS = frozenset(get_args(What))
BESIDE = ASIDE - {"wake"}
"""What leaves the row of an inquiry at its version, as does its undo: the event bears the version that it found."""


class ChangedMeanwhileError(Exception):
    """Somebody was quicker; `inquiry` is the row as it is now. `seen`: the newest version that the person knows of; the
    same, if what stands in the way was told already; None: what stands in the way is not the inquiry."""

    def __init__(self, inquiry: Inquiry, seen: int | None) -> None:
        super().__init__(f"{inquiry.code} has changed meanwhile")
        self.inquiry = inquiry
        self.seen = seen


class AtWorkError(ChangedMeanwhileError):
    """It belongs to somebody who is at work, from whom this person may not take it."""


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
    *,
    knows: str | None = None,
) -> Done:
    """`act` inside of a transaction."""
    (done,) = act_on_all(con, settings, [(inquiry_id, ver)], who, what, now, details, batch, at_work, knows=knows)
    if done is None:
        raise KeyError(inquiry_id)
    if isinstance(done, ChangedMeanwhileError):
        raise done
    return done


def act_on_all(
    con: Connection,
    settings: Settings,
    items: Sequence[tuple[Id, int]],
    who: str,
    what: What,
    now: datetime,
    details: Mapping[str, str],
    batch: Id | None = None,
    at_work: Collection[str] = (),
    *,
    knows: str | None = None,
) -> list[Done | ChangedMeanwhileError | None]:
    """The same to several inquiries (id and the version that the person saw), each for itself: of each what came of it,
    or who was quicker; None: there is no such inquiry. They are read and written with one statement of each kind.

    Args:
        knows: whose own deeds since that version are no news to whoever asks.
    """
    stored = inquiries_by_id(con, [inquiry_id for inquiry_id, _ in items])
    told: dict[Id, Done | ChangedMeanwhileError] = {}
    due: list[tuple[Inquiry, Mapping[str, str]]] = []
    for inquiry_id, ver in items:
        if inquiry_id not in stored:
            continue
        before = inquiry_at(stored[inquiry_id], now)
        if _is_so(before, who, what, details):
            told[inquiry_id] = Done(before, None, details)
        elif not is_known(con, before, ver, knows):
            told[inquiry_id] = ChangedMeanwhileError(before, ver)
        elif not _may_become(before, who, what):
            told[inquiry_id] = ChangedMeanwhileError(before, before.ver)
        elif what in ("take", "assign") and before.owner != who and before.owner in at_work:
            told[inquiry_id] = AtWorkError(before, ver)
        elif what in ("take", "assign"):
            due.append((before, {**details, "from": before.owner or ""}))
        else:
            due.append((before, details))
    done = note_all(con, partial(clock_of, settings), settings.points, due, who, what, now, batch)
    told |= {each.inquiry.inquiry_id: each for each in done}
    return [told.get(inquiry_id) for inquiry_id, _ in items]


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
    """Write an event of an inquiry that was read in this transaction, and fold it again."""
    (done,) = note_all(
        con, partial(clock_of, settings), settings.points, [(inquiry, details)], who, what, now, batch
    )  # fmt: skip
    return done


def inquiry_at(inquiry: Inquiry, moment: datetime) -> Inquiry:
    """The same rule as `state_at` in SQL: whose time is up is awake, though nobody has written it down yet."""
    if inquiry.state == "snoozed" and inquiry.snoozed_until and inquiry.snoozed_until <= moment:
        return inquiry._replace(state="claimed" if inquiry.owner else "new", snoozed_until=None)
    return inquiry


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


def is_known(con: Connection, inquiry: Inquiry, seen: int, knows: str | None) -> bool:
    """Whether nothing happened since version `seen` but the end of a snooze, which whoever saw it knew of, and what the
    person `knows` did: in another tab, or a moment before, so that the page came without it. What stands beside the row
    made none of these versions, though its event bears one, which may be the customer's."""
    if inquiry.ver <= seen:
        return inquiry.ver == seen
    (known,) = con.execute(
        "SELECT count(DISTINCT ver) FROM inquiry_event "
        "WHERE inquiry_id = ? AND happened_at >= ? AND ver > ? AND (what = 'wake' OR "
        "who = ? AND NOT list_contains(?, CASE what WHEN 'undo' THEN details ->> 'what' ELSE what END))",
        [as_uuid(inquiry.inquiry_id), inquiry.opened_at, seen, knows, sorted(BESIDE)],
    ).fetchone() or (0,)
    return bool(known == inquiry.ver - seen)
