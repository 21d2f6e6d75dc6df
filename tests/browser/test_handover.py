"""Coming back and handing over by keyboard, and telling everybody at once that it is over."""

from __future__ import annotations

from random import Random

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from tests.browser.conftest import ARTIFACTS, Desk, ready
from tests.browser.test_screens import TAGS
from tests.busy_morning import busy_morning
from tests.secret_maker import phrase
from tests.test_web_acting import Hand

pytestmark = pytest.mark.browser

ZH, EN = "{name}您好，5.2.1 已修复闪退，请更新后再试。", "Hello {name}, version 5.2.1 mends the crash. Please update."


async def test_whoever_comes_back_sees_what_changed_and_leaves_a_note_by_keyboard(desk: Desk) -> None:
    site = desk.site
    await busy_morning(site)
    mine = str(site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry WHERE excerpt LIKE '%打不开%'")[0][0])
    async with desk.page("amy", lang="en") as page, site.visitor("sam") as two:
        await page.keyboard.press("g")
        await page.keyboard.press("h")
        await page.wait_for_url("**/handover", timeout=30_000)  # the first look at a calendar loads it
        await ready(page)
        sam = await Hand.of(two)
        await sam.does(mine, "assign", 1, to="amy")
        await expect(page.locator("#told")).to_have_text("1")
        site.community.clock.pass_(seconds=20)
        await sam.does(mine, "label", 2, tags="vip")
        await page.reload()
        await ready(page)
        await expect(page.locator("section.history li").first).to_contain_text("sam labelled it: #vip")
        steps = page.locator("ol.rows > li a")
        for key, at in (("j", 0), ("j", 1), ("k", 0)):
            await page.keyboard.press(key)
            await expect(steps.nth(at)).to_be_focused()
        figure = page.locator(".figures a", has_text="came in")
        count = await figure.locator("b").inner_text()
        await figure.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#open-count")).to_have_text(count)
        await page.go_back()
        await page.locator("#note").focus()
        await page.keyboard.type("The bank calls at nine.")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#notes .text").first).to_have_text("The bank calls at nine.")
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.locator("[data-copy-text]").click()
        await expect(page.locator("#said")).to_contain_text("Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert "amy: The bank calls at nine." in copied
        assert await _wrong(page, "handover-back-en") == []
    async with desk.page("amy", "/told", lang="zh-CN", width=390, scheme="dark") as page:
        await expect(page.locator("ol a").first).to_contain_text("sam 把")
        assert await _wrong(page, "told-zh") == []
        await desk.go(page, "/handover")
        assert await _wrong(page, "handover-back-zh-phone", whole=True) == []


async def test_an_incident_is_walked_by_keys_and_esc_leads_up_but_loses_no_text(desk: Desk) -> None:
    await desk.site.says(
        ("fox", "swap failed on Arbitrum"), ("ana", "can't swap on arbitrum"), ("bo", "arbitrum swap failed")
    )
    async with desk.page("amy", "/incidents/INC-1", lang="en") as page:
        members = page.locator(".member a.code")
        for at in (0, 1):
            await page.keyboard.press("j")
            await expect(members.nth(at)).to_be_focused()
        notice = page.get_by_label("English")
        await notice.fill("We are on it")
        for _ in range(2):
            await page.keyboard.press("Escape")
        await expect(notice).to_have_value("We are on it")
        await notice.fill("")
        for _ in range(2):
            await page.keyboard.press("Escape")
        await page.wait_for_url("**/incidents")


async def test_all_who_wait_are_answered_after_a_yes_and_z_takes_it_back(desk: Desk) -> None:
    site = desk.site
    site.community.forum.user("system").id = 77
    await busy_morning(site)
    async with desk.page("amy", "/incidents", lang="en") as page:
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/*")
        await ready(page)
        await page.get_by_label("Chinese").fill(ZH)
        await page.get_by_label("English").fill(EN)
        await page.get_by_role("button", name="Save the notice").click()
        await expect(page.locator("#notice .stands").first).to_contain_text("5.2.1")
        assert await _wrong(page, "notice-en") == []
        member = await page.locator(".member a.code").first.get_attribute("href")
        await page.get_by_role("button", name="End it").click()
        await desk.go(page, str(member))
        await page.keyboard.press("i")
        await expect(page.locator("#reply")).to_have_value("Hello Nils, version 5.2.1 mends the crash. Please update.")
        assert await _wrong(page, "notice-at-inquiry-en") == []
        await desk.go(page, "/incidents/INC-1/answer")
        await page.locator(".member summary").first.press("Enter")
        await page.get_by_role("button", name="Change it for this one").first.press("Enter")
        own = page.get_by_label("Written for this one")
        await expect(own).to_be_focused()
        assert await _wrong(page, "answer-all-own-en") == []
        await own.fill("Hello, a word for you alone.")
        await page.get_by_role("button", name="Send to those chosen").click()
        await expect(page.locator(".sure")).to_contain_text("Send this answer to 4 persons?")
        assert await _wrong(page, "answer-all-en", whole=True) == []
        await page.wait_for_selector("html[data-ready='1']", state="attached")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        lot = page.locator("#lot")
        await expect(lot).to_contain_text("4 on their way")
        await page.wait_for_selector("html[data-ready='1']", state="attached")
        await page.keyboard.press("z")
        await expect(lot).to_contain_text("4 taken back")
        assert await _wrong(page, "answer-all-taken-back-en") == []
        await lot.get_by_role("button", name="Change the texts").click()
        await expect(own).to_have_value("Hello, a word for you alone.")
        await expect(page.locator("textarea[name=en]")).to_have_value(EN)
        await expect(page.locator("input[name=inquiry]:checked")).to_have_count(4)
    async with desk.page("amy", "/incidents/INC-1/answer", lang="zh-CN", width=390) as page:
        await page.get_by_role("button", name="发给选中的人").click()
        assert await _wrong(page, "answer-all-zh-phone", whole=True) == []
        await page.get_by_role("button", name="确认，发给 4 人").click()
        await expect(page.locator("#lot")).to_contain_text("4 条待发送")
        site.community.clock.pass_(seconds=HOLD)
        sender = Sender(site.work.outbox)
        for _ in range(4):
            await sender.send_due(until_done=True)
        await expect(page.locator("#lot")).to_contain_text("已发送 4 / 4")
        assert await _wrong(page, "answered-all-zh-phone") == []
    assert len(site.community.telegram.sent) == 4


async def test_coming_back_after_sending_to_all_shows_the_sheet_and_what_is_written_outlives_a_reload(
    desk: Desk,
) -> None:
    await busy_morning(desk.site)
    async with desk.page("amy", "/incidents/INC-1/answer", lang="en") as page:
        english, chosen = page.locator("textarea[name=en]"), page.locator("input[name=inquiry]")
        await page.get_by_label("Chinese").fill(ZH)
        await english.fill(EN)
        await chosen.nth(1).uncheck()
        await page.get_by_role("button", name="中文").click()
        await ready(page)
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await expect(english).to_have_value(EN)
        await expect(chosen.nth(1)).not_to_be_checked()
        await expect(page.locator("#said")).to_contain_text("已恢复你刚才写的内容")
        await page.get_by_role("button", name="发给选中的人").click()
        await page.wait_for_selector(".sure")
        await ready(page)
        await page.reload()
        await ready(page)
        await expect(page.locator(".sure")).to_have_count(0)
        await expect(english).to_have_value(EN)
        await page.get_by_role("button", name="发给选中的人").click()
        await page.locator(".sure .strong").click()
        await page.wait_for_selector("#lot")
        await ready(page)
        answer = await page.go_back()
        assert (answer.status if answer else None) == 200
        await ready(page)
        await expect(english).to_have_value("")
        await expect(page.locator(".sure")).to_have_count(0)


async def test_a_note_that_is_not_left_yet_is_kept_in_the_tab_unless_it_holds_a_secret(desk: Desk) -> None:
    async with desk.page("amy", "/handover", lang="en") as page:
        note = page.locator("#note")
        await note.fill("The bank calls at nine.")
        await page.get_by_role("button", name="中文").click()
        await ready(page)
        await expect(note).to_have_value("The bank calls at nine.")
        await page.get_by_role("button", name="English").click()
        await ready(page)
        await expect(note).to_have_value("The bank calls at nine.")
        await page.locator("form.write button").click()
        await expect(page.locator("#notes .text").first).to_have_text("The bank calls at nine.")
        await ready(page)
        await expect(note).to_have_value("")
        desk.trouble.expected = ("Failed to load resource: the server responded with a status of 422",)
        await note.fill(phrase(Random(7)).text)
        await expect(page.locator("#alarm")).to_contain_text("looks like a recovery phrase")
        await page.reload()
        await ready(page)
        await expect(note).to_have_value("")
        assert await page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('kept/'))") == []


async def test_a_notice_outlives_what_else_is_done_at_its_incident_and_overwrites_nobody(desk: Desk) -> None:
    await busy_morning(desk.site)
    async with desk.page("amy", "/incidents/INC-1", lang="en") as page, desk.page("sam", "/incidents/INC-1") as other:
        chinese, english = page.locator("textarea[name=zh]"), page.locator("textarea[name=en]")
        await english.fill(EN)
        await page.get_by_role("button", name="Take out").last.click()
        await page.wait_for_selector(".member.gone")
        await ready(page)
        await expect(english).to_have_value(EN)
        await expect(page.locator("#said")).to_contain_text("What you had written is here again")
        await page.get_by_role("button", name="中文").click()
        await ready(page)
        await expect(english).to_have_value(EN)
        await other.locator("textarea[name=zh]").fill(ZH)
        await other.locator("textarea[name=en]").fill("Theirs.")
        await other.locator("#notice button").click()
        await expect(other.locator(".stands")).to_have_count(2)
        await page.reload()
        await ready(page)
        await expect(english).to_be_visible()
        await expect(english).to_have_value(EN)
        await expect(chinese).to_have_value(ZH)
        desk.trouble.expected = ("Failed to load resource: the server responded with a status of 409",)
        await page.locator("#notice button").click()
        await expect(page.locator(".top .strip")).to_contain_text("sam")
        await expect(page.locator(".stands").last).to_contain_text("Theirs.")
        await ready(page)
        await expect(english).to_have_value(EN)
        await page.locator("#notice button").click()
        await expect(page.locator(".stands").last).to_contain_text(EN[-20:])
        await ready(page)
        assert await page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('kept/'))") == []
        await page.reload()
        await ready(page)
        await expect(page.locator("#said")).to_be_empty()


async def _wrong(page: Page, name: str, *, whole: bool = False) -> list[str]:
    """What is wrong with the page; a picture of it is kept."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=whole)
    await page.evaluate("scrollTo(0, 0)")  # else a link that happens to stand half below the header is called too small
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    result = await Axe().run(page, options={"runOnly": TAGS})
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in result.response["violations"]]
    return [*wrong, *([f"{wider} px too wide"] if wider > 0 else [])]
