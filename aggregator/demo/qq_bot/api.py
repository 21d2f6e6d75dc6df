"""Access tokens, the two calls that listening needs, and those that send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.demo.forum_faults import answer_with_fault
from aggregator.demo.qq_bot.answers import PATHS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from aggregator.demo.qq_bot import QQBotSimulator

LIVES: Final = timedelta(seconds=7200)
OK: Final = 200
OVERLAP: Final = timedelta(seconds=60)


class Api:
    """A token lives two hours; in its last minute the next one is given, and both work."""

    def __init__(self, simulator: QQBotSimulator) -> None:
        self._simulator = simulator
        self._tokens: dict[str, datetime] = {}  # token -> its end
        self.lives = LIVES
        self.asked_for_tokens = 0
        self.secret_is_good = True
        self.code: int | None = None  # a failure that calls are answered with
        self.sessions_left = 1000
        self.gateway_url: str | None = None  # None: here
        self.routes = [
            Route("/app/getAppAccessToken", self._failing(self._token), methods=["POST"]),
            Route("/gateway/bot", self._failing(self._gateway)),
            Route("/users/@me", self._failing(self._me)),
            *(Route(path, self._sending, methods=["POST"]) for path in PATHS),
        ]

    def accepts(self, header: str) -> bool:
        """Whether it is `QQBot <token>` with one that works now."""
        ends = self._tokens.get(header.removeprefix("QQBot ")) if header.startswith("QQBot ") else None
        return ends is not None and self._simulator.clock() < ends

    def revokes_tokens(self) -> None:
        self._tokens.clear()

    def _failing(self, answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
        return _Faulty(self._simulator, answer)

    async def _token(self, request: Request) -> Response:
        self.asked_for_tokens += 1
        asked = orjson.loads(await request.body())
        good = {"appId": self._simulator.app_id, "clientSecret": self._simulator.secret}
        if asked != good or not self.secret_is_good:
            return JSONResponse({"code": 100016, "message": "invalid appid or secret"})
        now = self._simulator.clock()
        for token, ends in self._tokens.items():
            if ends - now > OVERLAP:
                return JSONResponse({"access_token": token, "expires_in": str(int((ends - now).total_seconds()))})
        token = f"token-{self.asked_for_tokens}-of-nobody"
        self._tokens[token] = now + self.lives
        return JSONResponse({"access_token": token, "expires_in": str(int(self.lives.total_seconds()))})

    def _refused(self, request: Request) -> Response | None:
        if not self.accepts(request.headers.get("authorization", "")):
            return JSONResponse({"code": 11244, "message": "token not exist or expire"}, 401)
        if self.code is not None:
            return JSONResponse({"code": self.code, "message": "no", "trace_id": "0"}, 400)
        return None

    async def _gateway(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        limit = {"total": 1000, "remaining": self.sessions_left, "reset_after": 14_400_000, "max_concurrency": 1}
        url = self.gateway_url or str(request.url.replace(scheme="ws", path="/websocket", query=""))
        return JSONResponse({"url": url, "shards": 1, "session_start_limit": limit})

    async def _sending(self, request: Request) -> Response | ASGIApp:
        our = self._simulator.our
        if refused := self._refused(request):
            return refused
        if hindered := our.hindered():
            return hindered
        made = our.takes(request.url.path, orjson.loads(await request.body()))
        losing = our.losing > 0 and made.status_code == OK
        return our.told({}) if losing else made

    async def _me(self, request: Request) -> Response:
        me: dict[str, Any] = {"id": "1440000000000001", "username": "Harbor 助手", "avatar": ""}
        return self._refused(request) or JSONResponse(me)


class _Faulty:
    """Answers, unless a fault is due."""

    def __init__(self, simulator: QQBotSimulator, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._simulator = simulator
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._simulator.faults:
            await answer_with_fault(*self._simulator.faults.popleft(), scope, receive, send)
            return
        await (await self._answer(Request(scope, receive)))(scope, receive, send)
