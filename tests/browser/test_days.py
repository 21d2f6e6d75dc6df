"""A day's work hands off the mouse: by keys (t04), by Tab and Enter alone, and over plain http in the house (t14)."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Locator, Page, Route, expect

from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from tests.browser.conftest import ELSEWHERE, Desk, ready
from tests.conftest import poll

pytestmark = pytest.mark.browser

ANSWER = "Please send us the transaction ID."


async def _a_morning(desk: Desk) -> None:
    community = desk.site.community
    community.forum.user("system").id = 77
    community.forum.says("lin", "My transfer has not arrived for three hours", title="Transfer missing")
    await desk.site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"), ("elk", "gm"))
    await poll(desk.site.work, "forum")


async def _sent(desk: Desk) -> None:
    desk.site.community.clock.pass_(seconds=HOLD)
    await Sender(desk.site.work.outbox).send_due(until_done=True)


def _states(desk: Desk) -> dict[str, str]:
    """By the word that stands for an inquiry here."""
    found = desk.site.work.db.query("SELECT excerpt, state FROM inquiry")
    words = {"transfer": "lin", "swap": "fox", "fee": "owl", "gm": "elk"}
    return {who: state for text, state in found for word, who in words.items() if word in text}


async def test_a_day_by_keys_from_finding_to_undoing(desk: Desk) -> None:
    await _a_morning(desk)
    async with desk.page() as page:

        async def press(*keys: str) -> None:
            for key in keys:
                desk.site.community.clock.pass_(seconds=2)
                await page.keyboard.press(key)

        said, current = page.locator("#said"), page.locator("li.row[aria-current] .state")
        await press("j", "c")
        await expect(current).to_have_text("claimed by amy")
        await press("r")
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await expect(page.locator("#reply")).to_be_focused()
        await page.keyboard.type(ANSWER)
        await press("Control+Enter")
        await expect(page.locator("#outgoing")).to_contain_text("about to be sent")
        await _sent(desk)
        await expect(page.locator(".thread .post.staff")).to_contain_text(ANSWER)
        await press("Escape", "Escape")
        await page.wait_for_url("**/?*")
        await ready(page)
        going_on = page.locator("li.row[aria-current]")  # not with what was answered, which is far below now
        await expect(going_on).to_contain_text("my swap failed")
        await press("w")
        await expect(current).to_contain_text("waiting for the customer")
        await press("j", "s", "1")
        await expect(said).to_contain_text("sleeps until")
        await press("z")
        await expect(said).to_contain_text("Undone")
        await press("Escape", "Shift+x", "c")
        await expect(page.locator("#said, #alarm")).to_contain_text(["claimed", ""])
        await press("z", "Escape")
        await press("/")
        await page.keyboard.type("gm")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/?q=gm*")  # the page before it is ready, too
        await ready(page)
        await press("j", "e", "5")
        await expect(page.locator("#empty")).to_be_visible()
        await press("g", "f")
        await ready(page)
        await expect(page.locator("li.row")).to_have_count(3)
    assert _states(desk) | {"fox": "", "owl": ""} == {"lin": "answered", "fox": "", "owl": "", "elk": "closed"}


async def test_what_was_done_by_the_last_keys_is_done_though_the_page_is_left_at_once(desk: Desk) -> None:
    await _a_morning(desk)
    async with desk.page() as page:
        gate = asyncio.Event()

        async def late(route: Route) -> None:
            await gate.wait()
            await route.continue_()

        await page.keyboard.press("j")
        await page.route("**/inquiry/*/claim", late)
        for key in ("c", "z", "c", "w"):
            await page.keyboard.press(key)
        await page.locator("#search").fill("gm")
        async with page.expect_request("**/?q=gm*"):
            await page.keyboard.press("Enter")
            gate.set()
        await page.wait_for_url("**/?q=gm*")
    assert _states(desk)["lin"] == "waiting"


async def test_with_shortcuts_off_tab_and_enter_do_a_days_work_and_the_focus_is_never_hidden(desk: Desk) -> None:
    await _a_morning(desk)
    desk.site.work.desk.set_preferences("amy", lang="en", theme="system", shortcuts=False)
    async with desk.page() as page:
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        row = page.locator("li.row", has_text="Transfer missing")
        await _tab_to(page, row.get_by_role("button", name="Claim"))
        await page.keyboard.press("Enter")
        await expect(row.locator(".state")).to_have_text("claimed by amy")
        await _tab_to(page, row.locator("a.open"), back=True)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await _tab_to(page, page.locator("#reply"))
        await page.keyboard.type(ANSWER)
        await _tab_to(page, page.get_by_role("button", name="Send"))
        await page.keyboard.press("Enter")
        await expect(page.locator("#outgoing")).to_contain_text("about to be sent")
        await _sent(desk)
        await expect(page.locator(".thread .post.staff")).to_contain_text(ANSWER)
        close = page.locator(".doings").get_by_role("link", name="Close")
        await _tab_to(page, close, back=True)
        await page.keyboard.press("Enter")
        await _tab_to(page, page.locator("#asking").get_by_role("button", name="resolved"))
        await page.keyboard.press("Enter")
        await expect(page.locator("#inquiry .facts .state")).to_contain_text("closed")
        await _tab_to(page, page.locator(".doings").get_by_role("button", name="Undo"))
        await page.keyboard.press("Enter")
        await expect(page.locator("#inquiry .facts .state")).to_contain_text("answered")
    assert _states(desk)["lin"] == "answered"


COVERED = """(target) => {
  const one = document.activeElement;
  const box = one.getBoundingClientRect();
  const [x, y] = [box.left + Math.min(box.width / 2, 40), box.top + Math.min(box.height / 2, 20)];
  const top = document.elementFromPoint(x, y);
  const same = top && (one.contains(top) || top.contains(one) || top.closest("label")?.contains(one));
  if (same || one === document.body || box.width <= 1) return one === target ? "there" : "";
  return `${one.outerHTML.slice(0, 80)} is under ${top?.outerHTML.slice(0, 80)}`;
}"""


async def _tab_to(page: Page, target: Locator, *, back: bool = False) -> None:
    """Tab until it has the focus. Nothing on the way may have the focus where nobody sees it."""
    await expect(target).to_be_visible()
    for _ in range(90):
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        covered = await target.evaluate(COVERED)
        if covered == "there":
            return
        assert covered == ""
    raise AssertionError(f"Tab does not reach {target}")


async def test_in_the_house_over_plain_http_people_claim_answer_and_copy(desk: Desk) -> None:
    """There a browser sends no Sec-Fetch-Site, and has neither a clipboard nor a secure context."""
    await _a_morning(desk)
    desk.site.url = desk.site.url.replace("127.0.0.1", ELSEWHERE)
    async with desk.page() as page:
        assert await page.evaluate("isSecureContext") is False
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("li.row[aria-current] .state")).to_have_text("claimed by amy")
        await page.keyboard.press("r")
        await page.wait_for_url("**/inquiry/*")
        await ready(page)
        await page.keyboard.type(ANSWER)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing")).to_contain_text("about to be sent")
        await page.keyboard.press("y")
        await expect(page.locator("#said")).to_contain_text("Copied")
        desk.site.community.forum.says("ana", "And mine is missing, too", title="Mine, too")
        await poll(desk.site.work, "forum")
        await desk.go(page, "/?channel=forum")
        await expect(page.locator("li.row")).to_have_count(2)
