"""What the dashboard counts: arrivals, first answers, promises kept, kinds, hours of the week, impostors.

All counts are of inquiries that began within the range, whole days of the team's time zone, each counted where a view
of the feed with the same filters finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.config import Bands

Due = Callable[[str, datetime], datetime]
"""When the first answer to an inquiry of this channel, begun at this moment, was promised."""


@dataclass(frozen=True, slots=True)
class Range:
    """Whole days, both included, in this time zone; empty `channels`: all."""

    first: date
    last: date
    zone: str
    channels: tuple[str, ...] = ()

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), ZoneInfo(self.zone))

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), ZoneInfo(self.zone))


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """How many inquiries got an answer, and how many seconds half and nine tenths of them waited at most."""

    answered: int
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class Figures:
    """`kept` of `promised` first answers came in time (a promise that has not run out yet is not counted); `week`:
    arrivals by (weekday, hour), Monday is 0; `approaches`: customers whom impostors approached, by day."""

    open: int
    bands: Mapping[str, int]
    arrivals: Mapping[tuple[date, str], int]  # by day and channel
    answers: Mapping[date, FirstAnswers]
    overall: FirstAnswers | None
    promised: int
    kept: int
    kinds: Mapping[str, int]
    week: Mapping[tuple[int, int], int]
    approaches: Mapping[date, int]


def figures(cursor: Connection, wanted: Range, *, due: Due, moment: datetime, bands: Bands) -> Figures:
    """Count. Imported history counts as arrivals, and starts no clock."""
    bound = {
        "start": wanted.start,
        "end": wanted.end,
        "zone": wanted.zone,
        "channels": list(wanted.channels),
    }

    def rows(sql: str, *needed: str, **more: object) -> list[tuple[Any, ...]]:
        return cursor.execute(sql, {name: bound[name] for name in needed} | more).fetchall()

    these = "opened_at >= $start AND opened_at < $end AND (len($channels) = 0 OR list_contains($channels, channel))"
    local, day = "(opened_at AT TIME ZONE $zone)", "day_of(opened_at, $zone)"
    span = ("start", "end", "channels")
    by_day = rows(f"SELECT {day} AS day, channel, count(*) FROM inquiry WHERE {these} GROUP BY ALL", *span, "zone")
    answers = rows(
        f"SELECT {day} AS day, count(*), quantile_cont(seconds_to_first_answer, [0.5, 0.9]) "
        f"FROM answer_times WHERE {these} AND first_answer_at IS NOT NULL "
        "GROUP BY GROUPING SETS ((day), ())",
        *span,
        "zone",
    )
    waits = {day: FirstAnswers(count, *(quantiles or (0.0, 0.0))) for day, count, quantiles in answers if count}
    promised, kept = _promises(
        rows(
            f"SELECT channel, opened_at, first_answer_at FROM answer_times WHERE {these} "
            "AND (first_answer_at IS NOT NULL OR (due_at < $moment AND due_clock = 'first_answer'))",
            *span,
            moment=moment,
        ),
        due,
    )
    week = rows(
        f"SELECT isodow({local}) - 1, hour({local}), count(*) FROM inquiry WHERE {these} GROUP BY ALL", *span, "zone"
    )
    approached = rows(
        "SELECT day_of(a.approached_at, $zone), count(DISTINCT a.inquiry_id) "
        "FROM approach AS a JOIN inquiry AS i ON i.inquiry_id = a.inquiry_id "
        "WHERE a.withdrawn_at IS NULL AND a.approached_at >= $start AND a.approached_at < $end "
        "AND (len($channels) = 0 OR list_contains($channels, i.channel)) GROUP BY ALL",
        *span,
        "zone",
    )
    return Figures(
        **_now(cursor, wanted.channels, moment, bands),
        arrivals={(day, channel): count for day, channel, count in by_day},
        answers={day: waits[day] for day in waits if day is not None},
        overall=waits.get(None),
        promised=promised,
        kept=kept,
        kinds=dict(rows(f"SELECT kind, count(*) FROM inquiry WHERE {these} GROUP BY ALL", *span)),
        week={(day, hour): count for day, hour, count in week},
        approaches=dict(approached),
    )


def _now(cursor: Connection, channels: Sequence[str], moment: datetime, bands: Bands) -> dict[str, Any]:
    """What stands open at this moment, whenever it began; what sleeps does not count."""
    found = cursor.execute(
        "SELECT CASE WHEN priority >= $p0 THEN 'P0' WHEN priority >= $p1 THEN 'P1' WHEN priority >= $p2 THEN 'P2' "
        "ELSE 'P3' END AS band, count(*) FROM feed_at($moment) "
        "WHERE state != 'snoozed' AND (len($channels) = 0 OR list_contains($channels, channel)) GROUP BY ALL",
        {"moment": moment, "channels": list(channels), "p0": bands.P0, "p1": bands.P1, "p2": bands.P2},
    ).fetchall()
    counted = dict(found)
    return {"open": sum(counted.values()), "bands": {band: counted.get(band, 0) for band in ("P0", "P1", "P2", "P3")}}


def missed_clocks(cursor: Connection, moment: datetime) -> dict[str, int]:
    """By clock, how many promised times of open inquiries have run out, whenever these began."""
    return dict(
        cursor.execute(
            "SELECT coalesce(due_clock, 'promise'), count(*) FROM inquiry_open WHERE due_at < ? GROUP BY 1", [moment]
        ).fetchall()
    )


def _promises(inquiries: Sequence[tuple[str, datetime, datetime | None]], due: Due) -> tuple[int, int]:
    kept = sum(1 for channel, began, answer in inquiries if answer is not None and answer <= due(channel, began))
    return len(inquiries), kept
