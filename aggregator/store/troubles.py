"""Sources of which posts may be missing right now: the line above the feed. Quick, for it is asked all the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.store.database import Connection
from aggregator.store.sources import HealthState

_AGAIN = 3  # failures in a row; one alone is nothing yet


@dataclass(frozen=True, slots=True)
class Trouble:
    """since: from when on we cannot vouch for the source; None: that is not known."""

    source: str
    channel: str
    state: HealthState
    since: datetime | None


def troubles(cursor: Connection) -> list[Trouble]:
    """By name of the source; those that are no longer configured included."""
    found = cursor.execute(
        """
        SELECT h.source, s.channel, h.state, min(c.from_at)
        FROM source_health AS h
        JOIN source_state AS s ON s.source = h.source
        LEFT JOIN coverage AS c
            ON c.source = h.source AND c.state = CASE WHEN h.state = 'silent' THEN 'doubt' ELSE 'gap' END
        WHERE h.state IN ('silent', 'stopped') OR (h.state = 'failing' AND h.failures >= $again)
        GROUP BY ALL
        ORDER BY h.source
        """,
        {"again": _AGAIN},
    ).fetchall()
    return [Trouble(*row) for row in found]
