"""One inquiry: its thread, why it ranks where it ranks, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from secrets import token_hex
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.acting.flags import above, verdicts
from aggregator.acting.wishes import CLOSE_REASONS
from aggregator.identity import Id, as_written
from aggregator.store.desk import DeskFullError
from aggregator.store.drafts import Draft, draft_of
from aggregator.store.first_looks import looked
from aggregator.store.history import HistoryEvent
from aggregator.store.notifications import mark_told
from aggregator.store.reading import (
    FeedRow,
    InquiryPage,
    Said,
    ThreadPost,
    Told,
    find_by_code,
    person_of,
    rows_by_id,
    said_in,
)
from aggregator.web import composing, incident_notice, replies
from aggregator.web.doing import do
from aggregator.web.reasons import spans_of, why_of
from aggregator.web.safe_text import target
from aggregator.web.shown_slots import known

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aggregator.outbox.outbox import Written
    from aggregator.store.contacts import Step
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    inquiry_id = await wanted(visit)
    written, page = await _read(visit, inquiry_id)
    inquiry = page.row.inquiry
    with suppress(DeskFullError):  # it can be read all the same
        if "x-unread" in visit.request.headers:  # shown once more after it was marked as unread
            return await _page(visit, page, written, await _draft(visit, inquiry_id))
        await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry.inquiry_id, inquiry.seen_at)
        await asyncio.to_thread(looked, visit.site.desk, visit.user.name, inquiry.inquiry_id, visit.site.clock())
        await asyncio.to_thread(mark_told, visit.site.desk, visit.user.name, inquiry.inquiry_id)
    return await _page(visit, page, written, await _draft(visit, inquiry_id))


async def again(
    visit: Visit, inquiry_id: Id, code: int, said: str, *, draft: str = "", confirm: Sequence[str] = ()
) -> Response:
    """The page once more, with what stands in the way; `draft`: a text that was not taken; `confirm`: the warnings that
    sending it once more confirms."""
    stored = await _draft(visit, inquiry_id)
    shown = replace(stored, text=draft) if draft else stored
    written, page = await _read(visit, inquiry_id)
    return await _page(visit, page, written, shown, code=code, conflict=said, confirm=confirm)


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
    row = await shown_row(visit, inquiry_id)
    await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry_id, row.inquiry.seen_at)
    await asyncio.to_thread(looked, visit.site.desk, visit.user.name, inquiry_id, visit.site.clock())
    return Response(status_code=204)


async def out(visit: Visit) -> Response:
    """Between a post's link and where it leads: the whole address, before anybody goes there."""
    leads_to = target(visit.request.query_params.get("u", ""))
    if leads_to is None:
        raise HTTPException(400)
    known = await visit.site.db.read(lambda cursor: verdicts(cursor, "link", above(leads_to.url)))
    flags = sorted(known.values(), key=lambda flag: flag.state != "blocked")
    return visit.page("out.html", target=leads_to, flag=flags[0] if flags else None)


async def wanted(visit: Visit) -> Id:
    return await called(visit, visit.request.path_params["id"])


async def called(visit: Visit, named: str) -> Id:
    """The inquiry of this id or code. Raises HTTPException 404: there is none."""
    try:
        return as_written(named)
    except ValueError:
        found = await visit.site.db.read(lambda cursor: find_by_code(cursor, named))
    if found is None:
        raise HTTPException(404)
    return found


async def shown_row(visit: Visit, inquiry_id: Id) -> FeedRow:
    moment, cache = visit.site.clock(), visit.site.cache
    rows = await visit.site.db.read(lambda cursor: rows_by_id(cursor, [inquiry_id], moment=moment, cache=cache))
    if not rows:
        raise HTTPException(404)
    return rows[0]


async def read(visit: Visit, inquiry_id: Id) -> InquiryPage:
    return await _around(visit, await shown_row(visit, inquiry_id))


async def _read(visit: Visit, inquiry_id: Id) -> tuple[Written, InquiryPage]:
    """The answers from here are read before the thread: what is marked as seen is surely shown.

    What is remembered of an inquiry tells where all the rest is, so that everything is read at the same time; if it has
    changed since, it is read once more.
    """
    read, asked = visit.site.db.read, visit.site.cache.last(inquiry_id)
    if asked is None:
        written, row = await asyncio.gather(answers_of(visit, inquiry_id), shown_row(visit, inquiry_id))
        return written, await _around(visit, row)

    async def said() -> tuple[Written, Said]:
        return await answers_of(visit, inquiry_id), await read(lambda cursor: said_in(cursor, asked))

    (written, told), row, person = await asyncio.gather(
        said(), shown_row(visit, inquiry_id), read(lambda cursor: person_of(cursor, asked))
    )
    if (row.inquiry.ver, row.inquiry.seen_at) != (asked.ver, asked.seen_at):
        return written, await _around(visit, row)
    return written, _page_of(row, told, *person)


async def _around(visit: Visit, row: FeedRow) -> InquiryPage:
    read, inquiry = visit.site.db.read, row.inquiry
    said, person = await asyncio.gather(
        read(lambda cursor: said_in(cursor, inquiry)), read(lambda cursor: person_of(cursor, inquiry))
    )
    return _page_of(row, said, *person)


def _page_of(row: FeedRow, said: Said, told: Told, path: tuple[Step, ...]) -> InquiryPage:
    return InquiryPage(row, said.posts, said.events, told, path, said.approaches)


async def answers_of(visit: Visit, inquiry_id: Id) -> Written:
    """The answers from here."""
    outbox = visit.site.outbox
    try:
        return await visit.site.db.read(lambda cursor: outbox.written(cursor, inquiry_id))
    except KeyError:
        raise HTTPException(404) from None


async def _page(
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
    notice = None
    if page.row.incident:
        notice = await incident_notice.shown(visit, page, await composing.values_of(visit, page))
    return visit.page(
        "inquiry.html",
        code=code,
        row=page.row,
        posts=posts,
        events=page.events,
        steps=page.path,
        approaches=page.approaches,
        why=why_of(page.row, texts),
        spans=spans_of(page.row),
        reasons=CLOSE_REASONS,
        runs=_runs(posts, page),
        band_event=_band_event(page),
        conflict=conflict,
        draft=draft,
        confirm="\n".join(confirm),
        written=written,
        key=token_hex(16),
        outgoing=written.shown,
        left=lambda row: replies.seconds_left(visit, row),
        known=known(page.row, page.told),
        notice=notice,
    )


def _runs(posts: Sequence[ThreadPost], page: InquiryPage) -> list[tuple[bool, list[ThreadPost | HistoryEvent]]]:
    """The thread as runs of our own posts and of neighbours; what colleagues noted stands between, in order of time.

    No note parts a run of neighbours: many of these are folded into one line.
    """
    notes = [event for event in page.events if event.what == "note" and not event.undone]
    runs: list[tuple[bool, list[ThreadPost | HistoryEvent]]] = []
    for ours, run in groupby(posts, key=lambda post: post.ours):
        these = list(run)
        early = [note for note in notes if note.happened_at < these[-1 if ours else 0].posted_at]
        notes = notes[len(early) :]
        if ours:
            runs.append((True, sorted([*these, *early], key=_at)))
        else:
            runs += [(True, list[ThreadPost | HistoryEvent](early))] * bool(early)
            runs.append((False, list(these)))
    return [*runs, *([(True, list[ThreadPost | HistoryEvent](notes))] if notes else [])]


def _at(item: ThreadPost | HistoryEvent) -> datetime:
    return item.happened_at if isinstance(item, HistoryEvent) else item.posted_at


def _band_event(page: InquiryPage) -> HistoryEvent | None:
    """Who set the band that holds now, and why."""
    if page.row.inquiry.band_by is None:
        return None
    return next((event for event in reversed(page.events) if event.what == "band" and not event.undone), None)
