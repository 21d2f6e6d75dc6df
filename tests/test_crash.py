"""Killed again and again while a crowd writes: nothing is lost, nothing is there twice.

`make crash` does the same more often. A failure names the seed: `python -m benchmarks.crash --kills 25 --seed N`.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.clocks import ScaledClock
from aggregator.demo.script import crowd, load
from aggregator.demo.stage import Stage, staged
from aggregator.workplace import Workplace
from benchmarks.crash import Result, crash
from benchmarks.crash_verdict import Verdict, judged
from tests.conftest import poll

KILLS = 25

pytestmark = pytest.mark.xdist_group("crash")  # one run serves all of its tests


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return asyncio.run(crash(KILLS, int.from_bytes(os.urandom(4)), tmp_path_factory.mktemp("crash")))


def test_it_was_killed_at_every_kind_of_moment(result: Result) -> None:
    assert sum(result.kills.values()) == KILLS
    assert min(result.kills.values()) >= KILLS // len(result.kills)
    assert sum(result.met.values()) >= 5, f"seed {result.seed}: {result.met}"


def test_nothing_is_lost_and_nothing_is_there_twice(result: Result) -> None:
    verdict = result.verdict
    assert (verdict.lost, verdict.doubled, verdict.differing) == (0, 0, 0), f"seed {result.seed}"
    assert verdict.posts > result.lines / 3


def test_the_content_is_that_of_the_platforms_to_the_letter(result: Result) -> None:
    held, expected = result.verdict.hashes
    assert held == expected, f"seed {result.seed}"


def test_no_row_is_left_without_those_it_belongs_to(result: Result) -> None:
    assert result.verdict.orphans == {}, f"seed {result.seed}"


def test_what_telegram_dropped_meanwhile_stands_as_a_gap(result: Result) -> None:
    verdict = result.verdict
    assert verdict.undeliverable > 0
    assert (verdict.uncovered, verdict.gaps) == (0, 1), f"seed {result.seed}"


def test_reading_and_folding_everything_again_changes_nothing(result: Result) -> None:
    assert result.verdict.changed_again == {}, f"seed {result.seed}"


def test_the_colleagues_database_is_whole(result: Result) -> None:
    assert result.verdict.desk


def test_its_figures_say_whether_each_promise_is_kept(result: Result) -> None:
    promised = [figure.as_json() for figure in result.figures() if figure.reach == 0]
    assert len(promised) == 8
    assert all(figure["reached"] for figure in promised) is result.verdict.is_good


def test_a_stop_takes_less_than_two_seconds(result: Result) -> None:
    assert result.stop_seconds < 2


# -- the verdict itself ---------------------------------------------------------------------------


@asynccontextmanager
async def quiet_day(folder: Path) -> AsyncIterator[tuple[Stage, Workplace]]:
    """Forty lines on both platforms, polled once, without any trouble."""
    stage_clock = ScaledClock(datetime(2026, 3, 14, 0, 0, tzinfo=UTC))
    async with staged(load(), stage_clock) as stage:
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
        return await judged(settings, stage, {}, {}, "import/none")


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
