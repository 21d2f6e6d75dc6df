"""Reports become incidents, one after another, in the order in which they were written. Pure: no clock, no store.

What a report says is grouped as docs/incidents.md tells: it joins the incident that it fits best; else it waits, and
an incident begins when more persons than usual say what it says. Whoever only says "me too" goes with the post that
it answers, or with the only incident that is spoken of in its thread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from aggregator.identity import Id, stable_id
from aggregator.incidents.fields import CHAINED, GENERIC, PARENTS, SHARED, TOKENED, Fields
from aggregator.incidents.likeness import FEATURE, JOINS, Core, contradicts, core_of, shared_by
from aggregator.incidents.sketch import Sketch, alike
from aggregator.incidents.spikes import ALPHA, Key, Rates

Why = Literal["fields", "similar", "reply", "thread", "person"]

WAITS = timedelta(hours=24)
"""So long a report may wait for others like it."""

WINDOWS = (timedelta(hours=1), timedelta(hours=6), WAITS)
SPOKEN_OF = timedelta(minutes=3)  # so long "me too" without an answered post may mean what was last said in a thread
_SIMILAR = 0.3  # share of n-grams: texts without a known feature are about the same from here on
_THREAD, _ALIKE = 1.0, 3.0  # what the same thread, and the most alike text, add where several incidents fit
_CLEARLY = 0.75  # by so much a report must fit one incident better than the next ...
_LARGER = 3  # ... or the one must have so many times the other's reports in the last hours
_LATELY = timedelta(hours=2)
_COMPARED = 12  # of a group's newest texts


_TELLING = ("chain", "token", "error", "domain", "handle")


_NAMING = ("chain", "version", "error", "domain", "handle")


class Said(NamedTuple):
    """A customer's new post that may report something. person_id: who counts; account_id: who wrote it."""

    inquiry_id: Id
    post_id: Id
    alias_id: Id | None
    person_id: Id
    thread_id: Id
    reply_to: Id | None
    at: datetime
    fields: Fields
    sketch: Sketch
    account_id: Id = b""


@dataclass(slots=True, eq=False)
class Report:
    """What one inquiry reports, with all its posts so far. inherits: fields and feature are of the post it answers."""

    inquiry_id: Id
    person_id: Id
    thread_id: Id
    at: datetime
    fields: Fields
    sketch: Sketch
    why: Why = "fields"
    inherits: bool = False
    incident: Id | None = None
    account_id: Id = b""
    stored: bool = False


@dataclass(slots=True, eq=False)
class Incident:
    """Reports of several persons about the same thing. `barred`: inquiries that a person took out."""

    incident_id: Id
    reports: list[Report]
    core: Core
    first_at: datetime
    last_at: datetime
    barred: set[Id] = field(default_factory=set)
    named: bool = False  # it has a name beyond its feature: from then on it is never merged with another by itself

    @classmethod
    def of(cls, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id] = ()) -> Incident:
        """With these members; at least one."""
        members = sorted(reports, key=lambda report: (report.at, report.inquiry_id))
        first, last = members[0].at, members[-1].at
        core = core_of((report.fields, report.inherits) for report in members)
        for report in members:
            report.incident = incident_id
        incident = cls(incident_id, members, core, first, last, set(barred))
        incident.named = bool(incident.names())
        return incident

    def names(self) -> dict[str, list[str]]:
        """What its reports share beyond the feature."""
        return shared_by(self.core, self.persons())

    def take(self, report: Report) -> None:
        report.incident = self.incident_id
        self.reports.append(report)
        self.core.add(report.fields, inherits=report.inherits)
        self.first_at, self.last_at = min(self.first_at, report.at), max(self.last_at, report.at)

    def persons(self) -> int:
        return len({report.person_id for report in self.reports})


@dataclass(slots=True)
class Changes:
    """What a page changed: reports that are new or say more; who joined; what began; what was merged."""

    reports: dict[Id, Report] = field(default_factory=dict)
    began: dict[Id, Incident] = field(default_factory=dict)
    joined: dict[tuple[Id, Id], Report] = field(default_factory=dict)  # by incident and inquiry
    merged: dict[Id, Id] = field(default_factory=dict)  # what was merged into what

    def incidents(self) -> set[Id]:
        return {incident for incident, _ in self.joined} | set(self.merged.values())


class Grouper:
    """What is being reported. Lives on the writer's thread; `keeping` fills it from the store."""

    def __init__(self, *, persons: int, quiet: timedelta) -> None:
        """persons: the fewest that make an incident. quiet: an incident without a report for so long has ended."""
        self.least, self.quiet = persons, quiet
        self.rates = Rates()
        self.incidents: dict[Id, Incident] = {}
        self.reports: dict[Id, Report] = {}  # by inquiry
        self.inquiry_of: dict[Id, Id] = {}  # by post and alias
        self._waiting: defaultdict[str | None, list[Report]] = defaultdict(list)  # by feature
        self._in_thread: defaultdict[Id, list[Report]] = defaultdict(list)
        self._newest: datetime | None = None

    # -- taking up what is known ------------------------------------------------------------------

    def know(self, report: Report, posts: Iterable[Id] = ()) -> None:
        """A report as it is stored; of an incident, if that is known by now."""
        if report.incident is None:
            self.rates.add(_keys(report.fields), report.at)
        self.reports[report.inquiry_id] = report
        self._in_thread[report.thread_id].append(report)
        for post in posts:
            self.inquiry_of[post] = report.inquiry_id
        if report.incident is None:
            self._waiting[report.fields.feature].append(report)

    def know_incident(self, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id]) -> None:
        self.incidents[incident_id] = Incident.of(incident_id, reports, barred)

    # -- new posts --------------------------------------------------------------------------------

    def take(self, posts: Iterable[Said]) -> Changes:
        """New posts of one page, in the order in which they were written."""
        changes = Changes()
        for said in posts:
            self.heard(said.at)
            report = self._reported(said)
            if report is None:
                continue
            self.inquiry_of[said.post_id] = said.inquiry_id
            if said.alias_id:
                self.inquiry_of[said.alias_id] = said.inquiry_id
            changes.reports[report.inquiry_id] = report
            if report.incident is None:
                self._place(report, changes)
        for one in sorted(changes.incidents()):
            self._settle(one, changes)
        return changes

    def heard(self, at: datetime) -> None:
        """Something was said then, whatever it was."""
        self.rates.heard(at)
        if self._newest is None or at > self._newest + timedelta(hours=1):
            self._newest = at if self._newest is None else max(at, self._newest)
            self._forget(self._newest)

    def _reported(self, said: Said) -> Report | None:
        """The inquiry's report with this post; None: the post reports nothing that can be told."""
        before = self.reports.get(said.inquiry_id)
        if before is not None:
            self._say_more(before, said)
            return before
        fields, why, inherits, meant = said.fields, "fields", False, None
        if not (fields.tells and fields.feature):
            meant, why = self._meant(said)
            if meant is not None and (fields.echo or fields.fault) and not _denies(fields, meant.fields):
                inherits = True
                fields = meant.fields.joined(fields)
        if not inherits and not fields.fault and not self._pointed_at(fields):
            return None
        report = Report(
            said.inquiry_id, said.person_id, said.thread_id, said.at, fields, said.sketch, why if inherits else "fields",
            inherits, account_id=said.account_id,
        )  # fmt: skip
        self.reports[said.inquiry_id] = report
        self._in_thread[said.thread_id].append(report)
        if inherits and meant is not None and meant.incident:
            return report
        self._waiting[fields.feature].append(report)
        self.rates.add(_keys(fields), report.at)
        return report

    def _pointed_at(self, fields: Fields) -> bool:
        """Whether it names no fault, but an error, a site or an account that an incident is known by."""
        return fields.points and any(
            incident.core.values(name) & getattr(fields, name)
            for incident in self.incidents.values()
            for name in ("error", "domain", "handle")
        )

    def _say_more(self, report: Report, said: Said) -> None:
        """The same person's further words may tell more, but never another story."""
        if contradicts(report.fields, said.fields) or (
            said.fields.feature not in (None, report.fields.feature) and report.fields.feature is not None
        ):
            return
        if report.incident is None:
            self._drop(report)
        report.fields = report.fields.joined(said.fields)
        if report.incident is None:
            self._waiting[report.fields.feature].append(report)
            self.rates.add(_keys(report.fields), report.at)
            return
        incident = self.incidents.get(report.incident)
        if incident is not None:
            incident.core = core_of((each.fields, each.inherits) for each in incident.reports)

    def _meant(self, said: Said) -> tuple[Report | None, Why]:
        """What "me too" speaks of."""
        if said.reply_to is not None:
            answered = self.inquiry_of.get(said.reply_to)
            return (self.reports.get(answered) if answered else None), "reply"
        if not said.fields.echo:
            return None, "thread"
        lately = [
            report
            for report in self._in_thread.get(said.thread_id, ())
            if report.incident and timedelta(0) <= said.at - report.at <= SPOKEN_OF
        ]
        return (lately[-1] if len({report.incident for report in lately}) == 1 else None), "thread"

    def _drop(self, report: Report) -> None:
        waiting = self._waiting[report.fields.feature]
        if report in waiting:
            waiting.remove(report)
            self.rates.add(_keys(report.fields), report.at, -1)

    # -- placing ----------------------------------------------------------------------------------

    def _place(self, report: Report, changes: Changes) -> None:
        if report.inherits and (found := self._followed(report)) is not None:
            self._join(found, report, changes)
        elif (fitting := self._fitting(report)) is not None:
            found, report.why = fitting
            self._join(found, report, changes)
        else:
            self._begin(report, changes)

    def _followed(self, report: Report) -> Incident | None:
        """The incident of what it answers: by now the newest of its thread with the same fields."""
        for other in reversed(self._in_thread[report.thread_id]):
            if other is report or other.incident is None or other.fields.feature != report.fields.feature:
                continue
            incident = self.incidents.get(other.incident)
            if incident and self._open_to(incident, report) and incident.core.likeness(report.fields) is not None:
                return incident
        return None

    def _fitting(self, report: Report) -> tuple[Incident, Why] | None:
        """The incident that this report fits, if it is clear which."""
        found = []
        for incident in self.incidents.values():
            if self._open_to(incident, report) and (likeness := incident.core.likeness(report.fields)) is not None:
                found.append((likeness, incident))
        found = [each for each in found if each[0] >= JOINS]
        if len(found) < 2:
            return (found[0][1], "fields") if found else None
        ranked = sorted(
            ((likeness + self._leaning(incident, report), likeness, incident) for likeness, incident in found),
            key=lambda each: (-each[0], each[2].first_at, each[2].incident_id),
        )
        (most, plain, best), (next_, other, second) = ranked[:2]
        if most - next_ >= _CLEARLY:
            return best, "fields" if plain - other >= _CLEARLY else "similar"
        many, few = (self._lately(each, report.at) for each in (best, second))
        return (best, "similar") if many >= _LARGER * max(few, 1) else None

    def _open_to(self, incident: Incident, report: Report) -> bool:
        if report.inquiry_id in incident.barred:
            return False
        return incident.first_at - WAITS <= report.at <= incident.last_at + self.quiet

    def _leaning(self, incident: Incident, report: Report) -> float:
        here = any(each.thread_id == report.thread_id for each in incident.reports[-_COMPARED:])
        closest = max((alike(each.sketch, report.sketch) for each in incident.reports[-_COMPARED:]), default=0.0)
        return _THREAD * here + _ALIKE * closest

    def _lately(self, incident: Incident, at: datetime) -> int:
        return sum(abs(at - each.at) <= _LATELY for each in incident.reports)

    def _join(self, incident: Incident, report: Report, changes: Changes) -> None:
        self._drop(report)
        incident.take(report)
        changes.joined[incident.incident_id, report.inquiry_id] = report

    def _settle(self, one: Id, changes: Changes) -> None:
        """An incident that had no name of its own, and has one now, may be one that is known by this name already."""
        incident = self.incidents.get(one)
        if incident is None or incident.named or not (names := incident.names()):
            return
        incident.named = True
        for other in sorted(self.incidents.values(), key=lambda each: (each.first_at, each.incident_id)):
            if other is not incident and other.core.feature == incident.core.feature and _same(names, other.names()):
                older, younger = sorted((incident, other), key=lambda each: (each.first_at, each.incident_id))
                del self.incidents[younger.incident_id]
                for report in younger.reports:
                    older.take(report)
                changes.merged[younger.incident_id] = older.incident_id
                return

    # -- beginning --------------------------------------------------------------------------------

    def _begin(self, report: Report, changes: Changes) -> None:
        """An incident, if with this report more persons than usual say the same."""
        if not (report.fields.tells or report.inherits or report.sketch):
            return
        for key, together in self._like(report):
            if found := self._spike(key, together, report):
                self._found(found, changes)
                return

    def _like(self, report: Report) -> Iterator[tuple[Key, list[Report]]]:
        """Who says the same, by each thing that may be the same: the closest first."""
        fields = report.fields
        near = [
            each
            for each in (self._about(fields.feature) if fields.feature else self._similar(report))
            if abs(each.at - report.at) <= WAITS and not contradicts(each.fields, fields)
        ]
        if fields.feature:
            for name in ("domain", "handle", "error", "chain", "version", "token"):
                if name == "chain" and fields.feature not in CHAINED:
                    continue
                for value in sorted(getattr(fields, name)):
                    yield (
                        (fields.feature, name, value),
                        [each for each in near if value in getattr(each.fields, name)],
                    )
        if fields.feature in GENERIC:  # only those who say nothing more: what else they named would tell them apart
            near = [each for each in near if not any(getattr(each.fields, name) for name in _TELLING)]
        yield (fields.feature, None, None), _consistent(near, report)

    def _about(self, feature: str) -> list[Report]:
        """Those that name this feature first, or a wider one first and this one besides."""
        return self._waiting[feature] + [
            each
            for other, waiting in self._waiting.items()
            if other not in (None, feature) and feature not in GENERIC
            for each in waiting
            if feature in each.fields.also and PARENTS.get(feature) == PARENTS.get(other or "")
        ]

    def _similar(self, report: Report) -> list[Report]:
        """Of those that name no feature: with the same error, or in about the same words."""
        return [
            each
            for each in self._waiting[None]
            if each is report
            or each.fields.error & report.fields.error
            or alike(each.sketch, report.sketch) >= _SIMILAR
        ]

    def _spike(self, key: Key, together: list[Report], report: Report) -> list[Report]:
        last = max((each.at for each in together), default=report.at)
        for window in WINDOWS:
            inside = [each for each in together if last - window < each.at <= last]
            persons = len({each.person_id for each in inside})
            if report in inside and persons >= self.least and self.rates.surprise(key, persons, last, window) < ALPHA:
                return inside
        return []

    def _found(self, reports: list[Report], changes: Changes) -> None:
        for report in reports:
            self._drop(report)
        one = stable_id("incident", *sorted(each.inquiry_id.hex() for each in reports))
        incident = Incident.of(one, reports)
        self.incidents[one] = changes.began[one] = incident
        for report in incident.reports:
            changes.joined[one, report.inquiry_id] = report
        first = incident.first_at
        waiting = [each for others in self._waiting.values() for each in others if each.at >= first - WAITS]
        for each in sorted(waiting, key=lambda each: (each.at, each.inquiry_id)):
            # Who said less, and can only have meant this; long before, only who said as much.
            likeness = incident.core.likeness(each.fields)
            if likeness is None or (each.at < first - WINDOWS[1] and likeness < JOINS + FEATURE):
                continue
            if (fitting := self._fitting(each)) is not None and fitting[0] is incident:
                self._join(incident, each, changes)

    # -- forgetting -------------------------------------------------------------------------------

    def _forget(self, now: datetime) -> None:
        """What is too old to be joined; nothing that is stored hangs on it."""
        self.rates.forget_before(now)
        old = now - WAITS - self.quiet
        for one, incident in list(self.incidents.items()):
            if incident.last_at < old:
                del self.incidents[one]
        gone = {
            one: report
            for one, report in self.reports.items()
            if report.at < old and (report.incident is None or report.incident not in self.incidents)
        }
        for one, report in gone.items():
            del self.reports[one]
            waiting = self._waiting[report.fields.feature]
            if report in waiting:
                waiting.remove(report)  # its place in the rates stays: it was usual
            self._in_thread[report.thread_id].remove(report)
        self.inquiry_of = {post: one for post, one in self.inquiry_of.items() if one not in gone}


def _same(names: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> bool:
    """Whether two names say the same wherever both say something, and that is more than a system or a token."""
    both = names.keys() & others.keys()
    return not both.isdisjoint(_NAMING) and all(names[name] == others[name] for name in both)


def _denies(said: Fields, meant: Fields) -> bool:
    """Whether an answer names something else than what it answers."""
    return said.feature not in (None, meant.feature) or contradicts(meant, said)


def _consistent(near: Sequence[Report], report: Report) -> list[Report]:
    """Those that do not contradict one another: of several chains, errors or tokens only the most named one's."""
    kept = list(near)
    for name in ("chain", "error", "domain", "token"):
        values: defaultdict[str, set[Id]] = defaultdict(set)
        for each in kept:
            for value in getattr(each.fields, name):
                values[value].add(each.person_id)
        if len(values) < 2:
            continue
        most = max(values, key=lambda value: (value in getattr(report.fields, name), len(values[value]), value))
        rivals = [each for each in kept if getattr(each.fields, name) and most not in getattr(each.fields, name)]
        if name != "token" or report.fields.feature in TOKENED:
            kept = [each for each in kept if each not in rivals]
    return kept


def _keys(fields: Fields) -> list[Key]:
    """By what its report counts among those that are usual."""
    named: list[Key] = [(fields.feature, name, value) for name in SHARED for value in getattr(fields, name)]
    return [(fields.feature, None, None), *named]
