"""When somebody may be told: not in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aggregator.working_time import DAY, Span


def after_quiet(moment: datetime, hours: tuple[Span, ...], zone: str) -> datetime:
    """The moment, or when the quiet hours end in which it lies."""
    local = ZoneInfo(zone)
    for _ in range(len(hours) + 1):  # what goes on over midnight is two spans
        here = moment.astimezone(local)
        minute = here.hour * 60 + here.minute
        last = next((last for first, last in hours if first <= minute < last), None)
        if last is None:
            return moment
        day = here.date() + timedelta(days=last // DAY)
        moment = datetime.combine(day, time(last % DAY // 60, last % 60), local).astimezone(UTC)
    return moment
