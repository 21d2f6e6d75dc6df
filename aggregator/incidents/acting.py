"""What colleagues do with an incident: take members out and put them in, split, merge, end, and undo each of these.

Nothing is deleted: rows of members get a time at which they left. Taking out is undone by putting in, splitting by
merging, merging by unmerging, ending by reopening.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from aggregator.clocks import Clock
from aggregator.identity import Id, as_uuid, stable_id
from aggregator.incidents.keeping import Incidents, leave, members, merge, next_number, note
from aggregator.store import rows
from aggregator.store.changed import gathered
from aggregator.store.database import Database

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

What = Literal["remove", "add", "split", "merge", "unmerge", "end", "reopen"]


class NotPossibleError(Exception):
    """It cannot be done to this incident as it is."""


async def act(
    db: Database,
    incidents: Incidents,
    incident: Id,
    who: str,
    what: What,
    now: datetime,
    *,
    inquiries: Sequence[Id] = (),
    into: Id | None = None,
) -> set[Id]:
    """Do it. Returns the inquiries whose rows show something else now.

    Args:
        inquiries: whom to remove, add or split off.
        into: with which incident to merge.

    Raises:
        KeyError: there is no such incident.
        NotPossibleError: it is merged already, there is nothing to split off, and the like.
    """
    return await db.write(lambda con: act_in(con, incidents, incident, who, what, now, inquiries, into))


async def end_quiet(db: Database, incidents: Incidents, clock: Clock) -> None:
    """End incidents that nobody has reported for as long as the configuration says."""
    now = clock()
    await db.write(lambda con: _end_quiet(con, now, now - incidents.quiet))


def _end_quiet(con: Connection, now: datetime, since: datetime) -> None:
    quiet = con.execute(
        "SELECT i.incident_id FROM incident AS i LEFT JOIN incident_size AS s ON s.incident_id = i.incident_id "
        "WHERE i.state = 'open' AND greatest(s.last_at, i.began_at) < ? AND NOT EXISTS ("
        "FROM incident_event AS e WHERE e.incident_id = i.incident_id AND e.happened_at >= ? "
        "AND e.what IN ('reopen', 'split', 'unmerge', 'add'))",
        [since, since],
    ).fetchall()
    for (one,) in quiet:
        _set_state(con, one.bytes, "ended", now, "quiet")
        note(con, one.bytes, "system", "end", now, {"reason": "quiet"})
    if (told := gathered()) is not None:
        told.incidents.update(one.bytes for (one,) in quiet)


def act_in(
    con: Connection,
    incidents: Incidents,
    incident: Id,
    who: str,
    what: What,
    now: datetime,
    inquiries: Sequence[Id],
    into: Id | None,
) -> set[Id]:
    """`act` inside of a transaction."""
    state = _state(con, incident)
    before = members(con, incident)
    if (state == "merged") is not (what == "unmerge"):
        raise NotPossibleError(f"what is {state} cannot {what}")
    steps: dict[What, Callable[[], Collection[Id]]] = {
        "remove": lambda: _remove(con, incident, who, now, inquiries),
        "add": lambda: _add(con, incident, who, now, inquiries),
        "split": lambda: _split(con, incident, who, now, [one for one in inquiries if one in before]),
        "merge": lambda: _merge(con, incident, into, who, now),
        "unmerge": lambda: _unmerge(con, incident, who, now),
        "end": lambda: _end(con, incident, who, now),
        "reopen": lambda: _reopen(con, incident, who, now),
    }
    others = steps[what]()
    touched = {incident, *others}
    incidents.renamed(con, touched)
    if (told := gathered()) is not None:
        told.incidents.update(touched)
    return before.union(inquiries, *(members(con, one) for one in touched))


def _remove(con: Connection, incident: Id, who: str, now: datetime, inquiries: Sequence[Id]) -> Collection[Id]:
    leave(con, incident, inquiries, "person", now)
    note(con, incident, who, "remove", now, _named(inquiries))
    return ()


def _add(con: Connection, incident: Id, who: str, now: datetime, inquiries: Sequence[Id]) -> Collection[Id]:
    left = _take_out(con, inquiries, now)
    _put_in(con, incident, inquiries, "person", now)
    note(con, incident, who, "add", now, _named(inquiries))
    return left


def _split(con: Connection, incident: Id, who: str, now: datetime, inquiries: Sequence[Id]) -> Collection[Id]:
    if not inquiries or set(inquiries) == members(con, incident):
        raise NotPossibleError("nothing, or everything, would be split off")
    (fields,) = con.execute("SELECT fields FROM incident WHERE incident_id = ?", [as_uuid(incident)]).fetchone() or (
        "{}",
    )
    fresh = stable_id("split", incident.hex(), str(now.timestamp()), *sorted(one.hex() for one in inquiries))
    leave(con, incident, inquiries, "split", now)
    row = (fresh, next_number(con), "open", fields, now, None, None, None)
    rows.insert(con, "incident", rows.INCIDENT, [row])
    _put_in(con, fresh, inquiries, "person", now)
    note(con, incident, who, "split", now, {"into": fresh.hex()} | _named(inquiries))
    note(con, fresh, who, "split", now, {"from": incident.hex()} | _named(inquiries))
    return (fresh,)


def _merge(con: Connection, incident: Id, into: Id | None, who: str, now: datetime) -> Collection[Id]:
    if into is None or into == incident or _state(con, into) == "merged":
        raise NotPossibleError("an incident merges with another one that is not merged itself")
    merge(con, incident, into, who, now)
    return (into,)


def _unmerge(con: Connection, incident: Id, who: str, now: datetime) -> Collection[Id]:
    target = _where_it_went(con, incident)
    moved = rows.select(
        con,
        "SELECT DISTINCT m.inquiry_id FROM incident_member AS m JOIN incident AS i ON i.incident_id = m.incident_id "
        "WHERE m.incident_id = ? AND m.left_why = 'merged' AND m.left_at = i.ended_at",
        rows.ids(()),
        [as_uuid(incident)],
    )
    there = members(con, target)
    back = [inquiry for (inquiry,) in moved if inquiry in there]
    leave(con, target, back, "moved", now)
    _put_in(con, incident, back, "person", now)
    _set_state(con, incident, "open", None, None)
    note(con, incident, who, "unmerge", now, {"from": target.hex()})
    return (target,)


def _where_it_went(con: Connection, incident: Id) -> Id:
    """The incident that a merged one is in now: what it was merged with may have gone into another one since."""
    merged = dict(
        rows.select(con, "SELECT incident_id, merged_into FROM incident WHERE merged_into IS NOT NULL", rows.ids(()))
    )
    while incident in merged:
        incident = merged[incident]
    return incident


def _end(con: Connection, incident: Id, who: str, now: datetime) -> Collection[Id]:
    _set_state(con, incident, "ended", now, "person")
    note(con, incident, who, "end", now, {"reason": "person"})
    return ()


def _reopen(con: Connection, incident: Id, who: str, now: datetime) -> Collection[Id]:
    _set_state(con, incident, "open", None, None)
    note(con, incident, who, "reopen", now, {})
    return ()


def _set_state(con: Connection, incident: Id, state: str, at: datetime | None, reason: str | None) -> None:
    con.execute(
        "UPDATE incident SET state = ?, ended_at = ?, end_reason = ?, merged_into = NULL WHERE incident_id = ?",
        [state, at, reason, as_uuid(incident)],
    )


def _state(con: Connection, incident: Id) -> str:
    found = con.execute("SELECT state FROM incident WHERE incident_id = ?", [as_uuid(incident)]).fetchone()
    if found is None:
        raise KeyError(incident.hex())
    return str(found[0])


def _take_out(con: Connection, inquiries: Sequence[Id], now: datetime) -> set[Id]:
    """These leave wherever they are. Returns the incidents that they leave."""
    found = rows.fetch(con, "incident_member", "incident_id, left_at", "inquiry_id", inquiries)
    left = {incident for incident, left_at in found if left_at is None}
    for one in left:
        leave(con, one, inquiries, "moved", now)
    return left


def _put_in(con: Connection, incident: Id, inquiries: Sequence[Id], why: str, now: datetime) -> None:
    reported = dict(rows.fetch(con, "incident_report", "inquiry_id, reported_at", "inquiry_id", inquiries))
    found = rows.select(
        con,
        "SELECT inquiry_id, person_id, opened_at FROM inquiry WHERE inquiry_id IN (SELECT id FROM wanted)",
        rows.ids(inquiries),
    )
    members = [
        (incident, inquiry, person, reported.get(inquiry, opened_at), now, why, None, None)
        for inquiry, person, opened_at in found
    ]
    rows.insert(con, "incident_member", rows.INCIDENT_MEMBER, members)


def _named(inquiries: Sequence[Id]) -> dict[str, list[str]]:
    return {"inquiries": [one.hex() for one in inquiries]}
