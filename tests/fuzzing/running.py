"""Runs a target: guided by coverage with atheris, or, where that is not installed, on plain random inputs."""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from tests.fuzzing.target import Feed, Target

SLOWEST: Final = 5.0  # seconds of processor time; what takes longer hangs for whoever waits
LONGEST: Final = 4096  # bytes of an input


def be_quiet() -> None:
    """No log of what is rejected, which is nearly everything."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class FoundError(Exception):
    """An input that the product does not take as it should."""


class Counted:
    """Feeds inputs, counts them, and holds each against the clock."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.inputs = 0
        self.slowest = 0.0

    def __call__(self, data: bytes) -> None:
        began = time.process_time()
        self.inputs += 1
        self._feed(data)
        taken = time.process_time() - began
        self.slowest = max(self.slowest, taken)
        if taken > SLOWEST:
            raise FoundError(f"an input of {len(data)} bytes took {taken:.1f} s")


def unguided(target: Target, runs: int, seed: int = 1) -> Counted:
    """All seeds, then inputs that are made of them by chance."""
    be_quiet()
    counted, rng = Counted(target.ready()), random.Random(seed)
    seeds = list(target.seeds())
    for number in range(runs):
        data = seeds[number] if number < len(seeds) else _varied(rng, seeds)
        try:
            counted(data)
        except Exception as error:
            error.add_note(f"{target.name}: the input was {data!r}")
            raise
    return counted


def _varied(rng: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(rng.choice(seeds))[:LONGEST]
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 1:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        else:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at:at] = other[start : start + rng.randrange(64)]
    return bytes(data)


def guided(target: Target, *, runs: int, seconds: int, corpus: Path, report: Callable[[Counted], None]) -> None:
    """Does not return: libFuzzer ends the process. `corpus`: where inputs that reached something new are kept."""
    import atheris

    be_quiet()
    counted = Counted(target.ready())
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed)

    def one(data: bytes) -> None:
        try:
            counted(data)
        except BaseException as error:
            error.add_note(f"{target.name}: the input was {data!r}")
            report(counted)
            raise
        if counted.inputs % 256 == 0:
            report(counted)

    options = [
        f"-max_len={LONGEST}",
        f"-timeout={4 * SLOWEST:.0f}",
        "-rss_limit_mb=3000",
        f"-artifact_prefix={corpus}/../",
    ]
    limits = ([f"-atheris_runs={runs}"] if runs else []) + ([f"-max_total_time={seconds}"] if seconds else [])
    atheris.Setup([sys.argv[0], *options, *limits, "-print_final_stats=0", "-verbosity=0", str(corpus)], one)
    atheris.Fuzz()
