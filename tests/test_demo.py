"""The demo is the main job on a simulated day, and its verdict can fail."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest
import pytest_asyncio

from aggregator.clocks import ScaledClock
from aggregator.demo.given_away import given_away, leaks
from aggregator.demo.play import settle
from aggregator.demo.scenes import SCENES
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.script import DAY_SECONDS, POSTS, load
from aggregator.demo.stage import Stage, staged
from aggregator.demo.verdict import Verdict, is_masked_or_same, judge
from aggregator.demo.visitor import sign_in
from aggregator.service import running
from aggregator.store.database import Connection
from aggregator.workplace import Workplace

FORUM, GROUP = ForumScene.source, TelegramScene.source
SOURCES = tuple(kind.source for kind in SCENES)
SENT = 398  # posts of the day that can be read
OPENS = datetime(2026, 3, 14, 0, 0, tzinfo=UTC)
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
KEY = "9da35bebd45b951ba9afec7415553fe10a7af963b429d12d16f42aa815679ee4"

in_module = pytest.mark.asyncio(loop_scope="module")


class UndoneError(Exception):
    """Ends a transaction that shall leave nothing behind."""


@dataclass
class Played:
    """A whole day that was said, read and stored."""

    stage: Stage
    work: Workplace

    def verdicts(self) -> dict[str, Verdict]:
        with self.work.db.reading() as cursor:
            return judge(cursor, self.stage)

    async def verdicts_if(self, *spoiling: str) -> dict[str, Verdict]:
        """What would be found after these statements, which are taken back."""
        found: dict[str, Verdict] = {}

        def spoil(con: Connection) -> None:
            for sql in spoiling:
                con.execute(sql)
            found.update(judge(con, self.stage))
            raise UndoneError

        with suppress(UndoneError):
            await self.work.db.write(spoil)
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("day")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(folder: Path) -> AsyncIterator[Played]:
    ticks = [0.0]
    clock = ScaledClock(OPENS, monotonic=lambda: ticks[0])
    clock.run(1)
    async with staged(load(), clock) as stage:
        settings = stage.settings(folder / "data", folder, long_poll=0)
        async with running(settings, clock=clock, port=0, hooks_port=0) as service, stage.connected(service.hooks_url):
            await asyncio.wait_for(stage.until_heard(), 30)
            stage.plants_unreadable()
            for line in stage.day.lines:
                stage.plays(line)
            ticks[0] = DAY_SECONDS
            for source in service.work.poller.sources.values():
                await service.work.poller.poll(source, once=True)
            await settle(stage, service, time.monotonic() + 30)  # until the last platform has called
            yield Played(stage, service.work)


@in_module
async def test_a_played_day_is_stored_as_the_platforms_hold_it(played: Played) -> None:
    verdicts = played.verdicts()
    assert all(verdict.is_good for verdict in verdicts.values())
    assert verdicts.keys() == {"all", *SOURCES}
    assert verdicts["all"].sent == sum(verdicts[source].sent for source in SOURCES) == SENT
    assert {source: verdicts[source].rejected for source in SOURCES} == dict.fromkeys(SOURCES, 1) | {"weibo": 2}
    assert verdicts[FORUM].never_seen == 2  # deleted before the only poll


@in_module
async def test_every_post_of_the_day_can_be_read(played: Played) -> None:
    truth, scenes = played.stage.truth(), {scene.channel: scene for scene in played.stage.scenes.values()}
    made = [line for line in played.stage.day.lines if line.act in POSTS]
    unread = [line.id for line in made if scenes[line.channel].id_of(line.id) not in truth[scenes[line.channel].source]]
    assert unread == []


@in_module
async def test_a_post_that_was_not_stored_is_missing(played: Played) -> None:
    verdicts = await played.verdicts_if("DELETE FROM post WHERE native_id = 'p1005'")
    assert (verdicts[FORUM].missing, verdicts["all"].is_good) == (1, False)


@in_module
async def test_a_post_that_was_stored_twice_is_doubled(played: Played) -> None:
    verdicts = await played.verdicts_if("INSERT INTO post FROM post WHERE native_id = 'p1005'")
    assert (verdicts[FORUM].doubled, verdicts["all"].is_good) == (1, False)


@in_module
async def test_posts_that_were_stored_otherwise_differ(played: Played) -> None:
    verdicts = await played.verdicts_if(
        "UPDATE post SET text = text || '?' WHERE native_id = 'p1003'",
        "UPDATE post SET text = '█' || text[2:] WHERE native_id = 'p1004'",
        "UPDATE post SET account_id = uuid() WHERE native_id = 'p1005'",
        "UPDATE post SET thread_id = uuid() WHERE native_id = 'p1006'",
        "UPDATE post SET posted_at = posted_at + INTERVAL 1 SECOND WHERE native_id = 'p1007'",
        "UPDATE post SET deleted_at = posted_at WHERE native_id = 'p1008'",
    )
    assert (verdicts[FORUM].differing, verdicts["all"].is_good) == (6, False)


@in_module
async def test_a_post_that_nobody_sent_differs(played: Played) -> None:
    added = "INSERT INTO post SELECT * REPLACE ('p9' AS native_id) FROM post WHERE native_id = 'p1005'"
    verdicts = await played.verdicts_if(added)
    assert (verdicts[FORUM].differing, verdicts["all"].is_good) == (1, False)


@in_module
async def test_a_record_that_was_thrown_away_is_told(played: Played) -> None:
    verdicts = await played.verdicts_if("DELETE FROM rejected_record WHERE source = 'telegram-group'")
    assert not verdicts[GROUP].is_good
    assert verdicts[FORUM].is_good


@in_module
async def test_no_secret_of_the_day_reaches_the_disk(played: Played, folder: Path) -> None:
    assert len(played.stage.secrets()) == 4
    assert leaks(folder / "data", played.stage.secrets()) == 0
    assert leaks(folder / "data", ["meine einfache erinnerung hier", "早啊各位，昨晚的行情看得我一夜没合眼"]) == 1


@in_module
async def test_who_gives_a_phrase_or_a_key_away_raises_the_alarm(played: Played) -> None:
    exposed = played.work.db.query(
        "SELECT regexp_extract(text, '.*?(█{60,})', 1) <> '' FROM inquiry JOIN post ON post_id = lead_post_id "
        "WHERE secret AND (starts_with(text, '小同志 我换了新手机') OR starts_with(text, '导入总说格式不对') "
        "OR starts_with(text, 'Cannot log in after new phone'))"
    )
    assert exposed == [(True,)] * 3


@pytest.mark.parametrize("kept", [WORDS, KEY, WORDS[13:36], KEY[20:34], f"{'█' * 40}{KEY[-12:]}"])
def test_a_piece_of_a_secret_in_any_file_is_a_leak(tmp_path: Path, kept: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "today.log").write_bytes(b"\0\1" + kept.encode() + b"\2")
    assert leaks(tmp_path, [WORDS, KEY]) == 1


def test_what_a_text_gives_away_is_found_without_the_masking_code() -> None:
    assert given_away(f"婆婆的词 {WORDS} 和 {KEY}，还有 0x{KEY}") == [KEY, WORDS]
    assert given_away("one more thing dears, a man says i should validate my wallet") == []


def test_only_a_secret_may_be_masked() -> None:
    assert is_masked_or_same(f"我的 {'█' * 64} 😱", f"我的 {KEY} 😱")
    assert is_masked_or_same(f"😱 {KEY[:20]}{'█' * 44}", f"😱 {KEY}")
    assert not is_masked_or_same(f"██ {'█' * 64} 😱", f"我的 {KEY} 😱")
    assert not is_masked_or_same(f"我的 {'█' * 62} 😱", f"我的 {KEY} 😱")
    assert not is_masked_or_same("██ my swap failed", "ok my swap failed")


@asynccontextmanager
async def demo(*options: str, browser: str = "") -> AsyncIterator[Process]:
    """`aggregator demo` as a process of its own; ended with the block."""
    command = [sys.executable, "-m", "aggregator", "demo", *options]
    env = os.environ | {"BROWSER": browser}
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=env)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(process: Process, words: str) -> str:
    """What it prints up to a line with these words."""
    assert process.stdout is not None
    lines = []
    while line := (await process.stdout.readline()).decode():
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


async def test_a_squeezed_day_ends_by_itself_and_is_right() -> None:
    async with demo("--seconds", "16", "--port", "0", "--json") as process:
        out, _ = await process.communicate()
    told = orjson.loads(out)
    assert process.returncode == 0, told
    assert (told["ok"], told["sent"], told["missing"], told["doubled"], told["differing"]) == (True, SENT, 0, 0, 0)
    assert told["rejected"] == told["planted"] == len(SOURCES) + 1  # two lists of Weibo hold one each
    assert (told["secrets_found_on_disk"], told["failing_sources"]) == (0, [])
    assert told["stored"] + told["never_seen"] == told["sent"]
    assert told["faults_injected"] >= 2
    assert told["shown"] > 200
    assert 0 < told["p50_seconds"] <= told["p95_seconds"]
    assert told["sources"].keys() == set(SOURCES)


async def test_ctrl_c_ends_the_demo_at_once_without_a_word_of_python(tmp_path: Path) -> None:
    async with demo("--port", "0", "--data", str(tmp_path / "kept")) as process:
        assert "/enter?token=" in await said(process, "Ctrl-C")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert (tmp_path / "kept" / "inquiries.duckdb").exists()


async def test_the_feed_opens_signed_in_and_full(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "opened $1"\n')
    browser.chmod(0o755)
    async with demo("--port", "0", "--open", browser=f"{browser} %s") as process:
        link = (await said(process, "opened")).split()[-1]
        async with httpx.AsyncClient(follow_redirects=True) as client:
            await sign_in(client, link)
            feed = await client.get(link.partition("/enter")[0])
    assert (feed.status_code, feed.url.path) == (200, "/")
    assert feed.text.count('class="row') >= 40
    assert "LT-2207-88413" in feed.text


async def test_ctrl_c_while_the_demo_starts_ends_it_too() -> None:
    async with demo("--port", "0") as process:
        await said(process, "A day in the community")
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with demo("--seconds", "5", "--port", str(port)) as process:
            _, err = await process.communicate()
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err.decode()
    assert "Traceback" not in err.decode()


async def test_a_folder_with_a_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "inquiries.duckdb").write_bytes(b"precious")
    async with demo("--seconds", "5", "--data", str(tmp_path)) as process:
        _, err = await process.communicate()
    assert process.returncode == 1
    assert "holds a database already" in err.decode()
    assert (tmp_path / "inquiries.duckdb").read_bytes() == b"precious"


def test_the_scaled_clock_stands_still_until_it_runs_and_goes_on_where_it_was() -> None:
    ticks = [100.0]
    clock = ScaledClock(OPENS, monotonic=lambda: ticks[0])
    ticks[0] = 200.0
    assert clock() == OPENS
    clock.run(36)
    ticks[0] = 210.0
    assert clock() == OPENS + timedelta(seconds=360)
    clock.run(1)
    ticks[0] = 211.0
    assert clock() == OPENS + timedelta(seconds=361)
