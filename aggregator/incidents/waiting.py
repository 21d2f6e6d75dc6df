"""Reports that belong to no incident yet, and whether there are more of a kind than usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from aggregator.identity import Id
from aggregator.incidents.fields import CHAINED, GENERIC, PARENTS, SHARED, TELLING, TOKENED, Fields
from aggregator.incidents.likeness import contradicts
from aggregator.incidents.reports import Report
from aggregator.incidents.sketch import all_alike
from aggregator.incidents.spikes import ALPHA, Key, Rates

WAITS = timedelta(hours=24)
"""So long a report may wait for others like it."""

MOST: Final = 1000
"""Reports of a feature that wait. Each new one is held against all of them, so where more come in a day the newest
wait; what the others said is usual."""

SOON = timedelta(hours=6)
WINDOWS = (timedelta(hours=1), SOON, WAITS)
SIMILAR = 0.3  # share of n-grams: texts without a known feature are about the same from here on
_CLOSEST = ("domain", "handle", "error", "chain", "version", "token")


class Waiting:
    """By feature; with all that is usual of each kind."""

    def __init__(self, least: int) -> None:
        """least: the fewest persons that make an incident."""
        self.least = least
        self.rates = Rates()
        self._reports: defaultdict[str | None, list[Report]] = defaultdict(list)
        self._spare: list[Report] = []

    def add(self, report: Report) -> None:
        self.hold(report)
        self.know_usual(report.fields, report.at)

    def hold(self, report: Report) -> None:
        """One that is known as usual already."""
        waiting = self._reports[report.fields.feature]
        waiting.append(report)
        if len(waiting) > MOST:
            self._spare.append(waiting.pop(0))

    def let_go(self) -> list[Report]:
        """Those that wait no more since too many came after them."""
        spare, self._spare = self._spare, []
        return [each for each in spare if each.incident is None and each not in self._reports[each.fields.feature]]

    def know_usual(self, fields: Fields, at: datetime, reports: int = 1) -> None:
        """Reports that do not wait, but what they say is usual; or, by -1, one that is to be counted otherwise."""
        self.rates.add(_keys(fields), at, reports)

    def drop(self, report: Report) -> None:
        """It belongs to an incident now: what it says is no longer usual."""
        waiting = self._reports[report.fields.feature]
        if report in waiting:
            waiting.remove(report)
            self.rates.add(_keys(report.fields), report.at, -1)

    def forget(self, report: Report) -> None:
        """It is too old to wait; what it said was usual."""
        waiting = self._reports[report.fields.feature]
        if report in waiting:
            waiting.remove(report)

    def since(self, at: datetime) -> list[Report]:
        """All that was reported then or later, in order."""
        found = [each for waiting in self._reports.values() for each in waiting if each.at >= at]
        return sorted(found, key=lambda each: (each.at, each.inquiry_id))

    def spike(self, report: Report) -> list[Report]:
        """With this report more persons than usual say the same: all who do. Empty: they are not so many."""
        for key, together in self._like(report):
            last = max((each.at for each in together), default=report.at)
            for window in WINDOWS:
                inside = [each for each in together if last - window < each.at <= last]
                persons = len({each.person_id for each in inside})
                if report not in inside or persons < self.least:
                    continue
                if self.rates.surprise(key, persons, last, window) < ALPHA:
                    return inside
        return []

    def _like(self, report: Report) -> Iterator[tuple[Key, list[Report]]]:
        """Who says the same, by each thing that may be the same: the closest first."""
        fields = report.fields
        near = [
            each
            for each in (self._about(fields.feature) if fields.feature else self._similar(report))
            if abs(each.at - report.at) <= WAITS and not contradicts(each.fields, fields)
        ]
        for name in _CLOSEST if fields.feature else ():
            if name == "chain" and fields.feature not in CHAINED:
                continue
            for value in sorted(getattr(fields, name)):
                yield (fields.feature, name, value), [each for each in near if value in getattr(each.fields, name)]
        if fields.feature in GENERIC:  # only those who say nothing more: what else they named would tell them apart
            near = [each for each in near if not any(getattr(each.fields, name) for name in TELLING)]
        yield (fields.feature, None, None), _consistent(near, report)

    def _about(self, feature: str) -> list[Report]:
        """Those that name this feature first, or one beside it first and this one as well."""
        beside = [
            each
            for other, waiting in self._reports.items()
            if other not in (None, feature)
            and feature not in GENERIC
            and PARENTS.get(feature) == PARENTS.get(other or "")
            for each in waiting
            if feature in each.fields.also
        ]
        return self._reports[feature] + beside

    def _similar(self, report: Report) -> list[Report]:
        """Of those that name no feature: with the same error, or in about the same words."""
        waiting = self._reports[None]
        near = all_alike(report.sketch, (each.sketch for each in waiting), SIMILAR)
        return [
            each
            for each, is_near in zip(waiting, near, strict=True)
            if is_near or each is report or each.fields.error & report.fields.error
        ]


def _consistent(near: Sequence[Report], report: Report) -> list[Report]:
    """Those that do not contradict one another: of several chains, errors or tokens only those with this report's, or
    with the most named one."""
    kept = list(near)
    for name in ("chain", "error", "domain", "token"):
        if name == "token" and report.fields.feature not in TOKENED:
            continue
        values: defaultdict[str, set[Id]] = defaultdict(set)
        for each in kept:
            for value in getattr(each.fields, name):
                values[value].add(each.person_id)
        if len(values) < 2:
            continue
        mine = getattr(report.fields, name)
        most = max(values, key=lambda value: (value in mine, len(values[value]), value))
        kept = [each for each in kept if not getattr(each.fields, name) or most in getattr(each.fields, name)]
    return kept


def _keys(fields: Fields) -> list[Key]:
    """By what its report counts among those that are usual."""
    named: list[Key] = [(fields.feature, name, value) for name in SHARED for value in getattr(fields, name)]
    return [(fields.feature, None, None), *named]
