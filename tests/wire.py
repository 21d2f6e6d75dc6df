"""What can go wrong on the way between two programs that speak HTTP, whatever they say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Fault = Literal["timeout", "reset", "truncated", "500", "429", "charset", "schema", "emptied", "half_heard"]
FAULTS: Final[tuple[Fault, ...]] = ("timeout", "reset", "truncated", "500", "429", "charset", "schema", "emptied")
OF_CALLS: Final[tuple[Fault, ...]] = ("reset", "500", "429", "half_heard")
"""What can go wrong with a call of the platform to us, beside a timeout."""
UNDONE: Final = ("timeout", "500", "429")
"""The request does not arrive; with the others it is carried out, and only its answer suffers."""
_FIXED: Final[dict[str, Response]] = {
    "500": Response('{"error":"oops"}', 500, media_type="application/json"),
    "429": Response(
        '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":0}}',
        429,
        {"Retry-After": "0"},
        media_type="application/json",
    ),
}
_FRAMES: Final[dict[str, str]] = {
    "truncated": '{"op":10,"d":{"heart',
    "schema": '{"result":{"op":10}}',
    "emptied": "[]",
}
"""What a WebSocket says instead of its first word."""


@dataclass
class Wire:
    """Stands before `platform`. `fault` strikes at request number `step`, once. requests: counted since it was set."""

    platform: ASGIApp
    fault: Fault = "500"
    step: int = 0
    requests: int = 0
    faults: tuple[str, ...] = FAULTS

    def strikes(self, fault: Fault, step: int) -> None:
        """At that request from now on, the first being 1."""
        self.fault, self.step, self.requests = fault, step, 0

    def calms(self) -> None:
        self.step = 0

    @property
    def has_struck(self) -> bool:
        return self.requests >= self.step

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.platform(scope, receive, send)
            return
        self.requests += 1
        if self.requests != self.step:
            await self.platform(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._breaks_off(receive, send)
        elif self.fault in UNDONE:
            await self._fails(scope, receive, send)
        elif self.fault == "half_heard":
            await self.platform(scope, await _half(receive), send)
        else:
            await self._garbles(scope, receive, send)

    async def _fails(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.fault in _FIXED:
            await _FIXED[self.fault](scope, receive, send)
            return
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _garbles(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.platform(scope, receive, keep)
        start, whole = answer[0], b"".join(message.get("body", b"") for message in answer[1:])
        body = garbled(whole, self.fault)
        length = len(body) + (self.fault == "reset")  # fewer bytes than announced: the server drops the connection
        headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(length).encode())]})
        await send({"type": "http.response.body", "body": body, "more_body": self.fault == "reset"})

    async def _breaks_off(self, receive: Receive, send: Send) -> None:
        await receive()
        if self.fault == "timeout":
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        if self.fault not in ("500", "429"):
            await send({"type": "websocket.accept"})
        if self.fault in _FRAMES:
            await send({"type": "websocket.send", "text": _FRAMES[self.fault]})
        await send({"type": "websocket.close", "code": 1011})


async def _half(receive: Receive) -> Receive:
    """Half of the request, as if it were all."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    heard = [{"type": "http.request", "body": body[: len(body) // 2], "more_body": False}]

    async def receive_half() -> Message:
        return heard.pop() if heard else await receive()

    return receive_half


def garbled(body: bytes, fault: Fault) -> bytes:
    """An answer as it arrives. What is no JSON keeps its shape and its lists."""
    match fault:
        case "reset" | "truncated":
            return body[: len(body) // 2]
        case "charset":
            return body.decode().encode("gb18030")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps({"result": {"items": told}} if fault == "schema" else _emptied(told))


def _emptied(told: Any) -> Any:
    """As a login wall answers: the same shape, and nothing in it."""
    if isinstance(told, dict):
        return {key: _emptied(value) for key, value in told.items()}
    return [] if isinstance(told, list) else told
