"""Live arrival: nothing that is being read moves, nothing is missed, few connections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import Desk, until
from tests.conftest import poll

pytestmark = pytest.mark.browser

CALM = [(f"reader{number}", f"how do I export entry {number}?") for number in range(30)]
URGENT = ("lin", "转账三小时未到账，没人理我，我要投诉")


@dataclass
class Late:
    """An answer that is long on its way from the server."""

    has_left: asyncio.Event = field(default_factory=asyncio.Event)
    arrives: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, route: Route) -> None:
        response = await route.fetch()
        self.has_left.set()
        await self.arrives.wait()
        await route.fulfill(response=response)


async def top(row: Locator) -> float:
    box = await row.bounding_box()
    assert box
    return box["y"]


async def test_at_the_top_a_new_row_enters_by_itself_at_its_place(desk: Desk) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        await desk.site.says(URGENT)
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(page.locator("li.row").first).to_contain_text("转账三小时未到账")
        await expect(page.locator("#open-count")).to_have_text("2")


async def test_a_row_that_lost_its_rank_on_screen_draws_no_new_ones_above_those_that_press_more(desk: Desk) -> None:
    await desk.site.says(URGENT, ("owl", "my transfer has not arrived, where are my funds?"))
    async with desk.page() as page:
        rows = page.locator("li.row")
        await expect(rows.first).to_contain_text("转账三小时未到账")
        await desk.site.says(("lin", "谢谢，到账了"))
        await expect(rows.first).to_contain_text("said thanks")
        await desk.site.says(("fox", "my swap failed"))
        await expect(rows).to_have_count(3)
        await expect(rows.nth(1)).to_contain_text("my transfer has not arrived")
        await expect(rows.nth(2)).to_contain_text("my swap failed")


async def test_a_row_that_became_more_urgent_stays_and_the_way_to_the_right_order_says_so(desk: Desk) -> None:
    await desk.site.says(("owl", "my swap failed"), ("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        rows, refresh = page.locator("li.row"), page.locator("a.refresh .words")
        await expect(rows.nth(1)).to_contain_text("network fee")
        await desk.site.says(("fox", "someone has my recovery phrase and my funds are being stolen right now"))
        await expect(refresh).to_have_text("1 more urgent now")
        await expect(rows.nth(1)).to_contain_text("P0")
        await desk.site.says(("owl", "all my coins were stolen as well, help"))
        await expect(rows.first).to_contain_text("P0")
        await page.keyboard.press(".")
        await expect(rows.first).to_contain_text("P0")
        await expect(refresh).to_have_text("Refresh")


async def test_a_row_on_screen_counts_the_persons_of_its_incident_as_they_come(desk: Desk) -> None:
    await desk.site.says(("fox", "swap failed on Arbitrum"), ("lin", "arb链上兑换失败"))
    async with desk.page() as page:
        await desk.site.says(("ana", "can't swap on arbitrum"))
        row = page.locator("li.row", has_text="swap failed on Arbitrum")
        await expect(row.locator(".incident")).to_have_text("INC-1 · 3 persons")
        await desk.site.says(("bob", "arbitrum swap failing here as well"))
        await expect(row.locator(".incident")).to_have_text("INC-1 · 4 persons")
        desk.site.community.clock.pass_(minutes=30)
        await desk.site.says(("fox", "swap failed on Arbitrum again"))
        await expect(row.locator(".facts")).to_contain_text("4 persons asked 2 times", use_inner_text=True)
        await expect(page.locator("#pill")).to_be_hidden()


async def test_while_a_row_is_current_new_ones_wait_behind_the_pill_and_nothing_moves(desk: Desk) -> None:
    await desk.site.says(*CALM)
    async with desk.page() as page:
        for _ in range(12):
            await page.keyboard.press("j")
        current = page.locator("li.row[aria-current]")
        before, name = await top(current), await current.get_attribute("data-id")
        await page.clock.install()
        await desk.site.says(URGENT)
        await expect(page.locator("#pill")).to_contain_text("1 new")
        await expect(page.locator("#heard")).to_have_text("1 new")
        await desk.site.says(("ana", "my swap failed"), ("bob", "my transfer has not arrived"))
        await expect(page.locator("#pill")).to_contain_text("3 new")
        await expect(page.locator("#heard")).to_have_text("1 new")  # read aloud at most every ten seconds
        await page.clock.run_for(10_000)
        await expect(page.locator("#heard")).to_have_text("3 new")
        assert abs(await top(current) - before) <= 1
        await page.keyboard.press("n")
        await expect(page.locator("li.row").first).to_contain_text("转账三小时未到账")
        assert await current.get_attribute("data-id") == name
        assert abs(await top(current) - before) <= 1
        await expect(page.locator("#pill")).to_be_hidden()


async def test_a_hundred_arrivals_and_updates_while_scrolled_leave_the_first_visible_row_in_place(desk: Desk) -> None:
    await desk.site.says(*CALM)
    async with desk.page() as page:
        await page.mouse.move(600, 500)
        await page.mouse.wheel(0, 900)
        await until(page, "scrollY >= 900")
        name = await page.locator("li.row").nth(15).get_attribute("data-id")
        seen = page.locator(f"li.row[data-id='{name}']")
        before = await top(seen)
        await desk.site.says(*[(f"late{number}", f"my transfer {number} has not arrived") for number in range(100)])
        await desk.site.says(*[(author, "and my funds are missing") for author, _ in CALM[:10]])
        await expect(page.locator("#pill")).to_contain_text("100 new")
        await expect(page.locator("li.row", has_text="asked 2 times")).to_have_count(10)
        assert abs(await top(seen) - before) <= 1
        await page.keyboard.press("n")
        await expect(page.locator("li.row")).to_have_count(130)
        assert abs(await top(seen) - before) <= 1


async def test_the_server_is_asked_whether_a_view_by_what_was_done_since_shows_what_arrives(desk: Desk) -> None:
    async with desk.page(path="/?answered=2026-01-01T00:00") as page:
        async with page.expect_response("**/rows?*") as asked:
            await desk.site.says(URGENT)
        ((told,),) = [(await (await asked.value).json()).values()]
        assert told["shown"] is False
        await expect(page.locator("#empty")).to_be_visible()
        await expect(page.locator("li.row")).to_have_count(0)


async def test_a_row_that_leaves_the_view_turns_grey_and_stays(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy", "/?owner=none") as amy, desk.page("sam") as sam:
        await sam.keyboard.press("j")
        await sam.keyboard.press("c")
        row = amy.locator("li.row")
        await expect(row).to_have_class("row unread left")
        await expect(row.locator(".changed")).to_have_text("claimed by sam")
        await amy.keyboard.press("n")
        await expect(row).to_have_count(0)


async def test_a_grey_row_says_what_became_of_it_and_not_only_whose_it_is(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy") as amy, desk.page("sam") as sam:
        await amy.keyboard.press("j")
        await amy.keyboard.press("c")
        await expect(amy.locator("li.row .state")).to_have_text("claimed by amy")
        await sam.keyboard.press("j")
        await sam.keyboard.press("s")
        await sam.locator("dialog#asking button[data-digit='1']").click()
        await expect(amy.locator("li.row .changed")).to_have_text("now snoozed")
        await expect(amy.locator("#said")).to_contain_text("sam snoozed your")


async def test_an_answer_that_comes_late_paints_nothing_older_over_what_has_come_since(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page(path="/?q=swap") as page:
        late, row = Late(), page.locator("li.row")
        await page.route("**/rows?*", late.answer, times=1)
        await desk.site.says(("fox", "please, anyone?"))
        await late.has_left.wait()
        await desk.site.says(("fox", "is nobody there?"))
        await expect(row).to_have_attribute("data-ver", "3")
        async with page.expect_event("requestfinished"):
            late.arrives.set()
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("#said")).to_contain_text("claimed")


async def test_after_a_restart_of_the_server_the_page_is_brought_up_to_date(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        port = urlsplit(desk.site.url).port
        await desk.site.goes_down()
        await expect(page.locator("#offline")).to_be_visible()
        await desk.site.says(URGENT)
        await desk.site.comes_up(port or 0)
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(page.locator("#offline")).to_be_hidden()


async def test_after_a_while_away_all_that_came_is_there_and_what_stood_below_stays_in_its_place(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    await desk.site.says(*[(f"fox{number}", f"how do I change the network fee {number}?") for number in range(60)])
    async with desk.page() as page:
        await expect(page.locator("li.row")).to_have_count(50)
        port = urlsplit(desk.site.url).port
        await desk.site.goes_down()
        await expect(page.locator("#offline")).to_be_visible()
        await desk.site.says(*[(f"lin{number}", "my swap failed, where are my funds?") for number in range(70)])
        await desk.site.comes_up(port or 0)
        await expect(page.locator("#said")).to_contain_text("70 changes while you were away", timeout=15_000)
        await expect(page.locator("li.row")).to_have_count(120)
        await page.locator("#older").scroll_into_view_if_needed()
        await expect(page.locator("li.row")).to_have_count(130)
        codes = await page.locator("li.row").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    assert len(set(codes)) == 130


async def test_a_commit_that_is_too_large_to_tell_row_by_row_is_read_again(desk: Desk) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        for number in range(501):
            desk.site.community.telegram.says(f"late{number}", "my transfer has not arrived")
        waiting = desk.site.work.ingest
        waiting.changed = None
        await poll(desk.site.work, "telegram")
        ids = [inquiry for (inquiry,) in desk.site.work.db.query("SELECT inquiry_id FROM inquiry_open")]
        desk.site.stream.publish(ids)
        await expect(page.locator("li.row")).to_have_count(502, timeout=20_000)


async def test_twelve_tabs_share_one_connection_and_all_are_told(desk: Desk) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.context("amy") as context:
        pages = [await context.new_page() for _ in range(12)]
        for page in pages:
            await desk.go(page, "/")
        await desk.site.says(URGENT)
        await asyncio.gather(*(shows_two(page) for page in pages))
        assert desk.site.stream.clients == 1


async def shows_two(page: Page) -> None:
    """A tab in the background keeps new rows behind the pill."""
    await page.bring_to_front()
    await until(page, "document.querySelectorAll('li.row').length === 2 || !document.getElementById('pill').hidden")
