"""One inquiry: its thread, why it ranks where it ranks, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.acting.wishes import CLOSE_REASONS
from aggregator.identity import Id, as_written
from aggregator.store.desk import DeskFullError
from aggregator.store.drafts import Draft, draft_of
from aggregator.store.history import HistoryEvent
from aggregator.store.reading import FeedRow, InquiryPage, Term, ThreadPost, find_by_code, inquiry_page
from aggregator.web import replies
from aggregator.web.doing import do
from aggregator.web.known import known
from aggregator.web.visible import target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.outbox.outbox import Written
    from aggregator.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Why:
    """A term beside the words that gave it away."""

    term: Term
    evidence: str
    share: int  # of the strongest term, 0-100: the length of its bar


async def show(visit: Visit) -> Response:
    inquiry_id = await wanted(visit)
    written = await _written(visit, inquiry_id)
    page = await read(visit, inquiry_id)
    inquiry = page.row.inquiry
    with suppress(DeskFullError):  # it can be read all the same
        if "x-unread" in visit.request.headers:  # shown once more after it was marked as unread
            return _page(visit, page, written, await _draft(visit, inquiry_id))
        await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry.inquiry_id, inquiry.seen_at)
    return _page(visit, page, written, await _draft(visit, inquiry_id))


async def again(
    visit: Visit, inquiry_id: Id, code: int, said: str, *, draft: str = "", confirm: Sequence[str] = ()
) -> Response:
    """The page once more, with what stands in the way; `draft`: a text that was not taken; `confirm`: the warnings that
    sending it once more confirms."""
    written, stored = await _written(visit, inquiry_id), await _draft(visit, inquiry_id)
    shown = replace(stored, text=draft) if draft else stored
    page = await read(visit, inquiry_id)
    return _page(visit, page, written, shown, code=code, conflict=said, confirm=confirm)


async def _draft(visit: Visit, inquiry_id: Id) -> Draft:
    """What this colleague has written and not sent."""
    return await asyncio.to_thread(draft_of, visit.site.desk, visit.user.name, inquiry_id)


async def change(visit: Visit) -> Response:
    """Do what the address names: see aggregator/acting for the words."""
    inquiry_id = await wanted(visit)
    answer = await do(visit, inquiry_id, visit.request.path_params["what"])
    if isinstance(answer, Response):
        return answer
    return await again(visit, inquiry_id, answer.code, answer.said)


async def mark_read(visit: Visit) -> Response:
    """What was on screen long enough counts as read."""
    inquiry_id = await wanted(visit)
    page = await read(visit, inquiry_id)
    await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry_id, page.row.inquiry.seen_at)
    return Response(status_code=204)


async def out(visit: Visit) -> Response:
    """Between a post's link and where it leads: the whole address, before anybody goes there."""
    leads_to = target(visit.request.query_params.get("u", ""))
    if leads_to is None:
        raise HTTPException(400)
    return visit.page("out.html", target=leads_to)


async def wanted(visit: Visit) -> Id:
    named: str = visit.request.path_params["id"]
    try:
        return as_written(named)
    except ValueError:
        found = await visit.site.db.read(lambda cursor: find_by_code(cursor, named))
    if found is None:
        raise HTTPException(404)
    return found


async def read(visit: Visit, inquiry_id: Id) -> InquiryPage:
    moment = visit.site.clock()
    page = await visit.site.db.read(lambda cursor: inquiry_page(cursor, inquiry_id, moment=moment))
    if page is None:
        raise HTTPException(404)
    return page


async def _written(visit: Visit, inquiry_id: Id) -> Written:
    """The answers from here. Read before the thread: what is marked as seen is surely shown."""
    outbox = visit.site.outbox
    try:
        return await visit.site.db.read(lambda cursor: outbox.written(cursor, inquiry_id))
    except KeyError:
        raise HTTPException(404) from None


def _page(
    visit: Visit,
    page: InquiryPage,
    written: Written,
    draft: Draft,
    *,
    code: int = 200,
    conflict: str = "",
    confirm: Sequence[str] = (),
) -> Response:
    posts = replies.in_thread(page.posts, written)
    texts = {post.post_id: post.text for post in page.posts}
    return visit.page(
        "inquiry.html",
        code=code,
        row=page.row,
        posts=posts,
        events=page.events,
        steps=page.path,
        approaches=page.approaches,
        why=_why(page.row, texts),
        spans=_spans(page.row),
        reasons=CLOSE_REASONS,
        runs=[(ours, list(run)) for ours, run in groupby(_with_notes(posts, page), key=_is_ours)],
        band_event=_band_event(page),
        conflict=conflict,
        draft=draft,
        confirm="\n".join(confirm),
        written=written,
        outgoing=written.shown,
        left=lambda row: replies.seconds_left(visit, row),
        known=known(page.row, page.told),
    )


def _with_notes(posts: Sequence[ThreadPost], page: InquiryPage) -> list[ThreadPost | HistoryEvent]:
    """The thread, and what colleagues noted, in the order of time."""
    notes = [event for event in page.events if event.what == "note" and not event.undone]
    thread: list[ThreadPost | HistoryEvent] = [*posts, *notes]
    return sorted(thread, key=lambda each: each.happened_at if isinstance(each, HistoryEvent) else each.posted_at)


def _is_ours(item: ThreadPost | HistoryEvent) -> bool:
    return isinstance(item, HistoryEvent) or item.ours


def _band_event(page: InquiryPage) -> HistoryEvent | None:
    """Who set the band that holds now, and why."""
    if page.row.inquiry.band_by is None:
        return None
    return next((event for event in reversed(page.events) if event.what == "band" and not event.undone), None)


def _why(row: FeedRow, texts: Mapping[Id, str]) -> list[Why]:
    strongest = max((abs(term.points) for term in row.terms), default=1.0) or 1.0
    return [Why(term, _evidence(term, texts), round(100 * abs(term.points) / strongest)) for term in row.terms]


def _evidence(term: Term, texts: Mapping[Id, str]) -> str:
    if term.post_id is None or term.start is None or term.end is None:
        return ""
    return texts.get(term.post_id, "")[term.start : term.end]


def _spans(row: FeedRow) -> dict[Id, list[tuple[int, int]]]:
    """What to highlight in each post."""
    spans: dict[Id, list[tuple[int, int]]] = {}
    for term in row.terms:
        if term.post_id is not None and term.start is not None and term.end is not None:
            spans.setdefault(term.post_id, []).append((term.start, term.end))
    return spans
