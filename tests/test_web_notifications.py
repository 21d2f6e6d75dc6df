"""What people are told reaches them when they come back, too; and when they were last here."""

from __future__ import annotations

import re

import pytest

from aggregator.store.work_stretches import left_at
from tests.conftest import Community, open_inquiries
from tests.test_web_acting import Hand
from tests.web_site import open_site


async def test_what_happened_while_nobody_looked_is_told_later_until_it_is_read(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "my swap failed"), ("owl", "my bridge failed"))
        amy, sam = await Hand.of(one), await Hand.of(two)
        found = site.work.db.query("SELECT inquiry_id::VARCHAR, code FROM inquiry ORDER BY opened_at")
        (first, code), (second, other) = ((str(inquiry), str(code)) for inquiry, code in found)
        await amy.does(first, "claim", 1)
        await sam.does(second, "assign", 1, to="amy")
        await sam.does(first, "ask", 2)
        async with site.visitor("lee") as three:
            await (await Hand.of(three)).does(first, "take", 2)
        assert _count((await two.get("/")).text) is None
        assert _count((await one.get("/")).text) == 3
        said = re.findall(r'class="sr">unread </span>([^<]+)</a>', (await one.get("/told")).text)
        assert said == [
            f"lee took {code} over from you", f"sam asks: may I have {code}?", f"sam assigned {other} to you",
        ]  # fmt: skip
        assert _count((await one.get("/")).text) is None
        assert f"lee took {code} over from you" in (await one.get("/told")).text


async def test_whoever_opens_the_inquiry_has_read_what_concerns_it(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy", "zh-CN") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"), ("owl", "my bridge failed"))
        sam, both = await Hand.of(two), [str(each["inquiry_id"]) for each in open_inquiries(site.work)]
        items = [{"id": one, "ver": 1} for one in both]
        await sam.sends("/bulk", what="assign", details={"to": "amy"}, items=items)
        inquiry = both[0]
        await sam.does(inquiry, "ask", 2)
        assert _count((await one.get("/")).text) == 2
        await one.get(f"/inquiry/{inquiry}")
        assert _count((await one.get("/")).text) == 1
        assert "sam 把 2 条问询分配给了你" in (await one.get("/told")).text.replace("您", "你")


@pytest.mark.parametrize(
    ("what", "more", "said", "said_of_many"),
    [
        (
            "wait",
            {},
            "sam set your {} to waiting for the customer",
            "sam set 2 inquiries of yours to waiting for the customer",
        ),
        ("snooze", {"until": "1h"}, "sam snoozed your {}", "sam snoozed 2 inquiries of yours"),
        ("close", {"reason": "spam"}, "sam closed your {}", "sam closed 2 inquiries of yours"),
    ],
)  # fmt: skip
async def test_the_owner_is_told_what_a_colleague_puts_aside(
    community: Community, what: str, more: dict[str, str], said: str, said_of_many: str
) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"), ("owl", "my bridge failed"), ("bee", "my card is stuck"))
        amy, sam = await Hand.of(one), await Hand.of(two)
        found = site.work.db.query("SELECT inquiry_id::VARCHAR, code FROM inquiry ORDER BY opened_at")
        (first, code), (second, _), (third, _) = ((str(inquiry), str(code)) for inquiry, code in found)
        await amy.sends(
            "/bulk", what="claim", details={}, items=[{"id": each, "ver": 1} for each in (first, second, third)]
        )
        assert (await sam.does(first, what, 2, **more))[0] == 200
        await sam.sends("/bulk", what=what, details=more, items=[{"id": each, "ver": 2} for each in (second, third)])
        assert _told((await one.get("/told")).text) == [said_of_many, said.format(code)]
        await amy.does(first, "reopen", 3)
        assert _count((await one.get("/")).text) is None
        await sam.does(second, "reopen", 3)
        assert _told((await one.get("/told")).text) == [f"sam reopened your {found[1][1]}"]
        assert _count((await two.get("/")).text) is None


async def test_one_alone_is_spoken_of_as_one(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        ((code,),) = site.work.db.query("SELECT code FROM inquiry")

        async def bulk(what: str, ver: int, **details: str) -> str:
            _, told = await sam.sends("/bulk", what=what, details=details, items=[{"id": inquiry, "ver": ver}])
            return str(told["said"])

        assert await bulk("wait", 1) == "1 waiting for its customer"
        assert await bulk("assign", 2, to="amy") == "1 assigned to amy"
        assert f"sam assigned {code} to you" in (await one.get("/told")).text
        assert await bulk("assign", 3, to="amy") == "0 assigned to amy, 1 was so already"
        await amy.does(inquiry, "label", 3, tags="vip")
        assert await bulk("claim", 3) == "0 claimed, 1 was amy's"


async def test_two_hours_without_a_request_part_two_stretches_of_work(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        assert left_at(site.work.desk, "amy") is None
        community.clock.pass_(minutes=30)
        await amy.get("/")
        went = community.clock()
        community.clock.pass_(hours=11)
        await amy.get("/")
        community.clock.pass_(minutes=30)
        await amy.get("/")
        assert left_at(site.work.desk, "amy") == went


async def test_what_an_open_page_asks_by_itself_keeps_nobody_at_work_or_signed_in(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(one), site.only_id()
        await amy.does(inquiry, "claim", 1)
        by_itself = ("/counts", "/rows", "/banner", f"/inquiry/{inquiry}/outgoing")

        async def left_open(minutes: int) -> set[int]:
            community.clock.pass_(minutes=minutes)
            return {(await one.get(path, headers={"accept": "application/json"})).status_code for path in by_itself}

        assert await left_open(6) == {200}
        looks = {"tab": "one", "inquiry": inquiry, "doing": "viewing"}
        assert (await one.post("/presence", data=looks, headers=amy.headers)).status_code == 204
        community.clock.pass_(minutes=6)
        sam = await Hand.of(two)
        assert (await sam.does(inquiry, "take", 2))[0] == 403  # she is there: her page says so
        assert await left_open(6) == {200}
        assert (await sam.does(inquiry, "take", 2))[0] == 200
        await one.get("/")
        went = community.clock()
        assert await left_open(11 * 60) == {200}
        assert await left_open(2 * 60) == {401}
        assert site.work.desk.last_used("amy") == went.timestamp()


async def test_whoever_loses_several_at_once_is_told_once(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "my swap failed"), ("owl", "my bridge failed"), ("bee", "my card is stuck"))
        amy = await Hand.of(one)
        found = site.work.db.query("SELECT inquiry_id::VARCHAR, code FROM inquiry ORDER BY opened_at")
        (first, code), (second, _), (third, _) = ((str(inquiry), str(code)) for inquiry, code in found)
        claimed = [{"id": each, "ver": 1} for each in (first, second, third)]
        await amy.sends("/bulk", what="claim", details={}, items=claimed)
        async with site.visitor("lee") as three:
            lee = await Hand.of(three)
            for lot in ([first], [second, third]):
                items = [{"id": each, "ver": 2} for each in lot]
                await lee.sends("/bulk", what="assign", details={"to": "sam"}, items=items)
        assert _told((await one.get("/told")).text) == [
            "lee took 2 inquiries over from you", f"lee took {code} over from you",
        ]  # fmt: skip
        assert _told((await two.get("/told")).text) == [
            "lee assigned 2 inquiries to you", f"lee assigned {code} to you",
        ]  # fmt: skip
        await amy.sends("/bulk", what="assign", details={"to": "sam"}, items=[{"id": first, "ver": 3}])
        assert _told((await one.get("/told")).text) == []


def _told(page: str) -> list[str]:
    """What is unread."""
    return re.findall(r'class="sr">unread </span>([^<]+)</a>', page)


def _count(page: str) -> int | None:
    """Of the header; None: nothing unread."""
    shown = re.search(r'<b id="told"( hidden)?>(\d+)</b>', page)
    assert shown
    return None if shown[1] else int(shown[2])
