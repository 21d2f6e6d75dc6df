"""What people see: rows and reasons, live arrival, nothing that moves by itself."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser


async def test_rows_stand_by_priority_with_their_two_strongest_reasons(desk: Desk) -> None:
    await desk.site.says(("fox", "how do I change the network fee?"), ("lin", "转账三小时未到账，没人理我"))
    async with desk.page() as page:
        rows = page.locator("li.row")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_contain_text("转账三小时未到账")
        await expect(rows.first.locator(".why span.plus")).to_have_count(2)
        await expect(rows.first.locator(".why")).to_contain_text(re.compile(r"funds missing or stuck \+\d\d"))
        await expect(rows.first.locator("time.ago")).to_have_text("1m ago")


async def test_the_text_that_asks_for_what_is_missing_is_copied(desk: Desk) -> None:
    await desk.site.says(("lin", "昨天转账没到账"))
    async with desk.page() as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.locator("li.row a").first.click()
        await page.get_by_role("button", name="Copy", exact=True).click()
        await expect(page.locator("#said")).to_contain_text("Copied")
        assert "完整的交易哈希" in await page.evaluate("navigator.clipboard.readText()")


async def test_a_post_of_a_platform_whose_clock_is_ahead_is_not_in_the_future(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    desk.site.community.clock.pass_(seconds=-90)
    async with desk.page() as page:
        await expect(page.locator("li.row time.ago")).to_have_text("just now")
