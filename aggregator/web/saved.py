"""Keeping a view under a name, and dropping it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store.views import ViewError, drop_view, save_view
from aggregator.triage.secrets import find
from aggregator.web.view import View
from aggregator.web.visit import fields, local

if TYPE_CHECKING:
    from aggregator.web.visit import Visit


async def save(visit: Visit) -> Response:
    """Fields: name, query (as in the address), shared. The query is kept as a view of ours writes it."""
    form = await fields(visit.request)
    view, site = View.of_address(form.get("query", "")), visit.site
    if any(not found.doubtful for text in (view.search, form.get("name", "")) for found in find(text)):
        raise HTTPException(400)  # no recovery phrase or key is kept, not even one that somebody searched for
    try:
        await asyncio.to_thread(
            save_view,
            site.desk,
            visit.user.name,
            form.get("name", ""),
            view.query(),
            shared="shared" in form and visit.user.may_act,
            now=site.clock(),
        )
    except ViewError:
        raise HTTPException(400) from None
    return RedirectResponse(view.url(), 303)


async def drop(visit: Visit) -> Response:
    form = await fields(visit.request)
    try:
        await asyncio.to_thread(drop_view, visit.site.desk, visit.user.name, int(visit.request.path_params["number"]))
    except ViewError:
        raise HTTPException(404) from None
    return RedirectResponse(local(form.get("back", "/")), 303)
