"""The feed: what is open, most pressing first. All of a view stands in its address."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from aggregator.identity import Id, as_written, written
from aggregator.store.filters import Filters
from aggregator.store.listing import Day, FeedPage, Tally, done_since, feed_page, made_of, place_of
from aggregator.store.reading import FeedRow, find_by_code, held, rows_by_id
from aggregator.store.searching import Term, seek, texts_in
from aggregator.store.troubles import Trouble, troubles
from aggregator.web import pages, saved
from aggregator.web.filtering import choices
from aggregator.web.search_hits import Found, best, spans
from aggregator.web.sidebar import BUILT_IN, Mine, Side, asked, beside, mine, side
from aggregator.web.starting import start
from aggregator.web.view import View, terms_of

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit

PAGE = 50
_IDS = 500  # rows that a page may ask about at once
_MOST_BEFORE = 500  # rows that an address with a current row may bring at once


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a view, and what a search found in each of its rows."""

    page: FeedPage
    found: dict[Id, Found]
    current: Id | None = None


async def feed(visit: Visit) -> Response:
    """The page, or with `part=rows` only its rows and the link to the next ones."""
    query = visit.request.query_params
    view = View.of(query.multi_items())
    moment = _moment(query.get("as_of")) or visit.site.clock()
    after = _after(query.get("after"))
    wanted = _Wanted(visit, view, moment, after, query.get("row", ""))
    if query.get("part") == "rows":
        return visit.page("rows.html", **await _rows(visit, view, await visit.site.db.read(wanted.read), moment))
    listed, aside, found = await _with_side(visit, wanted)
    page = listed.page
    beginning = await start(visit) if not (page.rows or view.narrowed or after) else None
    return visit.page(
        "feed.html",
        troubles=found,
        day=None if page.rows or view.narrowed else await _today(visit, moment),
        side=aside,
        built_in=BUILT_IN,
        kept=saved.told(visit, aside.saved),
        total=page.total,
        channels=len(visit.site.settings.sources),
        as_of=repr(moment.timestamp()),
        first=after is None,
        current=written(listed.current) if listed.current else "",
        choices=await choices(visit, view, aside.tally),
        start=beginning if beginning and beginning.waiting else None,
        **await _rows(visit, view, listed, moment),
    )


async def _with_side(visit: Visit, wanted: _Wanted) -> tuple[Listed, Side, list[Trouble]]:
    """The list; what is counted beside it, in one look if one shows both, else at the same time; and which sources may
    have more than we show."""
    site, moment = visit.site, wanted.moment
    if wanted.after or wanted.view.search or wanted.view.asks_for_closed:
        return await asyncio.gather(site.db.read(wanted.read), side(visit, moment), _troubles(visit))
    to = await asked(visit, moment)

    def aside(cursor: Connection) -> tuple[Mine, Sequence[dict[str, int]], list[Trouble]]:
        return mine(cursor, to.me), () if to.kept else made_of(cursor), troubles(cursor)

    listing = site.db.read(lambda cursor: wanted.read(cursor, to.to_count(site.settings.timezone)))
    listed, (own, made, found) = await asyncio.gather(listing, site.db.read(aside))
    tally = to.kept.tally if to.kept else Tally(listed.page.counts or {}, *made)
    return listed, await beside(visit, to, tally, own), _listened_to(visit, found)


async def _rows(visit: Visit, view: View, listed: Listed, moment: datetime) -> dict[str, Any]:
    """What the list itself shows."""
    page = listed.page
    return {
        "rows": page.rows,
        "found": listed.found,
        "unread": await unread(visit, page.rows),
        "older": _older(view, page, moment),
        "view": view,
    }


async def _today(visit: Visit, moment: datetime) -> Day:
    zone = ZoneInfo(visit.site.settings.timezone)
    midnight = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return await visit.site.db.read(lambda cursor: done_since(cursor, midnight, visit.user.name))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which page of which view. `row`: the code of an inquiry that must be on it, if the view holds it."""

    visit: Visit
    view: View
    moment: datetime
    after: tuple[float, Id] | None
    row: str

    def read(self, cursor: Connection, counted: Mapping[str, Filters] | None = None) -> Listed:
        """`counted`: other views, as `feed_page` has them."""
        site, view, moment = self.visit.site, self.view, self.moment
        bands, terms = site.settings.bands, terms_of(view.search)
        filters = filters_of(cursor, self.visit, view, terms)
        current = find_by_code(cursor, self.row) if self.row and not self.after else None
        limit = PAGE
        if current:
            place = place_of(cursor, current, filters, moment=moment, bands=bands, sort=view.sort)
            limit = min(_MOST_BEFORE, PAGE * (1 + (place or 0) // PAGE))
        page = feed_page(
            cursor,
            filters,
            moment=moment,
            bands=bands,
            sort=view.sort,
            after=self.after,
            limit=limit,
            cache=site.cache,
            counted=counted,
        )
        return Listed(page, _found(cursor, page.rows, terms), current)


async def some_rows(visit: Visit) -> Response:
    """The rows that a page shows, as they are now: `{id: {facts, html, shown}}`; `shown`: the view still has it."""
    query = visit.request.query_params
    try:
        ids = [as_written(one) for one in query.get("ids", "").split(",")[:_IDS] if one]
    except ValueError:
        raise HTTPException(400) from None
    site, view, moment = visit.site, View.of(query.multi_items()), visit.site.clock()
    terms = terms_of(view.search)

    def read(cursor: Connection) -> tuple[list[FeedRow], set[Id], dict[Id, Found]]:
        rows = rows_by_id(cursor, ids, moment=moment, cache=site.cache)
        filters = filters_of(cursor, visit, view, terms)
        return rows, held(cursor, ids, filters, moment=moment, bands=site.settings.bands), _found(cursor, rows, terms)

    rows, shown, found = await site.db.read(read)
    fresh = await unread(visit, rows)
    return JSONResponse(
        {
            row.inquiry.name: {
                "facts": pages.facts(row, site.settings.bands),
                "html": pages.row_html(
                    row, visit.lang, site.settings, unread=row.inquiry.inquiry_id in fresh, found=found
                ),
                "shown": row.inquiry.inquiry_id in shown,
            }
            for row in rows
        }
    )


async def counts(visit: Visit) -> Response:
    """The figures beside the list, for a page that is open at the view of the query: how many inquiries each view
    holds, this one as `here`; what the open ones are made of; my unread ones."""
    here = View.of(visit.request.query_params.multi_items())
    aside = await side(visit, visit.site.clock(), here=here)
    tally = aside.tally
    return JSONResponse(
        {
            "views": tally.views,
            "channel": tally.channels,
            "lang": tally.langs,
            "kind": tally.kinds,
            "unread": aside.unread,
        }
    )


async def banner(visit: Visit) -> Response:
    """The line above the list that says which sources may have more than we show."""
    return visit.page("banner.html", troubles=await _troubles(visit))


async def _troubles(visit: Visit) -> list[Trouble]:
    return _listened_to(visit, await visit.site.db.read(troubles))


def _listened_to(visit: Visit, found: Sequence[Trouble]) -> list[Trouble]:
    sources = visit.site.settings.sources
    return [one for one in found if one.source in sources and sources[one.source].enabled]


async def unread(visit: Visit, rows: Collection[FeedRow]) -> set[Id]:
    """Which of these this person has not seen since their newest post."""
    ids = [row.inquiry.inquiry_id for row in rows]
    marks = await asyncio.to_thread(visit.site.desk.read_marks, visit.user.name, ids)
    return {
        row.inquiry.inquiry_id
        for row in rows
        if marks.get(row.inquiry.inquiry_id, 0.0) < row.inquiry.seen_at.timestamp()
    }


def filters_of(cursor: Connection, visit: Visit, view: View, terms: Sequence[Term]) -> Filters:
    """What a view shows to this visitor; `terms`: the words of its search."""
    sought = seek(cursor, terms, closed=view.asks_for_closed)
    return view.filters(visit.user.name, visit.site.settings.timezone, sought)


def _found(cursor: Connection, rows: Sequence[FeedRow], terms: Sequence[Term]) -> dict[Id, Found]:
    """What the rows of a search show besides: of those whose own text lacks a word, a post that has it."""
    if not terms:
        return {}
    lacking = {row.inquiry.inquiry_id: [term for term in terms if not spans(_words(row), [term])] for row in rows}
    said = texts_in(cursor, [one for one, lacks in lacking.items() if lacks])
    return {one: Found(tuple(terms), best(said.get(one, ()), lacks)) for one, lacks in lacking.items()}


def _words(row: FeedRow) -> str:
    return f"{row.inquiry.title or ''} {row.inquiry.excerpt} {row.author} {row.inquiry.code}"


def _older(view: View, page: FeedPage, moment: datetime) -> str | None:
    if not page.more or page.last is None:
        return None
    rank, last = page.last
    return view.url(after=f"{rank!r},{written(last)}", as_of=repr(moment.timestamp()))


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
    rank, _, inquiry = text.partition(",")
    try:
        return float(rank), as_written(inquiry)
    except ValueError:
        raise HTTPException(400) from None
