"""What we promise on each channel, as `clocks:` in connectors.yaml says it."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)

from aggregator.config.mistakes import or_rather
from aggregator.working_time import DAY, Period, Span, WorkingDays, WorkingTime, unknown_country, unpublished
from connectors.contract import Duration

# Inputs are hidden because a wrong value may be a secret that stands in the wrong place.
STRICT = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CODE = re.compile(r"[A-Z]{2}(-[A-Za-z0-9]{1,5})?")
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4]):([0-5]\d)")
_WORKING_DAYS = re.compile(r"(\d{1,3})\s*(?:working\s+days?|个?工作日)")
_MOST_DAYS = 250


def known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "Asia" is a directory
        remedy = or_rather(name, zoneinfo.available_timezones()) or "; write one such as Asia/Shanghai"
        raise ValueError(f"not an IANA time zone{remedy}") from None
    return name


def _country(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise ValueError("should be the code of a country, such as CN, or of a part of one, such as DE-BY")
    if code != "CN" and unknown_country(code):  # that CN is known is known without the large import
        raise ValueError("no calendar of this country or part is known")
    return code


def _weekday(name: object) -> int:
    if isinstance(name, int) and not isinstance(name, bool) and 0 <= name <= 6:
        return name
    if not isinstance(name, str) or name.lower() not in _WEEK:
        remedy = or_rather(name.lower(), _WEEK) if isinstance(name, str) else ""
        raise ValueError(f"should be a day such as saturday{remedy}")
    return _WEEK.index(name.lower())


def _not_all(days: frozenset[int]) -> frozenset[int]:
    if len(days) == len(_WEEK):
        raise ValueError("leaves no day to work on")
    return days


def _spans(value: object) -> tuple[Span, ...]:
    """`09:00-18:00`, or several; what goes on over midnight becomes two."""
    if isinstance(value, tuple):  # a default of ours
        return value
    texts = [value] if isinstance(value, str) else value
    spans: list[Span] = []
    if not isinstance(texts, list):
        raise ValueError("should be hours such as [09:00-12:00, 13:30-18:00]")
    for text in texts:
        said = _HOURS.fullmatch(text.strip()) if isinstance(text, str) else None
        first, last = (int(said[1]) * 60 + int(said[2]), int(said[3]) * 60 + int(said[4])) if said else (0, 0)
        if first == last or max(first, last) > DAY:
            raise ValueError("should be hours such as [09:00-12:00, 13:30-18:00]")
        spans += [(first, last)] if first < last else [(0, last), (first, DAY)]
    ordered = sorted((first, last) for first, last in spans if first < last)
    if any(later[0] < earlier[1] for earlier, later in pairwise(ordered)):
        raise ValueError("these hours overlap")
    return tuple(ordered)


def _some(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    if not spans:
        raise ValueError("leaves no hour to work in")
    return spans


def _not_the_whole_day(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    if sum(last - first for first, last in spans) >= DAY:
        raise ValueError("leaves no hour in which the clock runs")
    return spans


Hours = Annotated[tuple[Span, ...], BeforeValidator(_spans), AfterValidator(_not_the_whole_day)]
"""Some hours of every day, in minutes from midnight."""

_duration: TypeAdapter[timedelta] = TypeAdapter(Duration)


def _period(value: object) -> Period:
    if isinstance(value, WorkingDays):
        return value
    if isinstance(value, str) and (said := _WORKING_DAYS.fullmatch(value.strip())):
        if not 0 < int(said[1]) <= _MOST_DAYS:
            raise ValueError(f"should be 1 to {_MOST_DAYS} working days")
        return WorkingDays(int(said[1]))
    try:
        length = _duration.validate_python(value)
    except ValidationError:
        raise ValueError("should be a time such as 30m, 4h or 2d, or 3 working days") from None
    if length <= timedelta(0):
        raise ValueError("should be greater than 0 seconds")
    return length


Promised = Annotated[Period, PlainValidator(_period)]


class Calendar(BaseModel):
    """On which days and at which hours we work."""

    model_config = STRICT

    holidays: tuple[Annotated[str, AfterValidator(_country)], ...] = Field(
        default=("CN",), description="Whose days off we keep, by code: CN, DE-BY. A day must be worked in all of them."
    )
    weekend: Annotated[frozenset[Annotated[int, BeforeValidator(_weekday)]], AfterValidator(_not_all)] = Field(
        default=frozenset({5, 6}), description="Days of the week without work; what a country works instead counts."
    )
    hours: Annotated[tuple[Span, ...], BeforeValidator(_spans), AfterValidator(_some)] = Field(
        default=((9 * 60, 18 * 60),), description="Hours of a working day; its last one ends it."
    )
    days_off: frozenset[date] = Field(default=frozenset(), description="Further days off, of our own.")
    days_worked: frozenset[date] = Field(
        default=frozenset(), description="Weekends and holidays on which we work all the same."
    )
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        default="Asia/Shanghai", description="IANA time zone of these hours; else the team's."
    )


class ChannelClock(BaseModel):
    """How soon we promise to answer on one channel."""

    model_config = STRICT

    first_answer: Promised = Field(
        description="From a person's first post to our first answer: 30m, 4h, or 1 working day."
    )
    next_answer: Promised = Field(description="From each further post to our next answer.")
    counts: Literal["all_hours", "open_hours"] = Field(
        default="all_hours", description="Which hours of a length of time count: all, or those of the calendar."
    )
    quiet_hours: Hours = Field(default=(), description="Hours of every day in which this clock stands still.")
    calendar: Calendar = Field(default_factory=Calendar, description="Working days and hours.")

    @cached_property
    def working_time(self) -> WorkingTime:
        days = self.calendar
        return WorkingTime(days.timezone, days.holidays, days.weekend, days.hours, days.days_off, days.days_worked)

    def due(self, since: datetime, *, further: bool) -> datetime:
        """When the promise of an answer runs out for somebody who waits since then.

        Args:
            further: we have answered before.
        """
        promised = self.next_answer if further else self.first_answer
        if isinstance(promised, WorkingDays):
            return self.working_time.working_days_after(since, promised.days)
        if self.counts == "all_hours" and not self.quiet_hours:
            return since + promised
        return self.working_time.open_time_after(
            since, promised, quiet=self.quiet_hours, closed=self.counts == "open_hours"
        )

    def resumed(self, due: datetime, paused: datetime, resumed: datetime, *, further: bool) -> datetime:
        """When a promise runs out whose clock stood still from `paused` to `resumed`. What had run out stays so."""
        if due <= paused or resumed <= paused:
            return due
        promised = self.next_answer if further else self.first_answer
        days = self.working_time
        if isinstance(promised, WorkingDays):
            return days.same_working_days_later(paused, due, resumed)
        if self.counts == "all_hours" and not self.quiet_hours:
            return due + (resumed - paused)
        quiet, closed = self.quiet_hours, self.counts == "open_hours"
        left = days.open_time_between(paused, due, quiet=quiet, closed=closed)
        return days.open_time_after(resumed, left, quiet=quiet, closed=closed)


_HALF_AN_HOUR = timedelta(minutes=30)
PROMISED: Mapping[str, tuple[Period, Period]] = {
    "telegram": (_HALF_AN_HOUR, _HALF_AN_HOUR),
    "qq": (_HALF_AN_HOUR, _HALF_AN_HOUR),
    "wechat": (_HALF_AN_HOUR, _HALF_AN_HOUR),
    "weibo": (timedelta(hours=1), timedelta(hours=1)),
    "forum": (timedelta(hours=4), timedelta(hours=8)),
    "email": (WorkingDays(1), WorkingDays(2)),
    "chat": (timedelta(minutes=10), timedelta(minutes=10)),
    "default": (timedelta(hours=4), timedelta(hours=4)),
}
"""First answer and next answer where the file says nothing."""

_SOON = timedelta(days=31)  # a clock that starts now may run into the next year


def unknown_weekends(clocks: Mapping[str, ChannelClock], moment: datetime) -> list[tuple[str, int]]:
    """Countries and years of which nobody knows yet which weekends are worked, though it matters now.

    A calendar whose own `days_worked` name a day of that year is taken care of. It imports `holidays`: use a thread.
    """
    found = set()
    for clock in clocks.values():
        for year in {moment.year, (moment + _SOON).year}:
            if not any(day.year == year for day in clock.calendar.days_worked):
                found |= {(country, year) for country in clock.calendar.holidays if unpublished(country, year)}
    return sorted(found)


_INHERITED = ("counts", "quiet_hours")


def filled(clocks: dict[str, object], timezone: str) -> dict[str, object]:
    """The section `clocks` with all channels that have a promise.

    What a channel leaves out is as promised above, and the rest, setting by setting, as `default` has it.
    """
    default = _filled("default", clocks.get("default", {}), {}, {"timezone": timezone})
    common, shared = _handed_down(default)
    result = dict(clocks)
    for channel in PROMISED.keys() | clocks.keys():
        result[channel] = _filled(channel, clocks.get(channel, {}), common, shared)
    return result


def _filled(channel: str, given: object, common: dict[str, object], shared: dict[str, object]) -> object:
    if not isinstance(given, dict):
        return given
    first, further = PROMISED.get(channel, PROMISED["default"])
    own = given.get("calendar", {})
    calendar = {**shared, **own} if isinstance(own, dict) else own
    return {"first_answer": first, "next_answer": further, **common, **given, "calendar": calendar}


def _handed_down(default: object) -> tuple[dict[str, object], dict[str, object]]:
    """What other channels take from `default`, and from its calendar. With a mistake in it, which is told where it
    stands, nothing: it would be told again for each of them."""
    try:
        ChannelClock.model_validate(default)
    except ValidationError:
        return {}, {}
    assert isinstance(default, dict)
    return {name: default[name] for name in _INHERITED if name in default}, default["calendar"]
