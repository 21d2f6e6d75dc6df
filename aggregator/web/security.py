"""What every answer carries, and which requests are refused before anything reads them."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aggregator.config import Web

LARGEST_BODY = 2**20  # bytes: the longest answer, in Chinese and percent-encoded, is half of that
BODY_WITHIN = 30.0  # seconds

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types feed"
)
_OFF = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen",
    "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment",
    "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in _OFF),
    "cross-origin-resource-policy": "same-origin",
}
_FILE_HEADERS = {  # the others are half as long as a small file is, and nothing to a script or a style
    "content-security-policy": "default-src 'self'",  # the worker's own, which no page's policy binds
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_HTTPS_HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}


class Guard:
    """Refuses foreign Host headers (DNS rebinding reaches local ports) and puts the headers on every answer.

    An address instead of a name is let through: no name, no rebinding.
    """

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self._app = app
        self._hosts = {"localhost", web.host.lower()}
        self._headers = dict(_HEADERS)
        if web.public_url is not None:
            self._hosts.add((web.public_url.host or "").lower())
            if web.public_url.scheme == "https":
                self._headers |= _HTTPS_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        adding = self._headers if not scope["path"].startswith("/static/") else _FILE_HEADERS

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in adding.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        heard = Headers(scope=scope)
        if self._knows(heard.get("host", "")):
            if _is_too_long(heard.get("content-length", "")):
                await PlainTextResponse("At most 1 MiB.\n", 413)(scope, receive, with_headers)
                return
            await self._app(scope, _bounded(receive), with_headers)
            return
        refusal = PlainTextResponse(
            "This address is not known here. Use the one from the start of the service, or set web.public_url.\n", 421
        )
        await refusal(scope, receive, with_headers)

    def _knows(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _is_too_long(told: str) -> bool:
    return told.isascii() and told.isdigit() and int(told) > LARGEST_BODY


def _bounded(receive: Receive) -> Receive:
    """The body, as long as it is no longer than anything that is sent here, and comes in time. What comes after it, a
    disconnect, is waited for."""
    left, complete, until = LARGEST_BODY, False, asyncio.get_running_loop().time() + BODY_WITHIN

    async def bounded() -> Message:
        nonlocal left, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        complete = message["type"] != "http.request" or not message.get("more_body", False)
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return bounded


def is_ours(headers: Mapping[str, str]) -> bool | None:
    """Whether a write comes from one of our own pages; None: the browser does not say.

    On plain http off localhost browsers send no Sec-Fetch-Site, and under `Referrer-Policy: no-referrer` the
    Origin of a plain form is "null" (Fetch standard, "append a request Origin header"): only the token in the form
    can tell then.
    """
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None or origin == "null":
        return None
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def same_secret(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
