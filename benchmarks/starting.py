"""How soon the command line answers, and how soon the demo's feed does once everything is installed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Final

import httpx

from benchmarks.children import ChildFailedError, run
from benchmarks.figures import Figure, print_figures
from tests.ports import free_port

RUNS: Final = 10
HELP_MS, FEED_SECONDS = 400.0, 120.0
AGGREGATOR: Final = (sys.executable, "-m", "aggregator")


def measure(runs: int = RUNS) -> Iterator[Figure]:
    """The median of the runs of `--help`, against Python's own start; one start of the demo."""
    shown = [run(*AGGREGATOR, "--help") for _ in range(runs)]
    bare = [run(sys.executable, "-c", "pass") for _ in range(runs)]
    took, floor = (round(median(one.seconds for one in ran) * 1000, 1) for ran in (shown, bare))
    cpu = round(median(one.cpu_seconds for one in shown) * 1000, 1)
    beside = {"floor": floor, "ratio": round(took / floor, 1), "cpu_ms": cpu, "runs": runs}
    yield Figure("starting", "aggregator --help, median", took, "ms", HELP_MS, beside)
    yield Figure("starting", "aggregator demo until the feed answers", round(_first_answer(), 2), "s", FEED_SECONDS)


def _first_answer() -> float:
    """Seconds from the start of the process to the first page of the feed.

    Raises:
        ChildFailedError: it ended, or did not answer within the time that it may take.
    """
    port = free_port()
    began = time.perf_counter()
    words = (*AGGREGATOR, "demo", "--port", str(port))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, "BROWSER": "true"}) as demo:
        try:
            while demo.poll() is None and time.perf_counter() - began < FEED_SECONDS:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/", follow_redirects=True, timeout=FEED_SECONDS)
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                answer.raise_for_status()
                return time.perf_counter() - began
            raise ChildFailedError(f"aggregator demo did not answer on port {port}")
        finally:
            demo.send_signal(signal.SIGINT)


if __name__ == "__main__":
    print_figures(measure())
