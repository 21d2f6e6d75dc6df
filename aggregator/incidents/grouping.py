"""Reports become incidents, one after another, in the order in which they were written. Pure: no clock, no store.

What a report says is grouped as docs/incidents.md tells: it joins the incident that it fits best; else it waits, and
an incident begins when more persons than usual say what it says. Whoever only says "me too" goes with the post that
it answers, or with the only incident that is spoken of in its thread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from aggregator.identity import Id, stable_id
from aggregator.incidents.fields import SHARED, Fields
from aggregator.incidents.likeness import FEATURE, JOINS, contradicts
from aggregator.incidents.reports import Changes, Incident, Report, Said, Why
from aggregator.incidents.sketch import alike
from aggregator.incidents.waiting import SOON, WAITS, Waiting

SPOKEN_OF = timedelta(minutes=3)  # so long "me too" without an answered post may mean what was last said in a thread
_THREAD, _ALIKE = 1.0, 3.0  # what the same thread, and the most alike text, add where several incidents fit
_CLEARLY = 0.75  # by so much a report must fit one incident better than the next ...
_LARGER = 3  # ... or the one must have so many times the other's reports in the last hours
_LATELY = timedelta(hours=2)
_COMPARED = 12  # of a group's newest texts
_NAMING = ("chain", "version", "error", "domain", "handle")


class Grouper:
    """What is being reported. Lives on the writer's thread; `keeping` fills it from the store."""

    def __init__(self, *, persons: int, quiet: timedelta) -> None:
        """persons: the fewest that make an incident. quiet: an incident without a report for so long has ended."""
        self.quiet = quiet
        self.incidents: dict[Id, Incident] = {}
        self.reports: dict[Id, Report] = {}  # by inquiry
        self.inquiry_of: dict[Id, Id] = {}  # by post and alias
        self._waiting = Waiting(persons)
        self._in_thread: defaultdict[Id, list[Report]] = defaultdict(list)
        self._newest: datetime | None = None

    # -- taking up what is known ------------------------------------------------------------------

    def know(self, report: Report, posts: Iterable[Id] = ()) -> None:
        """A report as it is stored; of an incident, if that is known by now."""
        self.reports[report.inquiry_id] = report
        self._in_thread[report.thread_id].append(report)
        for post in posts:
            self.inquiry_of[post] = report.inquiry_id
        if report.incident is None:
            self._waiting.add(report)

    def know_usual(self, report: Report) -> None:
        """What it says is nothing out of the ordinary, though it is in an incident."""
        self._waiting.know_usual(report)

    def know_incident(self, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id]) -> None:
        self.incidents[incident_id] = Incident.of(incident_id, reports, barred)

    # -- new posts --------------------------------------------------------------------------------

    def take(self, posts: Iterable[Said]) -> Changes:
        """New posts of one page, in the order in which they were written."""
        changes = Changes()
        for said in posts:
            self.heard(said.at)
            report = self._reported(said, changes)
            if report is None:
                continue
            self.inquiry_of[said.post_id] = said.inquiry_id
            if said.alias_id:
                self.inquiry_of[said.alias_id] = said.inquiry_id
            if report.incident is None:
                self._place(report, changes)
        for one in sorted(changes.incidents()):
            self._settle(one, changes)
        return changes

    def heard(self, at: datetime) -> None:
        """Something was said then, whatever it was."""
        self._waiting.rates.heard(at)
        if self._newest is None or at > self._newest + timedelta(hours=1):
            self._newest = at if self._newest is None else max(at, self._newest)
            self._forget(self._newest)

    def _reported(self, said: Said, changes: Changes) -> Report | None:
        """The inquiry's report with this post; None: the post reports nothing that can be told."""
        before = self.reports.get(said.inquiry_id)
        if before is not None:
            self._say_more(before, said, changes)
            return before
        fields = said.fields
        why: Why = "fields"
        meant: Report | None = None
        if not (fields.tells and fields.feature) and (fields.echo or fields.fault):
            meant, why = self._meant(said)
            if meant is not None and _denies(fields, meant.fields):
                meant = None
        if meant is not None:
            fields = meant.fields.joined(fields)
        elif not fields.fault and not self._pointed_at(fields):
            return None
        report = Report(said.inquiry_id, said.person_id, said.thread_id, said.at, fields, said.sketch)
        report.account_id = said.account_id
        if meant is not None:
            report.why, report.inherits, report.follows = why, True, meant.incident
        self.reports[said.inquiry_id] = report
        self._in_thread[said.thread_id].append(report)
        self._waiting.add(report)
        changes.reports[said.inquiry_id] = report
        return report

    def _pointed_at(self, fields: Fields) -> bool:
        """Whether it names no fault, but an error, a site or an account that an incident is known by."""
        return fields.points and any(
            incident.core.values(name) & getattr(fields, name)
            for incident in self.incidents.values()
            for name in ("error", "domain", "handle")
        )

    def _say_more(self, report: Report, said: Said, changes: Changes) -> None:
        """The same person's further words may tell more, but never another story; who tells what the others of the
        incident contradict leaves it."""
        own, new = report.fields.feature, said.fields.feature
        if contradicts(report.fields, said.fields) or (own is not None and new not in (None, own)):
            return
        fields = report.fields.joined(said.fields)
        if fields == report.fields:
            return
        changes.reports[report.inquiry_id] = report
        incident = self.incidents.get(report.incident) if report.incident else None
        if report.incident is None:
            self._waiting.drop(report)
            report.fields = fields
            self._waiting.add(report)
        elif incident is None:
            report.fields = fields
        elif not incident.restated(report, fields) and report.why != "person":
            incident.drop(report)
            changes.joined.pop((incident.incident_id, report.inquiry_id), None)
            changes.left[incident.incident_id, report.inquiry_id] = None
            self._waiting.add(report)

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

    # -- placing ----------------------------------------------------------------------------------

    def _place(self, report: Report, changes: Changes) -> None:
        if (found := self._followed(report)) is not None:
            self._join(found, report, changes)
        elif (fitting := self._fitting(report)) is not None:
            found, report.why = fitting[0], report.why if report.inherits else fitting[1]
            self._join(found, report, changes)
        else:
            self._begin(report, changes)

    def _followed(self, report: Report) -> Incident | None:
        """The incident of the post that it answers, if that is not contradicted."""
        incident = self.incidents.get(report.follows) if report.follows else None
        if incident is None or not self._open_to(incident, report):
            return None
        return incident if incident.core.likeness(report.fields) is not None else None

    def _fitting(self, report: Report) -> tuple[Incident, Why] | None:
        """The incident that this report fits, if it is clear which."""
        found = []
        if not report.fields.feature and not any(getattr(report.fields, name) for name in SHARED):
            return None
        for incident in self.incidents.values():
            if not incident.core.may_fit(report.fields) or not self._open_to(incident, report):
                continue
            likeness = incident.core.likeness(report.fields)
            if likeness is not None and likeness >= JOINS:
                found.append((likeness, incident))
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
        self._waiting.drop(report)
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

    def _begin(self, report: Report, changes: Changes) -> None:
        """An incident, if with this report more persons than usual say the same."""
        found = self._waiting.spike(report)
        if not found:
            return
        for each in found:
            self._waiting.drop(each)
        one = stable_id("incident", *sorted(each.inquiry_id.hex() for each in found))
        incident = Incident.of(one, found)
        self.incidents[one] = changes.began[one] = incident
        changes.joined |= {(one, each.inquiry_id): each for each in incident.reports}
        first = incident.first_at
        for each in self._waiting.since(first - WAITS):
            # Who said less, and can only have meant this; long before, only who said as much.
            likeness = incident.core.likeness(each.fields)
            if likeness is None or (each.at < first - SOON and likeness < JOINS + FEATURE):
                continue
            if (fitting := self._fitting(each)) is not None and fitting[0] is incident:
                self._join(incident, each, changes)

    # -- forgetting -------------------------------------------------------------------------------

    def _forget(self, now: datetime) -> None:
        """What is too old to be joined; nothing that is stored hangs on it."""
        self._waiting.rates.forget_before(now)
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
            self._waiting.forget(report)
            self._in_thread[report.thread_id].remove(report)
        self.inquiry_of = {post: one for post, one in self.inquiry_of.items() if one not in gone}


def _same(names: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> bool:
    """Whether two names say the same wherever both say something, and that is more than a system or a token."""
    both = names.keys() & others.keys()
    return not both.isdisjoint(_NAMING) and all(names[name] == others[name] for name in both)


def _denies(said: Fields, meant: Fields) -> bool:
    """Whether an answer names something else than what it answers."""
    return said.feature not in (None, meant.feature) or contradicts(meant, said)
