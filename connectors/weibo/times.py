"""Weibo's times. Its days end at midnight in China."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))

# strptime would read the names of months in the machine's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d?) (?P<clock>\d\d:\d\d:\d\d) "
    r"(?P<offset>[+-]\d{4}) (?P<year>\d{4})"
)


def read_time(value: object) -> datetime | None:
    """`Tue May 31 17:46:55 +0800 2011` in UTC; None: it is not written so."""
    spelled = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if spelled is None or spelled["month"] not in _MONTHS:
        return None
    month = _MONTHS.index(spelled["month"]) + 1
    offset = f"{spelled['offset'][:3]}:{spelled['offset'][3:]}"
    try:
        at = datetime.fromisoformat(f"{spelled['year']}-{month:02}-{int(spelled['day']):02}T{spelled['clock']}{offset}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def next_midnight(now: datetime) -> datetime:
    """When the next day begins in China, in UTC."""
    today = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).astimezone(UTC)


def epoch(at: datetime | None) -> int | None:
    """Whole seconds, as cursors hold times."""
    return int(at.timestamp()) if at else None


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
