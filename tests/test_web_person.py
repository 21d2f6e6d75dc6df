"""The page of a person: found by what they are called or have shown, over accounts, without what only a claim links."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Community, poll
from tests.people_stage import ADDRESS
from tests.test_web_acting import Hand
from tests.web_site import WebSite, csrf, open_site

LOST = f"my withdrawal to {ADDRESS} has not arrived, order 7741"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    carol = {"name": "Carol", "handles": {"telegram": [str(community.telegram.user("carol")["id"])]}}
    community.more |= {"brand": {"names": ["Lantern Wallet"]}, "team": [carol]}
    async with open_site(community) as open_one:
        open_one.work.desk.add_user("lee", "lead")
        yield open_one


async def both(site: WebSite) -> None:
    """lin in the forum and fox in Telegram name one address; fox wrote of something else before."""
    site.community.forum.says("lin", LOST, title="Withdrawal")
    await poll(site.work, "forum")
    site.community.clock.pass_(hours=3)
    await site.says(("fox", LOST))


def account(site: WebSite, name: str) -> str:
    ((one,),) = site.work.db.query("SELECT account_id::VARCHAR FROM account WHERE lower(name) = ?", [name.lower()])
    return str(one)


async def found(client: httpx.AsyncClient, sought: str) -> list[dict[str, Any]]:
    answer = await client.get("/people", params={"q": sought}, headers={"accept": "application/json"})
    return list(answer.json()["people"])


async def press(client: httpx.AsyncClient, page: str, what: str, **more: str) -> httpx.Response:
    """The first form that leads there."""
    html = (await client.get(page)).text
    form = re.search(rf'<form[^>]*action="([^"]+/{what})">(.*?)</form>', html, re.DOTALL)
    assert form, html
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[2]))
    return await client.post(form[1], data={**hidden, **more})


async def test_a_person_is_found_by_name_handle_id_address_inquiry_and_part_of_the_name(site: WebSite) -> None:
    await both(site)
    ((native, code),) = site.work.db.query(
        "SELECT a.native_id, i.code FROM account AS a JOIN inquiry AS i ON i.person_id = a.account_id "
        "WHERE lower(a.name) = 'fox'"
    )
    async with site.visitor("vic") as client:
        for sought, how in (
            ("FOX", "name"), (native, "id"), (ADDRESS.lower(), "address"), (f"#{code}", "inquiry"),
            (account(site, "fox"), "id"),
        ):  # fmt: skip
            hits = {each["account"]: each["how"] for each in await found(client, sought)}
            assert how in hits[account(site, "fox")]
        assert len(await found(client, ADDRESS)) == 2
        assert {each["name"] for each in await found(client, "fo")} == set()  # too short a part
        assert "Nobody is known by that." in (await client.get("/people?q=nobody")).text
        assert (await found(client, "'; DROP TABLE account; --")) == []
        assert (await client.get("/people/no-id")).status_code == 404
        assert (await client.get("/people/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_what_a_claim_links_is_listed_without_its_words_and_the_page_says_what_that_means(site: WebSite) -> None:
    await both(site)
    async with site.visitor("vic") as client:
        english = (await client.get(f"/people/{account(site, 'fox')}")).text
    async with site.visitor("vic", lang="zh-CN") as client:
        chinese = (await client.get(f"/people/{account(site, 'fox')}")).text
    assert english.count("order 7741") == 1
    assert "its words are not shown here" in english
    assert "claimed, not proved: wallet address" in english
    assert "erase nothing by it" in english
    assert "不得透露另一账号的内容" in chinese
    assert english.index("Telegram</span>") < english.index("Forum</span>")  # the newest first
    assert "Not the same person" not in english  # a viewer only reads


async def test_a_claim_that_is_proved_makes_one_person_and_can_be_taken_back(site: WebSite) -> None:
    await both(site)
    page = f"/people/{account(site, 'fox')}"
    async with site.visitor("amy") as client:
        assert (await press(client, page, "prove")).status_code == 400  # without a reason
        await press(client, page, "prove", reason="code 881 by <mail>")
        proved = (await client.get(page)).text
        persons = site.work.db.query("SELECT count(DISTINCT person_id) FROM account WHERE role = 'customer'")
        site.community.clock.pass_(seconds=5)
        await press(client, page, "unlink")
        undone = (await client.get(page)).text
        site.community.clock.pass_(seconds=5)
        await press(client, page, "link")
        again = (await client.get(page)).text
    async with site.visitor("lee") as lee:
        audit = (await lee.get("/audit", headers={"accept": "application/json"})).json()["events"]
    assert persons == [(1,)]
    assert proved.count("order 7741") == 2
    assert "code 881 by &lt;mail&gt;" in proved
    assert "Said to be somebody else" in undone
    assert undone.count("order 7741") == 1
    assert again.count("order 7741") == 2
    assert [(each["who"], each["what"], each["on"]) for each in audit] == [
        ("amy", what, "account") for what in ("link", "unlink", "prove")
    ]


async def test_a_namesake_is_confirmed_for_repeat_contact_only_or_refused(site: WebSite) -> None:
    site.community.forum.says("foxglove", "deposit missing, ticket 5512", title="Deposit")
    await poll(site.work, "forum")
    site.community.clock.pass_(hours=3)
    await site.says(("foxglove", "deposit missing"))
    mine = site.work.db.query(
        "SELECT account_id::VARCHAR FROM account WHERE space = 'telegram' AND lower(name) = 'foxglove'"
    )
    page = f"/people/{mine[0][0]}"
    async with site.visitor("amy") as client:
        before = (await client.get(page)).text
        await press(client, page, "confirm")
        after = (await client.get(page)).text
        repeats = site.work.db.query("SELECT count(*) FROM repeat_contact")
        await press(client, page, "unlink")
        refused = (await client.get(page)).text
    assert "Perhaps the same person" in before
    assert "ticket 5512" not in before + after
    assert "claimed, not proved: a colleague says so" in after
    assert repeats == [(2,)]
    assert "Said to be somebody else" in refused
    assert "Perhaps the same person" not in refused
    assert site.work.db.query("SELECT count(*) FROM repeat_contact") == [(0,)]


async def test_answer_times_promises_and_what_was_given_stand_beside_each_inquiry(site: WebSite) -> None:
    asked = site.community.telegram.says("fox", f"withdrawal to {ADDRESS} not arrived, on iPhone 14")
    await poll(site.work, "telegram")
    page = f"/people/{account(site, 'fox')}"
    async with site.visitor("amy") as client:
        before = (await client.get(page)).text
        site.community.clock.pass_(minutes=11)
        site.community.telegram.says("carol", "We will get back to you within 2 hours", reply_to=asked)
        await poll(site.work, "telegram")
        promised = (await client.get(page)).text
        site.community.clock.pass_(hours=1)
        site.community.telegram.says("carol", "Found it: the network was slow, it is there now", reply_to=asked)
        await poll(site.work, "telegram")
        kept = (await client.get(page)).text
    assert "not answered yet" in before
    assert "Given: what goes wrong" in before
    assert "Still missing: " in before
    assert "iPhone 14" in before
    assert "first answer after 11m" in promised
    assert "there is time left" in promised
    assert ": kept</span>" in kept


async def test_an_impostor_is_blocked_by_a_lead_and_flagged_by_an_agent_and_the_audit_says_so(site: WebSite) -> None:
    asked = site.community.telegram.says("fox", LOST)
    site.community.clock.pass_(minutes=1)
    site.community.telegram.user("fake")["first_name"] = "Lantern Wa11et"
    site.community.telegram.says("fake", "dm me", reply_to=asked)
    site.community.telegram.user("loner")["first_name"] = "Lantern Wallet Admin"
    await site.says(("loner", "hello everyone, my swap fails"))
    code = site.work.db.query("SELECT code FROM inquiry_open")[0][0]
    async with site.visitor("amy") as client:
        listed = (await client.get("/impostors")).text
        await press(client, "/impostors", "flag")
        forged = await client.post(
            "/impostors/block", data={"csrf": csrf(listed), "account": account(site, "Lantern Wa11et")}
        )
        page = (await client.get(f"/people/{account(site, 'Lantern Wa11et')}")).text
        victim = (await client.get(f"/people/{account(site, 'fox')}")).text
    site.community.clock.pass_(minutes=1)
    async with site.visitor("lee") as lee:
        await press(lee, "/impostors", "block")
        site.community.clock.pass_(minutes=1)
        await press(lee, "/impostors", "block")
        site.community.clock.pass_(minutes=1)
        blocked, flags = (await lee.get("/impostors")).text, (await lee.get("/flags")).text
        await press(lee, "/impostors", "clear")
        audit = (await lee.get("/audit", headers={"accept": "application/json"})).json()["events"]
    assert forged.status_code == 403
    assert f"#{code}" in listed
    assert "Whom this account approached" in page
    assert "Approached by" in victim
    assert blocked.count("blocked · ") == 2
    assert "/impostors/block" not in blocked
    assert flags.count("/people/") == 2
    whats = [(each["who"], each["what"]) for each in audit]
    assert whats == [("lee", "clear"), ("lee", "block"), ("lee", "block"), ("amy", "flag")]


async def test_where_an_account_is_at_home_is_told_by_the_word_of_its_channel(site: WebSite) -> None:
    site.community.telegram.user("fake")["first_name"] = "Lantern Wallet Admin"
    await site.says(("fake", "hello everyone, my swap fails"))
    site.community.forum.says("wren", LOST, title="Withdrawal")
    await poll(site.work, "forum")
    async with site.visitor("amy", "zh-CN") as amy:
        impostors, people = (await amy.get("/impostors")).text, (await amy.get("/people?q=wren")).text
    assert re.search(r">\s*Telegram\s+<bdi>\d+</bdi></td>", impostors)
    assert re.search(r">\s*论坛 <bdi>127\.0\.0\.1", people)


async def test_a_block_is_taken_back_in_the_row_and_the_list_of_flags_says_who_did_what(site: WebSite) -> None:
    site.community.telegram.user("fake")["first_name"] = "Lantern Wallet Admin"
    await site.says(("fake", "hello everyone, my swap fails"))
    async with site.visitor("amy") as amy, site.visitor("lee") as lee:
        await press(amy, "/impostors", "flag")
        await press(lee, "/impostors", "block")
        rows, agents, flags = [(await who.get(page)).text for who, page in (
            (lee, "/impostors"), (amy, "/impostors"), (lee, "/flags"),
        )]  # fmt: skip
        assert ("Unblock" in rows, "Unblock" in agents) == (True, False)
        assert re.search(r"flagged by <bdi>amy</bdi>", flags)
        assert re.search(r"decided by <bdi>lee</bdi>", flags)
        flag = re.search(r'name="flag" value="([^"]+)"', rows)
        assert flag
        form = {"csrf": csrf(rows), "flag": flag[1], "verdict": "harmless", "back": "/impostors"}
        led = await lee.post("/flags", data=form)
        assert (led.status_code, led.headers["location"]) == (303, "/impostors")
        after = (await lee.get("/impostors")).text
        assert ("/impostors/block" in after, "Unblock" in after) == (True, False)


@pytest.mark.parametrize(("what", "status"), [("unlink", 404), ("confirm", 404), ("nothing", 404)])
async def test_nobody_is_linked_to_an_account_that_the_page_does_not_show(
    site: WebSite, what: str, status: int
) -> None:
    await site.says(("fox", "my swap failed"), ("wolf", "my swap failed too"))
    async with site.visitor("amy") as client:
        page = f"/people/{account(site, 'fox')}"
        token = csrf((await client.get(page)).text)
        for other in (account(site, "wolf"), account(site, "fox")):
            answer = await client.post(f"{page}/{what}", data={"csrf": token, "account": other})
            assert answer.status_code == status
    assert site.work.db.query("SELECT count(*) FROM person_link") == [(0,)]


async def test_a_person_with_many_inquiries_is_paged_by_key(site: WebSite) -> None:
    db, clock = site.work.db, site.community.clock
    await site.says(("fox", "my swap failed"))
    copies = (
        "INSERT INTO inquiry_closed SELECT * REPLACE (uuid() AS inquiry_id, 'closed' AS state, ? AS opened_at) "
        "FROM inquiry_open"
    )
    for number in range(70):
        at = clock() - timedelta(days=1 + number)
        db.submit(lambda con, at=at: con.execute(copies, [at])).result()
    async with site.visitor("vic") as client:
        path: str | None = f"/people/{account(site, 'fox')}"
        seen = list[str]()
        while path:
            html = (await client.get(path)).text
            seen += re.findall(r'<a class="code" href="/inquiry/([0-9a-f-]{36})">', html)
            older = re.search(r'<a rel="next" href="([^"]+)"', html)
            path = older and older[1]
        assert (await client.get(f"/people/{account(site, 'fox')}?before=x,y")).status_code == 400
    assert (len(seen), len(set(seen))) == (71, 71)


async def test_only_who_may_act_says_anything_of_an_account(site: WebSite) -> None:
    await both(site)
    async with site.visitor("vic") as client:
        token = (await Hand.of(client)).headers["x-csrf"]
        for what in ("prove", "clear", "block"):
            form = {"csrf": token, "account": account(site, "lin"), "reason": "x"}
            answer = await client.post(f"/people/{account(site, 'fox')}/{what}", data=form)
            assert answer.status_code == 403
