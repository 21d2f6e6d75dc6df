"""/feed.json and /feed.atom: the priority feed for other readers, which ask again and again whether it has changed.

Most readers can send no bearer token. They take a password for the address (any user name), or the token in the address
itself. An address lies in many places: so one that stands there may read and nothing else, and no log of ours has it
(uvicorn's access log is off, ours name paths only).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from starlette.responses import Response
from starlette.routing import Route

from aggregator.web.api import problem
from aggregator.web.api.asks import Subscription
from aggregator.web.api.atom import MEDIA as ATOM
from aggregator.web.api.atom import atom
from aggregator.web.api.caller import Call, caller, must_have, wished
from aggregator.web.api.entries import Subscribed, subscribed
from aggregator.web.api.json_feed import MEDIA as JSON
from aggregator.web.api.json_feed import json_feed
from aggregator.web.api.problem import ProblemError
from aggregator.web.api.serving import Crowd, read_query

if TYPE_CHECKING:
    from starlette.requests import Request


def routes(crowd: Crowd) -> list[Route]:
    return [
        Route("/feed.json", _endpoint(json_feed, JSON, crowd)),
        Route("/feed.atom", _endpoint(atom, ATOM, crowd)),
    ]


def _endpoint(
    write: Callable[[Subscribed], bytes], media: str, crowd: Crowd
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            call = await _reader(request)
            async with crowd.joined(call):
                return await _answer(call, write, media)
        except ProblemError as error:
            return problem.answer(error, wished(request))

    return endpoint


async def _answer(call: Call, write: Callable[[Subscribed], bytes], media: str) -> Response:
    body = write(await subscribed(call, cast("Subscription", read_query(call, Subscription))))
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {
        "etag": etag,
        "cache-control": "private, no-cache",
        "content-language": call.lang,
        "vary": "authorization, accept-language",
    }
    if _has(call.request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media)


async def _reader(request: Request) -> Call:
    """Raises ProblemError: there is no token that counts, or one in the address that may do too much."""
    in_address = request.query_params.get("token", "")
    call = await caller(request, in_address or _password(request))
    if in_address and call.scopes != {"read"}:
        detail = call.gettext("Make one for this reader alone, with the scope read and nothing else.")
        raise ProblemError("too-mighty", detail)
    must_have(call, "read", "viewer")
    return call


def _password(request: Request) -> str:
    """Of `Authorization: Basic`, whoever the user is said to be; empty: there is none (RFC 7617)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given).decode().partition(":")[2]
    except ValueError:  # no base64, or no text
        return ""


def _has(told: str, etag: str) -> bool:
    """Whether a reader has this already (RFC 9110, 13.1.2; compared weakly)."""
    return told.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in told.split(",")]
