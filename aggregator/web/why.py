"""Why was this not on top? What any post or inquiry scored at a moment, what stood above it, and who saw it when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from starlette.responses import Response

from aggregator.explaining import Explanation, Named, explain, find
from aggregator.store.first_looks import looks_at
from aggregator.store.history import HistoryEvent, history_of
from aggregator.store.reading import FeedRow, rows_by_id
from aggregator.web.i18n import N_

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.store.database import Connection
    from aggregator.store.reading import Term
    from aggregator.web.visit import Visit

MOMENTS = {
    "written": N_("written"),
    "read": N_("read by us"),
    "asked": N_("the moment you asked about"),
    "looked": N_("first seen by"),
    "answered": N_("answered"),
}
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of its course: one of MOMENTS, or a deed."""

    at: datetime
    what: str
    who: str = ""
    deed: HistoryEvent | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One term at the moment, and now; None: it did not count."""

    then: Term | None
    now: Term | None


@dataclass(frozen=True, slots=True)
class _Found:
    named: Named | None
    explanation: Explanation | None = None
    row: FeedRow | None = None
    events: tuple[HistoryEvent, ...] = ()


async def page(visit: Visit) -> Response:
    """`of`: what is named; `at`: the moment, by default when it was read."""
    query = visit.request.query_params
    of, site = query.get("of", "").strip()[:_LONGEST], visit.site
    asked_at = _moment(query.get("at", ""), site.settings.timezone)
    now = site.clock()

    def read(cursor: Connection) -> _Found:
        named = find(cursor, of)
        if named is None or named.inquiry is None:
            return _Found(named)
        moment = min(asked_at or named.seen_at, now)
        row = next(iter(rows_by_id(cursor, [named.inquiry], moment=now)), None)
        explanation = explain(cursor, site.settings, named.inquiry, moment)
        history = history_of(cursor, named.inquiry, row.inquiry.opened_at) if row else ()
        return _Found(named, explanation, row, history)

    found = await site.db.read(read) if of else _Found(None)
    explanation = found.explanation
    return visit.page(
        "why.html",
        of=of,
        at=_local(explanation.moment, site.settings.timezone) if explanation else query.get("at", ""),
        named=found.named,
        row=found.row,
        why=explanation,
        pairs=_pairs(found) if explanation else [],
        course=await _course(visit, found) if explanation and found.named else [],
        moments=MOMENTS,
    )


async def _course(visit: Visit, found: _Found) -> list[Moment]:
    named, why, row = found.named, found.explanation, found.row
    assert named is not None
    assert why is not None
    inquiry: Id = named.inquiry or b""
    looks = await asyncio.to_thread(looks_at, visit.site.desk, inquiry)
    lines = [
        Moment(named.seen_at, "read"),
        Moment(why.moment, "asked"),
        *(Moment(at, "looked", who) for who, at in looks),
        *(Moment(one.at, "answered", one.who) for one in why.answers),
        *(Moment(event.happened_at, "deed", deed=event) for event in found.events if not event.undone),
    ]
    if row is not None:
        lines.append(Moment(row.inquiry.opened_at, "written"))
    order = ("written", "read")
    return sorted(lines, key=lambda line: (line.at, order.index(line.what) if line.what in order else len(order)))


def _pairs(found: _Found) -> list[Pair]:
    """Terms of then and now side by side, in the order of their weight then."""
    assert found.explanation is not None
    then = {term.rule: term for term in (found.explanation.asked.terms if found.explanation.asked else ())}
    now = {term.rule: term for term in (found.row.terms if found.row else ())}
    return [Pair(then.get(rule), now.get(rule)) for rule in dict.fromkeys([*then, *now])]


def _moment(text: str, zone: str) -> datetime | None:
    """What a `datetime-local` field sends, in the team's zone."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _local(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")[:19]
