"""How far a conversation has come: what each post, each answer of ours and each deed of a colleague changes.

Walking through them in the order in which they happened gives the state of an inquiry (docs/acting.md).
Nothing here knows the time: a snooze ends at the first step after it, be that step a `wake`, which says no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from aggregator.identity import Id, written
from aggregator.inquiry import ASIDE, Event, Kind, Reason

# One person's short chat lines are one question; only after this silence does a new line ask again.
BURST = timedelta(minutes=10)
# Closed for this reason, it was answered; only not where we could see it.
ELSEWHERE = "answered_elsewhere"
# Who gets an answer within the channel's time. Small talk may wait, but it is not late.
PROMISED = frozenset[Kind](["emergency", "complaint", "question"])
# Nobody waits for an answer to these, and they wake nothing.
WANTS_NOTHING = frozenset[Kind](["praise", "noise"])


class FoldPost(NamedTuple):
    """What the fold needs of a post."""

    post_id: Id
    posted_at: datetime
    order: int
    seen_at: datetime
    staff: bool
    deleted: bool
    backfill: bool
    public: bool
    thanks: bool
    secret: bool
    kind: Kind
    lang: str
    title: str | None
    excerpt: str
    permalink: str | None
    reasons: tuple[Reason, ...]
    solved: bool = False  # the customer says that it is over
    promise: datetime | None = None  # until when our post promises another answer


class Band(NamedTuple):
    """What a colleague has set instead of the computed band: the priority is kept within these."""

    by: str
    at_least: float | None
    at_most: float | None


@dataclass(slots=True)
class Course:
    """How far it has come; `waiting` are the customer's posts that nobody has answered."""

    state: str = "new"
    owner: str | None = None
    waiting: list[FoldPost] = field(default_factory=list)
    asking: list[FoldPost] = field(default_factory=list)  # of those that wait, what is no small talk
    asked: int = 0
    first_answer_at: datetime | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None
    snoozed_until: datetime | None = None
    touched_at: datetime | None = None
    thanks: bool = False
    promise: datetime | None = None
    paused_at: datetime | None = None  # since when we wait for the customer
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)  # of the clock that runs
    kind: Kind | None = None  # as a colleague says
    tags: str | None = None
    band: Band | None = None
    returned: frozenset[str] = frozenset()  # answers sent from here whose posts are there, and count instead

    # -- what the customer does -------------------------------------------------------------------

    def customer_says(self, post: FoldPost) -> None:
        if post.deleted:
            return
        self.comes_to(post.posted_at)
        if post.thanks:
            self.thanks = True
            if post.solved:
                self._nothing_is_owed()
            return
        if post.kind in WANTS_NOTHING:
            return
        if self.state == "closed":
            self._nothing_is_owed(still_asked=self.close_reason != ELSEWHERE)
            if self.close_reason == ELSEWHERE:
                self.first_answer_at = self.first_answer_at or self.closed_at
        if self._asks(post):
            if not self.asking or post.posted_at - self.asking[-1].posted_at >= BURST:
                self.asked += 1
            self.asking.append(post)
        self.waiting.append(post)
        self.thanks = False
        if self.state in ("answered", "closed", "waiting", "snoozed"):
            self._wakes(post.posted_at)

    def _asks(self, post: FoldPost) -> bool:
        """Small talk is said to us where others do not hear it, or once we have answered."""
        return post.kind in PROMISED or not post.public or self.answered_at is not None

    def comes_to(self, moment: datetime) -> None:
        """Whoever slept until then is awake."""
        if self.state == "snoozed" and self.snoozed_until and self.snoozed_until <= moment:
            self._wakes(self.snoozed_until)

    def _wakes(self, at: datetime) -> None:
        """Back to whoever owns it, else to everybody."""
        self._becomes("claimed" if self.owner else "new", at)

    def _becomes(self, state: str, at: datetime) -> None:
        """Leaving a state takes along what belonged to it."""
        if self.paused_at and state != "waiting":
            self.pauses.append((self.paused_at, at))
            self.paused_at = None
        if state == "waiting":
            self.paused_at = self.paused_at or at
        self.closed_at = self.close_reason = self.snoozed_until = None
        self.state = state

    def _nothing_is_owed(self, *, still_asked: bool = False) -> None:
        self.waiting.clear()
        self.asking.clear()
        self.pauses.clear()
        self.promise = None
        self.asked = self.asked if still_asked else 0

    # -- what we do -------------------------------------------------------------------------------

    def we_answer(self, post: FoldPost, sent: Event | None = None) -> None:
        """`sent`: that it was sent, if from here."""
        if post.deleted:
            return
        self.comes_to(post.posted_at)
        promise = None if post.backfill else post.promise
        if sent is None:
            self._is_answered(post.posted_at, promise)
        else:
            self.owner = self.owner or sent.who
            self._is_answered(post.posted_at, promise, self._overlooked(sent.happened_at, written_at(sent)))

    def _is_answered(self, at: datetime, promise: datetime | None, late: Sequence[FoldPost] = ()) -> None:
        """`late`: what this does not answer, for nobody had read it."""
        self.first_answer_at = self.first_answer_at or at
        self.answered_at = at
        self._nothing_is_owed()
        self.promise = promise
        if self.state != "closed":
            self._becomes("answered", at)
        if late:
            self.waiting, self.asking, self.asked = list(late), list(late), 1
            self._wakes(at)

    def happens(self, event: Event) -> None:
        """A deed of a colleague, or of the system."""
        self.comes_to(event.happened_at)
        if event.what in ASIDE:
            return
        if event.who != "system":
            self.touched_at = self.touched_at or event.happened_at
        at, details = event.happened_at, event.details
        match event.what:
            case "claim" | "take":
                self.owner = details.get("owner", event.who)
                if self.state in ("new", "snoozed"):
                    self._becomes("claimed", at)
            case "assign":
                self.owner = details["owner"]
                if self.state == "new":
                    self._becomes("claimed", at)
            case "release":
                self.owner = None
                if self.state == "claimed":
                    self._becomes("new", at)
            case "wait" if self.state != "closed":
                self._becomes("waiting", at)
                self._unless_overlooked(at)
            case "snooze" if self.state != "closed":
                self._becomes("snoozed", at)
                self.snoozed_until = datetime.fromisoformat(details["until"])
                self._unless_overlooked(at)
            case "close":
                self._becomes("closed", at)
                self.closed_at, self.close_reason = at, details.get("reason", "")
                self._unless_overlooked(at)
            case "reopen":
                self._wakes(at)
            case "reply":
                self._we_replied(event)
            case "label":
                self._is_labelled(event)
            case "band":
                self.band = _band(event)

    def _we_replied(self, event: Event) -> None:
        """Sent from the outbox. Once the platform shows it to us, it is a post like any other answer."""
        self.owner = self.owner or event.who
        if event.details.get("post") in self.returned:
            return
        self._is_answered(event.happened_at, promise_of(event), self._overlooked(event.happened_at, written_at(event)))

    def _overlooked(self, at: datetime, read_until: datetime | None = None) -> list[FoldPost]:
        """Written before `at`, but seen only later: whoever acted had not read it. read_until: if they acted on what
        they had read by then, as with an answer that was held, or tried again and again."""
        read_until = read_until or at
        return [
            post for post in self.waiting if post.posted_at <= at and read_until < post.seen_at and not post.backfill
        ]

    def _unless_overlooked(self, at: datetime) -> None:
        if self._overlooked(at):
            self._wakes(at)

    def _is_labelled(self, event: Event) -> None:
        if "kind" in event.details:
            self.kind = cast("Kind", event.details["kind"])
        if "tags" in event.details:
            self.tags = event.details["tags"] or None
        if "add" in event.details:
            self.tags = with_tags(self.tags, event.details["add"])


def walk(ordered: Sequence[FoldPost], events: Sequence[Event]) -> Course:
    """The course of a conversation: posts in order, events in any."""
    if not events:
        course = Course()
        for post in ordered:
            course.we_answer(post) if post.staff else course.customer_says(post)
        return course
    course = Course(returned=frozenset(written(post.post_id) for post in ordered))
    counted = standing(events)
    sent = _sent(counted)
    undelivered = _sent(events).keys() - sent.keys()
    steps: list[tuple[datetime, bytes, int, FoldPost | Event]] = [
        *(
            (post.posted_at, b"", at, post)
            for at, post in enumerate(ordered)
            if written(post.post_id) not in undelivered
        ),
        *((event.happened_at, event.event_id, 0, event) for event in counted),
    ]
    for *_, step in sorted(steps, key=lambda step: step[:3]):
        if isinstance(step, Event):
            course.happens(step)
        elif step.staff:
            course.we_answer(step, sent.get(written(step.post_id)))
        else:
            course.customer_says(step)
    return course


def with_replies(posts: Iterable[FoldPost], events: Iterable[Event]) -> list[FoldPost]:
    """The posts; those that were sent from here are ours, whatever account the platform shows them under."""
    replies = _sent(events)
    return [
        post._replace(staff=True, promise=post.promise or promise_of(replies[name]))
        if (name := written(post.post_id)) in replies
        else post
        for post in posts
    ]


def _sent(events: Iterable[Event]) -> dict[str, Event]:
    """By post, what was sent from here. Only the system takes such an event back, where it did not arrive."""
    return {event.details["post"]: event for event in events if event.what == "reply" and "post" in event.details}


def written_at(reply: Event) -> datetime | None:
    """When an answer that was sent from here was written; None: before this was noted."""
    told = reply.details.get("written")
    return datetime.fromisoformat(told) if told else None


def promise_of(reply: Event) -> datetime | None:
    """Until when an answer that was sent from here promises another one."""
    promised = reply.details.get("promise")
    return datetime.fromisoformat(promised) if promised else None


def paused_in_all(pauses: Iterable[tuple[datetime, datetime]], since: datetime | None) -> timedelta:
    """How long we waited for the customer since then."""
    lengths = (resumed - max(paused, since or paused) for paused, resumed in pauses)
    return sum((length for length in lengths if length > timedelta(0)), timedelta(0))


def with_tags(tags: str | None, more: str) -> str | None:
    """Both, in order, each once."""
    return ",".join(sorted({*(tags or "").split(","), *more.split(",")} - {""})) or None


def standing(events: Iterable[Event]) -> list[Event]:
    """Those that nobody has taken back."""
    events = list(events)
    undone = {event.details["event"] for event in events if event.what == "undo"}
    return [event for event in events if event.what != "undo" and not (undone and written(event.event_id) in undone)]


def _band(event: Event) -> Band | None:
    if event.details["band"] == "computed":
        return None
    low, high = (event.details.get(name) for name in ("at_least", "at_most"))
    return Band(event.who, float(low) if low else None, float(high) if high else None)
