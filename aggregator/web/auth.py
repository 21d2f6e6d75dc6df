"""Signing in and out."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store.desk import TooManyTriesError
from aggregator.web.i18n import LANGS, catalogue
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


async def sign_in_page(visit: Visit) -> Response:
    if visit.session is not None:
        return RedirectResponse(local(visit.request.query_params.get("next", "/")), 303)
    return _door(visit, visit.request.query_params.get("next", "/"))


async def sign_in(visit: Visit) -> Response:
    form = await fields(visit.request)
    name, to, gettext = form.get("name", "").strip(), local(form.get("next", "/")), catalogue(visit.lang).gettext
    try:
        password, browser = form.get("password", ""), visit.request.headers.get("user-agent", "")
        async with visit.site.at_the_door:
            token = await asyncio.to_thread(visit.site.desk.sign_in, name, password, visit.site.clock(), browser)
    except TooManyTriesError as error:
        wrong = gettext("Too many wrong passwords. Try again in %(n)s seconds.") % {"n": f"{error.seconds:.0f}"}
        return _door(visit, to, 429, name, wrong)
    if token is None:
        return _door(visit, to, 403, name, gettext("Name or password is wrong."))
    return visit.with_session(token, to)


async def enter_page(visit: Visit) -> Response:
    """Where a one-time link leads. It is not used up here: scanners of mails and previews of chats open it, too."""
    query = visit.request.query_params
    link = query.get("token", "")
    name = await asyncio.to_thread(visit.site.desk.invited, link, visit.site.clock())
    if name is None:
        return _no_such_link(visit)
    # Nobody else reaches this machine's own name, so there a script may press the button.
    at_once = (visit.request.url.hostname or "") in _LOOPBACK and "sec-purpose" not in visit.request.headers
    to = local(query.get("next", "/"))
    return _with_door(visit, "enter.html", invited=name, token=link, next=to, at_once=at_once)


async def enter(visit: Visit) -> Response:
    """Use the link up."""
    form = await fields(visit.request)
    browser = visit.request.headers.get("user-agent", "")
    token = await asyncio.to_thread(visit.site.desk.enter, form.get("token", ""), visit.site.clock(), browser)
    if token is None:
        return _no_such_link(visit)
    return visit.with_session(token, local(form.get("next", "/")))


async def sign_out(visit: Visit) -> Response:
    await asyncio.to_thread(visit.site.desk.sign_out, visit.token)
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(visit.site.cookie, httponly=True, samesite="lax", secure=visit.site.secure)
    return answer


async def switch_language(visit: Visit) -> Response:
    """For those who are not signed in it is a cookie, for others their setting."""
    form = await fields(visit.request)
    lang = form.get("lang", "")
    if lang not in LANGS:
        raise HTTPException(400)
    answer = RedirectResponse(local(form.get("back", "/")), 303)
    answer.set_cookie("lang", lang, max_age=365 * 86400, samesite="lax", secure=visit.site.secure, httponly=True)
    if visit.session is not None:
        await asyncio.to_thread(visit.site.desk.set_preferences, visit.user.name, lang=lang)
    return answer


def _no_such_link(visit: Visit) -> Response:
    message = catalogue(visit.lang).gettext("This link was used already or is too old. Ask for a new one.")
    return _door(visit, "/", 403, "", message)


def _door(visit: Visit, to: str, code: int = 200, name: str = "", wrong: str = "") -> Response:
    return _with_door(visit, "signin.html", code, next=local(to), name=name, wrong=wrong)


def _with_door(visit: Visit, template: str, code: int = 200, **context: Any) -> Response:
    """A page with a form for those who are not signed in."""
    door = visit.request.cookies.get("door") or secrets.token_urlsafe(32)
    answer = visit.page(template, code=code, door=door, **context)
    answer.set_cookie("door", door, httponly=True, samesite="strict", secure=visit.site.secure)
    return answer
