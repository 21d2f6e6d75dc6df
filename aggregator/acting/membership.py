"""Putting an inquiry into an incident, or taking it out, from its own page. Written in both histories."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from aggregator.actions import ChangedMeanwhileError, Done, is_known, note
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid, as_written, written
from aggregator.incidents.acting import NotPossibleError, act_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.store.rows import Connection

Regroup = Literal["merge", "part"]


def regroup(
    con: Connection,
    settings: Settings,
    incidents: Incidents,
    inquiry_id: Id,
    ver: int,
    who: str,
    what: Regroup,
    now: datetime,
    into: Id | None,
    batch: Id | None = None,
    *,
    knows: str | None = None,
) -> tuple[Done, set[Id]]:
    """Do it, and return which inquiries show something else now.

    Args:
        into: the incident, where `what` is merge.
        knows: whose own deeds since `ver` are no news to whoever asks.

    Raises:
        ChangedMeanwhileError: the inquiry is no longer at `ver`, or that incident has ended in another one.
        KeyError: there is no such inquiry or incident.
    """
    inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    was = incident_now(con, inquiry_id)
    if was == into:
        return Done(inquiry, None, {}), set()
    if not is_known(con, inquiry, ver, knows):
        raise ChangedMeanwhileError(inquiry)
    try:
        touched = _move(con, incidents, inquiry_id, who, now, was, into)
    except NotPossibleError:
        raise ChangedMeanwhileError(inquiry) from None
    told = into or was
    assert told is not None
    details = {"incident": written(told), "number": _number(con, told), "from": written(was) if was else ""}
    return note(con, settings, inquiry, who, what, now, details, batch), touched | {inquiry_id}


def take_back(
    con: Connection,
    incidents: Incidents,
    inquiry_id: Id,
    who: str,
    what: str,
    now: datetime,
    details: Mapping[str, str],
) -> set[Id]:
    """Undo it, if the inquiry still is where it was put.

    Raises:
        NotPossibleError: it is elsewhere by now, or its former incident is no more.
    """
    put_into = as_written(details["incident"]) if what == "merge" else None
    was = as_written(details["from"]) if details["from"] else None
    if incident_now(con, inquiry_id) != put_into:
        raise NotPossibleError("it was moved again")
    return _move(con, incidents, inquiry_id, who, now, put_into, was)


def incident_now(con: Connection, inquiry_id: Id) -> Id | None:
    """The incident that an inquiry is in."""
    found = con.execute("SELECT incident_id FROM incident_of WHERE inquiry_id = ?", [as_uuid(inquiry_id)]).fetchone()
    return found[0].bytes if found else None


def _move(
    con: Connection, incidents: Incidents, inquiry: Id, who: str, now: datetime, was: Id | None, into: Id | None
) -> set[Id]:
    if into is not None:
        return act_in(con, incidents, into, who, "add", now, [inquiry], None)
    if was is not None:
        return act_in(con, incidents, was, who, "remove", now, [inquiry], None)
    return set()


def _number(con: Connection, incident: Id) -> str:
    found = con.execute("SELECT number FROM incident WHERE incident_id = ?", [as_uuid(incident)]).fetchone()
    return str(found[0]) if found else ""
