"""A colleague's own settings: language, colours, sound, password, and the browsers that are signed in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store import team
from aggregator.store.desk import DeskError
from aggregator.web import browsers
from aggregator.web.i18n import LANGS, catalogue
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

THEMES = ("system", "light", "dark")
DENSITIES = ("roomy", "dense")


async def show(visit: Visit) -> Response:
    return await _page(visit)


async def save(visit: Visit) -> Response:
    form = await fields(visit.request)
    lang, theme, density = form.get("lang", ""), form.get("theme", "system"), form.get("density", "roomy")
    if lang not in ("", *LANGS) or theme not in THEMES or density not in DENSITIES:
        raise HTTPException(400)
    await asyncio.to_thread(
        visit.site.desk.set_preferences,
        visit.user.name,
        lang=lang,
        theme=theme,
        density=density,
        shortcuts="shortcuts" in form,
        sound="sound" in form,
    )
    return RedirectResponse(local(form.get("back", "/settings")), 303)


async def save_password(visit: Visit) -> Response:
    password = (await fields(visit.request)).get("password", "")
    try:
        await asyncio.to_thread(visit.site.desk.set_password, visit.user.name, password)
    except DeskError:
        message = catalogue(visit.lang).gettext("Take a password of at least 10 characters.")
        return await _page(visit, code=400, said=message)
    await _end_others(visit)  # whoever changes it may do so because a browser is in other hands
    return RedirectResponse("/settings", 303)


async def end_session(visit: Visit) -> Response:
    """End one of one's own sessions (`session`), or all but this one (without)."""
    wanted = (await fields(visit.request)).get("session")
    if wanted is None:
        await _end_others(visit)
    else:
        await _end(visit, [one.session_id for one in await _sessions(visit) if one.session_id == wanted])
    return RedirectResponse("/signin" if wanted == team.session_id(visit.token) else "/settings", 303)


async def _end_others(visit: Visit) -> None:
    this = team.session_id(visit.token)
    await _end(visit, [one.session_id for one in await _sessions(visit) if one.session_id != this])


async def _end(visit: Visit, ids: list[str]) -> None:
    desk, name = visit.site.desk, visit.user.name
    for one in ids:
        await asyncio.to_thread(team.end_session, desk, name, one, who=name, now=visit.site.clock())


async def _sessions(visit: Visit) -> list[team.OpenSession]:
    return await asyncio.to_thread(team.sessions, visit.site.desk, visit.user.name)


async def _page(visit: Visit, *, code: int = 200, said: str = "") -> Response:
    sessions = await _sessions(visit)
    return visit.page(
        "settings.html",
        code=code,
        themes=THEMES,
        densities=DENSITIES,
        sessions=sessions,
        this=team.session_id(visit.token),
        browser=browsers.named,
        said=said,
    )
