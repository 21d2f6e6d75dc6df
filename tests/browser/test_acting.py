"""Everything that can be done with an inquiry on its page: by key, by button, by dialog; and taken back."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import ARTIFACTS, Desk
from tests.browser.test_keys import press_as
from tests.browser.test_screens import TAGS
from tests.test_web_acting import Hand

pytestmark = pytest.mark.browser

PAGES = {"audit": "/audit", "flags": "/flags", "recent": "/recent", "acted": "/"}
CONFLICT = "Failed to load resource: the server responded with a status of 409"


async def test_each_key_does_what_it_says_and_z_takes_it_back(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        state, said = page.locator("#inquiry .facts .state"), page.locator("#said")
        await page.keyboard.press("Shift+a")
        await expect(state).to_have_text("claimed by amy")
        await page.keyboard.press("w")
        await expect(state).to_contain_text("waiting for the customer")
        await expect(page.locator("#inquiry .promise.paused")).to_contain_text("paused")
        await expect(said).to_contain_text("its clock stands still")
        await page.keyboard.press("z")
        await expect(state).to_have_text("claimed by amy")
        await page.keyboard.press("z")
        await expect(state).to_have_text("new")
        await page.keyboard.press("c")
        await expect(state).to_have_text("claimed by amy")
        await page.keyboard.press("Shift+c")
        await expect(state).to_have_text("new")
        await page.keyboard.press("Shift+u")
        await expect(said).to_contain_text("Unread again")
        assert desk.site.work.desk.read_marks("amy", [_only(desk)]) == {}
        await page.keyboard.press("z")
        await expect(said).to_contain_text("Undone")
        assert len(desk.site.work.desk.read_marks("amy", [_only(desk)])) == 1


async def test_keys_that_ask_open_a_dialog_and_a_digit_answers_it(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        state, dialog = page.locator("#inquiry .facts .state"), page.locator("dialog#asking")
        await page.keyboard.press("a")
        await expect(dialog).to_contain_text("Assign to")
        await dialog.get_by_role("button", name="sam").click()
        await expect(state).to_have_text("claimed by sam")
        await page.keyboard.press("s")
        await expect(dialog).to_contain_text("tomorrow morning")
        await page.keyboard.press("2")
        await expect(state).to_contain_text("snoozed")
        await expect(page.locator("#inquiry .top")).to_contain_text("until 2026-03-15 09:00")
        await expect(dialog).not_to_be_visible()
        await page.keyboard.press("e")
        await page.keyboard.press("3")  # at once, whether the choices are there or not
        await expect(state).to_contain_text("closed")
        await expect(page.locator("#inquiry .top")).to_contain_text("duplicate")
        await page.keyboard.press("z")
        await expect(state).to_contain_text("snoozed")


async def test_a_row_that_is_open_again_before_it_has_left_stays(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"))
    async with desk.page() as page:
        await page.keyboard.press("j")
        await page.clock.install()
        await page.clock.pause_at(4_102_444_800_000)  # what is closed leaves in a moment, which does not come yet
        await page.keyboard.press("e")
        await page.keyboard.press("5")
        await expect(page.locator("#said")).to_contain_text("closed")
        await page.keyboard.press("z")
        await expect(page.locator("li.row").first.locator(".state")).to_have_text("new")
        await expect(page.locator("#said")).not_to_contain_text("closed")
        await page.clock.run_for(1000)
        await expect(page.locator("li.row")).to_have_count(2)
        await expect(page.locator("li.row[aria-current]")).to_contain_text("my swap failed")


async def test_labels_and_band_are_set_and_the_computed_score_stays_visible(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        dialog, top = page.locator("dialog#asking"), page.locator("#inquiry .top")
        await page.keyboard.press("t")
        await dialog.get_by_label("Kind").select_option("question")
        await dialog.get_by_label("Tags").fill("iOS，VIP")
        await page.keyboard.press("Enter")
        await expect(top).to_contain_text("#vip")
        await expect(top).to_contain_text("question")
        await page.keyboard.press("p")
        await expect(dialog).to_contain_text(re.compile(r"Computed: \d+, P3\."))
        await dialog.get_by_label("P0").check()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_label("Why?")).to_be_focused()  # which is required
        await dialog.get_by_label("Why?").fill("partner is calling")
        await page.keyboard.press("Enter")
        await expect(top.locator(".badge")).to_contain_text("P0")
        await expect(page.locator(".reasons")).to_contain_text("amy set the band to P0: partner is calling")
        await expect(page.locator("#computed")).to_contain_text("Without it: ")
        await expect(page.locator(".reasons table")).to_contain_text("band set by amy")


async def test_it_is_put_into_an_incident_and_out_again(desk: Desk) -> None:
    await desk.site.says(*[(f"user{number}", "the app crashes at start since 5.2.0 on Android") for number in range(3)])
    await desk.site.says(("fox", "how do I export my history?"))
    async with desk.page() as page:
        await page.get_by_role("link", name="how do I export").click()
        await _ready(page)
        dialog, top = page.locator("dialog#asking"), page.locator("#inquiry .top")
        await page.keyboard.press("m")
        await expect(dialog).to_contain_text("INC-1")
        await page.keyboard.press("1")
        await expect(top.locator("a.incident")).to_contain_text("INC-1")
        await page.keyboard.press("m")
        await dialog.get_by_role("button", name="Take it out of INC-1").click()
        await expect(top.locator("a.incident")).to_have_count(0)
        await page.keyboard.press("z")
        await expect(top.locator("a.incident")).to_contain_text("INC-1")


async def test_a_note_stands_in_the_thread_and_a_flag_reaches_the_leads(desk: Desk) -> None:
    await desk.site.says(("fox", "is https://harbor-claim.example/airdrop?ref=7 yours?"))
    async with _inquiry(desk) as page:
        dialog = page.locator("dialog#asking")
        await page.keyboard.press("Shift+n")
        await page.keyboard.type("known scam, see the wiki")  # whether the box is there or not
        await expect(dialog.locator("textarea")).to_have_value("known scam, see the wiki")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".note-post")).to_contain_text("known scam")
        await page.keyboard.press("b")
        await dialog.get_by_label("harbor-claim.example/airdrop").check()
        await dialog.get_by_label("Why?").fill("asks for phrases")
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_contain_text("flagged for review")
        assert desk.site.work.db.query("SELECT target, state FROM flag") == [("harbor-claim.example/airdrop", "open")]


async def test_escape_leaves_the_dialog_and_the_focus_returns_to_its_button(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        button, dialog = page.locator("[data-ask=snooze]"), page.locator("dialog#asking")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(dialog.locator(".pick").first).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(dialog.locator(".pick").nth(1)).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        await expect(button).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("1")
        await expect(page.locator("#inquiry .facts .state")).to_contain_text("snoozed")
        await expect(page.locator("[data-ask=snooze]")).to_be_focused()


@pytest.mark.parametrize(("key", "code", "shift"), [("Process", "KeyS", False), ("ｓ", "KeyS", False)])
async def test_keys_and_digits_work_while_an_input_method_is_on(desk: Desk, key: str, code: str, shift: bool) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        await press_as(page, "document.body", key, code, shift=shift)
        await expect(page.locator("dialog#asking .pick").first).to_be_visible()
        await press_as(page, "document.querySelector('dialog#asking .pick')", "１", "Digit1")
        await expect(page.locator("#inquiry .facts .state")).to_contain_text("snoozed")


async def test_while_composing_a_note_no_key_of_the_input_method_saves_or_leaves(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        await page.keyboard.press("Shift+n")
        text = page.locator("dialog#asking textarea")
        await text.fill("正在核实")
        for key in ("Enter", "1", "e"):
            await press_as(page, "document.querySelector('dialog#asking textarea')", key, f"Key{key}", composing=True)
        await expect(text).to_have_value("正在核实")
        await expect(page.locator(".note-post")).to_have_count(0)


async def test_whoever_is_too_late_may_ask_or_a_lead_takes_over_and_the_owner_is_told(desk: Desk) -> None:
    desk.trouble.expected = (CONFLICT,)
    desk.site.work.desk.add_user("lee", "lead")
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page("amy") as amy, _inquiry(desk, "sam") as sam, _inquiry(desk, "lee") as lee:
        await amy.keyboard.press("j")
        await amy.keyboard.press("c")
        await expect(amy.locator("#said")).to_contain_text("You claimed")
        await sam.keyboard.press("c")
        alarm = sam.locator("#alarm")
        await expect(alarm).to_contain_text("amy claimed it just now")
        await expect(alarm.get_by_role("button", name="Take over")).to_have_count(0)
        await alarm.get_by_role("button", name="Ask amy").click()
        await expect(amy.locator("#said")).to_contain_text("sam asks: may I have")
        await lee.keyboard.press("c")
        await lee.locator("#alarm").get_by_role("button", name="Take over").click()
        await expect(lee.locator("#inquiry .facts .state")).to_have_text("claimed by lee")
        await expect(amy.locator("#said")).to_contain_text("lee took")


async def test_what_was_done_lately_is_listed_and_taken_back_there(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with _inquiry(desk) as page:
        await page.keyboard.press("c")
        await expect(page.locator("#inquiry .facts .state")).to_have_text("claimed by amy")
        await page.locator("[data-recent]").click()
        dialog = page.locator("dialog#asking")
        await dialog.get_by_role("button", name="Undo").click()
        await expect(dialog).to_contain_text("taken back")
        await expect(page.locator("#inquiry .facts .state")).to_have_text("new")


async def test_dialogs_are_free_of_violations_in_both_languages_and_on_a_phone(desk: Desk) -> None:
    await desk.site.says(("fox", "is https://harbor-claim.example/airdrop yours?"))
    path = f"/inquiry/{desk.site.only_id()}"
    desk.site.work.desk.add_user("lee", "lead")
    await _some_history(desk)
    await desk.site.says(*[(f"user{number}", "the app crashes at start since 5.2.0 on Android") for number in range(3)])
    wrong: dict[str, list[str]] = {}
    for lang, scheme, width in (("zh-CN", "light", 1280), ("en", "dark", 390)):
        async with desk.page("lee", path, lang=lang, scheme=scheme, width=width) as page:
            for key in "asetpmb":
                await page.keyboard.press(key)
                await expect(page.locator("dialog#asking form")).to_be_visible()
                wrong[f"{key}-{lang}"] = await _looked_at(page, f"dialog-{key}-{lang}-{scheme}-{width}")
                await page.keyboard.press("Escape")
                await expect(page.locator("dialog#asking")).not_to_be_visible()
            if await page.locator(".doings .unfold").is_visible():
                await page.locator(".doings .unfold").click()
            await page.locator("[data-recent]").click()
            await expect(page.locator("dialog#asking h2")).to_be_visible()
            wrong[f"recent-{lang}"] = await _looked_at(page, f"dialog-recent-{lang}-{scheme}-{width}")
            for name, where in {**PAGES, "ask": f"{path}/do/band"}.items():
                await desk.go(page, where)
                wrong[f"{name}-{lang}"] = await _looked_at(page, f"{name}-{lang}-{scheme}-{width}")
    assert {name: found for name, found in wrong.items() if found} == {}


async def _some_history(desk: Desk) -> None:
    """A claim, a flag and a note, so that the lists show something."""
    async with desk.site.visitor("amy") as client:
        amy = await Hand.of(client)
        await amy.does(desk.site.only_id(), "claim", 1)
        await amy.does(desk.site.only_id(), "note", 2, text="known scam")
        target = "link:harbor-claim.example/airdrop"
        await amy.does(desk.site.only_id(), "flag", 2, target=target, reason="asks for phrases")
        await amy.does(desk.site.only_id(), "band", 2, band="P1", reason="many ask")


async def _looked_at(page: Page, name: str) -> list[str]:
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=False)
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    result = await Axe().run(page, options={"runOnly": TAGS})
    found = [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in result.response["violations"]]
    return [*found, *([f"{wider} px too wide"] if wider > 0 else [])]


def _inquiry(desk: Desk, name: str = "amy"):
    return desk.page(name, f"/inquiry/{desk.site.only_id()}")


def _only(desk: Desk) -> bytes:
    ((inquiry,),) = desk.site.work.db.query("SELECT inquiry_id FROM inquiry_open")
    return bytes(inquiry.bytes)


async def _ready(page: Page) -> None:
    await page.wait_for_url("**/inquiry/*")
    await page.wait_for_selector("html[data-ready='1'][data-live='1']", state="attached")
