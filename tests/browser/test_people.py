"""Two people, roles, and the end of a session."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk, until

pytestmark = pytest.mark.browser

TOLD = "document.querySelector('#said .toast, #alarm .toast') !== null"


async def test_of_two_who_claim_at_once_one_owns_it_and_the_other_is_told(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 409",)
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy") as amy, desk.page("sam") as sam:
        await asyncio.gather(_claims(amy), _claims(sam))
        await asyncio.gather(until(amy, TOLD), until(sam, TOLD))
        (owner,) = {row[0] for row in desk.site.work.db.query("SELECT owner FROM inquiry_open")}
        loser = amy if owner == "sam" else sam
        await expect(loser.locator("#alarm")).to_contain_text(f"{owner} claimed it")
        await expect(amy.locator("li.row .state")).to_have_text(f"claimed by {owner}")
        await expect(sam.locator("li.row .state")).to_have_text(f"claimed by {owner}")
        assert desk.site.work.db.query("SELECT count(*) FROM inquiry_event") == [(1,)]


async def _claims(page: Page) -> None:
    await page.keyboard.press("j")
    await page.keyboard.press("c")
    await expect(page.locator("li.row .state")).not_to_have_text("new")


async def test_who_is_there_is_shown_in_rows_of_later_pages_too(desk: Desk) -> None:
    await desk.site.says(*[(f"reader{number}", f"how do I export entry {number}?") for number in range(60)])
    ((oldest,),) = desk.site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE excerpt LIKE '% 59?'")
    async with desk.page("sam", f"/inquiry/{oldest}"), desk.page("amy") as amy:
        row = amy.locator("li.row", has_text="entry 59?")
        await expect(row).to_have_count(0)
        await amy.evaluate("scrollTo(0, document.body.scrollHeight)")
        await expect(row.locator(".people")).to_have_text("sam")


async def test_undo_says_who_was_quicker(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 409",)
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy", "/?state=all") as amy, desk.page("sam", "/?state=all") as sam:
        await _claims(amy)
        await expect(sam.locator("li.row .state")).to_have_text("claimed by amy")
        desk.site.community.clock.pass_(seconds=3)
        await sam.keyboard.press("j")
        await sam.keyboard.press("e")
        await sam.keyboard.press("1")
        await expect(amy.locator("li.row .state")).to_contain_text("closed")
        await amy.keyboard.press("z")
        await expect(amy.locator("#alarm")).to_contain_text("sam closed it")


async def test_a_viewer_sees_no_actions(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("vic") as page:
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("li.row")).to_have_count(1)
        await expect(page.get_by_role("button", name="Claim")).to_have_count(0)
        await expect(page.locator("li.row .state")).to_have_text("new")


async def test_after_the_session_ended_an_action_is_refused_in_words_and_the_row_is_as_it_was(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 401",)
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy") as page:
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("#signin-again")).to_be_visible()
        await expect(page.locator("li.row .state")).to_have_text("new")
