"""When sources are polled, how they back off and stop, and for which times we can vouch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from structlog.testing import capture_logs

from aggregator.clock_steps import ClockSteps, plan_earlier
from aggregator.config import Settings
from aggregator.identity import Id, as_uuid
from aggregator.poller import BACK_OFF
from aggregator.store.source_reports import source_reports
from aggregator.store.sources import FenceLostError
from aggregator.unread import TOLD_OF, TOO_LONG, TOO_MANY
from aggregator.workplace import Workplace
from connectors.contract import Cursor, Page, Post, PullConnector, Quota, Record, SourceConfig
from connectors.errors import CursorExpiredError, TransientError
from tests.conftest import START, Community, poll, texts

PATIENCE = 10.0  # seconds, before a test gives up


class Broken(PullConnector):
    """A connector with a bug."""

    space = "broken"

    def post(self, record: Record) -> Post | None:
        return None

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        yield Page(records=[{}][1], cursor={})  # type: ignore[arg-type]  # the bug: there is no second one


class Rebuilt(Broken):
    """Knows no cursor for longer than one poll."""

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is not None:
            raise CursorExpiredError("the mailbox was rebuilt")
        yield Page((), {"number": 1})


class Counted(Broken):
    """Says at the first poll how many calls are left."""

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        quota = Quota(240, 1000, START + timedelta(hours=16)) if cursor is None else None
        yield Page((), {"number": 1}, quota=quota)


class Planner(Broken):
    """Spends its platform's calls by a plan of its own, and has none left."""

    paces_itself = True

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        yield Page((), {"number": 1}, quota=Quota(0, 90, START + timedelta(hours=16)))


class Connected(Broken):
    """Stays connected once it has caught up."""

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        yield Page((), {"number": 1}, caught_up=True)
        await asyncio.Event().wait()


class HalfBroken(Broken):
    """Of its two parts the second one fails, as long as it is `ill`."""

    ill: ClassVar[bool] = True

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        yield Page((), {"number": 1})
        if self.ill:
            raise TransientError("the second part cannot be read")


class Bell(Broken):
    """Notes each poll."""

    heard: ClassVar[list[Cursor | None]] = []

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        self.heard.append(cursor)
        yield Page((), {"number": len(self.heard)})


class Slow(Broken):
    """A poll ends when it may."""

    begun: ClassVar[int] = 0
    goes_on: ClassVar[asyncio.Event]

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        Slow.begun += 1
        await self.goes_on.wait()
        yield Page((), {"number": self.begun})


def with_connector(community: Community, kind: type[PullConnector]) -> Settings:
    """The community's sources and one more, of a connector of this file."""
    more = SourceConfig(connector=f"{__name__}:{kind.__name__}")
    settings = community.settings()
    return settings.model_copy(update={"sources": {"odd": more, **settings.sources}})


def hasty(settings: Settings) -> Settings:
    """Polls twenty times a second."""
    often = {"poll_every": timedelta(milliseconds=50)}
    sources = {name: config.model_copy(update=often) for name, config in settings.sources.items()}
    return settings.model_copy(update={"sources": sources})


@asynccontextmanager
async def listening(settings: Settings, community: Community) -> AsyncIterator[Workplace]:
    """A desk whose scheduler runs."""
    async with Workplace(settings, clock=community.clock) as work:
        work.poller.start()
        try:
            yield work
        finally:
            await work.poller.stop()


async def until(condition: Callable[[], object]) -> None:
    """Let everybody work until it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


# -- a clock that is set back ---------------------------------------------------------------------


async def test_when_the_clock_is_set_back_what_is_planned_does_not_wait_for_it(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, done = [0.0], asyncio.Event()

    async def job() -> None:
        done.set()

    monkeypatch.setattr("aggregator.poller.CLOCK_EVERY", 0.01)
    async with community.desk("forum") as work:
        work.poller.clock_steps = ClockSteps(wall=lambda: time.monotonic() + ahead[0])
        work.poller.keep_house(job, timedelta(hours=2))
        work.poller.start(polling=False)
        try:
            ahead[0] -= 3 * 3600
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        finally:
            await work.poller.stop()


async def test_by_a_clock_that_was_set_back_each_job_is_as_far_away_as_before() -> None:
    wall, now = [0.0], datetime.now(UTC)
    steps = ClockSteps(wall=lambda: wall[0], steady=lambda: 0.0)
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.start(paused=True)
    try:
        hourly, paused, daily = (
            scheduler.add_job(print, trigger, **more)
            for trigger, more in (
                (IntervalTrigger(hours=1, timezone=UTC), {"next_run_time": now + timedelta(hours=9)}),
                (IntervalTrigger(hours=1, timezone=UTC), {"next_run_time": None}),
                (CronTrigger(hour=3, timezone=UTC), {"next_run_time": now + timedelta(days=2)}),
            )
        )
        assert steps.back() == 0.0
        wall[0] = 100.0  # set ahead: a scheduler sees that by itself
        assert steps.back() == 0.0
        wall[0] -= 8 * 3600
        seconds = steps.back()
        assert (seconds, steps.back()) == (8 * 3600, 0.0)
        plan_earlier(scheduler, seconds)
        due = {job.id: job.next_run_time for job in scheduler.get_jobs()}
        assert due[hourly.id] == now + timedelta(hours=1)
        assert due[paused.id] is None
        assert now < due[daily.id] <= now + timedelta(days=1, seconds=60)
        assert due[daily.id].hour == 3
    finally:
        scheduler.shutdown(wait=False)


# -- backing off and stopping ---------------------------------------------------------------------


async def test_each_failure_in_a_row_waits_longer_and_a_good_poll_forgets_them(community: Community) -> None:
    async with community.desk("forum") as work:
        source = work.poller.sources["forum"]
        community.forum.says("lin", "hello")
        community.forum.fail_next("500", "503", "500", "500")
        pauses = [await work.poller.poll(source) for _ in range(4)]
        assert (source.state, source.failures) == ("failing", 4)
        assert await work.poller.poll(source) == 0
        assert (source.state, source.failures, texts(work)) == ("ok", 0, ["hello"])
    waits = [pause for pause in pauses if pause is not None]
    assert [least <= wait <= least + 2 for least, wait in zip((2, 4, 8, 16), waits, strict=True)] == [True] * 4


async def test_a_source_of_which_a_part_fails_stays_failing_and_keeps_its_other_parts_no_longer_than_usual(
    community: Community,
) -> None:
    HalfBroken.ill, told = True, []
    settings = with_connector(community, HalfBroken)
    async with Workplace(settings, clock=community.clock) as work:
        source = work.poller.sources["odd"]
        with capture_logs() as logs:
            pauses = [await work.poller.poll(source) for _ in range(8)]
            told = [each["event"] for each in logs]
        failing = source.state, source.message, source.failures
        HalfBroken.ill = False
        await work.poller.poll(source)
        assert (source.state, source.failures) == ("ok", 0)
    assert failing == ("failing", "the second part cannot be read", 8)
    assert told == ["source.failed"] * 8
    assert pauses[-1] == SourceConfig(connector="odd").poll_every.total_seconds()


def test_no_back_off_is_longer_than_five_minutes() -> None:
    assert max(BACK_OFF.after(failures) for failures in range(1, 200)) == 300


@pytest.mark.parametrize("fault", ["429_json", "429_text"])
async def test_a_forum_that_throttles_us_is_left_alone_as_long_as_it_said(community: Community, fault: Any) -> None:
    async with community.desk("forum") as work:
        source = work.poller.sources["forum"]
        community.forum.fail_next("500", "500", "500", fault, wait=17)
        pauses = [await work.poller.poll(source) for _ in range(4)]
        assert pauses[-1] == 18  # what it said, and one second for clocks that differ
        asked = len(community.forum.requests)
        again = await work.poller.poll(source)
        assert again is not None
        assert 17 <= again <= 18
        assert len(community.forum.requests) == asked


async def test_telegrams_retry_after_is_kept_to_the_second(community: Community) -> None:
    async with community.desk("telegram") as work:
        source = work.poller.sources["telegram"]
        community.telegram.fail_next("500", "429", retry_after=23)
        await work.poller.poll(source)
        assert await work.poller.poll(source) == 23


async def test_a_platform_that_says_at_once_again_and_again_is_asked_more_and_more_seldom(community: Community) -> None:
    async with community.desk("telegram") as work:
        source = work.poller.sources["telegram"]
        pauses = []
        for _ in range(6):
            community.telegram.fail_next("429", retry_after=0)
            pauses.append(await work.poller.poll(source))
        assert pauses[-1] is not None
        assert pauses[-1] > 60


async def test_a_refused_login_stops_the_source_until_it_is_told_to_try_again(community: Community) -> None:
    community.telegram.token_is_good = False
    async with listening(hasty(community.settings("telegram")), community) as work:
        source = work.poller.sources["telegram"]
        await until(lambda: source.state == "stopped")
        assert "TELEGRAM_TOKEN" in source.message
        community.telegram.says("fox", "is anybody there?")
        community.telegram.token_is_good = True
        work.poller.resume()
        await until(lambda: texts(work))
        await until(lambda: source.state == "ok")
        community.telegram.says("fox", "hello?")
        await until(lambda: len(texts(work)) == 2)


async def test_a_stopped_source_is_not_asked_again_by_itself(community: Community) -> None:
    community.telegram.token_is_good = False
    async with listening(hasty(community.settings()), community) as work:
        await until(lambda: work.poller.sources["telegram"].state == "stopped")
        asked, polls = len(community.telegram.api.calls), len(community.forum.requests)
        await until(lambda: len(community.forum.requests) > polls + 10)
        assert len(community.telegram.api.calls) == asked


async def test_what_stopped_a_source_stands_on_the_health_page(community: Community) -> None:
    async with community.desk() as work:
        community.forum.api_key = "another key"
        await poll(work)
        forum, telegram = source_reports(work.db, work.settings, work.clock())
    assert (forum.state, forum.next_at, telegram.state) == ("stopped", None, "ok")
    assert (forum.trouble, telegram.trouble) == ("refused", None)
    assert "FORUM_KEY" in forum.message


# -- apart from one another -----------------------------------------------------------------------


async def test_a_source_that_hangs_keeps_no_other_waiting(community: Community) -> None:
    community.forum.fail_next("timeout")
    async with listening(hasty(community.settings()), community) as work:
        await until(lambda: community.forum.requests)
        community.telegram.says("fox", "my swap failed")
        await until(lambda: texts(work))
        assert len(community.forum.requests) == 1


async def test_a_connector_with_a_bug_stops_alone(community: Community) -> None:
    async with listening(hasty(with_connector(community, Broken)), community) as work:
        await until(lambda: work.poller.sources["odd"].state == "stopped")
        community.telegram.says("fox", "my swap failed")
        community.forum.says("lin", "mine too")
        await until(lambda: len(texts(work)) == 2)
        states = {name: source.state for name, source in work.poller.sources.items()}
        assert not work.poller.failed.done()
        assert work.poller.sources["odd"].trouble == "broken"
    assert states == {"odd": "stopped", "forum": "ok", "telegram": "ok"}


async def test_a_few_records_that_cannot_be_read_are_kept_and_told_of_and_stop_nothing(community: Community) -> None:
    async with community.desk() as work:
        malformed(community, TOLD_OF)
        community.forum.says("lin", "hello")
        telegram, forum = await poll(work, "telegram", "forum")
        assert work.db.query("SELECT count(*) FROM rejected_record WHERE source = 'telegram'") == [(TOLD_OF,)]
        assert (telegram.state, forum.state, doubted(work)) == ("ok", "ok", ["telegram"])
        assert [f"none of the last {TOLD_OF} records could be read" in each for each in told(work)] == [True]
        await poll(work, "telegram")
        assert (len(told(work)), doubted(work)) == (1, ["telegram"])  # a quiet poll says nothing new
        community.clock.pass_(minutes=1)
        community.telegram.says("fox", "can you read this?")
        await poll(work, "telegram")
        assert (told(work), doubted(work)) == ([], [])
        assert texts(work) == ["hello", "can you read this?"]


async def test_a_source_stops_where_many_records_come_for_long_and_none_can_be_read(community: Community) -> None:
    async with community.desk("telegram") as work:
        malformed(community, TOO_MANY)
        (telegram,) = await poll(work)
        assert telegram.state == "ok"  # somebody may send as many at once
        community.clock.pass_(seconds=TOO_LONG.total_seconds())
        malformed(community, 1)
        await poll(work)
        assert work.db.query("SELECT count(*) FROM rejected_record") == [(TOO_MANY + 1,)]
        assert (telegram.state, telegram.trouble) == ("stopped", "unreadable")
        assert "aggregator replay" in telegram.message
        await work.poller.go_on("telegram")
        malformed(community, 1)
        await poll(work)
        assert telegram.state == "ok"


async def test_what_can_be_read_in_between_tells_that_the_format_is_the_same(community: Community) -> None:
    async with community.desk("telegram") as work:
        malformed(community, TOO_MANY)
        await poll(work)
        community.clock.pass_(seconds=TOO_LONG.total_seconds())
        community.telegram.says("fox", "can you read this?")
        await poll(work)
        malformed(community, TOO_MANY)
        (telegram,) = await poll(work)
        assert telegram.state == "ok"


def malformed(community: Community, number: int) -> None:
    for _ in range(number):
        community.telegram.malformed()


def told(work: Workplace) -> list[str]:
    """What the health page says of Telegram beside its state."""
    reports = source_reports(work.db, work.settings, work.clock())
    return [warning for report in reports if report.source == "telegram" for warning in report.warnings]


def doubted(work: Workplace) -> list[str]:
    return [source for (source,) in work.db.query("SELECT source FROM coverage WHERE state = 'doubt'")]


async def test_a_stop_does_not_wait_for_a_long_poll_and_loses_nothing(community: Community) -> None:
    settings = community.settings("telegram")
    patient = settings.sources["telegram"].model_copy(update={"long_poll": 50})
    settings = settings.model_copy(update={"sources": {"telegram": patient}})
    community.telegram.says("fox", "one")
    async with listening(settings, community) as work:
        async with asyncio.timeout(PATIENCE):
            await community.telegram.queue.is_awaited.wait()
        async with asyncio.timeout(2):
            await work.poller.stop()
        community.telegram.says("fox", "two")
    async with community.desk("telegram") as work:
        await poll(work)
        assert texts(work) == ["one", "two"]


# -- one collector for each source ----------------------------------------------------------------


async def test_of_two_collectors_of_one_source_only_one_can_commit(community: Community) -> None:
    async with community.desk("forum") as first, community.desk("forum") as second:
        community.forum.says("lin", "one")
        await poll(first)
        community.forum.says("lin", "two")
        with pytest.raises(FenceLostError, match="forum: another process collects this source"):
            await poll(second)
        assert texts(first) == ["one"]
        await poll(first)
        assert texts(first) == ["one", "two"]


async def test_a_collector_that_lost_its_source_ends_the_service(community: Community) -> None:
    async with listening(hasty(community.settings("forum")), community) as work:
        community.forum.says("lin", "one")
        await until(lambda: texts(work))
        await work.db.write(lambda con: con.execute("UPDATE source_state SET fence = fence + 1").fetchall())
        community.forum.says("lin", "two")
        await until(work.poller.failed.done)
        with pytest.raises(FenceLostError):
            work.poller.failed.result()
        assert texts(work) == ["one"]


async def test_a_collector_that_commits_at_the_same_moment_is_told_that_it_lost_the_source(
    community: Community,
) -> None:
    async with community.desk("forum") as work:
        community.forum.says("lin", "one")
        with work.db.reading() as other:
            other.execute("BEGIN")
            other.execute("UPDATE source_state SET fence = fence + 1 WHERE source = 'forum'")
            with pytest.raises(FenceLostError, match="forum: another process collects this source"):
                await poll(work)
            other.execute("ROLLBACK")
        assert texts(work) == []


async def test_a_collector_that_lost_its_source_does_not_restart_it(community: Community) -> None:
    settings = with_connector(community, Rebuilt)
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work, "odd")
        await work.db.write(
            lambda con: con.execute("UPDATE source_state SET fence = 7, cursor = '{}' WHERE source = 'odd'").fetchall()
        )
        with pytest.raises(FenceLostError):
            await poll(work, "odd")
        stored = work.db.query("SELECT fence, cursor FROM source_state WHERE source = 'odd'")
        assert stored == [(7, "{}")]
        assert work.db.query("FROM coverage WHERE source = 'odd' AND state = 'lost'") == []


async def test_both_collectors_running_at_once_double_nothing(community: Community) -> None:
    async with community.desk("forum") as first, community.desk("forum") as second:
        for number in range(120):
            community.forum.says(f"user{number % 7}", f"swap {number} failed")
        outcomes = await asyncio.gather(poll(first), poll(second), return_exceptions=True)
        assert FenceLostError in [type(outcome) for outcome in outcomes]
        assert {type(outcome) for outcome in outcomes} <= {FenceLostError, list}
    async with community.desk("forum") as work:
        await poll(work)
        assert sorted(texts(work)) == sorted(post.text for post in community.forum.truth().values())


# -- what a page or a call tells beside its records -----------------------------------------------


async def test_what_the_platform_still_allows_is_kept_and_survives_a_restart(community: Community) -> None:
    settings = with_connector(community, Counted)
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work, "odd")
    async with Workplace(settings, clock=community.clock) as work:
        report = next(each for each in source_reports(work.db, settings, work.clock()) if each.source == "odd")
        assert report.quota == Quota(240, 1000, START + timedelta(hours=16))
        assert work.poller.sources["odd"].quota == report.quota
        await poll(work, "odd")  # this time the platform says nothing of it
        (stored,) = work.db.query("SELECT quota->>'left' FROM source_state WHERE source = 'odd'")
        assert stored == ("240",)


async def test_a_single_pass_ends_when_a_source_that_stays_connected_has_caught_up(community: Community) -> None:
    settings = with_connector(community, Connected)
    async with asyncio.timeout(PATIENCE), Workplace(settings, clock=community.clock) as work:
        (source,) = await poll(work, "odd")
        assert (source.state, source.cursor) == ("ok", {"number": 1})


async def test_a_single_pass_waits_for_nothing_that_is_still_to_come(community: Community) -> None:
    settings = paced(community.settings("telegram"), "telegram", long_poll=50)
    community.telegram.says("fox", "my swap failed")
    async with asyncio.timeout(PATIENCE), Workplace(settings, clock=community.clock) as work:
        (source,) = await poll(work, "telegram")
    asked = [parameters["timeout"] for method, parameters in community.telegram.api.calls if method == "getUpdates"]
    assert (source.state, asked) == ("ok", [0, 0])


async def test_a_pass_by_hand_does_not_wait_for_a_poll_that_listens(community: Community) -> None:
    async with asyncio.timeout(PATIENCE), listening(with_connector(community, Connected), community) as work:
        source = work.poller.sources["odd"]
        await until(lambda: source.lock.locked())
        assert await work.poller.poll(source, once=True) == 0.0
        assert (source.state, source.lock.locked()) == ("ok", True)


async def test_a_call_that_says_fetch_now_polls_the_source_at_once(community: Community) -> None:
    async with listening(with_connector(community, Bell), community) as work:
        bell = work.poller.sources["odd"]
        await until(lambda: bell.noted_at)
        Bell.heard.clear()
        work.poller.poll_soon("odd")
        await until(lambda: Bell.heard)


async def test_a_call_during_a_poll_is_followed_by_another_poll(community: Community) -> None:
    Slow.begun, Slow.goes_on = 0, asyncio.Event()
    async with listening(with_connector(community, Slow), community) as work:
        await until(lambda: Slow.begun == 1)
        work.poller.poll_soon("odd")
        work.poller.poll_soon("odd")
        Slow.goes_on.set()
        await until(lambda: Slow.begun == 2)


async def test_a_call_during_a_poll_by_hand_is_followed_by_another_poll(community: Community) -> None:
    Slow.begun, Slow.goes_on = 0, asyncio.Event()
    Slow.goes_on.set()
    async with listening(with_connector(community, Slow), community) as work:
        slow = work.poller.sources["odd"]
        await until(lambda: slow.noted_at and not slow.lock.locked())
        Slow.goes_on.clear()
        by_hand = asyncio.create_task(work.poller.poll(slow, once=True))
        await until(lambda: Slow.begun == 2)
        work.poller.poll_soon("odd")
        Slow.goes_on.set()
        await by_hand
        await until(lambda: Slow.begun == 3)


async def test_a_call_for_a_source_that_is_not_polled_changes_nothing(community: Community) -> None:
    async with listening(community.settings("forum"), community) as work:
        work.poller.poll_soon("nobody")
        await until(lambda: work.poller.sources["forum"].noted_at)


# -- tempo ----------------------------------------------------------------------------------------


def paced(settings: Settings, name: str, **chosen: Any) -> Settings:
    config = settings.sources[name].model_copy(update=chosen)
    return settings.model_copy(update={"sources": {**settings.sources, name: config}})


def due(work: Workplace, name: str) -> float:
    """Seconds until a source's next poll."""
    return float((work.poller._scheduler.get_job(name).next_run_time - datetime.now(UTC)).total_seconds())


async def test_an_adaptive_source_is_polled_by_need_within_its_range(
    community: Community,
) -> None:
    between = {"poll_between": (timedelta(seconds=20), timedelta(seconds=80))}
    async with listening(paced(community.settings("forum"), "forum", **between), community) as work:
        forum = work.poller.sources["forum"]
        await until(lambda: forum.noted_at)
        await until(lambda: not forum.lock.locked())
        await until(lambda: 19 < due(work, "forum") < 79)


async def test_an_incident_on_one_channel_hastens_the_others(community: Community) -> None:
    between = {"poll_between": (timedelta(seconds=1), timedelta(hours=4))}
    async with listening(paced(hasty(community.settings()), "forum", **between), community) as work:
        forum = work.poller.sources["forum"]
        await until(lambda: forum.noted_at and work.poller.sources["telegram"].noted_at)
        before = due(work, "forum")
        for number in range(20):
            community.telegram.says(f"user{number}", "the wallet does not open any more")
        await until(lambda: len(texts(work)) == 20)
        await until(lambda: due(work, "forum") < before / 2)


async def test_a_days_polls_are_counted_over_restarts(community: Community) -> None:
    settings = paced(community.settings("forum"), "forum", polls_per_day=2)
    for _ in range(2):
        async with Workplace(settings, clock=community.clock) as work:
            await poll(work)
    asked = len(community.forum.requests)
    async with listening(settings, community) as work:
        assert due(work, "forum") == pytest.approx(16 * 3600, abs=60)
    assert len(community.forum.requests) == asked


async def test_polls_that_fail_count_for_the_day_too(community: Community) -> None:
    async with Workplace(paced(community.settings("forum"), "forum", polls_per_day=2), clock=community.clock) as work:
        source = work.poller.sources["forum"]
        pauses = []
        for _ in range(2):
            community.forum.fail_next("500")
            pauses.append(await work.poller.poll(source))
        assert pauses[0] is not None
        assert pauses[0] < 3600
        assert pauses[1] == pytest.approx(16 * 3600, abs=60)


async def test_a_source_that_plans_its_calls_itself_is_polled_as_often_as_it_asks_for(community: Community) -> None:
    settings = with_connector(community, Planner)
    for _ in range(2):  # also after a restart
        async with listening(settings, community) as work:
            await until(lambda: work.poller.sources["odd"].noted_at)
            assert due(work, "odd") <= settings.sources["odd"].poll_every.total_seconds()


async def test_posts_that_come_by_calls_count_as_arrivals(community: Community) -> None:
    async with community.desk("forum") as work:
        source = work.poller.sources["forum"]
        work.poller.heard("forum", [START])
        assert source.rhythm.last == START.timestamp()
        work.poller.heard("a source that only takes calls", [START])


async def test_everybody_who_asked_is_told_what_a_page_changed(community: Community) -> None:
    told: list[Id] = []

    def hears(inquiries: Collection[Id]) -> None:
        told.extend(inquiries)

    async with Workplace(community.settings("telegram"), clock=community.clock, changed=hears) as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        await poll(work)
        assert [(as_uuid(inquiry),) for inquiry in told] == work.db.query("SELECT inquiry_id FROM inquiry_open")
