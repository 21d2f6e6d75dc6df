"""The small forms that a deed needs: pages of their own, or, with `part=1`, what a dialog shows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.acting.deeds import AT_ONCE
from aggregator.acting.flags import address_of
from aggregator.acting.snoozing import CHOICES, until_of
from aggregator.acting.wishes import CLOSE_REASONS
from aggregator.identity import Id, as_written, written
from aggregator.inquiry import Kind
from aggregator.store.incidents import incident_list
from aggregator.store.proposals import accounts_in, tags_in_use, workload
from aggregator.store.reading import InquiryPage, inquiry_page
from aggregator.web.doing import ACTIVE, assignable
from aggregator.web.safe_text import pieces, target
from aggregator.web.visit import local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

ASKED: Final = frozenset({"assign", "snooze", "close", "label", "band", "merge", "note", "flag"})
"""Deeds that want to know more."""
_INCIDENTS = 8
_ACCOUNTS = 8  # that are shown at once


async def one(visit: Visit) -> Response:
    """For one inquiry, named by its id."""
    what = visit.request.path_params["what"]
    try:
        inquiry = as_written(visit.request.path_params["id"])
    except ValueError:
        raise HTTPException(404) from None
    moment = visit.site.clock()
    page = await visit.site.db.read(lambda cursor: inquiry_page(cursor, inquiry, moment=moment))
    if what not in ASKED or page is None:
        raise HTTPException(404)
    return await _answer(visit, what, page)


async def many(visit: Visit) -> Response:
    """For what is picked in the list; without scripts the picks stand in the address, as `item`."""
    what = visit.request.path_params["what"]
    if what not in ASKED & AT_ONCE:
        raise HTTPException(404)
    return await _answer(visit, what, None)


async def _answer(visit: Visit, what: str, page: InquiryPage | None) -> Response:
    query = visit.request.query_params
    part = query.get("part") == "1"
    row = page.row if page else None
    return visit.page(
        "ask_form.html" if part else "ask.html",
        part=part,
        what=what,
        row=row,
        items=query.getlist("item"),
        ver=query.get("ver", ""),  # that the person saw
        back=local(query.get("back") or (f"/inquiry/{row.inquiry.name}" if row else "/")),
        **await _choices(visit, what, page),
    )


async def _choices(visit: Visit, what: str, page: InquiryPage | None) -> Mapping[str, Any]:
    match what:
        case "assign":
            return {"people": await _people(visit)}
        case "snooze":
            return _times(visit)
        case "close":
            return {"reasons": CLOSE_REASONS}
        case "label":
            return {"kinds": get_args(Kind), "tags": await visit.site.db.read(tags_in_use)}
        case "merge":
            found = await visit.site.db.read(lambda cursor: incident_list(cursor, moment=visit.site.clock()))
            return {"incidents": [each for each in found if each.state == "open"][:_INCIDENTS]}
        case "flag" if page is not None:
            return await _flaggable(visit, page)
        case _:
            return {}


async def _people(visit: Visit) -> list[tuple[str, int, bool]]:
    """Name, how many are theirs, and whether they are at work; those at work with the fewest first."""
    names = await asyncio.to_thread(assignable, visit)
    load = await visit.site.db.read(workload)
    since = (visit.site.clock() - ACTIVE).timestamp()

    def at_work(name: str) -> bool:
        return (visit.site.desk.last_used(name) or 0.0) >= since

    active = await asyncio.to_thread(lambda: {name: at_work(name) for name in names})
    people = [(name, load.get(name, 0), active[name]) for name in names]
    return sorted(people, key=lambda each: (each[0] != visit.user.name, not each[2], each[1], each[0]))


def _times(visit: Visit) -> dict[str, Any]:
    zone, now = visit.site.settings.timezone, visit.site.clock()
    times = [(choice, until_of(choice, now, zone)) for choice in CHOICES]
    return {"times": times, "earliest": _local(now, zone), "zone": zone}


def _local(at: datetime, zone: str) -> str:
    """As a field of a form takes it."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


async def _flaggable(visit: Visit, page: InquiryPage) -> dict[str, Any]:
    """The links of the thread, and accounts, ours left out: whoever approached this customer, then who speaks there."""
    links: dict[str, str] = {}
    for post in page.posts:
        for piece in pieces(post.text) if not post.staff else ():
            if piece.look == "link" and target(piece.note) and (address := address_of(piece.note)):
                links.setdefault(address, address)
    inquiry: Id = page.row.inquiry.inquiry_id
    thread = page.row.inquiry.thread_id
    speaking = await visit.site.db.read(lambda cursor: accounts_in(cursor, thread, inquiry))
    came = [(one.account_id, one.name, one.handle) for one in page.approaches if one.withdrawn_at is None]
    accounts = {account: (written(account), name, handle) for account, name, handle in (*came, *speaking)}
    found = list(accounts.values())
    return {"links": list(links), "accounts": found[:_ACCOUNTS], "more": found[_ACCOUNTS:]}
