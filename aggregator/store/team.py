"""Who works here, as an admin sees and changes it: roles, leaving, sessions, and a note of each change."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from aggregator.store.desk import ROLES, Desk, DeskError, Role, hashed, time_of
from aggregator.store.history import AuditEvent, HistoryEvent

if TYPE_CHECKING:
    from aggregator.store.history import AuditFilter, Key


TEAM = "team_"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A signed-in browser of a colleague. `session_id` names it, and signs nobody in."""

    session_id: str
    began_at: datetime
    used_at: datetime
    browser: str  # as it calls itself


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    role: Role
    has_password: bool
    sessions: int
    used_at: datetime | None  # when we last heard of this colleague; None: not since the last sign-out


@dataclass(frozen=True, slots=True)
class DeskEvent:
    """Something that was changed about people: `what` is invite, link, role, remove, sign_out,
    session, token, revoke."""

    happened_at: datetime
    who: str
    what: str
    whom: str
    details: Mapping[str, str]


def members(desk: Desk) -> list[Member]:
    """Everybody, by name."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT u.name, u.role, u.hash IS NOT NULL, count(s.hash), max(s.used) "
            "FROM user AS u LEFT JOIN session AS s ON s.user = u.name GROUP BY u.name ORDER BY u.name"
        ).fetchall()
    return [
        Member(name, role, bool(password), sessions, used and time_of(used))
        for name, role, password, sessions, used in found
    ]


def set_role(desk: Desk, name: str, role: Role, *, who: str, now: datetime) -> None:
    """Raises DeskError: unknown, or the last admin, without whom nobody could undo it."""
    if role not in ROLES:
        raise DeskError("unknown role %(role)s; take viewer, agent, lead or admin", role=role)
    with desk.writing() as con:
        before = _role(con, name)
        if role != "admin":
            _keep_an_admin(con, name)
        con.execute("UPDATE user SET role = ? WHERE name = ?", [role, name])
        note(con, now, who, "role", name, {"before": before, "after": role})


def remove(desk: Desk, name: str, *, who: str, now: datetime) -> None:
    """This colleague can sign in no longer; what was done stays under the name.

    Raises:
        DeskError: unknown, or the last admin.
    """
    with desk.writing() as con:
        role = _role(con, name)
        _keep_an_admin(con, name)
        con.execute("DELETE FROM user WHERE name = ?", [name])
        note(con, now, who, "remove", name, {"before": role})


def sessions(desk: Desk, name: str) -> list[OpenSession]:
    """The browsers in which this colleague is signed in, the last used first."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT hash, began, used, browser FROM session WHERE user = ? ORDER BY used DESC, began DESC", [name]
        ).fetchall()
    return [
        OpenSession(digest.hex()[:16], time_of(began), time_of(used), browser) for digest, began, used, browser in found
    ]


def session_id(token: str) -> str:
    """The name of the session that this token opens."""
    return hashed(token).hex()[:16]


def end_session(desk: Desk, name: str, session: str, *, who: str, now: datetime) -> bool:
    """End one session of this colleague; False: there is none."""
    with desk.writing() as con:
        ended = con.execute(
            "DELETE FROM session WHERE user = ? AND substr(lower(hex(hash)), 1, 16) = ? RETURNING browser",
            [name, session],
        ).fetchall()
        for (browser,) in ended:
            note(con, now, who, "session", name, {"name": browser})
        return bool(ended)


def events(desk: Desk, limit: int = 200) -> list[DeskEvent]:
    """What was changed about people, newest first."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT at, who, what, whom, details FROM desk_event ORDER BY at DESC, rowid DESC LIMIT ?", [limit]
        ).fetchall()
    return [DeskEvent(time_of(at), who, what, whom, orjson.loads(details)) for at, who, what, whom, details in found]


def audited(desk: Desk, wanted: AuditFilter, *, after: Key | None = None, limit: int = 50) -> list[AuditEvent]:
    """The same for the audit, newest first, one more than `limit`. There each is called `team_<what>`: some of the
    names stand for something else on an inquiry."""
    if wanted.inquiry is not None or (wanted.what and not wanted.what.startswith(TEAM)):
        return []
    where, bound = ["true"], list[object]()
    for condition, value in (
        ("who = ?", wanted.who),
        ("what = ?", wanted.what.removeprefix(TEAM)),
        ("at >= ?", wanted.since and wanted.since.timestamp()),
        ("at < ?", wanted.until and wanted.until.timestamp()),
    ):
        if value:
            where.append(condition)
            bound.append(value)
    if after:
        where.append("(at, rowid) < (?, ?)")
        bound += [after[0].timestamp(), min(int.from_bytes(after[1]), 2**63 - 1)]
    with desk.reading() as con:
        found = con.execute(
            f"SELECT rowid, at, who, what, whom, details FROM desk_event WHERE {' AND '.join(where)} "
            f"ORDER BY at DESC, rowid DESC LIMIT {limit + 1}",
            bound,
        ).fetchall()
    return [_audited(*row) for row in found]


def _audited(number: int, at: float, who: str, what: str, whom: str, details: str) -> AuditEvent:
    this, told = number.to_bytes(16), orjson.loads(details)
    before, after = ({"role": told[name]} if name in told else {} for name in ("before", "after"))
    return AuditEvent(HistoryEvent(time_of(at), who, TEAM + what, told, this), "team", this, whom, before, after)


def people_of_team_events(desk: Desk) -> list[str]:
    """Who changed something about people."""
    with desk.reading() as con:
        return [who for (who,) in con.execute("SELECT DISTINCT who FROM desk_event").fetchall()]


def note(con: sqlite3.Connection, now: datetime, who: str, what: str, whom: str, details: Mapping[str, str]) -> None:
    """Write down a change, in the transaction that makes it."""
    con.execute(
        "INSERT INTO desk_event VALUES (?, ?, ?, ?, ?)",
        [now.timestamp(), who, what, whom, orjson.dumps(details).decode()],
    )


def _role(con: sqlite3.Connection, name: str) -> str:
    found = con.execute("SELECT role FROM user WHERE name = ?", [name]).fetchone()
    if found is None:
        raise DeskError("there is no user %(name)s", name=name)
    return str(found[0])


def _keep_an_admin(con: sqlite3.Connection, name: str) -> None:
    others = con.execute("SELECT 1 FROM user WHERE role = 'admin' AND name != ?", [name]).fetchone()
    if _role(con, name) == "admin" and others is None:
        raise DeskError("%(name)s is the only admin; make somebody else admin first", name=name)
