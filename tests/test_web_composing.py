"""The composer without a browser: drafts, objections and their confirming, snippets, what is suggested."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from aggregator.config import Brand
from aggregator.store.drafts import draft_of
from aggregator.store.snippets import stored_snippets
from connectors.discourse import Discourse
from connectors.replying import Window
from tests.conftest import Community, poll
from tests.secret_maker import words as secret_words
from tests.web_site import WebSite, csrf, open_site

TX = "0x" + "3f9a" * 16
JSON = {"accept": "application/json"}


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    community.more |= {"brand": Brand(names=["Lantern Wallet"], domains=["lanternwallet.example"])}
    async with open_site(community) as site:
        site.community.forum.user("system").id = 77
        site.community.forum.says("lin", f"My transfer {TX} has not arrived since noon", title="Transfer missing")
        await poll(site.work, "forum")
        yield site


async def sends(site: WebSite, who: httpx.AsyncClient, text: str, **more: str) -> httpx.Response:
    path = f"/inquiry/{site.only_id()}"
    page = (await who.get(path)).text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen
    return await who.post(
        f"{path}/reply", data={"csrf": csrf(page), "text": text, "seen": seen[1], **more}, headers=JSON
    )


async def keeps(site: WebSite, who: httpx.AsyncClient, text: str, base: int = 0) -> httpx.Response:
    path = f"/inquiry/{site.only_id()}"
    token = csrf((await who.get("/settings")).text)
    return await who.post(f"{path}/draft", data={"csrf": token, "text": text, "base": str(base)}, headers=JSON)


def names(answer: httpx.Response) -> list[str]:
    return [one["name"] for one in answer.json()["objections"]]


# -- drafts ---------------------------------------------------------------------------------------


async def test_a_draft_is_there_at_the_next_visit_in_another_language_and_after_signing_in_again(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        told = (await keeps(site, amy, "Half a sentence\nand more")).json()
    assert (told["version"], told["saved"]) == (1, site.community.clock().timestamp())
    async with site.visitor("amy", lang="zh-CN") as again:
        page = (await again.get(f"/inquiry/{site.only_id()}")).text
    assert ">Half a sentence\nand more</textarea>" in page
    assert 'name="draft" value="1"' in page
    async with site.visitor("sam") as sam:
        assert "Half a sentence" not in (await sam.get(f"/inquiry/{site.only_id()}")).text


async def test_claiming_reassigning_and_new_posts_leave_drafts_alone(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        await keeps(site, amy, "Amy's words")
        await keeps(site, sam, "Sam's words")
        token = csrf((await sam.get(path)).text)
        await sam.post(f"{path}/claim", data={"csrf": token, "ver": "1"})
        site.community.forum.says("lin", "Hello?", reply_to=1001)
        await poll(site.work, "forum")
        assert ">Amy&#39;s words</textarea>" in (await amy.get(path)).text
        assert ">Sam&#39;s words</textarea>" in (await sam.get(path)).text


async def test_a_secret_is_never_stored_as_a_draft(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        answer = await keeps(site, amy, "Your words are " + " ".join(secret_words(random.Random(3))))
        assert answer.status_code == 422
        assert (await keeps(site, amy, f"Your transaction {TX} is fine")).status_code == 200
    assert "words are" not in draft_of(site.work.desk, "amy", _id(site)).text


async def test_a_sent_answer_clears_its_draft_and_taking_it_back_brings_it_again(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy:
        await keeps(site, amy, "Please restart the a")
        told = (await sends(site, amy, "Please restart the app.", draft="1")).json()
        assert told["draft"]["text"] == ""
        page = (await amy.get(path)).text
        assert re.search(r"<textarea[^>]*></textarea>", page[page.index('id="composer"') :])
        undone = await amy.post(f"/outbox/{told['outbox']}/undo", data={"csrf": csrf(page)}, headers=JSON)
        assert undone.json()["draft"]["text"] == "Please restart the app."
        assert ">Please restart the app.</textarea>" in (await amy.get(path)).text


async def test_what_is_taken_back_does_not_replace_what_was_begun_since(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        told = (await sends(site, amy, "Please restart the app.")).json()
        version = (await keeps(site, amy, "And one more thing", told["draft"]["version"])).json()["version"]
        token = csrf((await amy.get("/settings")).text)
        undone = (await amy.post(f"/outbox/{told['outbox']}/undo", data={"csrf": token}, headers=JSON)).json()
    assert (undone["draft"]["text"], undone["draft"]["version"]) == ("And one more thing", version)
    assert "Please restart the app." in undone["draft"]["html"]
    assert "taken back before it was sent" in undone["draft"]["html"]


async def test_what_another_tab_has_written_is_kept_and_shown_as_text(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        await keeps(site, amy, "<b>In one tab</b>")
        told = (await keeps(site, amy, "In another", 0)).json()
    assert told["text"] == "In another"
    assert 'data-text="&lt;b&gt;In one tab&lt;/b&gt;"' in told["html"]


@pytest.mark.parametrize(("form", "status"), [({"base": "x"}, 400), ({"text": "x" * 50_001}, 413)])
async def test_what_is_no_draft_is_refused(site: WebSite, form: dict[str, str], status: int) -> None:
    async with site.visitor("amy") as amy, site.visitor("vic") as vic:
        token = csrf((await amy.get("/settings")).text)
        path = f"/inquiry/{site.only_id()}/draft"
        assert (await amy.post(path, data={"csrf": token, "text": "x", **form})).status_code == status
        assert (await amy.post(path, data={"text": "x"})).status_code == 403
        token = csrf((await vic.get("/settings")).text)
        assert (await vic.post(path, data={"csrf": token, "text": "x"})).status_code == 403


# -- objections -----------------------------------------------------------------------------------


async def test_a_refused_answer_is_not_taken_whatever_is_confirmed(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        told = await sends(site, amy, "Please send us your recovery phrase.")
        assert (told.status_code, names(told)) == (422, ["asks_secret"])
        key = told.json()["objections"][0]["key"]
        assert (await sends(site, amy, "Please send us your recovery phrase.", confirmed=key)).status_code == 422
        link = await sends(site, amy, "See https://lanternwallet.example.evil.top/now")
        assert names(link) == ["lookalike"]
        assert link.json()["objections"][0]["said"].startswith("evil.top poses as ours")
    assert site.work.db.query("SELECT count(*) FROM outbox") == [(0,)]


async def test_a_warning_is_confirmed_by_sending_once_more(site: WebSite) -> None:
    text = "🙂 We will refund you by tomorrow."
    async with site.visitor("amy") as amy:
        told = await sends(site, amy, text)
        found: list[dict[str, Any]] = told.json()["objections"]
        assert sorted(one["name"] for one in found) == ["promises_money", "promises_time"]
        money = next(one for one in found if one["name"] == "promises_money")
        units = text.encode("utf-16-le")
        assert units[2 * money["start"] : 2 * money["end"]].decode("utf-16-le") == "refund"
        once = await sends(site, amy, text, confirmed=found[0]["key"])
        assert once.status_code == 422
        twice = await sends(site, amy, text, confirmed="\n".join(one["key"] for one in found))
    assert twice.status_code == 202


async def test_without_a_script_the_page_keeps_the_text_and_the_next_send_confirms(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy:
        token = csrf((await amy.get(path)).text)
        form = {"csrf": token, "text": "您好，我们正在核实。", "seen": "", "back": path}
        held = await amy.post(f"{path}/reply", data=form)
        assert held.status_code == 422
        assert "another language (Chinese)" in held.text
        assert "您好，我们正在核实。</textarea>" in held.text
        confirmed = re.search(r'name="confirmed" value="([^"]+)"', held.text)
        assert confirmed
        sent = await amy.post(f"{path}/reply", data={**form, "confirmed": confirmed[1]})
    assert sent.status_code == 303


async def test_what_was_given_and_what_is_anothers_is_named(site: WebSite) -> None:
    other = "0x" + "77be" * 16
    site.community.forum.says("Marlow", f"My transaction {other} is missing", title="Other")
    await poll(site.work, "forum")
    ((this,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE title = 'Transfer missing'")
    ((theirs,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE title = 'Other'")
    async with site.visitor("amy", lang="zh-CN") as amy:
        await amy.get(f"/inquiry/{theirs}")
        token = csrf((await amy.get(f"/inquiry/{this}")).text)
        text = f"Marlow, please send us the transaction hash. We see {other} and {TX}."
        told = await amy.post(f"/inquiry/{this}/reply", data={"csrf": token, "text": text, "seen": ""}, headers=JSON)
    said = {one["name"]: one["said"] for one in told.json()["objections"]}
    assert said == {
        "others_name": "Marlow 是另一位用户的名字。",
        "asks_given": "用户已经提供过：交易哈希。",
        "others_id": f"{other} 属于另一位用户。",
    }


# -- snippets and suggestions ---------------------------------------------------------------------


async def test_the_time_left_to_answer_is_said_above_the_box(site: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forum has no such window: this one is made to have that of WeChat."""
    until = site.community.clock() + timedelta(hours=21)
    monkeypatch.setattr(Discourse, "reply_window", lambda *_: Window(until=until))
    async with site.visitor("amy", lang="zh-CN") as amy:
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
    left = re.search(r'<span class="window" data-until="([^"]+)">(.*?)</span>', page)
    assert left
    assert left[1] == until.isoformat()
    assert re.sub(r"<[^>]+>", "", left[2]).startswith("论坛：还剩 ")


async def test_snippets_come_filled_for_this_inquiry_its_language_first(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        texts = (await amy.get(f"/inquiry/{site.only_id()}/texts", headers=JSON)).json()["texts"]
    by_name = {one["name"]: one for one in texts}
    assert TX in by_name["Transfer waits for confirmations"]["text"]
    assert "Hello lin," in by_name["Thanks for the suggestion"]["text"]
    assert "{incident}" in by_name["Known incident"]["text"]
    assert by_name["Closing"]["text"].endswith("\namy")
    assert texts[0]["key"] == "ask"
    assert "your wallet address or user ID" in by_name["Ask for what is missing"]["text"]
    languages = [one["lang"] for one in texts]
    assert languages.index("zh") > len([one for one in languages if one == "en"]) - 1


async def test_what_was_answered_before_is_suggested_with_its_source(site: WebSite) -> None:
    community = site.community
    community.forum.user("mod_mei").moderator = True
    first = community.forum.says("owl", "How do I export my transaction history as a CSV file?", title="Export")
    community.clock.pass_(minutes=5)
    community.forum.says("mod_mei", "Hi owl, open Settings, History, then Export <b>CSV</b>.", reply_to=first)
    community.forum.says("fox", "how can I export the transaction history into a csv file", title="CSV?")
    await poll(site.work, "forum")
    ((asking,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE title = 'CSV?'")
    async with site.visitor("amy") as amy:
        html = (await amy.get(f"/inquiry/{asking}/suggested")).text
    assert "Hi fox, open Settings, History, then Export &lt;b&gt;CSV&lt;/b&gt;." in html
    assert "owl" not in html
    assert re.search(r'href="/inquiry/[0-9a-f-]{36}">#[A-Z2-7]{7}</a>', html)
    assert "original" in html


async def test_an_exposed_phrase_is_answered_with_what_to_do_first(site: WebSite) -> None:
    site.community.forum.says("elk", "my phrase: " + " ".join(secret_words(random.Random(5))), title="help")
    await poll(site.work, "forum")
    ((exposed,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE secret")
    async with site.visitor("amy") as amy:
        html = (await amy.get(f"/inquiry/{exposed}/suggested")).text
    assert html.index("Phrase leaked: move the funds") > 0
    assert "Create a new wallet in the app" in html


async def test_shared_snippets_in_the_readers_language_stand_first(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        english, chinese = (await amy.get("/snippets")).text, (await sam.get("/snippets")).text
    assert english.index("Create a new wallet in the app") < english.index("在 App 里新建一个钱包")
    assert chinese.index("在 App 里新建一个钱包") < chinese.index("Create a new wallet in the app")


async def test_colleagues_keep_their_own_snippets_and_admins_those_of_all(site: WebSite) -> None:
    site.work.desk.add_user("ada", "admin")
    form = {"name": "Mine", "lang": "en", "text": "Hello {name}", "kind-question": "1", "shared": "1", "id": ""}
    async with site.visitor("amy") as amy, site.visitor("ada") as ada, site.visitor("sam") as sam:
        token = csrf((await amy.get("/snippets")).text)
        assert (await amy.post("/snippets", data={"csrf": token, **form})).status_code == 303
        assert "Mine" in (await amy.get("/snippets")).text
        assert "Mine" not in (await sam.get("/snippets")).text  # an agent shares nothing
        token = csrf((await ada.get("/snippets")).text)
        await ada.post("/snippets", data={"csrf": token, **form, "name": "For all of us"})
        page = (await sam.get("/snippets")).text
        assert "For all of us" in page
        assert "Edit: For all of us" not in page
        edited = {**form, "id": "closing/en", "name": "Bye", "text": "Bye"}
        token = csrf((await sam.get("/snippets")).text)
        assert (await sam.post("/snippets", data={"csrf": token, **edited})).status_code == 403
        assert (await sam.post("/snippets/remove", data={"csrf": token, "id": "closing/en"})).status_code == 403
        token = csrf((await ada.get("/snippets")).text)
        await ada.post("/snippets", data={"csrf": token, **edited})
        page = (await sam.get("/snippets")).text
    assert "Bye" in page
    assert "Good to hear that it is solved" not in page


async def test_a_removed_snippet_can_be_taken_back(site: WebSite) -> None:
    site.work.desk.add_user("ada", "admin")
    async with site.visitor("ada") as ada:
        token = csrf((await ada.get("/snippets")).text)
        gone = await ada.post("/snippets/remove", data={"csrf": token, "id": "closing/en"})
        page = (await ada.get(gone.headers["location"])).text
        assert "Removed: Closing" in page
        assert "Good to hear that it is solved" not in page
        row = re.search(r'action="/snippets/back">.*?name="id" value="([0-9a-f]{32})"', page, re.DOTALL)
        assert row
        await ada.post("/snippets/back", data={"csrf": token, "id": row[1]})
        assert "Good to hear that it is solved" in (await ada.get("/snippets")).text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": ""}, "Give it a name, a language and a text."),
        ({"lang": "xx"}, "Give it a name, a language and a text."),
        ({"text": "Hello {nmae}"}, "Nothing fills {nmae}. There are {name}"),
        ({"text": "Send us your private key"}, "This asks for a secret"),
        ({"text": "See https://evil.top"}, "evil.top is not one of our official domains"),
        ({"name": "x" * 81}, "It is too long"),
    ],
)
async def test_a_snippet_that_could_not_be_sent_is_not_kept(site: WebSite, wrong: dict[str, str], said: str) -> None:
    async with site.visitor("amy") as amy:
        token = csrf((await amy.get("/snippets")).text)
        form = {"csrf": token, "name": "Mine", "lang": "en", "text": "Hello", "id": "", **wrong}
        answer = await amy.post("/snippets", data=form)
    assert answer.status_code == 400
    assert said in answer.text
    assert stored_snippets(site.work.desk, "amy") == []


def _id(site: WebSite) -> bytes:
    ((inquiry,),) = site.work.db.query("SELECT inquiry_id FROM inquiry_open")
    return bytes(inquiry.bytes)
