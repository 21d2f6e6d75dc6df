"""When a time that a text names runs out: "by Friday 3 pm", "1-3 个工作日内", "end of the day".

Each is read as the latest moment that its words allow: "1-3 days" is three of them, "tomorrow between 2 and 4 pm" is
tomorrow at four. A day, and what is counted in
days, ends when we close, for nobody answers later; hours and minutes run through the night.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from aggregator.triage import times
from aggregator.triage.zones import ZONE, zone_of
from aggregator.working_time import DAY, ONE_DAY, WorkingTime

# What may stand between a day, its part and its hour.
_JOINT = re.compile(
    r"[\s,的在于一]*(?:(?:at|by|before|until|on|in the|around|of|latest|between|from|最晚|之前|前)[\s,]*){0,2}\Z"
)
# Between the two hours of a span. "At 10 and at 5" are two hours, "between 10 and 5" is one span.
_TO = re.compile(r"\s*(?:-|~|–|—|到|至|或者?|\bto\b|\bor\b|\buntil\b)\s*")
_AND = re.compile(r"\s*(?:\band\b|和|与)\s*")
_BETWEEN = re.compile(r"\bbetween\b|之?间")
_BEFORE = re.compile(r"\bbefore (?:the )?\Z")
_PAST = re.compile(r"(?:过去|最近|已经|已|等了|近|这|past|last|previous)\s*\Z")
_NIGHTS = ("晚", "夜", "night", "midnight")
_EARLY = 7  # "at 3" of another day is the afternoon
_HALF_A_DAY = timedelta(hours=12)


class Deadline(NamedTuple):
    """Where a time stands in the text, and when it runs out."""

    start: int
    end: int
    due: datetime
    length: bool  # counted from the moment of writing


def deadlines(text: str, posted_at: datetime, working: WorkingTime) -> list[Deadline]:
    """Every time that lies ahead, in the order of the text (as `search_text` gives it)."""
    lengths = [*_lengths(text, posted_at, working)]
    taken = [(each.start, each.end) for each in lengths]
    points = [*_points(text, posted_at, working, taken)]
    return sorted(each for each in (*lengths, *points) if each.due > posted_at)


def _lengths(text: str, posted_at: datetime, working: WorkingTime) -> Iterator[Deadline]:
    for said in times.ZH_LENGTH.finditer(text):
        unit = said["unit"]
        # 3日 is a day of the month, and "24 hours" is English.
        needs_within = unit in ("日", "月") or unit.isascii()
        if (said["within"] or not needs_within) and not _PAST.search(text[: said.start()]):
            much = times.number(said["n"]) + (0.5 if said["half"] else 0)
            yield Deadline(*said.span(), _after(posted_at, much, unit, unit[:2] == "工作", working), True)
    for said in times.EN_LENGTH.finditer(text):
        if said["before"] or said["behind"]:
            much = times.number(said["n"]) + (1 if said["or"] else 0)
            by_work = bool(said["kind"]) or said["unit"].startswith("work")
            yield Deadline(*said.span(), _after(posted_at, much, said["unit"], by_work, working), True)


def _after(posted_at: datetime, much: float, unit: str, by_work: bool, working: WorkingTime) -> datetime:
    if by_work and unit[:3] not in ("工作小", "hou", "hrs", "min"):
        return working.working_days_after(posted_at, min(250, max(1, ceil(much))))
    unit = unit.removeprefix("工作")
    minutes = next(minutes for name, minutes in times.UNITS.items() if unit.startswith(name))
    length = timedelta(minutes=min(much * minutes, 3650 * DAY))
    if by_work:
        return working.open_time_after(posted_at, length, quiet=(), closed=True)
    if minutes >= DAY and much >= 1:
        return _end_of(working.local(posted_at + length).date(), posted_at, working)
    return posted_at + length


def _end_of(day: date, posted_at: datetime, working: WorkingTime) -> datetime:
    """When we close; of a day on which we have closed already, midnight."""
    closing = working.closing(day)
    return closing if closing > posted_at else working.moment(day, DAY)


_KINDS = (ZONE, times.DAY_WORD, times.CLOSING, times.PART, times.CLOCK)


def _points(
    text: str, posted_at: datetime, working: WorkingTime, taken: Sequence[tuple[int, int]]
) -> Iterator[Deadline]:
    """Days, parts of days and hours; those that stand together are one point of time, and so are two hours with "to"
    between them."""
    found: list[re.Match[str]] = []
    for kind in _KINDS:
        found += [each for each in kind.finditer(text) if not _overlaps(each.span(), taken)]
        taken = [*taken, *(each.span() for each in found)]
    found.sort(key=lambda each: each.start())
    group: list[re.Match[str]] = []
    ends = 0  # in the group, where the span's second hour begins; 0: it is no span
    for this, following in pairwise([*found, None]):
        assert this is not None
        group.append(this)
        if following and not ends and _is_span(text, group, following):
            ends = len(group)
        elif not following or not _stand_together(text, group[ends:], following):
            due = _last_due(text, group, ends, posted_at, working)
            if due is not None:
                yield Deadline(group[0].start(), group[-1].end(), due, False)
            group, ends = [], 0


def _overlaps(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _stand_together(text: str, group: Sequence[re.Match[str]], following: re.Match[str]) -> bool:
    """Whether what follows tells more of the same point of time."""
    between = text[group[-1].end() : following.start()] if group else ""
    return _JOINT.match(between) is not None and not any(each.re is following.re for each in group)


def _is_span(text: str, group: Sequence[re.Match[str]], following: re.Match[str]) -> bool:
    """Whether the hour that a group ends with begins a span that ends with what follows."""
    if all(each.re is not times.CLOCK for each in group[-2:]) or following.re in (ZONE, times.CLOSING):
        return False
    between = text[group[-1].end() : following.start()]
    if _TO.fullmatch(between):
        return True
    around = text[max(0, group[0].start() - 12) : following.end() + 12]
    return _AND.fullmatch(between) is not None and _BETWEEN.search(around) is not None


def _last_due(
    text: str, group: Sequence[re.Match[str]], ends: int, posted_at: datetime, working: WorkingTime
) -> datetime | None:
    """When a point runs out; of a span its second hour, on the day and in the half of the first where it has none."""
    due = _due(text, group, posted_at, working)
    if due is None or not ends or all(each.re is not times.DAY_WORD for each in group):
        return due
    zones = [each for each in group if each.re is ZONE]
    begins = _due(text, [*group[:ends], *zones], posted_at, working)
    while begins is not None and due < begins:
        due += _HALF_A_DAY
    return due


class _Point(NamedTuple):
    """What is told of one point of time, each part by its own words."""

    day_word: re.Match[str] | None
    part: re.Match[str] | None
    clock: re.Match[str] | None
    zone: re.Match[str] | None
    closing: re.Match[str] | None

    @property
    def part_of_day(self) -> str:
        if self.part:
            return self.part["zh"] or self.part["en"]
        return "night" if self.day_word and self.day_word["en"] == "tonight" else ""


def _due(text: str, group: Sequence[re.Match[str]], posted_at: datetime, working: WorkingTime) -> datetime | None:
    named = {each.re: each for each in group}
    point = _Point(*(named.get(kind) for kind in (times.DAY_WORD, times.PART, times.CLOCK, ZONE, times.CLOSING)))
    now = working.local(posted_at)
    zone = zone_of(point.zone, now) if point.zone and point.clock else now.tzinfo
    if zone is None or all(each.re is ZONE for each in group):
        return None
    if point.day_word:
        day, again = _day(point.day_word, now.date(), working)
    else:
        day, again = now.astimezone(zone).date(), ONE_DAY if point.clock else None
    if day is None:
        return None
    first = text[max(0, group[0].start() - 12) : group[0].start()]
    if len(group) == 1 and point.day_word and point.day_word["en_day"] and _BEFORE.search(first):
        day -= ONE_DAY  # before Friday is until Thursday
    due = _on(day, point, zone, posted_at, working)
    if due is not None and due <= posted_at and again:
        due = _on(day + again, point, zone, posted_at, working)
    return due


def _on(day: date, point: _Point, zone: tzinfo, posted_at: datetime, working: WorkingTime) -> datetime | None:
    """The end of what was said of this day."""
    if point.clock:
        return _by_the_clock(day, point.clock, point, zone, posted_at)
    if point.part_of_day and not point.closing:
        return working.moment(day, times.PARTS[point.part_of_day][0])
    return _end_of(day, posted_at, working)


def _by_the_clock(day: date, clock: re.Match[str], point: _Point, zone: tzinfo, posted_at: datetime) -> datetime | None:
    hour = int(times.number(clock["hour"]))
    minute = 30 if clock["half"] else int(times.number(clock["minute"] or clock["zh_minute"] or "0"))
    half, part_of_day = clock["m1"] or clock["m2"], point.part_of_day
    if hour > 24 or minute > 59:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif part_of_day and times.PARTS[part_of_day][1]:
        at_night = hour == 12 and part_of_day in _NIGHTS
        hour = DAY // 60 if at_night else hour + 12 if hour < 12 else hour
    bare = not half and not part_of_day and clock["minute"] is None and 0 < hour < 12
    if bare and point.day_word and hour < _EARLY:
        hour += 12
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    due = (midnight + timedelta(minutes=min(DAY, hour * 60 + minute))).astimezone(UTC)
    if bare and not point.day_word and due <= posted_at:
        due = (midnight + timedelta(hours=12 + hour, minutes=minute)).astimezone(UTC)
    return due


def _day(said: re.Match[str], today: date, working: WorkingTime) -> tuple[date | None, timedelta | None]:
    """Which day is meant; and, where it comes again, after how long."""
    monday = today - timedelta(days=today.weekday())
    if name := said["zh"]:
        ahead = next(days for word, days in times.DAYS_AHEAD.items() if name.startswith(word))
        return today + timedelta(days=ahead), None
    if name := said["en"]:
        return today + timedelta(days=times.DAYS_AHEAD[name]), None
    if weekday := said["zh_day"] or said["en_day"]:
        number = times.WEEKDAYS[weekday]
        which = said["zh_rel"] or said["en_rel"]
        weeks = {"下": 1, "next": 1, "下下": 2}.get(which or "", 0)
        day = monday + timedelta(days=number + 7 * weeks)
        return (day, None) if which and which != "coming" else (day if day >= today else day + 7 * ONE_DAY, 7 * ONE_DAY)
    if said["weekend"]:
        return monday + 6 * ONE_DAY, None
    if week := said["zh_week"] or said["en_week"]:
        ahead = 1 if week in ("下", "next") and not said["zh_week_before"] else 0
        return _last_worked(monday + timedelta(days=7 * ahead), today, working), None
    if said["zh_month"]:
        return _last_of_month(today), None
    if end := said["end"]:
        return _end(end, said["end_on"] or "", today, monday, working), None
    return _date(said, today), None


def _end(end: str, on: str, today: date, monday: date, working: WorkingTime) -> date:
    if "month" in end:
        return _last_of_month(_last_of_month(today) + ONE_DAY if "next" in end else today)
    if "week" not in end and end != "eow":
        if on in times.WEEKDAYS:
            return today + timedelta(days=(times.WEEKDAYS[on] - today.weekday()) % 7)
        return today + timedelta(days=times.DAYS_AHEAD.get(on, 0))
    return _last_worked(monday + 7 * ONE_DAY if "next" in end else monday, today, working)


def _last_worked(monday: date, today: date, working: WorkingTime) -> date:
    """The last working day of a week; where it is over, the week's last day."""
    week = [monday + timedelta(days=number) for number in range(7)]
    return next((day for day in reversed(week) if day >= today and working.is_worked(day)), week[-1])


def _last_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _date(said: re.Match[str], today: date) -> date | None:
    """A day of a month: the next one of that name. None: it is no day, or nobody can tell which."""
    if (said["one"] or said["one_en"] or said["one_zh"]) is not None:
        return _in_figures(said, today)
    in_month = said["d"] or said["zh_d"] or said["en_d"] or said["en_d2"] or said["en_d3"]
    month_name = said["en_m"] or said["en_m2"]
    month = times.MONTHS[month_name] if month_name else int(times.number(said["m"] or said["zh_m"] or "0"))
    return _next_such(said["y"], month, int(times.number(in_month)), today)


def _in_figures(said: re.Match[str], today: date) -> date | None:
    """With dots the day stands first, in Chinese the month; else the figures must tell, for people write both."""
    one = int(said["one"] or said["one_en"] or said["one_zh"])
    other = int(said["other"] or said["other_en"] or said["other_zh"])
    if said["one_zh"] or other > 12:
        one, other = other, one
    elif said["sign"] != "." and one <= 12 and one != other:
        return None
    return _next_such(said["year"], other, one, today)


def _next_such(year: str | None, month: int, in_month: int, today: date) -> date | None:
    try:
        if year:
            return date(int(year), month, in_month)
        day = date(today.year, month or today.month, in_month)
        if day >= today:
            return day
        if month:
            return day.replace(year=today.year + 1)
        return (_last_of_month(today) + ONE_DAY).replace(day=day.day)
    except ValueError:
        return None
