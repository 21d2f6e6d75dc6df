"""What is looked at every few seconds of a soak, and what becomes of it over time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aggregator.backup import DATABASE, DESK
from benchmarks.figures import percentile

FIFTHS: Final = 5
_VALUE: Final = re.compile(r"^(aggregator_[a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sample:
    """at: seconds since the start. posts: stored by then. rss, pss: of the service, and of what its DuckDB says that it
    holds, in 10^6 bytes. database, log, desk, other: bytes on disk. queue: transactions that wait; busy: share of the
    time in which the writer worked; longest: seconds of its longest transaction so far. series: lines of /metrics. cpu:
    processors that each process kept busy. times: milliseconds by what was asked."""

    at: float
    posts: int
    rss: float
    pss: float
    duckdb: float
    database: int
    log: int
    desk: int
    other: int
    descriptors: int
    threads: int
    queue: float
    busy: float
    longest: float
    opened: float
    series: int
    cpu: Mapping[str, float]
    times: Mapping[str, Sequence[float]] = field(repr=False)

    @property
    def on_disk(self) -> int:
        return self.database + self.log + self.desk + self.other


@dataclass(frozen=True, slots=True)
class Metrics:
    """Values of /metrics, summed over labels; `series`: how many lines."""

    values: Mapping[str, float]
    series: int

    @classmethod
    def of(cls, text: str) -> Metrics:
        values: dict[str, float] = {}
        found = _VALUE.findall(text)
        for name, value in found:
            values[name] = values.get(name, 0.0) + float(value)
        return cls(values, len(found))

    def __getitem__(self, name: str) -> float:
        return self.values.get(f"aggregator_{name}", 0.0)


def memory(pid: int) -> tuple[float, float]:
    """Resident and proportional, in 10^6 bytes."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    sizes = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", told, re.MULTILINE)}
    return sizes["Rss"] * 1024 / 1e6, sizes["Pss"] * 1024 / 1e6


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def files(data: Path) -> tuple[int, int, int, int]:
    """Bytes of the database, of its log, of the desk with its own log, and of all else."""
    sizes = {path.name: _size(path) for path in data.rglob("*") if path.is_file()}
    database, log = sizes.pop(DATABASE, 0), sizes.pop(f"{DATABASE}.wal", 0)
    desk = sum(sizes.pop(name) for name in list(sizes) if name.startswith(DESK))
    return database, log, desk, sum(sizes.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # gone meanwhile
        return 0


# -- over time -----------------------------------------------------------------------------------


def fifth(samples: Sequence[Sample], number: int) -> Sequence[Sample]:
    """The samples of one fifth of the time, 1 to 5."""
    length = len(samples) / FIFTHS
    return samples[round((number - 1) * length) : round(number * length)]


def slope(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """By how much it grows in a minute: the line through all of them but the first fifth, in which all warms up."""
    kept = samples[round(len(samples) / FIFTHS) :]
    if len(kept) < 2:
        return 0.0
    times, values = [each.at / 60 for each in kept], [of(each) for each in kept]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    return sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread


def per_post(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """Bytes for each post that came in between the first and the last of these."""
    if len(samples) < 2:
        return 0.0
    first, last = samples[0], samples[-1]
    return (of(last) - of(first)) / max(1, last.posts - first.posts)


def pooled(samples: Sequence[Sample], what: str, percent: int) -> float | None:
    """Milliseconds; None: nobody asked that."""
    values = [value for each in samples for value in each.times.get(what, ())]
    return percentile(values, percent) if values else None
