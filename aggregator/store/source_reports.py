"""How each source fares: for which times we can vouch, and for which not."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson

from aggregator.store.sources import HealthState, quota_of
from connectors.contract import PullConnector
from connectors.registry import connector_class

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.database import Connection, Database
    from connectors.contract import Quota

GAPS_SHOWN = 20
ANEW_EVERY = 3600.0  # seconds after which all posts are counted, whatever is known of them


@dataclass(frozen=True, slots=True)
class Missing:
    """A time of which posts may be missing. `state`: gap (may still be fetched), doubt (an unusual silence) or lost."""

    start: datetime
    end: datetime
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source on the health page.

    complete_to: until when we can vouch without a break; None: not yet. passed_over: posts that begin no inquiry
    because of `include` and `exclude`. quota: as the platform last told it; None: it does not count.
    """

    source: str
    channel: str
    connector: str
    state: HealthState
    message: str
    trouble: str | None  # of which kind (connectors/errors.py); None: none, or that is not known
    warnings: tuple[str, ...]
    last_post_at: datetime | None
    polled_at: datetime | None
    next_at: datetime | None
    posts: int
    last_hour: int  # of them, posted within the last hour
    pulled: bool  # we ask it; else it only calls us
    rejected: int
    passed_over: int
    quota: Quota | None
    gaps: tuple[Missing, ...]  # newest first, at most GAPS_SHOWN
    blind_to: tuple[str, ...]
    complete_to: datetime | None


def source_reports(db: Database, settings: Settings, now: datetime) -> list[SourceReport]:
    """A report for each configured source, by name. It blocks: call it in a thread."""
    counted = _COUNTED.setdefault(db, _Counted())
    with db.reading() as cursor:
        return _reports(cursor, counted, settings, now)


def _reports(cursor: Connection, counted: _Counted, settings: Settings, now: datetime) -> list[SourceReport]:
    health = {
        source: rest
        for source, *rest in cursor.execute(
            "SELECT source, state, message, warnings, polled_at, next_at, trouble FROM source_health"
        ).fetchall()
    }
    posts = counted.posts(cursor)
    hour = "SELECT source, count(*) FROM post WHERE posted_at > ? GROUP BY 1"
    last_hour = dict(cursor.execute(hour, [now - timedelta(hours=1)]).fetchall())
    states = {
        source: rest
        for source, *rest in cursor.execute("SELECT source, channel, passed_over, quota FROM source_state").fetchall()
    }
    rejected = _pairs(cursor, "SELECT source, count(*) FROM rejected_record WHERE resolved_at IS NULL GROUP BY 1")
    complete = _pairs(
        cursor,
        "SELECT source, least(max(to_at) FILTER (state = 'complete'), min(from_at) FILTER (state IN ('gap', 'doubt'))) "
        "FROM coverage GROUP BY 1 HAVING count(*) FILTER (state = 'complete') > 0",
    )
    missing = _missing(cursor)
    reports = []
    for source, config in sorted(settings.sources.items()):
        state, message, warnings, polled_at, next_at, trouble = health.get(source, ["ok", "", "[]", None, None, None])
        count, last_post_at = posts.get(source, (0, None))
        channel, passed_over, quota = states.get(source, [config.connector, 0, None])
        reports.append(
            SourceReport(
                source=source,
                channel=channel,
                connector=config.connector,
                state=state if config.enabled else "off",
                message=message,
                trouble=trouble,
                warnings=tuple(orjson.loads(warnings)),
                last_post_at=last_post_at,
                polled_at=polled_at,
                next_at=next_at,
                posts=count,
                last_hour=last_hour.get(source, 0),
                pulled=issubclass(connector_class(config.connector), PullConnector),
                rejected=rejected.get(source, 0),
                passed_over=passed_over,
                quota=quota_of(quota),
                gaps=tuple(missing.get(source, ())[:GAPS_SHOWN]),
                blind_to=tuple(sorted(connector_class(config.connector).blind_to)),
                complete_to=complete.get(source),
            )
        )
    return reports


class _Counted:
    """How many posts each source has, and when its last was posted. A monitoring system asks for it every few seconds,
    so only those are read that were seen since. If they and those that were counted before are not as many as there
    are, which DuckDB knows without reading them, some were deleted or came late, and all are counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = _EVER  # until when
        self._posts: dict[str, tuple[int, datetime]] = {}
        self._anew_at = 0.0

    def posts(self, cursor: Connection) -> dict[str, tuple[int, datetime]]:
        with self._lock:
            if time.monotonic() >= self._anew_at or not self._adds_up(cursor):
                self._seen, self._posts, self._anew_at = _EVER, {}, time.monotonic() + ANEW_EVERY
                self._add(cursor)
            return dict(self._posts)

    def _adds_up(self, cursor: Connection) -> bool:
        self._add(cursor)
        stored = cursor.execute("SELECT count(*) FROM post").fetchone()
        return stored == (sum(count for count, _ in self._posts.values()),)

    def _add(self, cursor: Connection) -> None:
        fresh = "SELECT source, count(*), max(posted_at), max(seen_at) FROM post WHERE seen_at > ? GROUP BY 1"
        for source, more, last, seen in cursor.execute(fresh, [self._seen]).fetchall():
            count, before = self._posts.get(source, (0, last))
            self._posts[source] = count + more, max(before, last)
            self._seen = max(self._seen, seen)


_EVER = datetime.fromtimestamp(0, UTC)
_COUNTED: WeakKeyDictionary[Database, _Counted] = WeakKeyDictionary()


def _pairs(cursor: Connection, sql: str) -> dict[str, Any]:
    return dict(cursor.execute(sql).fetchall())


def _missing(cursor: Connection) -> dict[str, list[Missing]]:
    found: dict[str, list[Missing]] = {}
    for source, *gap in cursor.execute(
        "SELECT source, from_at, to_at, state, reason FROM coverage WHERE state IN ('gap', 'doubt', 'lost') "
        "ORDER BY to_at DESC"
    ).fetchall():
        found.setdefault(source, []).append(Missing(*gap))
    return found
