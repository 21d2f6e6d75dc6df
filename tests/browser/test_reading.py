"""What people see: rows and reasons, live arrival, nothing that moves by itself."""

from __future__ import annotations

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
        await expect(rows.first.locator(".why")).to_contain_text("funds missing or stuck +55")
        await expect(rows.first.locator("time.ago")).to_have_text("1m ago")
