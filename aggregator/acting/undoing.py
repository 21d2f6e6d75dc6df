"""Taking back: an event that says which earlier one does not count. Compare-and-set, too.

It is refused if anything else has happened to the inquiry since: a colleague, the system, or the customer. What was
itself taken back since does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, get_args

import orjson

from aggregator.acting.compare_and_set import WHATS, Done
from aggregator.acting.flags import withdraw
from aggregator.acting.membership import Regroup, take_back
from aggregator.config import clock_of
from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid, as_written, time_of, written
from aggregator.inquiry import ASIDE
from aggregator.store.history import HistoryEvent, histories_of

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.inquiry import Inquiry
    from aggregator.store.rows import Connection

RECENT = timedelta(minutes=10)
_REGROUPS: Final = frozenset(get_args(Regroup))
UNDOABLE: Final = frozenset({*WHATS, *_REGROUPS, "note", "flag"})


class ChangedSinceError(Exception):
    """It cannot be taken back any more. `by`: what somebody did since; None: the customer wrote."""

    def __init__(self, inquiry: Inquiry, by: HistoryEvent | None) -> None:
        super().__init__(f"{inquiry.code} has changed since")
        self.inquiry = inquiry
        self.by = by


@dataclass(frozen=True, slots=True)
class Recent:
    """Something that one person did lately, with one inquiry or with many at once."""

    what: str
    at: datetime
    events: tuple[Id, ...]
    inquiries: tuple[Id, ...]
    batch: Id | None
    undone: bool


def undo_all(
    con: Connection, settings: Settings, incidents: Incidents, events: Sequence[Id], who: str, now: datetime
) -> tuple[list[Done | ChangedSinceError | None], set[Id]]:
    """Take events of one's own back, inside of a transaction: of each what came of it, and which inquiries show
    something else now. What is taken back already stays so; None: there is no such event by this person, or it is of a
    kind that cannot be taken back."""
    subjects = _subjects(con, events, who)
    came: dict[Id, Done | ChangedSinceError] = {}
    touched: set[Id] = set()
    while rounds := [event for event in events if event in subjects and event not in came]:
        # Of several events of one inquiry each is taken back as the one before has left it.
        once = list({subjects[event]: event for event in reversed(rounds)}.values())
        these, theirs = _undo_each(con, settings, incidents, {event: subjects[event] for event in once}, who, now)
        came |= these
        touched |= theirs
    return [came.get(event) for event in events], touched


def _subjects(con: Connection, events: Sequence[Id], who: str) -> dict[Id, Id]:
    """The inquiry of each event that this person can take back."""
    times = [time_of(event) for event in events]
    found = con.execute(
        "SELECT event_id, inquiry_id, what FROM inquiry_event "
        "WHERE happened_at BETWEEN ? AND ? AND event_id IN (SELECT unnest(?::UUID[])) AND who = ? AND ver IS NOT NULL",
        [min(times), max(times) + timedelta(milliseconds=1), [written(event) for event in events], who],
    ).fetchall()
    return {event.bytes: inquiry.bytes for event, inquiry, what in found if what in UNDOABLE}


def _undo_each(
    con: Connection,
    settings: Settings,
    incidents: Incidents,
    events: Mapping[Id, Id],
    who: str,
    now: datetime,
) -> tuple[dict[Id, Done | ChangedSinceError], set[Id]]:
    """At most one event of each inquiry."""
    inquiries = inquiries_by_id(con, events.values())
    histories = histories_of(con, {each.inquiry_id: each.opened_at for each in inquiries.values()})
    came: dict[Id, Done | ChangedSinceError] = {}
    due: dict[Id, HistoryEvent] = {}
    for event_id, subject in events.items():
        event = next(each for each in histories[subject] if each.event_id == event_id)
        if event.undone:
            came[event_id] = Done(inquiries[subject], event_id, {})
        elif (error := _changed_since(inquiries[subject], event, histories[subject])) is not None:
            came[event_id] = error
        else:
            due[subject] = event
    moved, touched = _beside(con, incidents, due, who, now)
    for subject in moved:
        event = due.pop(subject)
        came[event.event_id] = ChangedSinceError(inquiries[subject], _last_move(event, histories[subject]))
    these = [(inquiries[one], {"event": written(event.event_id), "what": event.what}) for one, event in due.items()]
    for done in note_all(con, partial(clock_of, settings), settings.points, these, who, "undo", now):
        event_id = as_written(done.details["event"])
        came[event_id] = Done(done.inquiry, event_id, {})
    return came, touched | due.keys()


def _changed_since(inquiry: Inquiry, event: HistoryEvent, history: Sequence[HistoryEvent]) -> ChangedSinceError | None:
    if event.what == "note":
        return None
    assert event.ver is not None
    later = history[history.index(event) + 1 :]
    for each in reversed(later):
        changed = each.what not in ASIDE and each.what != "undo" if each.ver is None else each.ver > event.ver
        if changed and each.what != "undo" and not each.undone:
            return ChangedSinceError(inquiry, each)
    known = {each.ver for each in later if each.ver is not None and each.ver > event.ver}
    return ChangedSinceError(inquiry, None) if len(known) != inquiry.ver - event.ver else None


def _beside(
    con: Connection, incidents: Incidents, events: Mapping[Id, HistoryEvent], who: str, now: datetime
) -> tuple[set[Id], set[Id]]:
    """What is kept elsewhere than in the rows of the inquiries, of an event of each: which were moved again since, and
    which show something else now."""
    for event in events.values():
        if event.what == "flag":
            withdraw(con, event.details["flag"], who, now)
    put = {one: (event.what, event.details) for one, event in events.items() if event.what in _REGROUPS}
    back, touched = take_back(con, incidents, put, who, now)
    return put.keys() - back, touched


def _last_move(event: HistoryEvent, history: Sequence[HistoryEvent]) -> HistoryEvent | None:
    later = history[history.index(event) + 1 :]
    return next((each for each in reversed(later) if each.what in _REGROUPS and not each.undone), None)


def recent(con: Connection, who: str, now: datetime) -> list[Recent]:
    """What this person did within ten minutes and might take back, the latest first."""
    found = con.execute(
        "SELECT event_id, inquiry_id, happened_at, what, details, batch FROM inquiry_event "
        "WHERE happened_at >= ? AND who = ? ORDER BY happened_at DESC, event_id DESC",
        [now - RECENT, who],
    ).fetchall()
    undone = {orjson.loads(details)["event"] for *_, what, details, _ in found if what == "undo"}
    lots: dict[Id, list[tuple[Id, Id, datetime, str, bool]]] = {}
    batches: dict[Id, Id] = {}
    for event, inquiry, at, what, _, batch in found:
        if what in UNDOABLE:
            key = batch.bytes if batch else event.bytes
            if batch:
                batches[key] = key
            lots.setdefault(key, []).append((event.bytes, inquiry.bytes, at, what, str(event) in undone))
    return [
        Recent(
            what=lot[0][3],
            at=lot[0][2],
            events=tuple(event for event, *_ in lot),
            inquiries=tuple(inquiry for _, inquiry, *_ in lot),
            batch=batches.get(key),
            undone=all(taken_back for *_, taken_back in lot),
        )
        for key, lot in lots.items()
    ]


def events_of_batch(con: Connection, batch: Id, who: str) -> list[Id]:
    """What one person did to many at once, the latest first."""
    found = con.execute(
        "SELECT event_id FROM inquiry_event WHERE batch = ? AND who = ? ORDER BY happened_at DESC, event_id DESC",
        [as_uuid(batch), who],
    ).fetchall()
    return [event.bytes for (event,) in found]
