"""The feed of a simulated community on a real socket, and people who sign in to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx

from aggregator.demo.visitor import sign_in
from aggregator.listener import serve
from aggregator.store.desk import Role
from aggregator.store.source_reports import source_reports
from aggregator.web.app import create_app
from aggregator.web.replies import tell_writer
from aggregator.web.stream import Stream
from aggregator.workplace import Workplace
from connectors.session import certificates
from tests.conftest import Community, poll

ROLES: dict[str, Role] = {"amy": "agent", "sam": "agent", "vic": "viewer"}


@dataclass
class WebSite:
    """A running feed. `says` and `arrive` bring posts by the same way as in real life."""

    community: Community
    work: Workplace
    stream: Stream
    url: str = ""
    _serving: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def comes_up(self, port: int = 0) -> None:
        """As after a start of the process."""
        self.stream = Stream(self.work.db, settings=self.work.settings, clock=self.community.clock)
        self.work.ingest.changed = self.work.outbox.changed = self.stream.publish
        self.work.outbox.tell = partial(tell_writer, self.stream)
        app = create_app(
            self.work.db,
            self.work.desk,
            settings=self.work.settings,
            stream=self.stream,
            clock=self.community.clock,
            health=lambda: source_reports(self.work.db, self.work.settings, self.work.clock()),
            surfacing=self.work.ingest.surfacing,
            grouping=self.work.ingest.incidents,
            outbox=self.work.outbox,
            sources=self.work.poller,
        )
        self.url = await self._serving.enter_async_context(serve(app, port=port, lifespan=True))
        self._serving.callback(self.stream.stop)

    async def goes_down(self) -> None:
        await self._serving.aclose()

    def link(self, name: str) -> str:
        """A one-time link that signs this person in."""
        return f"{self.url}/enter?token={self.work.desk.invite(name, self.work.clock())}"

    @asynccontextmanager
    async def visitor(self, name: str | None = None, lang: str = "en") -> AsyncIterator[httpx.AsyncClient]:
        """A browser without a screen, signed in unless `name` is None."""
        headers = {"accept-language": lang, "sec-fetch-site": "same-origin"}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, verify=certificates(), timeout=60
        ) as client:
            if name:
                await sign_in(client, self.link(name))
            yield client

    async def says(self, *lines: tuple[str, str]) -> None:
        """(author, text) in the Telegram group, a minute apart, polled at once."""
        for author, text in lines:
            self.community.telegram.says(author, text)
            self.community.clock.pass_(minutes=1)
        await poll(self.work, "telegram")
        await self.work.ingest.group()

    def only_id(self) -> str:
        """The id of the one open inquiry."""
        ((inquiry,),) = self.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open")
        return str(inquiry)


@asynccontextmanager
async def open_site(community: Community, *sources: str) -> AsyncIterator[WebSite]:
    async with community.desk(*sources) as work:
        for name, role in ROLES.items():
            if name not in {user.name for user in work.desk.users()}:
                work.desk.add_user(name, role)
        site = WebSite(community, work, Stream(work.db, settings=work.settings, clock=community.clock))
        await site.comes_up()
        try:
            yield site
        finally:
            await site.goes_down()


def csrf(page: str) -> str:
    """The token in a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]
