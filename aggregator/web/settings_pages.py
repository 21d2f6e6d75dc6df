"""Further pages of the settings: own keys, the hours and promises in force, and what other points would change.

Points, hours and promises stand in connectors.yaml alone. These pages show them, with their place in it, and what to
write there; they change none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import yaml
from starlette.responses import RedirectResponse, Response

from aggregator.config import place_of
from aggregator.config.clock_settings import unknown_weekends
from aggregator.triage.terms import AT_STAKE, SINKS, WEIGHTS
from aggregator.web.remapping import bound, keys, refused, spelled
from aggregator.web.visit import fields
from aggregator.weighing import POINTS, changed_rules, weigh_again
from aggregator.working_time import WorkingDays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from aggregator.config.clock_settings import ChannelClock
    from aggregator.web.remapping import Refused
    from aggregator.web.visit import Visit
    from aggregator.weighing import Rescored

MOST_POINTS = 200.0
_PREVIEWING = asyncio.Lock()  # it reads all open inquiries: one at a time


async def show_keys(visit: Visit) -> Response:
    return _keys_page(visit, visit.user.keys)


async def save_keys(visit: Visit) -> Response:
    """`key-<name>`: another key (empty: its own); `off-<name>`: none; `reset`: all as they were."""
    form = await fields(visit.request)
    chosen: dict[str, str] = {}
    if "reset" not in form:
        for key in keys():
            typed = spelled(form.get(f"key-{key.name}", ""))
            if f"off-{key.name}" in form:
                chosen[key.name] = ""
            elif typed and (typed,) != key.keys[:1]:
                chosen[key.name] = typed
        if wrong := refused(chosen):
            return _keys_page(visit, chosen, wrong=wrong, code=409)
    await asyncio.to_thread(visit.site.desk.set_preferences, visit.user.name, keys=chosen)
    return RedirectResponse("/settings/keys", 303)


def _keys_page(
    visit: Visit, chosen: Mapping[str, str], *, wrong: list[Refused] | None = None, code: int = 200
) -> Response:
    return visit.page(
        "settings_keys.html",
        code=code,
        keys=keys(),
        chosen=chosen,
        bound={key.name: bound(key, chosen) for key in keys()},
        wrong={each.name: each for each in wrong or ()},
    )


async def show_hours(visit: Visit) -> Response:
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


async def show_weights(visit: Visit) -> Response:
    return _weights_page(visit, visit.site.settings.points)


async def preview_weights(visit: Visit) -> Response:
    """What the points of the form would change: nothing is written."""
    form, settings = await fields(visit.request), visit.site.settings
    points, wrong = _points(form, settings.points)
    if wrong:
        said = visit.gettext("Write numbers from -200 to 200: %(rules)s") % {"rules": ", ".join(wrong)}
        return _weights_page(visit, points, code=400, said=said)
    if _PREVIEWING.locked():
        said = visit.gettext("Somebody else is looking at a preview just now. Try again in a moment.")
        return _weights_page(visit, points, code=409, said=said)
    async with _PREVIEWING:
        result = await weigh_again(visit.site.db, settings, visit.site.clock(), points=points)
    return _weights_page(visit, points, result=result)


def _points(form: Mapping[str, str], in_force: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """The overrides that a form comes to, and the rules whose numbers cannot be read. What a form leaves out stays."""
    points, wrong = dict(in_force), []
    for rule, own in POINTS.items():
        typed = form.get(f"points-{rule}")
        if typed is None:
            continue
        try:
            worth = round(float(typed.strip()), 2) if typed.strip() else own
        except ValueError:
            worth = MOST_POINTS + 1
        if not -MOST_POINTS <= worth <= MOST_POINTS:  # nan is neither
            wrong.append(rule)
        elif worth == own:
            points.pop(rule, None)
        else:
            points[rule] = worth
    return points, wrong


_GROUPS = (("at_stake", AT_STAKE), ("weighs", WEIGHTS.keys()), ("sinks", SINKS.keys()))


def _weights_page(
    visit: Visit,
    points: Mapping[str, float],
    *,
    result: Rescored | None = None,
    said: str = "",
    code: int = 200,
) -> Response:
    settings = visit.site.settings
    told = {rule for _, group in _GROUPS for rule in group}
    groups = [(name, [rule for rule in POINTS if rule in group]) for name, group in _GROUPS]
    groups.append(("state", [rule for rule in POINTS if rule not in told]))
    ordered = {rule: _plain(points[rule]) for rule in POINTS if rule in points}
    return visit.page(
        "settings_weights.html",
        code=code,
        groups=groups,
        own=POINTS,
        in_force={**POINTS, **settings.points},
        points={**POINTS, **points},
        places={rule: place_of(settings, ("points", rule)) for rule in POINTS},
        changed=changed_rules(settings, points),
        result=result,
        yaml=yaml.safe_dump({"points": ordered}, sort_keys=False) if ordered else "",
        file=place_of(settings, ("points",)),
        said=said,
        plain=_plain,
    )


def _plain(points: float) -> int | float:
    """42 rather than 42.0."""
    return int(points) if points == int(points) else points
