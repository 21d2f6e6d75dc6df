"""What OneBot tells by itself: to whoever is connected at /event, and by signed calls of a webhook."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import httpx
import orjson
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from aggregator.demo.qq.messages import Json

if TYPE_CHECKING:
    from aggregator.demo.qq import OneBotSimulator

GOING_AWAY: Final = 1001


@dataclass
class Events:
    """`muted`: events are lost. `hook_url`: events wait in `pending` until `deliver` gets a 2xx for them."""

    simulator: OneBotSimulator
    muted: bool = False
    token_is_good: bool = True  # here; the HTTP server has its own
    hook_url: str = ""
    hook_secret: str = field(default_factory=token_hex)
    pending: list[Json] = field(default_factory=list)
    _listeners: set[asyncio.Queue[Json | None]] = field(default_factory=set)

    @property
    def route(self) -> WebSocketRoute:
        return WebSocketRoute("/event", self._serve)

    def tell(self, event: Json) -> None:
        if self.muted or not self.simulator.online:
            return
        for listener in self._listeners:
            listener.put_nowait(event)
        if self.hook_url:
            self.pending.append(event)

    def beats(self) -> None:
        """A heartbeat, as each implementation sends it from time to time."""
        status = {"online": self.simulator.online, "good": True}
        event = {"post_type": "meta_event", "meta_event_type": "heartbeat", "status": status, "interval": 30_000}
        for listener in self._listeners:
            listener.put_nowait(event | {"self_id": self.simulator.account})

    def hangs_up(self) -> None:
        """Every connection is closed."""
        for listener in self._listeners:
            listener.put_nowait(None)

    def signed(self, event: Json, secret: str | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of one webhook call."""
        body = orjson.dumps(event)
        signature = hmac.new((secret or self.hook_secret).encode(), body, hashlib.sha1).hexdigest()
        account = str(self.simulator.account)
        return {"content-type": "application/json", "x-self-id": account, "x-signature": f"sha1={signature}"}, body

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Call the webhook with what is pending, once each. OneBot does not repeat what was not taken."""
        waiting, self.pending = self.pending, []
        for event in waiting:
            headers, body = self.signed(event)
            await client.post(self.hook_url, headers=headers, content=body)

    async def _serve(self, socket: WebSocket) -> None:
        simulator = self.simulator
        given = socket.headers.get("authorization", "").removeprefix("Bearer ")
        good = self.token_is_good and hmac.compare_digest(given.encode(), simulator.token.encode())
        if not good and simulator.app_name != "NapCat.Onebot":
            await socket.close()  # before it is accepted: HTTP 403
            return
        await socket.accept()
        if not good:
            await socket.send_json({"status": "failed", "retcode": 1403, "data": None, "message": "token验证失败"})
            await socket.close()
            return
        await self._talk(socket)

    async def _talk(self, socket: WebSocket) -> None:
        told: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(told)
        gone = asyncio.create_task(_until_gone(socket, told))
        account = {"self_id": self.simulator.account}
        try:
            await socket.send_json({"post_type": "meta_event", "meta_event_type": "lifecycle"} | account)
            while (event := await told.get()) is not None:
                await socket.send_json(event)
            if not gone.done():
                await socket.close(GOING_AWAY)
        finally:
            self._listeners.discard(told)
            gone.cancel()


async def _until_gone(socket: WebSocket, told: asyncio.Queue[Json | None]) -> None:
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        told.put_nowait(None)
