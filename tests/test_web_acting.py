"""What colleagues can do over the web: the exchange that scripts and forms have with the server."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pytest

from aggregator.acting.compare_and_set import ChangedMeanwhileError
from aggregator.acting.waking import tell_woken, wake_due
from aggregator.acting.wishes import CLOSE_REASONS
from aggregator.identity import stable_id
from aggregator.store.desk import Desk
from aggregator.store.history import HistoryEvent
from aggregator.web import words
from aggregator.web.doing import who_changed
from tests.conftest import START, Community, open_inquiries
from tests.secret_maker import phrase
from tests.test_scoring import an_inquiry
from tests.web_site import WebSite, csrf, open_site

Client = httpx.AsyncClient


class Hand:
    """One person's browser that posts what scripts post."""

    def __init__(self, client: Client, token: str) -> None:
        self.client = client
        self.headers = {"accept": "application/json", "x-csrf": token}

    @classmethod
    async def of(cls, client: Client) -> Hand:
        return cls(client, csrf((await client.get("/")).text))

    async def does(self, inquiry: str, what: str, ver: int, **more: str) -> tuple[int, dict[str, Any]]:
        data = {"ver": str(ver), **more}
        path = f"/inquiry/{inquiry}/{what}"
        answer = await self.client.post(path, data=data, headers=self.headers, timeout=60)
        return answer.status_code, answer.json()

    async def sends(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        answer = await self.client.post(path, json=body, headers=self.headers, timeout=60)
        return answer.status_code, answer.json()

    async def takes_back(self, answer: dict[str, Any]) -> dict[str, Any]:
        _, told = await self.sends(answer["undo"]["url"], **answer["undo"]["body"])
        return told


def row(site: WebSite) -> dict[str, Any]:
    (only,) = open_inquiries(site.work)
    return only


def without_ver(site: WebSite) -> dict[str, Any]:
    (said,) = site.work.db.query("SELECT i FROM inquiry AS i")[0]
    return {name: value for name, value in said.items() if name != "ver"}


@pytest.mark.parametrize(
    ("what", "more", "shows"),
    [
        ("claim", {}, "claimed"),
        ("assign", {"to": "sam"}, "claimed by sam"),
        ("assign", {"to": "me"}, "claimed by amy"),
        ("wait", {}, "waiting for the customer"),
        ("snooze", {"until": "1h"}, "snoozed"),
        ("close", {"reason": "duplicate"}, "closed"),
        ("label", {"kind": "praise", "tags": "VIP, ios"}, "#vip"),
        ("band", {"band": "P0", "reason": "a partner"}, "P0"),
    ],
)
async def test_what_is_done_can_be_taken_back_to_the_very_row_it_was(
    community: Community, what: str, more: dict[str, str], shows: str
) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, before, inquiry = await Hand.of(client), without_ver(site), site.only_id()
        status, answer = await amy.does(inquiry, what, 1, **more)
        assert (status, shows in answer["html"]) == (200, True)
        assert without_ver(site) != before
        told = await amy.takes_back(answer)
        assert told["said"] == f"Undone: {answer['facts']['code']}"
        assert without_ver(site) == before


async def test_taking_back_is_refused_with_who_changed_it_since(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        _, claimed = await amy.does(inquiry, "claim", 1)
        await sam.does(inquiry, "label", 2, tags="vip")
        community.clock.pass_(seconds=5)
        told = await amy.takes_back(claimed)
        assert (told["done"], told["said"]) == (0, "sam labelled it: #vip 5 s ago")
        await site.says(("fox", "hello? it still fails"))
        _, closed = await amy.does(inquiry, "close", 4)
        await site.says(("fox", "no, wait, it fails again"))
        told = await amy.takes_back(closed)
        assert (told["done"], told["said"]) == (0, "The customer wrote just now: look again")


async def test_what_was_taken_back_in_between_does_not_count_as_a_change(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, before, inquiry = await Hand.of(client), without_ver(site), site.only_id()
        _, claimed = await amy.does(inquiry, "claim", 1)
        _, waiting = await amy.does(inquiry, "wait", 2)
        assert (await amy.takes_back(waiting))["done"] == 1
        assert (await amy.takes_back(claimed))["done"] == 1
        assert without_ver(site) == before
        assert (await amy.sends("/undo"))[1]["said"] == "There is nothing to undo"


async def test_nobody_takes_back_what_somebody_else_did(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam = await Hand.of(one), await Hand.of(two)
        _, claimed = await amy.does(site.only_id(), "claim", 1)
        assert (await sam.sends("/undo", **claimed["undo"]["body"]))[0] == 404
        for unknown in ("ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"):
            assert (await sam.sends("/undo", event=unknown))[0] == 404
        for nothing in ("what?", 5, ["what?"]):
            assert (await sam.sends("/undo", event=nothing))[0] == 400


async def test_whoever_is_late_is_told_who_was_quicker(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam", "zh-CN") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        await amy.does(inquiry, "claim", 1)
        community.clock.pass_(seconds=3)
        status, told = await sam.does(inquiry, "snooze", 1, until="1h")
        assert (status, told["said"], told["owner"], told["take"]) == (409, "amy 刚刚领取了", "amy", False)
        assert told["facts"]["ver"] == "2"


async def test_whoever_sees_that_it_is_taken_and_still_claims_it_is_told_whose_it_is(community: Community) -> None:
    """The page shows it a moment before the key is pressed."""
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        await amy.does(inquiry, "claim", 1)
        await amy.does(inquiry, "label", 2, add="vip")
        status, told = await sam.does(inquiry, "claim", 3)
        assert (status, told["said"], told["owner"]) == (409, "amy claimed it just now", "amy")
        told = (await sam.sends("/bulk", what="claim", items=[{"id": inquiry, "ver": 3}]))[1]
        assert [one["said"] for one in told["refused"]] == ["amy claimed it just now"]
        assert (await sam.does(inquiry, "claim", 2))[1]["said"] == "amy labelled it: #vip just now"
        await sam.does(inquiry, "label", 3, add="gone")
        assert (await sam.does(inquiry, "claim", 3))[1]["said"] == "amy claimed it just now"  # his own label is no news
        await amy.does(inquiry, "close", 4, reason="spam")
        assert (await sam.does(inquiry, "claim", 5))[1]["said"] == "amy closed it (spam or scam) just now"
        await site.says(("fox", "hello? it still fails"))  # that opens it again
        await amy.does(inquiry, "claim", row(site)["ver"])
        await site.says(("fox", "hello?"))
        told = (await sam.sends("/bulk", what="release", items=[{"id": inquiry, "ver": row(site)["ver"] - 1}]))[1]
        assert [one["said"] for one in told["refused"]] == ["The customer wrote just now: look again"]


async def test_nobody_is_told_that_he_himself_was_quicker(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        _, claimed = await amy.does(inquiry, "claim", 1)
        assert (await amy.takes_back(claimed))["done"] == 1
        assert (await amy.does(inquiry, "wait", 1))[0] == 200  # another tab, which shows it as it came
        told = (await amy.sends("/bulk", what="claim", items=[{"id": inquiry, "ver": 1}]))[1]
        assert (told["done"], told["refused"]) == (1, [])
        assert (await sam.does(inquiry, "release", 1))[0] == 409
        await sam.does(inquiry, "label", row(site)["ver"], add="vip")
        assert (await amy.does(inquiry, "close", 1, reason="spam"))[0] == 409  # a colleague was there in between
        await site.says(("fox", "and the money is gone"))
        assert (await amy.does(inquiry, "close", row(site)["ver"] - 1, reason="spam"))[0] == 409  # the customer was
        assert (await amy.does(inquiry, "close", row(site)["ver"] + 1, reason="spam"))[0] == 409
        assert row(site)["state"] != "closed"


@pytest.mark.parametrize("takes_back", [False, True])
async def test_ones_own_note_does_not_hide_what_the_customer_wrote(community: Community, takes_back: bool) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(client), site.only_id()
        await site.says(("fox", "and now my funds are gone, is anybody there?"))
        _, noted = await amy.does(inquiry, "note", 0, text="asked the chain team")
        if takes_back:
            await amy.takes_back(noted)
        status, told = await amy.does(inquiry, "close", 1, reason="spam")
        assert (status, told["said"]) == (409, "The customer wrote just now: look again")
        assert (await amy.does(inquiry, "claim", row(site)["ver"]))[0] == 200
        await amy.does(inquiry, "note", 0, text="they know")
        assert (await amy.does(inquiry, "wait", row(site)["ver"] - 1))[0] == 200  # her claim is no news to her


async def test_only_leads_take_over_from_whoever_is_at_work(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        site.work.desk.add_user("lee", "lead")
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        await amy.does(inquiry, "claim", 1)
        status, told = await sam.does(inquiry, "take", 2)
        assert (status, told["said"]) == (403, "amy is at work: ask, or let a lead take it over")
        assert (await sam.does(inquiry, "assign", 2, to="me"))[0] == 403
        _, told = await sam.sends("/bulk", what="assign", details={"to": "me"}, items=[{"id": inquiry, "ver": 2}])
        assert told["said"] == "0 assigned to sam, 1 was amy's"
        async with site.visitor("lee") as three:
            lee = await Hand.of(three)
            status, told = await lee.does(inquiry, "take", 2)
        assert (status, row(site)["owner"]) == (200, "lee")
        assert told["said"].endswith("over; amy is told")
        community.clock.pass_(minutes=30)
        async with site.visitor("sam") as again:
            assert (await (await Hand.of(again)).does(inquiry, "take", 3))[0] == 200
        assert row(site)["owner"] == "sam"


@pytest.mark.parametrize(
    ("what", "more", "said"),
    [
        ("assign", {"to": "vic"}, "Nobody of that name"),
        ("snooze", {"until": "2020-01-01T09:00"}, "Choose a time"),
        ("snooze", {"until": "soon"}, "Choose a time"),
        ("close", {"reason": "bored"}, "A reason is needed"),
        ("label", {}, "Choose a kind"),
        ("label", {"tags": "x" * 31}, "At most 10 tags"),
        ("band", {"band": "P0"}, "A reason is needed"),
        ("band", {"band": "P7", "reason": "x"}, "Choose a band"),
        ("note", {"text": "  "}, "Write something"),
        ("merge", {"into": "INC-9"}, "There is no such incident"),
        ("flag", {"target": "link:elsewhere.example/x", "reason": "x"}, "does not stand in this thread"),
    ],
)
async def test_what_means_nothing_is_refused_in_words(
    community: Community, what: str, more: dict[str, str], said: str
) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        status, told = await (await Hand.of(client)).does(site.only_id(), what, 1, **more)
        assert (status, said in told["said"]) == (400, True)
        assert site.work.db.query("SELECT count(*) FROM inquiry_event") == [(0,)]


async def test_a_viewer_can_do_nothing(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as client:
        await site.says(("fox", "my swap failed"))
        vic, inquiry = await Hand.of(client), site.only_id()
        for what in ("claim", "wait", "note", "unread", "take", "flag"):
            assert (await vic.does(inquiry, what, 1))[0] == 403
        assert (await vic.sends("/bulk", what="claim", items=[{"id": inquiry, "ver": 1}]))[0] == 403
        assert (await vic.sends("/undo"))[0] == 403
        assert (await client.get(f"/inquiry/{inquiry}/do/close")).status_code == 403


async def test_a_band_keeps_the_priority_within_it_and_the_computed_one_is_shown(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(client), site.only_id()
        computed = row(site)["priority"]
        _, told = await amy.does(inquiry, "band", 1, band="P0", reason="a <partner>")
        assert (told["facts"]["band"], row(site)["priority"]) == ("P0", 80.0)
        page = (await client.get(f"/inquiry/{inquiry}")).text
        assert "amy set the band to P0: a &lt;partner&gt;" in page
        assert f"Without it: {int(computed)}, P3." in page
        points = [float(each) for each in re.findall(r'<td class="number">([+-][\d.]+)</td>', page)]
        assert abs(sum(points) - 80.0) < 0.06 * len(points)
        assert "my swap failed" in (await client.get("/?band=P0")).text
        await amy.does(inquiry, "band", 2, band="P3", reason="noise")
        community.clock.pass_(hours=40)
        assert row(site)["computed"] > 30 > row(site)["priority"]
        async with site.visitor("amy") as later:
            _, told = await (await Hand.of(later)).does(inquiry, "band", 3, band="computed")
        assert (told["facts"]["band"], row(site)["priority"]) == ("P2", row(site)["computed"])


async def test_thanks_wake_nobody_and_a_question_wakes_for_the_owner(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("林", "转账失败了怎么办？"))
        amy, inquiry = await Hand.of(client), site.only_id()
        await amy.does(inquiry, "claim", 1)
        await amy.does(inquiry, "wait", 2)
        await site.says(("林", "谢谢，解决了"))
        assert (row(site)["state"], row(site)["thanks"]) == ("waiting", True)
        await site.says(("林", "又不行了，还是转账失败"))
        assert (row(site)["state"], row(site)["owner"], row(site)["thanks"]) == ("claimed", "amy", False)


async def test_a_snooze_ends_by_time_even_where_nobody_wrote_it_down(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(client), site.only_id()
        await amy.does(inquiry, "claim", 1)
        await amy.does(inquiry, "snooze", 2, until="1h")
        assert "my swap failed" not in (await client.get("/")).text
        assert "my swap failed" in (await client.get("/?state=snoozed")).text
    community.clock.pass_(hours=2)  # and nobody was there
    async with open_site(community) as site, site.visitor("amy") as client:
        assert "my swap failed" in (await client.get("/")).text
        assert "my swap failed" not in (await client.get("/?state=snoozed")).text
        status, _ = await (await Hand.of(client)).does(inquiry, "wait", 3)
        assert (status, row(site)["state"]) == (200, "waiting")


async def test_the_service_writes_down_the_end_of_a_snooze_once_and_makes_it_unread(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"), ("owl", "my swap failed, too"))
        amy = await Hand.of(client)
        for each in open_inquiries(site.work):
            await amy.does(str(each["inquiry_id"]), "snooze", 1, until="1h")
        ours = open_inquiries(site.work)[0]["inquiry_id"]
        site.work.desk.mark_read("amy", ours.bytes, community.clock())
        community.clock.pass_(hours=2)
        told: list[bytes] = []
        for _ in range(2):
            await wake_due(
                site.work.db, site.work.settings, community.clock,
                lambda woken: tell_woken(site.work.desk, told.extend, woken),
            )  # fmt: skip
        assert len(told) == 2
        assert site.work.desk.read_marks("amy", [ours.bytes]) == {}
        stored = site.work.db.query("SELECT DISTINCT state, snoozed_until FROM inquiry_open")
        assert stored == [("new", None)]
        # Whoever saw it awake by the clock has the version of before, and is not told of a change that is none.
        assert (await amy.does(str(ours), "claim", 2))[0] == 200


async def test_two_hundred_races_for_one_inquiry_have_one_owner_each_and_the_loser_is_told(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(*[(f"user{number}", f"my swap number {number} failed") for number in range(200)])
        amy, sam = await Hand.of(one), await Hand.of(two)
        for each in open_inquiries(site.work):
            name = str(each["inquiry_id"])
            (a, mine), (s, theirs) = await asyncio.gather(amy.does(name, "claim", 1), sam.does(name, "claim", 1))
            assert sorted((a, s)) == [200, 409]
            loser = mine if a == 409 else theirs
            assert re.match(r"(amy|sam) claimed it just now", loser["said"])
    owners = "SELECT inquiry_id FROM inquiry_event WHERE what = 'claim' GROUP BY inquiry_id HAVING count(*) = 1"
    async with community.desk("telegram") as work:
        assert len(work.db.query(owners)) == 200


async def test_what_is_picked_is_done_at_once_with_one_line_and_one_undo(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(*[(f"user{number}", f"my swap number {number} failed") for number in range(6)])
        amy, sam = await Hand.of(one), await Hand.of(two)
        items = [{"id": str(each["inquiry_id"]), "ver": each["ver"]} for each in open_inquiries(site.work)]
        for item in items[:2]:
            await amy.does(item["id"], "claim", 1)
        community.clock.pass_(seconds=4)
        gone = {"id": "00000000-0000-0000-0000-000000000000", "ver": 1}
        _, told = await sam.sends("/bulk", what="claim", items=[*items, gone])
        assert told["said"] == "4 claimed, 2 were amy's, 1 had changed"
        assert {one["said"] for one in told["refused"]} == {"amy claimed it just now"}
        assert (told["done"], told["same"], len(told["rows"])) == (4, 0, 6)
        _, again = await sam.sends("/bulk", what="claim", items=[{"id": i["id"], "ver": 2} for i in items[2:]])
        assert again["said"] == "0 claimed, 4 were so already"
        back = await sam.takes_back(told)
        assert back["said"] == "4 taken back"
        assert site.work.db.query("SELECT count(*) FROM inquiry_open WHERE owner = 'sam'") == [(0,)]


async def test_all_that_match_are_those_that_were_there_when_the_view_was_loaded(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(*[(f"user{number}", f"my swap number {number} failed") for number in range(60)])
        amy, seen = await Hand.of(client), community.clock().timestamp()
        community.clock.pass_(minutes=1)
        await site.says(("late", "my swap failed as well"))
        many = {"what": "close", "query": "channel=telegram", "as_of": seen, "details": {"reason": "spam"}}
        _, told = await amy.sends("/bulk", **many)
        assert told["ask"] == {"count": 60, "said": "Close 60 inquiries: spam or scam?"}
        assert site.work.db.query("SELECT count(*) FROM inquiry_event") == [(0,)]
        _, told = await amy.sends("/bulk", **many, sure=60)
        assert (told["said"], told["done"]) == ("60 closed: spam or scam", 60)
        assert [each["excerpt"] for each in open_inquiries(site.work)] == ["my swap failed as well"]
        assert (await amy.sends("/undo"))[1]["said"] == "60 taken back"
        assert len(open_inquiries(site.work)) == 61


async def test_many_are_snoozed_and_labelled_as_a_plain_form(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"), ("owl", "my swap failed, too"))
        token = csrf((await client.get("/")).text)
        items = [f"{each['inquiry_id']}:1" for each in open_inquiries(site.work)]
        form = (await client.get("/bulk/do/label", params={"item": items, "back": "/?state=all"})).text
        assert all(f'name="item" value="{item}"' in form for item in items)
        data = {"csrf": token, "what": "label", "item": items, "add": "vip", "back": "/?state=all"}
        answer = await client.post("/bulk", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?state=all")
        assert site.work.db.query("SELECT tags FROM inquiry_open") == [("vip",), ("vip",)]


@pytest.mark.parametrize(
    "body", [{}, {"what": "claim", "items": [{"id": "x", "ver": 1}]}, {"what": "claim", "items": 3}]
)
async def test_a_request_for_many_that_means_nothing_is_refused(community: Community, body: dict[str, Any]) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        assert (await (await Hand.of(client)).sends("/bulk", **body))[0] == 400


async def test_a_note_is_for_colleagues_never_refused_and_holds_no_secret(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        amy, inquiry = await Hand.of(client), site.only_id()
        secret = phrase(Random(7)).text
        status, told = await amy.does(inquiry, "note", 77, text=f"she sent me: {secret}")
        page = (await client.get(f"/inquiry/{inquiry}")).text
        assert (status, secret in page, "she sent me: " in page) == (200, False, True)
        assert secret not in str(site.work.db.query("SELECT details FROM inquiry_event"))
        assert row(site)["ver"] == 1
        assert (await amy.takes_back(told))["done"] == 1
        assert "note-post" not in (await client.get(f"/inquiry/{inquiry}")).text


async def test_into_an_incident_and_out_is_written_in_both_histories_and_taken_back(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(*[(f"user{n}", "the app crashes at start since 5.2.0 on Android") for n in range(3)])
        await site.says(("fox", "how do I export my history?"))
        amy = await Hand.of(client)
        (one,) = [each for each in open_inquiries(site.work) if each["incident_id"] is None]
        inquiry = str(one["inquiry_id"])
        _, told = await amy.does(inquiry, "merge", 1, into="INC-1")
        assert told["facts"]["incident"] == "1/4"
        assert "put it into INC-1" in (await client.get(f"/inquiry/{inquiry}")).text
        back = await amy.takes_back(told)
        assert back["rows"][inquiry]["facts"]["incident"] == ""
        _, told = await amy.does(inquiry, "merge", 1, into="1")
        _, out = await amy.does(inquiry, "part", 1)
        assert (out["facts"]["incident"], out["said"].endswith("is no longer in INC-1")) == ("", True)
        refused = await amy.takes_back(told)
        assert (refused["done"], "amy took it out of INC-1" in refused["said"]) == (0, True)
        assert (await amy.takes_back(out))["rows"][inquiry]["facts"]["incident"] == "1/4"


async def test_nobody_is_blamed_when_an_incident_takes_nothing_any_more(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        for what in ("the app crashes at start since 5.2.0 on Android", "swap fails on arbitrum, confirming 0%"):
            await site.says(*[(f"{what[:8]}{n}", what) for n in range(3)])
        await site.says(("fox", "how do I export my history?"))
        amy = await Hand.of(client)
        (one,) = [str(each["inquiry_id"]) for each in open_inquiries(site.work) if each["incident_id"] is None]
        await amy.does(one, "claim", 1)
        page = (await client.get("/incidents/INC-1")).text
        form = {"csrf": csrf(page), "back": "/incidents/INC-1", "into": "INC-2"}
        assert (await client.post("/incidents/INC-1/merge", data=form)).status_code == 303
        status, told = await amy.does(one, "merge", 2, into="INC-1")
        assert (status, told["said"]) == (409, "Something has changed since; look again.")
        items = [{"id": one, "ver": 2}]
        _, told = await amy.sends("/bulk", what="merge", details={"into": "INC-1"}, items=items)
        assert [each["said"] for each in told["refused"]] == ["Something has changed since; look again."]


def test_what_stands_in_the_way_is_what_gave_it_to_its_owner() -> None:
    inquiry = an_inquiry()._replace(state="claimed", owner="amy", ver=4)
    events = [
        HistoryEvent(START, who, what, details, stable_id(f"{what} by {who}"), 1 + ver)
        for ver, (who, what, details) in enumerate((("amy", "claim", {}), ("bob", "reply", {}), ("bob", "note", {})), 1)
    ]
    for history, by in ((events, events[0]), (events[1:], None)):
        assert who_changed(tuple(history), ChangedMeanwhileError(inquiry, 4)) == by
    given = HistoryEvent(START, "lee", "assign", {"owner": "amy"}, stable_id("given"), 4)
    assert who_changed((*events, given), ChangedMeanwhileError(inquiry, 4)) == given
    assert who_changed((*events, replace(given, undone=True)), ChangedMeanwhileError(inquiry, 4)) == events[0]


async def test_many_go_into_an_incident_and_out_in_one_step_and_each_is_refused_for_itself(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(*[(name, "swap fails on arbitrum, confirming 0%") for name in ("ann", "bob", "cai")])
        await site.says(*[(f"user{number}", f"how do I turn on dark mode, number {number}?") for number in range(5)])
        amy, sam = await Hand.of(one), await Hand.of(two)
        inside = [str(each["inquiry_id"]) for each in open_inquiries(site.work) if each["incident_id"]]
        outside = [str(each["inquiry_id"]) for each in open_inquiries(site.work) if not each["incident_id"]]
        assert (len(inside), len(outside)) == (3, 5)
        await sam.does(outside[0], "label", 1, tags="vip")
        picked = [*outside, inside[0], "00000000-0000-0000-0000-000000000000"]
        items = [{"id": each, "ver": 1} for each in picked]
        _, told = await amy.sends("/bulk", what="merge", details={"into": "INC-1"}, items=items)
        assert told["said"] == "4 put into INC-1, 2 had changed, 1 was so already"
        assert [each["id"] for each in told["refused"]] == [outside[0]]
        assert {told["rows"][each]["facts"]["incident"] for each in outside[1:]} == {"1/7"}
        await sam.does(outside[1], "part", 1)
        back = await amy.takes_back(told)
        assert (back["done"], [each["id"] for each in back["refused"]]) == (3, [outside[1]])
        assert "sam took it out of INC-1" in back["refused"][0]["said"]
        assert {back["rows"][each]["facts"]["incident"] for each in outside[2:]} == {""}
        _, told = await amy.sends("/bulk", what="part", items=[{"id": each, "ver": 1} for each in inside])
        assert (told["done"], (await amy.takes_back(told))["done"]) == (3, 3)
        page = (await one.get("/incidents/INC-1")).text
        assert [page.count(said) for said in ("put inquiries in", "took inquiries out")] == [2, 3]
        assert {each["incident_persons"] for each in open_inquiries(site.work)} == {0, 3}


async def test_asking_tells_the_owner(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one, site.visitor("sam") as two:
        await site.says(("fox", "my swap failed"))
        amy, sam, inquiry = await Hand.of(one), await Hand.of(two), site.only_id()
        assert (await sam.does(inquiry, "ask", 1))[1]["said"] == "Nobody else has it: claim it"
        await amy.does(inquiry, "claim", 1)
        assert (await sam.does(inquiry, "ask", 2))[1]["said"] == "amy is asked"
        told = [change.data for change in site.stream._ring if change.event == "told"]
        assert [(each["to"], each["who"], each["what"]) for each in told] == [("amy", "sam", "ask")]


async def test_without_scripts_forms_lead_back_and_a_refusal_is_a_page(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client, site.visitor("sam") as other:
        await site.says(("fox", "my swap failed"))
        path = f"/inquiry/{site.only_id()}"
        form = (await client.get(f"{path}/do/snooze", params={"back": path})).text
        data = {"csrf": csrf(form), "ver": "1", "until": "tomorrow", "until_at": "", "back": path}
        answer = await client.post(f"{path}/snooze", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert "until 2026-03-15 09:00" in (await client.get(path)).text
        token = csrf((await other.get(path)).text)
        late = await other.post(f"{path}/close", data={"csrf": token, "ver": "1", "reason": "spam"})
        assert (late.status_code, "amy snoozed it until" in late.text) == (409, True)
        listed = (await client.get("/recent")).text
        event = re.search(r'name="event" value="([^"]+)"', listed)
        assert event
        answer = await client.post("/undo", data={"csrf": csrf(listed), "event": event[1], "back": "/recent"})
        assert (answer.status_code, row(site)["state"]) == (303, "new")


async def test_each_deed_is_one_event_with_what_it_changed(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        await site.says(("fox", "my swap failed"))
        await (await Hand.of(client)).does(site.only_id(), "claim", 1)
        told = site.work.db.query("SELECT ver, before, after FROM inquiry_event")
    assert told == [(2, '{"state":"new","owner":null}', '{"state":"claimed","owner":"amy"}')]


def test_every_reason_for_closing_has_words() -> None:
    assert set(CLOSE_REASONS) <= words.CLOSE_REASONS.keys()


def test_a_read_mark_can_be_dropped_for_one_and_for_all() -> None:
    desk = Desk(None)
    for name in ("amy", "sam"):
        desk.add_user(name, "agent")
        desk.mark_read(name, bytes(16), START)
    desk.mark_unread("amy", bytes(16))
    assert (desk.read_marks("amy", [bytes(16)]), len(desk.read_marks("sam", [bytes(16)]))) == ({}, 1)
    desk.mark_unread(None, bytes(16))
    assert desk.read_marks("sam", [bytes(16)]) == {}
    desk.close()
