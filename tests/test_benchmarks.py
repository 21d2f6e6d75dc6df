"""Each benchmark, in a tiny size, measures what it says and prints it as JSON lines. No figure is asserted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from aggregator.backup import DATABASE
from aggregator.config import Settings, clock_of
from aggregator.demo.scenes.chat import ChatScene
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.folding.refold import refold
from aggregator.identity import code
from aggregator.store.database import Database
from benchmarks import __main__ as together
from benchmarks import (
    alerting,
    analysts,
    analysts_at_work,
    claiming,
    crowded,
    importing,
    live_sql,
    painting,
    polling,
    posts,
    reading,
    resting,
    soak,
    stages,
    starting,
    streaming,
    suggesting,
    visible,
)  # fmt: skip
from benchmarks.big_store import fill
from benchmarks.children import ChildFailedError, run
from benchmarks.desk_store import copied, lengthen, make_base
from benchmarks.figures import Figure, percentile
from benchmarks.peers import __main__ as peers
from benchmarks.peers.contestants import FLOOR, OURS, PEERS
from benchmarks.peers.verdict import verdict
from benchmarks.peers.watching import watched
from benchmarks.soak_report import as_json, figures, table
from benchmarks.soak_samples import Sample, fifth, per_post, slope


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files to import are written."""
    monkeypatch.setattr(posts, "FOLDER", tmp_path / "bench")
    return tmp_path


def test_every_benchmark_of_the_readme_is_found_or_says_how_it_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(together.__file__).parent / "README.md").read_text(encoding="utf-8")
    rows = readme.split("| benchmark | figure |", 1)[1].split("\n## ", 1)[0].splitlines()
    listed = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert listed == {*together.BY_DEFAULT, *together.NAMED_ONLY, *together.BY_THEMSELVES}
    monkeypatch.setattr(sys, "argv", ["benchmarks", "soak", "sok"])
    assert together.main() == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "soak runs by itself: python -m benchmarks.soak"
    assert told[1].startswith("no such benchmark: sok; there are importing, ")


def lines(figures: Iterable[Figure]) -> dict[str, dict[str, Any]]:
    """What is printed, read again, by what was measured."""
    said = [orjson.loads(orjson.dumps(figure.as_json())) for figure in figures]
    assert all(line["unit"] and line["benchmark"] for line in said)
    shrinks = [line["what"] for line in said if line["value"] < 0]
    # What is the difference of two weighings says nothing in a run of seconds.
    differences = ("by the minute", "more ", "memory per stream")
    assert [what for what in shrinks if not any(each in what for each in differences)] == []
    return {line["what"]: line for line in said}


def test_the_import_is_held_against_a_plain_load_and_adds_nothing_the_second_time() -> None:
    said = lines(importing.measure(posts=40, runs=1))
    assert said["seconds for everything"]["ratio"] > 0
    assert said["peak memory"]["floor"] > 0
    assert said["the same again: posts added"]["value"] == 0
    assert said["the same again: posts added"]["reached"] is True


def test_polls_are_timed_on_both_platforms_beside_stored_posts() -> None:
    said = lines(polling.measure(sizes=(80,), polls=2, imported=40))
    assert set(said) == {"forum, 80 posts stored: median", "telegram-group, 80 posts stored: median"}
    assert [line["pages"] for line in said.values()] == [2, 2]
    assert all(line["p95"] >= line["value"] > 0 for line in said.values())


def test_what_was_answered_before_is_timed_and_something_is_shown() -> None:
    said = lines(suggesting.measure(inquiries=300, opened=60, asked=12))
    assert set(said) == {"the first time", "further times: p95"}
    assert all(line["shown"] > 0 and line["cpu_ms"] >= 0 for line in said.values())


def test_live_sql_is_timed_against_the_same_in_process() -> None:
    said = lines(live_sql.measure(inquiries=3000, runs=1))
    assert list(said) == ["daily_counts, scan", "inquiries, scan", "inquiries, pushdown"]
    assert all(line["rows"] == 12 and line["ratio"] > 0 for line in said.values())


def test_an_import_is_timed_beside_analysts_and_what_they_read_is_whole() -> None:
    said = lines(analysts.measure(posts=60, analysts=2, pause=0.01))
    assert [said[f"import beside them, {way}"]["unit"] for way in analysts.WAYS] == ["s", "s", "times", "times"]
    for way in analysts.WAYS[1:]:
        assert (said[f"errors, {way}"]["value"], said[f"torn reads, {way}"]["value"]) == (0, 0), said
        assert said[f"errors, {way}"]["queries"] > 0


def test_half_a_page_is_a_torn_read() -> None:
    whole = {analysts_at_work.WHOLE_PAGES: [(2500, 2500)], analysts_at_work.AGREE: [(0,)]}
    assert not analysts_at_work.is_torn(whole.__getitem__, "within")
    assert analysts_at_work.is_torn({**whole, analysts_at_work.WHOLE_PAGES: [(2500, 2499)]}.__getitem__, "within")
    assert analysts_at_work.is_torn({**whole, analysts_at_work.AGREE: [(3,)]}.__getitem__, "pushdown")
    counts = iter([[(2400, 2400)], [(2500, 2500)]])  # no page ends there, and none did
    assert analysts_at_work.is_torn(lambda _: next(counts), "scan")


def test_what_is_published_is_seen_and_nothing_is_missing() -> None:
    said = lines(visible.measure(lines=12, seconds=2))
    assert said["all: p95"]["value"] >= said["all: p50"]["value"] > 0
    assert (said["posts missing"]["value"], said["posts doubled"]["value"]) == (0, 0)
    assert said["all: p95"]["posts"] > 0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of 600 inquiries, 40 of them open."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posts, "FOLDER", folder)
        for name in ("base", "long"):
            (folder / name).mkdir()
        make_base(folder / "base", opened=40, imported=300)
        lengthen(folder / "base", folder / "long", 600)
    return folder / "long"


def test_a_long_history_is_never_twice_the_same_and_folds_to_itself(desk: Path) -> None:
    with copied(desk) as copy:
        db = Database(copy / DATABASE)
        try:
            stored = db.query(
                "SELECT state = 'closed', lang LIKE 'zh%', count(*) FROM inquiry GROUP BY ALL ORDER BY ALL"
            )
            posted = db.query("SELECT count(*) - count(DISTINCT post_id) FROM post")
            alike = db.query(
                "SELECT text FROM post WHERE NOT staff AND length(text) > 20 GROUP BY text HAVING count(*) > 1"
            )
            orphans = db.query("FROM inquiry ANTI JOIN post ON post.post_id = inquiry.lead_post_id")
            answered = db.query("SELECT count(*) FROM inquiry_closed WHERE first_answer_at IS NULL")
            every = {one.bytes for (one,) in db.query("SELECT inquiry_id FROM inquiry")}
            settings = Settings(sources={})
            changed = db.submit(
                lambda con: refold(con, every, clock_of=lambda channel: clock_of(settings, channel), points={})
            ).result()
        finally:
            db.close()
    assert (stored[0], stored[1]) == ((False, False, 20), (False, True, 20))
    assert sum(count for _, _, count in stored) == 600
    assert (posted, alike, orphans, answered, changed) == ([(0,)], [], [], [(0,)], set())


def test_pages_are_timed_beside_open_and_closed_inquiries(desk: Path) -> None:
    said = lines(reading.measure(desk, visits=2))
    assert [what.removesuffix(": p95") for what in said] == list(reading.BARS)
    assert all(line["value"] >= line["p50"] > 0 and line["open"] == 40 for line in said.values())


def test_the_feed_is_timed_while_others_work_and_customers_write(desk: Path) -> None:
    said = lines(crowded.measure(desk, visits=3, written=4))
    assert said["feed beside nine colleagues: p95"]["written_per_second"] > 0


def test_claims_are_timed_and_of_two_at_once_one_wins(desk: Path) -> None:
    said = lines(claiming.measure(desk, claims=2, races=4))
    assert said["two at once: not exactly one owner"]["value"] == 0
    assert said["two at once: loser not told who"]["value"] == 0


def test_streams_are_weighed_and_a_stop_does_not_wait_for_them(desk: Path) -> None:
    said = lines(streaming.measure(desk, streams=20))
    assert set(said) == {"memory per stream", "told to all: p95", "stop with 50 streams"}
    assert said["stop with 50 streams"]["value"] < 4  # it took ten as long as it waited for them; the bar is 2


@pytest.mark.browser
def test_what_is_painted_is_timed_in_a_browser(desk: Path) -> None:
    said = lines(painting.measure(desk, rows=100, arrivals=1, keys=3, burst=5, visits=1))
    assert said["first visit on the wire"]["value"] > 10
    assert any(what.startswith("key to paint with ") for what in said)


def test_what_is_urgent_is_told_to_people_and_programs() -> None:
    said = lines(alerting.measure(posts=3, apart=0.05))
    assert said["alert after it was read: p95"]["value"] > 0
    assert (said["alert after it was read: missing"]["value"], said["webhook after it was read: missing"]["value"]) == (
        0,
        0,
    )


def test_starts_are_held_against_python_s_own() -> None:
    said = lines(starting.measure(runs=1))
    assert said["aggregator --help, median"]["ratio"] > 1
    assert said["aggregator demo until the feed answers"]["value"] > 0


def test_the_service_with_every_connector_gets_ready_and_is_weighed() -> None:
    said = lines(resting.measure(runs=1, rests=0))
    assert said["its memory at rest"]["value"] > said["its memory at rest"]["without_files"] > 10


async def test_a_soak_of_seconds_finds_everything_once_and_tells_what_it_measured(tmp_path: Path) -> None:
    few = (ForumScene, TelegramScene, ChatScene)
    plan = soak.Plan(minutes=0.07, rate=30, seed=5, browser=False, every=1, colleagues=2, analysts=1, among=few)
    said = list[str]()
    result = await soak.soak(plan, tmp_path, said.append)
    told = lines(found := list(figures(result)))
    assert result.verdict.is_good, result.verdict
    assert told["lost"]["value"] == told["restarts"]["value"] == told["errors"]["value"] == 0, result.errors
    assert told["stored"]["value"] > 20
    assert told["published to visible: p95"]["value"] > 0
    assert any("stored" in each for each in said)
    assert orjson.loads(orjson.dumps(as_json(result, found)))["course"][-1]["rss"] > 50
    assert "| lost | 0 posts | 0 | reached |" in table(result, found)


def test_what_grows_is_told_apart_from_what_only_warms_up() -> None:
    warm = [_sample(at=60.0 * minute, rss=200 + 50 * min(minute, 2)) for minute in range(10)]
    leaking = [_sample(at=60.0 * minute, rss=200 + 7.0 * minute) for minute in range(10)]
    assert slope(warm, lambda one: one.rss) == 0
    assert slope(leaking, lambda one: one.rss) == pytest.approx(7)
    assert [one.at for one in fifth(warm, 2)] == [120, 180]
    assert per_post(leaking, lambda one: one.on_disk) == 3000


def _sample(at: float, rss: float) -> Sample:
    posts = round(at)
    return Sample(
        at=at, posts=posts, rss=rss, pss=rss, duckdb=0, database=3000 * posts, log=0, desk=0, other=0, descriptors=9,
        threads=9, queue=0, busy=0, longest=0, opened=0, series=9, cpu={}, times={},
    )  # fmt: skip


def test_copied_posts_and_inquiries_refer_to_one_another_and_fold_to_themselves(folder: Path) -> None:
    fill(folder, 120, imported=40)
    db = Database(folder / DATABASE)
    try:
        counted = db.query("SELECT count(*), count(DISTINCT post_id) FROM post")
        orphans = db.query(
            "FROM post ANTI JOIN inquiry USING (inquiry_id) "
            "WHERE (facts ->> 'poses') IS NULL AND (facts ->> 'lures') IS NULL"  # an impostor's begins none
        )
        hollow = db.query("FROM inquiry ANTI JOIN post USING (inquiry_id)")
        unproven = db.query("FROM reason ANTI JOIN post USING (post_id) WHERE post_id IS NOT NULL")
        codes = [(inquiry.bytes, shown) for inquiry, shown in db.query("SELECT inquiry_id, code FROM inquiry")]
        every, settings = {inquiry for inquiry, _ in codes}, Settings(sources={})
        changed = db.submit(
            lambda con: refold(con, every, clock_of=lambda channel: clock_of(settings, channel), points={})
        ).result()
    finally:
        db.close()
    assert counted == [(120, 120)]
    assert (orphans, hollow, unproven, changed) == ([], [], [], set())
    assert [code(inquiry) for inquiry, _ in codes] == [shown for _, shown in codes]


def test_our_import_is_held_against_a_plain_load_as_the_peers_are() -> None:
    said = lines(peers.measure(posts=60, contestants=(FLOOR, OURS), kills=(), polls=0))
    assert list(said) == [FLOOR.name, OURS.name]  # and no verdict, for there is no peer
    ours = said[OURS.name]
    assert (ours["rows"], ours["lost"], ours["again"]["rows"]) == (60, 0, 60)
    assert ours["poll"]["process"]["cpu_ms"] > 0
    assert ours["inquiries"] > 0
    assert ours["phrases_readable"] == 0


def test_a_verdict_is_the_ratio_to_the_median_and_to_the_quickest() -> None:
    def told(name: str, cpu: float, poll: float, merges: bool = True) -> Figure:
        polls = {"process": {"cpu_ms": poll}, "kept": {"cpu_ms": poll}}
        return Figure(
            "peers", name, cpu, "s", None, {"cpu_seconds": cpu, "peak_mb": 100, "merges": merges, "poll": polls}
        )

    names = [peer.name for peer in PEERS]
    running = Figure("peers", "aggregator run: forum", 9, "ms", None, {"cpu_ms": 30})
    measured = [told(OURS.name, 10, 100), running, told(names[0], 20, 50, merges=False), told(names[1], 40, 300)]
    said = lines(verdict(measured, posts=60))
    assert said["processor time, times the median of all peers"]["value"] == 0.33
    assert said["processor time, times the median of peers that merge"]["value"] == 0.25
    assert said["peak memory, times the median of all peers"]["reached"] is True
    by_a_process = said["25 posts, a process for them: processor time, times the quickest peer's"]
    assert (by_a_process["value"], by_a_process["reached"], by_a_process["quickest"]) == (2.0, False, names[0])
    assert said["25 posts, in a running process: processor time, times the quickest peer's"]["value"] == 0.6


def test_a_tree_of_processes_is_weighed_together_and_killed_when_its_time_is_over(folder: Path) -> None:
    heavy = "import subprocess, sys; x = bytearray(90_000_000); subprocess.run([sys.executable, '-c', sys.argv[1]])"
    branch = "import os, signal; x = bytearray(90_000_000); print('here', flush=True); signal.sigtimedwait([], 1)"
    ended = watched((sys.executable, "-c", heavy, branch), folder, dict(os.environ))
    assert (ended.status, ended.output) == (0, b"here\n")
    assert ended.peak_mb > 180
    waits = (sys.executable, "-c", "import signal; signal.pause()")
    assert watched(waits, folder, dict(os.environ), kill_after=0.1).status == -9


def test_stages_are_told_apart_and_the_file_is_weighed() -> None:
    said = lines(stages.measure(posts=120, live=((25, 2), (1, 3))))
    imported = said["import, pages of 2500: processor time a post"]
    assert imported["posts"] == 67
    assert {"mask", "read", "understand", "fold", "decide", "write"} <= imported["stages"].keys()
    assert said["live, pages of 1: processor time a post"]["posts"] == 3
    assert said["bytes of the file a post"]["posts"] == 120


def test_a_child_s_time_and_memory_are_its_own() -> None:
    ran = run(sys.executable, "-c", "x = bytearray(300_000_000); sum(range(1_000_000)); print('done')")
    assert ran.output == b"done\n"
    assert 300 < ran.peak_mb < 5000
    assert ran.cpu_seconds > 0
    with pytest.raises(ChildFailedError, match="ended with 3"):
        run(sys.executable, "-c", "raise SystemExit(3)")


def test_a_percentile_lies_between_its_neighbours() -> None:
    assert (percentile([5.0], 95), percentile([1.0, 2.0, 3.0], 50)) == (5.0, 2.0)


def test_a_figure_above_its_bar_says_so() -> None:
    (line,) = lines([Figure("importing", "seconds", 9.5, "s", 8.0)]).values()
    assert (line["reach"], line["reached"]) == (8.0, False)


def test_a_name_that_is_no_benchmark_is_refused_with_those_that_are() -> None:
    ended = subprocess.run([sys.executable, "-m", "benchmarks", "speed"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no such benchmark: speed" in ended.stderr
    assert "importing, polling" in ended.stderr
