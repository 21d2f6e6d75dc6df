"""When the machine's clock is set back, what was planned by it would wait until it is as late again: a machine whose
clock was eight hours ahead as it started would poll nothing for eight hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

LEAST = 2.0  # seconds; by less it is only put right


class ClockSteps:
    """wall: the clock that can be set, in seconds. steady: one that nobody can set."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()

    def back(self) -> float:
        """By how many seconds it was set back since the last look; 0: it was not."""
        before, self._ahead = self._ahead, self._wall() - self._steady()
        return before - self._ahead if before - self._ahead >= LEAST else 0.0


def plan_earlier(scheduler: AsyncIOScheduler, seconds: float) -> None:
    """The clock was set back so far: each job is due as soon as it was to be, and what has an hour at that hour."""
    for job in scheduler.get_jobs():
        if job.next_run_time is None:
            continue  # it is paused
        if isinstance(job.trigger, CronTrigger):
            due = job.trigger.get_next_fire_time(None, datetime.now(UTC))
        else:
            due = max(datetime.now(UTC), job.next_run_time - timedelta(seconds=seconds))
        scheduler.modify_job(job.id, next_run_time=due)
