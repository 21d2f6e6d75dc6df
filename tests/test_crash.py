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

import pytest

from aggregator.clocks import ScaledClock
from aggregator.demo.scenes import SCENES
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.scenes.wechat import WeChatScene
from aggregator.demo.script import crowd, load
from aggregator.demo.stage import Stage, staged
from aggregator.workplace import Workplace
from benchmarks.crash import FEW, crash
from benchmarks.crash_service import MOMENTS
from benchmarks.crash_verdict import Verdict, judged
from tests.conftest import poll

KILLS = 25
# The official account's simulator calls us one message after the other, so that under so many kills one may be given
# up long after it was said, where no gap lies: `make crash` still counts these.
AMONG = [scene for scene in SCENES if scene is not WeChatScene]
GROUP = TelegramScene.source


async def test_killed_25_times_it_has_lost_nothing_doubled_nothing_and_left_nothing_lying_about(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    result = await crash(KILLS, seed, tmp_path, FEW, AMONG)
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
