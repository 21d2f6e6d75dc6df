"""How often to ask a source: more often where posts arrive, less often where it is quiet, within what may be asked.

The mean time until a post is found is least if the polls are as dense as the square root of the rate of arrival.
The rate is estimated from two things: what is usual at this hour of the week, and what arrived in the last minutes
and hour. How much each of them counts is learned from how unevenly posts arrive: where they come in bursts, the last
minutes say more. Everything here is pure; times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import exp, sqrt
from typing import Any

from connectors.contract import Quota, SourceConfig

HOUR = 3600.0
WEEK = 168  # hours
SHORT, LONG = 5 * 60.0, 45 * 60.0  # seconds after which an arrival counts a third as much
SLOWEST_LEARNING = 0.15  # weight of the newest week, once there are several
LASTS = HOUR / 2  # so long, at least, does it go on as it is now, and its polls are kept back
CAP = 2.0  # deviations of a usual hour, beyond which an hour is an exception and not learned as usual
LEAN = 12  # weeks after which an hour of the week counts as much as the same hour of all days
URGENT = 16.0  # while an incident runs somewhere, at least so many times the usual is expected everywhere
LEARNED = 72  # hours, before a silence can be unusual
SILENT = 12.0  # posts that were to be expected, at least, before a silence is unusual
RARER = 2.0  # and so many times as many as in the longest silence so far
SURGE, SURGE_POSTS = 6.0, 8  # an incident: so many times the usual, and so many posts in the last minutes


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known of a source's arrivals.

    hours, weeks: for each hour of the week (from Monday 00:00) the usual number of posts, and from how many weeks.
    at: until when this was learned. hour: posts since the hour began, if it was watched from its beginning.
    short, long: recent arrivals a second, over SHORT and LONG. spread: variance of an hour's posts by their mean; 1
    where they do not influence one another. strain: how far the density of polls is from what is usual, on average.
    last, longest: the newest arrival; how many posts were to be expected in the longest silence.
    day, polls: polls of a day (its ordinal), for a daily bound. calls: that a poll costs, where the platform counts.
    """

    hours: tuple[float, ...] = (0.0,) * WEEK
    weeks: tuple[int, ...] = (0,) * WEEK
    at: float = 0.0  # Unix time, as the others
    hour: int | None = None
    short: float = 0.0
    long: float = 0.0
    spread: float = 4.0
    strain: float = 1.0
    last: float | None = None
    longest: float = 0.0
    day: int = 0
    polls: int = 0
    calls: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """For keeping it; `of` reads it."""
        return asdict(self) | {"hours": [round(hour, 3) for hour in self.hours]}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Rhythm:
        """Empty: nothing is known yet. What another version kept beside is left out."""
        known = {field.name for field in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        found: dict[str, Any] = {name: value for name, value in kept.items() if name in known}
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Budget:
    """So many polls until a moment."""

    polls: float
    until: datetime


# -- learning -------------------------------------------------------------------------------------


def polled(rhythm: Rhythm, now: datetime, arrived: Sequence[datetime]) -> Rhythm:
    """After a poll that everything was well with. `arrived`: when the new posts were posted, in any order."""
    return counted(heard(rhythm, now, arrived), now)


def counted(rhythm: Rhythm, now: datetime) -> Rhythm:
    """After any poll, for the platform counts those that failed, too."""
    today = int(now.timestamp() // 86400)
    return replace(rhythm, day=today, polls=rhythm.polls + 1 if rhythm.day == today else 1)


def heard(rhythm: Rhythm, now: datetime, arrived: Sequence[datetime]) -> Rhythm:
    """Posts came, by a poll or by a call; or none did."""
    moment = now.timestamp()
    rhythm = _passed(rhythm, moment)
    times = sorted(min(at.timestamp(), moment) for at in arrived)
    if not times:
        return rhythm
    recent = [moment - at for at in times if moment - at < HOUR]
    longest = rhythm.longest
    if rhythm.last is not None:
        longest = max(longest, _expected(rhythm, rhythm.last, times[0]))
    return replace(
        rhythm,
        hour=None if rhythm.hour is None else rhythm.hour + len(recent),
        short=rhythm.short + sum(exp(-age / SHORT) for age in recent) / SHORT,
        long=rhythm.long + sum(exp(-age / LONG) for age in recent) / LONG,
        last=max(rhythm.last or 0.0, times[-1]),
        longest=longest,
    )


def _passed(rhythm: Rhythm, moment: float) -> Rhythm:
    """Time goes on: recent arrivals fade, and an hour that is over is learned."""
    gone = max(0.0, moment - rhythm.at)
    if rhythm.at:
        usual = usual_rate(rhythm, rhythm.at)
        weight = 1 - exp(-gone / (3 * 86400))
        ratio = sqrt(rate(rhythm, rhythm.at) / usual)
        rhythm = replace(rhythm, strain=rhythm.strain + weight * (ratio - rhythm.strain))
    faded = replace(
        rhythm, short=rhythm.short * exp(-gone / SHORT), long=rhythm.long * exp(-gone / LONG), at=max(moment, rhythm.at)
    )
    before, here = int(rhythm.at // HOUR), int(moment // HOUR)
    if before == here:
        return faded
    if here - before > 2:  # we did not listen
        return replace(faded, hour=0, longest=faded.longest)
    learned = faded if rhythm.hour is None else _learned(faded, before, rhythm.hour)
    if here - before == 2:
        learned = _learned(learned, before + 1, 0)
    return replace(learned, hour=0, longest=learned.longest * 0.9995)  # half of it after two months


def _learned(rhythm: Rhythm, number: int, posts: int) -> Rhythm:
    """An hour (counted from 1970) brought so many posts."""
    place = _hour_of_week(number)
    expected = max(usual_rate(rhythm, number * HOUR) * HOUR, 0.05)
    uneven = min((posts - expected) ** 2 / expected, 400.0)
    weeks = rhythm.weeks[place]
    share = max(1 / (weeks + 1), SLOWEST_LEARNING)
    # One storm at three in the night does not make three in the night a busy hour.
    counted = min(posts, expected + CAP * sqrt(expected + 1))
    mean = rhythm.hours[place] + share * (counted - rhythm.hours[place])
    return replace(
        rhythm,
        hours=(*rhythm.hours[:place], mean, *rhythm.hours[place + 1 :]),
        weeks=(*rhythm.weeks[:place], weeks + 1, *rhythm.weeks[place + 1 :]),
        spread=max(1.0, rhythm.spread + (uneven - rhythm.spread) / 96),
    )


def spent(rhythm: Rhythm, calls: int) -> Rhythm:
    """A poll cost so many of the platform's calls."""
    return replace(rhythm, calls=max(1.0, rhythm.calls + 0.2 * (calls - rhythm.calls)))


# -- expecting ------------------------------------------------------------------------------------


def usual_rate(rhythm: Rhythm, moment: float) -> float:
    """Posts a second that are usual at this hour of the week; never 0."""
    return _usual(rhythm.hours, rhythm.weeks)[_hour_of_week(int(moment // HOUR))] / HOUR


def rate(rhythm: Rhythm, moment: float) -> float:
    """Posts a second that are to be expected after what came lately."""
    from_others = 1 - 1 / sqrt(rhythm.spread)  # the share of posts that follow from others
    lately = (rhythm.short + rhythm.long) / 2
    usual = usual_rate(rhythm, moment)
    return max(usual, usual + from_others * (lately - usual))


def is_surge(rhythm: Rhythm, now: datetime) -> bool:
    """Whether an incident seems to run: far more than usual arrives."""
    faded = rhythm.short * exp(-max(0.0, now.timestamp() - rhythm.at) / SHORT)
    return faded * SHORT >= SURGE_POSTS and faded >= SURGE * usual_rate(rhythm, now.timestamp())


def silence(rhythm: Rhythm, now: datetime) -> float | None:
    """How many posts were to be expected since the last one, if so long a silence is not usual here; else None."""
    if rhythm.last is None or sum(rhythm.weeks) < LEARNED:
        return None
    expected = _expected(rhythm, rhythm.last, now.timestamp())
    return expected if expected >= max(SILENT, RARER * rhythm.longest) else None


def _expected(rhythm: Rhythm, since: float, until: float) -> float:
    """Posts that are usual between two moments."""
    since = max(since, until - 30 * 86400)
    return sum(usual_rate(rhythm, begin) * (end - begin) for begin, end in _hours_between(since, until))


def _hours_between(since: float, until: float) -> Iterator[tuple[float, float]]:
    while since < until:
        end = min(until, (since // HOUR + 1) * HOUR)
        yield since, end
        since = end


def _hour_of_week(number: int) -> int:
    return (number + 72) % WEEK  # 1970 began on a Thursday


@lru_cache(maxsize=256)
def _usual(hours: tuple[float, ...], weeks: tuple[int, ...]) -> tuple[float, ...]:
    """Posts an hour, by hour of the week: what few weeks say leans on the same hour of other days, and that on all."""
    known = sum(weeks)
    mean = (sum(map(_product, hours, weeks)) + 1.0) / (known + 1)
    by_day = []
    for hour in range(24):
        seen = sum(weeks[hour::24])
        by_day.append((sum(map(_product, hours[hour::24], weeks[hour::24])) + mean) / (seen + 1))
    smooth = [(by_day[hour - 1] + 2 * by_day[hour] + by_day[(hour + 1) % 24]) / 4 for hour in range(24)]
    usual = ((hours[at] * weeks[at] + LEAN * smooth[at % 24]) / (weeks[at] + LEAN) for at in range(WEEK))
    return tuple(max(each, 0.03 * mean, 0.01) for each in usual)


def _product(left: float, right: float) -> float:
    return left * right


# -- asking ---------------------------------------------------------------------------------------


def pause(
    rhythm: Rhythm,
    now: datetime,
    between: tuple[timedelta, timedelta],
    budgets: Iterable[Budget] = (),
    *,
    urgent: bool = False,
) -> float:
    """Seconds until the next poll.

    Args:
        between: the shortest and the longest pause. A budget that does not suffice for the longest is spread evenly.
        urgent: an incident runs somewhere.
    """
    shortest, longest = (each.total_seconds() for each in between)
    budgets = tuple(budgets)
    if not budgets:
        middle = sqrt(shortest * longest)
        density = 1 / (middle * sqrt(_mean_rate(rhythm)))
        return _until_due(rhythm, now.timestamp(), density, longest, shortest, urgent=urgent)
    return max(_within(rhythm, now, budget, shortest, longest, urgent) for budget in budgets)


def next_pause(
    rhythm: Rhythm, config: SourceConfig, quota: Quota | None, now: datetime, *, urgent: bool = False
) -> float | None:
    """Seconds until a source's next poll, by its settings and what its platform allows; None: at its fixed interval."""
    budgets = budgets_of(rhythm, config, quota, now)
    if config.poll_between is None and not budgets:
        return None
    return pause(rhythm, now, config.poll_between or (config.poll_every, config.poll_every), budgets, urgent=urgent)


def budgets_of(rhythm: Rhythm, config: SourceConfig, quota: Quota | None, now: datetime) -> list[Budget]:
    """What is left of `polls_per_day` and of the platform's quota."""
    budgets = []
    if config.polls_per_day is not None:
        today = int(now.timestamp() // 86400)
        polls = rhythm.polls if rhythm.day == today else 0
        budgets.append(Budget(config.polls_per_day - polls, datetime.fromtimestamp((today + 1) * 86400, UTC)))
    if quota is not None and quota.resets_at > now:
        budgets.append(Budget(quota.left / rhythm.calls, quota.resets_at))
    return budgets


def _within(rhythm: Rhythm, now: datetime, budget: Budget, shortest: float, longest: float, urgent: bool) -> float:
    left = max(1.0, (budget.until - now).total_seconds())
    if budget.polls < 1:
        return left
    if budget.polls * longest <= left:
        return max(shortest, left / budget.polls)
    moment, polls = now.timestamp(), budget.polls
    roots = [
        (sqrt(usual_rate(rhythm, begin)) * rhythm.strain, end - begin)
        for begin, end in _hours_between(moment, moment + left)
    ]
    above = max(0.0, sqrt(rate(rhythm, moment)) - roots[0][0]) * min(left, LASTS)
    density = polls / (sum(root * length for root, length in roots) + above)
    # Hours so quiet that the longest pause falls into them take their polls from the others.
    quiet = sum(length for root, length in roots if density * root < 1 / longest)
    busy = sum(root * length for root, length in roots if density * root >= 1 / longest) + above
    density = max(0.0, polls - quiet / longest) / busy if busy else 0.0
    return _until_due(rhythm, moment, density, longest, shortest, urgent=urgent)


def _until_due(
    rhythm: Rhythm, moment: float, density: float, longest: float, shortest: float, *, urgent: bool
) -> float:
    """Until one poll is due, where polls are `density` times the root of the rate."""
    due = 1.0
    for begin, end in _hours_between(moment, moment + longest):
        expected = max(rate(rhythm, begin), URGENT * usual_rate(rhythm, begin) if urgent else 0.0)
        polls = density * sqrt(expected)
        if polls * (end - begin) >= due:
            return min(longest, max(shortest, begin - moment + due / polls))
        due -= polls * (end - begin)
    return longest


def _mean_rate(rhythm: Rhythm) -> float:
    return sum(_usual(rhythm.hours, rhythm.weeks)) / WEEK / HOUR
