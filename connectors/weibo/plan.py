"""When to ask which of the places. A day has few calls, and they go where posts arrive, at the hours at which they do.

Asking a place every T hours at which posts arrive at a rate r keeps them waiting for T/2 each. For a given number of
calls the sum of all waiting is least where calls are in proportion to the square root of r; so too among the hours of
a day. Nothing is ever starved: a quiet place counts as one with a few posts a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import Any, Protocol, TypeVar

from connectors.weibo.times import CHINA, epoch, moment, next_midnight

HALF_LIFE = 1.0  # hours after which an arrival counts half in the present rate
USUAL_HALF_LIFE = 72.0  # hours, and in the usual one
NEVER_NONE = 0.02  # posts per hour, for a place where none ever came
KEPT_PER_DAY = 0.9  # of the profile of hours
QUIET = 0.2  # posts per hour that are expected of a place where none arrive
HOUR = timedelta(hours=1)
LONGEST_WAIT = 3 * HOUR


@dataclass
class Budget:
    """The calls of one day in China. `used` is kept in the cursor, so that a restart does not begin anew."""

    limit: int
    day: str = ""
    used: int = 0

    def take_up(self, day: str, used: int, now: datetime) -> None:
        """What the cursor says was used; it does not know of calls whose page was never committed."""
        self._begin(now)
        if day == self.day:
            self.used = max(self.used, used)

    def spend(self, now: datetime) -> None:
        self._begin(now)
        self.used += 1

    def left(self, now: datetime) -> int:
        self._begin(now)
        return max(0, self.limit - self.used)

    def _begin(self, now: datetime) -> None:
        today = now.astimezone(CHINA).date().isoformat()
        if today != self.day:
            self.day, self.used = today, 0


@dataclass
class Pulse:
    """How a place was doing when it was last asked. Whatever was written before `complete_to` has been asked for."""

    asked_at: datetime | None = None
    complete_to: datetime | None = None
    rate: float = 0.0  # new posts per hour, lately
    usual: float = 0.0  # over the last days; at first what is expected of such a place

    @classmethod
    def of(cls, stored: Mapping[str, Any], usual: float) -> Pulse:
        asked_at, complete_to = moment(stored.get("asked_at")), moment(stored.get("complete_to"))
        return cls(asked_at, complete_to, stored.get("rate", 0.0), stored.get("usual", usual))

    def cursor(self) -> dict[str, Any]:
        return {
            "asked_at": epoch(self.asked_at),
            "complete_to": epoch(self.complete_to),
            "rate": round(self.rate, 4),
            "usual": round(self.usual, 4),
        }

    def note(self, new: int, now: datetime) -> None:
        if self.asked_at is not None:
            hours = max((now - self.asked_at).total_seconds() / 3600, 1 / 60)
            self.rate = _blended(self.rate, new / hours, hours / HALF_LIFE)
            self.usual = _blended(self.usual, new / hours, hours / USUAL_HALF_LIFE)
        self.asked_at = now

    def rate_at(self, now: datetime) -> float:
        if self.asked_at is None:
            return 0.0
        hours = max((now - self.asked_at).total_seconds() / 3600, 0.0)
        return float(self.rate * 0.5 ** (hours / HALF_LIFE))


def _blended(before: float, now: float, half_lives: float) -> float:
    kept = 0.5**half_lives
    return float(before * kept + now * (1 - kept))


@dataclass
class Profile:
    """At which hours of the day posts are written, in China. Days fade; days: how much they weigh together."""

    day: str = ""
    days: float = 0.0
    by_hour: list[float] = field(default_factory=lambda: [0.0] * 24)

    def note(self, written_at: Iterable[datetime], now: datetime) -> None:
        today = now.astimezone(CHINA).date().isoformat()
        if today != self.day:
            self.days = (self.days + 1) * KEPT_PER_DAY if self.day else 0.0
            self.day = today
            self.by_hour = [count * KEPT_PER_DAY for count in self.by_hour]
        for at in written_at:
            self.by_hour[at.astimezone(CHINA).hour] += 1

    def expected(self, hour: int) -> float:
        """Posts in that hour of a day, smoothed; before a day is over, as many in each."""
        if not self.days:
            return 0.0
        before, after = self.by_hour[hour - 1], self.by_hour[(hour + 1) % 24]
        return (before + 2 * self.by_hour[hour] + after) / 4 / self.days

    def cursor(self) -> dict[str, Any]:
        return {"day": self.day, "days": round(self.days, 3), "by_hour": [round(count, 2) for count in self.by_hour]}


class Spot(Protocol):
    """A place that can be asked. `cost`: calls that it usually takes."""

    name: str
    pulse: Pulse

    @property
    def cost(self) -> float: ...

    @property
    def unfinished(self) -> bool: ...


P = TypeVar("P", bound=Spot)


def due(places: Sequence[P], left: int, profile: Profile, now: datetime) -> list[P]:
    """The places to ask now, most pressing first. `left`: calls of today."""
    if not places or left <= 0:
        return []
    longest = longest_wait(sum(place.cost for place in places), left, now)
    rate = sum(place.pulse.rate_at(now) for place in places)
    speed = max(calls_per_hour(left - reserve(places, longest, now), profile, rate, now), 0.0)
    weights = {place.name: _weight(place, now) for place in places}
    spent = sum(place.cost * weights[place.name] for place in places)
    pressing = []
    for place in places:
        asked_at = place.pulse.asked_at
        # Asked in the future: the clock was wrong then.
        waited = longest if asked_at is None or asked_at > now else now - asked_at
        is_planned = waited / HOUR * weights[place.name] * speed >= spent
        if place.unfinished or is_planned or waited >= longest:
            pressing.append((weights[place.name], place))
    pressing.sort(key=lambda pair: pair[0], reverse=True)
    return [place for _, place in pressing]


def _weight(place: Spot, now: datetime) -> float:
    return sqrt((max(place.pulse.rate_at(now), place.pulse.usual) + NEVER_NONE) / place.cost)


def longest_wait(cost: float, left: int, now: datetime) -> timedelta:
    """How long a place may wait at most; longer only where the rest of the day's calls do not reach."""
    return max(LONGEST_WAIT, (next_midnight(now) - now) * cost / left)


def reserve(places: Sequence[Spot], longest: timedelta, now: datetime) -> float:
    """Calls that are kept so that no place waits longer for the rest of the day."""
    return sum(place.cost for place in places) * ((next_midnight(now) - now) / longest)


def calls_per_hour(left: float, profile: Profile, rate: float, now: datetime) -> float:
    """How fast to spend: the rest of the day gets the rest of the calls, each hour by what is expected of it."""
    local = now.astimezone(CHINA)
    rest = max((3600 - local.minute * 60 - local.second) / 3600, 1 / 3600)
    expected = [profile.expected(hour) for hour in range(local.hour, 24)]
    usual = expected[0] if profile.days else rate
    weight = sqrt(max(rate, usual) + QUIET)
    later = sum(sqrt((posts if profile.days else rate) + QUIET) for posts in expected[1:])
    return left * weight / (weight * rest + later)


def can_spare(left: int, places: Sequence[Spot], now: datetime) -> bool:
    """Whether a call remains when every place is asked for the rest of the day as seldom as is allowed."""
    return left > reserve(places, LONGEST_WAIT, now)
