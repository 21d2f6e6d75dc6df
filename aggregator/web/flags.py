"""Links and accounts that were flagged: the list, and what a lead says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.acting.flags import Verdict, decide, flags
from aggregator.acting.rights import may
from aggregator.identity import as_written, written
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit


async def listed(visit: Visit) -> Response:
    """What nobody has decided stands first."""
    found = await visit.site.db.read(flags)
    return visit.page("flags.html", flags=found, written=written, decides=may(visit.user, "decide_flags"))


async def decided(visit: Visit) -> Response:
    """Block it, or find it harmless; either can be changed to the other later."""
    if not may(visit.user, "decide_flags"):
        raise HTTPException(403)
    form = await fields(visit.request)
    verdict = form.get("verdict", "")
    if verdict not in get_args(Verdict):
        raise HTTPException(400)
    site = visit.site
    try:
        flag = as_written(form.get("flag", ""))
        changed = await site.db.write(
            lambda con: decide(con, site.settings, flag, visit.user.name, site.clock(), cast("Verdict", verdict))
        )
    except ValueError:
        raise HTTPException(400) from None
    except KeyError:
        raise HTTPException(404) from None
    site.stream.publish(changed)
    return RedirectResponse(local(form.get("back", "/flags")), 303)
