"""A receiver of webhooks and alerts on a real socket, which answers as it is told to, and checks signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(40, 72))).decode()


@dataclass
class Came:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))

    def is_signed_by(self, secret: str) -> bool:
        """As the specification describes it, not as our own code does it."""
        head = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        outer = hmac.new(base64.b64decode(secret[6:]), head + self.body, hashlib.sha256)
        wanted = "v1," + base64.b64encode(outer.digest()).decode()
        return any(hmac.compare_digest(wanted, each) for each in self.headers["webhook-signature"].split(" "))


@dataclass
class Place:
    """answers: to the next requests: a status, one with headers, `reset` (the line is cut) or `hang`; then 204."""

    answers: deque[int | str | tuple[int, dict[str, str]]] = field(default_factory=deque)
    came: list[Came] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    says: bytes = b""

    @property
    def types(self) -> list[str]:
        return [each.told["type"] for each in self.came]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.came.append(Came(head[0].split(" ")[1], headers, body))
                self.arrived.set()
                answer = self.answers.popleft() if self.answers else 204
                if answer == "reset":
                    writer.transport.abort()
                    return
                if answer == "hang":
                    await reader.read()
                    return
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                said = b"" if status == 204 else self.says
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(said)}"]
                lines += [f"{name}: {value}" for name, value in more.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + said)
                await writer.drain()

    async def takes(self, count: int) -> None:
        """Until so many requests have come."""
        async with asyncio.timeout(60):
            while len(self.came) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def a_place() -> AsyncIterator[Place]:
    place = Place()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await place._talk(reader, writer)
        finally:
            talks.discard(task)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    place.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield place
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
