"""How a day's calls are spent: at the lists and the hours where posts arrive, and nothing is starved."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean

import pytest

from connectors.weibo.plan import LONGEST_WAIT, Budget, Profile, Pulse, can_spare, due

START = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # midnight in China
TICK = timedelta(minutes=3)
CALLS = 90
DAYS = 14


@dataclass
class Inbox:
    """A list as the plan sees it, and when posts arrive there, in order."""

    name: str
    arrivals: list[datetime] = field(default_factory=list)
    pulse: Pulse = field(default_factory=Pulse)
    cost: float = 1.0
    unfinished: bool = False
    asked: list[datetime] = field(default_factory=list)

    def ask(self, now: datetime, profile: Profile) -> None:
        known = bisect_right(self.arrivals, self.asked[-1]) if self.asked else 0
        new = self.arrivals[known : bisect_right(self.arrivals, now)]
        self.asked.append(now)
        self.pulse.note(len(new), now)
        profile.note(new, now)

    def delays(self) -> list[float]:
        """Hours from each arrival to the next time that the list was asked."""
        found = [
            (self.asked[at], post) for post in self.arrivals if (at := bisect_right(self.asked, post)) < len(self.asked)
        ]
        return [(asked - post) / timedelta(hours=1) for asked, post in found]


# Posts per hour of a wallet's account in China, by hour of the day: nights are quiet, evenings busy.
DAY = (
    0.1,
    0.05,
    0.02,
    0.02,
    0.02,
    0.05,
    0.2,
    0.5,
    0.9,
    1.3,
    1.5,
    1.4,
    1.3,
    1.2,
    1.2,
    1.3,
    1.4,
    1.5,
    1.8,
    2.2,
    2.5,
    2.2,
    1.2,
    0.5,
)
SHARES = {"mentions": 1.0, "comments": 0.5, "comment_mentions": 0.1, "own_posts": 0.05}
STORMS = ((3, 20.0, "mentions"), (7, 11.5, "comments"), (10, 21.0, "mentions"), (12, 14.0, "mentions"))
STORM = 120  # posts within an hour and a half, most of them at once


def two_weeks(seed: int) -> list[Inbox]:
    """Four lists: a daily rhythm, and four storms as incidents bring them."""
    dice = random.Random(seed)
    inboxes = []
    for name, share in SHARES.items():
        arrivals = [
            START + timedelta(days=day, hours=hour + dice.random())
            for day in range(DAYS)
            for hour, rate in enumerate(DAY)
            for _ in range(_poisson(dice, rate * share))
        ]
        for day, hour, where in STORMS:
            if where == name:
                begin = START + timedelta(days=day, hours=hour)
                arrivals += [begin + timedelta(hours=min(1.5, dice.expovariate(2.5))) for _ in range(STORM)]
        inboxes.append(Inbox(name, sorted(arrivals), Pulse(usual=1.0 if name == "mentions" else 0.25)))
    return inboxes


def _poisson(dice: random.Random, expected: float) -> int:
    count, left = 0, dice.expovariate(1)
    while left < expected:
        count, left = count + 1, left + dice.expovariate(1)
    return count


def by_the_plan(inboxes: list[Inbox], calls: int = CALLS) -> None:
    budget, profile = Budget(calls), Profile()
    for tick in range(DAYS * 480):
        now = START + tick * TICK
        for inbox in due(inboxes, budget.left(now), profile, now):
            if budget.left(now):
                budget.spend(now)
                inbox.ask(now, profile)


def at_fixed_intervals(inboxes: list[Inbox], calls: int) -> None:
    """The same number of calls, each list as often as the others."""
    every = DAYS * timedelta(days=1) / (calls / len(inboxes))
    for inbox in inboxes:
        inbox.asked = [START + number * every for number in range(1, calls // len(inboxes) + 1)]


def mean_delay(inboxes: Sequence[Inbox]) -> float:
    return mean(delay for inbox in inboxes for delay in inbox.delays())


def test_posts_are_found_much_sooner_than_at_fixed_intervals_with_the_same_calls() -> None:
    planned, fixed = [two_weeks(seed) for seed in range(6)], [two_weeks(seed) for seed in range(6)]
    for by_plan, by_interval in zip(planned, fixed, strict=True):
        by_the_plan(by_plan)
        at_fixed_intervals(by_interval, sum(len(inbox.asked) for inbox in by_plan))
    assert mean(map(mean_delay, fixed)) >= 1.7 * mean(map(mean_delay, planned))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_list_is_starved_and_no_day_exceeds_its_calls(seed: int) -> None:
    inboxes = two_weeks(seed)
    by_the_plan(inboxes)
    waits = [later - earlier for each in inboxes for earlier, later in pairwise(each.asked)]
    asked = [(at - START).days for each in inboxes for at in each.asked]
    assert max(waits) <= LONGEST_WAIT + 5 * TICK
    assert {asked.count(day) for day in range(DAYS)} <= set(range(CALLS - 5, CALLS + 1))


def test_most_calls_go_where_most_posts_arrive() -> None:
    inboxes = two_weeks(1)
    by_the_plan(inboxes)
    mentions, comments, *rare = (len(inbox.asked) for inbox in inboxes)
    assert mentions > 1.3 * comments > 2 * max(rare)


def test_a_list_with_a_walk_under_way_is_always_due() -> None:
    inboxes = two_weeks(1)
    for inbox in inboxes:
        inbox.ask(START, Profile())
    inboxes[2].unfinished = True
    assert due(inboxes, 50, Profile(), START) == [inboxes[2]]
    assert due(inboxes, 0, Profile(), START) == []


def test_few_calls_are_spread_over_the_whole_day() -> None:
    inboxes = two_weeks(1)
    by_the_plan(inboxes, calls=12)
    first_day = [at for inbox in inboxes for at in inbox.asked if at < START + timedelta(days=1)]
    assert len(first_day) == 12
    assert max(first_day) > START + timedelta(hours=15)


def test_calls_are_spared_for_the_rest_of_the_day() -> None:
    inboxes = two_weeks(1)
    noon = START + timedelta(hours=12)
    assert can_spare(17, inboxes, noon)
    assert not can_spare(16, inboxes, noon)
    assert can_spare(1, inboxes, noon + timedelta(hours=11, minutes=30))


def test_a_cursor_that_is_older_than_what_we_know_takes_no_call_back() -> None:
    budget = Budget(10)
    budget.spend(START)
    budget.spend(START)
    budget.take_up("2026-03-02", 1, START)
    assert budget.left(START) == 8
    budget.take_up("2026-03-02", 7, START)
    assert budget.left(START) == 3
    budget.take_up("2026-03-01", 9, START)
    assert budget.left(START) == 3
    assert budget.left(START + timedelta(days=1)) == 10
