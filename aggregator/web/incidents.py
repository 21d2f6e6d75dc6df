"""Incidents: the list, one with its members, and what a colleague does with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.identity import Id, as_written, written
from aggregator.incidents.acting import NotPossibleError, What, act
from aggregator.store.incidents import find_by_number, incident_list, incident_page
from aggregator.store.reading import find_by_code
from aggregator.web import incident_notice
from aggregator.web.doing import words_for
from aggregator.web.visit import fields, form_of, local, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.incidents.notices import NoticeLang
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit


async def listed(visit: Visit) -> Response:
    moment = visit.site.clock()
    rows = await visit.site.db.read(lambda cursor: incident_list(cursor, moment=moment))
    return visit.page("incidents.html", incidents=rows)


async def show(visit: Visit) -> Response:
    return await page(visit, await wanted(visit))


async def change(visit: Visit) -> Response:
    """Take out, put in, split, merge, unmerge, end, reopen. `inquiry`: an id or a code; `into`: INC-7, or 7."""
    what = visit.request.path_params["what"]
    if what not in get_args(What):
        raise HTTPException(404)
    form = await fields(visit.request)
    incident = await wanted(visit)
    into = await _into(visit, form)
    if what == "merge" and into is None:
        said = words_for(visit).wrong("into")
        return await page(visit, incident, code=409, said=said, into=form.get("into", ""))
    try:
        await perform(visit, incident, cast("What", what), await _inquiries(visit), into)
    except _NoSuchInquiryError as error:
        said = visit.gettext("There is no inquiry %(code)s; nothing was changed.") % {"code": error}
        return await page(visit, incident, code=409, said=said, into=form.get("into", ""))
    except NotPossibleError:
        return await page(visit, incident, code=409, into=form.get("into", ""))
    return RedirectResponse(local(form.get("back", visit.request.url.path)), 303)


async def back(visit: Visit) -> Response:
    """Where somebody comes back to by an address that only takes forms."""
    return RedirectResponse(f"/incidents/{written(await wanted(visit))}", 303)


async def perform(visit: Visit, incident: Id, what: What, inquiries: Sequence[Id], into: Id | None) -> None:
    """Do it, and tell the open pages.

    Raises:
        NotPossibleError: it cannot be done to it as it is, or names no inquiry, or no incident to merge with.
        HTTPException: 404, there is none.
    """
    if (what in ("remove", "add", "split") and not inquiries) or (what == "merge" and into is None):
        raise NotPossibleError(f"{what} wants to know with what")
    site, who, now = visit.site, visit.user.name, visit.site.clock()
    try:
        touched = await act(site.db, site.incidents, incident, who, what, now, inquiries=inquiries, into=into)
    except KeyError:
        raise HTTPException(404) from None
    site.stream.publish(touched)


async def page(
    visit: Visit,
    incident: Id,
    *,
    code: int = 200,
    said: str = "",
    into: str = "",
    drafts: Mapping[NoticeLang, str] | None = None,
) -> Response:
    """The page of one incident. `said`: what stands in the way; `into`, `drafts`: with which to merge, and of its
    notice, that were not taken."""
    moment = visit.site.clock()
    shown = await visit.site.db.read(lambda cursor: incident_page(cursor, incident, moment=moment))
    if shown is None:
        raise HTTPException(404)
    if code == 409 and not said:
        said = visit.gettext("That cannot be done to this incident as it is; nothing was changed.")
    notice = await incident_notice.written(visit, incident, drafts)
    return visit.page("incident.html", code=code, page=shown, said=said, into=into, notice=notice)


async def wanted(visit: Visit) -> Id:
    return await called(visit, visit.request.path_params["id"])


async def called(visit: Visit, named: str) -> Id:
    """The incident of this id or number. Raises HTTPException 404: there is none."""
    try:
        return as_written(named)
    except ValueError:
        found = await visit.site.db.read(lambda cursor: _by_number(cursor, named))
    if found is None:
        raise HTTPException(404)
    return found


def _by_number(cursor: Connection, named: str) -> Id | None:
    told = number(named.upper().removeprefix("INC-").strip())
    return None if told is None else find_by_number(cursor, told)


class _NoSuchInquiryError(Exception):
    """By the code that was given."""


async def _inquiries(visit: Visit) -> list[Id]:
    """The inquiries that a form names, in any number. Raises _NoSuchInquiryError."""
    form = await form_of(visit.request)
    found = []
    for named in form.getlist("inquiry"):
        if not isinstance(named, str) or not named.strip():
            continue
        try:
            found.append(as_written(named))
        except ValueError:
            code = named.strip().removeprefix("#")
            one = await visit.site.db.read(partial(find_by_code, code=code))
            if one is None:
                raise _NoSuchInquiryError(f"#{code}") from None
            found.append(one)
    return found


async def _into(visit: Visit, form: Mapping[str, str]) -> Id | None:
    named = form.get("into", "")
    return await visit.site.db.read(lambda cursor: _by_number(cursor, named)) if named else None
