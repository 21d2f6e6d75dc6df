"""Eight analysts query while 100,000 posts are imported into the running service, against the same queries asked in the
service's own process.

The import is `aggregator import` beside the service, which does it with its one writer. Each analyst is a DuckDB in a
process of its own, at the live SQL's door. Everybody asks the example queries of docs/queries.md, with the same pause
after each; the posts are imported into an empty database each time.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import IO, Final, Literal

import orjson

from aggregator.config import load
from aggregator.service import running
from aggregator.store import tokens
from benchmarks.analysts_at_work import Done, among
from benchmarks.children import run
from benchmarks.desk_service import cpu_seconds
from benchmarks.figures import Figure, log_warnings_only, print_figures
from benchmarks.posts import file_of
from tests.ports import free_port

POSTS: Final = 100_000
ANALYSTS: Final = 8
PAUSE: Final = 1.0  # seconds after each query
SLOWER: Final = 1.10  # times the import beside the same queries in-process
Way = Literal["nobody", "within", "scan", "pushdown"]
WAYS: Final[tuple[Way, ...]] = ("nobody", "within", "scan", "pushdown")


@dataclass(frozen=True, slots=True)
class Imported:
    """seconds: of `aggregator import`, from its start to its end. cpu_seconds: of the service meanwhile."""

    seconds: float
    cpu_seconds: float
    done: Done


def measure(posts: int = POSTS, analysts: int = ANALYSTS, pause: float = PAUSE, runs: int = 1) -> Iterator[Figure]:
    """In each run every way, one after the other; the median of the runs counts."""
    file = file_of(posts).resolve()
    found: dict[Way, list[Imported]] = {way: [] for way in WAYS}
    for _ in range(runs):
        for way in WAYS:
            found[way].append(_imported(file, way, analysts if way != "nobody" else 0, pause))
    alone, floor = (_seconds(found[way]) for way in ("nobody", "within"))
    for way in WAYS:
        seconds, done = _seconds(found[way]), Done()
        for each in found[way]:
            done.add(each.done)
        beside = {
            "runs": [round(each.seconds, 2) for each in found[way]],
            "cpu_seconds": round(median(each.cpu_seconds for each in found[way]), 1),
            "queries": done.asked + done.checked,
            "alone": round(alone, 2),
        }
        if way in ("scan", "pushdown"):
            slower = round(seconds / floor, 2)
            against = {"floor": round(floor, 2), "ratio": slower, "seconds": round(seconds, 2), **beside}
            yield Figure("analysts", f"import beside them, {way}", slower, "times", SLOWER, against)
        else:
            yield Figure("analysts", f"import beside them, {way}", round(seconds, 2), "s", None, beside)
        if way != "nobody":
            told = {"locked": done.locked, "queries": done.asked, "first": done.first_error}
            yield Figure("analysts", f"errors, {way}", done.errors, "errors", 0, told)
            yield Figure("analysts", f"torn reads, {way}", done.torn, "reads", 0, {"checked": done.checked})


def _seconds(all_: list[Imported]) -> float:
    return median(each.seconds for each in all_)


def _imported(file: Path, way: Way, analysts: int, pause: float) -> Imported:
    """Into an empty database, beside so many who work in this way."""
    with TemporaryDirectory(prefix="bench-analysts-") as folder, ExitStack() as stack:
        config, port = Path(folder) / "connectors.yaml", free_port()
        mode = way if way in ("scan", "pushdown") else "off"
        told = f"sql: {{mode: {mode}, port: {port}, longest: 600}}" if mode != "off" else "sql: off"
        config.write_text(
            f"data: data\nweb: {{port: 0}}\nhooks: {{port: 0}}\nsources: {{}}\n{told}\n", encoding="utf-8"
        )
        within = analysts if way == "within" else 0
        service = _Child(stack, "benchmarks.analysts", config, str(within), str(pause))
        token = service.line()
        clients = [
            _Child(stack, "benchmarks.analysts_at_work", mode, str(port), token, str(pause), str(number))
            for number in range(analysts if mode != "off" else 0)
        ]
        for client in clients:
            client.line()
        for child in (service, *clients):
            child.go()
        before = cpu_seconds(service.pid)
        words = ("import", file, "--source", "bench", "--config", config, "--json")
        ran = run(sys.executable, "-m", "aggregator", *words)
        spent = cpu_seconds(service.pid) - before
        done = Done()
        for child in (*clients, service):
            done.add(Done(**orjson.loads(child.end())))
        counted = orjson.loads(ran.output)["new"]
        assert counted == sum(1 for _ in file.open("rb")), f"{counted} posts are there"
        return Imported(ran.seconds, spent, done)


class _Child:
    """A module of ours in a process of its own, which begins when it is told to and ends with its input."""

    def __init__(self, stack: ExitStack, module: str, *words: str | Path) -> None:
        command = [sys.executable, "-m", module, *map(str, words)]
        child = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(child.terminate)  # where all is well it has ended
        self.pid = child.pid
        assert child.stdin is not None
        assert child.stdout is not None
        self._in: IO[str] = child.stdin
        self._out: IO[str] = child.stdout

    def line(self) -> str:
        return self._out.readline().strip()

    def go(self) -> None:
        self._in.write("\n")
        self._in.flush()

    def end(self) -> str:
        self._in.close()
        return self.line()


async def _serve(config: Path, within: int, pause: float) -> None:
    async with running(load(config)) as service:
        work = service.work
        work.desk.add_user("ana", "viewer")
        print(tokens.make(work.desk, "bench", "ana", ["sql"], who="ana", now=work.clock(), until=None), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        with among(work.db, within, pause) as stopped:
            await asyncio.to_thread(sys.stdin.read)
            print(orjson.dumps(asdict(await asyncio.to_thread(stopped))).decode(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        log_warnings_only()
        asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    else:
        told = {"runs": int(os.environ.get("RUNS", "1")), "posts": int(os.environ.get("POSTS", str(POSTS)))}
        print_figures(measure(pause=float(os.environ.get("PAUSE", str(PAUSE))), **told))
