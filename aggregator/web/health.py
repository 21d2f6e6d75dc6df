"""Whether the service lives, for machines."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aggregator.store.database import StoreError

if TYPE_CHECKING:
    from starlette.requests import Request

    from aggregator.web.visit import Site


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
