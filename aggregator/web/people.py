"""What colleagues say of accounts on the page of an inquiry, and the list of impostors."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.acting.flags import verdicts
from aggregator.acting.rights import may
from aggregator.identity import as_written
from aggregator.people.actions import Said, say
from aggregator.store.contacts import impersonators
from aggregator.web.person_page import judged
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit


async def change(visit: Visit) -> Response:
    """Undo a link, or make it again; say that somebody is no impostor, or is one after all."""
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


async def impostors(visit: Visit) -> Response:
    """Accounts that pose as ours, for moderation."""
    accounts = await visit.site.db.read(impersonators)
    flags = await visit.site.db.read(lambda cursor: verdicts(cursor, "account", [one.account for one in accounts]))
    return visit.page("impostors.html", accounts=accounts, flags=flags, blocks=may(visit.user, "decide_flags"))


async def judge_impostor(visit: Visit) -> Response:
    """Say on that list that one is none (what it wrote begins inquiries then), flag it, or block it."""
    what, form = visit.request.path_params["what"], await fields(visit.request)
    if what not in ("clear", "flag", "block"):
        raise HTTPException(404)
    try:
        account = as_written(form.get("account", ""))
    except ValueError:
        raise HTTPException(400) from None
    await judged(visit, account, what, form)
    return RedirectResponse("/impostors", 303)
