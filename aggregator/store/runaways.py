"""Queries of analysts that take too long: which run, and which did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aggregator.store.changed import gathered

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

SHOWN = timedelta(days=1)  # on the page of connectors, after their end
KEPT = timedelta(days=30)


class Runaway(NamedTuple):
    """ended_at None: it runs. how: `ended` by itself, or by the `restart` of the service."""

    owner: str
    seen_at: datetime
    seconds: float
    ended_at: datetime | None
    how: str | None


def note(con: Connection, running: Sequence[tuple[str, str, float]], now: datetime) -> list[str]:
    """These run now (session, owner, seconds); what else ran has ended. Returns the sessions that are new."""
    known = {session for (session,) in con.execute("SELECT session FROM runaway WHERE ended_at IS NULL").fetchall()}
    fresh = [each for each in running if each[0] not in known]
    for session, owner, seconds in running:
        if session in known:
            con.execute("UPDATE runaway SET seconds = ? WHERE session = ? AND ended_at IS NULL", [seconds, session])
        else:
            con.execute("INSERT INTO runaway VALUES (?, ?, ?, ?, NULL, NULL)", [session, owner, now, seconds])
    _end(con, now, "ended", [session for session, *_ in running])
    if (told := gathered()) is not None:
        told.runaways += [(owner, seconds) for _, owner, seconds in fresh]
    return [session for session, *_ in fresh]


def end_all(con: Connection, now: datetime) -> None:
    """The process in which they ran has gone."""
    _end(con, now, "restart", [])
    con.execute("DELETE FROM runaway WHERE ended_at < ?", [now - KEPT])


def _end(con: Connection, now: datetime, how: str, but: Sequence[str]) -> None:
    con.execute(
        "UPDATE runaway SET ended_at = ?, how = ? WHERE ended_at IS NULL AND NOT list_contains(?, session)",
        [now, how, [*but]],
    )


def running(con: Connection) -> int:
    """How many run."""
    (count,) = con.execute("SELECT count(*) FROM runaway WHERE ended_at IS NULL").fetchone() or (0,)
    return int(count)


def recent(con: Connection, now: datetime) -> list[Runaway]:
    """Those that run, and those that ended within a day, newest first."""
    found = con.execute(
        "SELECT owner, seen_at, seconds, ended_at, how FROM runaway WHERE ended_at IS NULL OR ended_at > ? "
        "ORDER BY ended_at IS NULL DESC, seen_at DESC LIMIT 20",
        [now - SHOWN],
    ).fetchall()
    return [Runaway(*row) for row in found]
