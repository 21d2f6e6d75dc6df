"""Until when one can snooze, in the team's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MORNING: Final = 9  # o'clock
CHOICES: Final = ("1h", "tomorrow", "monday")


def until_of(choice: str, now: datetime, timezone: str) -> datetime:
    """`1h`, `tomorrow` and the next `monday` (9:00), or a time of the team's zone such as 2026-03-16T09:00.

    A time that a zone skips in spring is taken as the one after the gap, one that it has twice as the first.

    Raises:
        ValueError: it is none of these.
    """
    zone = ZoneInfo(timezone)
    if choice == "1h":
        return now + timedelta(hours=1)
    today = now.astimezone(zone)
    if choice in ("tomorrow", "monday"):
        days = 1 if choice == "tomorrow" else 7 - today.weekday()
        morning = (today + timedelta(days=days)).replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
        return morning.astimezone(UTC)
    told = datetime.fromisoformat(choice)
    return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
