"""One measured figure, and how a benchmark prints what it measured: a JSON line each."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

import orjson
import structlog


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured.

    reach: the most that `value` may be; None: it only explains another figure. beside: further figures of the same
    measurement (a floor and the ratio to it, processor time, single runs).
    """

    benchmark: str
    what: str
    value: float
    unit: str
    reach: float | None = None
    beside: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """With the machine's load, since a shared machine is a slower one."""
        said: dict[str, object] = {"benchmark": self.benchmark, "what": self.what, "value": self.value}
        said["unit"] = self.unit
        if self.reach is not None:
            said |= {"reach": self.reach, "reached": self.value <= self.reach}
        return said | dict(self.beside) | {"load": round(os.getloadavg()[0], 1)}


def print_figures(figures: Iterable[Figure]) -> None:
    """Each as soon as it is measured."""
    log_warnings_only()
    for figure in figures:
        print(orjson.dumps(figure.as_json()).decode(), flush=True)


def log_warnings_only() -> None:
    """What is measured says no more than that, to stderr."""
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Of at least one value."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
