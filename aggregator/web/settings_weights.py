"""The page of the points in force, and of what other points would change. They stand in connectors.yaml alone: it shows
what to write there, and changes none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import yaml
from starlette.responses import Response

from aggregator.config import place_of
from aggregator.triage.terms import AT_STAKE, SINKS, WEIGHTS
from aggregator.web.visit import fields
from aggregator.weighing import POINTS, changed_rules, weigh_again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.web.visit import Visit
    from aggregator.weighing import Rescored

MOST_POINTS = 200.0
_PREVIEWING = asyncio.Lock()  # it reads all open inquiries: one at a time


async def show(visit: Visit) -> Response:
    return _page(visit, visit.site.settings.points)


async def preview(visit: Visit) -> Response:
    """What the points of the form would change: nothing is written."""
    form, settings = await fields(visit.request), visit.site.settings
    points, wrong = _points(form, settings.points)
    if wrong:
        said = visit.gettext("Write numbers from -200 to 200: %(rules)s") % {"rules": ", ".join(wrong)}
        return _page(visit, points, code=400, said=said)
    if _PREVIEWING.locked():
        said = visit.gettext("Somebody else is looking at a preview just now. Try again in a moment.")
        return _page(visit, points, code=409, said=said)
    async with _PREVIEWING:
        result = await weigh_again(visit.site.db, settings, visit.site.clock(), points=points)
    return _page(visit, points, result=result)


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


def _page(
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
