"""Killed again and again while a crowd writes: nothing is lost, nothing is there twice.

`make crash` does the same more often. A failure names the seed: `python -m benchmarks.crash --kills 25 --channels 3
--seed N`.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from aggregator.clocks import ScaledClock
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.scenes.wechat import WeChatScene
from aggregator.demo.script import Line, crowd, load
from aggregator.demo.stage import Stage, staged
from aggregator.workplace import Workplace
from benchmarks.crash import FEW, crash
from benchmarks.crash_service import MOMENTS
from benchmarks.crash_verdict import Verdict, judged
from connectors.wechat import WeChat
from tests.conftest import poll

KILLS = 25
GROUP = TelegramScene.source


async def test_killed_25_times_it_has_lost_nothing_doubled_nothing_and_left_nothing_lying_about(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    result = await crash(KILLS, seed, tmp_path, FEW)
    verdict, run = result.verdict, f"seed {seed}: {result}"
    assert (verdict.lost, verdict.doubled, verdict.differing) == (0, 0, 0), run
    assert verdict.hashes[0] == verdict.hashes[1], run
    assert (verdict.orphans, verdict.changed_again, verdict.desk) == ({}, {}, True), run
    # What was answered to a colleague has happened, once.
    assert verdict.unkept == 0, run
    assert verdict.claims > 0, run
    # What a platform no longer tells stands as a gap; Telegram's day on which nobody listened is one.
    assert verdict.uncovered == 0, run
    assert verdict.gaps[GROUP] == (GROUP in result.sources), run
    assert verdict.undeliverable > 0 or GROUP not in result.sources, run
    # It was at work, and was killed at every kind of moment.
    assert verdict.posts > result.lines / 3, run
    assert sum(result.kills.values()) == KILLS
    assert min(result.kills.values()) >= KILLS // len(MOMENTS)
    assert min(result.met[moment] for moment in MOMENTS if moment != "starting") > 0, run
    assert all(figure.value <= figure.reach for figure in result.figures() if figure.reach == 0), run


# -- the verdict itself ---------------------------------------------------------------------------


@asynccontextmanager
async def quiet_day(folder: Path) -> AsyncIterator[tuple[Stage, Workplace]]:
    """Forty lines on both platforms, polled once, without any trouble."""
    stage_clock = ScaledClock(datetime(2026, 3, 14, 0, 0, tzinfo=UTC))
    async with staged(load(), stage_clock, (ForumScene, TelegramScene)) as stage:
        for line in crowd(stage.day, 40, random.Random(3).getrandbits(32)):
            stage.plays(replace(line, at=1.0))
        settings = stage.settings(folder / "data", folder, long_poll=0)
        async with Workplace(settings, clock=lambda: stage.opens + timedelta(minutes=1)) as work:
            await poll(work)
            yield stage, work


async def verdict_after(tmp_path: Path, spoiling: str) -> Verdict:
    async with quiet_day(tmp_path) as (stage, work):
        await work.db.write(lambda con: con.execute(spoiling).fetchall())
        settings = work.settings
        work.db.close()
        return await judged(settings, stage, {}, "import/none")


async def test_a_verdict_on_an_unspoiled_desk_is_good(tmp_path: Path) -> None:
    verdict = await verdict_after(tmp_path, "SELECT 1")
    assert verdict.is_good
    assert verdict.posts > 30


@pytest.mark.parametrize(
    ("spoiling", "found"),
    [
        ("DELETE FROM post WHERE post_id = (SELECT min(post_id) FROM post)", "lost"),
        ("INSERT INTO post FROM post WHERE post_id = (SELECT min(post_id) FROM post)", "doubled"),
        ("UPDATE post SET text = text || '!' WHERE post_id = (SELECT min(post_id) FROM post)", "differing"),
        ("DELETE FROM record WHERE post_id = (SELECT min(post_id) FROM post)", "orphans"),
        ("DELETE FROM inquiry_open WHERE inquiry_id = (SELECT min(inquiry_id) FROM inquiry_open)", "orphans"),
        ("UPDATE inquiry_open SET points = points + 1", "changed_again"),
    ],
)
async def test_a_verdict_sees_what_is_wrong(tmp_path: Path, spoiling: str, found: str) -> None:
    verdict = await verdict_after(tmp_path, spoiling)
    assert not verdict.is_good
    assert getattr(verdict, found)


# -- what a platform gave up ----------------------------------------------------------------------


async def verdict_on_a_message_given_up(tmp_path: Path, *, taken: bool, noted: bool) -> Verdict:
    """One that WeChat called for in vain. `taken`: it was stored, only the answer did not get through; `noted`: the
    ledger shows the time as lost."""
    clock = ScaledClock(datetime(2026, 3, 14, 0, 0, tzinfo=UTC))
    async with staged(load(), clock, [WeChatScene]) as stage:
        scene = stage.scene(WeChatScene)
        scene.connect("http://127.0.0.1:9")  # where nobody answers
        scene.simulator.callbacks.pause = 0
        stage.plays(Line(1.0, "m", scene.channel, "laozhou", "钱还没到", "account"))
        [(message, _)] = scene.simulator.callbacks.pending
        settings = stage.settings(tmp_path / "data", tmp_path, long_poll=0)
        async with Workplace(settings, clock=clock) as work:
            if taken:
                connector = work.connectors[scene.source]
                assert isinstance(connector, WeChat)
                records = connector.receive(scene.simulator.push(message)).records
                await work.ingest.pushed(work.origins[scene.source], records)
            if noted:
                row = [scene.source, stage.opens, stage.opens + timedelta(seconds=9)]
                sql = "INSERT INTO coverage VALUES (?, ?, ?, 'lost', 'we did not run')"
                await work.db.write(lambda con: con.execute(sql, row).fetchall())
        async with httpx.AsyncClient(trust_env=False) as client:
            await scene.delivers(client)
        return await judged(settings, stage, {}, "import/none")


@pytest.mark.parametrize(
    ("taken", "noted", "undeliverable", "uncovered"),
    [(False, True, 1, 0), (False, False, 1, 1), (True, False, 0, 0)],
)
async def test_a_message_that_was_given_up_is_stored_or_lies_in_a_gap(
    tmp_path: Path, taken: bool, noted: bool, undeliverable: int, uncovered: int
) -> None:
    verdict = await verdict_on_a_message_given_up(tmp_path, taken=taken, noted=noted)
    assert (verdict.undeliverable, verdict.uncovered) == (undeliverable, uncovered)
    assert verdict.is_good == (uncovered == 0)
    assert verdict.posts == taken
