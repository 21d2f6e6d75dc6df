"""Reports become incidents, one after another, in the order in which they were written. Pure: no clock, no store.

What a report says is grouped as docs/incidents.md tells: it joins the incident that it fits best; else it waits, and
an incident begins when more persons than usual say what it says. Whoever only says "me too" goes with the post that
it answers, or with the only incident that is spoken of in its thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from aggregator.identity import Id, stable_id
from aggregator.incidents.fields import SHARED, Fields, to_hold
from aggregator.incidents.held import Held
from aggregator.incidents.likeness import FEATURE, JOINS, contradicts
from aggregator.incidents.reports import Changes, Incident, Past, Report, Said, Why
from aggregator.incidents.sketch import alike
from aggregator.incidents.waiting import SIMILAR, SOON, WAITS, Waiting

SPOKEN_OF = timedelta(minutes=3)  # so long "me too" without an answered post may mean what was last said in a thread
_THREAD, _ALIKE = 1.0, 3.0  # what the same thread, and the most alike text, add where several incidents fit
_CLEARLY = 0.75  # by so much a report must fit one incident better than the next ...
_LARGER = 3  # ... or the one must have so many times the other's reports in the last hours
_LATELY = timedelta(hours=2)
_COMPARED = 12  # of a group's newest texts
MOST_INCIDENTS: Final = 200
"""Incidents that may be joined. Of more, those that nobody has reported for longest are left to the store."""

_NAMING = ("chain", "version", "error", "domain", "handle")


class Grouper:
    """What is being reported. Lives on the writer's thread; `keeping` fills it from the store.

    However much is reported, it holds no more reports than MOST of each feature that wait, and MOST_HELD of each of
    MOST_INCIDENTS incidents. An inquiry whose report was let go is `known_again` before it says more.
    """

    def __init__(self, *, persons: int, quiet: timedelta) -> None:
        """persons: the fewest that make an incident. quiet: an incident without a report for so long has ended."""
        self.quiet = quiet
        self.incidents: dict[Id, Incident] = {}
        self.held = Held()
        self._waiting = Waiting(persons)
        self._elsewhere: list[Report] = []  # of incidents that are not known here
        self._newest: datetime | None = None

    # -- taking up what is known ------------------------------------------------------------------

    def know(self, report: Report, posts: Iterable[Id] = ()) -> None:
        """A report as it is stored. If it belongs to none, it waits, and is known as usual."""
        self.held.hold(report)
        for post in posts:
            self.held.add_post(report, post)
        if report.incident is None:
            self._waiting.hold(report)

    def know_usual(self, fields: Fields, at: datetime, reports: int) -> None:
        """So many said this within that hour, and belong to nothing out of the ordinary."""
        self._waiting.know_usual(fields, at, reports)

    def know_incident(self, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id], past: Past) -> None:
        self.incidents[incident_id] = Incident.of(incident_id, reports, barred, past)

    def know_again(self, report: Report) -> None:
        """A report as it is stored, which was let go, and of which new posts come."""
        self.held.hold(report)
        incident = self.incidents.get(report.incident) if report.incident else None
        if incident is not None:
            incident.hold_again(report)
        elif report.incident is None:
            self._waiting.hold(report)
        else:
            self._elsewhere.append(report)

    # -- new posts --------------------------------------------------------------------------------

    def take(self, posts: Iterable[Said]) -> Changes:
        """New posts of one page, in the order in which they were written."""
        changes = Changes()
        for said in posts:
            self.heard(said.at)
            report = self._reported(said, changes)
            if report is None:
                continue
            self.held.add_post(report, said.post_id)
            if said.alias_id:
                self.held.add_post(report, said.alias_id)
            if report.incident is None:
                self._place(report, changes)
        for one in sorted(changes.incidents()):
            self._settle(one, changes)
        self._keep_to_bounds()
        return changes

    def heard(self, at: datetime) -> None:
        """Something was said then, whatever it was."""
        self._waiting.rates.heard(at)
        if self._newest is None or at > self._newest + timedelta(hours=1):
            self._newest = at if self._newest is None else max(at, self._newest)
            self._forget(self._newest)

    def _reported(self, said: Said, changes: Changes) -> Report | None:
        """The inquiry's report with this post; None: the post reports nothing that can be told."""
        before = self.held.of(said.inquiry_id)
        if before is not None:
            before.heard_at = max(before.lately(), said.at)
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
        report = Report(said.inquiry_id, said.person_id, said.thread_id, said.at, to_hold(fields), said.sketch)
        report.account_id = said.account_id
        if meant is not None:
            report.why, report.inherits, report.follows = why, True, meant.incident
            meant.heard_at = max(meant.lately(), said.at)
        self.held.hold(report)
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
        fields = to_hold(report.fields.joined(said.fields))
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
            return self.held.with_post(said.reply_to), "reply"
        if not said.fields.echo:
            return None, "thread"
        lately = [
            report
            for report in self.held.newest_in(said.thread_id)
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
        if not report.fields.feature and not any(getattr(report.fields, name) for name in SHARED):
            return self._told_alike(report)
        found = [
            (likeness, incident)
            for incident in self.incidents.values()
            if (likeness := self._likeness(incident, report)) is not None
        ]
        if len(found) < 2:
            return (found[0][1], "fields") if found else None
        ranked = sorted(
            ((likeness + self._leaning(incident, report), likeness, incident) for likeness, incident in found),
            key=lambda each: (-each[0], each[2].first_at, each[2].incident_id),
        )
        (most, plain, best), (next_, other, second) = ranked[:2]
        if most - next_ >= _CLEARLY:
            return best, "fields" if plain - other >= _CLEARLY else "similar"
        many, few = (each.came_within(_LATELY, report.at) for each in (best, second))
        if many >= _LARGER * max(few, 1):
            return best, "similar"
        return self._plainest([incident for total, _, incident in ranked if most - total < _CLEARLY], report)

    def _plainest(self, fitting: Sequence[Incident], report: Report) -> tuple[Incident, Why] | None:
        """Of several that fit alike one of which nothing is known that this report does not say: else those who say as
        little would begin another of the same name, and then another."""
        same = [each for each in fitting if _says_no_more(each, report.fields)]
        if not same:
            return None
        return max(same, key=lambda each: (each.came_within(_LATELY, report.at), each.incident_id)), "fields"

    def _told_alike(self, report: Report) -> tuple[Incident, Why] | None:
        """The incident of which nothing is named, either, in whose words it is told."""
        found = [
            (max((alike(each.sketch, report.sketch) for each in incident.reports[-_COMPARED:]), default=0.0), incident)
            for incident in self.incidents.values()
            if incident.core.feature is None and self._open_to(incident, report)
        ]
        if not found:
            return None
        closest, incident = max(found, key=lambda each: (each[0], each[1].incident_id))
        return (incident, "similar") if closest >= SIMILAR else None

    def _likeness(self, incident: Incident, report: Report) -> float | None:
        """None: it may not join."""
        if not incident.core.may_fit(report.fields) or not self._open_to(incident, report):
            return None
        likeness = incident.core.likeness(report.fields)
        return likeness if likeness is not None and likeness >= JOINS else None

    def _open_to(self, incident: Incident, report: Report) -> bool:
        if report.inquiry_id in incident.barred:
            return False
        return incident.first_at - WAITS <= report.at <= incident.last_at + self.quiet

    def _leaning(self, incident: Incident, report: Report) -> float:
        here = any(each.thread_id == report.thread_id for each in incident.reports[-_COMPARED:])
        closest = max((alike(each.sketch, report.sketch) for each in incident.reports[-_COMPARED:]), default=0.0)
        return _THREAD * here + _ALIKE * closest

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
                older.absorb(younger)
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
            likeness = self._likeness(incident, each)
            if likeness is None or (each.at < first - SOON and likeness < JOINS + FEATURE):
                continue
            if (fitting := self._fitting(each)) is not None and fitting[0] is incident:
                self._join(incident, each, changes)

    # -- holding and forgetting -------------------------------------------------------------------

    def _keep_to_bounds(self) -> None:
        gone = self._waiting.let_go() + self._elsewhere
        self._elsewhere = []
        for incident in self.incidents.values():
            gone += incident.let_go()
        if len(self.incidents) > MOST_INCIDENTS:
            for incident in sorted(self.incidents.values(), key=lambda each: each.last_at)[:-MOST_INCIDENTS]:
                del self.incidents[incident.incident_id]
                gone += incident.reports
        self.held.let_go(gone)

    def _forget(self, now: datetime) -> None:
        """What is too old to be joined; nothing that is stored hangs on it."""
        self._waiting.rates.forget_before(now)
        old = now - WAITS - self.quiet
        for one, incident in list(self.incidents.items()):
            incident.forget_before(old)
            if incident.last_at < old:
                del self.incidents[one]
        gone = [each for each in self.held if each.at < old and each.incident not in self.incidents]
        for report in gone:
            self._waiting.forget(report)
        self.held.let_go(gone)


def _says_no_more(incident: Incident, fields: Fields) -> bool:
    return incident.core.feature == fields.feature and all(
        not getattr(fields, name).isdisjoint(values) for name, values in incident.names().items()
    )


def _same(names: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> bool:
    """Whether two names say the same wherever both say something, and that is more than a system or a token."""
    both = names.keys() & others.keys()
    return not both.isdisjoint(_NAMING) and all(names[name] == others[name] for name in both)


def _denies(said: Fields, meant: Fields) -> bool:
    """Whether an answer names something else than what it answers."""
    return said.feature not in (None, meant.feature) or contradicts(meant, said)
