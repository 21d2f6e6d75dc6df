"""What a desk's REST interface, or what stands before it, answers when something is wrong."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Fault = Literal["timeout", "reset", "truncated", "500", "429"]


@dataclass
class Answers:
    """What becomes of the next answers that are posted. refusals: they are refused so; losing: they are taken, but what
    says so never arrives; breaking: so many fail before they are taken; tiring: they are taken, but a gateway that has
    waited for too long says so in its own words."""

    refusals: deque[str] = field(default_factory=deque)
    losing: int = 0
    breaking: int = 0
    tiring: int = 0

    def refuses(self) -> str | None:
        return self.refusals.popleft() if self.refusals else None

    def breaks(self) -> bool:
        self.breaking, now = max(0, self.breaking - 1), self.breaking
        return now > 0

    def told(self, made: object) -> Response | ASGIApp:
        self.tiring, tired = max(0, self.tiring - 1), self.tiring
        if tired:
            return JSONResponse({"message": "The upstream server is timing out"}, 504)
        self.losing, now = max(0, self.losing - 1), self.losing
        return _half if now else JSONResponse(made)


async def _half(_: Scope, __: Receive, send: Send) -> None:
    """The connection ends in the middle."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
    await send({"type": "http.response.body", "body": b'{"id": 1', "more_body": True})


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
