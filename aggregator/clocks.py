"""One clock for the whole process; the demo runs it faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the time now, aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def scaled_clock(start: datetime, speed: float) -> Clock:
    """A clock that begins at `start` now and runs `speed` times as fast as the real one."""
    began = time.monotonic()
    return lambda: start + timedelta(seconds=(time.monotonic() - began) * speed)
