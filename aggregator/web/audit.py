"""What all colleagues did, for leads and admins: who, when, what, and what it changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from aggregator.acting.rights import may
from aggregator.identity import as_written, written
from aggregator.store.history import AuditEvent, AuditFilter, audit, people_of_audit
from aggregator.store.reading import find_by_code
from aggregator.store.team import TEAM, audited, people_of_team_events
from aggregator.web import incident_words
from aggregator.web.deed_words import DEEDS
from aggregator.web.words import DESK_DEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.store.history import Key
    from aggregator.web.visit import Visit

_FIELDS = ("who", "what", "code", "from", "to", "system")


async def show(visit: Visit) -> Response:
    """One page of it. All filters stand in the address."""
    if not may(visit.user, "audit"):
        raise HTTPException(403)
    query = visit.request.query_params
    asked = {name: query[name].strip() for name in _FIELDS if query.get(name, "").strip()}
    wanted, known = await _wanted(visit, asked)
    after = _after(query.get("after", ""))
    read = visit.site.db.read
    team = await asyncio.to_thread(audited, visit.site.desk, wanted, after=after) if known else []
    events, more = await read(lambda cursor: audit(cursor, wanted, after=after, beside=team)) if known else ([], False)
    older = f"/audit?{urlencode({**asked, 'after': _cursor(events[-1])})}" if more else None
    if visit.wants_json:
        return JSONResponse({"events": [_as_json(each) for each in events], "older": older})
    return visit.page(
        "audit.html",
        events=events,
        older=older,
        asked=asked,
        people=sorted({*await read(people_of_audit), *await asyncio.to_thread(people_of_team_events, visit.site.desk)}),
        whats={**DEEDS, **incident_words.DONE, **{TEAM + what: said for what, said in DESK_DEEDS.items()}},
        team=TEAM,
        written=written,
    )


async def _wanted(visit: Visit, asked: Mapping[str, str]) -> tuple[AuditFilter, bool]:
    """The filter, and whether there is such an inquiry at all."""
    inquiry = None
    if code := asked.get("code", "").removeprefix("#"):
        inquiry = await visit.site.db.read(partial(find_by_code, code=code))
    try:
        since, until = (_day(visit, asked.get(name)) for name in ("from", "to"))
    except (ValueError, OverflowError):
        raise HTTPException(400) from None
    if until is not None:
        until += timedelta(days=1)
    wanted = AuditFilter(
        who=asked.get("who", ""),
        what=asked.get("what", ""),
        inquiry=inquiry,
        since=since,
        until=until,
        system="system" in asked,
    )
    return wanted, inquiry is not None or not code


def _day(visit: Visit, text: str | None) -> datetime | None:
    """The beginning of a day of the team."""
    if not text:
        return None
    midnight = datetime.combine(date.fromisoformat(text), time(), ZoneInfo(visit.site.settings.timezone))
    return midnight.astimezone(UTC)


def _cursor(last: AuditEvent) -> str:
    return f"{last.event.happened_at.astimezone(UTC).isoformat()},{written(last.event.event_id)}"


def _after(text: str) -> Key | None:
    if not text:
        return None
    at, _, event = text.partition(",")
    try:
        told = datetime.fromisoformat(at)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)), as_written(event)
    except ValueError:
        raise HTTPException(400) from None


def _as_json(one: AuditEvent) -> dict[str, object]:
    return {
        "event": written(one.event.event_id),
        "at": one.event.happened_at.astimezone(UTC).isoformat(),
        "who": one.event.who,
        "what": one.event.what,
        "details": dict(one.event.details),
        "on": one.on,
        "id": one.name if one.on == "team" else written(one.subject),
        "name": one.name,
        "before": dict(one.before),
        "after": dict(one.after),
    }
