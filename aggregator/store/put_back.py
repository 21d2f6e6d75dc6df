"""A store that stands where a copy of it was put back: what went out since the copy was made does not go out again."""

from __future__ import annotations

from datetime import datetime

import structlog

from aggregator.store.database import Connection
from aggregator.store.meta import note

log = structlog.get_logger()

CATALOG = "catalog"
"""The key of `meta` that holds where PostgreSQL had a lake's catalog. A dump takes it along."""
_UNKNOWN = "put_back"


def doubt_what_was_due(con: Connection, now: datetime) -> None:
    """What was about to go out has gone out since, or was taken back. Answers: as after a kill nobody knows, and none
    is sent by itself (aggregator/outbox/sender.py). Alerts: whom they were to wake was woken. Webhooks go once more,
    for their receivers know them by their ids."""
    there = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "outbox" in there:  # since schema 8
        con.execute(
            "UPDATE outbox SET state = 'unknown', began_at = coalesce(began_at, due_at), ended_at = ?, why = NULL "
            "WHERE state = 'held'",
            [now],
        )
    if "delivery" in there:  # since schema 13
        con.execute(
            "UPDATE delivery SET state = 'moot', ended_at = ?, why = 'a backup was put in place', body = '' "
            "WHERE state = 'due' AND starts_with(target, 'alert:') AND due_at <= ?",
            [now, now],
        )


def catalog_was_put_back(
    con: Connection, place: str, written_at: datetime, now: datetime
) -> tuple[datetime, datetime] | None:
    """From when to when a lake knows nothing, for its catalog was put back; None: it was not, or that is noted.

    Args:
        place: where PostgreSQL has the catalog.
        written_at: when somebody last wrote into it.
    """
    known = dict(con.execute("SELECT key, value FROM meta WHERE key IN (?, ?)", [CATALOG, _UNKNOWN]).fetchall())
    if known.get(CATALOG) != place:
        note(con, CATALOG, place)
    if known.get(CATALOG, place) != place:
        since = min(written_at, now)
        doubt_what_was_due(con, now)
        note(con, _UNKNOWN, f"{since.isoformat()} {now.isoformat()}")
        log.warning("lake.put_back", since=since.isoformat())
        return since, now
    if _UNKNOWN not in known:
        return None
    begin, end = known[_UNKNOWN].split()
    return datetime.fromisoformat(begin), datetime.fromisoformat(end)


def is_noted(con: Connection) -> None:
    """The sources know what a lake does not."""
    con.execute("DELETE FROM meta WHERE key = ?", [_UNKNOWN])
