"""Traps of the design that no other test here meets: no shared worker, the end of a worker, a form of another site,
words without an end, a view that somebody else has saved (t07, t11, t14, t16)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk, ready
from tests.browser.test_live import URGENT, shows_two

pytestmark = pytest.mark.browser

ENDLESS = "swapfailed" * 60
HIDING = """delete globalThis.SharedWorker;
let seen = true;
Object.defineProperty(document, "hidden", { get: () => !seen });
globalThis.isSeen = (now) => { seen = now; document.dispatchEvent(new Event("visibilitychange")); };"""


async def test_without_a_shared_worker_a_tab_has_a_stream_of_its_own_and_none_while_nobody_sees_it(desk: Desk) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.context("amy") as context:
        await context.add_init_script(HIDING)
        page, other = await context.new_page(), await context.new_page()
        await desk.go(page, "/")
        await desk.go(other, "/")
        assert desk.site.stream.clients == 2
        await other.evaluate("isSeen(false)")
        await _streams(page, desk, 1)
        await desk.site.says(URGENT)
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(other.locator("li.row")).to_have_count(1)
        await other.evaluate("isSeen(true)")
        await shows_two(other)
        await _streams(page, desk, 2)


@pytest.mark.parametrize("shared", [True, False])
async def test_a_connection_that_has_gone_without_a_word_is_noticed_and_made_anew(desk: Desk, shared: bool) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"))
    desk.site.stream.ping_every = 0.3
    async with _Network(desk.site.url) as network, desk.context("amy") as context:
        desk.site.url = network.url
        if not shared:
            await context.add_init_script(HIDING)
        page = await context.new_page()
        await desk.go(page, "/")
        network.lose_streams()
        await desk.site.says(URGENT)
        await expect(page.locator("#said")).to_contain_text("1 change while you were away")
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(page.locator("#offline")).to_be_hidden()


class _Network:
    """Between a browser and the server. What it has lost stays open, and nothing comes through any more."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._streams: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> _Network:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1")
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def lose_streams(self) -> None:
        assert self._streams
        for task in self._streams:
            task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(self._to.hostname, self._to.port)
        back = asyncio.ensure_future(self._pass(from_server, writer))
        while data := await reader.read(1 << 16):
            if data.startswith(b"GET /events"):
                self._streams.append(back)
            to_server.write(data)
        to_server.close()
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()


async def test_the_shared_stream_ends_when_its_person_signs_out(desk: Desk) -> None:
    async with desk.page("amy", "/settings") as page:
        worker = await page.evaluate("document.documentElement.dataset.worker")
        assert worker.startswith("/static/")
        assert worker != "/static/worker.js"  # it goes by a hash: a new version is another worker
        await _streams(page, desk, 1)
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/signin*")
        await _streams(page, desk, 0)


async def _streams(page: Page, desk: Desk, count: int) -> None:
    """Until so many are open."""
    async with asyncio.timeout(20):
        while desk.site.stream.clients != count:
            await page.evaluate("0")


async def test_a_form_of_another_site_does_nothing(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 40",)
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy") as page:
        csrf = await page.evaluate("document.documentElement.dataset.csrf")
        elsewhere = await page.context.new_page()
        await elsewhere.set_content(
            f"<form method=post action='{desk.site.url}/inquiry/{desk.site.only_id()}/claim'>"
            f"<input name=ver value=1><input name=csrf value='{csrf}'><button>A prize!</button></form>"
        )
        async with elsewhere.expect_navigation():
            await elsewhere.get_by_role("button").click()
    assert desk.site.work.db.query("SELECT owner FROM inquiry") == [(None,)]
    assert desk.site.work.db.query("SELECT count(*) FROM inquiry_event") == [(0,)]


async def test_words_without_an_end_and_a_view_that_was_shared_fit_on_a_phone(desk: Desk) -> None:
    await desk.site.says((ENDLESS[:60], f"{ENDLESS} is what I see, and 我的转账{'没有到账' * 80}"))
    async with desk.page("sam", "/?channel=telegram&lang=en,zh") as sam:
        await sam.get_by_text("Save this view").click()
        await sam.locator(".save input[name='name']").fill(ENDLESS[:60])
        await sam.get_by_label("for everybody").check()
        await sam.get_by_role("button", name="Save", exact=True).click()
        await ready(sam)
        listed = await sam.locator("li.row").count()
    for lang in ("en", "zh-CN"):
        async with desk.page("amy", lang=lang, width=390, has_touch=True) as page:
            await page.locator(".head .filters").tap()
            await page.locator("#filters .saved a").tap()
            await ready(page)
            assert page.url.endswith("/?channel=telegram&lang=en,zh")
            await expect(page.locator("li.row")).to_have_count(listed)
            for path in (page.url.removeprefix(desk.site.url), f"/inquiry/{desk.site.only_id()}"):
                await desk.go(page, path)
                assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
