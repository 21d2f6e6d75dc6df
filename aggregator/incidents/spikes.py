"""Whether so many reports of one kind are more than usual: right for small counts, and for kinds never seen before.

Reports of one kind are taken for a Poisson process whose rate nobody knows. With a Gamma(a, b) prior on the rate and
N reports seen in T hours, the count of the next w hours is negative binomial with size a + N and probability
(b + T) / (b + T + w): Gelman et al., Bayesian Data Analysis, 3rd edition, section 2.6. Comparing a new count with
this predictive distribution is the "Bayes" method of outbreak detection in Hoehle, surveillance: An R package for the
monitoring of infectious diseases, Computational Statistics 22 (2007). Reports that belong to an incident are left
out of N, so that one outbreak does not hide the next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

PAST = timedelta(days=7)
RECENT = timedelta(days=1)
ALPHA = 0.002
"""An incident begins when so many reports, or more, would come by chance this rarely."""

MOST_KINDS: Final = 2000
"""Kinds of which it is known how often they came: anybody can name sites and error codes without end. Of more, those
that nobody has reported for longest are forgotten: they count as never seen."""

Key = tuple[str | None, str | None, str | None]
"""A feature, and what else is shared (`chain`, `arbitrum`); (feature, None, None): whatever else they say."""

_A = 0.5
_B = {True: 72.0, False: 24.0}  # hours: before anything is seen, 0.5 reports in three days of a kind that is told
# closely (a chain, an error code), in one day of a feature as such


def tail(count: int, *, seen: int, hours: float, window: float, close: bool) -> float:
    """The probability of `count` reports or more in `window` hours, after `seen` reports in `hours`."""
    size = _A + seen
    usual = _B[close] + hours
    miss = window / (usual + window)
    term = (1 - miss) ** size
    below = 0.0
    for number in range(count):
        below += term
        term *= (size + number) / (number + 1) * miss
    return max(0.0, 1 - below)


class Rates:
    """How many reports of each kind came in each hour of the last week."""

    def __init__(self) -> None:
        self._hours: defaultdict[Key, Counter[int]] = defaultdict(Counter)
        self.since: datetime | None = None
        """From when on anything could be seen."""

    def heard(self, at: datetime) -> None:
        """Something was said then, whatever it was."""
        if self.since is None or at < self.since:
            self.since = at

    def add(self, keys: Iterable[Key], at: datetime, by: int = 1) -> None:
        """So many reports more (or, by -1, one less: it belongs to an incident)."""
        hour = _hour(at)
        for key in keys:
            hours = self._hours[key]
            hours[hour] += by
            if hours[hour] <= 0:
                del hours[hour]
        if len(self._hours) > MOST_KINDS:
            newest_last = sorted(self._hours.items(), key=lambda kind: max(kind[1], default=0))
            self._hours = defaultdict(Counter, newest_last[len(newest_last) - MOST_KINDS * 3 // 4 :])

    def kinds(self) -> int:
        """How many are known."""
        return len(self._hours)

    def surprise(self, key: Key, count: int, end: datetime, window: timedelta) -> float:
        """How rarely so many come in the window before `end`: against the week before it, and against the day before
        it, for what is usual changes. Reports inside the window do not count as usual."""
        start = end - window
        return max(self._surprise(key, count, start, window, past) for past in (PAST, RECENT))

    def _surprise(self, key: Key, count: int, start: datetime, window: timedelta, past: timedelta) -> float:
        first = max(start - past, self.since or start)
        low, high = _hour(first), _hour(start)
        seen = sum(number for hour, number in self._hours.get(key, {}).items() if low <= hour < high)
        hours = max(0.0, (start - first).total_seconds() / 3600)
        return tail(count, seen=seen, hours=hours, window=window.total_seconds() / 3600, close=key[1] is not None)

    def forget_before(self, at: datetime) -> None:
        """What is older than a week before is no longer usual."""
        oldest = _hour(at - PAST)
        for key in list(self._hours):
            for hour in [hour for hour in self._hours[key] if hour < oldest]:
                del self._hours[key][hour]
            if not self._hours[key]:
                del self._hours[key]


def _hour(at: datetime) -> int:
    return int(at.timestamp() // 3600)
