"""What a desk's REST interface, or what stands before it, answers when something is wrong."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Fault = Literal["timeout", "reset", "truncated", "500", "429"]


class Faulty:
    """An application whose next requests go wrong as told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._faults: deque[tuple[Fault, int]] = deque()

    def fail_next(self, *faults: Fault, wait: int = 5) -> None:
        """One fault for each of the next requests. `wait`: seconds that a 429 asks for."""
        self._faults.extend((fault, wait) for fault in faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault, wait = self._faults.popleft() if self._faults else (None, 0)
        match fault:
            case None:
                await self._app(scope, receive, send)
            case "timeout":
                while (await receive())["type"] != "http.disconnect":
                    pass
            case "reset":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
                await send({"type": "http.response.body", "body": b'{"payload', "more_body": True})
            case "truncated":
                await Response(b'{"payload": [{"id": 1', media_type="application/json")(scope, receive, send)
            case "500":
                await JSONResponse({"error": "oops"}, 500)(scope, receive, send)
            case "429":
                told = JSONResponse({"error": "Retry later"}, 429, {"Retry-After": str(wait)})
                await told(scope, receive, send)
