"""Taking back: an event that says which earlier one does not count. Compare-and-set, too.

It is refused if anything else has happened to the inquiry since: a colleague, the system, or the customer. What was
itself taken back since does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from aggregator.acting.flags import withdraw
from aggregator.acting.membership import take_back
from aggregator.actions import WHATS
from aggregator.config import clock_of
from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid, as_written, time_of, written
from aggregator.incidents.acting import NotPossibleError
from aggregator.inquiry import ASIDE
from aggregator.store.history import HistoryEvent, histories_of

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.inquiry import Inquiry
    from aggregator.store.rows import Connection

RECENT = timedelta(minutes=10)
UNDOABLE: Final = frozenset({*WHATS, "note", "merge", "part", "flag"})


class ChangedSinceError(Exception):
    """It cannot be taken back any more. `by`: what somebody did since; None: the customer wrote."""

    def __init__(self, inquiry: Inquiry, by: HistoryEvent | None) -> None:
        super().__init__(f"{inquiry.code} has changed since")
        self.inquiry = inquiry
        self.by = by


class Undone(NamedTuple):
    """The inquiry as it is now, and which inquiries show something else."""

    inquiry: Inquiry
    touched: set[Id]


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
) -> list[Undone | ChangedSinceError | None]:
    """Take events of one's own back, inside of a transaction: of each what came of it. What is taken back already stays
    so; None: there is no such event by this person, or it is of a kind that cannot be taken back."""
    subjects = _subjects(con, events, who)
    came: dict[Id, Undone | ChangedSinceError] = {}
    while rounds := [event for event in events if event in subjects and event not in came]:
        # Of several events of one inquiry each is taken back as the one before has left it.
        once = list({subjects[event]: event for event in reversed(rounds)}.values())
        came |= _undo_each(con, settings, incidents, {event: subjects[event] for event in once}, who, now)
    return [came.get(event) for event in events]


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
) -> dict[Id, Undone | ChangedSinceError]:
    """At most one event of each inquiry."""
    inquiries = inquiries_by_id(con, events.values())
    histories = histories_of(con, {each.inquiry_id: each.opened_at for each in inquiries.values()})
    came: dict[Id, Undone | ChangedSinceError] = {}
    due: list[tuple[Inquiry, dict[str, str]]] = []
    touched: dict[Id, set[Id]] = {}
    for event_id, subject in events.items():
        inquiry, history = inquiries[subject], histories[subject]
        event = next(each for each in history if each.event_id == event_id)
        try:
            if event.undone:
                came[event_id] = Undone(inquiry, set())
                continue
            if event.what != "note":
                _refuse_if_changed(inquiry, event, history)
            touched[subject] = _beside(con, incidents, inquiry, event, history, who, now)
        except ChangedSinceError as error:
            came[event_id] = error
        else:
            due.append((inquiry, {"event": written(event_id), "what": event.what}))
    for done in note_all(con, partial(clock_of, settings), settings.points, due, who, "undo", now):
        this = done.inquiry.inquiry_id
        came[as_written(done.details["event"])] = Undone(done.inquiry, touched[this] | {this})
    return came


def _refuse_if_changed(inquiry: Inquiry, event: HistoryEvent, history: Sequence[HistoryEvent]) -> None:
    assert event.ver is not None
    later = history[history.index(event) + 1 :]
    for each in reversed(later):
        changed = each.what not in ASIDE and each.what != "undo" if each.ver is None else each.ver > event.ver
        if changed and each.what != "undo" and not each.undone:
            raise ChangedSinceError(inquiry, each)
    known = {each.ver for each in later if each.ver is not None and each.ver > event.ver}
    if len(known) != inquiry.ver - event.ver:
        raise ChangedSinceError(inquiry, None)


def _beside(
    con: Connection,
    incidents: Incidents,
    inquiry: Inquiry,
    event: HistoryEvent,
    history: Sequence[HistoryEvent],
    who: str,
    now: datetime,
) -> set[Id]:
    """What is kept elsewhere than in the row of the inquiry."""
    if event.what == "flag":
        withdraw(con, event.details["flag"], who, now)
    if event.what in ("merge", "part"):
        try:
            return take_back(con, incidents, inquiry.inquiry_id, who, event.what, now, event.details)
        except NotPossibleError:
            later = history[history.index(event) + 1 :]
            moved = [each for each in later if each.what in ("merge", "part") and not each.undone]
            raise ChangedSinceError(inquiry, moved[-1] if moved else None) from None
    return set()


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
