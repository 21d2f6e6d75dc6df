"""`python -m benchmarks.peers [--posts N] [--only WORD] [--kills F,F]`: each peer, the floor and ours, in one run.

A line for each: the first load, the same again, 25 new posts beside what is stored, and loads that are killed on the
way and started again. Then lines that hold ours against them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from benchmarks import posts as crowd
from benchmarks.children import run
from benchmarks.figures import Figure, print_figures
from benchmarks.peers import environment
from benchmarks.peers.contestants import FLOOR, OURS, PEERS, Contestant
from benchmarks.peers.running import POLLS
from benchmarks.peers.trial import LoadFailedError, Trial
from benchmarks.peers.verdict import verdict

POSTS: Final = 100_000
KILLS: Final = (0.5, 0.9)  # of the seconds that the first load took


def measure(
    posts: int = POSTS,
    contestants: Sequence[Contestant] = (FLOOR, OURS, *PEERS),
    kills: Sequence[float] = KILLS,
    polls: int = POLLS,
) -> Iterator[Figure]:
    """One after the other; whoever cannot be installed, or fails, is named on stderr and left out."""
    root = crowd.FOLDER / "peers"
    file = crowd.file_of(posts).resolve()
    told: list[Figure] = []
    for contestant in contestants:
        try:
            folder = environment.installed(contestant.environment, root) if contestant.environment else None
        except environment.NotInstalledError as error:
            print(error, file=sys.stderr)
            continue
        with TemporaryDirectory(prefix="bench-peers-") as place:
            try:
                figure = Trial(contestant, folder, Path(place), file, posts).run(kills)
            except LoadFailedError as error:
                print(error, file=sys.stderr)
                continue
        told.append(figure)
        yield figure
        if contestant is OURS and polls:
            told += (running := _running(posts, polls))
            yield from running
    yield from verdict(told, posts)


def _running(posts: int, polls: int) -> list[Figure]:
    """The small polls of our own service, measured in a process of their own."""
    lines = run(sys.executable, "-m", "benchmarks.peers.running", str(posts), str(polls)).output.splitlines()
    return [_figure(orjson.loads(line)) for line in lines]


def _figure(said: dict[str, Any]) -> Figure:
    """A printed line, read again."""
    benchmark, what, value, unit = (said.pop(name) for name in ("benchmark", "what", "value", "unit"))
    return Figure(benchmark, what, value, unit, beside={name: said[name] for name in said if name != "load"})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--only", action="append", default=[], help="a peer whose name holds this word; ours too")
    parser.add_argument("--kills", type=lambda text: [float(part) for part in text.split(",") if part], default=KILLS)
    asked = parser.parse_args()
    some = [peer for peer in PEERS if not asked.only or any(word in peer.name for word in asked.only)]
    print_figures(measure(asked.posts, (FLOOR, OURS, *some), asked.kills))


if __name__ == "__main__":
    main()
