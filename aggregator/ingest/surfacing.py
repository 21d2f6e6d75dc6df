"""How long posts take from being posted to standing in the feed, since this process began."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0)  # seconds


@dataclass(slots=True)
class Times:
    """Of one source. counts: per bucket, the last one for what took longer than all BOUNDS."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def up_to(self) -> list[tuple[str, int]]:
        """How many took at most so many seconds, as text; the last are all."""
        return list(zip((*map(str, BOUNDS), "+Inf"), accumulate(self.counts), strict=True))


class Surfacing:
    """By source. Live posts only: what a backfill or an import brings was not waited for."""

    def __init__(self) -> None:
        self._times: dict[str, Times] = {}

    def took(self, source: str, seconds: float) -> None:
        times = self._times.setdefault(source, Times())
        times.counts[bisect_left(BOUNDS, seconds)] += 1
        times.seconds += max(0.0, seconds)

    def times(self) -> Mapping[str, Times]:
        return dict(self._times)
