"""From a platform to rows: what is stored, what it belongs to, what happens when it is delivered again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial

import orjson
import pytest

from aggregator.acting.compare_and_set import act
from aggregator.ingest.prepare import prepare
from aggregator.store.database import Connection, StoreError
from aggregator.workplace import Workplace
from connectors.contract import Author, Cursor, Page, Post, PullConnector, Record, SourceConfig
from tests.conftest import START, Community, open_inquiries, poll, texts


async def test_posts_of_both_platforms_stand_in_one_feed(community: Community) -> None:
    async with community.desk() as work:
        community.forum.says("lin", "转账三小时未到账，没人理我", title="转账没到")
        community.telegram.says("fox", "how do I change the network fee?")
        await poll(work)
        feed = open_inquiries(work)
    assert [(row["channel"], row["kind"]) for row in feed] == [("forum", "complaint"), ("telegram", "question")]
    assert feed[0]["priority"] > feed[1]["priority"]


async def test_the_same_records_again_change_nothing(community: Community) -> None:
    async with community.desk("forum") as work:
        for number in range(30):
            community.forum.says(f"user{number % 7}", f"swap number {number} failed")
        await poll(work)
        before = work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry_open ORDER BY ALL")
        await poll(work)
        assert (work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry_open ORDER BY ALL")) == before
        assert work.db.query("SELECT count(*) FROM record") == [(30,)]


async def test_five_short_lines_of_one_person_are_one_inquiry(community: Community) -> None:
    async with community.desk("telegram") as work:
        for line in ("hello", "my swap failed", "with v4.8.2", "on polygon", "any idea?"):
            community.telegram.says("fox", line)
            community.clock.pass_(seconds=20)
        community.telegram.says("owl", "gm everyone")
        await poll(work)
        feed = open_inquiries(work)
    assert sorted(row["posts"] for row in feed) == [1, 5]
    assert max(feed, key=lambda row: row["posts"])["asked"] == 1


async def test_a_post_after_more_than_two_weeks_begins_a_new_inquiry(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        community.clock.pass_(days=10)
        community.telegram.says("fox", "it failed again")
        await poll(work)
        community.clock.pass_(days=15)
        community.telegram.says("fox", "where is the export button?")
        await poll(work)
        assert sorted(row["posts"] for row in open_inquiries(work)) == [1, 2]


async def test_an_edit_becomes_the_words_and_the_earlier_version_stays(community: Community) -> None:
    async with community.desk("telegram") as work:
        said = community.telegram.says("fox", "a small question")
        await poll(work)
        community.clock.pass_(minutes=3)
        community.telegram.edits(said, "all my funds are gone, somebody stole my USDT")
        await poll(work)
        assert texts(work) == ["all my funds are gone, somebody stole my USDT"]
        assert work.db.query("SELECT version FROM record ORDER BY version") == [(1,), (2,)]
        (row,) = open_inquiries(work)
    assert (row["kind"], row["ver"]) == ("emergency", 2)


async def test_a_deleted_posts_terms_go_and_the_inquiry_stays_with_the_mark(community: Community) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my funds were stolen from the wallet!")
        community.forum.says("owl", "hello there")
        await poll(work)
        before = next(row for row in open_inquiries(work) if row["kind"] == "emergency")
        community.forum.deletes(said)
        community.clock.pass_(minutes=1)
        for _ in range(6):
            await poll(work)
        after = next(row for row in open_inquiries(work) if row["inquiry_id"] == before["inquiry_id"])
    assert after["deleted"] == 1
    assert after["points"] < before["points"]
    assert after["waiting_since"] is None


async def test_an_answer_by_a_moderator_stops_the_clock(community: Community) -> None:
    async with community.desk("forum") as work:
        asked = community.forum.says("lin", "my withdrawal is stuck since yesterday, please help")
        await poll(work)
        (waiting,) = open_inquiries(work)
        community.forum.user("mod_mei").moderator = True
        community.clock.pass_(minutes=5)
        community.forum.says("mod_mei", "We are looking at it.", reply_to=asked)
        await poll(work)
        (answered,) = open_inquiries(work)
    assert waiting["due_at"] is not None
    assert (answered["state"], answered["waiting_since"], answered["due_at"]) == ("answered", None, None)
    assert answered["priority"] < waiting["priority"]


async def test_an_answer_that_is_read_before_its_question_finds_it(community: Community) -> None:
    async with community.desk("forum") as work:
        community.forum.user("mod_mei").moderator = True
        opener = community.forum.says("owl", "general thread", title="Thread")
        held = community.forum.says("lin", "my deposit has not arrived", reply_to=opener, held=True)
        community.forum.says("mod_mei", "It is on its way.", reply_to=held)
        await poll(work)
        community.forum.approves(held)
        for _ in range(6):
            await poll(work)
        states = dict(
            work.db.query("SELECT a.handle, i.state FROM inquiry AS i JOIN account AS a ON a.account_id = i.person_id")
        )
    assert states == {"lin": "answered", "owl": "new"}


async def test_the_third_unanswered_message_raises_the_priority(community: Community) -> None:
    async with community.desk("telegram") as work:
        priorities = []
        for line in ("my deposit is missing", "anyone there? deposit", "hello?? deposit"):
            community.telegram.says("fox", line)
            await poll(work)
            (row,) = open_inquiries(work)
            priorities.append(row["priority"])
            community.clock.pass_(minutes=15)
        assert "asked_three_times" in {reason["rule"] for reason in orjson.loads(row["reasons"])}
    assert priorities == sorted(priorities)


async def test_thanks_wakes_nobody_and_proposes_closing(community: Community) -> None:
    community.more |= {"team": [{"name": "Mei", "handles": {"telegram": [str(community.telegram.user("mei")["id"])]}}]}
    async with community.desk("telegram") as work:
        asked = community.telegram.says("fox", "my deposit has not arrived, tx pending")
        community.clock.pass_(minutes=2)
        community.telegram.says("mei", "it needs one more block", reply_to=asked)
        community.clock.pass_(minutes=9)
        community.telegram.says("fox", "it arrived, thank you!")
        await poll(work)
        (row,) = open_inquiries(work)
    assert (row["state"], row["thanks"], row["waiting_since"]) == ("answered", True, None)


async def test_one_unreadable_record_is_kept_apart_and_the_rest_is_stored(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "before")
        community.telegram.malformed()
        community.telegram.says("fox", "after")
        (source,) = await poll(work)
        assert texts(work) == ["before", "after"]
        assert work.db.query("SELECT source, resolved_at FROM rejected_record") == [("telegram", None)]
    assert source.state == "ok"


async def test_reactions_are_noted_when_they_have_moved_and_only_of_what_is_stored(community: Community) -> None:
    telegram = community.telegram
    telegram.privacy_mode = True
    never_told = telegram.says("owl", "nobody but this group hears me")
    telegram.promotes_bot(telegram.group)
    async with community.desk("telegram") as work:
        said = telegram.says("fox", "my swap failed")
        await poll(work)
        for total in (3, 3, 3, 4):
            community.clock.pass_(minutes=1)
            telegram.counts_reactions(said, total)
            telegram.counts_reactions(never_told, total)
            await poll(work)
        found = work.db.query(
            "SELECT native_id, likes FROM post_count LEFT JOIN post USING (post_id) ORDER BY counted_at, native_id"
        )
    assert found == [(said, 3), (said, 4)]


async def test_posts_from_before_the_first_start_start_no_clock_until_the_person_writes_again(
    community: Community,
) -> None:
    community.telegram.says("fox", "my deposit has not arrived")
    community.clock.pass_(hours=5)
    async with community.desk("telegram") as work:
        await poll(work)
        (old,) = open_inquiries(work)
        community.telegram.says("fox", "still missing!")
        await poll(work)
        (live,) = open_inquiries(work)
    assert (old["backfill"], old["due_at"], old["wait_per_hour"]) == (True, None, 0)
    assert live["due_at"] is not None
    assert live["waiting_since"] == community.clock.now


async def test_a_group_that_becomes_a_supergroup_keeps_its_inquiries(community: Community) -> None:
    group = community.telegram.group
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        moved = community.telegram.migrates(group)
        community.telegram.says("fox", "swap failed again", chat=moved)
        await poll(work)
        (row,) = open_inquiries(work)
    assert row["posts"] == 2


async def test_what_was_said_just_before_a_group_became_a_supergroup_belongs_to_that(community: Community) -> None:
    group = community.telegram.group
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        moved = community.telegram.migrates(group)
        community.telegram.says("fox", "swap failed again", chat=moved)
        await poll(work)
        community.clock.pass_(minutes=1)
        community.telegram.says("fox", "and nobody answers", chat=moved)
        await poll(work)
        (row,) = open_inquiries(work)
        threads = work.db.query("SELECT DISTINCT thread_id FROM post")
    assert (row["posts"], threads) == (3, [(row["thread_id"],)])


async def test_a_colleague_claims_and_closes_and_a_new_word_reopens(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        (row,) = open_inquiries(work)
        settings, clock = work.settings, community.clock
        claimed = await act(work.db, settings, row["inquiry_id"].bytes, row["ver"], "amy", "claim", clock(), {})
        clock.pass_(minutes=1)
        closed = await act(
            work.db,
            settings,
            row["inquiry_id"].bytes,
            claimed.inquiry.ver,
            "amy",
            "close",
            clock(),
            {"reason": "solved"},
        )
        assert open_inquiries(work) == []
        clock.pass_(minutes=1)
        community.telegram.says("fox", "no, it fails again")
        await poll(work)
        (reopened,) = open_inquiries(work)
    assert (claimed.inquiry.state, closed.inquiry.state, closed.inquiry.close_reason) == ("claimed", "closed", "solved")
    assert (reopened["state"], reopened["owner"]) == ("claimed", "amy")


async def test_nothing_is_an_orphan_and_nothing_stands_twice(community: Community) -> None:
    async with community.desk() as work:
        for number in range(40):
            community.forum.says(f"user{number % 9}", f"question {number}?")
            community.telegram.says(f"user{number % 5}", f"swap {number} failed")
            community.clock.pass_(minutes=7)
        await poll(work)
        await poll(work)
        doubled = work.db.query("SELECT post_id FROM post GROUP BY post_id HAVING count(*) > 1")
        inquiries = work.db.query("SELECT inquiry_id FROM inquiry GROUP BY inquiry_id HAVING count(*) > 1")
        orphans = work.db.query("FROM post ANTI JOIN inquiry USING (inquiry_id) WHERE NOT staff")
        hollow = work.db.query("FROM inquiry ANTI JOIN post USING (inquiry_id)")
        unrecorded = work.db.query("FROM post ANTI JOIN record USING (post_id, version)")
        assert len(texts(work)) == 80
    assert (doubled, inquiries, orphans, hollow, unrecorded) == ([], [], [], [], [])


async def test_a_call_that_comes_late_brings_no_deleted_post_back_but_a_listing_does(community: Community) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my deposit is missing")
        listed = await anext(aiter(work.connectors["forum"].pages(None)))
        await poll(work)
        await work.ingest.pushed(work.origins["forum"], [{"deleted_post": {"id": said}}])
        (gone,) = work.db.query("SELECT deleted_at FROM post")
        await work.ingest.pushed(work.origins["forum"], listed.records)
        assert work.db.query("SELECT deleted_at FROM post") == [gone]
        fence = work.poller.sources["forum"].fence
        await work.ingest.page(work.origins["forum"], listed, fence)
        assert work.db.query("SELECT deleted_at FROM post") == [(None,)]


async def test_versions_are_numbered_in_order_though_an_older_one_comes_late_by_whatever_way(
    community: Community,
) -> None:
    async with community.desk("forum") as work:
        origin, pages = work.origins["forum"], []
        said = community.forum.says("lin", "the first words")
        for words in ("the second words", "the third words", "the fourth words"):
            pages.append(await anext(aiter(work.connectors["forum"].pages(None))))
            community.clock.pass_(minutes=1)
            community.forum.edits(said, words)
        first, second, third = (page.records for page in pages)
        (fourth,) = (await anext(aiter(work.connectors["forum"].pages(None)))).records
        await work.ingest.pushed(origin, second)
        await work.ingest.pushed(origin, [{"late": 1, **first[0]}])  # before the edit that follows
        assert texts(work) == ["the second words"]
        await work.ingest.pushed(origin, [*third, {"late": 2, **first[0]}, fourth, {"late": 3, **second[0]}])
        assert texts(work) == ["the fourth words"]
        kept = work.db.query("SELECT version, body->>'$.raw', body->>'$.late' FROM record ORDER BY version")
        (version,) = work.db.query("SELECT version FROM post")
    assert [number for number, _, _ in kept] == [1, 2, 3, 4, 5, 6]
    assert version == (6,)
    assert kept[-1] == (6, "the fourth words", None)
    assert {late for _, _, late in kept} == {None, "1", "2", "3"}


async def two_versions(community: Community, work: Workplace) -> tuple[int, Sequence[Record], Sequence[Record]]:
    """A post, and the records that tell of it before and after an edit."""
    said = community.forum.says("lin", "the first words")
    first = (await anext(aiter(work.connectors["forum"].pages(None)))).records
    community.clock.pass_(minutes=1)
    community.forum.edits(said, "the second words")
    return said, first, (await anext(aiter(work.connectors["forum"].pages(None)))).records


async def test_versions_of_one_page_are_numbered_in_order(community: Community) -> None:
    async with community.desk("forum") as work:
        said, first, second = await two_versions(community, work)
        await work.ingest.pushed(work.origins["forum"], [*second, *first])
        community.clock.pass_(minutes=1)
        community.forum.edits(said, "the third words")
        third = (await anext(aiter(work.connectors["forum"].pages(None)))).records
        await work.ingest.pushed(work.origins["forum"], third)
        kept = work.db.query("SELECT version, body->>'$.raw' FROM record ORDER BY version")
        assert work.db.query("SELECT version FROM post") == [(3,)]
    assert kept == [(1, "the first words"), (2, "the second words"), (3, "the third words")]


async def test_a_page_that_is_written_again_after_a_failure_has_the_same_versions(community: Community) -> None:
    """As on a lake, where somebody else may have written at the same moment."""
    async with community.desk("forum") as work:
        _, first, second = await two_versions(community, work)
        origin, now = work.origins["forum"], community.clock()
        page = prepare([*second, *first, *first], origin, now)

        def write(con: Connection, *, fails: bool) -> None:
            work.ingest.write(con, origin, page, None, now)
            if fails:
                raise StoreError("somebody else wrote at this moment")

        with pytest.raises(StoreError):
            await work.db.write(partial(write, fails=True))
        await work.db.write(partial(write, fails=False))
        assert work.db.query("SELECT version FROM post") == [(2,)]
        assert work.db.query("SELECT version, body->>'$.raw' FROM record ORDER BY version") == [
            (1, "the first words"),
            (2, "the second words"),
        ]


class Letters(PullConnector):
    """Each post stands for itself; an answer comes with its question, in one page."""

    space = "letters"

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None:
            asked = {"id": "1", "by": "lin", "role": "customer", "text": "my withdrawal is stuck, please help"}
            answer = {"id": "2", "by": "mei", "role": "staff", "text": "It is on its way.", "to": "1"}
            yield Page([asked, answer], {"number": 1})

    def post(self, record: Record) -> Post:
        author = Author(record["by"], role=record["role"])
        return Post(record["id"], record["text"], START, author, reply_to=record.get("to"), order=int(record["id"]))


async def test_an_answer_that_comes_with_a_question_outside_any_thread_stops_the_clock(community: Community) -> None:
    settings = community.settings()
    letters = SourceConfig(connector=f"{__name__}:{Letters.__name__}")
    async with Workplace(settings.model_copy(update={"sources": {"letters": letters}}), clock=community.clock) as work:
        await poll(work)
        (inquiry,) = open_inquiries(work)
    assert (inquiry["state"], inquiry["waiting_since"]) == ("answered", None)
