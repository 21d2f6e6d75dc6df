"""Acting on many inquiries at once, and taking back. The exchange is written down in aggregator/acting."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.acting.compare_and_set import AtWorkError
from aggregator.acting.deeds import AT_ONCE, Deed, Progress, Result, batch_id
from aggregator.acting.undoing import ChangedSinceError, events_of_batch, recent
from aggregator.acting.wishes import WishError
from aggregator.identity import Id, as_written, written
from aggregator.store.history import histories_of
from aggregator.store.matching import MOST, matching
from aggregator.store.reading import rows_by_id
from aggregator.store.searching import seek
from aggregator.web.doing import SETS_ASIDE, deed_of, doer, rows_of, who_changed, words_for
from aggregator.web.view import View, terms_of
from aggregator.web.visit import fields, form_of, local

if TYPE_CHECKING:
    from aggregator.acting.compare_and_set import Done
    from aggregator.acting.deeds import Refused
    from aggregator.acting.undoing import Recent
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit

ASK_FROM = 50
"""More than so many want a yes."""
_QUICK = 1.5  # seconds after which one wants to know how far it has come
_TELL_EVERY = 0.5
_ROWS = 200  # that are sent along as they are now
_EACH = 20  # of those that were refused, whose names are told


@dataclass(frozen=True, slots=True)
class Asked:
    """What the body of the request says."""

    what: str
    details: Mapping[str, str]
    items: tuple[tuple[Id, int], ...]
    query: str | None
    as_of: datetime
    sure: int
    back: str


async def bulk(visit: Visit) -> Response:
    """Do the same to many, each for itself."""
    asked = await _asked(visit)
    if asked.what not in AT_ONCE:
        raise HTTPException(404)
    try:
        deed = await deed_of(visit, asked.what, asked.details, batch_id())
    except WishError as error:
        return JSONResponse({"said": words_for(visit).wrong(error.field)}, 400)
    items = await matched(visit, asked.query, asked.as_of) if asked.query is not None else asked.items
    if len(items) > MOST:
        said = visit.gettext("More than %(n)s match; narrow the view first") % {"n": f"{MOST:,}"}
        return JSONResponse({"said": said}, 400)
    named = named_in(deed, asked.details)
    if len(items) > ASK_FROM and asked.sure != len(items):
        ask = {"count": len(items), "said": words_for(visit).sure(deed.what, named, len(items))}
        return JSONResponse({"ask": ask})
    result = await perform_many(visit, deed, items)
    return await _told(visit, result, deed.what, named, asked, deed)


async def perform_many(visit: Visit, deed: Deed, items: Sequence[tuple[Id, int]]) -> Result:
    """Do it to each, and tell everybody whom it concerns."""
    result = await doer(visit).many(deed, items, _progress(visit, len(items)))
    visit.site.stream.publish(result.touched)
    if deed.what == "assign" and result.done and (to := deed.details["owner"]) != visit.user.name:
        await visit.site.stream.tell({"to": to, "who": visit.user.name, **_what_of("assign", result.done)})
    if deed.what == "assign":
        lost = [(each.details.get("from"), each) for each in result.done]
        await _tell_owners(visit, "take", [(owner, each) for owner, each in lost if owner != each.inquiry.owner])
    if deed.what in SETS_ASIDE:
        await _tell_owners(visit, deed.what, [(each.inquiry.owner, each) for each in result.done])
    return result


async def _tell_owners(visit: Visit, what: str, done: Sequence[tuple[str | None, Done]]) -> None:
    """Each once, of all that is theirs, or was."""
    theirs: dict[str, list[Done]] = {}
    for owner, each in done:
        if owner and owner != visit.user.name:
            theirs.setdefault(owner, []).append(each)
    for owner, some in theirs.items():
        await visit.site.stream.tell({"to": owner, "who": visit.user.name, **_what_of(what, some)})


def _what_of(what: str, done: Sequence[Done]) -> dict[str, object]:
    if len(done) > 1:
        return {"what": f"{what}_many", "n": len(done)}
    return {"what": what, "id": done[0].inquiry.name, "code": done[0].inquiry.code}


def _progress(visit: Visit, all_: int) -> Progress:
    """Tells this person's browsers how far it has come, once it takes longer than a moment."""
    told_at = time.monotonic() + _QUICK

    async def progress(done: int) -> None:
        nonlocal told_at
        if time.monotonic() >= told_at and done < all_:
            told_at = time.monotonic() + _TELL_EVERY
            told: dict[str, object] = {"to": visit.user.name, "what": "progress", "n": f"{done:,}", "all": f"{all_:,}"}
            await visit.site.stream.tell(told)

    return progress


async def undo(visit: Visit) -> Response:
    """Take back one event, a lot, or the last thing that this person did."""
    asked = await _body(visit)
    try:
        batch = as_written(str(asked["batch"])) if asked.get("batch") else None
        events = [as_written(str(asked["event"]))] if asked.get("event") else []
    except ValueError:
        raise HTTPException(400) from None
    events = events or await to_take_back(visit, batch)
    if not events:
        return await _answer(visit, {"said": visit.gettext("There is nothing to undo"), "done": 0}, asked)
    result = await take_back(visit, events)
    refused = await refusals(visit, result.refused)
    if len(events) == 1:
        said = visit.gettext("Undone: %(code)s") % {"code": result.done[0].inquiry.code} if result.done else ""
        said = said or str(refused[0]["said"])
    else:
        said = summary(visit, words_for(visit).many("undo", {}, len(result.done)), result, refused)
    rows = await rows_of(visit, [done.inquiry.inquiry_id for done in result.done][:_ROWS])
    told = {"said": said, "done": len(result.done), "refused": refused[:_EACH], "rows": rows}
    return await _answer(visit, told, asked)


async def to_take_back(visit: Visit, batch: Id | None) -> list[Id]:
    """The events of a lot, or else of the last thing that this person did within ten minutes."""
    site, me = visit.site, visit.user.name
    if batch:
        return await site.db.read(lambda cursor: events_of_batch(cursor, batch, me))
    lots = await site.db.read(lambda cursor: recent(cursor, me, site.clock()))
    return list(next((lot.events for lot in lots if not lot.undone), ()))


async def take_back(visit: Visit, events: Sequence[Id]) -> Result:
    """Raises HTTPException 404: there are no such events by this person."""
    result = await doer(visit).undo(events, visit.user.name, _progress(visit, len(events)))
    if result.gone == len(events):
        raise HTTPException(404)
    visit.site.stream.publish(result.touched)
    return result


async def recent_page(visit: Visit) -> Response:
    """What this person did lately, to take it back."""
    site, me = visit.site, visit.user.name
    lots = await site.db.read(lambda cursor: recent(cursor, me, site.clock()))
    first = [lot.inquiries[0] for lot in lots]
    moment = site.clock()
    rows = await site.db.read(lambda cursor: rows_by_id(cursor, first, moment=moment, cache=site.cache))
    codes = {row.inquiry.inquiry_id: row.inquiry.code for row in rows}
    if visit.wants_json:
        return JSONResponse({"actions": [_recent_json(lot, codes.get(lot.inquiries[0], "")) for lot in lots]})
    part = visit.request.query_params.get("part") == "1"
    return visit.page("recent_part.html" if part else "recent.html", lots=lots, codes=codes, written=written)


def _recent_json(lot: Recent, code: str) -> dict[str, object]:
    body = {"batch": written(lot.batch)} if lot.batch else {"event": written(lot.events[0])}
    return {
        "what": lot.what,
        "at": lot.at.isoformat(),
        "count": len(lot.events),
        "code": code,
        "undone": lot.undone,
        "undo": {"url": "/undo", "body": body},
    }


async def matched(visit: Visit, query: str, as_of: datetime) -> tuple[tuple[Id, int], ...]:
    """All that a view held at that moment, with their versions."""
    view = View.of_address(query.lstrip("/?"))
    site, bands = visit.site, visit.site.settings.bands

    def read(cursor: Connection) -> list[tuple[Id, int]]:
        sought = seek(cursor, terms_of(view.search), closed=view.asks_for_closed)
        filters = view.filters(visit.user.name, site.settings.timezone, sought)
        return matching(cursor, filters, as_of=as_of, bands=bands)

    found = await site.db.read(read)
    return tuple(found)


def named_in(deed: Deed, details: Mapping[str, str]) -> dict[str, str]:
    """The details for a sentence; an incident goes by its number."""
    named = dict(deed.details)
    if deed.into is not None:
        told = details.get("into") or details.get("into_other", "")
        named["number"] = re.sub(r"\D", "", told)
    return named


async def _told(
    visit: Visit, result: Result, what: str, named: Mapping[str, str], asked: Asked, deed: Deed
) -> Response:
    refused = await refusals(visit, result.refused)
    said = summary(visit, words_for(visit).many(what, named, len(result.done)), result, refused)
    ids = [done.inquiry.inquiry_id for done in result.done]
    rows = await rows_of(visit, (ids + [each.inquiry.inquiry_id for each in result.refused])[:_ROWS])
    back = {"url": "/undo", "body": {"batch": written(deed.batch)}} if result.done and deed.batch else None
    told = {
        "said": said,
        "done": len(result.done),
        "same": len(result.same),
        "refused": refused,
        "rows": rows,
        "undo": back,
    }
    return await _answer(visit, told, {"back": asked.back})


async def _answer(visit: Visit, told: dict[str, object], asked: Mapping[str, object]) -> Response:
    if visit.wants_json:
        return JSONResponse({"refused": [], "rows": {}, **told})
    return RedirectResponse(local(str(asked.get("back") or "/recent")), 303)


async def refusals(visit: Visit, refused: Sequence[Refused]) -> list[dict[str, str]]:
    """Each with who was quicker, in words; the many after the first few by owner only."""
    if not refused:
        return []
    deeds, now = words_for(visit), visit.site.clock()
    opened = {one.inquiry.inquiry_id: one.inquiry.opened_at for one in refused[:_EACH]}
    histories = await visit.site.db.read(lambda cursor: histories_of(cursor, opened))
    told = []
    for one in refused:
        history = histories.get(one.inquiry.inquiry_id, ())
        by = one.error.by if isinstance(one.error, ChangedSinceError) else who_changed(history, one.error)
        told.append(
            {
                "id": one.inquiry.name,
                "code": one.inquiry.code,
                "owner": one.inquiry.owner or "",
                "said": deeds.at_work(one.inquiry.owner or "")
                if isinstance(one.error, AtWorkError)
                else deeds.changed(by, one.error, now),
            }
        )
    return told


def summary(visit: Visit, done: str, result: Result, refused: Sequence[Mapping[str, str]]) -> str:
    """ "38 claimed, 2 were amy's, 1 changed meanwhile"."""
    me = visit.user.name
    parts = [done]
    owners = Counter(one["owner"] for one in refused if one["owner"] not in ("", me))
    for owner, count in owners.most_common(3):
        said = visit.gettext("1 was %(who)s's") if count == 1 else visit.gettext("%(n)s were %(who)s's")
        parts.append(said % {"n": count, "who": owner})
    if rest := len(refused) + result.gone - sum(count for _, count in owners.most_common(3)):
        parts.append(visit.gettext("%(n)s had changed") % {"n": rest})
    if result.same:
        said = visit.gettext("1 was so already") if len(result.same) == 1 else visit.gettext("%(n)s were so already")
        parts.append(said % {"n": len(result.same)})
    return visit.gettext(", ").join(parts)


async def _body(visit: Visit) -> dict[str, object]:
    """The fields of a JSON body, or of a form."""
    if "json" not in visit.request.headers.get("content-type", ""):
        return dict(await fields(visit.request))
    try:
        body = orjson.loads(await visit.request.body() or b"{}")
    except orjson.JSONDecodeError:
        raise HTTPException(400) from None
    if not isinstance(body, dict):
        raise HTTPException(400)
    return body


async def _asked(visit: Visit) -> Asked:
    if "json" not in visit.request.headers.get("content-type", ""):
        form = await form_of(visit.request)
        told = dict(await fields(visit.request))
        named = [value.partition(":") for value in form.getlist("item") if isinstance(value, str)]
        listed = [{"id": one, "ver": ver} for one, _, ver in named]
        body: dict[str, object] = {**told, "details": told, "items": listed}
    else:
        body = dict(await _body(visit))
    try:
        asked = _read(body)
    except (TypeError, ValueError, KeyError, OverflowError, OSError):
        raise HTTPException(400) from None
    if asked.query is not None and asked.items:
        raise HTTPException(400)
    return replace(asked, items=asked.items[: MOST + 1])


def _read(body: Mapping[str, object]) -> Asked:
    details, items = body.get("details") or {}, body.get("items") or []
    if not isinstance(details, dict) or not isinstance(items, list):
        raise TypeError
    query = body.get("query")
    return Asked(
        what=str(body["what"]),
        details={str(name): str(value) for name, value in details.items()},
        items=tuple({as_written(str(one["id"])): int(one["ver"]) for one in items}.items()),
        query=str(query) if isinstance(query, str) and not items else None,
        as_of=datetime.fromtimestamp(float(str(body.get("as_of") or 0)), UTC),
        sure=int(str(body.get("sure") or 0)),
        back=str(body.get("back") or ""),
    )
