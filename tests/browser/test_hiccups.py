"""At one inquiry, while the connection breaks, the session ends, or answers come late: no key is lost, nothing that was
written is lost, and nothing is shown where it does not belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Desk, ready, until
from tests.browser.test_replies import ANSWER, writes
from tests.browser.test_replies import asked as asked

pytestmark = pytest.mark.browser

PASSWORD = "a password that is long enough"
FILLED = """for (let more = "x".repeat(2 ** 22); more; more = more.slice(more.length / 2 + 0.5)) {
  try { localStorage.full = (localStorage.full ?? "") + more; } catch {}
}"""
WATCHED = """globalThis.states = [];
new MutationObserver(() => states.push(document.querySelector("#inquiry .facts .state").textContent))
  .observe(document.getElementById("main"), { childList: true, subtree: true });"""
OFFLINE = "Failed to load resource: net::ERR_FAILED"
SIGNED_OUT = "Failed to load resource: the server responded with a status of 401"
FORBIDDEN = "Failed to load resource: the server responded with a status of 403"


async def _fox(desk: Desk) -> str:
    """The path of an inquiry in the group."""
    await desk.site.says(("fox", "my swap failed"))
    return f"/inquiry/{desk.site.only_id()}"


async def _unheard(route: Route) -> None:
    """The server does it, and the connection breaks before it has said so."""
    await route.fetch()
    await route.abort()


@asynccontextmanager
async def _held(page: Page, url: str) -> AsyncIterator[asyncio.Event]:
    """The first request to there is answered, and its answer comes only once the event is set."""
    gate, first = asyncio.Event(), True

    async def late(route: Route) -> None:
        nonlocal first
        mine, first = first, False
        answer = await route.fetch()
        if mine:
            await gate.wait()
        await route.fulfill(response=answer)

    await page.route(url, late)
    yield gate
    gate.set()
    await page.unroute_all(behavior="wait")


async def _signs_in_again(page: Page) -> None:
    dialog = page.locator("#signin-again")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()


# -- what is fetched does not come -------------------------------------------------------------------


async def test_when_the_page_does_not_come_after_a_key_the_next_keys_work_and_the_page_can_be_left(desk: Desk) -> None:
    desk.trouble.expected = (OFFLINE,)
    path = await _fox(desk)
    async with desk.page(path=path) as page:
        state = page.locator("#inquiry .facts .state")
        await page.route(f"**{path}", lambda route: route.abort())
        await page.keyboard.press("c")
        await expect(page.locator("#said")).to_contain_text("You claimed")
        await expect(page.locator("#changed")).to_contain_text("There is something new here")
        await page.unroute(f"**{path}")
        await page.keyboard.press("w")
        await expect(state).to_contain_text("waiting for the customer")
        await expect(page.locator("#changed")).to_be_hidden()
        await page.keyboard.press("g")
        await page.keyboard.press("i")
        await page.wait_for_url("**/incidents")


async def test_a_browser_without_room_for_what_was_done_takes_the_next_keys_all_the_same(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        state = page.locator("li.row .state")
        await page.keyboard.press("j")
        await page.evaluate(FILLED)
        await page.keyboard.press("c")
        await expect(state).to_have_text("claimed by amy")
        await page.keyboard.press("w")
        await expect(state).to_contain_text("waiting for the customer")


async def test_of_two_pages_that_overtake_each_other_the_later_one_stays(desk: Desk) -> None:
    path = await _fox(desk)
    async with desk.page(path=path) as page, _held(page, f"**{path}") as gate:
        state = page.locator("#inquiry .facts .state")
        async with page.expect_request(f"**{path}"):
            await page.keyboard.press("n")
        async with desk.page("sam", path) as sam:
            await sam.keyboard.press("c")
            await expect(sam.locator("#inquiry .facts .state")).to_have_text("claimed by sam")
        await page.get_by_role("button", name="Show").click()
        await expect(state).to_have_text("claimed by sam")
        await page.evaluate(WATCHED)
        async with page.expect_response(f"**{path}"):
            gate.set()
        await page.keyboard.press("n")
        await until(page, "states.length > 0")
        assert set(await page.evaluate("states")) == {"claimed by sam"}


async def test_a_dialog_that_was_left_is_not_filled_in_the_place_of_the_next_one(desk: Desk) -> None:
    path = await _fox(desk)
    async with desk.page(path=path) as page, _held(page, "**/do/assign?*") as gate:
        dialog = page.locator("dialog#asking")
        async with page.expect_request("**/do/assign?*"):
            await page.keyboard.press("a")
        await page.keyboard.press("Escape")
        await page.keyboard.press("s")
        await expect(dialog).to_contain_text("tomorrow morning")
        async with page.expect_response("**/do/assign?*"):
            gate.set()
        await expect(dialog).to_contain_text("tomorrow morning")
        await page.keyboard.press("2")
        await expect(page.locator("#inquiry .facts .state")).to_contain_text("snoozed")


async def test_whoever_reads_what_is_erased_is_told(desk: Desk) -> None:
    path = await _fox(desk)
    async with desk.page(path=path) as page:
        inquiry = bytes.fromhex(desk.site.only_id().replace("-", ""))
        await desk.site.work.db.write(lambda con: con.execute("DELETE FROM inquiry_open").fetchall())
        desk.site.stream.publish([inquiry])
        await expect(page.locator("#changed")).to_have_text("This inquiry was erased")


# -- what is sent is not answered --------------------------------------------------------------------


async def test_an_answer_that_was_taken_and_nobody_heard_so_goes_out_once_when_it_is_sent_again(
    desk: Desk, asked: str
) -> None:
    desk.trouble.expected = (OFFLINE,)
    async with desk.page(path=asked) as page:
        await page.route("**/reply", _unheard)
        await writes(page)
        alarm = page.locator("#alarm")
        await expect(alarm).to_contain_text("Your text is still here: send it again, and it goes out once")
        await page.unroute_all(behavior="wait")
        await expect(page.locator("#reply")).to_have_value(ANSWER)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#reply")).to_have_value("")
        await expect(page.locator("#outgoing form")).to_have_count(1)
        await writes(page)
        await expect(page.locator("#outgoing form")).to_have_count(2)  # the same words, and meant once more


async def test_an_answer_whose_page_was_left_before_it_was_heard_of_does_not_stand_in_the_box_again(
    desk: Desk, asked: str
) -> None:
    async with desk.page(path=asked) as page, _held(page, "**/reply"):
        async with page.expect_request("**/reply"):
            await writes(page)
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")  # waits for what is under way, longer than for a draft to be saved
        await page.wait_for_url(f"{desk.site.url}/")
        await desk.go(page, asked)
        await expect(page.locator("#outgoing form")).to_have_count(1)
        await expect(page.locator("#kept .offer")).to_be_visible()
        await expect(page.locator("#reply")).to_have_value("")


async def test_what_is_typed_while_an_answer_is_sent_stays_and_is_sent_by_itself(desk: Desk, asked: str) -> None:
    async with desk.page(path=asked) as page, _held(page, "**/reply") as gate:
        async with page.expect_request("**/reply"):
            await writes(page)
        await page.keyboard.type("And the version?")
        gate.set()
        await expect(page.locator("#outgoing form")).to_have_count(1)
        await expect(page.locator("#reply")).to_have_value("And the version?")
        await page.keyboard.type(" Please.")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing form")).to_have_count(2)
    texts = desk.site.work.db.query("SELECT text FROM outbox ORDER BY written_at, outbox_id")
    assert texts == [(ANSWER,), ("And the version? Please.",)]


async def test_a_note_stays_in_its_dialog_until_it_is_saved(desk: Desk) -> None:
    desk.trouble.expected = (OFFLINE, SIGNED_OUT)
    desk.site.work.desk.set_password("amy", PASSWORD)
    async with desk.page(path=await _fox(desk)) as page:
        dialog = page.locator("dialog#asking")
        await page.keyboard.press("Shift+n")
        await expect(dialog.locator("textarea")).to_be_focused()
        await page.keyboard.type("known scam, see the wiki")
        await page.route("**/note", lambda route: route.abort())
        await page.keyboard.press("Control+Enter")
        await expect(dialog.get_by_role("alert")).to_contain_text("No connection to the server")
        await page.unroute("**/note")
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.press("Control+Enter")
        await _signs_in_again(page)
        await expect(dialog.locator("textarea")).to_have_value("known scam, see the wiki")
        await expect(dialog.locator("textarea")).to_be_focused()
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".note-post")).to_contain_text("known scam")
        await expect(dialog).to_be_hidden()


async def test_a_note_that_is_left_unfinished_is_there_again_and_one_that_was_saved_is_not(desk: Desk) -> None:
    async with desk.page(path=await _fox(desk)) as page:
        text = page.locator("dialog#asking textarea")
        await page.keyboard.press("Shift+n")
        await expect(text).to_be_focused()
        await page.keyboard.type("known scam, see")
        await page.keyboard.press("Escape")
        await expect(text).to_be_hidden()
        await page.keyboard.press("Shift+n")
        await expect(text).to_have_value("known scam, see")
        await page.keyboard.press("End")
        await page.keyboard.type(" the wiki")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".note-post")).to_contain_text("known scam, see the wiki")
        await page.keyboard.press("Shift+n")
        await expect(text).to_be_focused()
        await expect(text).to_have_value("")


# -- the session is over -----------------------------------------------------------------------------


async def test_no_part_of_the_page_becomes_the_sign_in_page(desk: Desk, asked: str) -> None:
    desk.trouble.expected = (SIGNED_OUT,)
    desk.site.work.desk.set_password("amy", PASSWORD)
    async with desk.page(path=asked) as page:
        await writes(page)
        await expect(page.locator("#outgoing form")).to_have_count(1)
        for key in ("z", "s", "n"):
            desk.site.work.desk.sign_out_everywhere("amy")
            await page.keyboard.press(key)
            await _signs_in_again(page)
            await expect(page.locator("#outgoing form")).to_have_count(1)
            await expect(page.locator("dialog#asking")).to_be_hidden()
            await expect(page.locator("input[name=password]")).to_have_count(1)
        await page.locator("[data-recent]").click()
        await expect(page.locator("dialog#asking h2")).to_have_text("Recent actions")
        await page.keyboard.press("Escape")
        await page.keyboard.press("z")
        await expect(page.locator("#reply")).to_have_value(ANSWER)


async def test_a_tab_that_is_older_than_the_session_goes_on_once_another_has_signed_in(desk: Desk) -> None:
    desk.trouble.expected = (SIGNED_OUT, FORBIDDEN)
    desk.site.work.desk.set_password("amy", PASSWORD)
    async with desk.page(path=await _fox(desk)) as page:
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.press("c")
        await expect(page.locator("#signin-again")).to_be_visible()
        await page.keyboard.press("Escape")
        other = await page.context.new_page()
        await other.goto(desk.site.url + "/signin")
        await other.get_by_label("User name").fill("amy")
        await other.get_by_label("Password").fill(PASSWORD)
        await other.keyboard.press("Enter")
        await ready(other)
        await other.close()
        await page.keyboard.press("c")
        await expect(page.locator("#inquiry .facts .state")).to_have_text("claimed by amy")
        await page.keyboard.press("r")
        await page.keyboard.type("We look into it")
        await expect(page.locator("#draft-state")).to_contain_text("draft saved")


async def test_what_could_not_be_taken_back_yet_is_what_the_next_z_takes_back(desk: Desk) -> None:
    desk.trouble.expected = (SIGNED_OUT,)
    desk.site.work.desk.set_password("amy", PASSWORD)
    async with desk.page(path=await _fox(desk)) as page:
        state = page.locator("#inquiry .facts .state")
        await page.keyboard.press("c")
        await expect(state).to_have_text("claimed by amy")
        await page.keyboard.press("w")
        await expect(state).to_contain_text("waiting for the customer")
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.press("z")
        await _signs_in_again(page)
        await page.keyboard.press("z")
        await expect(state).to_have_text("claimed by amy")


async def test_z_after_marking_as_unread_takes_the_dot_away_again(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        row = page.locator("li.row")
        await page.keyboard.press("j")
        await expect(row).not_to_have_class("row unread")
        await page.keyboard.press("Shift+u")
        await expect(row).to_have_class("row unread")
        await page.keyboard.press("z")
        await expect(row).not_to_have_class("row unread")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await page.keyboard.press("Shift+u")
        await expect(page.locator("#said")).to_contain_text("Unread again")
        await page.keyboard.press("z")
        await expect(page.locator("#said")).to_contain_text("Undone")
        async with page.expect_request("**/inquiry/*") as again:
            await page.keyboard.press("n")
        assert "x-unread" not in (await again.value).headers
