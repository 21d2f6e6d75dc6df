"""Three collectors and two webs over a lake, killed and cut off in rounds: `python -m benchmarks.cluster [rounds]`.

S3 is cut off for a minute in each round, and ten posts come each second. Prints how long it took until all was stored
again, and ends with 1 if anything was lost, stored twice, or claimed by two. What the hosts are is said, too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cluster_desk import cluster
from benchmarks.cluster_hosts import hosts
from benchmarks.cluster_scenes import Report, play
from benchmarks.figures import Figure, log_warnings_only, print_figures
from tests.lake_town import LakeTown
from tests.postgres import postgres
from tests.s3_server import s3_server


def figures(report: Report) -> Iterator[Figure]:
    """By what happened, the longest that it took; and the verdict."""
    verdict = report.verdict
    assert verdict is not None
    for what, seconds in report.seconds.items():
        beside = {"times": len(seconds), "hosts": report.hosts}
        yield Figure("cluster", f"{what}: all stored, at the longest", max(seconds), "s", None, beside)
    for what, count in (
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("claimed by two", verdict.double_claims),
    ):
        yield Figure("cluster", what, count, "", 0, {"posts": verdict.posts, "claims": verdict.claims})


async def played(rounds: int, folder: Path) -> Report:
    with postgres() as server, s3_server() as s3, hosts() as made:
        os.environ |= s3.keys
        async with cluster(folder, made, LakeTown(server, folder / "made"), s3, "cluster") as desk:
            os.environ["TELEGRAM_TOKEN"] = desk.groups["harbor"][0].token
            return await play(desk, rounds=rounds, every=0.1, s3_cut=60, slow=5)


def main() -> int:
    log_warnings_only()
    with TemporaryDirectory(prefix="bench-cluster-") as folder:
        report = asyncio.run(played(int((sys.argv[1:] or ["1"])[0]), Path(folder)))
    print_figures(figures(report))
    return 0 if report.verdict is not None and report.verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
