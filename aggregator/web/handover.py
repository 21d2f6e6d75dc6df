"""The hand-over: what changed since I left, what will break before I am back, and a note to whoever comes next.

Every number is the size of a view of the feed and leads there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from aggregator.acting.wishes import WishError, words_of
from aggregator.config import clock_of
from aggregator.store.handover import Deed, Note, add_note, by_others, notes, put_away
from aggregator.store.incidents import IncidentRow, incident_list
from aggregator.store.listing import feed_page, tally
from aggregator.store.troubles import Trouble, troubles
from aggregator.store.work_stretches import left_at
from aggregator.web import handover_text
from aggregator.web.i18n import N_
from aggregator.web.view import View
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.store.reading import FeedRow
    from aggregator.web.visit import Visit
    from aggregator.working_time import WorkingTime

ROWS: Final = 8
_INCIDENTS: Final = 12
_FIRST_TIME = timedelta(days=1)
_MINUTE: Final = "%Y-%m-%dT%H:%M"
_LOOKED_FOR: Final = 366  # days in which a working one is

# What is counted, by part of the page: its name, and the view with {since} and {back}.
CHANGED: Final = (
    (N_("came in"), "since={since}&state=all"),
    (N_("customers wrote"), "wrote={since}&state=all"),
    (N_("answered"), "answered={since}&state=all"),
    (N_("closed"), "closed={since}&state=closed"),
    (N_("P0 now"), "band=P0"),
    (N_("unowned now"), "owner=none"),
)
BREAKS: Final = (
    (N_("overdue now"), "sla=overdue"),
    (N_("will be overdue"), "due={back}&sort=due"),
    (N_("of these mine"), "owner=me&due={back}&sort=due"),
    (N_("of these unowned"), "owner=none&due={back}&sort=due"),
)
MINE: Final = (
    (N_("claimed"), "owner=me&state=claimed"),
    (N_("waiting for the customer"), "owner=me&state=waiting"),
    (N_("snoozed"), "owner=me&state=snoozed"),
    (N_("customers wrote again"), "owner=me&state=new,claimed,waiting,snoozed&wrote={since}"),
    (N_("changed by others"), "owner=me&touched={since}&state=all"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the view that it counts."""

    name: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Growth:
    """An incident, and its inquiries that have come since."""

    incident: IncidentRow
    more: Figure


@dataclass(frozen=True, slots=True)
class Handover:
    since: datetime
    back: datetime
    changed: Sequence[Figure]
    breaks: Sequence[Figure]
    mine: Sequence[Figure]
    due: Sequence[FeedRow]  # overdue, or will be; what presses most first
    unfinished: Sequence[FeedRow]  # of mine
    incidents: Sequence[Growth]
    others: Sequence[Deed]
    blind: Sequence[Trouble]
    notes: Sequence[Note]


async def show(visit: Visit) -> Response:
    """`since`, `back`: times of the team's zone, instead of when I left and of the next working morning."""
    return await _page(visit)


async def as_text(visit: Visit) -> Response:
    """The same in short, to be pasted into a chat group."""
    told = await _handover(visit)
    text = handover_text.plain(told, visit.lang, visit.site.settings, visit.user.name)
    return PlainTextResponse(text, headers={"cache-control": "no-store"})


async def leave_note(visit: Visit) -> Response:
    """`text`: a note to whoever comes next."""
    form = await fields(visit.request)
    try:
        text = words_of(form.get("text", ""), "text")
    except WishError:
        return await _page(visit, code=400, said=visit.gettext("Write something first."))
    who, now = visit.user.name, visit.site.clock()
    await visit.site.db.write(lambda con: add_note(con, text, who, now))
    return RedirectResponse("/handover#notes", 303)


async def done_note(visit: Visit) -> Response:
    """It was read, and is put away."""
    try:
        note = UUID(visit.request.path_params["id"])
        await visit.site.db.write(partial(put_away, note=note, who=visit.user.name, now=visit.site.clock()))
    except (ValueError, KeyError):
        raise HTTPException(404) from None
    return RedirectResponse("/handover#notes", 303)


def next_morning(working: WorkingTime, now: datetime) -> datetime:
    """When the next working day begins, by the calendar."""
    day = working.local(now).date()
    for _ in range(_LOOKED_FOR):
        opens = working.moment(day, working.hours[0][0])
        if opens > now and working.is_worked(day):
            return opens
        day += timedelta(days=1)
    return now + timedelta(days=1)


async def _page(visit: Visit, *, code: int = 200, said: str = "") -> Response:
    told = await _handover(visit)
    zone = ZoneInfo(visit.site.settings.timezone)
    local = {name: at.astimezone(zone).strftime(_MINUTE) for name, at in (("since", told.since), ("back", told.back))}
    return visit.page("handover.html", code=code, told=told, local=local, said=said)


async def _handover(visit: Visit) -> Handover:
    site, me, now = visit.site, visit.user.name, visit.site.clock()
    zone = ZoneInfo(site.settings.timezone)
    asked = visit.request.query_params
    since = _chosen(asked.get("since", ""), zone)
    if since is None:
        since = await asyncio.to_thread(left_at, site.desk, me) or now - _FIRST_TIME
    back = _chosen(asked.get("back", ""), zone)
    if back is None:
        back = await asyncio.to_thread(next_morning, clock_of(site.settings, "default").working_time, now)
    return await site.db.read(partial(_read, visit=visit, since=since, back=back, now=now))


def _chosen(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1900 < told.year < 2200:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)


def _read(cursor: Connection, visit: Visit, since: datetime, back: datetime, now: datetime) -> Handover:
    zone = ZoneInfo(visit.site.settings.timezone)
    times = {"since": since.astimezone(zone).strftime(_MINUTE), "back": back.astimezone(zone).strftime(_MINUTE)}
    incidents = [
        one
        for one in incident_list(cursor, moment=now)
        if one.state == "open" or (one.state == "ended" and one.ended_at and one.ended_at >= since)
    ][:_INCIDENTS]
    parts = [[(name, query.format(**times)) for name, query in part] for part in (CHANGED, BREAKS, MINE)]
    parts.append([("", f"incident={one.number}&since={times['since']}&state=all") for one in incidents])
    changed, breaks, mine, grown = _figures(cursor, visit, parts, now)
    growth = [Growth(one, more) for one, more in zip(incidents, grown, strict=True)]
    return Handover(
        since=since,
        back=back,
        changed=changed,
        breaks=breaks,
        mine=mine,
        due=_rows(cursor, visit, f"sla=overdue&due={times['back']}", now),
        unfinished=_rows(cursor, visit, "owner=me&state=claimed,waiting,snoozed&sort=due", now),
        incidents=sorted(growth, key=lambda one: -one.more.count),
        others=by_others(cursor, visit.user.name, since),
        blind=troubles(cursor),
        notes=notes(cursor, now),
    )


def _figures(
    cursor: Connection, visit: Visit, parts: Sequence[Sequence[tuple[str, str]]], now: datetime
) -> list[list[Figure]]:
    site, me = visit.site, visit.user.name
    views = {query: View.of_address(query) for part in parts for _, query in part}
    filters = {query: view.filters(me, site.settings.timezone) for query, view in views.items()}
    counts: Mapping[str, int] = tally(cursor, filters, moment=now, bands=site.settings.bands).views
    return [[Figure(name, counts[query], views[query].url()) for name, query in part] for part in parts]


def _rows(cursor: Connection, visit: Visit, query: str, now: datetime) -> Sequence[FeedRow]:
    settings = visit.site.settings
    view = View.of_address(query)
    filters = view.filters(visit.user.name, settings.timezone)
    return feed_page(cursor, filters, moment=now, bands=settings.bands, sort=view.sort, limit=ROWS).rows
