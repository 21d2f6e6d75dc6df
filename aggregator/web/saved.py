"""Keeping a view under a name, and dropping it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store.views import ViewError, drop_view, save_view
from aggregator.triage.secrets import find
from aggregator.web.i18n import N_
from aggregator.web.view import View
from aggregator.web.visit import fields, local, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.store.views import SavedView
    from aggregator.web.visit import Visit


NOT_KEPT: Final = {
    "secret": N_("There is a recovery phrase or a key in it. Nothing was stored."),
    "name": N_("A view wants a name of at most 60 characters. Nothing was stored."),
    "too_many": N_("You have 40 views already: drop one first. Nothing was stored."),
}


async def save(visit: Visit) -> Response:
    """Fields: name, query (as in the address), shared. The query is kept as a view of ours writes it.

    The view is shown again. If there is more to say, its address tells it as `kept`: why it was not kept, or the number
    of the view that it replaced.
    """
    form = await fields(visit.request)
    view, site = View.of_address(form.get("query", "")), visit.site
    if any(not found.doubtful for text in (view.search, form.get("name", "")) for found in find(text)):
        return _shown(view, "secret")  # none is kept, not even one that somebody searched for
    try:
        replaced = await asyncio.to_thread(
            save_view,
            site.desk,
            visit.user.name,
            form.get("name", ""),
            view.query(),
            shared="shared" in form and visit.user.may_act,
            now=site.clock(),
        )
    except ViewError as error:
        return _shown(view, error.why)
    return _shown(view, str(replaced or ""))


def _shown(view: View, kept: str) -> Response:
    more = f"{'&' if view.asked else '?'}kept={kept}" if kept else ""
    return RedirectResponse(view.url() + more, 303)


def told(visit: Visit, saved: Sequence[SavedView]) -> tuple[str, bool]:
    """What came of keeping a view, in words, and whether it was not kept."""
    kept = visit.request.query_params.get("kept", "")
    if kept in NOT_KEPT:
        return visit.gettext(NOT_KEPT[kept]), True
    mine = [one.name for one in saved if str(one.number) == kept and one.owner == visit.user.name]
    said = visit.gettext("Your view %(name)s was replaced: it is this one now.") % {"name": mine[0]} if mine else ""
    return said, False


async def drop(visit: Visit) -> Response:
    form, view = await fields(visit.request), number(visit.request.path_params["number"])
    if view is None:
        raise HTTPException(404)
    try:
        await asyncio.to_thread(drop_view, visit.site.desk, visit.user.name, view)
    except ViewError:
        raise HTTPException(404) from None
    return RedirectResponse(local(form.get("back", "/")), 303)
