"""How the sources fare, for people, and whether the service lives, for machines."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aggregator.clock_settings import unknown_weekends
from aggregator.store.database import StoreError

if TYPE_CHECKING:
    from starlette.requests import Request

    from aggregator.web.visit import Site, Visit


async def connectors(visit: Visit) -> Response:
    site = visit.site
    return visit.page(
        "connectors.html",
        sources=await asyncio.to_thread(site.health),
        unknown_weekends=await asyncio.to_thread(unknown_weekends, site.settings.clocks, site.clock()),
    )


async def live(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Both databases answer."""
    site: Site = request.app.state.site
    try:
        await site.db.read(lambda cursor: cursor.execute("SELECT 1").fetchall())
        await asyncio.to_thread(site.desk.users)
    except (StoreError, sqlite3.Error) as error:
        return JSONResponse({"status": "not ready", "why": str(error)}, 503)
    return JSONResponse({"status": "ok"})
