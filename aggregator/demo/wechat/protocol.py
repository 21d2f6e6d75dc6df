"""How WeChat answers: JSON in a 200, whatever went wrong; and what can go wrong before it."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Fault = Literal["500", "reset", "truncated", "timeout", "429", "html"]
Json = dict[str, Any]

MESSAGES: Final[dict[int, str]] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40013: "invalid appid",
    40125: "invalid appsecret",
    40164: "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist",
    41001: "access_token missing",
    42001: "access_token expired",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit",
    48001: "api unauthorized",
}


class ApiError(Exception):
    """An errcode."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(code)
        mark = f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
        self.answer = {"errcode": code, "errmsg": f"{message or MESSAGES.get(code, 'error')} rid: {mark}"}


class Tokens:
    """The access tokens of one account."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.lifetime = 7200.0
        self.given = 0  # answers to requests for a token
        self._tokens: dict[str, float] = {}  # token -> its end
        self._current = ""

    def stable(self) -> Json:
        """The same token at each request, but a new one in the last five minutes, while the old is still good."""
        now = self._clock()
        self.given += 1
        if self._tokens.get(self._current, 0.0) - now <= 300:
            self._current = f"88_{secrets.token_urlsafe(64)}"
            self._tokens[self._current] = now + self.lifetime
        return {"access_token": self._current, "expires_in": int(self._tokens[self._current] - now)}

    def revoke(self) -> None:
        """Somebody else has asked for a token in the old way."""
        self._tokens.clear()
        self._current = ""

    def check(self, token: str | None) -> None:
        if not token:
            raise ApiError(41001)
        if token not in self._tokens:
            raise ApiError(40001)
        if self._tokens[token] <= self._clock():
            raise ApiError(42001)


class Faults:
    """What the next requests suffer, one after the other: a fault before WeChat, or an errcode."""

    def __init__(self) -> None:
        self._next: deque[tuple[Fault | int, str, int]] = deque()

    def add(self, *faults: Fault | int, path: str = "", wait: int = 5) -> None:
        """`path`: only requests whose path ends so. `wait`: seconds that a 429 asks for."""
        self._next.extend((fault, path, wait) for fault in faults)

    def take(self, path: str) -> tuple[Fault | int, int] | None:
        if self._next and path.endswith(self._next[0][1]):
            fault, _, wait = self._next.popleft()
            return fault, wait
        return None


async def with_faults(faults: Faults, request: Request, answer: Callable[[], Any]) -> Response:
    """The answer, or what the next fault makes of it."""
    fault = faults.take(request.url.path)
    match fault:
        case ("500", _):
            return Response("<html><body>Bad Gateway</body></html>", 502, media_type="text/html")
        case ("html", _):
            return Response("<html><body>Sign in to the network</body></html>", media_type="text/html")
        case ("429", wait):
            return Response("", 429, {"Retry-After": str(wait)})
        case ("timeout", _):
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response(status_code=500)
    try:
        if fault is not None and isinstance(fault[0], int):
            raise ApiError(fault[0])
        told = await answer()
    except ApiError as error:
        told = error.answer
    if fault == ("truncated", fault[1] if fault else 0):
        return Response(json.dumps(told)[:-3], media_type="application/json")
    return _Dropped() if fault is not None and fault[0] == "reset" else JSONResponse(told)


class _Dropped(Response):
    """A body that stays shorter than announced: the connection is dropped."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
        await send({"type": "http.response.body", "body": b'{"errcode', "more_body": True})


async def body_of(request: Request) -> Json:
    raw = await request.body()
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise ApiError(47001, "data format error") from None
    if not isinstance(body, dict):
        raise ApiError(47001, "data format error")
    return body
