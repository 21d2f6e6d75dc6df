"""The page of impostors: accounts that pose as ours, and what colleagues say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.acting.flags import verdicts
from aggregator.acting.rights import may
from aggregator.identity import as_written, written
from aggregator.store.contacts import impersonators
from aggregator.web.person_page import judged
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    """For moderation."""
    accounts = await visit.site.db.read(impersonators)
    flags = await visit.site.db.read(lambda cursor: verdicts(cursor, "account", [one.account for one in accounts]))
    return visit.page(
        "impostors.html", accounts=accounts, flags=flags, written=written, blocks=may(visit.user, "decide_flags")
    )


async def judge(visit: Visit) -> Response:
    """Say there that one is none (what it wrote begins inquiries then), flag it, or block it."""
    what, form = visit.request.path_params["what"], await fields(visit.request)
    if what not in ("clear", "flag", "block"):
        raise HTTPException(404)
    try:
        account = as_written(form.get("account", ""))
    except ValueError:
        raise HTTPException(400) from None
    await judged(visit, account, what, form)
    return RedirectResponse("/impostors", 303)
