"""An empty desk: what to do stands in the feed, and gives way to the first post without a jolt."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, until

pytestmark = pytest.mark.browser


async def test_the_first_use_is_checked_copied_and_gives_way_to_the_first_post(desk: Desk) -> None:
    desk.site.work.desk.add_user("ada", "admin")
    async with desk.page("ada") as ada, desk.page("amy", lang="zh-CN", width=390) as amy:
        await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
        check = ada.get_by_role("button", name="Check every login")
        await check.click()
        await expect(ada.locator(".connected .findings .ok").first).to_be_visible()
        await expect(check).to_be_focused()
        await ada.locator("summary", has_text="Weibo").last.click()
        await ada.get_by_role("button", name="Copy Weibo").click()
        assert "connector: weibo" in await ada.evaluate("navigator.clipboard.readText()")
        async with desk.page("ada", "/settings/team") as team:
            await team.context.grant_permissions(["clipboard-read", "clipboard-write"])
            await team.get_by_role("textbox", name="User name").fill("kim")
            await team.get_by_role("button", name="Add, and make a sign-in link").click()
            link = await team.get_by_label("One-time link").input_value()
            await team.get_by_role("button", name="Copy").click()
            await expect(team.locator("#said")).to_contain_text("Copied")
            assert await team.evaluate("navigator.clipboard.readText()") == link

        await expect(amy.locator("#start-title")).to_have_text("已接入，还没有新帖")
        await desk.site.says(("fox", "my swap failed"))
        await expect(amy.locator("li.row")).to_have_count(1)
        await expect(amy.locator("#start-title")).to_have_count(0)
        await expect(amy.locator(".list .head")).to_be_visible()

        pill = ada.locator("#pill")  # whose owner is reading
        await expect(pill).to_contain_text("1 new")
        await expect(ada.locator("#start-title")).to_be_visible()
        await ada.keyboard.press("n")
        await expect(ada.locator("li.row")).to_be_visible()
        await expect(ada.locator("#start-title")).to_have_count(0)
        await until(ada, "document.getElementById('side').checkVisibility()")
