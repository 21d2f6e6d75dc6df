"""Answering by keyboard, taking it back, and two people who answer at once."""

from __future__ import annotations

from typing import Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from aggregator.identity import as_written
from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from tests.browser.conftest import ARTIFACTS, Desk
from tests.browser.test_screens import TAGS
from tests.conftest import poll

pytestmark = pytest.mark.browser

ANSWER = "Please send us the transaction ID."


@pytest_asyncio.fixture(loop_scope="session")
async def asked(desk: Desk) -> str:
    """The path of an inquiry on the forum."""
    community = desk.site.community
    community.forum.user("system").id = 77
    community.forum.says(
        "lin", "My transfer has not arrived for three hours, and nobody answers", title="Transfer missing"
    )
    await poll(desk.site.work, "forum")
    return f"/inquiry/{desk.site.only_id()}"


async def sends(desk: Desk) -> None:
    desk.site.community.clock.pass_(seconds=HOLD)
    await Sender(desk.site.work.outbox).send_due(until_done=True)


async def writes(page: Page, text: str = ANSWER) -> None:
    await page.keyboard.press("r")
    await page.keyboard.type(text)
    await page.keyboard.press("Control+Enter")


async def test_an_answer_goes_out_by_keyboard_and_everybody_sees_how_far_it_is(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as amy, desk.page("sam", asked) as sam:
        await writes(amy)
        await expect(amy.locator("#outgoing")).to_contain_text("about to be sent")
        await expect(amy.locator("#reply")).to_have_value("")
        await expect(sam.locator("#outgoing")).to_contain_text(ANSWER)
        await sends(desk)
        await expect(amy.locator("#outgoing form")).to_have_count(0)
        await expect(sam.locator(".thread .post.staff")).to_contain_text(ANSWER)
        await expect(amy.locator(".thread .post.staff")).to_contain_text(ANSWER)
        await expect(amy.locator(".facts .state").first).to_contain_text("answered")
    assert desk.site.community.forum.writing.taken == 1


async def test_z_takes_the_answer_back_and_its_text_is_in_the_box_again(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as amy:
        await writes(amy)
        await expect(amy.locator("#outgoing .left")).to_contain_text("s")
        await amy.keyboard.press("z")
        await expect(amy.locator("#outgoing form")).to_have_count(0)
        await expect(amy.locator("#reply")).to_have_value(ANSWER)
        await expect(amy.locator("#reply")).to_be_focused()
    assert desk.site.work.db.query("SELECT state FROM outbox") == [("undone",)]


async def test_z_leaves_a_colleagues_answer_and_its_button_takes_it_back(desk: Desk, asked: str) -> None:
    async with desk.page("sam", asked) as sam, desk.page("amy", asked) as amy:
        await writes(sam)
        await expect(sam.locator("#outgoing kbd")).to_have_text("z")
        await expect(amy.locator("#outgoing form")).to_have_count(1)
        await expect(amy.locator("#outgoing kbd")).to_have_count(0)
        await amy.keyboard.press("z")
        await expect(amy.locator("#said")).to_contain_text("There is nothing to undo")
        assert desk.site.work.db.query("SELECT state FROM outbox") == [("held",)]
        await amy.locator("#outgoing").get_by_role("button", name="Undo").click()
        await expect(amy.locator("#outgoing form")).to_have_count(0)
        await expect(sam.locator("#said")).to_contain_text("amy took back your answer")


async def test_who_is_second_is_stopped_reads_the_first_one_and_keeps_the_text(desk: Desk, asked: str) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 409",)
    async with desk.page("sam", asked) as sam:
        await sam.keyboard.press("r")
        await sam.keyboard.type("Have you restarted it?")
        async with desk.page("amy", asked) as amy:
            await writes(amy)
            await expect(amy.locator("#outgoing form")).to_have_count(1)
        await sam.keyboard.press("Control+Enter")
        said = sam.locator("#composer [role=alert]")
        await expect(said).to_contain_text("amy has answered since you opened this")
        await expect(said).to_contain_text(ANSWER)
        await expect(sam.locator("#reply")).to_have_value("Have you restarted it?")
        await sam.keyboard.press("Control+Enter")
        await expect(sam.locator("#outgoing form")).to_have_count(2)


async def test_what_is_being_written_survives_what_happens_to_the_inquiry(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as amy:
        await amy.keyboard.press("r")
        await amy.keyboard.type("Half a sen")
        desk.site.community.forum.says("lin", "Hello? Is anybody there?", reply_to=1001)
        await poll(desk.site.work, "forum")
        await amy.get_by_role("button", name="Show").click()
        await expect(amy.locator(".thread")).to_contain_text("Is anybody there")
        await amy.locator("#reply").focus()
        await amy.keyboard.press("End")
        await amy.keyboard.type("tence")
        await expect(amy.locator("#reply")).to_have_value("Half a sentence")


async def test_a_refusal_is_read_aloud_and_can_be_sent_again(desk: Desk, asked: str) -> None:
    desk.site.community.forum.writing.refuses.append("similar")
    async with desk.page("amy", asked, lang="zh-CN") as amy:
        await writes(amy)
        await expect(amy.locator("#outgoing form")).to_have_count(1)
        await sends(desk)
        await expect(amy.locator("#outgoing")).to_contain_text("平台刚收到过相同的文字")
        await amy.get_by_role("button", name="重新发送").click()
        await expect(amy.locator("#outgoing")).to_contain_text("即将发送")
        await sends(desk)
        await expect(amy.locator("#outgoing form")).to_have_count(0)
    assert desk.site.community.forum.writing.taken == 1


@pytest.mark.parametrize(
    ("lang", "scheme", "width"), [("zh-CN", "light", 1280), ("en", "dark", 390)], ids=["zh-light", "en-dark"]
)
async def test_every_state_of_an_answer_can_be_read_by_everybody(
    desk: Desk, asked: str, lang: str, scheme: Literal["light", "dark"], width: int
) -> None:
    outbox, writing = desk.site.work.outbox, desk.site.community.forum.writing
    inquiry = as_written(desk.site.only_id())
    writing.refuses.append("similar")
    await outbox.send(inquiry, "amy", "您好，请提供交易哈希，我们马上查询。", "")
    await sends(desk)
    writing.refuses.append("broken")
    await outbox.send(inquiry, "amy", "Please send us the transaction ID; we look at it at once.", "")
    await sends(desk)
    await outbox.send(inquiry, "amy", "And which version of the app is it?", "")
    async with desk.page("amy", asked, lang=lang, scheme=scheme, width=width) as page:
        await expect(page.locator("#outgoing form")).to_have_count(3)
        ARTIFACTS.mkdir(exist_ok=True)
        await page.screenshot(path=ARTIFACTS / f"answers-{lang}-{scheme}-{width}.png", full_page=True)
        result = await Axe().run(page, context={"include": [["#outgoing"], ["#composer"]]}, options={"runOnly": TAGS})
        assert [one["nodes"][0]["html"] for one in result.response["violations"]] == []


async def test_whoever_has_gone_on_is_told_that_an_answer_did_not_get_there_and_can_mend_it(
    desk: Desk, asked: str
) -> None:
    desk.site.community.forum.writing.refuses.append("short")
    async with desk.page("amy", asked) as amy, desk.page("sam", "/") as sam:
        await writes(amy, "ok")
        await expect(amy.locator("#outgoing form")).to_have_count(1)
        await desk.go(amy, "/")
        await sends(desk)
        await expect(amy.locator("#said")).to_contain_text("was not sent")
        await amy.locator("#said").get_by_role("button", name="Open").click()
        await amy.get_by_role("button", name="Edit").click()
        await expect(amy.locator("#reply")).to_have_value("ok")
        await expect(amy.locator("#outgoing form")).to_have_count(0)
        await expect(sam.locator("#said .toast")).to_have_count(0)
