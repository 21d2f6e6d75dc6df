"""People: finding one, and all that is known of one, over accounts and channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.acting.rights import may
from aggregator.identity import as_written, written
from aggregator.people.actions import About, Said, Verdict, say, say_about, say_of
from aggregator.people.person import SURE, person_of
from aggregator.people.search import find_people
from aggregator.triage.followup import needed
from aggregator.triage.secrets import mask
from aggregator.web.shown_slots import given
from aggregator.web.visit import fields, local
from aggregator.web.words import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.identity import Id
    from aggregator.people.person import Key, PersonInquiry
    from aggregator.web.visit import Visit

LONGEST = 200  # characters of a search, and of a reason


async def search(visit: Visit) -> Response:
    """Who it may be. What names exactly one person leads there when it is asked for by script or by Enter."""
    sought = visit.request.query_params.get("q", "").strip()[:LONGEST]
    hits, more = await visit.site.db.read(lambda cursor: find_people(cursor, sought))
    if visit.wants_json:
        found = [{"account": hit.account, "name": hit.name, "space": hit.space, "how": hit.how} for hit in hits]
        return JSONResponse({"people": found, "more": more})
    return visit.page("people.html", sought=sought, hits=hits, more=more)


async def show(visit: Visit) -> Response:
    account, moment = _account(visit), visit.site.clock()
    before = _before(visit.request.query_params.get("before", ""))
    person = await visit.site.db.read(lambda cursor: person_of(cursor, account, moment=moment, before=before))
    if person is None:
        raise HTTPException(404)
    return visit.page(
        "person.html",
        person=person,
        sure=SURE,
        older=f"/people/{person.this.account}?before={_written(person.older)}" if person.older else None,
        first=before is None,
        missing={each.row.inquiry.inquiry_id: _missing(each) for each in person.inquiries},
        given=given(person.told),
        length=lambda length: _length(visit, length),
        blocks=may(visit.user, "decide_flags"),
    )


async def change(visit: Visit) -> Response:
    """Say that another account is this person's, or is not; or what this account is."""
    what, form = visit.request.path_params["what"], await fields(visit.request)
    changed = await judged(visit, _account(visit), what, form)
    if visit.wants_json:
        return JSONResponse({"changed": changed})
    return RedirectResponse(local(form.get("back", visit.request.url.path.rpartition("/")[0])), 303)


async def change_from_inquiry(visit: Visit) -> Response:
    """From the page of an inquiry: undo a link, or make it again; say that somebody is no impostor, or is one after
    all."""
    what = visit.request.path_params["what"]
    if what not in get_args(Said):
        raise HTTPException(404)
    form = await fields(visit.request)
    try:
        inquiry, account = as_written(visit.request.path_params["id"]), as_written(form.get("account", ""))
    except ValueError:
        raise HTTPException(400) from None
    site = visit.site
    try:
        changed = await say(site.db, site.settings, inquiry, account, visit.user.name, cast("Said", what), site.clock())
    except KeyError:
        raise HTTPException(404) from None
    await site.db.write(lambda _: site.incidents.forget())  # they count persons; they live on the writer's thread
    site.stream.publish(changed)
    if visit.wants_json:
        return JSONResponse({"changed": len(changed)})
    return RedirectResponse(local(form.get("back", "/")), 303)


async def judged(visit: Visit, account: Id, what: str, form: Mapping[str, str]) -> int:
    """Do what a form says of an account. Returns how many inquiries changed.

    Raises:
        HTTPException: 400, 403, 404.
    """
    site, who, now = visit.site, visit.user.name, visit.site.clock()
    reason = mask(" ".join(form.get("reason", "").split())[:LONGEST])[0]
    if what == "block" and not may(visit.user, "decide_flags"):
        raise HTTPException(403)
    if what == "prove" and not reason:
        raise HTTPException(400)
    try:
        if what in get_args(About):
            other = as_written(form.get("account", ""))
            changed = await say_about(site.db, account, other, who, cast("About", what), now, reason)
        elif what in get_args(Verdict):
            changed = await say_of(site.db, site.settings, account, who, cast("Verdict", what), now, reason)
        else:
            raise HTTPException(404)
    except ValueError:
        raise HTTPException(400) from None
    except KeyError:
        raise HTTPException(404) from None
    await site.db.write(lambda _: site.incidents.forget())  # they count persons; they live on the writer's thread
    site.stream.publish(changed)
    return len(changed)


def _account(visit: Visit) -> Id:
    try:
        return as_written(visit.request.path_params["id"])
    except ValueError:
        raise HTTPException(404) from None


def _missing(one: PersonInquiry) -> tuple[str, ...]:
    """What is still needed to look into it; of what is over, nothing."""
    inquiry = one.row.inquiry
    if inquiry.state == "closed" or not one.sure:
        return ()
    return tuple(slot for slot in needed(inquiry.kind, {term.rule for term in one.row.terms}) if slot not in one.given)


def _length(visit: Visit, length: timedelta) -> str:
    """12m, 3h, 2d."""
    minutes = max(0, round(length.total_seconds() / 60))
    number, unit = (minutes, "minutes") if minutes < 120 else (minutes // 60, "hours")
    if unit == "hours" and number >= 48:
        number, unit = number // 24, "days"
    return visit.gettext(SCRIPT[f"{unit}_short"]).replace("{n}", str(number))


def _written(key: Key) -> str:
    return f"{key[0].astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')},{written(key[1])}"


def _before(text: str) -> Key | None:
    if not text:
        return None
    at, _, inquiry = text.partition(",")
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC), as_written(inquiry)
    except ValueError:
        raise HTTPException(400) from None
