"""The page of the hours and promises in force. They stand in connectors.yaml alone: it shows them, with their place in
it, and changes none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from aggregator.config import place_of
from aggregator.config.clock_settings import unknown_weekends
from aggregator.working_time import WorkingDays

if TYPE_CHECKING:
    from datetime import timedelta

    from aggregator.config.clock_settings import ChannelClock
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    settings = visit.site.settings
    unknown = await asyncio.to_thread(unknown_weekends, settings.clocks, visit.site.clock())
    clocks = sorted(settings.clocks.items(), key=lambda each: (each[0] != "default", each[0]))
    return visit.page(
        "settings_hours.html",
        clocks=[(channel, clock, _places(visit, channel)) for channel, clock in clocks],
        unknown=unknown,
        timezone=(settings.timezone, place_of(settings, ("timezone",))),
        period=lambda period: _period(visit, period),
        hours=_hours,
        days=_days,
    )


def _places(visit: Visit, channel: str) -> dict[str, str | None]:
    """Setting -> where it stands: of the channel itself, else of `default`, from which it takes what is not its own."""
    settings = visit.site.settings
    found: dict[str, str | None] = {}
    for path in (
        ("first_answer",), ("next_answer",), ("counts",), ("quiet_hours",), ("calendar", "holidays"),
        ("calendar", "weekend"), ("calendar", "hours"), ("calendar", "days_off"), ("calendar", "days_worked"),
        ("calendar", "timezone"),
    ):  # fmt: skip
        own = place_of(settings, ("clocks", channel, *path))
        handed_down = path[0] not in ("first_answer", "next_answer")
        found[path[-1]] = own or (place_of(settings, ("clocks", "default", *path)) if handed_down else None)
    return found


def _period(visit: Visit, period: timedelta | WorkingDays) -> str:
    if isinstance(period, WorkingDays):
        one = visit.gettext("1 working day")
        return one if period.days == 1 else visit.gettext("%(n)s working days") % {"n": period.days}
    minutes = round(period.total_seconds() / 60)
    if minutes % 60:
        return visit.gettext("%(n)s min") % {"n": minutes}
    return visit.gettext("%(n)s h") % {"n": minutes // 60}


def _hours(clock: ChannelClock | None, spans: tuple[tuple[int, int], ...] = ()) -> str:
    """09:00-12:00, 13:30-18:00"""
    told = clock.calendar.hours if clock else spans
    return ", ".join(f"{a // 60:02}:{a % 60:02}–{b // 60:02}:{b % 60:02}" for a, b in told)


def _days(days: frozenset[Any]) -> str:
    return ", ".join(sorted(each.isoformat() for each in days))
