"""Posts are written by attackers: nothing runs, nothing is fetched, nothing is hidden."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, ready
from tests.conftest import poll

pytestmark = pytest.mark.browser

SCRIPT = "<script>document.title='owned'</script><img src=http://198.51.100.7/x.png onerror=\"document.title='owned'\">"
BIDI = "pay to \u202etxet neddih\u202c now\u200b"
LOOKALIKE = "go to \u0430pple wallet, my swap failed"  # a Cyrillic a
LINKS = (
    "see https://harbor.example.evil.top/login?x=1 or http://xn--80ak6aa92e.com javascript:alert(1) https://аpple.com/x"
)


async def test_markup_in_posts_is_text_and_fetches_nothing(desk: Desk) -> None:
    await desk.site.says(("<b>fox</b>", SCRIPT))
    async with desk.page() as page:
        await expect(page.locator("li.row a.open")).to_contain_text("<script>")
        await page.locator("a.open").click()
        await ready(page)
        await expect(page.locator(".post .text")).to_contain_text("onerror=")
        await expect(page.locator(".post .text img, .post .text script")).to_have_count(0)
        assert await page.title() != "owned"


async def test_hidden_and_lookalike_characters_become_visible(desk: Desk) -> None:
    await desk.site.says(("fox", BIDI), ("owl", LOOKALIKE))
    async with desk.page() as page:
        await expect(page.locator("li.row", has_text="pay to").locator(".hidden-character")).to_have_text(
            ["U+202E", "U+202C", "U+200B"]
        )
        mark = page.locator("li.row .lookalike")
        await expect(mark).to_have_attribute("title", "U+0430 CYRILLIC SMALL LETTER A")


async def test_links_lead_out_by_way_of_a_page_that_shows_all_of_them(desk: Desk) -> None:
    await desk.site.says(("fox", LINKS))
    async with desk.page(path=f"/inquiry/{desk.site.only_id()}") as page:
        links = page.locator(".post .text a")
        await expect(links).to_have_count(3)
        await expect(links.first.locator("b")).to_have_text("evil.top")
        await expect(page.locator(".post .punycode")).to_have_text("(xn--pple-43d.com)")
        await links.first.click()
        await ready(page)
        await expect(page.locator(".address")).to_have_text("https://harbor.example.evil.top/login?x=1")
        go = page.get_by_role("link", name="Go there")
        await expect(go).to_have_attribute("rel", "noopener noreferrer nofollow ugc")


async def test_a_huge_post_is_cut_and_the_page_stays_quick(desk: Desk) -> None:
    for part in range(12):
        desk.site.community.forum.says("fox", "spam " * 6000 if part == 0 else "short", title="Long")
    await poll(desk.site.work, "forum")
    async with desk.page(path="/?q=spam") as page:
        await page.locator("a.open").click()
        await ready(page)
        await expect(page.locator(".post .text em")).to_contain_text("characters in all")


async def test_a_masked_secret_is_shown_as_such_with_the_advice(desk: Desk) -> None:
    await desk.site.says(
        ("fox", "my phrase is legal winner thank year wave sausage worth useful legal winner thank yellow")
    )
    async with desk.page(path=f"/inquiry/{desk.site.only_id()}") as page:
        await expect(page.locator(".post .masked")).to_have_text("secret masked")
        await expect(page.locator(".post .advice")).to_contain_text("move their funds now")
        await expect(page.locator("body")).not_to_contain_text("sausage")
