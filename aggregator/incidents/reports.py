"""What inquiries report, and incidents of several persons who report the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from aggregator.identity import Id
from aggregator.incidents.fields import Fields
from aggregator.incidents.likeness import Core, core_of, shared_by
from aggregator.incidents.sketch import Sketch

Why = Literal["fields", "similar", "reply", "thread", "person", "merged"]


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
    follows: Id | None = None  # the incident of the post that it answers
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
    by: Counter[Id] = field(default_factory=Counter)  # reports of each person
    named: bool = False  # it has a name beyond its feature: from then on it is never merged with another by itself

    @classmethod
    def of(cls, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id] = ()) -> Incident:
        """With these members; at least one."""
        members = sorted(reports, key=lambda report: (report.at, report.inquiry_id))
        first, last = members[0].at, members[-1].at
        core = core_of((report.fields, report.inherits) for report in members)
        for report in members:
            report.incident = incident_id
        by = Counter(report.person_id for report in members)
        incident = cls(incident_id, members, core, first, last, set(barred), by)
        incident.named = bool(incident.names())
        return incident

    def names(self) -> dict[str, list[str]]:
        """What its reports share beyond the feature."""
        return shared_by(self.core, self.persons())

    def take(self, report: Report) -> None:
        report.incident = self.incident_id
        self.reports.append(report)
        self.core.add(report.fields, inherits=report.inherits)
        self.by[report.person_id] += 1
        self.first_at, self.last_at = min(self.first_at, report.at), max(self.last_at, report.at)

    def drop(self, report: Report) -> None:
        """Without this member; there is another one."""
        self.reports.remove(report)
        report.incident = report.follows = None
        self.core.add(report.fields, inherits=report.inherits, by=-1)
        self.by -= Counter([report.person_id])
        self.first_at = min(each.at for each in self.reports)
        self.last_at = max(each.at for each in self.reports)

    def restated(self, report: Report, fields: Fields) -> bool:
        """A member says more by now. False: the others contradict it."""
        self.core.add(report.fields, inherits=report.inherits, by=-1)
        fits = len(self.reports) == 1 or self.core.likeness(fields) is not None
        report.fields = fields
        self.core.add(fields, inherits=report.inherits)
        return fits

    def persons(self) -> int:
        return len(self.by)


@dataclass(slots=True)
class Changes:
    """What a page changed: reports that are new or say more; who joined and left; what began; what was merged."""

    reports: dict[Id, Report] = field(default_factory=dict)
    began: dict[Id, Incident] = field(default_factory=dict)
    joined: dict[tuple[Id, Id], Report] = field(default_factory=dict)  # by incident and inquiry
    left: dict[tuple[Id, Id], None] = field(default_factory=dict)
    merged: dict[Id, Id] = field(default_factory=dict)  # what was merged into what

    def incidents(self) -> set[Id]:
        """What has other members than before, without what was merged into another."""
        return {incident for incident, _ in (*self.joined, *self.left)} | set(self.merged.values())
