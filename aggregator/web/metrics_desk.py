"""Metrics of the desk as a whole: the writer, what is sent, clocks, incidents, copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aggregator.store.figures import missed_clocks

if TYPE_CHECKING:
    from prometheus_client import Metric

    from aggregator.store.database import Connection, Database

OUTBOX = ("held", "sending", "sent", "refused", "unknown", "settled", "undone")
CLOCKS = ("first_answer", "next_answer", "promise")


class Desk(NamedTuple):
    """copies: kind -> unix time of the newest. size: bytes on disk. memory: bytes that DuckDB holds."""

    outbox: Mapping[str, int]
    missed: Mapping[str, int]
    states: Mapping[str, int]
    incidents: int
    copies: Mapping[str, float]
    waiting: int
    jobs: int
    seconds: float
    longest: float
    size: int
    memory: int


def read_desk(cursor: Connection, db: Database, now: datetime) -> Desk:
    outbox = dict(
        cursor.execute(  # of those that nobody knew of, a colleague has dealt with some
            "SELECT CASE WHEN state = 'unknown' AND settled_at IS NOT NULL THEN 'settled' ELSE state END, count(*) "
            "FROM outbox GROUP BY 1"
        ).fetchall()
    )
    states = cursor.execute("SELECT state, count(*) FROM feed_at(?) GROUP BY 1", [now]).fetchall()
    incidents = cursor.execute("SELECT count(*) FROM incident WHERE state = 'open'").fetchone()
    memory = cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
    copies = cursor.execute("SELECT kind, epoch(max(made_at)) FROM copy_made GROUP BY 1").fetchall()
    return Desk(
        dict.fromkeys(OUTBOX, 0) | outbox,
        dict.fromkeys(CLOCKS, 0) | missed_clocks(cursor, now),
        dict(states),
        incidents[0] if incidents else 0,
        dict(copies),
        db.waiting(),
        db.written.jobs,
        db.written.seconds,
        db.written.longest,
        _size(db.path),
        int(memory[0]) if memory else 0,
    )


def _size(path: Path | None) -> int:
    return sum(each.stat().st_size for each in path.parent.glob(path.name + "*")) if path else 0


def desk_families(desk: Desk) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    def by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
        family = GaugeMetricFamily(f"aggregator_{name}", text, labels=[label])
        for value, count in values.items():
            family.add_metric([value], count)
        return family

    yield by("outbox", "Answers written here, by what became of them.", "state", desk.outbox)
    yield by("clocks_missed", "Open inquiries whose promised time has run out, by clock.", "clock", desk.missed)
    yield by("inquiries_in_state", "Open inquiries by state.", "state", desk.states)
    yield GaugeMetricFamily("aggregator_incidents_open", "Incidents that go on.", value=desk.incidents)
    yield by("copy_newest_timestamp_seconds", "When the newest copy was made here, by kind.", "kind", desk.copies)
    yield GaugeMetricFamily("aggregator_writer_queue", "Transactions that wait for the writer.", value=desk.waiting)
    yield CounterMetricFamily("aggregator_writer_transactions", "Transactions since the start.", value=desk.jobs)
    yield CounterMetricFamily("aggregator_writer_busy_seconds", "Time that they took.", value=desk.seconds)
    yield GaugeMetricFamily("aggregator_writer_longest_seconds", "The longest of them.", value=desk.longest)
    yield GaugeMetricFamily("aggregator_database_bytes", "The inquiry database on disk.", value=desk.size)
    yield GaugeMetricFamily("aggregator_database_memory_bytes", "What DuckDB holds in memory.", value=desk.memory)
