"""The news of an incident to all who wait for it: once to each, nobody forgotten, whatever happens meanwhile."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from aggregator.web import answering_all
from tests.conftest import Community, poll
from tests.web_site import WebSite, csrf, open_site

SAME = "the app crashes at start since 5.2.0 on Android"
EN, ZH = "Hello {name}, 5.2.1 mends the crash.", "{name}您好，5.2.1 已修复闪退。"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    """INC-1: Bo and 海盐 in the Telegram group, Wren and Nils in the forum; it has ended."""
    community.forum.user("system").id = 77
    async with open_site(community) as site:
        for author in ("Wren", "Nils"):
            community.forum.says(author, SAME, title=f"{author}: crash at start")
            community.clock.pass_(minutes=1)
        await poll(site.work, "forum")
        await site.says(("Bo", SAME), ("海盐", "安卓更新到5.2.0以后一打开就闪退"))
        async with site.visitor("amy") as amy:
            data = {"csrf": csrf((await amy.get("/incidents/1")).text)}
            versions = {"version_zh": "0", "version_en": "0"}
            await amy.post("/incidents/1/notice", data={**data, **versions, "en": EN, "zh": ZH})
            await amy.post("/incidents/1/end", data=data)
        community.clock.pass_(minutes=1)
        yield site


async def _page(who: httpx.AsyncClient) -> str:
    return (await who.get("/incidents/1/answer")).text


def _ticked(page: str) -> list[str]:
    return re.findall(r'name="inquiry" value="([^"]+)" checked', page)


async def _sends(who: httpx.AsyncClient, page: str, *, sure: int | None = None, step: str = "send") -> httpx.Response:
    data = {"csrf": csrf(page), "zh": ZH, "en": EN, "inquiry": _ticked(page), "step": step}
    return await who.post("/incidents/1/answer", data=data | ({"sure": str(sure)} if sure is not None else {}))


async def _time_passes(site: WebSite, times: int = 6, seconds: float = HOLD) -> None:
    """So often the next answer of each source is sent."""
    site.community.clock.pass_(seconds=seconds)
    for _ in range(times):
        await Sender(site.work.outbox).send_due(until_done=True)


def _said(site: WebSite) -> list[str]:
    """What both platforms have of ours."""
    telegram = [message["text"] for message in site.community.telegram.sent]
    return sorted(telegram + _in_forum(site.community))


def _in_forum(community: Community) -> list[str]:
    return sorted(post.text for post in community.forum._posts.values() if post.user.username == "system")


def _states(site: WebSite) -> list[str]:
    return [state for (state,) in site.work.db.query("SELECT state FROM outbox ORDER BY outbox_id")]


async def test_of_more_than_fit_those_who_wait_come_first_and_the_rest_after_them(
    site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering_all, "MOST", 3)
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        assert (len(_ticked(page)), "More who wait: 1." in page) == (3, True)
        await _sends(amy, page, sure=3)
        await _time_passes(site)
        page = await _page(amy)
        assert (len(_ticked(page)), "More who wait" in page) == (1, False)
        await _sends(amy, page, sure=1)
        await _time_passes(site)
    assert len(_said(site)) == 4


async def test_each_gets_it_once_in_their_language_after_a_yes(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        assert len(_ticked(page)) == 4
        assert page.count("安卓更新到5.2.0以后一打开就闪退") == 1  # what they wrote, to choose by
        assert "Hello Bo, 5.2.1 mends the crash." in page
        asked = (await _sends(amy, page, step="ask")).text
        assert "Send this answer to 4 persons?" in asked
        assert re.search(r"Forum 2,\s+Telegram 2\.|Telegram 2,\s+Forum 2\.", asked)
        assert _states(site) == []
        sent = await _sends(amy, page, sure=4)
        lot = sent.headers["location"]
        assert (sent.status_code, _states(site)) == (303, ["held"] * 4)
        assert "4 on their way" in (await amy.get(f"{lot}?part=1")).text
        await _time_passes(site)
        assert _said(site) == sorted([
            "Hello Bo, 5.2.1 mends the crash.", "Hello Nils, 5.2.1 mends the crash.",
            "Hello Wren, 5.2.1 mends the crash.", "海盐您好，5.2.1 已修复闪退。",
        ])  # fmt: skip
        assert "4 of 4 sent" in (await amy.get(lot)).text
        again = await _page(amy)
        assert _ticked(again) == []
        assert "Answered since</h2>" in re.sub(r" \(\d+\)", "", again)
        assert (await _sends(amy, page, sure=4)).status_code == 409
    assert len(_said(site)) == 4
    told = site.work.db.query("SELECT who, details ->> 'answers' FROM incident_event WHERE what = 'answer'")
    assert told == [("amy", "4")]


async def test_all_of_it_is_taken_back_within_the_time_for_it(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        lot = (await _sends(amy, page, sure=4)).headers["location"]
        site.community.clock.pass_(seconds=HOLD - 1)
        assert (await amy.post(f"{lot}/undo", data={"csrf": csrf(page)})).status_code == 303
        assert "4 taken back" in (await amy.get(lot)).text
        await _time_passes(site)
        assert (_said(site), _states(site)) == ([], ["undone"] * 4)
        assert len(_ticked(await _page(amy))) == 4


async def test_whoever_was_answered_meanwhile_is_left_out_and_the_number_is_asked_again(site: WebSite) -> None:
    async with site.visitor("amy") as amy, site.visitor("sam") as sam:
        page = await _page(amy)
        ((inquiry,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry WHERE lang = 'zh-Hans'")
        form = {"csrf": csrf((await sam.get("/")).text), "text": "5.2.1 已修复，请更新。", "seen": ""}
        assert (await sam.post(f"/inquiry/{inquiry}/reply", data=form)).status_code == 303
        late = await _sends(amy, page, sure=4)
        assert late.status_code == 409
        assert "Something has changed since; look again." in late.text
        assert "Send this answer to 3 persons?" in late.text
        assert (await _sends(amy, page, sure=3)).status_code == 303
        await _time_passes(site)
    assert len(_said(site)) == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("I typed my recovery phrase into their site, he had asked for it", "may have given away a phrase"),
        ("all my funds were stolen after that", "may have given away a phrase"),
        ("I cannot take it any more, I want to kill myself", "This is an emergency"),
    ],
)
async def test_whoever_is_robbed_or_in_danger_is_not_chosen_by_itself(site: WebSite, more: str, said: str) -> None:
    await site.says(("Bo", more))
    bo = str(
        site.work.db.query("SELECT inquiry_id FROM inquiry JOIN account USING (person_id) WHERE name = 'Bo'")[0][0]
    )
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        assert (len(_ticked(page)), bo in _ticked(page)) == (3, False)
        assert page.count(said) == 1
        data = {"csrf": csrf(page), "zh": ZH, "en": EN, "inquiry": [*_ticked(page), bo], "step": "ask"}
        asked = (await amy.post("/incidents/1/answer", data=data)).text
        assert "Send this answer to 4 persons?" in asked
        assert "Warnings: 1." in asked


async def test_a_person_over_two_channels_is_told_where_they_wrote_last(site: WebSite) -> None:
    site.work.db.submit(lambda con: con.execute(
        "UPDATE account SET person_id = (SELECT person_id FROM account WHERE name = 'Wren') WHERE name = 'Bo'"
    )).result()  # fmt: skip
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        assert len(_ticked(page)) == 3
        assert "Told where they wrote last (1)" in page
        every = [unescape(each) for each in re.findall(r'form="answer" name="inquiry" value="([^"]+)"', page)]
        data = {"csrf": csrf(page), "zh": ZH, "en": EN, "inquiry": every, "step": "send", "sure": "3"}
        assert (await amy.post("/incidents/1/answer", data=data)).status_code == 303
        await _time_passes(site)
    assert [text for text in _said(site) if "Wren" in text] == []
    assert len(_said(site)) == 3


async def test_what_cannot_be_sent_is_listed_with_the_reason(site: WebSite) -> None:
    site.work.connectors.pop("telegram")
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        assert len(_ticked(page)) == 2
        assert "Not from here (2)" in page
        assert "This source is not at work here" in page
        data = {"csrf": csrf(page), "zh": "", "en": "Send us your recovery phrase.", "inquiry": _ticked(page)}
        refused = (await amy.post("/incidents/1/answer", data=data | {"step": "send", "sure": "2"})).text
        assert "Nobody of us ever does: write it without." in refused
    assert _states(site) == []


async def test_whoever_is_chosen_but_has_no_text_in_their_language_is_counted_before_the_yes(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        data = {"csrf": csrf(page), "zh": ZH, "en": "", "inquiry": _ticked(page)}
        asked = (await amy.post("/incidents/1/answer", data=data | {"step": "ask"})).text
        assert "Send this answer to 1 person?" in asked
        assert "Chosen, but not sent, for what stands below: 3." in asked
        assert "Chosen, but not sent" not in (await _sends(amy, page, step="ask")).text


async def test_one_of_them_is_told_something_else_whatever_becomes_of_the_text_for_all(site: WebSite) -> None:
    ((bo,),) = site.work.db.query(
        "SELECT inquiry_id::VARCHAR FROM inquiry JOIN account USING (person_id) WHERE name = 'Bo'"
    )
    async with site.visitor("amy") as amy:
        page = await _page(amy)
        data = {"csrf": csrf(page), "zh": ZH, "en": EN, "inquiry": _ticked(page)}
        changing = (await amy.post("/incidents/1/answer", data=data | {"alter": bo})).text
        assert re.findall(rf'name="own:{bo}"[^>]* autofocus>([^<]+)<', changing) == ["Hello Bo, 5.2.1 mends the crash."]
        own = {"en": "Hello {name}, get 5.2.2.", f"own:{bo}": "{name}, where do you see it?"}
        asked = (await amy.post("/incidents/1/answer", data=data | own | {"step": "ask"})).text
        assert "Send this answer to 4 persons?" in asked
        assert f'<textarea name="own:{bo}" hidden>Bo, where do you see it?</textarea>' in asked
        wrong = {f"own:{bo}": "Send us your recovery phrase."}
        assert "persons?" not in (await amy.post("/incidents/1/answer", data=data | wrong | {"inquiry": bo})).text
        refused = (await amy.post("/incidents/1/answer", data=data | wrong | {"step": "ask"})).text
        assert "Send this answer to 3 persons?" in refused
        assert "Nobody of us ever does: write it without." in refused
        assert (
            await amy.post("/incidents/1/answer", data=data | own | {"step": "send", "sure": "4"})
        ).status_code == 303
        assert (await amy.post("/incidents/1/answer", data=data | {"own:x": "y"})).status_code == 400
        await _time_passes(site)
    assert _said(site) == sorted([
        "Bo, where do you see it?", "Hello Nils, get 5.2.2.", "Hello Wren, get 5.2.2.", "海盐您好，5.2.1 已修复闪退。",
    ])  # fmt: skip


async def test_a_service_that_dies_in_the_middle_tells_each_of_them_once(community: Community) -> None:
    community.forum.user("system").id = 77
    names = ["Ada", "Ben", "Cleo", "Dora", "Emil"]
    async with open_site(community, "forum") as site:
        for author in names:
            community.forum.says(author, SAME, title=f"{author}: crash at start")
        await poll(site.work, "forum")
        await site.work.ingest.group()
        async with site.visitor("amy") as amy:
            page = await _page(amy)
            data = {"csrf": csrf(page), "en": EN, "zh": "", "inquiry": _ticked(page), "step": "send", "sure": "5"}
            assert (await amy.post("/incidents/1/answer", data=data)).status_code == 303
        await _time_passes(site, times=2)
        community.forum.writing.loses.append("reset")  # the forum has it, and we never hear so
        dying = Sender(site.work.outbox)
        await dying.send_due()
        await dying.stop()
    async with open_site(community, "forum") as site:
        after = Sender(site.work.outbox)
        await after.look_after_a_start()
        await after.send_due(until_done=True)
        await _time_passes(site)
        assert _states(site) == ["sent"] * 5
    assert _in_forum(community) == sorted(f"Hello {name}, 5.2.1 mends the crash." for name in names)


async def test_a_notice_in_the_other_language_makes_no_news_of_what_was_told(site: WebSite) -> None:
    async with site.visitor("amy") as amy:
        data = {"csrf": csrf((await amy.get("/incidents/1")).text)}
        await amy.post("/incidents/1/reopen", data=data)
        only_zh = {**data, "version_zh": "1", "version_en": "1", "zh": ZH + "!", "en": ""}
        await amy.post("/incidents/1/notice", data=only_zh)
        page = await _page(amy)
        chinese = _ticked(page)
        await amy.post(
            "/incidents/1/answer",
            data={"csrf": csrf(page), "zh": ZH + "!", "en": "", "inquiry": chinese, "step": "send", "sure": "1"},
        )
        await _time_passes(site)
        told = [said for said in _said(site) if "!" in said]
        site.community.clock.pass_(minutes=30)
        both = {**data, "version_zh": "2", "version_en": "2", "zh": ZH + "!", "en": EN}
        await amy.post("/incidents/1/notice", data=both)
        left = _ticked(await _page(amy))
    assert len(told) == 1
    assert 0 < len(left) < len(chinese)
