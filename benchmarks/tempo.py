"""Adaptive polling against fixed intervals: how long posts wait to be found, with the same number of calls.

    python -m benchmarks.tempo

Four weeks are played for each pattern of arrivals, of which the first two are for learning and do not count. Each day
allows so many polls; fixed intervals then get as many as the adaptive ones have used. The patterns are invented. Where
nothing can be gained (posts that arrive evenly) the figure says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Final

from aggregator.tempo import Budget, Rhythm, heard, is_surge, pause, polled
from benchmarks.figures import Figure, print_figures

DAY: Final = 86400.0
BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAYS: Final = 28
LEARNING: Final = 14
A_DAY: Final = 288  # polls: one in five minutes
BETWEEN: Final = (timedelta(seconds=10), timedelta(minutes=30))
SEEDS: Final = (3, 7, 11)

Pattern = Callable[[random.Random, int], list[float]]
"""When posts arrive: seconds from BEGIN, for so many days, in any order."""


def _awake(at: float) -> float:
    """How busy a community in China is at this time, 0 to 1."""
    hour = (at / 3600 + 8) % 24
    return 0.05 if 1 <= hour < 8 else 1.0 if 9 <= hour < 23 else 0.4


def _thinned(rng: random.Random, days: int, a_day: float, busy: Callable[[float], float]) -> Iterator[float]:
    at = rng.expovariate(a_day / DAY)
    while at < days * DAY:
        if rng.random() < busy(at):
            yield at
        at += rng.expovariate(a_day / DAY)


def _evenly(_: float) -> float:
    return 1.0


def poisson(rng: random.Random, days: int) -> list[float]:
    """The control: no rhythm, no bursts; nothing can be gained."""
    return list(_thinned(rng, days, 144, _evenly))


def by_day(rng: random.Random, days: int) -> list[float]:
    """A day's rhythm, no bursts."""
    return list(_thinned(rng, days, 288, _awake))


def conversations(rng: random.Random, days: int) -> list[float]:
    """A group: somebody begins, and nine more lines follow within a quarter of an hour."""
    said = []
    for at in _thinned(rng, days, 29, _awake):
        for _ in range(int(rng.expovariate(1 / 9)) + 1):
            said.append(at)
            at += rng.expovariate(1 / 90)
    return said


def releases(rng: random.Random, days: int) -> list[float]:
    """Little all day; on working days a release in the morning brings twenty to sixty."""
    said = list(_thinned(rng, days, 12, _awake))
    for day in range(days):
        at = day * DAY + 2 * 3600 + rng.uniform(0, 1200)
        said += [at + rng.expovariate(1 / 1200) for _ in range(rng.randint(20, 60) if day % 7 < 5 else 0)]
    return said


def storms(rng: random.Random, days: int) -> list[float]:
    """Something is shared, once a day at any waking hour, and a hundred or more answer within the hour."""
    said = list(_thinned(rng, days, 48, _awake))
    for at in _thinned(rng, days, 1, _awake):
        said += [at + rng.gammavariate(2, 900) for _ in range(rng.randint(100, 300))]
    return said


def incidents(rng: random.Random, days: int) -> list[float]:
    """Every third day, day or night, something breaks: hundreds at once, fading over two hours."""
    said = list(_thinned(rng, days, 24, _awake))
    for at in _thinned(rng, days, 0.4, _evenly):
        said += [at + rng.expovariate(1 / 2400) for _ in range(rng.randint(150, 600))]
    return said


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one pattern: seconds that posts waited, by adaptive and by fixed polls; polls; longest pause."""

    adaptive: Sequence[float]
    fixed: Sequence[float]
    polls: int
    longest: float


def play(pattern: Pattern, seed: int, *, days: int, learning: int, a_day: int = A_DAY, beside: bool = False) -> Played:
    """Poll as the poller does. `beside`: another source hears of the same bursts at once, as a chat does."""
    arrivals = sorted(at for at in pattern(random.Random(seed), days) if at < days * DAY)
    rhythm, live = Rhythm(), Rhythm()
    at = longest = 0.0
    found = polls = 0
    waited: list[float] = []
    while at < days * DAY:
        since = found
        while found < len(arrivals) and arrivals[found] <= at:
            found += 1
        new = arrivals[since:found]
        if at >= learning * DAY:
            polls += 1
            waited += [at - each for each in new if each >= learning * DAY]
        rhythm = polled(rhythm, _moment(at), [_moment(each) for each in new])
        midnight = BEGIN + timedelta(days=int(at // DAY) + 1)
        budgets = [Budget(a_day - rhythm.polls, midnight)]
        wait = pause(rhythm, _moment(at), BETWEEN, budgets)
        if beside:
            live, wait = _beside(live, rhythm, at, wait, arrivals, budgets)
        longest = max(longest, wait)
        at += wait
    return Played(waited, _fixed(arrivals, polls, days, learning), polls, longest)


def _beside(
    live: Rhythm, rhythm: Rhythm, at: float, wait: float, arrivals: Sequence[float], budgets: Sequence[Budget]
) -> tuple[Rhythm, float]:
    """As the other source hears each post at once; where it hears of an incident, this one is asked sooner."""
    for each in arrivals:
        if at < each <= at + wait:
            live = heard(live, _moment(each), [_moment(each)])
            if is_surge(live, _moment(each)):
                urgent = pause(rhythm, _moment(at), BETWEEN, budgets, urgent=True)
                return live, max(each - at, min(wait, urgent))
    return heard(live, _moment(at + wait), ()), wait


def _fixed(arrivals: Sequence[float], polls: int, days: int, learning: int) -> list[float]:
    every = (days - learning) * DAY / polls
    return [every - (each - learning * DAY) % every for each in arrivals if each >= learning * DAY]


def _moment(at: float) -> datetime:
    return BEGIN + timedelta(seconds=at)


def measure(days: int = DAYS, learning: int = LEARNING, seeds: Sequence[int] = SEEDS) -> Iterator[Figure]:
    """How long posts wait, as a share of what they wait at fixed intervals."""
    patterns: tuple[tuple[str, Pattern, bool, float | None], ...] = (
        ("storms", storms, False, 0.5),
        ("releases", releases, False, 0.5),
        ("incidents, heard of in a chat", incidents, True, 0.5),
        ("incidents", incidents, False, None),
        ("conversations", conversations, False, None),
        ("a day's rhythm, no bursts", by_day, False, None),
        ("Poisson, the control", poisson, False, 1.05),
    )
    for name, pattern, beside, reach in patterns:
        played = [play(pattern, seed, days=days, learning=learning, beside=beside) for seed in seeds]
        adaptive = mean(wait for each in played for wait in each.adaptive)
        fixed = mean(wait for each in played for wait in each.fixed)
        told = {
            "seconds": round(adaptive, 1),
            "fixed_seconds": round(fixed, 1),
            "times_better": round(fixed / adaptive, 2),
            "posts": sum(len(each.adaptive) for each in played),
            "polls_a_day": round(sum(each.polls for each in played) / len(played) / (days - learning), 1),
            "longest_pause": round(max(each.longest for each in played)),
        }
        yield Figure("tempo", name, round(adaptive / fixed, 3), "of fixed", reach, told)


if __name__ == "__main__":
    print_figures(measure())
