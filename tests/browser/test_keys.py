"""Hands on the keys: find, claim, close, undo; and true under Chinese input methods."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk, ready

pytestmark = pytest.mark.browser


async def test_find_claim_close_and_undo_without_a_mouse(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"))
    async with desk.page() as page:
        await page.keyboard.press("/")
        await page.keyboard.type("swap")
        await page.keyboard.press("Enter")
        await ready(page)
        row = page.locator("li.row")
        await expect(row).to_have_count(1)
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("#said")).to_contain_text("You claimed")
        await expect(row.locator(".state")).to_have_text("claimed by amy")
        await _a_little_later(desk, page, "e")
        await page.keyboard.press("1")
        await expect(row).to_have_count(0)
        await _a_little_later(desk, page, "z")
        await expect(row.locator(".state")).to_have_text("claimed by amy")
        await _a_little_later(desk, page, "z")
        await expect(row.locator(".state")).to_have_text("new")
        await page.keyboard.press("z")
        await expect(page.locator("#said")).to_have_text("There is nothing to undo")


async def test_search_takes_the_place_of_what_was_searched_for_also_from_another_page(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"))
    async with desk.page(path="/incidents") as page:
        for words in ("swap", "network"):
            await page.keyboard.press("/")
            await expect(page.locator("#search")).to_be_focused()
            await page.keyboard.type(words)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"**/?q={words}")
            await ready(page)
            await expect(page.locator("li.row")).to_have_count(1)


async def _a_little_later(desk: Desk, page: Page, key: str) -> None:
    desk.site.community.clock.pass_(seconds=2)
    await page.keyboard.press(key)


async def test_keys_pressed_faster_than_the_server_answers_are_done_in_order(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page(path="/?state=all") as page:
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await page.keyboard.press("e")
        await page.keyboard.press("1")
        await expect(page.locator("li.row .state")).to_contain_text("closed")
        assert desk.site.work.db.query("SELECT count(*) FROM inquiry_event") == [(2,)]
        await page.keyboard.press("z")
        await expect(page.locator("li.row .state")).to_contain_text("claimed")
        for key in ("e", "1", "z"):  # no dialog stands in the way, whether what it asks is there already or not
            await page.keyboard.press(key)
        async with asyncio.timeout(10):
            while len(done := desk.site.work.db.query("SELECT what FROM inquiry_event ORDER BY ver")) < 5:
                await page.evaluate("0")
    assert [what for (what,) in done] == ["claim", "close", "undo", "close", "undo"]


async def test_a_key_that_is_held_down_acts_once_and_goes_on_only_where_it_moves(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "my swap failed, too"), ("elk", "gm"))
    async with desk.page(path="/?state=all") as page:
        for _ in range(3):
            await page.keyboard.down("j")
        await page.keyboard.up("j")
        await expect(page.locator("li.row").nth(2)).to_have_attribute("aria-current", "true")
        await page.keyboard.press("c")
        await page.keyboard.press("k")
        await page.keyboard.press("c")
        await expect(page.locator("li.row .state", has_text="claimed by amy")).to_have_count(2)
        for _ in range(3):
            await page.keyboard.down("z")
        await page.keyboard.up("z")
        await expect(page.locator("li.row .state", has_text="claimed by amy")).to_have_count(1)
        await page.keyboard.press("c")
        await expect(page.locator("li.row .state", has_text="claimed by amy")).to_have_count(2)


@pytest.mark.parametrize("under_the_pointer", [True, False])
async def test_the_reasons_of_a_row_end_before_its_buttons(desk: Desk, under_the_pointer: bool) -> None:
    await desk.site.says(("lin", "转账三小时未到账，资产不见了，没人理我，我要投诉，去举报你们，曝光"))
    async with desk.page(lang="en", width=1100) as page:
        if under_the_pointer:
            await page.locator("li.row").hover()
        else:
            await page.keyboard.press("j")
        why, buttons = page.locator("li.row .why"), page.locator("li.row .do")
        await expect(buttons.locator("button")).to_have_count(2)
        left, right = await why.bounding_box(), await buttons.bounding_box()
        assert left
        assert right
        assert left["x"] + left["width"] <= right["x"]


async def test_a_finger_finds_no_button_in_a_row_that_nobody_sees(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page(width=1180, is_mobile=True, has_touch=True) as page:
        await expect(page.locator("li.row .do")).to_have_css("opacity", "1")


async def test_the_first_key_after_a_dialog_is_heard_though_what_had_the_focus_in_it_has_it_still(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page(path=f"/inquiry/{desk.site.only_id()}") as page:
        await page.keyboard.press("p")
        await expect(page.locator("dialog#asking input:checked")).to_be_focused()
        left = await page.evaluate(
            """() => {
              document.getElementById("asking").close();
              const had = document.activeElement;
              had.dispatchEvent(new KeyboardEvent("keydown", { key: "m", bubbles: true }));
              return had.tagName;
            }"""
        )
        assert left == "INPUT"  # until the next frame
        await expect(page.locator("dialog#asking h2")).to_contain_text("incident")


async def test_ctrl_enter_sends_what_is_written_on_any_page(desk: Desk) -> None:
    async with desk.page(path="/handover") as page:
        await page.locator("#note").fill("Look at the mails first")
        await page.locator("#note").press("Control+Enter")
        await expect(page.locator(".notes")).to_contain_text("Look at the mails first")


async def test_the_row_after_a_closed_one_becomes_current(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "my swap failed, too"), ("elk", "gm"))
    async with desk.page() as page:
        second = await page.locator("li.row").nth(1).get_attribute("data-id")
        await page.keyboard.press("j")
        await page.keyboard.press("e")
        await page.keyboard.press("1")
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(page.locator("li.row[aria-current]")).to_have_attribute("data-id", second or "")


async def test_the_inquiry_page_is_worked_by_keys_and_back_finds_the_place(desk: Desk) -> None:
    await desk.site.says(*[(f"reader{number}", f"how do I export entry {number}?") for number in range(60)])
    async with desk.page() as page:
        for _ in range(40):
            await page.keyboard.press("j")
        current = page.locator("li.row[aria-current]")
        name = await current.get_attribute("data-id")
        await page.keyboard.press("o")
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await page.keyboard.press("c")
        await expect(page.locator("#inquiry .state")).to_have_text("claimed by amy")
        await _a_little_later(desk, page, "Shift+c")
        await expect(page.locator("#inquiry .state")).to_have_text("new")
        await page.keyboard.press("]")
        await page.wait_for_url(lambda url: str(name) not in url)
        await ready(page)
        await page.keyboard.press("[")
        await page.wait_for_url(f"**/inquiry/{name}")
        await ready(page)
        await page.keyboard.press("Escape")
        await ready(page)
        await expect(current).to_have_attribute("data-id", name or "")
        await expect(current).to_be_in_viewport()


async def test_going_and_help(desk: Desk) -> None:
    async with desk.page() as page:
        await page.keyboard.press("?")
        await expect(page.locator("#help")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await page.wait_for_url("**/connectors")


@pytest.mark.parametrize(
    ("key", "code", "shift", "shows"),
    [
        ("Process", "KeyJ", False, "li.row[aria-current]"),
        ("？", "Slash", True, "#help"),
        ("ｊ", "KeyJ", False, "li.row[aria-current]"),
    ],
)
async def test_keys_work_while_an_input_method_is_on(desk: Desk, key: str, code: str, shift: bool, shows: str) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        await press_as(page, "document.body", key, code, shift=shift)
        await expect(page.locator(shows)).to_be_visible()


async def test_keys_are_dead_where_people_type_and_escape_while_composing_does_not_leave(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        search = page.locator("#search")
        await search.focus()
        await page.keyboard.type("jce?")
        await expect(search).to_have_value("jce?")
        await expect(page.locator("li.row[aria-current]")).to_have_count(0)
        await press_as(page, "document.getElementById('search')", "Escape", "Escape", composing=True)
        await expect(search).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(search).not_to_be_focused()


async def test_with_shortcuts_off_tab_and_enter_do_everything(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    desk.site.work.desk.set_preferences("amy", lang="en", theme="system", shortcuts=False)
    async with desk.page() as page:
        await page.keyboard.press("j")
        await expect(page.locator("li.row[aria-current]")).to_have_count(0)
        await page.locator("a.open").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("li.row .state")).to_have_text("claimed by amy")


async def press_as(
    page: Page, target: str, key: str, code: str, *, shift: bool = False, composing: bool = False
) -> None:
    """What the browser sends while an input method is on; Playwright has no keyboard for it."""
    how = {"key": key, "code": code, "shiftKey": shift, "isComposing": composing, "bubbles": True}
    await page.evaluate(f"(how) => {target}.dispatchEvent(new KeyboardEvent('keydown', how)) && undefined", how)
