"""The values that everything after a record's arrival speaks in.

What an import makes a hundred thousand times is a NamedTuple: a frozen dataclass takes five times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from aggregator.identity import Id, as_written, written

SCORING_VERSION = 3
"""Stored with each score; a change of rules or weights raises it, and `aggregator replay` applies it."""

NEAR = timedelta(days=14)
"""A person's post joins an inquiry of the same thread that is no farther away in time."""

ASIDE = frozenset({"unlink", "link", "clear", "suspect", "note", "merge", "part", "flag", "unflag", "wake"})
"""Events that say something of accounts, links, incidents, or to colleagues: an inquiry is as it was."""

Kind = Literal["emergency", "complaint", "question", "praise", "noise", "other"]
State = Literal["new", "claimed", "waiting", "answered", "snoozed", "closed"]
EventKind = Literal[
    "claim", "take", "assign", "release", "wait", "snooze", "wake", "close", "reopen", "reply", "label", "band", "undo",
    "note", "merge", "part", "flag", "unflag", "unlink", "link", "clear", "suspect",
]  # fmt: skip
"""What happens to an inquiry; aggregator/folding/course.py says what each changes, docs/acting.md what its details
hold."""
DueClock = Literal["first_answer", "next_answer", "promise"]
"""What runs out at `due_at`: the channel's time for our first or next answer, or what our last answer promised."""


class Reason(NamedTuple):
    """One named term of a post's score. The span is Python offsets into the masked text; no words are kept."""

    rule: str
    points: float
    start: int | None = None
    end: int | None = None
    version: int = 1

    def as_json(self, post: str) -> dict[str, object]:
        """As `InquiryReason.as_json` writes it for an inquiry; `post`: the post that says it."""
        values: dict[str, object] = {"rule": self.rule, "points": self.points, "version": self.version, "post_id": post}
        if self.start is not None:
            values |= {"start": self.start, "end": self.end}
        return values


class Understanding(NamedTuple):
    """What one post means."""

    lang: str
    kind: Kind
    reasons: tuple[Reason, ...]
    thanks: bool  # nothing but an acknowledgement: wakes nobody, proposes closing
    entities: dict[str, list[str]]
    solved: bool = False  # an acknowledgement that says that it is over
    given: tuple[str, ...] = ()  # which slots of `aggregator.triage.slots` the post gives


class InquiryReason(NamedTuple):
    """One term of an inquiry's priority: points + least(cap, per_hour x hours since `since`)."""

    rule: str
    points: float
    per_hour: float = 0.0
    cap: float = 0.0
    since: datetime | None = None
    version: int = 1
    post_id: Id | None = None  # the post whose words say it; None: the state of the inquiry says it
    start: int | None = None
    end: int | None = None

    def as_json(self) -> dict[str, object]:
        """Only what differs from the defaults."""
        values: dict[str, object] = {"rule": self.rule, "points": self.points, "version": self.version}
        if self.per_hour:
            values |= {"per_hour": self.per_hour, "cap": self.cap, "since": self.since}
        if self.post_id is not None:
            values["post_id"] = written(self.post_id)
        if self.start is not None:
            values |= {"start": self.start, "end": self.end}
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> InquiryReason:
        """The reverse of `as_json` after a trip through JSON text."""
        since, post = values.get("since"), values.get("post_id")
        return cls(
            values["rule"],
            values["points"],
            per_hour=values.get("per_hour", 0.0),
            cap=values.get("cap", 0.0),
            since=datetime.fromisoformat(since) if since else None,
            version=values["version"],
            post_id=as_written(post) if post else None,
            start=values.get("start"),
            end=values.get("end"),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """What a colleague or the system did with an inquiry."""

    event_id: Id
    inquiry_id: Id
    happened_at: datetime
    who: str  # user name, or "system"
    what: EventKind
    details: dict[str, str]


class Inquiry(NamedTuple):
    """One person's open question or complaint in one thread. The columns of `inquiry_open`, where each is
    explained (aggregator/sql/0001_init.sql)."""

    inquiry_id: Id
    code: str
    source: str
    channel: str
    thread_id: Id
    person_id: Id
    state: str
    owner: str | None
    opened_at: datetime
    last_post_at: datetime
    waiting_since: datetime | None
    first_answer_at: datetime | None
    answered_at: datetime | None
    due_at: datetime | None
    due_clock: DueClock | None
    closed_at: datetime | None
    close_reason: str | None
    snoozed_until: datetime | None
    seen_at: datetime
    posts: int
    asked: int
    kind: Kind
    tags: str | None
    lang: str
    public: bool
    backfill: bool
    secret: bool
    thanks: bool
    deleted: int
    lead_post_id: Id
    title: str | None
    excerpt: str
    permalink: str | None
    reasons: tuple[InquiryReason, ...]
    points: float
    wait_per_hour: float
    wait_cap: float
    at_least: float | None
    at_most: float | None
    band_by: str | None
    scoring_version: int
    ver: int

    @property
    def name(self) -> str:
        """Its id as addresses and browsers have it."""
        return written(self.inquiry_id)

    @property
    def person(self) -> str | None:
        """The account that wrote, in the same form; None: nobody can be named."""
        return written(self.person_id) if self.person_id != self.lead_post_id else None


def shown(priority: float) -> int:
    """The score that people see: the priority without fraction, from 0 to 99."""
    return int(max(0, min(99, priority // 1)))
