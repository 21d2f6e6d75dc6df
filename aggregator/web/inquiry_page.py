"""One inquiry: its thread, why it ranks where it ranks, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.actions import ChangedMeanwhileError, What, act
from aggregator.identity import Id, as_written
from aggregator.store.desk import DeskFullError
from aggregator.store.reading import FeedRow, HistoryEvent, InquiryPage, find_by_code, inquiry_page
from aggregator.web import pages, words
from aggregator.web.i18n import catalogue
from aggregator.web.known import known
from aggregator.web.reasons import spans_of, why_of
from aggregator.web.visible import target
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    page = await _read(visit, await _wanted(visit))
    inquiry = page.row.inquiry
    with suppress(DeskFullError):  # it can be read all the same
        await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry.inquiry_id, inquiry.seen_at)
    return _page(visit, page)


async def change(visit: Visit) -> Response:
    """Claim, release, close or reopen: `ver` is the version that the person saw."""
    what = visit.request.path_params["what"]
    if what not in get_args(What):
        raise HTTPException(404)
    form = await fields(visit.request)
    inquiry_id = await _wanted(visit)
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
    page = await _read(visit, inquiry_id)
    said = _who_changed_it(visit, page) if conflict else ""
    if visit.wants_json:
        return JSONResponse(_as_json(visit, page.row) | {"said": said}, 409 if conflict else 200)
    return _page(visit, page, code=409, conflict=said)


async def mark_read(visit: Visit) -> Response:
    """What was on screen long enough counts as read."""
    inquiry_id = await _wanted(visit)
    page = await _read(visit, inquiry_id)
    await asyncio.to_thread(visit.site.desk.mark_read, visit.user.name, inquiry_id, page.row.inquiry.seen_at)
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
        reasons=words.CLOSE_REASONS,
        runs=[(ours, list(run)) for ours, run in groupby(page.posts, key=lambda post: post.ours)],
        conflict=conflict,
        known=known(page.row, page.told),
    )


def _details(what: str, form: Mapping[str, str]) -> dict[str, str]:
    details = {}
    if what == "close":
        reason = form.get("reason", "")
        details["reason"] = reason if reason in words.CLOSE_REASONS else "resolved"
    if form.get("undo") == "1":
        details["undo"] = "1"
    return details


def _who_changed_it(visit: Visit, page: InquiryPage) -> str:
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
