"""Who calls the service while it is being killed: a colleague who claims inquiries, and the forum's webhook."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from aggregator.backup import DESK
from aggregator.clocks import system_clock
from aggregator.demo.forum_hooks import HookSender
from aggregator.store.desk import Desk

NAME: Final = "amy"
ROW: Final = re.compile(r'data-id="([0-9a-f-]{36})" data-ver="(\d+)"')
PAUSE: Final = 0.1  # seconds, on average, between two claims


@dataclass
class Colleague:
    """Claims what nobody has. `claimed`: inquiries of which the service answered that they are hers."""

    url: str
    data: Path
    rng: random.Random
    claimed: set[str] = field(default_factory=set)

    async def works(self) -> None:
        """Until it is cancelled."""
        with self._signed_in() as headers:
            async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=5) as browser:
                while True:
                    with suppress(httpx.HTTPError):
                        await self._claims(browser)
                    await asyncio.sleep(self.rng.expovariate(1 / PAUSE))

    async def _claims(self, browser: httpx.AsyncClient) -> None:
        page = await browser.get("/", params={"owner": "none", "part": "rows"}, headers={"accept": "text/html"})
        rows = ROW.findall(page.text) if page.status_code == 200 else []
        if rows:
            inquiry, version = self.rng.choice(rows)
            answer = await browser.post(f"/inquiry/{inquiry}/claim", data={"ver": version})
            if answer.status_code == 200:
                self.claimed.add(inquiry)

    @contextmanager
    def _signed_in(self) -> Iterator[dict[str, str]]:
        """The headers of a browser that is signed in; the service shares the file."""
        with closing(Desk(self.data / DESK)) as desk:
            desk.add_user(NAME, "agent")
            token = desk.enter(desk.invite(NAME, system_clock()), system_clock())
            session = desk.session(token or "", system_clock())
            assert session is not None
        headers = {"accept": "application/json", "sec-fetch-site": "same-origin", "x-csrf": session.csrf}
        yield headers | {"cookie": f"session={token}"}


async def delivers(hooks: HookSender) -> None:
    """The forum calls the service about each post, again and again until it takes it. Until it is cancelled."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            await hooks.deliver(client)
            await asyncio.sleep(0.05)


async def all_delivered(hooks: HookSender) -> None:
    """A last time, to a service that stays up."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        await hooks.deliver(client)
