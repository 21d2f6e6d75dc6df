"""How the sources fare: what each can vouch for, and what a lead may do about it: test, look now, pause, go on."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.checking import check_source
from aggregator.config.alert_settings import targets_of
from aggregator.config.clock_settings import unknown_weekends
from aggregator.store import deliveries, runaways
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.web.visit import Visit
    from connectors.contract import Finding

_PAUSED = re.compile("paused by (.+?): ")
"""What the poller says of a source that a colleague has paused; whoever reads it here reads it in their language."""


async def listed(visit: Visit) -> Response:
    return await _page(visit, {})


async def change(visit: Visit) -> Response:
    """`pause`, `resume`, `look` (poll now) or `test` (try its login), of the source `name`."""
    what = visit.request.path_params["what"]
    name = (await fields(visit.request)).get("name", "")
    try:
        if what == "test" and _is_at_work(visit, name):
            return await _page(visit, {name: await check_source(visit.site.settings, name)})
        await perform(visit, name, what)
    except KeyError:
        raise HTTPException(404) from None
    return RedirectResponse(f"/connectors#{name}", 303)


async def perform(visit: Visit, name: str, what: str) -> None:
    """`pause`, `resume` or `look`.

    Raises:
        KeyError: there is no such source at work, or nothing of the kind can be done to one.
    """
    sources = visit.site.sources
    if not _is_at_work(visit, name):
        raise KeyError(name)
    match what:
        case "pause":
            await sources.pause(name, visit.user.name)
        case "resume":
            await sources.go_on(name)
        case "look":
            sources.poll_soon(name)
        case _:
            raise KeyError(what)


def _is_at_work(visit: Visit, name: str) -> bool:
    config = visit.site.settings.sources.get(name)
    return config is not None and config.enabled


async def _page(visit: Visit, found: Mapping[str, Sequence[Finding]]) -> Response:
    site = visit.site
    targets = targets_of(site.settings.webhooks, site.settings.alerts)
    sources = await asyncio.to_thread(site.health)
    said = {each.source: _PAUSED.match(each.message or "") for each in sources if each.state == "paused"}
    return visit.page(
        "connectors.html",
        sources=sources,
        paused_by={source: named[1] for source, named in said.items() if named},
        found=found,
        targets=await site.db.read(lambda con: deliveries.reports(con, targets)),
        runaways=await site.db.read(lambda con: runaways.recent(con, site.clock())),
        unknown_weekends=await asyncio.to_thread(unknown_weekends, site.settings.clocks, site.clock()),
    )
