"""Two panes where there is room, one where there is not; who else is there; what the person comes back to."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import Desk, ready, until
from tests.conftest import poll

pytestmark = pytest.mark.browser

MANY = [(f"reader{number}", f"how do I export entry {number}?") for number in range(130)]


async def test_the_last_row_asked_for_is_previewed_however_slow_the_others_are(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"), ("elk", "gm"))
    async with desk.page() as page:
        first = await page.locator("li.row").first.get_attribute("data-id")
        let_go = asyncio.Event()

        async def late(route: Route) -> None:
            await let_go.wait()
            await route.continue_()

        await page.route(f"**/inquiry/{first}/preview", late)
        await page.keyboard.press("j")
        await expect(page.locator("#preview")).to_have_class("preview loading")
        await page.keyboard.press("j")
        second = await page.locator("li.row").nth(1).get_attribute("data-id")
        await expect(page.locator("#preview article")).to_have_attribute("data-id", second or "")
        let_go.set()
        await page.keyboard.press("j")
        third = await page.locator("li.row").nth(2).get_attribute("data-id")
        await expect(page.locator("#preview article")).to_have_attribute("data-id", third or "")
        await page.keyboard.press("Escape")
        await expect(page.locator("#preview .hint")).to_be_visible()


async def test_the_preview_acts_and_says_when_somebody_else_did(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed at https://swap.example.net/x"))
    async with desk.page("amy") as page, desk.page("sam") as sam:
        await page.locator("li.row").click()
        preview = page.locator("#preview article")
        await expect(preview.locator(".terms td.number").first).to_contain_text("+")
        await expect(preview.locator(".links b")).to_have_text("example.net")
        await preview.get_by_role("button", name="Claim").click()
        await expect(preview.locator(".state")).to_have_text("claimed by amy")
        await sam.keyboard.press("j")
        await sam.keyboard.press("w")
        await expect(page.locator("#preview .changed-here")).to_be_visible()
        await page.locator("#preview .changed-here button").click()
        await expect(preview.locator(".state")).to_contain_text("waiting for the customer")


async def test_the_focus_stays_in_the_preview_though_the_button_that_was_pressed_is_gone(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        await page.keyboard.press("j")
        preview = page.locator("#preview")
        await preview.get_by_role("button", name="Claim").focus()
        await page.keyboard.press("Enter")
        await expect(preview.locator(".state")).to_have_text("claimed by amy")
        await expect(preview).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(preview.locator("a.code")).to_be_focused()


async def test_reload_back_and_a_pasted_link_find_the_same_list_row_and_place(desk: Desk) -> None:
    await desk.site.says(*MANY)
    async with desk.page("amy", "/?channel=telegram&sort=newest") as page, desk.context("sam") as others:
        for _ in range(70):
            await page.keyboard.press("j")
        current = page.locator("li.row[aria-current]")
        name, code = await current.get_attribute("data-id"), await current.get_attribute("data-code")
        await until(page, f"location.search === '?channel=telegram&sort=newest&row={code}'")
        await until(page, f"sessionStorage.getItem('place:/?channel=telegram&sort=newest')?.includes('{name}')")
        top = (await current.bounding_box() or {})["y"]
        await page.reload()
        await ready(page)
        await expect(current).to_have_attribute("data-id", name or "")
        assert abs((await current.bounding_box() or {})["y"] - top) <= 1
        await page.get_by_role("link", name="Chinese").or_(page.get_by_role("link", name="English").first).first.click()
        await ready(page)
        await page.go_back()
        await ready(page)
        await expect(current).to_have_attribute("data-id", name or "")
        assert abs((await current.bounding_box() or {})["y"] - top) <= 1
        pasted = await others.new_page()
        await desk.go(pasted, page.url.removeprefix(desk.site.url))
        await expect(pasted.locator("li.row[aria-current]")).to_have_attribute("data-id", name or "")
        await expect(pasted.locator("li.row[aria-current]")).to_be_in_viewport()
        await expect(pasted.locator("#preview article")).to_have_attribute("data-id", name or "")
        listed = "[...document.querySelectorAll('li.row')].slice(0, 50).map((row) => row.dataset.id)"
        assert await page.evaluate(listed) == await pasted.evaluate(listed)


async def test_colleagues_see_who_is_at_an_inquiry_and_who_has_gone_quiet(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    path = f"/inquiry/{desk.site.only_id()}"
    async with desk.page("amy") as amy, desk.page("sam", path) as sam:
        people = amy.locator("li.row .people")
        await expect(people).to_have_text("sam")
        await amy.keyboard.press("j")
        await expect(sam.locator(".people")).to_have_text("amy is viewing")
        await expect(amy.locator("#preview .people")).to_have_text("sam is viewing")
        desk.site.stream.presence.fades = 0.0
        await desk.site.stream.look_around()
        await expect(people.locator(".idle")).to_have_count(1)
        desk.site.stream.presence.fades = 60.0
        await sam.goto(desk.site.url + "/settings")
        await expect(people).to_be_hidden()


async def test_at_phone_width_the_sheet_holds_views_and_filters_and_the_bar_below_the_pages(desk: Desk) -> None:
    desk.site.community.forum.says("wren", "I cannot open my wallet", title="Locked out")
    await desk.site.says(("fox", "my swap failed"), ("lin", "转账三小时未到账"))
    await poll(desk.site.work)
    async with desk.page(width=390, has_touch=True) as page:
        await expect(page.locator("#preview")).to_be_hidden()
        await expect(page.locator("#side")).to_be_hidden()
        first = page.locator("li.row").first
        await page.keyboard.press("j")
        before = await first.bounding_box()
        await desk.site.says(("ana", "somebody stole all my USDT"))
        await expect(page.locator("#pill")).to_be_visible()
        assert await first.bounding_box() == before  # the head has one line, whatever stands in it
        await page.get_by_role("link", name="Filters").tap()
        await expect(page.get_by_role("link", name="Unowned")).to_be_visible()
        for name in ("Telegram", "Chinese", "English"):
            await page.locator("#filters .groups").get_by_label(name, exact=True).check()
        await page.locator("#filters").get_by_role("button", name="Show").tap()
        await ready(page)
        assert page.url.endswith("/?channel=telegram&lang=zh,en") or page.url.endswith("/?channel=telegram&lang=en,zh")
        await expect(page.locator("li.row")).to_have_count(3)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        await page.locator("li.row").first.tap(position={"x": 320, "y": 50})  # anywhere in the row
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await page.get_by_role("link", name="Reply").tap()  # the box is far below
        await expect(page.locator("#reply")).to_be_focused()
        await page.set_viewport_size({"width": 390, "height": 420})  # a keyboard comes up
        await expect(page.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
        await expect(page.locator("nav.foot")).to_be_hidden()
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.evaluate("document.activeElement.blur()")
        await expect(page.get_by_role("button", name="Copy link")).to_be_hidden()
        await page.get_by_role("button", name="More…").tap()
        await expect(page.get_by_role("button", name="Copy link")).to_be_visible()
        await page.locator("nav.foot").get_by_role("link", name="Hand-over").tap()
        await page.wait_for_url("**/handover", timeout=30_000)
        await page.locator("nav.foot").get_by_role("link", name="Me").tap()
        await page.wait_for_url("**/settings")
        await expect(page.locator("header nav").get_by_role("link", name="Connectors")).to_be_visible()


async def test_on_a_narrow_phone_a_long_name_leaves_room_for_the_state_and_settings_begin_near_the_top(
    desk: Desk,
) -> None:
    await desk.site.says(("菲菲今天早睡了吗还没有睡呢", "转账三小时未到账，没人理我"))
    async with desk.page(lang="zh-CN", width=360, has_touch=True) as page:
        facts, state = page.locator("li.row .facts"), page.locator("li.row .state")
        line, word = await facts.bounding_box() or {}, await state.bounding_box() or {}
        assert word["x"] + word["width"] <= line["x"] + line["width"]
        assert (await page.locator("#search").bounding_box() or {})["width"] > 230
        await page.locator("nav.foot").get_by_role("link", name="我").tap()
        await ready(page)
        await expect(page.locator("header nav")).to_be_visible()
        await page.get_by_role("link", name="快捷键").tap()
        await ready(page)
        await expect(page.locator("header nav")).to_be_hidden()
        await expect(page.locator("nav.foot a[aria-current]")).to_have_text("我")


@pytest.mark.parametrize("width", [390, 1280])
async def test_whose_it_is_stands_in_the_row_whatever_else_does_and_arabic_begins_at_its_beginning(
    desk: Desk, width: int
) -> None:
    asked = "安卓更新到5.2.0以后一打开就闪退"
    await desk.site.says(*((f"{name}菲菲今天早睡了吗还没有睡呢", asked) for name in "一二三"))
    await desk.site.says(
        ("مستخدم محمد", "محفظتي لا تعمل منذ الصباح ولا أستطيع سحب أموالي، أرجو المساعدة العاجلة لأن المبلغ كبير")
    )
    desk.site.community.clock.pass_(hours=5)
    async with desk.page("sam", "/?incident=any") as sam, desk.page("amy", width=width) as page:
        await sam.keyboard.press("j")
        await sam.keyboard.press("c")
        row = page.locator("li.row", has_text="claimed by sam")
        await expect(row.locator(".people")).to_have_text("sam")
        await expect(row.locator(".incident")).to_have_count(1)
        assert await row.locator(".state").evaluate("(one) => one.scrollWidth <= one.clientWidth")
        line, word = [await row.locator(one).bounding_box() or {} for one in (".facts", ".state")]
        assert word["x"] + word["width"] <= line["x"] + line["width"]
        arabic = page.locator("li.row", has_text="محفظتي").locator("a.open bdi")
        first, box = await arabic.evaluate(
            """(words) => {
              const range = document.createRange();
              range.setStart(words.firstChild, 0);
              range.setEnd(words.firstChild, 1);
              return [range, words].map((one) => one.getBoundingClientRect().right);
            }"""
        )
        assert first <= box + 1
        shown = await page.locator("li.row a.open").last.bounding_box() or {}
        assert box <= shown["x"] + shown["width"] + 1
