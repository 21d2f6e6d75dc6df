"""Whether a report belongs to a group, by what both name: contradictions never, agreements by weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aggregator.incidents.fields import (
    ALWAYS,
    CHAINED,
    GENERIC,
    NONE,
    NUMBERED,
    PARENTS,
    SHARED,
    TELLING,
    TOKENED,
    Fields,
    Values,
)

FEATURE, ALSO, SLIGHTLY = 2.0, 1.0, 0.5
FOREIGN = -1.5  # of another or no feature, on a chain of which nobody in the group speaks
AGREES = {"chain": 3.0, "token": 1.5, "version": 3.0, "os": 0.5, "error": 4.0, "domain": 5.0, "handle": 5.0}
DIFFERS = {"token": -2.0, "version": -1.5, "os": -0.5, "error": -3.0}
JOINS = 1.0
"""At this sum a report belongs to a group, if no other group fits it as well."""

_OS_MATTERS = frozenset({"app_start", "update", "notification", "connect"})
_VAGUE = GENERIC - {"app_start"}  # where a group has more in common than such a name, the name alone tells little
_POSED = ALWAYS | {"approval", "connect", "transfer"}  # where somebody's site or account may be at fault
_BY_SHARE = frozenset({"token", "os"})
_CLOSE = ("error", "domain", "handle")  # as good as a feature


@dataclass(slots=True)
class Core:
    """What the reports of a group name, and how many of them each."""

    feature: str | None = None
    features: Counter[str] = field(default_factory=Counter)
    named: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in SHARED})
    reports: int = 0
    _told: dict[str, tuple[Values, float]] | None = None

    def add(self, said: Fields, *, inherits: bool, by: int = 1) -> None:
        """So many reports more, or, by -1, one less. inherits: they say "me too", so their feature is this group's."""
        if said.feature is not None and not inherits:
            self.features[said.feature] += by
            self.feature = self._foremost()
        for name in SHARED:
            for value in getattr(said, name):
                self.named[name][value] += by
        self.reports += by
        self._told = None

    def absorb(self, other: Core) -> None:
        """All reports of another group."""
        self.features.update(other.features)
        if self.features:
            self.feature = self._foremost()
        for name, counts in other.named.items():
            self.named[name].update(counts)
        self.reports += other.reports
        self._told = None

    def _foremost(self) -> str:
        """What most say, but what says more goes before a wider name for it."""
        told = {name: count for name, count in self.features.items() if count > 0} or self.features
        close = {name: count for name, count in told.items() if name not in GENERIC and count > 1}
        return max(close or told, key=lambda name: self.features[name])  # of equal ones the first

    def matters(self, name: str) -> bool:
        """Whether it tells incidents of this feature apart."""
        if name == "chain":
            return self.feature is None or self.feature in CHAINED
        if name in ("domain", "handle"):
            return self.feature is None or self.feature in _POSED
        return True

    def told(self) -> dict[str, tuple[Values, float]]:
        """What is taken for shared so far, where it matters: of several values those that at least half as many name
        as the first; and what share of the reports name one of these."""
        if self._told is None:
            self._told = {}
            for name, counts in self.named.items():
                most = max(counts.values(), default=0)
                if most > 0 and self.matters(name):
                    values = frozenset(value for value, count in counts.items() if 2 * count >= most)
                    share = sum(counts[value] for value in values) / len(values) / max(1, self.reports)
                    self._told[name] = values, min(1.0, share)
        return self._told

    def values(self, name: str) -> Values:
        """What is taken for shared of one kind."""
        return self.told().get(name, (NONE, 0.0))[0]

    def may_fit(self, said: Fields) -> bool:
        """A quick look: False is certain."""
        mine, theirs = self.feature, said.feature
        if mine == theirs or mine is None or theirs is None or said.points:
            return True
        return mine in said.also or PARENTS.get(mine) == theirs or PARENTS.get(theirs) == mine

    def likeness(self, said: Fields) -> float | None:
        """How well a report fits; None: it contradicts."""
        told = self.told()
        total = self._feature(said, told)
        if total is None:
            return None
        if total < FEATURE and said.chain and self.matters("chain") and "chain" not in told and self.reports > 2:
            total += FOREIGN
        for name, (mine, share) in told.items():
            theirs = getattr(said, name)
            if not theirs:
                continue
            weight = share if name in _BY_SHARE else 1.0
            if mine & theirs:
                total += AGREES[name] * weight
            elif self._excludes(name):
                return None
            else:
                total += DIFFERS.get(name, 0.0) * weight * (3 if name == "os" and self.feature in _OS_MATTERS else 1)
        return total

    def _feature(self, said: Fields, told: Mapping[str, tuple[Values, float]]) -> float | None:
        mine, theirs = self.feature, said.feature
        if mine == theirs:
            if theirs in _VAGUE and not told.keys().isdisjoint(TELLING):
                return SLIGHTLY
            return FEATURE if theirs else 0.0
        if said.points and any(told[name][0] & getattr(said, name) for name in _CLOSE if name in told):
            return ALSO
        if mine in said.also:  # what nearly everything has to do with is no common trouble
            apart = mine in GENERIC and theirs is not None and theirs not in GENERIC and PARENTS.get(theirs) != mine
            return None if apart else ALSO
        if mine is None or theirs is None:
            return 0.0
        if PARENTS.get(mine) == theirs:
            return ALSO if theirs == "login" else 0.0
        if PARENTS.get(theirs) == mine:  # a login for which a code is missing is mostly called by either
            return ALSO if theirs == "code" else 0.0
        return None

    def _excludes(self, name: str) -> bool:
        return name == "chain" or (name == "token" and self.feature in TOKENED) or name == "domain"


def shared_by(core: Core, persons: int) -> dict[str, list[str]]:
    """What names the group: values that two persons or more name, and most of those who name any."""
    named: dict[str, list[str]] = {}
    for name in SHARED:
        counts = _codes(core.named[name]) if name == "error" else core.named[name]
        whole = sum(counts.values())
        least = max(2, persons / 4) if name in ("os", "token", "version") else 2
        found = sorted(
            value for value, count in counts.items() if count >= least and 2 * count > whole and core.matters(name)
        )
        if found:
            named[name] = found
    return named


def _codes(named: Counter[str]) -> Counter[str]:
    """Each number as the code that most spell out, if anybody does."""
    codes = Counter(named)
    for code, _ in named.most_common():
        if (number := NUMBERED.fullmatch(code)) and number[1] in codes:
            codes[code] = codes.pop(number[1])
        elif number:
            del codes[code]
    return codes


def contradicts(one: Fields, other: Fields) -> bool:
    """Whether two reports of one feature cannot be about the same thing."""
    chained = one.feature in CHAINED and one.chain and other.chain and not one.chain & other.chain
    tokened = one.feature in TOKENED and one.token and other.token and not one.token & other.token
    apart = any(
        getattr(one, name) and getattr(other, name) and not getattr(one, name) & getattr(other, name)
        for name in ("error", "domain")
    )
    return bool(chained or tokened or apart)
