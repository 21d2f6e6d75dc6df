"""A view is its address; pages follow one another without doubles; both languages are whole."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk, ready, until
from tests.conftest import poll

pytestmark = pytest.mark.browser

UNSEEN = """let seen = true;
Object.defineProperty(document, "hidden", { get: () => !seen });
globalThis.isSeen = (now) => { seen = now; document.dispatchEvent(new Event("visibilitychange")); };"""


async def test_filters_stand_in_the_address_and_reload_and_back_give_the_same_list(desk: Desk) -> None:
    desk.site.community.forum.says("wren", "I cannot open my wallet", title="Locked out")
    await desk.site.says(("fox", "my swap failed"), ("lin", "转账三小时未到账"))
    await poll(desk.site.work)
    async with desk.page() as page:
        rows = page.locator("li.row")
        await expect(rows).to_have_count(3)
        await page.get_by_role("link", name="Telegram").click()
        await ready(page)
        assert page.url.endswith("/?channel=telegram")
        await page.get_by_role("link", name="Chinese").click()
        await ready(page)
        await expect(rows).to_have_count(1)
        await page.reload()
        await expect(rows).to_have_count(1)
        await page.go_back()
        await expect(rows).to_have_count(2)
        await page.get_by_role("link", name="channel: Telegram").click()
        await expect(rows).to_have_count(3)


async def test_search_finds_chinese_words_names_and_codes(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("lin", "转账三小时未到账"))
    ((code,),) = desk.site.work.db.query("SELECT code FROM inquiry_open WHERE excerpt LIKE 'my swap%'")
    async with desk.page(path="/?q=未到账") as page:
        await expect(page.locator("li.row")).to_contain_text("转账三小时")
        await desk.go(page, "/?q=@fox")
        await expect(page.locator("li.row")).to_contain_text("my swap failed")
        await desk.go(page, f"/?q=%23{code}")
        await expect(page.locator("li.row")).to_contain_text("my swap failed")
        await desk.go(page, "/?q=nothingofthekind")
        await expect(page.locator("#empty")).to_contain_text("Nothing here matches")


async def test_pages_follow_one_another_without_doubles_while_the_order_ages(desk: Desk) -> None:
    await desk.site.says(*[(f"reader{number}", f"my transfer {number} has not arrived") for number in range(180)])
    async with desk.page() as page:
        while await page.locator("#older").count():
            desk.site.community.clock.pass_(minutes=7)
            before = await page.locator("li.row").count()
            await page.evaluate("scrollTo(0, document.body.scrollHeight)")
            await until(page, f"document.querySelectorAll('li.row').length > {before}")
        ids = await page.evaluate("[...document.querySelectorAll('li.row')].map((row) => row.dataset.id)")
        assert (len(ids), len(set(ids))) == (180, 180)


async def test_of_many_rows_two_thousand_are_kept_and_the_first_come_back(desk: Desk) -> None:
    await _many(desk)
    async with desk.page() as page, asyncio.timeout(60):
        seen = await _all(page)
        listed: list[str] = []
        while listed[:1] != ["how do I export entry 0?"]:
            listed = await _scrolled(page, "0")
            assert len(listed) <= 2000
        assert listed == seen[: len(listed)]


async def _many(desk: Desk) -> None:
    """An inquiry, and 2,200 copies of it that stand below one another."""
    await desk.site.says(("fox", "how do I export entry 0?"))
    copies = """INSERT INTO inquiry_open SELECT i.* REPLACE (
        CAST(md5(n::VARCHAR) AS UUID) AS inquiry_id,
        upper(substr(md5(n::VARCHAR), 1, 7)) AS code, 'entry ' || n AS excerpt,
        points - n / 100 AS points) FROM inquiry_open AS i, range(1, 2201) AS t(n)"""
    await desk.site.work.db.write(lambda con: con.execute(copies).fetchall())


async def test_rows_taken_out_at_the_top_come_back_though_the_first_try_fails(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    await _many(desk)
    async with desk.page() as page, asyncio.timeout(60):
        seen = await _all(page)
        await page.route("**/rows?*", lambda route: route.abort(), times=1)
        async with page.expect_event("requestfailed"):
            await page.evaluate("scrollTo(0, 0)")
        listed: list[str] = []
        while listed[:1] != ["how do I export entry 0?"]:
            listed = await _scrolled(page, "0")
        assert listed == seen[: len(listed)]


async def test_the_figures_of_a_tab_that_nobody_sees_move_seldom_and_at_once_when_it_is_seen(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.context("amy") as context:
        await context.add_init_script(UNSEEN)
        page = await context.new_page()
        await page.clock.install()
        await desk.go(page, "/")
        here, all_open = page.locator("#open-count"), page.locator("[data-count=all]")
        await desk.site.says(("owl", "my swap failed"))
        await expect(here).to_have_text("2")
        await page.clock.run_for(5000)
        await expect(all_open).to_have_text("2")
        await page.evaluate("isSeen(false)")
        await desk.site.says(("ana", "my swap failed"))
        await expect(here).to_have_text("3")
        await page.clock.run_for(60_000)
        await expect(all_open).to_have_text("3")
        await desk.site.says(("bob", "my swap failed"))
        await expect(here).to_have_text("4")
        await page.evaluate("isSeen(true)")
        await page.clock.run_for(5000)
        await expect(all_open).to_have_text("4")


async def _all(page: Page) -> list[str]:
    """Scroll down to the end of `_many`, and tell all rows that were there on the way."""
    seen: dict[str, None] = {}
    while "entry 2200" not in seen:
        listed = await _scrolled(page, "document.body.scrollHeight")
        assert len(listed) <= 2000
        seen |= dict.fromkeys(listed)
    assert (len(seen), len(listed)) == (2201, 2000)
    return list(seen)


async def _scrolled(page: Page, to: str) -> list[str]:
    """Scroll, let pages be fetched, and tell the rows that are there then."""
    texts = "[...document.querySelectorAll('li.row a.open bdi')].map((row) => row.textContent)"
    before = await page.evaluate(texts)
    for _ in range(100):
        await page.evaluate(f"scrollTo(0, {to})")
        await page.evaluate("new Promise((done) => setTimeout(done, 10))")
        if (now := await page.evaluate(texts)) != before:
            return now
    return before


async def test_switching_the_language_keeps_the_view_and_leaves_no_english_behind(desk: Desk) -> None:
    await desk.site.says(("lin", "转账三小时未到账"))
    async with desk.page(path="/?channel=telegram") as page:
        await page.get_by_role("button", name="中文").click()
        await ready(page)
        assert page.url.endswith("/?channel=telegram")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await expect(page.locator("li.row .why")).to_contain_text("资产未到账或丢失")
        await expect(page.locator("li.row time.ago")).to_have_text("1 分钟前")
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("#said")).to_contain_text("你领取了")
        words = await page.locator("main").inner_text()
        english = {word for word in words.split() if word.isascii() and word.isalpha() and len(word) > 2}
        assert english == {"Telegram", "Lin", "amy"}
