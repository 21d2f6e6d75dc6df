"""Enter in a field does what is typed there, and nothing that stands above it; without scripts as well."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

CRASHES = [(f"user{number}", "the app crashes at start since 5.2.0 on Android") for number in range(3)]
SWAPS = [(name, "swap failed on Arbitrum, v7.4.1") for name in ("fox", "lin", "ana")]
OTHER = ("owl", "how do I export my history?")


async def test_a_time_that_is_typed_is_until_when_it_sleeps(desk: Desk) -> None:
    await desk.site.says(OTHER)
    async with desk.page(path=f"/inquiry/{desk.site.only_id()}") as page:
        await page.keyboard.press("s")
        await _enter(page.locator("dialog#asking"), "at another time", "2026-03-20T09:00")
        await expect(page.locator("#inquiry .top")).to_contain_text("until 2026-03-20 09:00")


async def test_an_incident_that_is_typed_is_the_one_it_is_put_into(desk: Desk) -> None:
    await _two_incidents(desk)
    async with desk.page(path=f"/inquiry/{_alone(desk)[0]}") as page:
        await page.keyboard.press("m")
        await _enter(page.locator("dialog#asking"), "another incident", "INC-1")
        await expect(page.locator("#inquiry .top a.incident")).to_contain_text("INC-1")
        await page.keyboard.press("m")
        await _enter(page.locator("dialog#asking"), "another incident", "INC-2")
        await expect(page.locator("#inquiry .top a.incident")).to_contain_text("INC-2")


async def test_what_is_typed_on_the_page_of_an_incident_does_not_end_it(desk: Desk) -> None:
    await _two_incidents(desk)
    _, code = _alone(desk)
    async with desk.page(path="/incidents/INC-1") as page:
        await _takes_in_and_merges(page, code)


async def test_all_four_fields_do_the_same_without_scripts(desk: Desk) -> None:
    await _two_incidents(desk)
    inquiry, code = _alone(desk)
    async with desk.context("amy", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto(f"{desk.site.url}/inquiry/{inquiry}/do/snooze")
        await _enter(page, "at another time", "2026-03-20T09:00")
        await expect(page.locator("#inquiry .top")).to_contain_text("until 2026-03-20 09:00")
        await page.goto(f"{desk.site.url}/inquiry/{inquiry}/do/merge")
        await _enter(page, "another incident", "INC-2")
        await expect(page.locator("#inquiry .top a.incident")).to_contain_text("INC-2")
        await page.goto(f"{desk.site.url}/incidents/INC-1")
        await _takes_in_and_merges(page, code)


async def _takes_in_and_merges(page: Page, code: str) -> None:
    """From the page of INC-1."""
    members = page.locator(".member:not(.gone)")
    await _enter(page, "Put in inquiry", f"#{code}")
    await expect(members).to_have_count(4)
    await _enter(page, "Merge into", "INC-2")
    await expect(page.get_by_text("Its inquiries are now in INC-2")).to_be_visible()


async def _enter(where: Page | Locator, label: str, typed: str) -> None:
    field = where.get_by_label(label)
    await field.fill(typed)
    await field.press("Enter")


async def _two_incidents(desk: Desk) -> None:
    """And an inquiry that is in neither."""
    await desk.site.says(*CRASHES, *SWAPS, OTHER)


def _alone(desk: Desk) -> tuple[str, str]:
    """Id and code of the inquiry that is in no incident."""
    sql = (
        "SELECT inquiry_id::VARCHAR, code FROM inquiry WHERE inquiry_id NOT IN (SELECT inquiry_id FROM incident_member)"
    )
    ((inquiry, code),) = desk.site.work.db.query(sql)
    return inquiry, code
