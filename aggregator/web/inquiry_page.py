"""One inquiry: its thread, why it ranks where it ranks, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.acting.wishes import CLOSE_REASONS
from aggregator.identity import Id, as_written
from aggregator.store.desk import DeskFullError
from aggregator.store.history import HistoryEvent
from aggregator.store.looks import looked
from aggregator.store.reading import InquiryPage, ThreadPost, find_by_code, inquiry_page
from aggregator.web.doing import do
from aggregator.web.known import known
from aggregator.web.reasons import spans_of, why_of
from aggregator.web.visible import target

if TYPE_CHECKING:
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    page = await _read(visit, await _wanted(visit))
    inquiry = page.row.inquiry
    with suppress(DeskFullError):  # it can be read all the same
        if "x-unread" in visit.request.headers:  # shown once more after it was marked as unread
            return _page(visit, page)
        await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry.inquiry_id, inquiry.seen_at)
        await asyncio.to_thread(looked, visit.site.desk, visit.user.name, inquiry.inquiry_id, visit.site.clock())
    return _page(visit, page)


async def change(visit: Visit) -> Response:
    """Do what the address names: see aggregator/acting for the words."""
    inquiry_id = await _wanted(visit)
    answer = await do(visit, inquiry_id, visit.request.path_params["what"])
    if isinstance(answer, Response):
        return answer
    return _page(visit, await _read(visit, inquiry_id), code=answer.code, conflict=answer.said)


async def mark_read(visit: Visit) -> Response:
    """What was on screen long enough counts as read."""
    inquiry_id = await _wanted(visit)
    page = await _read(visit, inquiry_id)
    await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry_id, page.row.inquiry.seen_at)
    await asyncio.to_thread(looked, visit.site.desk, visit.user.name, inquiry_id, visit.site.clock())
    return Response(status_code=204)


async def out(visit: Visit) -> Response:
    """Between a post's link and where it leads: the whole address, before anybody goes there."""
    leads_to = target(visit.request.query_params.get("u", ""))
    if leads_to is None:
        raise HTTPException(400)
    return visit.page("out.html", target=leads_to)


async def _wanted(visit: Visit) -> Id:
    named: str = visit.request.path_params["id"]
    try:
        return as_written(named)
    except ValueError:
        found = await visit.site.db.read(lambda cursor: find_by_code(cursor, named))
    if found is None:
        raise HTTPException(404)
    return found


async def _read(visit: Visit, inquiry_id: Id) -> InquiryPage:
    moment = visit.site.clock()
    page = await visit.site.db.read(lambda cursor: inquiry_page(cursor, inquiry_id, moment=moment))
    if page is None:
        raise HTTPException(404)
    return page


def _page(visit: Visit, page: InquiryPage, *, code: int = 200, conflict: str = "") -> Response:
    texts = {post.post_id: post.text for post in page.posts}
    return visit.page(
        "inquiry.html",
        code=code,
        row=page.row,
        posts=page.posts,
        events=page.events,
        steps=page.path,
        approaches=page.approaches,
        why=why_of(page.row, texts),
        spans=spans_of(page.row),
        reasons=CLOSE_REASONS,
        runs=[(ours, list(run)) for ours, run in groupby(_with_notes(page), key=_is_ours)],
        band_event=_band_event(page),
        conflict=conflict,
        known=known(page.row, page.told),
    )


def _with_notes(page: InquiryPage) -> list[ThreadPost | HistoryEvent]:
    """The thread, and what colleagues noted, in the order of time."""
    notes = [event for event in page.events if event.what == "note" and not event.undone]
    thread: list[ThreadPost | HistoryEvent] = [*page.posts, *notes]
    return sorted(thread, key=lambda each: each.happened_at if isinstance(each, HistoryEvent) else each.posted_at)


def _is_ours(item: ThreadPost | HistoryEvent) -> bool:
    return isinstance(item, HistoryEvent) or item.ours


def _band_event(page: InquiryPage) -> HistoryEvent | None:
    """Who set the band that holds now, and why."""
    if page.row.inquiry.band_by is None:
        return None
    return next((event for event in reversed(page.events) if event.what == "band" and not event.undone), None)
