"""The feed: what is open, most pressing first. All of a view stands in its address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from aggregator.identity import Id, as_written
from aggregator.store.reading import (
    OPEN_STATES,
    Counts,
    FeedPage,
    FeedRow,
    Filters,
    count_open,
    feed_page,
    rows_by_id,
)
from aggregator.web import pages

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit

_ORDER = ("state", "owner", "band", "channel", "lang", "kind", "source", "q")
_IDS = 500  # rows that a page may ask about at once


@dataclass(frozen=True, slots=True)
class View:
    """The filters of one address, as they stand in it."""

    asked: Mapping[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> View:
        return cls({name: query[name] for name in _ORDER if query.get(name)})

    def filters(self, me: str) -> Filters:
        owner, states = self.asked.get("owner"), self._many("state") or OPEN_STATES
        return Filters(
            states=(*OPEN_STATES, "snoozed", "closed") if "all" in states else states,
            channels=self._many("channel"),
            langs=self._many("lang"),
            kinds=self._many("kind"),
            bands=self._many("band"),
            sources=self._many("source"),
            owner={"me": me, "none": ""}.get(owner, owner) if owner is not None else None,
            search=self.asked.get("q", ""),
        )

    def _many(self, name: str) -> tuple[str, ...]:
        return tuple(value for value in self.asked.get(name, "").split(",") if value)

    def url(self, **changes: str | None) -> str:
        """The address of this view with some filters changed; None drops one."""
        asked = {name: value for name, value in (dict(self.asked) | changes).items() if value}
        return f"/?{urlencode(asked, quote_via=quote, safe=',')}" if asked else "/"


async def feed(visit: Visit) -> Response:
    """The page, or with `part=rows` only its rows and the link to the next ones."""
    query = visit.request.query_params
    site, view = visit.site, View.of(query)
    bands, me = site.settings.bands, visit.user.name
    moment = _moment(query.get("as_of")) or site.clock()
    after = _after(query.get("after"))

    def read(cursor: Connection) -> tuple[FeedPage, Counts]:
        page = feed_page(cursor, view.filters(me), moment=moment, bands=bands, after=after)
        return page, count_open(cursor, me=me, moment=moment, bands=bands)

    page, counts = await site.db.read(read)
    context: dict[str, Any] = {
        "rows": page.rows,
        "unread": await unread(visit, page.rows),
        "older": _older(view, page, moment),
        "view": view,
    }
    if query.get("part") == "rows":
        return visit.page("rows.html", **context)
    return visit.page("feed.html", counts=counts, first=after is None, filters=view.filters(me), **context)


async def some_rows(visit: Visit) -> Response:
    """The rows that a page shows, as they are now: `{id: {facts, html, shown}}`; `shown`: the view still has it."""
    query = visit.request.query_params
    try:
        ids = [as_written(one) for one in query.get("ids", "").split(",")[:_IDS] if one]
    except ValueError:
        raise HTTPException(400) from None
    site, view, moment = visit.site, View.of(query), visit.site.clock()

    def read(cursor: Connection) -> tuple[list[FeedRow], set[Id]]:
        rows = rows_by_id(cursor, ids, moment=moment)
        shown = rows_by_id(cursor, ids, moment=moment, filters=view.filters(visit.user.name), bands=site.settings.bands)
        return rows, {row.inquiry.inquiry_id for row in shown}

    rows, shown = await site.db.read(read)
    fresh = await unread(visit, rows)
    return JSONResponse(
        {
            row.inquiry.name: {
                "facts": pages.facts(row, site.settings.bands),
                "html": pages.row_html(row, visit.lang, site.settings, unread=row.inquiry.inquiry_id in fresh),
                "shown": row.inquiry.inquiry_id in shown,
            }
            for row in rows
        }
    )


async def unread(visit: Visit, rows: tuple[FeedRow, ...] | list[FeedRow]) -> set[Id]:
    """Which of these this person has not seen since their newest post."""
    ids = [row.inquiry.inquiry_id for row in rows]
    marks = await asyncio.to_thread(visit.site.desk.read_marks, visit.user.name, ids)
    return {
        row.inquiry.inquiry_id
        for row in rows
        if marks.get(row.inquiry.inquiry_id, 0.0) < row.inquiry.seen_at.timestamp()
    }


def _older(view: View, page: FeedPage, moment: datetime) -> str | None:
    if not page.more:
        return None
    last = page.rows[-1]
    return view.url(after=f"{last.priority!r},{last.inquiry.name}", as_of=repr(moment.timestamp()))


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise HTTPException(400) from None


def _after(text: str | None) -> tuple[float, Id] | None:
    if not text:
        return None
    priority, _, inquiry = text.partition(",")
    try:
        return float(priority), as_written(inquiry)
    except ValueError:
        raise HTTPException(400) from None
