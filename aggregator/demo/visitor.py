"""A colleague who watches the feed over HTTP, and remembers when each inquiry's news arrived."""

from __future__ import annotations

import asyncio
import html
import re
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


async def sign_in(client: httpx.AsyncClient, link: str) -> httpx.Response:
    """Open a one-time link and press its button.

    Returns:
        The answer to that, which leads to the feed.

    Raises:
        httpx.HTTPStatusError: the link was used, or is too old.
    """
    page = (await client.get(link)).raise_for_status().text
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.partition('id="enter"')[2])
    form = {name: html.unescape(value) for name, value in hidden}
    return await client.post(link.partition("?")[0], data=form, follow_redirects=False)


@asynccontextmanager
async def watching(feed: str, link: str) -> AsyncIterator[Visitor]:
    """Sign in by a one-time link and follow the feed's events while the block lasts.

    Raises:
        httpx.HTTPError: the feed does not let us in.
    """
    visitor = Visitor()
    async with httpx.AsyncClient(base_url=feed, timeout=httpx.Timeout(10, read=None)) as client:
        await sign_in(client, link)
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
