"""One clock for the whole process; the demo runs it faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the time now, aware, in UTC."""

_DAILY = timedelta(hours=26)  # a day has 25 where clocks are set back in autumn


def system_clock() -> datetime:
    return datetime.now(UTC)


class ScaledClock:
    """Begins at `start` and stands still; `run` sets how many times as fast as the real one it goes from now on."""

    def __init__(self, start: datetime, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._from, self._at = start, monotonic()
        self.speed = 0.0

    def __call__(self) -> datetime:
        return self._from + timedelta(seconds=(self._monotonic() - self._at) * self.speed)

    def run(self, speed: float) -> None:
        self._from, self._at = self(), self._monotonic()
        self.speed = speed


def real_seconds(clock: Clock, seconds: float) -> float:
    """How many seconds of `clock` so many real ones are."""
    return seconds * max(clock.speed, 1.0) if isinstance(clock, ScaledClock) else seconds


def missed_a_day(last: datetime, now: datetime) -> bool:
    """Whether what is done once a day, and was done at `last`, should have been done again, as after a night in which
    the machine was off; or was done at a time that a clock set wrong had told."""
    return not timedelta(0) <= now - last <= _DAILY
