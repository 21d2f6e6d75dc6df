"""How the days went: arrivals, first answers, promises kept, kinds, hours, impostors. Bars lead to what they count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aggregator.config import clock_of
from aggregator.store.figures import Figures, Range, figures
from aggregator.web import plots, words
from aggregator.web.i18n import Lang, catalogue

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.responses import Response

    from aggregator.config import Settings
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit

SPANS = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
LONGEST = 366  # days


async def show(visit: Visit) -> Response:
    site, settings = visit.site, visit.site.settings
    moment = site.clock()
    span, wanted = _asked(visit.request.query_params, moment, settings.timezone)

    found = await site.db.read(lambda con: figures_of(con, wanted, settings, moment))
    return visit.page(
        "dashboard.html",
        figures=found,
        wanted=wanted,
        span=span,
        spans=SPANS,
        channels=sorted({*wanted.channels, *(channel for _, channel in found.arrivals)}),
        plots=plots_of(visit.lang, found, wanted),
        view=_view(wanted),
        spell=spelled(visit.lang),
    )


def figures_of(con: Connection, wanted: Range, settings: Settings, moment: datetime) -> Figures:
    """What the dashboard and the digest count."""

    def due(channel: str, began: datetime) -> datetime:
        return clock_of(settings, channel).due(began, further=False)

    return figures(con, wanted, due=due, moment=moment, bands=settings.bands)


def _asked(query: Mapping[str, str], moment: datetime, zone: str) -> tuple[str, Range]:
    """The range that the address names; what nobody can read is the last seven days."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    channels = tuple(one for one in query.get("channel", "").split(",") if one)[:20]
    first, last = _day(query.get("since")), _day(query.get("until"))
    if first and last and first <= last and (last - first).days < LONGEST:
        return "", Range(first, last, zone, channels)
    span = query.get("range", "7d") if query.get("range") in SPANS else "7d"
    return span, Range(today - timedelta(days=SPANS[span] - 1), today, zone, channels)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _view(wanted: Range) -> Callable[..., str]:
    """Addresses of the feed's views that count the same."""

    def url(first: date | None = None, last: date | None = None, **more: str) -> str:
        first, last = first or wanted.first, last or first or wanted.last
        asked = {"state": "all", "channel": ",".join(wanted.channels), **more, "since": first, "until": last}
        return "/?" + urlencode({name: value for name, value in asked.items() if value}, safe=",")

    return url


def plots_of(lang: Lang, found: Figures, wanted: Range) -> dict[str, object]:
    """Their marks, for plots.html."""
    gettext = catalogue(lang).gettext
    spell, view, days = spelled(lang), _view(wanted), wanted.days
    colon, shares = gettext(": "), (gettext("half"), gettext("nine in ten"))
    channels = sorted({channel for _, channel in found.arrivals})

    def name(channel: str) -> str:
        return gettext(words.CHANNELS[channel]) if channel in words.CHANNELS else channel

    bars, heights = plots.stacked(
        days,
        channels,
        found.arrivals,
        lambda day, channel, count: f"{day:%m-%d} {name(channel)}{colon}{count}",
        lambda day, channel: view(day, channel=channel),
    )
    halves = [{day: getattr(one, which) for day, one in found.answers.items()} for which in ("p50", "p90")]
    drawn, times = plots.lines(
        days,
        halves,
        lambda day, which: f"{day:%m-%d} {shares[which]}{colon}{spell(halves[which][day])}",
        spell,
        units=(1, 60, 3600, 86400),
    )
    tricked, approaches = plots.stacked(
        days,
        ["approaches"],
        {(day, "approaches"): count for day, count in found.approaches.items()},
        lambda day, _, count: f"{day:%m-%d}{colon}{count}",
        lambda _, __: "/impostors",
    )
    return {
        "arrivals": (bars, heights),
        "answers": (drawn, times),
        "approaches": (tricked, approaches),
        "days": plots.names([f"{day:%m-%d}" for day in days]),
        "channels": channels,
        "busiest": max(found.week.values(), default=0),
        "shade": plots.shade,
    }


def spelled(lang: Lang) -> Callable[[float], str]:
    """A length of time in seconds, as short as it can be said."""
    gettext = catalogue(lang).gettext

    def spell(seconds: float) -> str:
        if seconds < 60:
            return gettext("%(n)s s") % {"n": f"{seconds:.0f}"}
        if seconds < 3600:
            return gettext("%(n)s min") % {"n": f"{seconds / 60:.0f}"}
        if seconds < 2 * 86400:
            return gettext("%(n)s h") % {"n": f"{seconds / 3600:.1f}".removesuffix(".0")}
        return gettext("%(n)s days") % {"n": f"{seconds / 86400:.1f}".removesuffix(".0")}

    return spell
