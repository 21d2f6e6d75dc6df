"""The way here and impostors on the pages, and who may say what of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import Community, poll
from tests.people_stage import ADDRESS
from tests.web_site import WebSite, csrf, open_site

LOST = f"my withdrawal to {ADDRESS} has not arrived"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    community.more |= {"brand": {"names": ["Lantern Wallet"]}}
    async with open_site(community) as open_one:
        yield open_one


async def linked(site: WebSite) -> str:
    """Two accounts that name one address; the address of the second one's page."""
    site.community.forum.says("lin", LOST, title="Withdrawal")
    await poll(site.work, "forum")
    site.community.clock.pass_(hours=3)
    await site.says(("fox", LOST))
    return page_of(site, "telegram")


def page_of(site: WebSite, channel: str) -> str:
    ((inquiry,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_open WHERE channel = ?", [channel])
    return f"/inquiry/{inquiry}"


async def press(client: httpx.AsyncClient, page: str, action: str) -> httpx.Response:
    """The first button that leads there."""
    html = (await client.get(page)).text
    found = re.search(rf'action="([^"]+/{action})".*?name="account" value="([^"]+)"', html, re.DOTALL)
    assert found, html
    return await client.post(found[1], data={"csrf": csrf(html), "account": found[2], "back": page})


async def test_the_way_here_is_told_in_both_languages(site: WebSite) -> None:
    page = await linked(site)
    async with site.visitor("vic") as client:
        english = (await client.get(page)).text
    async with site.visitor("vic", lang="zh-CN") as client:
        chinese = (await client.get(page)).text
    assert "The way here" in english
    assert "claimed, not proved: wallet address" in english
    assert "has waited elsewhere before" in english
    assert "来访路径" in chinese
    assert "自称，未核实：钱包地址" in chinese
    assert "Not the same person" not in english  # a viewer only reads


async def test_what_counts_as_claimed_is_explained_only_where_something_is(site: WebSite) -> None:
    site.community.forum.says("night_owl_77", "my withdrawal has not arrived", title="Withdrawal")
    await poll(site.work, "forum")
    await site.says(("night_owl_77", "my withdrawal has not arrived"))
    async with site.visitor("vic") as client:
        suggested = (await client.get(page_of(site, "telegram"))).text
        await site.says(("night_owl_77", LOST))
        site.community.forum.says("night_owl_77", LOST, title="Withdrawal again")
        await poll(site.work, "forum")
        claimed = (await client.get(page_of(site, "telegram"))).text
    assert "only suggested" in suggested
    assert "Anyone can quote one" not in suggested
    assert "Anyone can quote one" in claimed


async def test_a_colleague_undoes_a_link_and_makes_it_again(site: WebSite) -> None:
    page = await linked(site)
    async with site.visitor("amy") as client:
        answer = await press(client, page, "account/unlink")
        assert answer.status_code == 303
        undone = (await client.get(page)).text
        await press(client, page, "account/link")
        again = (await client.get(page)).text
    assert "has waited elsewhere before" not in undone
    assert "said that this is somebody else:" in undone
    assert "has waited elsewhere before" in again


@pytest.mark.parametrize(("name", "status"), [("vic", 403), (None, 401)])
async def test_only_who_may_act_undoes_a_link(site: WebSite, name: str | None, status: int) -> None:
    page = await linked(site)
    account = site.work.db.query("SELECT account_id::VARCHAR FROM person_link LIMIT 1")[0][0]
    async with site.visitor(name) as client:
        html = (await client.get("/settings")).text
        found = re.search(r'name="csrf" value="([^"]+)"', html)
        form = {"csrf": found[1] if found else "", "account": account}
        answer = await client.post(f"{page}/account/unlink", data=form)
    assert answer.status_code == status
    assert site.work.db.query("SELECT count(*) FROM contact") == [(2,)]


@pytest.mark.parametrize(("account", "status"), [("no id", 400), ("00000000-0000-0000-0000-000000000000", 404)])
async def test_an_account_that_is_none_is_refused(site: WebSite, account: str, status: int) -> None:
    page = await linked(site)
    async with site.visitor("amy") as client:
        token = csrf((await client.get(page)).text)
        for what in ("unlink", "clear"):
            answer = await client.post(f"{page}/account/{what}", data={"csrf": token, "account": account})
            assert answer.status_code == status


async def test_who_was_approached_is_told_and_who_did_it_can_be_cleared(site: WebSite) -> None:
    asked = site.community.telegram.says("fox", LOST)
    site.community.clock.pass_(minutes=1)
    site.community.telegram.user("fake")["first_name"] = "Lantern Wa11et"
    site.community.telegram.says("fake", "dm me", reply_to=asked)
    await poll(site.work, "telegram")
    page = page_of(site, "telegram")
    async with site.visitor("amy") as client:
        before, listed = (await client.get(page)).text, (await client.get("/impostors")).text
        await press(client, page, "account/clear")
        site.community.clock.pass_(minutes=1)
        after, empty = (await client.get(page)).text, (await client.get("/impostors")).text
    assert "Approached by" in before
    assert "approached by an impostor" in before
    assert "Lantern Wa11et" in listed
    assert "Approached by" not in after
    assert "said that this is no impostor:" in after
    assert "An impostor after all" in after
    assert "None so far." in empty


async def test_the_list_of_impostors_clears_those_who_approached_nobody(site: WebSite) -> None:
    site.community.telegram.user("fake")["first_name"] = "Lantern Wallet Admin"
    await site.says(("fake", "hello everyone, my swap fails"))
    async with site.visitor("amy") as client:
        await press(client, "/impostors", "clear")
        assert "None so far." in (await client.get("/impostors")).text
    assert page_of(site, "telegram")
