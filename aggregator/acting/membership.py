"""Putting inquiries into an incident, or taking them out, from their own pages or a list. Written in both histories.

Each is refused for itself. The others go together: an incident is named anew, and all its reports are read for that,
each time when somebody changes who is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from aggregator.acting.compare_and_set import ChangedMeanwhileError, Done, is_known
from aggregator.config import clock_of
from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_written, written
from aggregator.incidents.acting import NotPossibleError, act_in
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.store.rows import Connection

Regroup = Literal["merge", "part"]


class Move(NamedTuple):
    """From one incident into another; None: from, or into, none. Never from none into none."""

    was: Id | None
    into: Id | None


def regroup_all(
    con: Connection,
    settings: Settings,
    incidents: Incidents,
    items: Sequence[tuple[Id, int]],
    who: str,
    what: Regroup,
    now: datetime,
    into: Id | None,
    batch: Id | None = None,
    *,
    knows: str | None = None,
) -> tuple[list[Done | ChangedMeanwhileError | None], set[Id]]:
    """Do it to several inquiries (id and the version that the person saw): of each what came of it, or who was quicker;
    None: there is no such inquiry. And which inquiries show something else now.

    Args:
        into: the incident, where `what` is merge. Into one that ended in another one, or is no more, nothing goes.
        knows: whose own deeds since that version are no news to whoever asks.
    """
    stored = inquiries_by_id(con, [inquiry_id for inquiry_id, _ in items])
    inside = _incidents_now(con, stored)
    told: dict[Id, Done | ChangedMeanwhileError] = {}
    due: dict[Id, Move] = {}
    for inquiry_id, ver in items:
        if (inquiry := stored.get(inquiry_id)) is None:
            continue
        if (was := inside.get(inquiry_id)) == into:
            told[inquiry_id] = Done(inquiry, None, {})
        elif is_known(con, inquiry, ver, knows):
            due[inquiry_id] = Move(was, into)
        else:
            told[inquiry_id] = ChangedMeanwhileError(inquiry, ver)
    moved, touched = _move(con, incidents, due, who, now)
    told |= {one: ChangedMeanwhileError(stored[one], None) for one in due.keys() - moved}
    details = _details(con, {one: due[one] for one in moved})
    these = [(stored[one], details[one]) for one in due if one in moved]
    done = note_all(con, partial(clock_of, settings), settings.points, these, who, what, now, batch)
    told |= {each.inquiry.inquiry_id: each for each in done}
    return [told.get(inquiry_id) for inquiry_id, _ in items], touched


def take_back(
    con: Connection, incidents: Incidents, deeds: Mapping[Id, tuple[str, Mapping[str, str]]], who: str, now: datetime
) -> tuple[set[Id], set[Id]]:
    """Undo what was done to these inquiries (what, and the details of its event): which were put back, and which show
    something else now. The others are elsewhere than they were put, or their former incident is no more."""
    inside = _incidents_now(con, deeds)
    due: dict[Id, Move] = {}
    for inquiry_id, (what, details) in deeds.items():
        put_into = as_written(details["incident"]) if what == "merge" else None
        if inside.get(inquiry_id) == put_into:
            due[inquiry_id] = Move(put_into, as_written(details["from"]) if details["from"] else None)
    return _move(con, incidents, due, who, now)


def _incidents_now(con: Connection, inquiries: Collection[Id]) -> dict[Id, Id]:
    """The incident that each inquiry is in, if it is in one."""
    sql = "SELECT inquiry_id, incident_id FROM incident_of WHERE inquiry_id IN (SELECT id FROM wanted)"
    return dict(rows.select(con, sql, rows.ids(inquiries))) if inquiries else {}


def _move(
    con: Connection, incidents: Incidents, moves: Mapping[Id, Move], who: str, now: datetime
) -> tuple[set[Id], set[Id]]:
    """Which were moved, and which show something else now."""
    together: dict[tuple[Id, Literal["add", "remove"]], list[Id]] = {}
    for inquiry_id, (was, into) in moves.items():
        told = into or was
        assert told is not None
        together.setdefault((told, "add" if into else "remove"), []).append(inquiry_id)
    moved, touched = set[Id](), set[Id]()
    for (incident, what), these in together.items():
        with suppress(NotPossibleError, KeyError):
            touched |= act_in(con, incidents, incident, who, what, now, these, None)
            moved.update(these)
    return moved, touched


def _details(con: Connection, moves: Mapping[Id, Move]) -> dict[Id, dict[str, str]]:
    """What the event of each says."""
    named = {one: move.into or move.was for one, move in moves.items()}
    numbers = dict(rows.fetch(con, "incident", "incident_id, number", "incident_id", set(filter(None, named.values()))))
    return {
        one: {
            "incident": written(incident),
            "number": str(numbers[incident]),
            "from": written(was) if (was := moves[one].was) else "",
        }
        for one, incident in named.items()
        if incident
    }
