"""The team's time zone, by which the analysts' views tell days."""

from __future__ import annotations

from aggregator.store import daily
from aggregator.store.database import Connection


def keep_zone(con: Connection, zone: str) -> None:
    """Let `team_zone()` be this one (an IANA name), if it is not yet."""
    now = con.execute("SELECT team_zone()").fetchone()
    if now is None or now[0] != zone:
        literal = zone.replace("'", "''")
        con.execute(f"CREATE OR REPLACE MACRO team_zone() AS '{literal}'")
        con.execute(daily.RECOUNT)  # an inquiry may have begun on another day there
