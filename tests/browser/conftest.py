"""A real Chromium before a running feed. Console errors, CSP reports and requests elsewhere fail every test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from tests.browser_setup import chromium
from tests.conftest import Community, open_community
from tests.web_site import WebSite, open_site

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
ELSEWHERE = "192.0.2.7"  # an address that leads here, but is no localhost to a browser: no secure context
FLAGS = [
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Trouble:
    """What no page may cause. `expected`: beginnings of console errors that a test causes on purpose."""

    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def unexpected(self) -> list[str]:
        return [*self.elsewhere, *(line for line in self.console if not line.startswith(self.expected or ("\0",)))]


@dataclass
class Desk:
    """A running feed and the browser of the people at it."""

    site: WebSite
    browser: Browser
    trouble: Trouble

    @asynccontextmanager
    async def context(
        self,
        name: str | None,
        *,
        lang: str = "en",
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
        **more: Any,
    ) -> AsyncIterator[BrowserContext]:
        """One person's browser; None: nobody is signed in."""
        context = await self.browser.new_context(
            locale=lang, color_scheme=scheme, viewport={"width": width, "height": 844}, **more
        )
        context.set_default_timeout(10_000)
        context.on("console", self._listen)
        context.on("request", self._watch)
        context.on("weberror", lambda error: self.trouble.console.append(str(error.error)))
        if name:
            page = await context.new_page()
            await page.goto(self.site.link(name))
            if not more.get("java_script_enabled", True) or "//127.0.0.1:" not in self.site.url:
                await page.locator("#enter button").click()  # on this machine a script presses it
            await page.wait_for_url(f"{self.site.url}/")
            await page.close()
        yield context
        await context.close()

    @asynccontextmanager
    async def page(self, name: str | None = "amy", path: str = "/", **how: Any) -> AsyncIterator[Page]:
        """A page that has started its scripts and is connected."""
        async with self.context(name, **how) as context:
            page = await context.new_page()
            await self.go(page, path)
            yield page

    async def go(self, page: Page, path: str) -> None:
        await page.goto(self.site.url + path)
        await ready(page)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.trouble.console.append(f"{message.text} [{urlsplit(message.location['url']).path}]")

    def _watch(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site.url).netloc:
            self.trouble.elsewhere.append(request.url)


async def ready(page: Page) -> None:
    """Scripts run and the live connection stands."""
    await page.wait_for_selector("html[data-ready='1'][data-live='1']", state="attached")


async def until(page: Page, condition: str) -> None:
    """Wait for a JavaScript expression. Playwright's own way needs eval, which our CSP forbids."""
    async with asyncio.timeout(10):
        while not await page.evaluate(condition):
            pass


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a worker in one event loop: a browser lives in the loop that started it, and starting takes long."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a worker; what a person has in it ends with that person's context."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=chromium(), args=FLAGS) as browser,
    ):
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def desk(community: Community, browser: Browser) -> AsyncIterator[Desk]:
    trouble = Trouble()
    async with open_site(community) as site:
        yield Desk(site, browser, trouble)
    assert trouble.unexpected() == []
