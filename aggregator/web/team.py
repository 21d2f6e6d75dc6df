"""Who works here: adding, roles, new sign-in links, signing out everywhere, leaving; and what was changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store import team
from aggregator.store.desk import ROLES, DeskError, Role
from aggregator.web.desk_words import why
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.web.visit import Visit


async def listed(visit: Visit) -> Response:
    return await _page(visit)


async def add(visit: Visit) -> Response:
    """A new colleague; the answer shows the one-time link, once."""
    form = await fields(visit.request)
    name, role = form.get("name", "").strip(), form.get("role", "agent")
    desk, who, now = visit.site.desk, visit.user.name, visit.site.clock()

    def added() -> str:
        desk.add_user(name, cast("Role", role))
        with desk.writing() as con:
            team.note(con, now, who, "invite", name, {"role": role})
        return desk.invite(name, now)

    try:
        token = await asyncio.to_thread(added)
    except DeskError as error:
        return await _page(visit, code=409, said=why(visit, error), given=form)
    return await _page(visit, link=(name, _link(visit, token)))


async def change(visit: Visit) -> Response:
    """`role`, `link`, `sign_out` or `remove`, of the colleague `name`."""
    what, form = visit.request.path_params["what"], await fields(visit.request)
    name, desk, who, now = form.get("name", ""), visit.site.desk, visit.user.name, visit.site.clock()

    def signed_out() -> None:
        desk.sign_out_everywhere(name)
        with desk.writing() as con:
            team.note(con, now, who, "sign_out", name, {})

    def linked() -> str:
        token = desk.invite(name, now)
        with desk.writing() as con:
            team.note(con, now, who, "link", name, {})
        return token

    try:
        match what:
            case "role":
                role = cast("Role", form.get("role", ""))
                await asyncio.to_thread(team.set_role, desk, name, role, who=who, now=now)
            case "link":
                return await _page(visit, link=(name, _link(visit, await asyncio.to_thread(linked))))
            case "sign_out":
                await asyncio.to_thread(signed_out)
            case "remove":
                if form.get("sure") != name:
                    return await _page(visit, code=409, leaving=name)
                await asyncio.to_thread(team.remove, desk, name, who=who, now=now)
            case _:
                raise HTTPException(404)
    except DeskError as error:
        return await _page(visit, code=409, said=why(visit, error))
    return RedirectResponse("/settings/team", 303)


def _link(visit: Visit, token: str) -> str:
    """The address as this admin's browser knows us."""
    public = visit.site.settings.web.public_url
    base = str(public) if public else str(visit.request.base_url)
    return f"{base.rstrip('/')}/enter?token={token}"


async def _page(
    visit: Visit,
    *,
    code: int = 200,
    said: str = "",
    given: Mapping[str, str] | None = None,
    link: tuple[str, str] | None = None,
    leaving: str = "",
) -> Response:
    desk = visit.site.desk
    members = await asyncio.to_thread(team.members, desk)
    owned = dict(
        await visit.site.db.read(
            lambda cursor: cursor.execute(
                "SELECT owner, count(*) FROM inquiry_open WHERE owner IS NOT NULL GROUP BY owner"
            ).fetchall()
        )
    )
    return visit.page(
        "team.html",
        code=code,
        members=members,
        owned=owned,
        roles=ROLES,
        events=await asyncio.to_thread(team.events, desk, 50),
        said=said,
        given=given or {},
        link=link,
        leaving=leaving,
    )
