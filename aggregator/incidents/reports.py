"""What inquiries report, and incidents of several persons who report the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from aggregator.identity import Id
from aggregator.incidents.fields import Fields
from aggregator.incidents.likeness import Core, shared_by
from aggregator.incidents.sketch import Sketch

MOST_HELD: Final = 200
"""Reports of an incident that are held one by one. Of the others it is only known how many they are, what they name
and when they came; which they are stands in the store."""

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
    heard_at: datetime | None = None  # when it was last added to, or spoken of, if ever
    posts: list[Id] = field(default_factory=list)  # with their aliases

    def lately(self) -> datetime:
        """When it was made, added to or spoken of last."""
        return self.heard_at or self.at


@dataclass(slots=True, eq=False)
class Past:
    """What is known of an incident's reports that are not held one by one."""

    core: Core = field(default_factory=Core)
    persons: int = 0
    minutes: Counter[int] = field(default_factory=Counter)
    first_at: datetime | None = None


@dataclass(slots=True, eq=False)
class Incident:
    """Reports of several persons about the same thing. `barred`: inquiries that a person took out."""

    incident_id: Id
    reports: list[Report]  # that are held
    core: Core  # of all
    first_at: datetime
    last_at: datetime
    barred: set[Id] = field(default_factory=set)
    by: Counter[Id] = field(default_factory=Counter)  # reports of each person, of those that are held
    gone: int = 0  # persons of whom none is held
    minutes: Counter[int] = field(default_factory=Counter)  # how many reports came in each
    named: bool = False  # it has a name beyond its feature: from then on it is never merged with another by itself

    @classmethod
    def of(
        cls, incident_id: Id, reports: Sequence[Report], barred: Iterable[Id] = (), past: Past | None = None
    ) -> Incident:
        """With these members; at least one. `past`: what is known of further ones."""
        members = sorted(reports, key=lambda report: (report.at, report.inquiry_id))
        first, last = members[0].at, members[-1].at
        past = past or Past()
        incident = cls(incident_id, [], past.core, min(first, past.first_at or first), last, set(barred))
        incident.gone, incident.minutes = past.persons, past.minutes
        for report in members:
            incident.take(report)
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
        self.minutes[_minute(report.at)] += 1
        self.first_at, self.last_at = min(self.first_at, report.at), max(self.last_at, report.at)

    def drop(self, report: Report) -> None:
        """Without this member; there is another one."""
        self.reports.remove(report)
        report.incident = report.follows = None
        self.core.add(report.fields, inherits=report.inherits, by=-1)
        self.by -= Counter([report.person_id])
        self.minutes -= Counter([_minute(report.at)])
        if not self.gone:
            self.first_at = min(each.at for each in self.reports)
        self.last_at = max((each.at for each in self.reports), default=self.last_at)

    def absorb(self, other: Incident) -> None:
        """All of another incident's reports."""
        for report in other.reports:
            report.incident = self.incident_id
        self.reports += other.reports
        self.core.absorb(other.core)
        self.by += other.by
        self.gone += other.gone
        self.minutes += other.minutes
        self.first_at, self.last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)

    def let_go(self) -> list[Report]:
        """Of too many reports a quarter, of which nobody has spoken for longest. They count on."""
        if len(self.reports) <= MOST_HELD:
            return []
        self.reports.sort(key=lambda report: report.lately())
        spare = len(self.reports) - MOST_HELD * 3 // 4
        going, self.reports = self.reports[:spare], self.reports[spare:]
        before = len(self.by)
        self.by -= Counter(report.person_id for report in going)
        self.gone += before - len(self.by)
        return going

    def hold_again(self, report: Report) -> None:
        """One that was let go says more."""
        self.reports.append(report)
        if report.person_id not in self.by and self.gone:
            self.gone -= 1
        self.by[report.person_id] += 1

    def came_within(self, span: timedelta, at: datetime) -> int:
        """How many of its reports came so shortly before or after, to the minute."""
        middle, around = _minute(at), span // timedelta(minutes=1)
        return sum(count for minute, count in self.minutes.items() if abs(minute - middle) <= around)

    def forget_before(self, at: datetime) -> None:
        """Nobody asks any more when reports came then."""
        first = _minute(at)
        self.minutes = Counter({minute: count for minute, count in self.minutes.items() if minute >= first})

    def restated(self, report: Report, fields: Fields) -> bool:
        """A member says more by now. False: the others contradict it."""
        self.core.add(report.fields, inherits=report.inherits, by=-1)
        fits = self.core.reports == 0 or self.core.likeness(fields) is not None
        report.fields = fields
        self.core.add(fields, inherits=report.inherits)
        return fits

    def persons(self) -> int:
        """Of those who were let go, whoever reports again counts again."""
        return len(self.by) + self.gone


def _minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


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
