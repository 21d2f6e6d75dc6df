"""Incidents as a browser without script sees them: in rows, on an inquiry, on their own pages."""

from __future__ import annotations

import re

import httpx
import pytest

from aggregator.web import incident_words
from aggregator.web.i18n import CHINESE, ENGLISH
from tests.conftest import Community
from tests.web_site import WebSite, csrf, open_site

LINES = (
    ("fox", "swap failed on Arbitrum, v7.4.1"),
    ("lin", "arb链上兑换失败，版本7.4.1"),
    ("ana", "can't swap on arbitrum since v7.4.1"),
)


async def page_of(visitor: httpx.AsyncClient) -> str:
    return (await visitor.get("/incidents/INC-1")).text


async def does(visitor: httpx.AsyncClient, what: str, **fields: str | list[str]) -> httpx.Response:
    token = csrf(await page_of(visitor))
    return await visitor.post(f"/incidents/INC-1/{what}", data={"csrf": token, "back": "/incidents/INC-1", **fields})


def codes(page: str) -> list[str]:
    """The inquiries on the page of an incident, in order."""
    return re.findall(r'class="code">#([A-Z2-7]{7})', page)


@pytest.mark.parametrize(
    ("lang", "persons", "name", "reason"),
    [
        ("en", "INC-1 · 3 persons", "INC-1 · swaps fail on Arbitrum, v7.4.1", "many report the same"),
        ("zh-CN", "INC-1 · 3 人", "INC-1 · Arbitrum 上兑换失败，v7.4.1", "多人反映同一问题"),
    ],
)
async def test_rows_inquiries_and_the_list_name_the_incident(
    community: Community, lang: str, persons: str, name: str, reason: str
) -> None:
    async with open_site(community) as site, site.visitor("vic", lang) as vic:
        await site.says(*LINES)
        feed = (await vic.get("/")).text
        inquiry = re.search(r'href="(/inquiry/[^"]+)"', feed)
        assert inquiry
        shown = (await vic.get(inquiry[1])).text
        listed = (await vic.get("/incidents")).text
    assert feed.count(persons) == 3
    assert persons in shown
    assert reason in shown
    assert name in listed


def test_several_chains_stand_between_the_signs_of_the_language() -> None:
    fields = {"feature": "swap", "chain": ["arbitrum", "bsc"], "version": ["7.4.1"]}
    assert incident_words.sentence(fields, ENGLISH) == "swaps fail on Arbitrum, BNB Chain, v7.4.1"
    assert incident_words.sentence(fields, CHINESE) == "Arbitrum、BNB Chain 上兑换失败，v7.4.1"


async def test_the_page_lists_its_members_and_why_they_are_there(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        await site.says(*LINES)
        page = await page_of(vic)
    assert len(codes(page)) == 3
    assert page.count("names the same things") == 3
    assert "noticed it" in page
    assert "<button" not in re.sub(r"(?s)<header.*?</header>|<dialog.*?</dialog>", "", page)  # a viewer only looks


async def test_a_colleague_takes_one_out_and_puts_it_back(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*LINES)
        one = codes(await page_of(amy))[0]
        assert (await does(amy, "remove", inquiry=one)).status_code == 303
        without = await page_of(amy)
        assert (await does(amy, "add", inquiry=f"#{one}")).status_code == 303
        again = await page_of(amy)
    assert "2 persons" in without
    assert "a colleague took it out" in without
    assert "3 persons" in again


async def test_an_inquiry_that_is_not_there_cannot_be_put_in_and_its_code_is_told(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*LINES)
        refused = await does(amy, "add", inquiry=" #<b>NONE")
        page = await page_of(amy)
    assert refused.status_code == 409
    assert "There is no inquiry #&lt;b&gt;NONE; nothing was changed." in refused.text
    assert "3 persons" in page


async def test_splitting_merging_and_ending_work_as_plain_forms(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*LINES)
        first = codes(await page_of(amy))[:2]
        await does(amy, "split", inquiry=first)
        listed = (await amy.get("/incidents")).text
        await does(amy, "merge", into="inc-2")
        merged = await page_of(amy)
        await does(amy, "unmerge")
        await does(amy, "end")
        ended = await page_of(amy)
    assert "INC-2" in listed
    assert "Its inquiries are now in" in merged
    assert "a colleague ended it" in ended


@pytest.mark.parametrize(
    ("what", "fields", "said"),
    [
        ("remove", {}, "nothing was changed"),
        ("merge", {"into": "INC-1"}, "nothing was changed"),
        ("merge", {"into": "INC-99"}, "There is no such incident."),
        ("unmerge", {}, "nothing was changed"),
    ],
)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    community: Community, what: str, fields: dict[str, str], said: str
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*LINES)
        answer = await does(amy, what, **fields)
    assert answer.status_code == 409
    assert said in answer.text
    assert "3 persons" in answer.text


@pytest.mark.parametrize("path", ["/incidents/INC-7", "/incidents/nothing", "/incidents/INC-99999999999"])
async def test_an_unknown_incident_is_not_there(community: Community, path: str) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        assert (await vic.get(path)).status_code == 404


async def test_a_viewer_may_not_change_one_and_a_forged_form_neither(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic, site.visitor("amy") as amy:
        await site.says(*LINES)
        await vic.get("/")
        seen = csrf((await vic.get("/settings")).text)
        assert (await vic.post("/incidents/INC-1/end", data={"csrf": seen})).status_code == 403
        assert (await amy.post("/incidents/INC-1/end", data={"csrf": "other"})).status_code == 403


async def test_who_looks_at_a_member_hears_of_each_new_report(community: Community) -> None:
    told: list[set[bytes]] = []
    async with open_site(community) as site:
        await site.says(*LINES)
        site.work.ingest.changed = lambda ids: told.append(set(ids))
        await site.says(("bob", "arbitrum swap failing here as well"))
        assert len(members(site)) == 4
        assert told[-1] == members(site)


def members(site: WebSite) -> set[bytes]:
    return {one.bytes for (one,) in site.work.db.query("SELECT inquiry_id FROM incident_member WHERE left_at IS NULL")}


async def test_what_the_service_did_is_told_of_the_system_in_the_language_of_the_reader(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic", "zh-CN") as vic:
        await site.says(*LINES)
        page = await page_of(vic)
    assert "<bdi>系统</bdi>" in page
    assert "<bdi>system</bdi>" not in page


async def test_a_form_that_was_not_taken_leads_back_to_its_incident(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*LINES)
        refused = await does(amy, "merge", into="INC-99")
        assert refused.status_code == 409
        assert "There is no such incident." in refused.text
        assert 'name="into" size="8" placeholder="INC-1" value="INC-99"' in refused.text
        back = re.search(r'action="/language">.*?name="back" value="([^"]+)"', refused.text, re.DOTALL)
        assert back
        data = {"csrf": csrf(refused.text), "lang": "zh-CN", "back": back[1]}
        led = await amy.post("/language", data=data, follow_redirects=True)
        assert (led.status_code, "问询" in led.text, len(codes(led.text))) == (200, True, 3)
        assert (await amy.get("/incidents/INC-9/merge")).status_code == 404


async def test_language_is_switched_where_the_refused_form_stands(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        refused = await amy.post("/handover/note", data={"csrf": csrf((await amy.get("/")).text), "text": " "})
        assert refused.status_code == 400
        assert 'name="back" value="/handover"' in refused.text


async def test_an_address_that_only_takes_forms_holds_nothing_to_see(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        shown = await amy.get("/settings/password")
    assert (shown.status_code, "There is nothing here" in shown.text) == (405, True)
