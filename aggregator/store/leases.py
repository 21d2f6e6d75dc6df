"""Who may collect a source: a row in PostgreSQL that has to be renewed, and that anybody takes once it has run out.

Times are PostgreSQL's alone, so that no two machines' clocks are compared. Whoever cannot renew counts, by a clock of
its own that nobody can set, and stops before others may begin. Beneath it the fence keeps two from committing.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

import duckdb

from aggregator.store.lake import Lake

HOUSE = "@house"
"""The lease of the one who keeps house for all: sends answers and alerts, wakes, closes, deletes, merges files."""
SURE = 2 / 3  # of its time in which its holder counts on it: the rest is for letting go
_MADE = """
CREATE SCHEMA IF NOT EXISTS desk;
CREATE TABLE IF NOT EXISTS desk.lease (name text PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);
CREATE OR REPLACE FUNCTION desk.take_leases(names text[], who text, seconds text) RETURNS SETOF text
LANGUAGE sql VOLATILE AS $$
    INSERT INTO desk.lease AS l
    SELECT name, who, clock_timestamp() + CAST(seconds || ' s' AS interval) FROM unnest(names) AS name
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
    RETURNING l.name
$$;
CREATE OR REPLACE FUNCTION desk.let_leases_go(names text[], who text) RETURNS SETOF text
LANGUAGE sql VOLATILE AS $$
    DELETE FROM desk.lease WHERE name = ANY (names) AND holder = who RETURNING name
$$;
"""


class Leases:
    """Those of one process. Not for two threads at the same time."""

    def __init__(self, lake: Lake, holder: str, seconds: float) -> None:
        self._lake, self._holder, self.seconds = lake, holder, seconds
        self._until: dict[str, float] = {}  # by our own monotonic clock
        self.answered = False
        """Whether PostgreSQL could be asked at the last time."""

    def make(self) -> None:
        """The table and its two functions, if they are not there. (DuckDB asks PostgreSQL by SELECT alone.)"""
        self._lake.alone(lambda: self._lake.tell(_MADE))

    def held(self) -> set[str]:
        """Those that nobody else can have by now."""
        now = time.monotonic()
        return {name for name, until in self._until.items() if now < until}

    def renew(self, names: Collection[str]) -> set[str]:
        """Renew ours among these, and take those that have run out. Returns those held now; out of reach, or while
        another takes some at this very moment, those whose time is not over."""
        began = time.monotonic()
        if not names:
            return set()
        self.answered = False
        with suppress(duckdb.Error):
            found = self._lake.ask(
                "SELECT * FROM desk.take_leases(string_to_array(%s, ' '), %s, %s)",
                " ".join(sorted(names)),
                self._holder,
                f"{self.seconds:.3f}",
            )
            self.answered = True
            self._until = {name: began + self.seconds * SURE for (name,) in found}
        return self.held() & set(names)

    def let_go(self, names: Collection[str]) -> None:
        """Others may have these at once. Out of reach: they may when the time is over."""
        for name in names:
            self._until.pop(name, None)
        with suppress(duckdb.Error):
            self._lake.ask(
                "SELECT * FROM desk.let_leases_go(string_to_array(%s, ' '), %s)", " ".join(names), self._holder
            )
