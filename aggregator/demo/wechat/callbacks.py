"""WeChat's calls to our server: signed, encrypted in the safe mode, made three times at most, then given up.

Each message is called out on its own: none waits for another one, and they arrive in no certain order. Official
accounts and WeChat customer service call alike.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Final, Literal

import httpx

from connectors.contract import Push
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.message import composed

ATTEMPTS: Final = 3
PATIENCE: Final = 5.0  # seconds
UNLIMITED: Final = httpx.Limits(max_connections=None)

Mode = Literal["plain", "compatible", "safe"]


@dataclass
class CallbackSender:
    """One account's calls. Set `url` to switch it on; what happens waits in `pending` until `deliver`.

    owner: appid or corpid. mode, json: as the operator sets them in the console. lost: ids that were given up, and
    when; it is not known whether we took one without living to answer. pause: seconds from one attempt to the next.
    """

    owner: str
    clock: Callable[[], datetime]
    token: str = field(default_factory=lambda: token_hex(16))
    aes_key: str = "kJ3mPq8sTv2xYz5bCd7fGh9jKm4nQr6tVw8yAb1cDe0"
    mode: Mode = "safe"
    json: bool = False
    url: str = ""
    pending: deque[tuple[str, dict[str, str | int]]] = field(default_factory=deque)
    lost: dict[str, datetime] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    pause: float = 0.0

    def __post_init__(self) -> None:
        self._news = asyncio.Event()

    def tell(self, native_id: str, fields: dict[str, str | int]) -> None:
        if self.url:
            self.pending.append((native_id, fields))
            self._news.set()

    def push(self, fields: dict[str, str | int]) -> Push:
        """The call that tells `fields`."""
        plain = json.dumps(fields, ensure_ascii=False).encode() if self.json else composed(**fields)
        query = self._signed()
        if self.mode == "plain":
            return self._post(query, plain)
        sealed = Envelope(self.aes_key, self.owner).sealed(plain)
        query |= {"encrypt_type": "aes"}
        query["msg_signature"] = signature(self.token, query["timestamp"], query["nonce"], sealed)
        around = {"ToUserName": str(fields.get("ToUserName", ""))} | (fields if self.mode == "compatible" else {})
        body = around | {"Encrypt": sealed}
        return self._post(query, json.dumps(body).encode() if self.json else composed(**body))

    def verification(self, echo: str, *, encrypted: bool = False) -> Push:
        """The GET that WeChat makes when the operator saves our address."""
        query = self._signed()
        query["echostr"] = Envelope(self.aes_key, self.owner).sealed(echo.encode()) if encrypted else echo
        query["msg_signature"] = signature(self.token, query["timestamp"], query["nonce"], query["echostr"])
        return Push("GET", {}, query, b"")

    def _signed(self) -> dict[str, str]:
        timestamp, nonce = str(int(self.clock().timestamp())), secrets.token_hex(5)
        return {
            "timestamp": timestamp,
            "nonce": nonce,
            "signature": signature(self.token, timestamp, nonce),
        }

    def _post(self, query: dict[str, str], body: bytes) -> Push:
        kind = "application/json" if self.json else "text/xml"
        return Push("POST", {"content-type": kind}, query, body)

    async def keep_calling(self) -> None:
        """Call as soon as something happens, until cancelled."""
        async with httpx.AsyncClient(trust_env=False, limits=UNLIMITED) as client, asyncio.TaskGroup() as calls:
            while True:
                await self._news.wait()
                self._news.clear()
                calls.create_task(self.deliver(client))

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Make the calls that wait, all at once. One that fails three times is never made again: its message is lost.

        Args:
            client: without a limit of connections, or one call waits for another.
        """
        waiting, self.pending = self.pending, deque()
        async with asyncio.TaskGroup() as calls:
            for native_id, fields in waiting:
                calls.create_task(self._tells(client, native_id, self.push(fields)))

    async def _tells(self, client: httpx.AsyncClient, native_id: str, push: Push) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(began + attempt * self.pause - now())
            if await self._call(client, push):
                return
        self.lost[native_id] = self.clock()

    async def _call(self, client: httpx.AsyncClient, push: Push) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await client.post(
                    self.url, params=dict(push.query), headers=dict(push.headers), content=push.body, timeout=None
                )
        except (httpx.HTTPError, TimeoutError):
            return False
        if answer.is_success:
            self.answers.append(answer.content)
        return answer.is_success
