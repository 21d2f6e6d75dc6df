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
    """Both databases answer. Which of them does not is all that is told: anybody may ask."""
    site: Site = request.app.state.site
    try:
        await site.db.read(lambda cursor: cursor.execute("SELECT 1").fetchall())
    except StoreError:
        return _not_ready("the store of inquiries does not answer")
    try:
        await asyncio.to_thread(site.desk.users)
    except sqlite3.Error:
        return _not_ready("desk.db does not answer")
    return JSONResponse({"status": "ok"})


def _not_ready(why: str) -> Response:
    return JSONResponse({"status": "not ready", "why": why}, 503)
