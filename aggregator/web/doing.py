"""What a colleague does with one inquiry, over the web. The exchange is written down in aggregator/acting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.acting.compare_and_set import BESIDE, AtWorkError, ChangedMeanwhileError, Done, note
from aggregator.acting.deeds import AT_ONCE, Deed, Doer
from aggregator.acting.flags import FlagKind, address_of, flag
from aggregator.acting.once import note_once
from aggregator.acting.rights import may
from aggregator.acting.wishes import WishError, details_of, words_of
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_written, code, written
from aggregator.store.history import HistoryEvent, history_of
from aggregator.store.incidents import find_by_number
from aggregator.store.reading import FeedRow, rows_by_id
from aggregator.web import pages
from aggregator.web.visit import fields, local, number

if TYPE_CHECKING:
    from aggregator.acting.compare_and_set import What
    from aggregator.inquiry import Inquiry
    from aggregator.web.deed_words import DeedWords
    from aggregator.web.visit import Visit

ACTIVE = timedelta(minutes=10)
"""Whoever used the desk so lately is at work."""

ALONE = frozenset({"take", "note", "flag", "unread", "ask"})
"""What is done to one inquiry only."""

SETS_ASIDE = frozenset({"wait", "snooze", "close", "reopen"})
"""What puts an inquiry where its owner did not leave it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done, for people without scripts."""

    code: int
    said: str


async def do(visit: Visit, inquiry_id: Id, what: str) -> Response | Refusal:
    """Do it and answer; a refusal that a page of ours should tell is left to the caller."""
    if what not in AT_ONCE | ALONE:
        raise HTTPException(404)
    form = await fields(visit.request)
    try:
        return await _done(visit, inquiry_id, what, form)
    except WishError as error:
        said = words_for(visit).wrong(error.field)
        return _refused(visit, 400, await row_of(visit, inquiry_id) | {"said": said})
    except AtWorkError as error:
        said = words_for(visit).at_work(error.inquiry.owner or "")
        return _refused(visit, 403, await row_of(visit, inquiry_id) | {"said": said})
    except ChangedMeanwhileError as error:
        return _refused(visit, 409, await _conflict(visit, error))
    except KeyError:
        raise HTTPException(404) from None


async def _done(visit: Visit, inquiry_id: Id, what: str, form: Mapping[str, str]) -> Response | Refusal:
    if what == "unread":
        return await _mark_unread(visit, inquiry_id)
    if what == "ask":
        return await _ask(visit, inquiry_id)
    done = await perform(visit, inquiry_id, what, form)
    if not visit.wants_json:
        return RedirectResponse(local(form.get("back", "/")), 303)
    undo = {"url": "/undo", "body": {"event": written(done.event)}} if done.event else None
    said = words_for(visit).you(what, done.details, done.inquiry.code)
    return JSONResponse(await row_of(visit, inquiry_id) | {"said": said, "undo": undo})


async def perform(visit: Visit, inquiry_id: Id, what: str, form: Mapping[str, str], once: Id | None = None) -> Done:
    """Do it, and tell everybody whom it concerns. `once`: the batch of a note that is written once (acting/once.py).

    Raises:
        KeyUsedError: something else was asked for with that key.
        WishError: the form asks for something that cannot be.
        ChangedMeanwhileError: somebody was quicker, or (AtWorkError) has it and is at work.
        KeyError: there is no such inquiry.
    """
    if what in ("note", "flag"):
        done, touched = await _beside(visit, inquiry_id, what, form, once), {inquiry_id}
    else:
        deed = await deed_of(visit, what, form)
        done, touched = await doer(visit).one(deed, inquiry_id, _version(form))
    visit.site.stream.publish(touched)
    if done.event:
        await _tell_owner(visit, what, done)
    return done


async def deed_of(visit: Visit, what: str, form: Mapping[str, str], batch: Id | None = None) -> Deed:
    """What the form asks for.

    Raises:
        WishError: it cannot be.
    """
    site = visit.site
    colleagues = await asyncio.to_thread(assignable, visit) if what == "assign" else ()
    details = details_of(
        what, form, me=visit.user.name, colleagues=colleagues, now=site.clock(), settings=site.settings
    )
    into = await _incident(visit, form.get("into") or form.get("into_other", "")) if what == "merge" else None
    at_work = await asyncio.to_thread(_not_to_take_from, visit) if what in ("take", "assign") else ()
    by_hand = visit.session is not None  # a program names the version that it means
    return Deed(cast("What", what), visit.user.name, details, into, batch, at_work, by_hand)


def _not_to_take_from(visit: Visit) -> list[str]:
    """Colleagues who are at work, unless this visitor may take over from such."""
    if may(visit.user, "take_from_active"):
        return []
    return [user.name for user in visit.site.desk.users() if _is_active(visit, user.name)]


def assignable(visit: Visit) -> list[str]:
    """Colleagues who may act."""
    return [user.name for user in visit.site.desk.users() if may(user, "act")]


def doer(visit: Visit) -> Doer:
    site = visit.site
    return Doer(site.db, site.settings, site.incidents, site.clock)


def words_for(visit: Visit) -> DeedWords:
    return pages.deed_words(visit.lang, visit.site.settings)


async def row_of(visit: Visit, inquiry_id: Id) -> dict[str, object]:
    """The inquiry as it is now, as scripts take it."""
    return (await rows_of(visit, [inquiry_id])).get(written(inquiry_id), {})


async def rows_of(visit: Visit, ids: list[Id]) -> dict[str, dict[str, object]]:
    site = visit.site
    moment = site.clock()
    rows = await site.db.read(lambda cursor: rows_by_id(cursor, ids, moment=moment, cache=visit.site.cache))
    return {row.inquiry.name: _as_json(visit, row) for row in rows}


def _as_json(visit: Visit, row: FeedRow) -> dict[str, object]:
    settings = visit.site.settings
    return {
        "facts": pages.facts(row, settings.bands),
        "html": pages.row_html(row, visit.lang, settings, unread=False),
    }


def _refused(visit: Visit, status: int, told: dict[str, object]) -> Response | Refusal:
    return JSONResponse(told, status) if visit.wants_json else Refusal(status, str(told["said"]))


async def _conflict(visit: Visit, error: ChangedMeanwhileError) -> dict[str, object]:
    """How the row is now, who made it so, and whether it may be taken over."""
    inquiry = error.inquiry
    said, take = await who_was_quicker(visit, error)
    return await row_of(visit, inquiry.inquiry_id) | {"said": said, "owner": inquiry.owner or "", "take": take}


async def who_was_quicker(visit: Visit, error: ChangedMeanwhileError) -> tuple[str, bool]:
    """Who changed it since the version that was seen, in words, and whether this visitor may take it over."""
    inquiry = error.inquiry
    history = await visit.site.db.read(lambda cursor: history_of(cursor, inquiry.inquiry_id, inquiry.opened_at))
    said = words_for(visit).changed(who_changed(history, error), error, visit.site.clock())
    other = inquiry.owner not in (None, visit.user.name) and inquiry.state != "closed"
    return said, other and inquiry.owner not in await asyncio.to_thread(_not_to_take_from, visit)


def who_changed(history: tuple[HistoryEvent, ...], error: ChangedMeanwhileError) -> HistoryEvent | None:
    """The last that was done since the version that was seen. Where that is the version as it is, the page had told it
    already, a moment before the key: then what stands in the way. None: nobody did anything, so the customer wrote."""
    inquiry, seen = error.inquiry, error.seen
    if seen is None:
        return None
    since = [event for event in history if event.ver is not None and event.ver > seen and not _is_beside(event)]
    if since:
        return since[-1]
    if inquiry.ver <= seen:
        return next((event for event in reversed(history) if not event.undone and _bars(event, inquiry)), None)
    return None if any(event.ver is not None for event in history) or not history else history[-1]


def _is_beside(event: HistoryEvent) -> bool:
    return (event.details.get("what") if event.what == "undo" else event.what) in BESIDE


def _bars(event: HistoryEvent, inquiry: Inquiry) -> bool:
    """Whether this closed it, or gave it to whom it belongs."""
    if inquiry.state == "closed":
        return event.what == "close"
    match event.what:
        case "claim" | "take" | "assign":
            return event.details.get("owner", event.who) == inquiry.owner
        case "reply":
            return event.who == inquiry.owner
    return False


def _version(form: Mapping[str, str]) -> int:
    try:
        return int(form.get("ver", ""))
    except ValueError:
        raise HTTPException(400) from None


# -- what stands beside the row ------------------------------------------------------------------


async def _beside(visit: Visit, inquiry_id: Id, what: str, form: Mapping[str, str], once: Id | None) -> Done:
    """Notes and flags: they change nothing that somebody else could have changed meanwhile, so no version is asked."""
    site, me, now = visit.site, visit.user.name, visit.site.clock()
    if what == "note":
        details = details_of(what, form, me=me, colleagues=(), now=now, settings=site.settings)
        if once:
            return await site.db.write(lambda con: note_once(con, site.settings, inquiry_id, me, now, details, once))
        return await site.db.write(
            lambda con: note(
                con, site.settings, inquiries_by_id(con, [inquiry_id])[inquiry_id], me, "note", now, details
            )
        )
    kind, target = _flagged(form)
    reason = words_of(form.get("reason", ""), "reason")
    try:
        return await site.db.write(lambda con: flag(con, site.settings, inquiry_id, kind, target, me, now, reason))
    except KeyError:
        raise WishError("link") from None


def _flagged(form: Mapping[str, str]) -> tuple[FlagKind, str]:
    kind, _, named = form.get("target", "").partition(":")
    if kind == "account":
        return "account", named
    address = address_of(named) if kind == "link" else None
    if address is None:
        raise WishError("link")
    return "link", address


async def _mark_unread(visit: Visit, inquiry_id: Id) -> Response:
    """Only for oneself, and so nobody else's history."""
    row = await row_of(visit, inquiry_id)
    if not row:
        raise HTTPException(404)
    await asyncio.to_thread(visit.site.desk.mark_unread, visit.user.name, inquiry_id)
    if not visit.wants_json:
        return RedirectResponse("/", 303)  # its own page would be reading it
    said = visit.gettext("Unread again, for you")
    return JSONResponse(row | {"said": said, "undo": {"url": f"/inquiry/{written(inquiry_id)}/read", "body": {}}})


# -- colleagues ----------------------------------------------------------------------------------


async def _owner(visit: Visit, inquiry_id: Id) -> str:
    rows = await visit.site.db.read(
        lambda cursor: rows_by_id(cursor, [inquiry_id], moment=visit.site.clock(), cache=visit.site.cache)
    )
    if not rows:
        raise HTTPException(404)
    return rows[0].inquiry.owner or ""


def _is_active(visit: Visit, name: str) -> bool:
    used = visit.site.desk.last_used(name)
    return used is not None and visit.site.clock().timestamp() - used < ACTIVE.total_seconds()


async def ask_owner(visit: Visit, inquiry_id: Id) -> str:
    """Ask the owner for it, who is told at once if there. Returns what the asker is told."""
    owner = await _owner(visit, inquiry_id)
    if not owner or owner == visit.user.name:
        return visit.gettext("Nobody else has it: claim it")
    await _tell(visit, owner, "ask", inquiry_id, code(inquiry_id))
    there = await asyncio.to_thread(_is_active, visit, owner)
    said = visit.gettext("%(who)s is asked") if there else visit.gettext("%(who)s is asked, but not here now")
    return said % {"who": owner}


async def _ask(visit: Visit, inquiry_id: Id) -> Response:
    said = await ask_owner(visit, inquiry_id)
    if not visit.wants_json:
        return RedirectResponse(local((await fields(visit.request)).get("back", "/")), 303)
    return JSONResponse(await row_of(visit, inquiry_id) | {"said": said, "undo": None})


async def _tell_owner(visit: Visit, what: str, done: Done) -> None:
    """Whoever lost something, or was given something, or whose work somebody else put aside, is told."""
    lost, given = done.details.get("from"), done.inquiry.owner
    if what in ("take", "assign") and lost and lost != given:
        await _tell(visit, lost, "take", done.inquiry.inquiry_id, done.inquiry.code)
    if what == "assign" and given:
        await _tell(visit, given, "assign", done.inquiry.inquiry_id, done.inquiry.code)
    if what in SETS_ASIDE and given:
        await _tell(visit, given, what, done.inquiry.inquiry_id, done.inquiry.code)


async def _tell(visit: Visit, to: str, what: str, inquiry_id: Id, code: str) -> None:
    if to != visit.user.name:
        await visit.site.stream.tell(
            {"to": to, "who": visit.user.name, "what": what, "id": written(inquiry_id), "code": code}
        )


async def _incident(visit: Visit, named: str) -> Id:
    """INC-7, 7, or an id.

    Raises:
        WishError: there is no such incident.
    """
    told = number(named.strip().upper().removeprefix("INC-"))
    if told is not None:
        found = await visit.site.db.read(lambda cursor: find_by_number(cursor, told))
        if found is not None:
            return found
    else:
        try:
            return as_written(named)
        except ValueError:
            pass
    raise WishError("into")
