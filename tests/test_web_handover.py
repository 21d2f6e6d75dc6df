"""The hand-over: every number is the size of the view it leads to; notes are kept; times can be chosen."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from random import Random
from zoneinfo import ZoneInfo

import httpx
import pytest

from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from aggregator.web.handover import next_morning
from aggregator.working_time import WorkingTime
from tests.conftest import Community, poll
from tests.secret_maker import phrase
from tests.test_web_acting import Hand
from tests.web_site import WebSite, csrf, open_site

SAME = "the app crashes at start since 5.2.0 on Android"


async def _night(site: WebSite) -> None:
    """amy works, leaves for eleven hours, and comes back to three more inquiries and to what sam did."""
    site.work.desk.add_user("lee", "lead")
    async with site.visitor("amy") as one:
        amy = await Hand.of(one)
        await site.says(*[(f"user{n}", SAME) for n in range(3)], ("fox", "my swap failed"), ("owl", "how do I stake?"))
        site.community.clock.pass_(minutes=6)
        fox, owl, user0 = (_of(site, who) for who in ("fox", "owl", "user0"))
        await amy.does(fox, "claim", 1)
        await amy.does(owl, "assign", 1, to="me")
        await amy.does(user0, "claim", 1)
    site.community.clock.pass_(hours=6)
    await site.says(*[(f"night{n}", SAME) for n in range(2)], ("fox", "hello? my swap is still failing"))
    async with site.visitor("lee") as two:
        lee = await Hand.of(two)
        await lee.does(owl, "label", 2, tags="vip")
        site.community.clock.pass_(seconds=5)
        await lee.does(user0, "take", 2)
        await lee.does(_of(site, "user1"), "close", 1, reason="resolved")
    site.community.clock.pass_(hours=5)


def _of(site: WebSite, author: str) -> str:
    found = site.work.db.query(
        "SELECT q.inquiry_id::VARCHAR FROM inquiry AS q JOIN account AS a ON a.account_id = q.person_id "
        "WHERE lower(a.name) = ?",
        [author],
    )
    return str(found[0][0])


def _figures(page: str) -> list[tuple[str, int, str]]:
    """(name, number, where it leads), in order."""
    found = re.findall(r'<li><a href="([^"]+)"><b>([\d,]+)</b> ([^<]+)</a></li>', page)
    return [(unescape(name), int(number), unescape(url)) for url, number, name in found]


async def _rows(client: httpx.AsyncClient, url: str) -> int:
    return len(re.findall(r'<li class="row[ "]', (await client.get(url)).text))


async def test_every_number_is_the_size_of_the_view_it_leads_to(community: Community) -> None:
    async with open_site(community) as site:
        await _night(site)
        async with site.visitor("amy") as amy:
            page = (await amy.get("/handover")).text
            figures = _figures(page)
            counted = [(name, number, await _rows(amy, url)) for name, number, url in figures]
            grown = re.search(r'<a href="([^"]+)"><b>\+(\d+)</b> new inquiries', page)
            assert grown
            assert await _rows(amy, unescape(grown[1])) == int(grown[2]) == 2
    assert [(name, number) for name, number, _ in figures] == [
        ("came in", 2), ("customers wrote", 3), ("answered", 0), ("closed", 1), ("P0 now", 0), ("unowned now", 3),
        ("overdue now", 7 - 1), ("will be overdue", 0), ("of these mine", 0), ("of these unowned", 0),
        ("claimed", 2), ("waiting for the customer", 0), ("snoozed", 0), ("customers wrote again", 1),
        ("changed by others", 1),
    ]  # fmt: skip
    assert [number for _, number, _ in counted] == [size for *_, size in counted]
    assert re.findall(r"</time> <bdi>(\w+)</bdi> ([^<]+?) ?<a", page) == [
        ("lee", "took it over from amy"), ("lee", "labelled it: #vip"),
    ]  # fmt: skip


async def test_what_is_answered_is_not_unfinished(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as one:
        await site.says(("fox", "my swap failed"))
        amy, fox = await Hand.of(one), _of(site, "fox")
        since = community.clock()
        await amy.does(fox, "claim", 1)
        await site.says(("fox", "and my funds?"))
        query = f"since={since.astimezone(ZoneInfo(site.work.settings.timezone)):%Y-%m-%dT%H:%M}"
        before = _figures((await one.get(f"/handover?{query}")).text)
        form = {"csrf": amy.headers["x-csrf"], "text": "We are looking into it.", "seen": ""}
        assert (await one.post(f"/inquiry/{fox}/reply", data=form)).status_code == 303
        community.clock.pass_(seconds=HOLD)
        await Sender(site.work.outbox).send_due(until_done=True)
        after = _figures((await one.get(f"/handover?{query}")).text)
    unfinished = [[number for name, number, _ in told if name == "customers wrote again"] for told in (before, after)]
    assert unfinished == [[1], [0]]


async def test_times_can_be_chosen_and_what_breaks_until_then_is_counted(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy", "zh-CN") as amy:
        await site.says(("fox", "my swap failed"))
        page = (await amy.get("/handover?since=2026-03-14T15:00&back=2026-03-20T09:00")).text
        assert 'value="2026-03-14T15:00"' in page
        assert ("将逾期", 1) in [(name, number) for name, number, _ in _figures(page)]
        early = (await amy.get("/handover?since=nonsense&back=2026-03-14T16:02")).text
        assert ("将逾期", 0) in [(name, number) for name, number, _ in _figures(early)]
        assert (await amy.get("/?owner=none&touched=2026-03-14T15:00")).status_code == 200
        text = (await amy.get("/handover.txt?since=2026-03-14T15:00&back=2026-03-20T09:00")).text
        ((code,),) = site.work.db.query("SELECT code FROM inquiry")
    assert text.startswith("amy 的交接，03-14 15:00 至 03-20 09:00\n此后：新增 1")
    assert f"- #{code} · Telegram" in text
    assert "swap" not in text


async def test_the_text_names_what_presses_most_first_and_no_bars_stand_for_a_secret(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(("fox", "how do I export?"), ("owl", "my funds were stolen, help, I gave my recovery phrase"))
        community.clock.pass_(hours=30)
        async with site.visitor("amy") as amy:
            form = {"csrf": csrf((await amy.get("/handover")).text), "text": f"they wrote {phrase(Random(7)).text}"}
            await amy.post("/handover/note", data=form)
            text = (await amy.get("/handover.txt")).text
    due = re.findall(r"^- .* · (P\d) (\d+)$", text, re.MULTILINE)
    assert len(due) == 2
    assert [band for band, _ in due] == sorted(band for band, _ in due)
    assert int(due[0][1]) > int(due[1][1])
    assert "█" not in text
    assert "[secret masked]" in text


async def test_one_more_of_an_incident_is_spoken_of_as_one(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(*[(f"user{n}", SAME) for n in range(3)])
        community.clock.pass_(minutes=6)
        since = community.clock()
        await site.says(("late", SAME))
        query = f"since={since.astimezone(ZoneInfo(site.work.settings.timezone)):%Y-%m-%dT%H:%M}"
        page = (await amy.get(f"/handover?{query}")).text
        text = (await amy.get(f"/handover.txt?{query}")).text
    assert "<b>+1</b> new inquiry<" in page
    assert "4 persons, 1 new inquiry" in text


async def test_a_note_is_kept_with_who_left_it_and_who_put_it_away(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam") as sam:
        data = {"csrf": csrf((await amy.get("/handover")).text)}
        assert (await amy.post("/handover/note", data={**data, "text": " "})).status_code == 400
        assert (await amy.post("/handover/note", data={**data, "text": "bank calls <at> 9"})).status_code == 303
        page = (await sam.get("/handover")).text
        assert "bank calls &lt;at&gt; 9" in page
        action = re.search(r'action="(/handover/note/[^"]+/done)"', page)
        assert action
        assert "bank calls <at> 9" in (await sam.get("/handover.txt")).text
        community.clock.pass_(minutes=5)
        assert (await sam.post(action[1], data={"csrf": csrf(page)})).status_code == 303
        assert (await amy.post(action[1], data=data)).status_code == 303
        kept = site.work.db.query("SELECT text, written_by, done_by FROM handover_note")
        assert kept == [("bank calls <at> 9", "amy", "sam")]
        assert "put away by" in (await amy.get("/handover")).text
        site.work.desk.add_user("lee", "lead")
        async with site.visitor("lee") as lee:
            audit = (await lee.get("/audit", headers={"accept": "application/json"})).json()["events"]
            page = (await lee.get("/audit")).text
        assert "left a hand-over note: bank calls &lt;at&gt; 9" in page
        assert re.findall(r"<option>(amy|sam)</option>", page) == ["amy", "sam"]  # whose events can be chosen
        assert [(each["who"], each["what"], each["on"]) for each in audit] == [
            ("sam", "handover_done", "handover"), ("amy", "handover_note", "handover"),
        ]  # fmt: skip
        async with site.visitor("vic") as vic:
            token = csrf((await vic.get("/handover")).text)
            assert (await vic.post("/handover/note", data={"csrf": token, "text": "x"})).status_code == 403


async def test_a_source_that_cannot_be_read_is_named(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        community.forum.fail_next("reset", "reset", "reset")
        for _ in range(3):
            await poll(site.work, "forum")
        assert "Forum (forum)" in (await amy.get("/handover")).text


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (datetime(2026, 3, 13, 0, 0, tzinfo=UTC), datetime(2026, 3, 13, 1, 0, tzinfo=UTC)),  # Friday, before nine
        (datetime(2026, 3, 13, 8, 0, tzinfo=UTC), datetime(2026, 3, 16, 1, 0, tzinfo=UTC)),  # over the weekend
        (datetime(2026, 9, 30, 12, 0, tzinfo=UTC), datetime(2026, 10, 8, 1, 0, tzinfo=UTC)),  # over the National Day
    ],
)
def test_the_next_morning_is_one_of_a_working_day(now: datetime, morning: datetime) -> None:
    assert next_morning(WorkingTime(), now) == morning
