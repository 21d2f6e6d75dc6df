"""`aggregator import` of many posts, everything in, and again; a plain load of the same file is the floor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from benchmarks.children import Ran, run
from benchmarks.figures import Figure, print_figures
from benchmarks.posts import file_of

POSTS: Final = 100_000
RUNS: Final = 3
SECONDS, PEAK_MB, AGAIN_SECONDS = 8.0, 400.0, 2.0
PLAIN_LOAD: Final = (
    "import duckdb, sys; "
    "duckdb.connect(sys.argv[1]).execute('CREATE TABLE post AS SELECT * FROM read_json(?)', [sys.argv[2]])"
)


def measure(posts: int = POSTS, runs: int = RUNS) -> Iterator[Figure]:
    """Each run imports into a new database, then again; the median of the runs counts."""
    file = file_of(posts).resolve()
    first, again, floor, added = [], [], [], 0
    for _ in range(runs):
        with TemporaryDirectory(prefix="bench-import-") as folder:
            config = Path(folder) / "connectors.yaml"
            config.write_text("data: data\nsources: {}\n", encoding="utf-8")
            first.append(_import(file, config, posts))
            again.append(_import(file, config, None))
            added += _added(again[-1])
            floor.append(run(sys.executable, "-c", PLAIN_LOAD, Path(folder) / "plain.duckdb", file))
    plain, whole = _seconds(floor), _seconds(first)
    against = {"floor": plain, "ratio": round(whole / plain, 1), **_beside(first), "posts": posts}
    yield Figure("importing", "seconds for everything", whole, "s", SECONDS, against)
    peak, least = (round(max(one.peak_mb for one in ran), 1) for ran in (first, floor))
    beside = {"floor": least, "ratio": round(peak / least, 1)}
    yield Figure("importing", "peak memory", peak, "MB", PEAK_MB, beside)
    yield Figure("importing", "the same again: posts added", added, "posts", 0)
    yield Figure("importing", "the same again: seconds", _seconds(again), "s", AGAIN_SECONDS, _beside(again))


def _import(file: Path, config: Path, expected: int | None) -> Ran:
    words = ("import", file, "--source", "bench", "--config", config, "--json")
    ran = run(sys.executable, "-m", "aggregator", *words)
    assert expected is None or _added(ran) == expected, f"{_added(ran)} of {expected} posts are there"
    return ran


def _added(ran: Ran) -> int:
    return int(orjson.loads(ran.output)["new"])


def _seconds(runs: list[Ran]) -> float:
    return round(median(one.seconds for one in runs), 2)


def _beside(runs: list[Ran]) -> dict[str, object]:
    cpu = round(median(one.cpu_seconds for one in runs), 2)
    return {"cpu_seconds": cpu, "runs": [round(one.seconds, 2) for one in runs]}


if __name__ == "__main__":
    print_figures(measure())
