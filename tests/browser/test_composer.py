"""Writing an answer hands on the keys: nothing that is written is lost, nothing wrong is sent (t06, t10)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, Route, expect

from aggregator.config import Brand
from aggregator.store.drafts import draft_of
from tests.browser.conftest import ARTIFACTS, Desk, ready, until
from tests.browser.test_keys import press_as
from tests.browser.test_screens import TAGS
from tests.conftest import poll

pytestmark = pytest.mark.browser

TX = "0x" + "3f9a" * 16
SAVED = "draft saved"


@pytest_asyncio.fixture(loop_scope="session")
async def asked(desk: Desk) -> str:
    """The path of an inquiry on the forum."""
    community = desk.site.community
    community.forum.user("system").id = 77
    community.forum.says("lin", f"My transfer {TX} has not arrived since noon", title="Transfer missing")
    await poll(desk.site.work, "forum")
    return f"/inquiry/{desk.site.only_id()}"


def stored(desk: Desk, user: str = "amy") -> str:
    ((inquiry,),) = desk.site.work.db.query("SELECT inquiry_id FROM inquiry WHERE title = 'Transfer missing'")
    return draft_of(desk.site.work.desk, user, inquiry.bytes).text


async def test_the_box_grows_with_a_long_answer_and_the_button_stays_in_sight(desk: Desk, asked: str) -> None:
    async with desk.page(path=asked) as page:
        await page.locator("#reply").fill("\n".join(f"Step {number}" for number in range(12)))
        assert await page.locator("#reply").evaluate("(box) => box.scrollHeight <= box.clientHeight")
        await page.locator("#reply").press_sequentially(" and so on")
        await expect(page.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)


async def test_what_is_loaded_late_above_the_box_does_not_push_the_button_out_of_sight(desk: Desk, asked: str) -> None:
    async with desk.page() as page:
        writing = asyncio.Event()

        async def late(route: Route) -> None:
            await writing.wait()
            await route.continue_()

        await page.route("**/suggested", late)
        await desk.go(page, asked)
        await page.locator("#reply").fill("\n".join(f"Step {number}" for number in range(12)))
        await page.locator("#reply").press_sequentially(" and so on")
        before = await page.locator("#reply").evaluate("(box) => box.getBoundingClientRect().top + scrollY")
        writing.set()
        await expect(page.locator("#suggested > *").first).to_be_attached()
        assert await page.locator("#reply").evaluate("(box) => box.getBoundingClientRect().top + scrollY") > before
        await expect(page.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)


async def writes(page: Page, text: str) -> None:
    await page.keyboard.press("r")
    await page.keyboard.type(text)


async def is_saved(page: Page) -> None:
    await expect(page.locator("#draft-state")).to_have_text(re.compile(rf"{SAVED} (?!undefined)\S"))


@asynccontextmanager
async def opened(desk: Desk, context: BrowserContext, path: str) -> AsyncIterator[Page]:
    page = await context.new_page()
    await desk.go(page, path)
    yield page
    await page.close()


# -- t06: what is written is there until it is sent -------------------------------------------------


async def test_a_draft_survives_reload_and_language_and_is_on_the_server_after_two_seconds(
    desk: Desk, asked: str
) -> None:
    async with desk.page("amy", asked) as page:
        await writes(page, "Half a sentence")
        assert stored(desk) == ""
        await is_saved(page)
        assert stored(desk) == "Half a sentence"
        await page.keyboard.type(", and more")
        await page.reload()  # sooner than it could be saved
        await ready(page)
        await expect(page.locator("#reply")).to_have_value("Half a sentence, and more")
        await page.get_by_role("button", name="中文").click()
        await ready(page)
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await expect(page.locator("#reply")).to_have_value("Half a sentence, and more")
        await expect(page.locator("#draft-state")).to_contain_text("草稿已保存")


async def test_a_draft_survives_reassigning_new_posts_and_a_merge_of_incidents_while_it_is_written(
    desk: Desk, asked: str
) -> None:
    async with desk.page("amy", asked) as page, desk.page("sam", asked) as sam:
        await writes(page, "Half a sen")
        await sam.keyboard.press("c")
        await expect(page.locator("#changed")).to_contain_text("something new")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#inquiry .state").first).to_contain_text("sam")
        desk.site.community.forum.says("lin", "Hello? Is anybody there?", reply_to=1001)
        await poll(desk.site.work, "forum")
        await _incidents_merge(desk)
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(".thread")).to_contain_text("Is anybody there")
        await page.locator("#reply").focus()
        await page.keyboard.press("End")
        await page.keyboard.type("tence")
        await expect(page.locator("#reply")).to_have_value("Half a sentence")
        await is_saved(page)
    assert stored(desk) == "Half a sentence"


async def _incidents_merge(desk: Desk) -> None:
    """Put the inquiry into an incident that is merged into another one."""
    insert = (
        "INSERT INTO incident SELECT uuid(), n, 'open', '{\"feature\": \"transfer\"}', now(), NULL, NULL, NULL "
        "FROM range(1, 3) AS t(n)"
    )
    member = (
        "INSERT INTO incident_member SELECT i.incident_id, q.inquiry_id, q.person_id, now(), now(), 'person', "
        "NULL, NULL FROM incident AS i, inquiry_open AS q"
    )
    merged = "UPDATE incident SET state = 'merged' WHERE number = 1"
    for statement in (insert, member, merged):
        await desk.site.work.db.write(lambda con, statement=statement: con.execute(statement).fetchall())
    ids = [row[0].bytes for row in desk.site.work.db.query("SELECT inquiry_id FROM inquiry_open")]
    await desk.site.work.db.write(lambda con: con.execute("UPDATE inquiry_open SET ver = ver + 1").fetchall())
    desk.site.stream.publish(ids)


async def test_a_draft_survives_the_end_of_the_session_and_signing_in_again_in_place(desk: Desk, asked: str) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 40",)
    desk.site.work.desk.set_password("amy", "a long password")
    async with desk.page("amy", asked) as page:
        await writes(page, "Saved. ")
        await is_saved(page)
        desk.site.work.desk.sign_out_everywhere("amy")
        await page.keyboard.type("And this is not.")
        await expect(page.locator("#draft-state")).to_contain_text("kept in this browser; sign in again")
        await page.get_by_role("button", name="Sign in again").click()
        dialog = page.locator("#signin-again")
        await expect(dialog).to_be_visible()
        await page.keyboard.type("a wrong password")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_have_text("Name or password is wrong.")
        await dialog.get_by_label("Password").fill("a long password")
        await page.keyboard.press("Enter")
        await expect(dialog).not_to_be_visible()
        await ready(page)
        await expect(page.locator("#reply")).to_have_value("Saved. And this is not.")
        await is_saved(page)
    assert stored(desk) == "Saved. And this is not."


async def test_a_draft_is_on_the_server_for_another_browser_after_signing_out(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await writes(page, "Begun at one desk")
        await is_saved(page)
    async with desk.page("amy", asked) as page:
        await expect(page.locator("#reply")).to_have_value("Begun at one desk")
    async with desk.page("sam", asked) as page:
        await expect(page.locator("#reply")).to_have_value("")


async def test_of_two_tabs_the_newer_text_wins_and_the_older_one_can_be_restored(desk: Desk, asked: str) -> None:
    async with desk.context("amy") as context, opened(desk, context, asked) as one, opened(desk, context, asked) as two:
        await one.bring_to_front()
        await writes(one, "Written in the first tab")
        await is_saved(one)
        await expect(two.locator("#reply")).to_have_value("Written in the first tab")
        await two.bring_to_front()
        await two.locator("#reply").fill("Something else in the second")
        await is_saved(two)
        await until(two, "document.getElementById('draft-state').querySelector('time') !== null")
        await expect(one.locator("#reply")).to_have_value("Something else in the second")
        await one.bring_to_front()
        await one.locator("#kept").get_by_role("button", name="Take it").click()
        await expect(one.locator("#reply")).to_have_value("Written in the first tab")
        await one.locator("#kept summary").click()
        await expect(one.locator("#kept")).to_contain_text("Something else in the second")


async def test_only_a_sent_answer_clears_the_box_in_every_tab_and_its_undo_brings_it_back(
    desk: Desk, asked: str
) -> None:
    async with desk.context("amy") as context, opened(desk, context, asked) as one, opened(desk, context, asked) as two:
        await one.bring_to_front()
        await writes(one, "Please restart the app.")
        await is_saved(one)
        await expect(two.locator("#reply")).to_have_value("Please restart the app.")
        await one.keyboard.press("Control+Enter")
        await expect(one.locator("#outgoing form")).to_have_count(1)
        await expect(one.locator("#reply")).to_have_value("")
        await expect(two.locator("#reply")).to_have_value("")
        assert stored(desk) == ""
        await one.reload()
        await ready(one)
        await expect(one.locator("#reply")).to_have_value("")
        await one.keyboard.press("z")
        await expect(one.locator("#reply")).to_have_value("Please restart the app.")
        await is_saved(one)
    assert stored(desk) == "Please restart the app."


async def test_a_draft_that_is_saved_after_its_answer_was_taken_does_not_outlive_it(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        taken = asyncio.Event()

        async def late(route: Route) -> None:
            await taken.wait()
            await route.continue_()

        await page.route("**/draft", late, times=1)
        async with page.expect_request("**/draft"):
            await writes(page, "Please restart the app.")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing form")).to_have_count(1)
        async with page.expect_response(lambda told: (told.request.post_data or "").startswith("text=&")):
            taken.set()
        assert stored(desk) == ""
        await page.reload()
        await ready(page)
        await expect(page.locator("#reply")).to_have_value("")


async def test_the_browser_keeps_no_text_that_the_server_has_and_no_draft_for_longer_than_14_days(
    desk: Desk, asked: str
) -> None:
    kept = "Object.keys(localStorage).filter((name) => name.startsWith('draft/'))"
    async with desk.page("amy", asked) as page:
        now = desk.site.community.clock().timestamp()
        left = {"old": {"text": "x", "at": now - 15 * 86400}, "sent": {"text": "", "at": now, "sent": "x"}}
        await page.evaluate(
            "(left) => { for (const [name, one] of Object.entries(left)) "
            "localStorage.setItem(`draft/bob/${name}`, JSON.stringify(one)); }",
            left | {"now": {"text": "x", "at": now}},
        )
        await page.reload()
        await ready(page)
        assert await page.evaluate(kept) == ["draft/bob/now"]
        await writes(page, "Please restart the app.")
        assert len(await page.evaluate(kept)) == 2
        await is_saved(page)
        assert await page.evaluate(kept) == ["draft/bob/now"]
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing form")).to_have_count(1)
        assert await page.evaluate(kept) == ["draft/bob/now"]


async def test_what_is_typed_while_the_server_is_away_is_kept_and_saved_when_it_is_back(desk: Desk, asked: str) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    async with desk.page("amy", asked) as page:
        await page.route("**/draft", lambda route: route.abort())
        await writes(page, "Written offline")
        await expect(page.locator("#draft-state")).to_contain_text("the server is out of reach")
        await page.unroute("**/draft")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await is_saved(page)
    assert stored(desk) == "Written offline"


async def test_an_answer_that_is_long_on_its_way_is_said_to_be_so(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        let_go = asyncio.Event()

        async def late(route: Route) -> None:
            await let_go.wait()
            await route.continue_()

        await page.route("**/reply", late)
        await writes(page, "Please restart the app.")
        await page.keyboard.press("Control+Enter")
        said = page.locator("#composer [role=alert]")
        await expect(said).to_have_text("is being sent")
        let_go.set()
        await expect(page.locator("#outgoing form")).to_have_count(1)
        await expect(said).to_be_empty()


async def test_a_secret_stays_neither_on_the_server_nor_in_the_browser(desk: Desk, asked: str) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 422",)
    words = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    async with desk.page("amy", asked) as page:
        await writes(page, f"Your words {words}")
        await expect(page.locator("#draft-state")).to_contain_text("not saved: this looks like")
        assert await page.evaluate("JSON.stringify(localStorage)") == "{}"
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#composer [role=alert]")).to_contain_text("Never send one")
    assert stored(desk) == ""


# -- t10: input methods -----------------------------------------------------------------------------


async def test_enter_never_sends_and_an_input_method_is_left_alone(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await writes(page, "nihao")
        await page.keyboard.press("Enter")
        for how in ({"composing": True}, {"composing": False}):
            await press_as(page, "document.getElementById('reply')", "Enter", "Enter", **how)
        await page.evaluate(
            "document.getElementById('reply').dispatchEvent(new KeyboardEvent('keydown', "
            "{key: 'Enter', ctrlKey: true, isComposing: true, bubbles: true}))"
        )
        await page.evaluate(
            "document.getElementById('reply').dispatchEvent(new KeyboardEvent('keydown', "
            "{key: 'Process', code: 'Enter', keyCode: 229, ctrlKey: true, bubbles: true}))"
        )
        await expect(page.locator("#outgoing form")).to_have_count(0)
        await expect(page.locator("#reply")).to_have_value("nihao\n")
    assert desk.site.work.db.query("SELECT count(*) FROM outbox") == [(0,)]


async def test_a_live_change_does_not_move_the_box_in_which_an_input_method_is_at_work(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await page.locator("#reply").focus()
        session = await page.context.new_cdp_session(page)
        await session.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
        await expect(page.locator("#reply")).to_have_value("ni")
        desk.site.community.forum.says("lin", "Hello? Is anybody there?", reply_to=1001)
        await poll(desk.site.work, "forum")
        await expect(page.locator("#changed")).to_be_visible()
        await page.evaluate("document.querySelector('#changed button').click()")
        await expect(page.locator(".thread")).to_contain_text("Is anybody there")
        await session.send("Input.imeSetComposition", {"text": "你", "selectionStart": 1, "selectionEnd": 1})
        await session.send("Input.insertText", {"text": "你好"})
        await expect(page.locator("#reply")).to_have_value("你好")
        await expect(page.locator("#reply")).to_be_focused()
        await is_saved(page)
    assert stored(desk) == "你好"


async def test_the_slash_of_a_chinese_input_method_opens_the_snippets_too(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await page.locator("#reply").focus()
        session = await page.context.new_cdp_session(page)
        await session.send("Input.insertText", {"text": "、"})
        await expect(page.locator("#pick-words")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("#reply")).to_be_focused()
        await expect(page.locator("#reply")).to_have_value("、")


# -- snippets, suggestions, objections --------------------------------------------------------------


async def test_a_snippet_is_found_and_filled_by_keys_and_its_gap_is_selected(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await writes(page, "Hello,\n/")
        await expect(page.locator("#pick-words")).to_be_focused()
        await page.keyboard.type("known inc")
        await expect(page.locator("#pick-list li")).to_have_count(1)
        await expect(page.locator("#pick-list li").first).to_contain_text("Known incident")
        await press_as(page, "document.getElementById('pick-words')", "Enter", "Enter", composing=True)
        await expect(page.locator("#picker")).to_be_visible()
        await page.keyboard.press("Enter")
        await expect(page.locator("#picker")).not_to_be_visible()
        value = await page.locator("#reply").input_value()
        assert value.startswith("Hello,\nHello, what you see is a known problem: {incident}.")
        await expect(page.locator("#gaps")).to_contain_text("Not filled in: {incident}")
        await page.keyboard.insert_text("swaps fail")
        await expect(page.locator("#gaps")).to_be_hidden()
        await expect(page.locator("#reply")).to_have_value(value.replace("{incident}", "swaps fail"))
        await page.keyboard.press("Control+z")
        await expect(page.locator("#reply")).to_have_value(value)


async def test_snippets_that_cannot_be_had_are_said_to_be_so_and_are_there_at_the_next_try(
    desk: Desk, asked: str
) -> None:
    desk.trouble.expected = ("Failed to load resource",)
    async with desk.page("amy", asked) as page:
        said = page.locator("#pick-count")
        await page.route("**/texts", lambda route: route.abort())
        await writes(page, "/")
        await expect(said).to_have_text("This could not be loaded.")
        await page.keyboard.type("known")
        await expect(said).to_have_text("This could not be loaded.")
        await page.keyboard.press("Escape")
        await page.unroute("**/texts")
        await page.locator("#pick").click()
        await expect(page.locator("#pick-list li").first).to_be_visible()
        await page.keyboard.type("no snippet has this")
        await expect(said).to_have_text("No snippet has these words")
        await page.keyboard.press("Escape")
        await page.route("**/texts", lambda route: route.fulfill(status=401))
        await page.locator("#pick").click()
        await expect(page.locator("#signin-again")).to_be_visible()


async def test_a_slash_inside_a_line_is_a_slash(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await writes(page, "either/or")
        await expect(page.locator("#picker")).to_be_hidden()
        await expect(page.locator("#reply")).to_have_value("either/or")


async def test_an_answer_with_a_gap_is_refused_and_a_warning_is_sent_by_a_second_time(desk: Desk, asked: str) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 422",)
    async with desk.page("amy", asked) as page:
        said = page.locator("#composer [role=alert]")
        await writes(page, "We will refund {name}.")
        await page.keyboard.press("Control+Enter")
        await expect(said.locator("li.refuse")).to_have_text("{name} is not filled in yet. Show")
        async with page.expect_response("**/reply"):
            await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing form")).to_have_count(0)
        await said.locator("li.refuse").get_by_role("button", name="Show").click()
        await page.keyboard.type("you")
        await page.keyboard.press("Control+Enter")
        await expect(said.locator("li")).to_have_count(1)
        await expect(said.locator("li")).to_have_text("This promises money (refund). Show")
        await expect(said).to_contain_text("Press Ctrl+Enter once more")
        await expect(page.locator("#outgoing form")).to_have_count(0)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#outgoing form")).to_have_count(1)
        await expect(said).to_be_empty()


async def test_what_is_missing_is_asked_for_by_one_click_and_what_was_answered_before_is_put_in(
    desk: Desk, asked: str
) -> None:
    community = desk.site.community
    community.forum.user("mod_mei").moderator = True
    first = community.forum.says("owl", "How do I export my transaction history as a CSV file?", title="Export")
    community.clock.pass_(minutes=5)
    community.forum.says("mod_mei", "Hi owl, open Settings, History, then Export.", reply_to=first)
    community.forum.says("fox", "how can I export the transaction history into a csv file", title="CSV?")
    await poll(desk.site.work, "forum")
    ((asking,),) = desk.site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE title = 'CSV?'")
    async with desk.page("amy", asked) as page:
        await page.locator("#suggested").get_by_role("button", name="Ask for what is missing").click()
        value = await page.locator("#reply").input_value()
        assert value.startswith("Hello, so that we can look into this quickly, please send us your wallet address")
        await desk.go(page, f"/inquiry/{asking}")
        await page.locator(".similar summary").click()
        await expect(page.locator(".similar li")).to_contain_text("Hi fox, open Settings")
        await page.locator(".similar").get_by_role("button", name="Put into the answer").click()
        await expect(page.locator("#reply")).to_have_value("Hi fox, open Settings, History, then Export.")
        await is_saved(page)


async def test_language_and_channel_are_said_above_the_box(desk: Desk, asked: str) -> None:
    async with desk.page("amy", asked) as page:
        await expect(page.locator(".whither")).to_contain_text("Forum")
        await expect(page.locator(".whither")).to_contain_text("write in English")
        await expect(page.locator(".whither")).to_contain_text("everybody can read it")


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh-CN", 390)])
async def test_composer_and_snippets_have_no_violation_and_do_not_scroll_sideways(
    desk: Desk, asked: str, lang: str, width: int
) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 422",)
    desk.site.community.more["brand"] = Brand(names=["Lantern Wallet"])
    desk.site.work.desk.add_user("ada", "admin")
    found = {}
    async with desk.page("ada", asked, lang=lang, width=width) as page:
        await page.locator("#reply").fill("We will refund {name} by tomorrow.")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#composer [role=alert] li")).to_have_count(3)
        await page.locator("#pick").click()
        await expect(page.locator("#pick-list li").first).to_be_visible()
        await page.locator("#composer").scroll_into_view_if_needed()
        found["composer"] = await _looked_at(page, f"composer-{lang}-{width}", [["#composer"]])
        await desk.go(page, "/snippets?edit=closing%2Fen")
        found["snippets"] = await _looked_at(page, f"snippets-{lang}-{width}", [["main"]])
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def _looked_at(page: Page, name: str, parts: list[list[str]]) -> list[str]:
    """What is wrong with our own parts of the page; a picture of it is kept."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    result = await Axe().run(page, context={"include": parts}, options={"runOnly": TAGS})
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in result.response["violations"]]
    return [*wrong, *([f"{wider} px too wide"] if wider > 0 else [])]
