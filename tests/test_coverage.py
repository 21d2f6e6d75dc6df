"""The ledger of coverage: for which times we can vouch, where posts may be missing, and what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from aggregator.config import Settings
from aggregator.demo.forum import ForumSimulator
from aggregator.importer.files import File
from aggregator.importer.importing import import_file
from aggregator.listener import serve
from aggregator.store.source_reports import source_reports
from aggregator.workplace import Workplace
from connectors.contract import Cursor, Page, Post, PullConnector, Record, SourceConfig
from connectors.errors import CursorExpiredError
from connectors.secret import Secret
from tests.conftest import START, Community, poll, texts
from tests.test_import import jsonl
from tests.test_poller import until


class Forgetful(PullConnector):
    """A platform that knows no cursor for longer than one poll: mailboxes do so when they are rebuilt."""

    space = "forgetful"

    def post(self, record: Record) -> Post:
        return Post(native_id=record["id"], text=record["text"], posted_at=None)

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is not None:
            raise CursorExpiredError("the mailbox was rebuilt, and numbers its mails anew")
        yield Page(records=[{"id": "1", "text": "where is my refund?"}], cursor={"number": 1})


class Endless(PullConnector):
    """An open connection: a page for each thing that is said, without end."""

    space = "endless"
    said: ClassVar[asyncio.Queue[Page]]
    asked: ClassVar[int] = 0

    def post(self, record: Record) -> Post:
        return Post(native_id=record["id"], text=record["text"], posted_at=None)

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        while True:
            Endless.asked += 1
            yield await self.said.get()


def coverage(work: Workplace, source: str) -> list[tuple[Any, ...]]:
    """(minutes after the test's start, from and to; state), in order."""
    return work.db.query(
        "SELECT epoch(from_at - $start) / 60, epoch(to_at - $start) / 60, state FROM coverage "
        "WHERE source = $source ORDER BY from_at, to_at",
        {"start": START, "source": source},
    )


async def asked(times: int) -> None:
    await until(lambda: Endless.asked == times)


def lost_or_open(work: Workplace, source: str) -> list[tuple[Any, ...]]:
    return [row for row in coverage(work, source) if row[2] in ("gap", "lost")]


async def test_a_source_vouches_from_its_backfill_point_to_its_last_good_poll(community: Community) -> None:
    async with community.desk("forum") as work:
        await poll(work)
        community.clock.pass_(minutes=20)
        await poll(work)
        assert coverage(work, "forum") == [(-7 * 24 * 60, 20, "complete")]


async def test_an_outage_is_a_gap_at_once_and_closes_when_it_is_over(community: Community) -> None:
    async with community.desk("forum") as work:
        await poll(work)
        community.clock.pass_(minutes=10)
        community.forum.fail_next("500", "500")
        await poll(work)
        assert lost_or_open(work, "forum") == [(0, 10, "gap")]
        community.clock.pass_(minutes=10)
        community.forum.says("lin", "said while we could not listen")
        await poll(work)
        assert lost_or_open(work, "forum") == [(0, 20, "gap")]
        community.clock.pass_(minutes=10)
        await poll(work)
        assert coverage(work, "forum") == [(-7 * 24 * 60, 30, "complete"), (0, 30, "refetched")]
        assert texts(work) == ["said while we could not listen"]


async def test_an_endless_poll_vouches_as_often_as_it_has_caught_up(community: Community) -> None:
    odd = SourceConfig(connector=f"{__name__}:Endless")
    settings = community.settings().model_copy(update={"sources": {"odd": odd}})
    Endless.said, Endless.asked = asyncio.Queue(), 0
    async with Workplace(settings, clock=community.clock) as work:
        polling = asyncio.create_task(work.poller.poll(work.poller.sources["odd"]))
        await asked(1)
        for number, caught_up in enumerate((True, False, True, False)):
            community.clock.pass_(minutes=10)
            record = {"id": str(number), "text": f"swap {number} failed"}
            Endless.said.put_nowait(Page([record], {"number": number}, caught_up=caught_up))
            await asked(number + 2)
        # Each page vouches for the time at which it was asked for: when the one before had been committed.
        assert coverage(work, "odd") == [(-7 * 24 * 60, 20, "complete")]
        polling.cancel()


async def test_an_answer_that_is_full_does_not_say_that_nothing_is_newer(community: Community) -> None:
    async with community.desk("telegram") as work:
        await poll(work)
        for number in range(101):
            community.telegram.says("fox", f"swap {number} failed")
        source = work.poller.sources["telegram"]
        told = [(len(page.records), page.caught_up) async for page in source.connector.pages(source.cursor)]
    assert told == [(100, False), (1, True)]


async def test_the_gap_says_why(community: Community) -> None:
    async with community.desk("telegram") as work:
        await poll(work)
        community.telegram.token_is_good = False
        community.clock.pass_(minutes=5)
        await poll(work)
        (report,) = source_reports(work.db, work.settings, work.clock())
        (gap,) = report.gaps
    assert (gap.start, gap.end, gap.state) == (START, START + timedelta(minutes=5), "gap")
    assert "refused the token" in gap.reason
    assert report.complete_to == START


async def test_what_telegram_dropped_during_an_outage_of_more_than_a_day_stands_as_lost(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "before")
        await poll(work)
        community.telegram.token_is_good = False
        await poll(work)
        community.clock.pass_(hours=1)
        community.telegram.says("fox", "nobody will ever read this")
        community.clock.pass_(hours=10)
        community.telegram.says("fox", "read late")
        community.clock.pass_(hours=19)
        community.telegram.token_is_good = True
        await poll(work)
        assert texts(work) == ["before", "read late"]
        assert lost_or_open(work, "telegram") == [(0, 6 * 60, "lost")]
        dropped = [community.telegram.undeliverable(), set(community.telegram.truth())]
        assert [len(ids) for ids in dropped] == [1, 2]


async def listens_for_days(work: Workplace, community: Community) -> None:
    """Four days with three posts in every hour, polled every half hour."""
    for half_hour in range(4 * 48):
        if half_hour % 2:
            for author in ("fox", "lin", "owl"):
                community.telegram.says(author, f"swap {half_hour} failed")
        community.clock.pass_(minutes=30)
        await poll(work, "telegram")


async def test_a_silence_that_is_not_usual_is_in_doubt_until_somebody_speaks(community: Community) -> None:
    async with community.desk("telegram") as work:
        await listens_for_days(work, community)
        spoken = community.clock() - timedelta(minutes=30)
        community.clock.pass_(hours=2)
        await poll(work)
        assert lost_or_open(work, "telegram") == []  # as long as that it may be quiet
        community.clock.pass_(hours=6)
        (source,) = await poll(work)
        (report,) = source_reports(work.db, work.settings, work.clock())
        assert (report.state, report.complete_to) == ("silent", spoken)
        assert [(gap.start, gap.end, gap.state) for gap in report.gaps] == [(spoken, community.clock(), "doubt")]
        assert f"nothing has come since {spoken:%Y-%m-%d %H:%M} UTC" in report.message
    async with community.desk("telegram") as work:
        community.clock.pass_(minutes=30)
        await poll(work)
        assert work.poller.sources["telegram"].state == "silent"  # a restart does not forget it
        community.telegram.says("fox", "is anybody there?")
        community.clock.pass_(minutes=1)
        await poll(work)
        (report,) = source_reports(work.db, work.settings, work.clock())
        assert (report.state, report.message, report.gaps) == ("ok", "", ())
        assert report.complete_to == community.clock()
        assert source.failures == 0


async def test_to_a_guest_the_forum_may_show_what_it_showed_a_minute_ago(community: Community) -> None:
    community.forum.cached_for = timedelta(minutes=1)
    config = community.settings("forum").sources["forum"].model_copy(update={"api_key": None})
    settings = community.settings("forum").model_copy(update={"sources": {"forum": config}})
    community.forum.says("lin", "shown at once")
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work)
        community.clock.pass_(seconds=30)
        community.forum.says("lin", "not shown yet")
        await poll(work)
        hidden = texts(work), coverage(work, "forum")
        community.clock.pass_(seconds=90)
        await poll(work)
        shown = texts(work), coverage(work, "forum")
    week = -7 * 24 * 60
    assert hidden == (["shown at once"], [(week, -0.5, "complete")])
    assert shown == (["shown at once", "not shown yet"], [(week, 1, "complete")])


async def test_a_forum_that_suddenly_lists_nothing_is_a_gap_until_it_lists_again(community: Community) -> None:
    async with community.desk("forum") as work:
        community.forum.says("lin", "my deposit is missing")
        await poll(work)
        community.clock.pass_(minutes=10)
        community.forum.says("fox", "said behind the wall")
        community.forum.fail_next("empty")
        (source,) = await poll(work)
        assert source.state == "failing"
        assert "lists no post any more" in source.message
        assert lost_or_open(work, "forum") == [(0, 10, "gap")]
        community.clock.pass_(minutes=10)
        await poll(work)
        assert (source.state, lost_or_open(work, "forum")) == ("ok", [])
        assert texts(work) == ["my deposit is missing", "said behind the wall"]


async def test_an_answer_cut_short_is_a_gap_until_it_comes_whole(community: Community) -> None:
    async with community.desk() as work:
        await poll(work)
        community.clock.pass_(minutes=10)
        community.forum.says("lin", "one")
        community.telegram.says("fox", "two")
        community.forum.fail_next("truncated")
        community.telegram.fail_next("truncated")
        await poll(work)
        assert [lost_or_open(work, name) for name in ("forum", "telegram")] == [[(0, 10, "gap")]] * 2
        await poll(work)
        assert [lost_or_open(work, name) for name in ("forum", "telegram")] == [[], []]
        assert sorted(texts(work)) == ["one", "two"]


async def test_an_expired_login_is_a_gap_that_closes_once_it_is_renewed(community: Community) -> None:
    async with community.desk("forum") as work:
        await poll(work)
        good, community.forum.api_key = community.forum.api_key, "another key"
        community.clock.pass_(minutes=10)
        community.forum.says("lin", "said meanwhile")
        (source,) = await poll(work)
        assert (source.state, lost_or_open(work, "forum")) == ("stopped", [(0, 10, "gap")])
        community.forum.api_key = good
        community.clock.pass_(hours=40)
        await poll(work)
        assert (source.state, lost_or_open(work, "forum"), texts(work)) == ("ok", [], ["said meanwhile"])


async def test_a_day_on_which_we_did_not_run_is_lost_on_telegram_and_fetched_from_the_forum(
    community: Community,
) -> None:
    async with community.desk() as work:
        await poll(work)
    community.clock.pass_(hours=2)
    community.telegram.says("fox", "nobody will ever read this")
    community.forum.says("lin", "read late")
    community.clock.pass_(hours=28)
    async with community.desk() as work:
        await poll(work)
        assert texts(work) == ["read late"]
        assert lost_or_open(work, "telegram") == [(0, 6 * 60, "lost")]
        assert lost_or_open(work, "forum") == []
        report = next(
            each for each in source_reports(work.db, work.settings, work.clock()) if each.source == "telegram"
        )
    assert [gap.reason for gap in report.gaps] == ["we were not running"]


def called(community: Community) -> Settings:
    """Telegram calls us, and no call arrives."""
    settings = community.settings("telegram")
    community.telegram.api.webhook["url"] = "https://desk.example/hooks/telegram"
    by_webhook = settings.sources["telegram"].model_copy(update={"webhook_secret": Secret(env="HOOK_SECRET")})
    return settings.model_copy(update={"sources": {"telegram": by_webhook}})


async def test_what_telegram_could_not_deliver_to_a_webhook_for_a_day_is_lost(community: Community) -> None:
    async with Workplace(called(community), clock=community.clock) as work:
        await poll(work)
        community.clock.pass_(minutes=10)
        await poll(work)
        community.telegram.says("fox", "nobody will ever read this")
        community.clock.pass_(hours=10)
        await poll(work)
        while_it_waits = coverage(work, "telegram")
    async with Workplace(called(community), clock=community.clock) as work:
        community.clock.pass_(hours=10)
        await poll(work)
        assert coverage(work, "telegram") == while_it_waits == [(-24 * 60, 10, "complete")]
        community.clock.pass_(hours=20)
        await poll(work)
        assert coverage(work, "telegram") == [
            (-24 * 60, 10, "complete"),
            (10, 16 * 60 + 10, "lost"),
            (16 * 60 + 10, 40 * 60 + 10, "complete"),
        ]


async def test_what_telegram_delivers_to_a_webhook_late_is_vouched_for_then(community: Community) -> None:
    community.telegram.says("fox", "said before we began")
    async with Workplace(called(community), clock=community.clock) as work:
        await poll(work)
        community.clock.pass_(hours=20)
        await poll(work)
        assert coverage(work, "telegram") == [(-24 * 60, 0, "complete")]
        community.telegram.queue.clear()
        await poll(work)
        assert coverage(work, "telegram") == [(-24 * 60, 20 * 60, "complete")]


async def test_what_was_dropped_before_the_first_good_poll_stands_as_lost_too(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.fail_next("500")
        await poll(work)
        community.telegram.says("fox", "nobody will ever read this")
        community.clock.pass_(hours=30)
        await poll(work)
        assert lost_or_open(work, "telegram") == [(0, 6 * 60, "lost")]


async def test_nobody_vouches_for_days_that_telegram_does_not_keep(community: Community) -> None:
    async with community.desk("telegram") as work:
        await poll(work)
        assert coverage(work, "telegram") == [(-24 * 60, 0, "complete")]


async def test_a_clock_that_was_ahead_takes_back_what_it_vouched_for(community: Community) -> None:
    async with community.desk("forum") as work:
        await poll(work)
        community.clock.pass_(hours=3)
        await poll(work)
        community.clock.pass_(hours=-3, minutes=1)
        await poll(work)
        community.clock.pass_(minutes=9)
        community.forum.fail_next("500")
        await poll(work)
        assert coverage(work, "forum") == [(-7 * 24 * 60, 1, "complete"), (1, 10, "gap")]


async def test_a_clock_that_is_set_back_is_noted_at_the_next_poll(community: Community) -> None:
    async with community.desk("forum") as work:
        for hours in (0, 48, -47):
            community.clock.pass_(hours=hours)
            await work.poller.poll(work.poller.sources["forum"])
        assert coverage(work, "forum") == [(-7 * 24 * 60, 60, "complete")]


async def test_posts_read_late_after_our_outage_are_live_and_say_when_we_saw_them(community: Community) -> None:
    async with community.desk("forum") as work:
        await poll(work)
        community.clock.pass_(minutes=1)
        community.forum.says("lin", "my deposit is missing")
        community.forum.fail_next("500")
        await poll(work)
        community.clock.pass_(hours=3)
        await poll(work)
        (row,) = work.db.query("SELECT posted_at, seen_at, backfill FROM post")
    assert row == (START + timedelta(minutes=1), START + timedelta(hours=3, minutes=1), False)


async def test_a_restart_in_the_middle_goes_on_with_the_same_backfill_point(community: Community) -> None:
    community.forum.says("lin", "a week and a day ago", at=START - timedelta(days=8))
    community.forum.says("lin", "six days ago", at=START - timedelta(days=6))
    async with community.desk("forum") as work:
        await poll(work)
        begun = work.connectors["forum"].since
    community.clock.pass_(days=2)
    async with community.desk("forum") as work:
        await poll(work)
        assert work.connectors["forum"].since == begun
        assert texts(work) == ["six days ago"]


async def test_a_source_that_is_pointed_to_another_place_begins_anew_there(community: Community) -> None:
    community.forum.next_id = 5001
    async with community.desk("forum") as work:
        community.forum.says("lin", "my swap failed")
        await poll(work)
    other = ForumSimulator(clock=community.clock)
    community.clock.pass_(minutes=1)
    other.says("mia", "the bridge is stuck")  # its number is far below those that were read before
    async with serve(other.app) as community.forum_url:
        community.clock.pass_(minutes=59)
        async with community.desk("forum") as work:
            await poll(work)
        community.clock.pass_(minutes=60)
        other.says("mia", "hello?")
        async with community.desk("forum") as work:  # anew once
            await poll(work)
            assert texts(work) == ["my swap failed", "the bridge is stuck", "hello?"]
            assert work.db.query("SELECT text FROM post WHERE backfill") == [("the bridge is stuck",)]
            assert coverage(work, "forum") == [(60 - 7 * 24 * 60, 120, "complete")]


async def test_a_source_that_bears_the_name_of_an_import_is_read(community: Community, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", {"text": "my swap failed"})
    async with community.desk("forum") as work:
        await import_file(work.ingest, File(file, {}), "telegram")
    community.telegram.says("Mia", "the bridge is stuck")
    async with community.desk() as work:
        (source,) = await poll(work, "telegram")
        assert (source.state, texts(work)[-1]) == ("ok", "the bridge is stuck")


async def test_an_expired_cursor_begins_anew_and_leaves_a_gap_but_no_doubles(community: Community) -> None:
    odd = SourceConfig(connector=f"{__name__}:Forgetful")
    settings = community.settings().model_copy(update={"sources": {"odd": odd}})
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work, "odd")
        community.clock.pass_(minutes=30)
        (source,) = await poll(work, "odd")
        assert (source.cursor, source.state) == (None, "failing")
        community.clock.pass_(minutes=1)
        await poll(work, "odd")
        assert (source.state, texts(work)) == ("ok", ["where is my refund?"])
        assert lost_or_open(work, "odd") == [(0, 30, "lost")]


class Sparing(PullConnector):
    """A platform that counts calls: its connector does not ask every place at every poll."""

    space = "sparing"
    complete_to = START + timedelta(minutes=5)

    def post(self, record: Record) -> Post:
        return Post(native_id=record["id"], text=record["text"], posted_at=None)

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None:
            yield Page(records=[{"id": "1", "text": "where is my refund?"}], cursor={"number": 1})


async def test_a_source_that_was_asked_only_in_part_is_complete_to_where_all_of_it_was(
    community: Community,
) -> None:
    sparing = SourceConfig(connector=f"{__name__}:Sparing")
    settings = community.settings().model_copy(update={"sources": {"sparing": sparing}})
    async with Workplace(settings, clock=community.clock) as work:
        community.clock.pass_(minutes=20)
        await poll(work)
        assert coverage(work, "sparing")[0][1:] == (5, "complete")
        community.clock.pass_(minutes=20)
        await poll(work)
        assert coverage(work, "sparing")[0][1:] == (5, "complete")


class Elsewhere(PullConnector):
    """It reads the same posts at another place, and knows no cursor of the other."""

    space = "sparing"
    cursor_of = "elsewhere"

    def post(self, record: Record) -> Post:
        return Post(native_id=record["id"], text=record["text"], posted_at=None)

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None or cursor["page"] < 1:
            yield Page(records=[{"id": "1", "text": "where is my refund?"}], cursor={"page": 1})


async def test_a_source_that_becomes_one_of_another_connector_for_the_same_posts_begins_anew(
    community: Community,
) -> None:
    cursors = []
    for reader in ("Sparing", "Elsewhere", "Elsewhere", "Sparing"):
        odd = SourceConfig(connector=f"{__name__}:{reader}")
        settings = community.settings().model_copy(update={"sources": {"odd": odd}})
        async with Workplace(settings, clock=community.clock) as work:
            community.clock.pass_(minutes=20)
            (source,) = await poll(work, "odd")
            assert (source.state, texts(work)) == ("ok", ["where is my refund?"])
            cursors.append(source.cursor)
    assert cursors == [{"number": 1}, {"page": 1}, {"page": 1}, {"number": 1}]
