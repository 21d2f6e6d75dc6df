"""Working days and open hours: when a promised time runs out.

Days off come from the package `holidays`, with the weekends that are worked instead. It is imported at the first
question about a working day: clocks that count every hour, and posts without a clock, never pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 24 * 60
Span = tuple[int, int]
"""From and to, in minutes of a day; the second is at most DAY, and larger."""

ONE_DAY = timedelta(days=1)
# A calendar may leave no day open; then a time runs out when so many have passed.
_FARTHEST = 4000
# So many years in a row with worked weekends, and the next ones without: they have not been published yet.
_YEARS_IN_A_ROW = 3
_YEARS_BACK = 20


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """A length of time in whole working days."""

    days: int


Period = timedelta | WorkingDays


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """When we work.

    countries: whose days off we keep (`CN`, `DE-BY`); a day is worked if all of them work.
    weekend: 0 is Monday.
    hours: of a working day, in order, at least one.
    days_off, days_worked: our own; what is in both is off.
    """

    zone: str = "Asia/Shanghai"
    countries: tuple[str, ...] = ("CN",)
    weekend: frozenset[int] = frozenset({5, 6})
    hours: tuple[Span, ...] = ((9 * 60, 18 * 60),)
    days_off: frozenset[date] = frozenset()
    days_worked: frozenset[date] = frozenset()

    def is_worked(self, day: date) -> bool:
        if day in self.days_off:
            return False
        if day in self.days_worked:
            return True
        weekend = day.weekday() in self.weekend
        if not self.countries:
            return not weekend
        years = (days_of(country, day.year) for country in self.countries)
        return all(day in worked if weekend else day not in off for off, worked in years)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(_zone(self.zone))

    def moment(self, day: date, minutes: int) -> datetime:
        """So many minutes (at most DAY) into a day of ours, in UTC."""
        if minutes == DAY:
            day, minutes = day + ONE_DAY, 0
        local = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=_zone(self.zone))
        return local.astimezone(UTC)

    def closing(self, day: date) -> datetime:
        """When the last hours of a working day end."""
        return self.moment(day, self.hours[-1][1])

    def working_days_after(self, start: datetime, count: int) -> datetime:
        """The end of the `count`-th working day after the day on which something came."""
        day = self.local(start).date()
        for _ in range(count):
            day = self._next(day)
        return self.closing(day)

    def _next(self, day: date) -> date:
        for _ in range(_FARTHEST):
            day += ONE_DAY
            if self.is_worked(day):
                break
        return day

    def open_time_after(self, start: datetime, length: timedelta, *, quiet: tuple[Span, ...], closed: bool) -> datetime:
        """When `length` of open time has passed since `start`.

        Args:
            quiet: hours of every day that do not count.
            closed: only the hours of working days count.
        """
        left = length
        begins = start
        for begins, end in self._open(start, quiet, closed=closed):
            if left <= end - begins:
                return begins + left
            left -= end - begins
        return begins + left

    def same_working_days_later(self, start: datetime, end: datetime, later: datetime) -> datetime:
        """The end of a working day that is as many working days away from `later` as `end` is from `start`."""
        day, last, count = self.local(start).date(), self.local(end).date(), 0
        while day < last:
            day += ONE_DAY
            count += self.is_worked(day)
        today = self.local(later).date()
        if count == 0 and self.is_worked(today) and later < self.closing(today):
            return self.closing(today)
        return self.working_days_after(later, max(count, 1))

    def open_time_between(self, start: datetime, end: datetime, *, quiet: tuple[Span, ...], closed: bool) -> timedelta:
        """How much open time there is from one moment to the other; see `open_time_after`."""
        counted = timedelta(0)
        for begins, ends in self._open(start, quiet, closed=closed):
            if begins >= end:
                break
            counted += min(ends, end) - begins
        return counted

    def _open(self, start: datetime, quiet: tuple[Span, ...], *, closed: bool) -> Iterator[tuple[datetime, datetime]]:
        """Open times from `start` on, in UTC."""
        day = self.local(start).date()
        for _ in range(_FARTHEST):
            spans = self.hours if closed else ((0, DAY),)
            if not closed or self.is_worked(day):
                for first, last in without(spans, quiet):
                    end = self.moment(day, last)
                    if end > start:
                        yield max(start, self.moment(day, first)), end
            day += ONE_DAY


def without(spans: tuple[Span, ...], quiet: tuple[Span, ...]) -> tuple[Span, ...]:
    """What is left of the spans of a day."""
    for first, last in quiet:
        spans = tuple(
            (begin, end)
            for left, right in spans
            for begin, end in ((left, min(right, first)), (max(left, last), right))
            if begin < end
        )
    return spans


@lru_cache(maxsize=256)
def days_of(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """A country's days off in a year, and its weekend days that are worked instead of others."""
    from holidays import country_holidays

    code, _, part = country.partition("-")
    # A day off of January may be made up for in December, and is known only by its own year.
    days = country_holidays(code, subdiv=part or None, years=(year - 1, year, year + 1))
    return (
        frozenset(day for day in days if day.year == year),
        frozenset(day for day in days.weekend_workdays if day.year == year),
    )


def unknown_country(country: str) -> bool:
    """Whether `holidays` has no such calendar."""
    from holidays import country_holidays

    code, _, part = country.partition("-")
    try:
        country_holidays(code, subdiv=part or None)
    except (NotImplementedError, AttributeError, KeyError):
        return True
    return False


@lru_cache(maxsize=64)
def unpublished(country: str, year: int) -> bool:
    """Whether the weekends that will be worked in `year` are not known: they were in the years before it."""
    from holidays import country_holidays

    code, _, part = country.partition("-")
    years = range(year - _YEARS_BACK, year + 1)
    known = {day.year for day in country_holidays(code, subdiv=part or None, years=years).weekend_workdays}
    last = max(known, default=year)
    return last < year and all(last - number in known for number in range(_YEARS_IN_A_ROW))


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
