"""Answering from the page of an inquiry: as a plain form, and as scripts do it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from aggregator.web.i18n import CHINESE, ENGLISH, Lang, catalogue
from aggregator.web.replies import refused
from connectors.errors import ReplyRefusedError
from tests.conftest import Community, poll
from tests.web_site import WebSite, csrf, open_site

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

ANSWER = "Please send us the transaction ID."
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    community.forum.user("system").id = 77
    async with open_site(community) as site:
        community.forum.says(
            "lin", "My transfer has not arrived for three hours, and nobody answers", title="Transfer missing"
        )
        await poll(site.work, "forum")
        yield site


async def sends(site: WebSite, seconds: float = HOLD) -> None:
    site.community.clock.pass_(seconds=seconds)
    await Sender(site.work.outbox).send_due(until_done=True)


async def answers(site: WebSite, who: httpx.AsyncClient, text: str = ANSWER, **more: str) -> httpx.Response:
    """As scripts do it, from a page that was just read."""
    path = f"/inquiry/{site.only_id()}"
    page = (await who.get(path)).text
    form = {"csrf": csrf(page), "text": text, "seen": hidden(page, "seen"), **more}
    return await who.post(f"{path}/reply", data=form, headers={"accept": "application/json"})


def hidden(page: str, name: str) -> str:
    """What stands in a field of a page's form that nobody sees."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]


async def test_an_answer_works_as_a_plain_form_and_is_said_in_the_history(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy:
        form = {"csrf": csrf((await amy.get(path)).text), "text": ANSWER, "seen": "", "back": path}
        sent = await amy.post(f"{path}/reply", data=form)
        assert (sent.status_code, sent.headers["location"]) == (303, path)
        held = (await amy.get(path)).text
        assert "about to be sent" in held
        await sends(site)
        page = (await amy.get(path)).text
    assert "about to be sent" not in page
    assert re.search(r"<bdi>amy</bdi> answered", page)
    assert page.count(ANSWER) == 1
    assert site.community.forum.writing.taken == 1


async def test_an_answer_that_came_back_stands_in_the_thread_once(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        await answers(site, amy)
        await sends(site)
        site.community.clock.pass_(minutes=1)
        await poll(site.work, "forum")
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
    assert page.count(ANSWER) == 1
    assert "our account" in page


async def test_a_script_is_told_what_waits_and_can_take_it_back(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        told = await answers(site, amy)
        said: dict[str, Any] = told.json()
        assert (told.status_code, said["state"]) == (202, "held")
        assert said["until"] == pytest.approx(site.community.clock().timestamp() + HOLD)
        assert 'role="timer" data-left="8.0"' in said["html"]  # it is not read aloud each second
        token = csrf((await amy.get("/")).text)
        undone = await amy.post(
            f"/outbox/{said['outbox']}/undo", data={"csrf": token}, headers={"accept": "application/json"}
        )
        assert (undone.json()["state"], undone.json()["text"]) == ("undone", ANSWER)
        late = await amy.post(
            f"/outbox/{said['outbox']}/undo", data={"csrf": token}, headers={"accept": "application/json"}
        )
        assert (late.status_code, late.json()["said"]) == (409, "It was taken back already")
        await sends(site, 60)
    assert site.community.forum.writing.taken == 0


async def test_the_writer_is_told_who_took_an_answer_back(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        told = []
        for who in (amy, sam):
            outbox = (await answers(site, amy)).json()["outbox"]
            form = {"csrf": csrf((await who.get("/")).text)}
            await who.post(f"/outbox/{outbox}/undo", data=form, headers={"accept": "application/json"})
            told.append(re.findall(r'class="sr">unread </span>([^<]+)</a>', (await amy.get("/told")).text))
        ((code,),) = site.work.db.query("SELECT code FROM inquiry")
        assert told == [[], [f"sam took back your answer to {code}; its text is kept for you"]]
        assert "unread </span>" not in (await sam.get("/told")).text


async def test_who_sends_second_sees_the_first_ones_text_and_can_send_after_that(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        path = f"/inquiry/{site.only_id()}"
        page = (await sam.get(path)).text
        await answers(site, amy, "<b>We are on it</b>")
        form = {"csrf": csrf(page), "text": ANSWER, "seen": ""}
        stopped = await sam.post(f"{path}/reply", data=form, headers={"accept": "application/json"})
        assert stopped.status_code == 409
        assert "amy 已经回复" in stopped.json()["said"]
        assert "&lt;b&gt;We are on it" in stopped.json()["html"]
        form["seen"] = stopped.json()["seen"]
        after = await sam.post(f"{path}/reply", data=form, headers={"accept": "application/json"})
    assert after.status_code == 202


async def test_a_stopped_plain_form_keeps_what_was_written(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        path = f"/inquiry/{site.only_id()}"
        page = (await sam.get(path)).text
        await answers(site, amy)
        stopped = await sam.post(f"{path}/reply", data={"csrf": csrf(page), "text": "Mine, too long", "seen": ""})
    assert stopped.status_code == 409
    assert "amy has answered since you opened this" in stopped.text
    assert ">Mine, too long</textarea>" in stopped.text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("   ", "empty"),
        (f"Your phrase is {PHRASE}", "secret"),
        ("x" * 33_000, "too_long"),
        ("x" * 60_000, "too_long"),
    ],
)
async def test_what_must_not_be_sent_is_not_taken(site: WebSite, text: str, name: str) -> None:
    async with site.visitor("amy") as amy:
        told = await answers(site, amy, text)
    assert told.status_code == 422
    assert [each["name"] for each in told.json()["objections"]] == [name]
    assert told.json()["objections"][0]["said"]
    assert site.work.db.query("SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.parametrize("odd", ["²", "1" * 5000, "-1", "x"])
async def test_a_version_that_is_no_number_of_ours_is_none_that_was_seen(site: WebSite, odd: str) -> None:
    async with site.visitor("amy") as amy:
        assert (await answers(site, amy, ver=odd, draft=odd)).status_code == 202


async def test_a_second_click_on_the_plain_form_sends_nothing_more(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy:
        page = (await amy.get(path)).text
        form = {name: hidden(page, name) for name in ("csrf", "back", "ver", "seen", "draft", "confirmed", "key")}
        both = [amy.post(f"{path}/reply", data=form | {"text": ANSWER}) for _ in range(2)]
        assert [answer.status_code for answer in await asyncio.gather(*both)] == [303, 303]
        assert hidden((await amy.get(path)).text, "key") != form["key"]  # what is written next is another one
    assert site.work.db.query("SELECT state, count(*) FROM outbox GROUP BY ALL") == [("held", 1)]


async def test_what_is_sent_again_after_it_was_taken_back_is_taken_once_too(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        token = csrf((await amy.get("/")).text)
        taken = []
        for _ in range(3):
            taken.append((await answers(site, amy, key="box")).json()["outbox"])
            unheard = (await answers(site, amy, key="box")).json()["outbox"]  # nobody hears the answer: sent again
            assert unheard == taken[-1]
            await amy.post(f"/outbox/{unheard}/undo", data={"csrf": token})
        last = [(await answers(site, amy, key="box")).json()["outbox"] for _ in range(2)]
    assert len({*taken, *last}) == 4
    assert site.work.db.query("SELECT state, count(*) FROM outbox GROUP BY 1 ORDER BY 1") == [
        ("held", 1),
        ("undone", 3),
    ]


async def test_the_same_text_from_the_same_box_is_taken_once_unless_it_was_taken_back(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        first = (await answers(site, amy, key="box")).json()["outbox"]
        again = await answers(site, amy, key="box")
        assert (again.status_code, again.json()["outbox"]) == (202, first)
        others = [await answers(site, sam, key="box"), await answers(site, amy, "And the version?", key="box")]
        assert first not in {told.json()["outbox"] for told in others}
        await amy.post(f"/outbox/{first}/undo", data={"csrf": csrf((await amy.get("/")).text)})
        assert (await answers(site, amy, key="box")).json()["state"] == "held"
        assert (await answers(site, amy, ANSWER + " Please.")).json()["state"] == "held"
    texts = site.work.db.query("SELECT text FROM outbox WHERE state = 'held' AND who = 'amy' ORDER BY outbox_id")
    assert texts == [("And the version?",), (ANSWER,), (ANSWER + " Please.",)]


async def test_a_viewer_may_neither_write_nor_decide(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("vic") as vic:
        held = (await answers(site, amy)).json()["outbox"]
        page = (await vic.get(f"/inquiry/{site.only_id()}")).text
        assert 'id="composer"' not in page
        assert "/undo" in page
        assert "data-decide" not in page
        token = csrf(page)
        for path in (f"/inquiry/{site.only_id()}/reply", f"/outbox/{held}/undo"):
            assert (await vic.post(path, data={"csrf": token, "text": "x"})).status_code == 403


async def test_a_refusal_stands_beside_the_answer_in_words_until_it_is_dealt_with(site: WebSite) -> None:
    site.community.forum.writing.refuses.append("similar")
    async with site.visitor("amy") as amy:
        held = (await answers(site, amy)).json()["outbox"]
        await sends(site)
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
        assert "The platform has just had the same text: change it a little." in page
        assert "Body is too similar" in page
        await amy.post(f"/outbox/{held}/dismiss", data={"csrf": csrf(page)})
        assert ANSWER not in (await amy.get(f"/inquiry/{site.only_id()}")).text


@pytest.mark.parametrize(("lang", "end"), [(CHINESE, "。（Topic is closed）"), (ENGLISH, ". (Topic is closed)")])
def test_what_the_platform_said_of_it_stands_in_the_brackets_of_the_language(lang: Lang, end: str) -> None:
    visit = cast("Visit", SimpleNamespace(gettext=catalogue(lang).gettext))
    assert refused(visit, ReplyRefusedError("closed", "Topic is closed"))["said"].endswith(end)


async def test_what_nobody_knows_is_asked_with_two_buttons(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        held = (await answers(site, amy)).json()["outbox"]
        site.community.forum.fail_next("reset")
        await sends(site)
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
        assert "may have been sent" in page
        assert "the platform does not show it so far" in page
        assert f"/outbox/{held}/was-sent" in page
        again = await amy.post(f"/outbox/{held}/again", data={"csrf": csrf(page)})
        assert again.status_code == 303
        await sends(site)
    assert site.community.forum.writing.taken == 1


async def test_the_bar_counts_what_is_not_sent_until_it_comes_back_by_polling(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        await answers(site, amy)
        site.community.forum.fail_next("reset")
        await sends(site)
        await sends(site, 1)
        assert 'class="unsettled"' in (await amy.get("/")).text
        site.community.forum.says("system", ANSWER, reply_to=1001)  # the forum was only slow
        await poll(site.work, "forum")
        await site.stream.look_around()
        assert 'class="unsettled"' not in (await amy.get("/")).text


async def test_a_closed_page_that_another_has_closed_meanwhile_sends_nothing(site: WebSite) -> None:
    path = f"/inquiry/{site.only_id()}"
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        token = csrf((await sam.get(path)).text)
        await sam.post(f"{path}/close", data={"csrf": token, "ver": "1", "reason": "spam"})
        token = csrf((await amy.get(path)).text)
        told = await amy.post(
            f"{path}/reply",
            data={"csrf": token, "text": ANSWER, "seen": "", "ver": "1"},
            headers={"accept": "application/json"},
        )
    assert (told.status_code, told.json()["said"][:13]) == (409, "sam closed it")


async def test_where_no_answer_is_taken_the_page_says_why_and_offers_to_copy(community: Community) -> None:
    async with open_site(community, "forum") as site:
        community.forum.says("lin", "转账三小时未到账", title="转账没到")
        await poll(site.work, "forum")
    async with open_site(community, "telegram") as site, site.visitor("amy") as amy:
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
    composer = page[page.index('id="composer"') :]
    assert "This source is not at work here" in composer
    assert 'data-reply="copy"' in composer
    assert "Open original" in composer
    assert 'data-reply="send"' not in composer


async def test_ids_that_nobody_knows_are_not_found(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        token = csrf((await amy.get("/settings")).text)
        nobody = "00000000-0000-0000-0000-000000000000"
        for path in (f"/outbox/{nobody}/undo", "/outbox/x/undo", f"/outbox/{nobody}/burn", f"/inquiry/{nobody}/reply"):
            assert (await amy.post(path, data={"csrf": token, "text": "x"})).status_code == 404
        assert (await amy.get(f"/inquiry/{nobody}/outgoing")).status_code == 404


async def test_what_did_not_get_there_is_listed_for_everybody_until_somebody_has_dealt_with_it(site: WebSite) -> None:
    site.community.forum.writing.refuses.append("closed")
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        held = (await answers(site, amy)).json()["outbox"]
        await sends(site)
        await sends(site, 0)  # the sender looks again after each answer
        assert 'href="/outbox"' in (await sam.get("/")).text
        listed = (await sam.get("/outbox")).text
        assert ANSWER in listed
        assert "The thread is closed" in listed
        done = await sam.post(f"/outbox/{held}/dismiss", data={"csrf": csrf(listed), "back": "/outbox"})
        assert done.headers["location"] == "/outbox"
        await sends(site, 0)
        assert 'href="/outbox"' not in (await sam.get("/")).text
        assert "None: every answer was sent." in (await sam.get("/outbox")).text
