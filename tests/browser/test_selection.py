"""Selecting rows, acting on many, and the list of all actions."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk, ready, until

pytestmark = pytest.mark.browser

FOUR = [(f"reader{number}", f"my swap {number} failed") for number in range(4)]
URGENT = ("lin", "转账三小时未到账，没人理我，我要投诉")


def owners(desk: Desk) -> list[str | None]:
    return [owner for (owner,) in desk.site.work.db.query("SELECT owner FROM inquiry_open ORDER BY opened_at")]


async def test_a_selection_outlives_arrivals_and_the_action_and_one_undo_takes_all_back(desk: Desk) -> None:
    await desk.site.says(*FOUR)
    async with desk.page(path="/?state=all") as page:
        for key in ("j", "x", "Shift+j"):
            await page.keyboard.press(key)
        bar = page.locator("#bulk-bar")
        await expect(bar.locator(".how-many")).to_have_text("2 selected")
        await desk.site.says(URGENT)
        await expect(page.locator("#pill")).to_contain_text("1 new")
        await page.keyboard.press("c")
        await expect(page.locator("#said")).to_contain_text("2")
        await expect(page.locator("li.row .state", has_text="claimed by amy")).to_have_count(2)
        await expect(bar.locator(".how-many")).to_have_text("2 selected")
        assert owners(desk).count("amy") == 2
        await page.keyboard.press("z")
        await until(page, "![...document.querySelectorAll('.state')].some((one) => one.textContent.includes('amy'))")
        assert owners(desk) == [None] * 5
        await page.keyboard.press("Escape")
        await expect(bar).to_be_hidden()


async def test_rows_that_come_back_by_undo_are_selected_as_before_and_not_new(desk: Desk) -> None:
    await desk.site.says(*FOUR)
    async with desk.page() as page:
        many = page.locator("#bulk-bar .how-many")
        for key in ("j", "x", "Shift+j", "e", "5"):
            await page.keyboard.press(key)
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(many).to_have_text("2 selected (2 not in this list)")
        await page.keyboard.press("z")
        await expect(page.locator("li.row")).to_have_count(4)
        await expect(page.locator(".tick input:checked")).to_have_count(2)
        await expect(many).to_have_text("2 selected")
        await expect(page.locator("#pill")).to_be_hidden()


async def test_all_that_match_means_more_than_what_is_loaded_and_asks_first(desk: Desk) -> None:
    await desk.site.says(*[(f"reader{number}", f"my swap {number} failed") for number in range(60)])
    async with desk.page() as page:
        await page.keyboard.press("Shift+x")
        every = page.get_by_role("button", name="Select all 60 that match")
        await expect(page.locator("#bulk-bar .how-many")).to_have_text("50 selected")
        await expect(every).to_be_visible()
        many = page.locator("#bulk-bar .how-many")
        for key, told in (("Shift+x", "all 60"), ("Shift+x", ""), ("Shift+x", "50 selected"), ("Shift+x", "all 60")):
            await page.keyboard.press(key)
            await (expect(many).to_contain_text(told) if told else expect(many).to_be_hidden())
        await page.locator("#bulk-bar").get_by_role("button", name="Claim").click()
        await page.locator("#asking button.strong").click()
        await expect(page.locator("#said")).to_contain_text("60", timeout=30_000)  # a transaction for each
        assert owners(desk) == ["amy"] * 60


async def test_boxes_work_by_mouse_and_stay_on_a_row_that_is_drawn_anew(desk: Desk) -> None:
    await desk.site.says(*FOUR)
    async with desk.page("amy") as page, desk.page("sam") as sam:
        first = page.locator("li.row").first
        await first.locator(".tick").click()
        await expect(page.locator("#bulk-bar .how-many")).to_have_text("1 selected")
        assert await page.locator("li.row[aria-current]").count() == 0
        await sam.keyboard.press("j")
        await sam.keyboard.press("c")
        await expect(first.locator(".state")).to_have_text("claimed by sam")
        await expect(first.locator(".tick input")).to_be_checked()
        await page.locator("#bulk-bar").get_by_role("button", name="Claim").click()
        await expect(page.locator("#said, #alarm")).to_contain_text(["sam", ""])


async def test_the_palette_finds_an_action_in_both_languages_and_runs_it(desk: Desk) -> None:
    await desk.site.says(*FOUR)
    async with desk.page(lang="zh-CN") as page:
        await page.keyboard.press("j")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("领取")
        await expect(page.locator("#palette-list li")).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(page.locator("li.row[aria-current] .state")).to_contain_text("amy")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("connectors")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/connectors")
        await ready(page)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("swap 失败")  # no action is called so: it is looked for
        await expect(page.locator("#palette-list li")).to_have_text(["搜索与“swap 失败”有关的问询"])
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/?q=swap+*")


async def test_all_keys_are_listed_and_only_those_that_do_something_here(desk: Desk) -> None:
    async with desk.page() as page:
        feed = await _listed(page)
        await desk.go(page, "/connectors")
        elsewhere = await _listed(page)
    assert {"next row", "claim", "select the row", "filters", "all actions"} <= feed
    assert "claim" not in elsewhere
    assert {"go to the feed", "list of keys"} <= elsewhere


async def _listed(page: Page) -> set[str]:
    await page.keyboard.press("?")
    found = await page.locator("#help dd").all_inner_texts()
    await page.keyboard.press("Escape")
    return set(found)
