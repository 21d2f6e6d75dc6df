"""The door for platforms that push (`/hooks/<source>`) and for our own app (`/intake/chat/<source>`).

It listens apart from the desk, behind the operator's proxy.
Whoever calls is authenticated by the connector; an answer is sent only when the records are committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.contract import Push, Received
from connectors.errors import ConnectorError, PushRefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

log = logging.getLogger(__name__)

LARGEST_BODY = 2**20  # bytes
BODY_WITHIN = 10.0  # seconds; platforms give up after five or ten themselves
AT_ONCE = 128  # calls: so many of the largest bodies are held in memory
COME_AGAIN = {"Retry-After": "1"}  # seconds

Handler = Callable[[str, Push], Awaitable[Received]]


def create_hooks(handler: Handler, *, body_within: float = BODY_WITHIN, at_once: int = AT_ONCE) -> Starlette:
    """The application of the second listener.

    Args:
        handler: authenticates, commits and returns what to answer. Raises KeyError: no such source takes pushes;
            PushRefusedError: the call is not from the platform; ConnectorError: it cannot be taken now.
        body_within: seconds that a body may take to arrive.
        at_once: so many calls are taken at the same time. One more is told at once to come again, not kept waiting:
            WeChat counts five seconds.
    """
    under_way = 0

    async def hook(request: Request) -> Response:
        nonlocal under_way
        if under_way >= at_once:
            log.warning("push.too_many", extra={"source": request.path_params["source"], "at_once": at_once})
            return PlainTextResponse("", 503, COME_AGAIN)
        under_way += 1
        try:
            return await take(request)
        finally:
            under_way -= 1

    async def take(request: Request) -> Response:
        source = request.path_params["source"]
        try:
            async with asyncio.timeout(body_within):
                body = await _body(request)
        except TimeoutError:
            raise HTTPException(408) from None
        push = Push(request.method, dict(request.headers), dict(request.query_params), body)
        try:
            received = await handler(source, push)
        except KeyError:
            raise HTTPException(404) from None
        except PushRefusedError as error:
            log.warning("push.refused", extra={"source": source, "why": str(error)})
            return PlainTextResponse("", error.status)
        except ConnectorError as error:  # a secret that cannot be read: the platform should call again
            log.warning("push.failed", extra={"source": source, "why": str(error)})
            return PlainTextResponse("", 503)
        return Response(received.body, received.status, dict(received.headers), received.content_type)

    return Starlette(
        routes=[
            Route("/hooks/{source}", hook, methods=["GET", "POST"]),
            Route("/intake/chat/{source}", hook, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes:
    """Raises HTTPException 413: more than we take, told or not."""
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told) > LARGEST_BODY:
        raise HTTPException(413)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise HTTPException(413)
    except ClientDisconnect:
        raise HTTPException(400) from None
    return bytes(body)
