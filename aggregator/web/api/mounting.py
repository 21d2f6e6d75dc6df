"""Where the API hangs in the desk: /api/v1 with its document, and feeds for readers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from aggregator.web.api import feeds, serving
from aggregator.web.api.document import PREFIX, document
from aggregator.web.api.operations import OPERATIONS

if TYPE_CHECKING:
    from starlette.requests import Request

    from aggregator.web.visit import Site


def routes(site: Site) -> list[BaseRoute]:
    crowd = serving.Crowd()
    api = serving.application(OPERATIONS, crowd, Route("/openapi.json", _document))
    api.state.site = site
    return [Mount(PREFIX, api), *feeds.routes(crowd)]


@cache
def _written() -> bytes:
    return orjson.dumps(document(OPERATIONS))


async def _document(_: Request) -> Response:
    """For everybody: it tells nothing of anybody."""
    return Response(_written(), media_type="application/json", headers={"cache-control": "no-cache"})
