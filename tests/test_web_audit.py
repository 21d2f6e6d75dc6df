"""What leads see of what everybody did, and what they say of what was flagged."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from aggregator.demo.visitor import sign_in
from tests.conftest import Community, open_inquiries
from tests.test_web_acting import Hand
from tests.web_site import WebSite, csrf, open_site


async def _a_day(site: WebSite) -> None:
    """amy and sam work; three users and an incident."""
    site.work.desk.add_user("lee", "lead")
    await site.says(*[(f"user{n}", "the app crashes at start since 5.2.0 on Android") for n in range(3)])
    async with site.visitor("amy") as one, site.visitor("sam") as two:
        amy, sam = await Hand.of(one), await Hand.of(two)
        first, second, third = (str(each["inquiry_id"]) for each in open_inquiries(site.work))
        await amy.does(first, "claim", 1)
        site.community.clock.pass_(minutes=1)
        await sam.does(second, "snooze", 1, until="tomorrow")
        site.community.clock.pass_(hours=30)
    async with site.visitor("amy") as one:
        amy = await Hand.of(one)
        await amy.does(third, "band", 1, band="P1", reason="a <b>partner</b>")
        site.community.clock.pass_(seconds=5)
        _, told = await amy.does(first, "label", 2, tags="vip")
        site.community.clock.pass_(seconds=5)
        await amy.takes_back(told)
        site.community.clock.pass_(seconds=5)
        await amy.does(first, "part", 4)


async def _events(site: WebSite, query: str = "") -> list[dict[str, Any]]:
    async with site.visitor("lee") as lee:
        answer = await lee.get(f"/audit?{query}", headers={"accept": "application/json"})
        assert answer.status_code == 200
        return list(answer.json()["events"])


async def test_everything_that_people_did_stands_there_with_what_it_changed(community: Community) -> None:
    async with open_site(community) as site:
        await _a_day(site)
        events = await _events(site)
        assert [(each["who"], each["what"]) for each in events if each["on"] == "inquiry"] == [
            ("amy", "part"), ("amy", "undo"), ("amy", "label"), ("amy", "band"), ("sam", "snooze"), ("amy", "claim"),
        ]  # fmt: skip
        assert [(each["who"], each["what"], each["name"]) for each in events if each["on"] == "incident"] == [
            ("amy", "remove", "INC-1")
        ]
        snoozed = next(each for each in events if each["what"] == "snooze")
        assert snoozed["before"] == {"state": "new", "snoozed_until": None}
        assert snoozed["after"]["state"] == "snoozed"
        async with site.visitor("lee") as lee:
            page = (await lee.get("/audit")).text
        assert "state: new → snoozed" in page
        assert "set the band to P1: a &lt;b&gt;partner&lt;/b&gt;" in page
        assert "owner: – → amy" in page


async def test_it_is_filtered_by_person_deed_inquiry_and_day_of_the_team(community: Community) -> None:
    async with open_site(community) as site:
        await _a_day(site)
        assert {each["who"] for each in await _events(site, "who=sam")} == {"sam"}
        assert {each["what"] for each in await _events(site, "what=claim")} == {"claim"}
        (code,) = {each["name"] for each in await _events(site, "who=sam")}
        assert [each["what"] for each in await _events(site, f"code=%23{code.lower()}")] == ["snooze"]
        assert await _events(site, "code=ZZZZZZZ") == []
        assert {each["what"] for each in await _events(site, "from=2026-03-14&to=2026-03-14")} == {"claim", "snooze"}
        assert "system" in {each["who"] for each in await _events(site, "system=1")}


async def test_it_is_paged_by_key_without_doubles_or_gaps(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        site.work.desk.add_user("lee", "lead")
        await site.says(*[(f"user{n}", f"my swap number {n} failed") for n in range(60)])
        amy = await Hand.of(client)
        items = [{"id": str(each["inquiry_id"]), "ver": 1} for each in open_inquiries(site.work)]
        await amy.sends("/bulk", what="claim", items=items, sure=60)
        seen: list[str] = []
        async with site.visitor("lee") as lee:
            path: str | None = "/audit"
            while path:
                page = (await lee.get(path, headers={"accept": "application/json"})).json()
                seen += [each["event"] for each in page["events"]]
                path = page["older"]
    assert (len(seen), len(set(seen))) == (60, 60)


async def test_only_leads_see_it(community: Community) -> None:
    async with open_site(community) as site:
        for name in ("amy", "vic"):
            async with site.visitor(name) as client:
                assert (await client.get("/audit")).status_code == 403


async def test_bad_filters_are_refused(community: Community) -> None:
    async with open_site(community) as site:
        site.work.desk.add_user("lee", "lead")
        async with site.visitor("lee") as lee:
            for query in ("from=yesterday", "after=x,y", "after=2026-03-14"):
                assert (await lee.get(f"/audit?{query}")).status_code == 400


async def test_who_asks_is_the_first_that_can_be_flagged_in_a_busy_group(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"), ("owl", "how do I change the network fee?"))
        ((inquiry,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry WHERE excerpt LIKE '%swap%'")
        form = (await client.get(f"/inquiry/{inquiry}/do/flag?part=1")).text
    assert 0 < form.index(">Fox<") < form.index(">Owl<")
    assert "@<bdi>fox</bdi>" in form


async def test_whoever_approached_the_customer_stands_first_in_a_busy_group_and_most_others_fold(
    community: Community,
) -> None:
    community.more |= {"brand": {"names": ["Lantern Wallet"]}}
    async with open_site(community) as site, site.visitor("amy") as client:
        asked = community.telegram.says("fox", "my swap failed")
        community.clock.pass_(minutes=1)
        community.telegram.user("fake")["first_name"] = "Lantern Wa11et"
        community.telegram.says("fake", "dm me", reply_to=asked)
        await site.says(*[(f"owl{number}", "what a day") for number in range(40)])
        inquiry = site.work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry WHERE excerpt LIKE '%swap%'")[0][0]
        form = (await client.get(f"/inquiry/{inquiry}/do/flag?part=1")).text
        seen, _, folded = form.partition("<details>")
        assert [seen.index(">Lantern Wa11et<") < seen.index(">Fox<"), ">Owl39<" in seen] == [True, True]
        assert (seen.count('name="target"'), ">More (" in folded) == (8, True)
        target = re.findall(r'value="(account:[^"]+)"', form)[0]
        amy = await Hand.of(client)
        assert (await amy.does(str(inquiry), "flag", 1, target=target, reason="poses as us"))[0] == 200


async def test_a_flagged_link_warns_and_a_blocked_one_is_not_opened(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "is https://harbor-claim.example/airdrop?ref=7 yours?"))
        amy, inquiry = await Hand.of(client), site.only_id()
        form = (await client.get(f"/inquiry/{inquiry}/do/flag?part=1")).text
        assert 'value="link:harbor-claim.example/airdrop"' in form
        target = "link:harbor-claim.example/airdrop"
        _, told = await amy.does(inquiry, "flag", 1, target=target, reason="asks for phrases")
        assert told["said"] == "harbor-claim.example/airdrop is flagged for review"
        out = "/out?u=https%3A%2F%2Fharbor-claim.example%2Fairdrop%2Fnow%3Fref%3D9"
        page = (await client.get(out)).text
        assert "Flagged for review by amy: asks for phrases" in page
        assert "Go there" in page
        refused = await client.post("/flags", data={"csrf": amy.headers["x-csrf"], "verdict": "blocked"})
        assert refused.status_code == 403
        async with site.visitor("lee") as lee:
            listed = (await lee.get("/flags")).text
            named = re.search(r'name="flag" value="([^"]+)"', listed)
            assert named
            data = {"csrf": csrf(listed), "flag": named[1], "verdict": "blocked"}
            assert (await lee.post("/flags", data=data)).status_code == 303
        page = (await client.get(out)).text
        assert "Blocked by lee: asks for phrases" in page
        assert "Go there" not in page
        disguised = r"https://harbor-claim.example\airdrop\@wallet.test", "https://harbor-claim%2Eexample/airdrop"
        for link in disguised:
            page = (await client.get("/out", params={"u": link})).text
            assert "Blocked by lee: asks for phrases" in page
            assert "Go there" not in page
        assert "blocked harbor-claim.example/airdrop" in (await client.get(f"/inquiry/{inquiry}")).text
        assert "Go there" in (await client.get("/out?u=https%3A%2F%2Fharbor-claim.example%2Fother")).text


async def test_a_flagged_person_is_listed_and_withdrawn_by_undo(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(client), site.only_id()
        ((account,),) = site.work.db.query("SELECT account_id::VARCHAR FROM account WHERE name = 'Fox'")
        _, told = await amy.does(inquiry, "flag", 1, target=f"account:{account}", reason="insults us")
        _, again = await amy.does(inquiry, "flag", 1, target=f"account:{account}", reason="again")
        assert (again["undo"], site.work.db.query("SELECT count(*) FROM flag")) == (None, [(1,)])
        listed = (await client.get("/flags")).text
        assert "Fox" in listed
        assert ">All about this person</a>" in listed
        assert (await amy.takes_back(told))["done"] == 1
        assert site.work.db.query("SELECT state FROM flag") == [("withdrawn",)]


async def test_what_was_flagged_long_ago_can_still_be_judged(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client, site.visitor() as lee:
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "is https://harbor-claim.example/airdrop yours?"))
        amy, inquiry, target = await Hand.of(client), site.only_id(), "link:harbor-claim.example/airdrop"
        await amy.does(inquiry, "flag", 1, target=target, reason="asks for phrases")
        later = (
            "INSERT INTO flag SELECT uuid(), 'link', 'other.example/' || n, ?::UUID, ?, 'amy', 'a copy', 'open', NULL, "
            "NULL FROM range(500) AS r (n)"
        )
        at = community.clock() + timedelta(minutes=1)
        await site.work.db.write(lambda con: con.execute(later, [inquiry, at]))
        await sign_in(lee, site.link("lee"))
        token = csrf((await lee.get("/flags")).text)
        ((flag,),) = site.work.db.query("SELECT flag_id::VARCHAR FROM flag WHERE target LIKE 'harbor%'")
        judged = await lee.post("/flags", data={"csrf": token, "flag": flag, "verdict": "blocked"})
        assert judged.status_code == 303
        assert site.work.db.query("SELECT target FROM flag WHERE state = 'blocked'") == [
            ("harbor-claim.example/airdrop",)
        ]


async def test_changes_to_the_team_stand_in_the_audit_too_in_order_of_time(community: Community) -> None:
    async with open_site(community) as site:
        site.work.desk.add_user("ada", "admin")
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "my swap failed"))
        async with site.visitor("amy") as client:
            await (await Hand.of(client)).does(site.only_id(), "claim", 1)
        site.community.clock.pass_(minutes=1)
        async with site.visitor("ada") as ada, site.visitor("ada") as elsewhere:
            token = csrf((await ada.get("/settings/team")).text)
            await ada.post("/settings/team", data={"csrf": token, "name": "<b>bo</b>", "role": "viewer"})
            await ada.post("/settings/team/role", data={"csrf": token, "name": "sam", "role": "lead"})
            await ada.post("/settings/tokens", data={"csrf": token, "name": "nightly", "scope_read": "1", "days": "7"})
            await ada.post("/settings/tokens/revoke", data={"csrf": token, "name": "nightly"})
            await ada.post("/settings/sessions", data={"csrf": token})
            assert (await elsewhere.get("/settings")).status_code == 303
            site.community.clock.pass_(minutes=1)
            asked = await ada.get("/audit", headers={"accept": "application/json"})
            page = (await ada.get("/audit")).text
        events = asked.json()["events"]
        assert [(each["who"], each["what"], each["on"], each["name"]) for each in events] == [
            ("ada", "team_session", "team", "ada"), ("ada", "team_revoke", "team", "ada"),
            ("ada", "team_token", "team", "ada"), ("ada", "team_role", "team", "sam"),
            ("ada", "team_invite", "team", "<b>bo</b>"), ("amy", "claim", "inquiry", events[-1]["name"]),
        ]  # fmt: skip
        assert "role: agent → lead" in page
        assert "&lt;b&gt;bo&lt;/b&gt;" in page
        assert {each["what"] for each in await _events(site, "what=team_role")} == {"team_role"}
        assert {each["what"] for each in await _events(site, "who=amy")} == {"claim"}
