"""What other processes changed, told by the lake's own change feed."""

from __future__ import annotations

import duckdb

from aggregator.identity import Id
from aggregator.store.lake import Lake

# An incident that grew moves all its members.
_CHANGED = """
WITH joined AS (
    SELECT DISTINCT incident_id, inquiry_id FROM lake.table_changes('incident_member', $1, $2)
    WHERE list_contains($3, snapshot_id)
)
SELECT inquiry_id FROM lake.table_changes('inquiry_open', $1, $2) WHERE list_contains($3, snapshot_id)
UNION SELECT inquiry_id FROM lake.table_changes('inquiry_closed', $1, $2) WHERE list_contains($3, snapshot_id)
UNION SELECT inquiry_id FROM lake.table_changes('outbox', $1, $2) WHERE list_contains($3, snapshot_id)
UNION SELECT inquiry_id FROM lake.table_changes('approach', $1, $2) WHERE list_contains($3, snapshot_id)
UNION SELECT inquiry_id FROM joined
UNION SELECT inquiry_id FROM incident_member
    WHERE left_at IS NULL AND incident_id IN (SELECT incident_id FROM joined)
"""


class Others:
    """Read it with `look` from one thread at a time; the first look begins where the lake stands then."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._seen = lake.newest()

    def look(self) -> set[Id]:
        """The inquiries that others have changed since the last look that did not fail."""
        newest = self._lake.newest()
        if newest <= self._seen:
            return set()
        changed = self._changed(self._seen + 1, newest)
        self._seen = newest  # only now: what could not be read is looked at again
        return changed

    def _changed(self, since: int, newest: int) -> set[Id]:
        """Snapshots of these numbers, both included."""
        foreign = self._lake.ask(
            f"SELECT snapshot_id FROM ducklake_snapshot_changes WHERE snapshot_id BETWEEN {since} AND {newest} "
            "AND author IS DISTINCT FROM %s",
            self._lake.name,
        )
        if not foreign:
            return set()
        try:
            found = self._lake.query(_CHANGED, [since, newest, [snapshot for (snapshot,) in foreign]])
        except duckdb.Error:  # too long ago: those snapshots are no longer kept
            found = self._lake.query("SELECT inquiry_id FROM inquiry_open")
        return {one.bytes for (one,) in found}
