"""When something is not as it should be: a source is silent, the server was away, the session is over."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from aggregator.store import sources
from aggregator.web import pages
from tests.browser.conftest import Desk, until

pytestmark = pytest.mark.browser

PASSWORD = "a password that is long enough"


async def test_what_changed_while_the_server_was_away_is_counted(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        port = urlsplit(desk.site.url).port
        await page.keyboard.press("j")
        await desk.site.goes_down()
        await expect(page.locator("#offline")).to_contain_text("Offline since")
        await page.keyboard.press("c")
        await expect(page.locator("#alarm")).to_contain_text("No connection to the server")
        await expect(page.locator("li.row .state")).to_have_text("new")
        await page.locator("#alarm .toast").evaluate("(toast) => toast.remove()")
        for key in ("o", ".", "g", "i"):  # no key leads to a page that cannot be there
            await page.keyboard.press(key)
            await expect(page.locator("li.row[aria-current]")).to_have_count(1)
        await expect(page.locator("#alarm")).to_contain_text("No connection to the server")
        await desk.site.says(("owl", "my swap failed"), ("fox", "please, anyone?"))
        await desk.site.comes_up(port or 0)
        await expect(page.locator("#said")).to_contain_text("2 changes while you were away")
        await expect(page.locator("#pill")).to_contain_text("1 new")


async def test_rows_that_cannot_be_read_again_at_once_are_no_erased_ones_and_are_read_again(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    await desk.site.says(("fox", "how do I change the network fee?"))
    async with desk.page() as page:
        port = urlsplit(desk.site.url).port
        await page.route("**/rows?*", lambda route: route.fulfill(status=502), times=1)
        await page.route("**/rows?*", lambda route: route.abort(), times=1)
        await desk.site.goes_down()
        await expect(page.locator("#offline")).to_be_visible()
        await desk.site.says(("fox", "please, anyone?"))
        await desk.site.comes_up(port or 0)
        await expect(page.locator("#said")).to_contain_text("1 change while you were away", timeout=15_000)
        await expect(page.locator("li.row")).to_have_class("row unread")
        await expect(page.locator("li.row")).to_contain_text("please, anyone?")


async def test_a_tab_opened_later_goes_by_the_time_of_now_and_not_of_when_the_first_one_connected(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.context("amy") as context:
        first, later = await context.new_page(), await context.new_page()
        await desk.go(first, "/")
        desk.site.community.clock.pass_(hours=5)
        await desk.go(later, "/")
        await expect(later.locator("li.row time.due")).to_contain_text("overdue")
        await later.keyboard.press("j")
        await expect(later.locator("#preview time.due").first).to_contain_text("overdue")


async def test_a_new_version_is_offered_and_never_loaded_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    async with desk.page() as page:
        port = urlsplit(desk.site.url).port
        await desk.site.goes_down()
        monkeypatch.setattr(pages, "BUILD", "0123456789ab")
        await desk.site.comes_up(port or 0)
        await expect(page.locator("#newer")).to_contain_text("A new version is there")
        await expect(page.locator("#newer").get_by_role("button", name="Reload")).to_be_visible()


async def test_signing_in_again_happens_in_place_and_what_was_being_written_stays(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 40",)
    await desk.site.says(("fox", "my swap failed"))
    desk.site.work.desk.set_password("amy", PASSWORD)
    async with desk.page() as page:
        await page.locator("#search").fill("half a thought")
        desk.site.work.desk.sign_out_everywhere("amy")
        # What the page asks for by itself may have brought the dialog before, and it lies over the row.
        await page.locator("li.row").dispatch_event("click")
        dialog = page.locator("#signin-again")
        await expect(dialog).to_be_visible()
        await dialog.get_by_label("Password").fill("wrong password")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_contain_text("wrong")
        await dialog.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#search")).to_have_value("half a thought")
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(page.locator("li.row .state")).to_have_text("claimed by amy")


async def test_keys_that_were_meant_for_the_page_are_not_written_into_the_password(desk: Desk) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 40",)
    await desk.site.says(("fox", "my swap failed"))
    async with desk.page() as page:
        dialog = page.locator("#signin-again")
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.press("j")
        await page.keyboard.press("c")
        await expect(dialog).to_be_focused()
        await page.keyboard.type("jkc")
        password = dialog.get_by_label("Password")
        await expect(password).to_have_value("")
        await expect(password).to_be_focused()
        await page.keyboard.type("x")
        await expect(password).to_have_value("x")


async def test_a_silent_source_is_told_above_the_list_and_nothing_moves(desk: Desk) -> None:
    await desk.site.says(*[(f"reader{number}", f"how do I export entry {number}?") for number in range(20)])
    work, now = desk.site.work, desk.site.community.clock()
    async with desk.page() as page:
        for _ in range(8):
            await page.keyboard.press("j")
        current = page.locator("li.row[aria-current]")
        before = (await current.bounding_box() or {})["y"]
        since = now - timedelta(minutes=42)

        def silent(con: object) -> None:
            sources.doubt(con, "telegram", since, now, "quiet")
            sources.report(con, "telegram", "silent", "quiet", 0, now, now, ())

        await work.db.write(silent)
        await desk.site.stream.look_around()
        banner = page.locator("#banner .silent")
        await expect(banner).to_contain_text("Telegram (telegram) has been silent for 42m: items may be missing")
        await expect(banner.locator("time")).to_have_attribute("aria-live", "off")
        assert abs((await current.bounding_box() or {})["y"] - before) <= 1
        await work.db.write(lambda con: sources.report(con, "telegram", "ok", "", 0, now, now, ()))
        await desk.site.stream.look_around()
        await expect(banner).to_have_count(0)


async def test_the_clock_of_a_promise_goes_by_the_servers_time_and_stands_still_while_we_wait(desk: Desk) -> None:
    await desk.site.says(("fox", "my swap failed"))
    async with desk.context("amy") as context:
        page = await context.new_page()
        await page.clock.install(time=desk.site.community.clock() + timedelta(hours=5))  # this computer is far ahead
        await desk.go(page, "/")
        due = page.locator("li.row time.due")
        await expect(due).to_have_text("29m")
        await page.clock.run_for(6 * 60 * 1000)
        await until(page, "document.querySelector('time.due').textContent === '23m'")
        await page.clock.run_for(25 * 60 * 1000)
        await until(page, "document.querySelector('time.due').textContent.startsWith('overdue')")
        await page.keyboard.press("j")
        await page.keyboard.press("w")
        await expect(page.locator("li.row .promise")).to_contain_text("paused")
