"""The page of a person and the settings in a real browser: looked at in both languages, and keys that are one's own."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, ready
from tests.browser.test_screens import _looked_at as looked_at
from tests.busy_morning import busy_morning
from tests.conftest import poll
from tests.people_stage import ADDRESS

pytestmark = pytest.mark.browser

Look = tuple[str, Literal["light", "dark"], int]
LOOKS: tuple[Look, ...] = (("en", "light", 1280), ("zh-CN", "dark", 390))


async def _one_person_on_two_channels(desk: Desk) -> str:
    """The path of the page of fox, who names the address that lin named; a namesake writes elsewhere, too."""
    site = desk.site
    site.community.forum.says("lin", f"my withdrawal to {ADDRESS} has not arrived", title="Withdrawal missing")
    site.community.forum.says("foxglove", "where is my deposit", title="Deposit")
    await poll(site.work, "forum")
    site.community.clock.pass_(hours=3)
    await site.says(("foxglove", f"my withdrawal to {ADDRESS} has not arrived, I use an iPhone 14"))
    await site.says(("foxglove", "somebody asks me for my words"))
    ((account,),) = site.work.db.query(
        "SELECT account_id::VARCHAR FROM account WHERE space = 'telegram' AND lower(name) = 'foxglove'"
    )
    return f"/people/{account}"


async def test_a_person_is_found_looked_at_and_told_apart_with_the_keyboard_alone(desk: Desk) -> None:
    path = await _one_person_on_two_channels(desk)
    found = {}
    for lang, scheme, width in LOOKS:
        async with desk.page("amy", path, lang=lang, scheme=scheme, width=width) as page:
            found[f"person-{lang}"] = await looked_at(page, f"person-{lang}-{scheme}-{width}", touch=False)
            await desk.go(page, f"/people?q={ADDRESS}")
            found[f"people-{lang}"] = await looked_at(page, f"people-{lang}-{scheme}-{width}", touch=False)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    async with desk.page("amy", "/") as page:
        await page.keyboard.press("g")
        await page.keyboard.press("p")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.type("foxglove")
        await page.keyboard.press("Enter")
        await expect(page.locator(".hits > li")).to_have_count(2)
        await page.goto(desk.site.url + path)
        await ready(page)
        refuse = page.get_by_role("button", name="Not the same person").last
        await refuse.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Said to be somebody else")).to_be_visible()
        again = page.get_by_role("button", name="Link again")
        await again.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Said to be somebody else")).to_have_count(0)


async def test_keys_are_remapped_by_pressing_them_conflicts_are_told_and_buttons_show_them(desk: Desk) -> None:
    await busy_morning(desk.site)
    desk.site.work.desk.add_user("ada", "admin")
    found = {}
    for lang, scheme, width in LOOKS:
        async with desk.page("ada", "/settings/keys", lang=lang, scheme=scheme, width=width) as page:
            for name in ("keys", "hours", "weights"):
                await desk.go(page, f"/settings/{name}")
                if name == "weights":
                    await page.locator("#points-public").fill("30")
                    await page.locator("main form .strong").click()
                    await ready(page)
                    await expect(page.locator("#yaml")).to_have_value("points:\n  public: 30\n")
                found[f"{name}-{lang}"] = await looked_at(page, f"settings-{name}-{lang}-{scheme}-{width}", touch=False)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    async with desk.page("amy", "/settings/keys") as page:
        await page.locator("#key-claim").focus()
        await page.keyboard.press("e")
        await expect(page.locator("#wrong-claim")).to_have_text("e is taken by: close")
        await page.keyboard.press("Shift+Q")
        await expect(page.locator("#key-claim")).to_have_value("Shift+q")
        await expect(page.locator("#wrong-claim")).to_have_text("")
        await page.locator("#key-go_feed").focus()
        await page.keyboard.press("g")
        await page.keyboard.press("y")
        await expect(page.locator("#key-go_feed")).to_have_value("g y")
        await page.keyboard.press("Enter")
        await ready(page)
        assert desk.site.work.desk.user("amy").keys == {"claim": "Shift+q", "go_feed": "g y"}
        await page.locator("main").focus()
        await page.keyboard.press("g")
        await page.keyboard.press("y")
        await ready(page)
        row = page.locator("li.row", has=page.get_by_role("button", name="Claim")).first
        await expect(row.locator("[data-do=claim] kbd")).to_have_text("Shift+q")
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await page.keyboard.press("Shift+Q")
        await expect(page.locator("#said")).to_contain_text("You claimed")
    claims = desk.site.work.db.query("SELECT count(*) FROM inquiry_event WHERE what = 'claim' AND who = 'amy'")
    assert claims == [(1,)]
