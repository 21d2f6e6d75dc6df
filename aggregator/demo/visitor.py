"""A colleague who watches the feed over HTTP, and remembers when each inquiry's news arrived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import orjson


@dataclass
class Visitor:
    """arrivals: by inquiry, (moment on time.monotonic, Unix time up to which its posts had been read by then)."""

    arrivals: dict[UUID, list[tuple[float, float]]] = field(default_factory=dict)

    def saw(self, inquiry: UUID, seen_at: float) -> float | None:
        """When the feed first showed this inquiry with the posts that were read up to `seen_at` (Unix time)."""
        times = (at for at, seen in self.arrivals.get(inquiry, ()) if seen >= seen_at - 1e-6)
        return min(times, default=None)

    def take(self, event: str, data: str) -> None:
        if event in ("new", "upd"):
            facts = orjson.loads(data)["facts"]
            self.arrivals.setdefault(UUID(facts["id"]), []).append((time.monotonic(), float(facts["seen"])))


@asynccontextmanager
async def watching(feed: str, link: str) -> AsyncIterator[Visitor]:
    """Sign in by a one-time link and follow the feed's events while the block lasts.

    Raises:
        httpx.HTTPError: the feed does not let us in.
    """
    visitor = Visitor()
    async with httpx.AsyncClient(base_url=feed, timeout=httpx.Timeout(10, read=None)) as client:
        (await client.get(link, follow_redirects=True)).raise_for_status()
        listening = asyncio.Event()
        following = asyncio.create_task(_follow(client, visitor, listening))
        try:
            await asyncio.wait([following, asyncio.create_task(listening.wait())], return_when=asyncio.FIRST_COMPLETED)
            yield visitor
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await following


async def _follow(client: httpx.AsyncClient, visitor: Visitor, listening: asyncio.Event) -> None:
    async with client.stream("GET", "/events") as answer:
        answer.raise_for_status()
        event = ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
                listening.set()
            elif name == "data":
                visitor.take(event, value)
