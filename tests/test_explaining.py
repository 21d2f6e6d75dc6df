"""Why was this not on top: how an inquiry stood at a moment, what was above it, and who saw it when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from aggregator.acting.compare_and_set import act
from aggregator.explaining import Explanation, explain, find
from aggregator.hindsight import stood
from aggregator.identity import Id
from aggregator.store.first_looks import looked, looks_at
from aggregator.store.reading import Term, rows_by_id
from aggregator.workplace import Workplace
from tests.conftest import Community, open_inquiries, poll
from tests.web_site import WebSite, open_site

QUESTION = ("fox", "how do I change the network fee?")
URGENT = ("lin", "转账三小时未到账，没人理我，我要投诉")


ONE_PERSON = """
UPDATE account SET person_id = (SELECT account_id FROM account WHERE lower(name) = $1) WHERE lower(name) = $2
"""


def points(terms: Iterable[Term]) -> dict[str, float]:
    """By rule, without the hair's breadth by which sums of doubles differ."""
    return {term.rule: round(term.points, 6) for term in terms if term.points}


def inquiry_of(work: Workplace, begins: str) -> Id:
    ((found,),) = work.db.query("SELECT inquiry_id FROM inquiry WHERE starts_with(excerpt, ?)", [begins])
    return bytes(found.bytes)


def explained(site: WebSite, begins: str, moment: datetime) -> Explanation:
    with site.work.db.reading() as cursor:
        return explain(cursor, site.work.settings, inquiry_of(site.work, begins), moment)


async def test_now_it_stands_as_in_the_feed_with_the_same_terms(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(QUESTION, URGENT, ("fox", "and my swap on arbitrum failed, too"), ("owl", "gm"))
        community.clock.pass_(hours=7)
        feed = open_inquiries(site.work)
        why = explained(site, "gm", community.clock())
        assert why.asked is not None
        assert [one.inquiry.inquiry_id for one in why.above] == [row["inquiry_id"].bytes for row in feed[:-1]]
        assert [round(one.priority, 6) for one in (*why.above, why.asked)] == [
            round(row["priority"], 6) for row in feed
        ]
        assert round(sum(term.points for term in why.above[0].terms), 6) == round(feed[0]["priority"], 6)
        assert (why.higher, why.sure, why.open) == (len(feed) - 1, True, len(feed))


async def test_small_talk_and_linked_accounts_count_in_hindsight_as_they_do_in_the_feed(community: Community) -> None:
    async with open_site(community) as site:
        work, at = site.work, community.clock()
        for hours, topic in enumerate(("Network fee", "Dark mode", "Thank you all")):
            community.forum.says(
                "fox", f"how do I find this, please: {topic}?", title=topic, at=at + timedelta(hours=hours)
            )
        community.clock.pass_(hours=8)
        await poll(work, "forum")
        small = inquiry_of(work, "how do I find this, please: Thank")
        await act(work.db, work.settings, small, 1, "amy", "label", community.clock(), {"kind": "other"})
        await site.says(*[(name, "swap fails on arbitrum, confirming 0%") for name in ("ann", "bob", "cai", "dan")])
        await work.db.write(lambda con: con.execute(ONE_PERSON, ["ann", "dan"]))
        feed = {row["inquiry_id"].bytes: row for row in open_inquiries(work)}
        with work.db.reading() as cursor:
            then = stood(cursor, work.settings, feed, community.clock())
            shown = {row.inquiry.inquiry_id: row for row in rows_by_id(cursor, list(feed), moment=community.clock())}
    assert sorted((row["repeats"], row["incident_persons"]) for row in feed.values()) == [
        (0, 0),
        *[(0, 3)] * 4,
        *[(1, 0)] * 2,
    ]
    assert feed[small]["first_since"] == at
    assert {one: points(each.terms) for one, each in then.items()} == {
        one: points(each.terms) for one, each in shown.items()
    }


async def test_what_was_answered_since_stood_above_it_then(community: Community) -> None:
    mei = str(community.telegram.user("mei")["id"])
    community.more |= {"team": [{"name": "Mei", "handles": {"telegram": [mei]}}]}
    async with open_site(community) as site:
        asked = community.telegram.says(*URGENT)
        community.clock.pass_(minutes=1)
        await site.says(QUESTION)
        before = community.clock()
        community.clock.pass_(hours=1)
        community.telegram.says("mei", "已经为您处理好了", reply_to=asked)
        await poll(site.work, "telegram")
        then, now = explained(site, "how do I", before), explained(site, "how do I", community.clock())
        assert [one.inquiry.excerpt[:5] for one in then.above] == ["转账三小时"]
        assert {term.rule for term in then.above[0].terms}.isdisjoint({"answered"})
        assert "answered" in {term.rule for term in now.above[0].terms}
        assert now.above[0].priority < then.above[0].priority - 30
        assert [one.who for one in explained(site, "转账", community.clock()).answers] == ["Mei"]


async def test_what_was_closed_since_counts_and_what_came_later_does_not(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(URGENT, QUESTION)
        before = community.clock()
        community.clock.pass_(minutes=5)
        work = site.work
        await act(work.db, work.settings, inquiry_of(work, "转账"), 1, "amy", "close", community.clock(), {})
        await site.says(("elk", "my seed phrase was on a fake site and my funds are gone"))
        then, now = explained(site, "how do I", before), explained(site, "how do I", community.clock())
        closed = explained(site, "转账", community.clock())
        assert [one.inquiry.excerpt[:5] for one in then.above] == ["转账三小时"]
        assert [one.inquiry.excerpt[:7] for one in now.above] == ["my seed"]
        assert (closed.shown, closed.asked and closed.asked.inquiry.state) == (False, "closed")


async def test_before_we_read_it_it_could_not_stand_anywhere(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(QUESTION)
        assert explained(site, "how do I", community.clock() - timedelta(hours=1)).asked is None


async def test_it_is_found_by_code_id_link_and_the_platforms_id(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(QUESTION)
        inquiry = inquiry_of(site.work, "how do I")
        ((code, post, native, link),) = site.work.db.query(
            "SELECT i.code, p.post_id::VARCHAR, p.native_id, p.permalink "
            "FROM inquiry_open AS i JOIN post AS p USING (inquiry_id)"
        )
        with site.work.db.reading() as cursor:
            named = [find(cursor, text) for text in (f"#{code.lower()}", post, native, f" {link}/ ", site.only_id())]
            nowhere = [find(cursor, text) for text in ("", "ABCDEFG", "https://example.org/9", "0" * 32)]
        assert [one and one.inquiry for one in named] == [inquiry] * 5
        assert nowhere == [None] * 4


async def test_the_first_look_of_each_person_is_kept(community: Community) -> None:
    async with open_site(community) as site:
        desk, one, at = site.work.desk, b"1" * 16, community.clock()
        looked(desk, "sam", one, at)
        looked(desk, "amy", one, at + timedelta(minutes=1))
        looked(desk, "sam", one, at + timedelta(minutes=2))
        assert looks_at(desk, one) == [("sam", at), ("amy", at + timedelta(minutes=1))]


async def test_the_page_says_place_terms_and_who_saw_it(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        await site.says(URGENT, QUESTION)
        inquiry = inquiry_of(site.work, "how do I")
        ((code,),) = site.work.db.query("SELECT code FROM inquiry_open WHERE inquiry_id = ?::UUID", [inquiry.hex()])
        await amy.get(f"/inquiry/{code}")
        page = (await amy.get(f"/why?of=%23{code}")).text
        chinese = (await sam.get(f"/why?of={code}&at=2026-03-14T16:00:00")).text
        unknown = (await amy.get("/why?of=https://example.org/nothing")).text
    assert "it stood at place 2 of 2" in page
    assert re.search(r'class="above">\s*<li>.*?转账三小时未到账', page, re.DOTALL)
    assert re.search(r"first seen by <bdi>amy</bdi>", page)
    assert "时我们还没有读到它" in chinese
    assert "We have never seen this" in unknown
