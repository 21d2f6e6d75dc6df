"""Several processes over one lake: leases, takeover, claims, what others changed; kills, a PostgreSQL that restarts."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import orjson
import pytest
from structlog.testing import capture_logs

from aggregator import feed_only
from aggregator.acting.compare_and_set import ChangedMeanwhileError, act
from aggregator.collecting import Collector, Shard, collecting
from aggregator.config.lake_settings import LakeSettings
from aggregator.feed_only import serving_feed
from aggregator.identity import Id
from aggregator.service import COUNT_AT
from aggregator.stopping import ended
from aggregator.store import daily
from aggregator.store.lake import Lake
from aggregator.store.leases import Leases
from aggregator.store.sources import FenceLostError
from aggregator.web.stream import Stream
from aggregator.workplace import Workplace
from connectors.errors import AuthError
from tests.conftest import Community, open_community, open_inquiries, poll, texts
from tests.console import AGGREGATOR
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town


@pytest.fixture
def lake(lake_town: LakeTown, tmp_path: Path) -> LakeSettings:
    return lake_town.lake(tmp_path / "files", lease="2s")


@pytest.fixture
async def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake: LakeSettings) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "one", monkeypatch) as opened:
        opened.more["lake"] = lake
        yield opened


STARTS_WITHIN = 150.0
"""Seconds. Two processes that started at once, on two cores with twenty others at work, have been seen to take 57."""


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait for it, looking ten times a second."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what it waits for happens in other processes
            await asyncio.sleep(0.1)


# -- in one process, over two connections ---------------------------------------------------------


def test_a_lease_has_one_holder_and_is_taken_within_its_time_when_its_holder_dies(lake: LakeSettings) -> None:
    one, other = Lake(lake), Lake(lake)
    try:
        first, second = Leases(one, "first", 1), Leases(other, "second", 1)
        first.make()
        second.make()
        assert first.renew({"forum", "telegram"}) == {"forum", "telegram"}
        assert second.renew({"forum", "telegram", "weibo"}) == {"weibo"}
        assert first.renew({"forum"}) == {"forum"}
        first.let_go({"telegram"})
        assert second.renew({"forum", "telegram", "weibo"}) == {"telegram", "weibo"}
        one.ask("SELECT pg_sleep(1.1)::text")
        assert first.held() == set()
        assert second.renew({"forum"}) == {"forum"}
        assert first.renew({"forum"}) == set()
    finally:
        one.close()
        other.close()


def test_each_source_is_in_one_share_whatever_others_there_are() -> None:
    names = [f"source-{number}" for number in range(200)]
    shares = [{name for name in names if Shard(number, 3).has(name)} for number in (1, 2, 3)]
    assert sum(map(len, shares)) == len(set().union(*shares)) == 200
    assert min(map(len, shares)) > 40
    assert all(Shard().has(name) for name in names)


async def test_two_who_poll_one_source_store_each_post_once_and_one_learns_that_it_has_lost(
    community: Community,
) -> None:
    other = replace(community, data=community.data.with_name("other"))
    async with community.desk("forum") as mine, other.desk("forum") as theirs:
        community.forum.says("lin", "转账三小时未到账", title="转账没到")
        community.forum.says("bo", "my swap failed")
        found = await asyncio.gather(poll(mine), poll(theirs), return_exceptions=True)
        assert [type(each) for each in found if isinstance(each, BaseException)] in ([], [FenceLostError])
        community.forum.says("bo", "it failed again")
        quicker = mine if not isinstance(found[0], BaseException) else theirs
        await poll(quicker)
        assert len(texts(mine)) == len(set(texts(mine))) == 3
        assert mine.db.query("SELECT count(*) FROM account") == [(2,)]
        assert texts(theirs) == texts(mine)


async def test_what_two_sources_see_at_the_same_moment_is_one_post(community: Community) -> None:
    twin = replace(community, data=community.data.with_name("twin"))
    config = community.settings("forum").sources["forum"]
    settings = twin.settings("forum").model_copy(update={"sources": {"forum-by-another-name": config}})
    async with community.desk("forum") as mine, Workplace(settings, clock=community.clock) as theirs:
        for number in range(12):
            community.forum.says(f"user{number % 5}", f"swap number {number} failed")
        await asyncio.gather(poll(mine), poll(theirs))
        community.forum.says("user1", "and again")
        await asyncio.gather(poll(theirs), poll(mine))
        assert mine.db.query("SELECT count(*), count(DISTINCT post_id) FROM post") == [(13, 13)]
        assert mine.db.query("SELECT count(*), count(DISTINCT account_id) FROM account") == [(5, 5)]
        assert mine.db.query("SELECT count(*), count(DISTINCT (thread_id, person_id)) FROM inquiry_open") == [(13, 13)]


async def test_of_two_who_claim_at_the_same_moment_one_has_it(community: Community) -> None:
    other = replace(community, data=community.data.with_name("other"))
    async with community.desk("forum") as mine, other.desk("forum") as theirs:
        for number in range(3):
            community.forum.says(f"user{number}", f"swap number {number} failed", title=f"swap {number}")
        await poll(mine)

        async def claim(work: Workplace, who: str, one: bytes, ver: int) -> str | None:
            try:
                await act(work.db, work.settings, one, ver, who, "claim", community.clock(), {})
            except ChangedMeanwhileError:
                return None
            return who

        for row in open_inquiries(mine):
            one, ver = row["inquiry_id"].bytes, row["ver"]
            told = await asyncio.gather(claim(mine, "amy", one, ver), claim(theirs, "ben", one, ver))
            (winner,) = [who for who in told if who]
            assert mine.db.query("SELECT owner, ver FROM inquiry_open WHERE inquiry_id = ?", [row["inquiry_id"]]) == [
                (winner, ver + 1)
            ]
        assert theirs.db.query("SELECT count(*) FROM inquiry_event WHERE what = 'claim'") == [(3,)]


async def test_a_web_process_hears_what_a_collector_stores_and_what_another_web_does(community: Community) -> None:
    two, three = (replace(community, data=community.data.with_name(name)) for name in ("two", "three"))
    async with (
        collecting(community.settings("telegram"), Shard(), clock=community.clock, hooks_port=0) as collector,
        serving_feed(two.settings("telegram"), clock=community.clock, port=0) as web,
        serving_feed(three.settings("telegram"), clock=community.clock, port=0) as another,
    ):
        assert collector.polled == {"telegram"}
        assert collector.keeps_house
        begun = web.stream.number, another.stream.number
        community.telegram.says("fox", "my swap failed")
        await poll(collector.work)
        (row,) = open_inquiries(collector.work)
        one = row["inquiry_id"].bytes
        await until(lambda: heard(web.stream, begun[0], one))
        await until(lambda: heard(another.stream, begun[1], one))
        begun = web.stream.number, another.stream.number
        await act(web.work.db, web.work.settings, one, row["ver"], "amy", "claim", community.clock(), {})
        await until(lambda: heard(another.stream, begun[1], one))
        assert open_inquiries(another.work)[0]["owner"] == "amy"
        assert web.stream.since(begun[0], 9) == (web.stream.number, set())  # the page that did it tells of it itself


async def test_a_lost_fence_is_taken_up_anew_by_one_beat_at_a_time_and_a_stop_in_its_middle_hangs_nobody(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, most = 0, 0
    of_theirs = Collector.beat

    async def watched(self: Collector) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await of_theirs(self)
        finally:
            under_way -= 1

    monkeypatch.setattr(Collector, "beat", watched)
    async with asyncio.timeout(20):
        async with collecting(
            community.settings("telegram"), Shard(), clock=community.clock, hooks_port=0
        ) as collector:
            work = collector.work
            await work.db.write(lambda con: con.execute("UPDATE source_state SET fence = fence + 1"))
            community.telegram.says("fox", "my swap failed")
            work.poller.poll_soon("telegram")
            await until(lambda: is_stored(work))
            for _ in range(5):  # while beats are under way
                collector.fence_lost("telegram")
                await asyncio.sleep(0.05)
        assert collector.leases.answered
    watching = await asyncio.to_thread(Lake, community.more["lake"])
    try:
        assert watching.ask("SELECT count(*) FROM desk.lease WHERE until > clock_timestamp()") == [(0,)]
        assert watching.query("SELECT count(*), count(DISTINCT post_id) FROM post") == [(1, 1)]
    finally:
        watching.close()
    assert most == 1


async def test_live_events_go_on_after_a_key_that_could_not_be_read_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, answers = asyncio.Event(), [AuthError("/run/secrets/s3 cannot be read"), duckdb.IOException("HTTP"), {b"1"}]

    def look() -> object:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(feed_only, "LOOKS_EVERY", 0.01)
    others, stream = SimpleNamespace(look=look), SimpleNamespace(publish=lambda _: told.set())
    following = asyncio.create_task(feed_only._follow(cast("Any", others), cast("Any", stream)))
    async with asyncio.timeout(60):
        await told.wait()
    await ended(following)


async def test_a_collector_that_can_renew_no_lease_ends_and_says_why(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would let its sources go, and stand there as if all were well."""

    def refuse(names: Collection[str]) -> set[str]:
        raise AuthError("/run/secrets/s3 cannot be read: Permission denied")

    async with collecting(community.settings("telegram"), Shard(), clock=community.clock, hooks_port=0) as collector:
        monkeypatch.setattr(collector.leases, "renew", refuse)
        with pytest.raises(AuthError, match="cannot be read"):
            async with asyncio.timeout(60):
                await collector.work.poller.failed


async def test_who_gets_no_answer_from_the_catalog_lets_its_sources_go_by_its_own_clock(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    async with collecting(community.settings("telegram"), Shard(), clock=community.clock, hooks_port=0) as collector:
        renew = collector.leases.renew
        monkeypatch.setattr(collector.leases, "renew", lambda names: answers.wait(20) and renew(names))
        await until(lambda: lets_go(collector))
        answers.set()
        await until(lambda: holds(collector))


async def test_whoever_keeps_house_counts_closed_inquiries_anew_each_night(community: Community) -> None:
    async with collecting(community.settings("telegram"), Shard(), clock=community.clock, hooks_port=0) as collector:
        work = collector.work
        await until(lambda: holds(collector))
        wrong = "SELECT DATE '2026-03-14', 'telegram', 'telegram', 'question', 'en', false, 7, 0, 7, 0"
        await work.db.write(lambda con: con.execute(f"INSERT INTO closed_count {wrong}").fetchall())
        assert await work.db.read(daily.checked) == (1, True)
        nightly = f"cron[hour='{COUNT_AT.hour}', minute='{COUNT_AT.minute}']"
        (count,) = [job.func for job in work.poller._scheduler.get_jobs() if str(job.trigger) == nightly]
        await count()
        assert await work.db.read(daily.checked) == (0, False)


async def test_a_collector_and_a_web_process_tell_that_others_may_look_into_their_data(community: Community) -> None:
    two = replace(community, data=community.data.with_name("two"))
    settings = [community.settings("telegram"), two.settings("telegram")]
    for each in settings:
        each.data.mkdir(parents=True, exist_ok=True)
        each.data.chmod(0o750)
    with capture_logs() as told:
        async with (
            collecting(settings[0], Shard(), clock=community.clock, hooks_port=0),
            serving_feed(settings[1], clock=community.clock, port=0),
        ):
            pass
    said = [line["message"] for line in told if line["event"] == "data.open_to_others"]
    assert [f"chmod 700 {each.data}" in line for each, line in zip(settings, said, strict=True)] == [True, True]


async def is_stored(work: Workplace) -> bool:
    return bool(await work.db.read(lambda con: con.execute("FROM post").fetchall()))


async def lets_go(collector: Collector) -> bool:
    return not collector.polled and not collector.keeps_house


async def holds(collector: Collector) -> bool:
    return collector.polled == {"telegram"} and collector.keeps_house


async def heard(stream: Stream, since: int, one: Id) -> bool:
    told = stream.since(since, 99)
    return told is not None and one in told[1]


# -- processes of their own -----------------------------------------------------------------------


class Processes:
    """`aggregator collect` and `aggregator web`, each with a data directory of its own, as on hosts of their own."""

    def __init__(self, folder: Path, community: Community, lake: LakeSettings) -> None:
        self._folder, self._community, self._lake = folder, community, lake
        self._begun: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        config = self._folder / f"{name}.yaml"
        settings = {
            "data": name,
            "lake": {"store": self._lake.store, "files": self._lake.files, "lease": "2s"},
            "sources": {
                "telegram": {
                    "connector": "telegram",
                    "token": {"env": "TELEGRAM_TOKEN"},
                    "api": self._community.telegram_url,
                    "chats": [self._community.telegram.group],
                    "long_poll": 0,
                    "poll_every": "1s",
                }
            },
        }
        config.write_bytes(orjson.dumps(settings))  # JSON is YAML, too
        log = (self._folder / f"{name}.log").open("wb")
        process = subprocess.Popen([*AGGREGATOR, *words, "--config", str(config)], stdout=log, stderr=log)
        self._begun[name] = process
        return process

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def log_of_living(self, name: str) -> str:
        """Its log so far: nobody waits for what a process that has ended will never write."""
        assert self._begun[name].poll() is None, self.log(name)
        return self.log(name)

    def end(self) -> None:
        for process in self._begun.values():
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path, community: Community, lake: LakeSettings) -> Iterator[Processes]:
    begun = Processes(tmp_path, community, lake)
    yield begun
    begun.end()


async def test_kills_and_a_restarted_postgresql_lose_nothing_and_double_nothing(
    community: Community, processes: Processes, lake: LakeSettings, lake_town: LakeTown
) -> None:
    said = 0

    def says(times: int) -> None:
        nonlocal said
        for _ in range(times):
            said += 1
            community.telegram.says(f"user{said % 4}", f"swap number {said} failed")

    watching = await asyncio.to_thread(Lake, lake)
    try:

        async def all_stored() -> bool:
            found = await watching.read(lambda con: con.execute("SELECT count(*) FROM post").fetchall())
            return found == [(said,)]

        says(3)
        first = processes.begin("first", "collect", "--hooks-port", "0")
        await until(all_stored, STARTS_WITHIN)
        second = processes.begin("second", "collect", "--hooks-port", "0")
        web = processes.begin("web", "web", "--port", "0")
        await until(lambda: is_written(processes, "second", "collector.started"), STARTS_WITHIN)
        await until(lambda: is_written(processes, "web", "http://"), STARTS_WITHIN)
        assert "source.taken" not in processes.log("second")

        first.send_signal(signal.SIGKILL)
        says(3)
        await until(all_stored)
        assert "source.taken" in processes.log("second")

        tries = processes.log("second").count("lake.again")
        await asyncio.to_thread(lake_town.server.stop, "immediate")
        says(3)
        await until(lambda: has_noticed(processes, "second", tries))
        await asyncio.to_thread(lake_town.server.start)
        await until(all_stored)

        web.send_signal(signal.SIGKILL)
        says(2)
        await until(all_stored)
        assert watching.query("SELECT count(DISTINCT post_id), count(DISTINCT text) FROM post") == [(said, said)]
        assert watching.query("SELECT sum(posts) FROM inquiry_open") == [(said,)]
        assert second.poll() is None
        second.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(second.wait, 20) == 0
        assert watching.ask("SELECT count(*) FROM desk.lease WHERE until > clock_timestamp()") == [(0,)]
    finally:
        watching.close()


async def is_written(processes: Processes, name: str, words: str) -> bool:
    return words in processes.log_of_living(name)


async def has_noticed(processes: Processes, name: str, tries: int) -> bool:
    """That PostgreSQL is away: it tries a page again, or it polls nothing, for no lease could be renewed in time."""
    told = processes.log_of_living(name)
    return told.count("lake.again") > tries or told.count("source.let_go") == told.count("source.taken")
