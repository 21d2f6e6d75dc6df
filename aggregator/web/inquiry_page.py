"""One inquiry: its thread, why it ranks where it ranks, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.actions import ChangedMeanwhileError, What, act
from aggregator.identity import Id, as_written
from aggregator.store.desk import DeskFullError
from aggregator.store.drafts import Draft, draft_of
from aggregator.store.reading import FeedRow, HistoryEvent, InquiryPage, Term, find_by_code, inquiry_page
from aggregator.web import pages, replies, words
from aggregator.web.i18n import catalogue
from aggregator.web.known import known
from aggregator.web.visible import target
from aggregator.web.visit import fields, local

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
    """Claim, release, close or reopen: `ver` is the version that the person saw."""
    what = visit.request.path_params["what"]
    if what not in get_args(What):
        raise HTTPException(404)
    form = await fields(visit.request)
    inquiry_id = await wanted(visit)
    try:
        version = int(form.get("ver", ""))
    except ValueError:
        raise HTTPException(400) from None
    conflict = False
    try:
        await act(
            visit.site.db,
            visit.site.settings,
            inquiry_id,
            version,
            visit.user.name,
            cast("What", what),
            visit.site.clock(),
            _details(what, form),
        )
    except ChangedMeanwhileError:
        conflict = True
    except KeyError:
        raise HTTPException(404) from None
    else:
        visit.site.stream.publish([inquiry_id])
    if not conflict and not visit.wants_json:
        return RedirectResponse(local(form.get("back", "/")), 303)
    page = await read(visit, inquiry_id)
    said = who_changed_it(visit, page) if conflict else ""
    if visit.wants_json:
        return JSONResponse(_as_json(visit, page.row) | {"said": said}, 409 if conflict else 200)
    return await again(visit, inquiry_id, 409, said)


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
        reasons=words.CLOSE_REASONS,
        runs=[(ours, list(run)) for ours, run in groupby(posts, key=lambda post: post.ours)],
        conflict=conflict,
        draft=draft,
        confirm="\n".join(confirm),
        written=written,
        outgoing=written.shown,
        left=lambda row: replies.seconds_left(visit, row),
        known=known(page.row, page.told),
    )


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


def _details(what: str, form: Mapping[str, str]) -> dict[str, str]:
    details = {}
    if what == "close":
        reason = form.get("reason", "")
        details["reason"] = reason if reason in words.CLOSE_REASONS else "resolved"
    if form.get("undo") == "1":
        details["undo"] = "1"
    return details


def who_changed_it(visit: Visit, page: InquiryPage) -> str:
    """ "amy claimed it 3 s ago", in the visitor's language."""
    gettext = catalogue(visit.lang).gettext
    last: HistoryEvent | None = page.events[-1] if page.events else None
    if last is None:
        return gettext("It changed in the meantime; look again")
    seconds = max(0, int((visit.site.clock() - last.happened_at).total_seconds()))
    ago = gettext("%(n)s s ago") % {"n": seconds} if seconds < 120 else gettext("%(n)s min ago") % {"n": seconds // 60}
    return gettext("%(who)s %(what)s %(ago)s") % {
        "who": last.who,
        "what": gettext(words.DONE[last.what]) if last.what in words.DONE else last.what,
        "ago": ago,
    }


def _as_json(visit: Visit, row: FeedRow) -> dict[str, object]:
    return {
        "facts": pages.facts(row, visit.site.settings.bands),
        "html": pages.row_html(row, visit.lang, visit.site.settings, unread=False),
    }
