"""An inquiry row is a pure fold over its posts, our answers to it and what colleagues did with it.

Everything is ordered by (posted_at, native order), never by arrival: late, edited and deleted posts, and
answers that we see before the question, need no special case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aggregator.identity import Id, code
from aggregator.inquiry import ASIDE, SCORING_VERSION, DueClock, Event, Inquiry, InquiryReason, Kind, Reason
from aggregator.triage import terms

if TYPE_CHECKING:
    from aggregator.config import ChannelClock

# One person's short chat lines are one question; only after this silence does a new line ask again.
BURST = timedelta(minutes=10)
EXCERPT = 160

# Only the strongest of these counts: "not arrived" and "wallet locked" in one breath are one trouble. Whether a
# post is bait is another matter: recovery words that are given away for nothing are often a trap.
STAKES = terms.AT_STAKE | {"praise", "noise"}
# Points that belong to the state of the inquiry, not to the words of a post.
STATE_RULES: dict[str, float] = {
    "asked_again": 8.0,
    "asked_three_times": 30.0,
    "answered": -40.0,
    "promised": -20.0,
    "said_thanks": -30.0,
}
# What says that nobody answered; with so many points, for the third time.
TOLD, THIRD = "unanswered_said", 30.0
# Points for each hour of waiting and their most, by what is waiting; see `share_of` (aggregator/sql/0007_shares.sql).
WAITING: dict[Kind, tuple[float, float]] = {
    "emergency": (6.0, 12.0),
    "complaint": (3.0, 12.0),
    "question": (1.0, 10.0),
    "other": (0.5, 4.0),
    "praise": (0.0, 0.0),
    "noise": (0.0, 0.0),
}
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


def excerpt(text: str) -> str:
    """The beginning of a post, in one line."""
    return " ".join(text[: 2 * EXCERPT].split())[:EXCERPT]


class Subject(NamedTuple):
    """Whose inquiry this is, and where."""

    inquiry_id: Id
    source: str
    channel: str
    thread_id: Id
    person_id: Id


@dataclass(slots=True)
class _Course:
    """How far the conversation has come while walking through it."""

    state: str = "new"
    owner: str | None = None
    waiting: list[FoldPost] = field(default_factory=list)
    asking: list[FoldPost] = field(default_factory=list)  # of those that wait, what is no small talk
    asked: int = 0
    first_answer_at: datetime | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None
    touched_at: datetime | None = None
    thanks: bool = False
    promise: datetime | None = None

    def customer_says(self, post: FoldPost) -> None:
        if post.deleted:
            return
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
        if self.state in ("answered", "closed"):
            self.state = "claimed" if self.owner else "new"
            self.closed_at = self.close_reason = None

    def _asks(self, post: FoldPost) -> bool:
        """Small talk is said to us where others do not hear it, or once we have answered."""
        return post.kind in PROMISED or not post.public or self.answered_at is not None

    def _nothing_is_owed(self, *, still_asked: bool = False) -> None:
        self.waiting.clear()
        self.asking.clear()
        self.promise = None
        self.asked = self.asked if still_asked else 0

    def we_answer(self, post: FoldPost) -> None:
        if post.deleted:
            return
        self.first_answer_at = self.first_answer_at or post.posted_at
        self.answered_at = post.posted_at
        self._nothing_is_owed()
        self.promise = None if post.backfill else post.promise
        if self.state != "closed":
            self.state = "answered"

    def happens(self, event: Event) -> None:
        if event.what in ASIDE:
            return
        if event.who != "system":
            self.touched_at = self.touched_at or event.happened_at
        if event.what == "claim":
            self.owner = event.details.get("owner", event.who)
            self.state = "claimed" if self.state == "new" else self.state
        elif event.what == "release":
            self.owner = None
            self.state = "new" if self.state == "claimed" else self.state
        elif event.what == "close":
            self.state, self.closed_at = "closed", event.happened_at
            self.close_reason = event.details.get("reason", "")
        elif event.what == "reopen":
            self.state = "claimed" if self.owner else "new"
            self.closed_at = self.close_reason = None


def fold(
    subject: Subject,
    posts: Iterable[FoldPost],
    events: Sequence[Event],
    clock: ChannelClock,
    points: Mapping[str, float],
    ver: int = 1,
) -> Inquiry:
    """The inquiry and why it ranks where it ranks.

    Args:
        posts: the customer's posts of this inquiry (at least one) and our answers to it, in any order.
        events: what colleagues did, in any order.
        points: overrides of rules' points from the configuration.
    """
    # Where a platform tells whole seconds only, an answer of the same second came after the question.
    ordered = sorted(posts, key=lambda post: (post.posted_at, post.order, post.staff, post.post_id))
    said = [post for post in ordered if not post.staff]
    course = _walk(ordered, events)
    lead = max(said, key=lambda post: (not post.deleted, sum(r.points for r in post.reasons), post.kind != "other"))
    reasons = _words(said)
    reasons += _state(course, points, told=any(each.rule == TOLD and each.points >= THIRD for each in reasons))
    waiting_since, live = _clock_start(course)
    kind = lead.kind if course.asking else "other"
    per_hour, cap = WAITING[kind] if live else (0.0, 0.0)
    if waiting_since and per_hour:
        reasons.append(InquiryReason("waiting", 0.0, per_hour=per_hour, cap=cap, since=waiting_since))
    promised = kind in PROMISED and per_hour
    due_at, due_clock = _due(course, clock, waiting_since if promised else None)
    return Inquiry(
        inquiry_id=subject.inquiry_id,
        code=code(subject.inquiry_id),
        source=subject.source,
        channel=subject.channel,
        thread_id=subject.thread_id,
        person_id=subject.person_id,
        state=course.state,
        owner=course.owner,
        opened_at=said[0].posted_at,
        last_post_at=said[-1].posted_at,
        waiting_since=waiting_since,
        first_answer_at=course.first_answer_at,
        answered_at=course.answered_at,
        due_at=due_at,
        due_clock=due_clock,
        closed_at=course.closed_at,
        close_reason=course.close_reason,
        seen_at=max(post.seen_at for post in said),
        posts=len(said),
        asked=course.asked,
        kind=lead.kind,
        lang=lead.lang,
        public=any(post.public for post in said),
        backfill=all(post.backfill for post in said),
        secret=any(post.secret for post in said),
        thanks=course.thanks and course.promise is None,
        deleted=sum(post.deleted for post in said),
        lead_post_id=lead.post_id,
        title=next((post.title for post in ordered if post.title), None),
        excerpt=lead.excerpt[:EXCERPT],
        permalink=lead.permalink,
        reasons=tuple(reasons),
        points=sum(reason.points for reason in reasons),
        wait_per_hour=per_hour,
        wait_cap=cap,
        scoring_version=SCORING_VERSION,
        ver=ver,
    )


def _walk(ordered: Sequence[FoldPost], events: Sequence[Event]) -> _Course:
    course = _Course()
    if not events:
        for post in ordered:
            course.we_answer(post) if post.staff else course.customer_says(post)
        return course
    steps: list[tuple[datetime, int, int, FoldPost | Event]] = [
        *((post.posted_at, 0, post.order, post) for post in ordered),
        *((event.happened_at, 1, number, event) for number, event in enumerate(events)),
    ]
    for *_, step in sorted(steps, key=lambda step: step[:3]):
        if isinstance(step, Event):
            course.happens(step)
        elif step.staff:
            course.we_answer(step)
        else:
            course.customer_says(step)
    return course


def _words(said: Sequence[FoldPost]) -> list[InquiryReason]:
    """The strongest of each rule over the posts that still stand, and only the strongest stake."""
    best: dict[str, InquiryReason] = {}
    for post in said:
        if post.deleted:
            continue
        for reason in post.reasons:
            rule = "stake" if reason.rule in STAKES else reason.rule
            if rule not in best or reason.points > best[rule].points:
                best[rule] = InquiryReason(
                    reason.rule,
                    reason.points,
                    version=reason.version,
                    post_id=post.post_id,
                    start=reason.start,
                    end=reason.end,
                )
    return list(best.values())


def _state(course: _Course, points: Mapping[str, float], *, told: bool) -> list[InquiryReason]:
    """told: the customer said which time it is, which is the same once more."""
    rules = []
    if told:
        pass
    elif course.asked >= 3:
        rules.append("asked_three_times")
    elif course.asked == 2:
        rules.append("asked_again")
    if course.thanks and course.promise is None:
        rules.append("said_thanks")
    if course.answered_at and not course.waiting:
        rules.append("promised" if course.promise else "answered")
    return [InquiryReason(rule, points.get(rule, STATE_RULES[rule])) for rule in rules]


def _clock_start(course: _Course) -> tuple[datetime | None, bool]:
    """Since when the customer waits, and whether that clock runs.

    Posts from before we listened start no clock, until that person writes again or a colleague touches it.
    """
    waiting = course.asking or course.waiting
    if not waiting:
        return None, False
    touched = course.touched_at
    live = [
        max(post.posted_at, touched) if post.backfill and touched else post.posted_at
        for post in waiting
        if touched or not post.backfill
    ]
    return (min(live), True) if live else (waiting[0].posted_at, False)


def _due(
    course: _Course, clock: ChannelClock, waiting_since: datetime | None
) -> tuple[datetime | None, DueClock | None]:
    """Which promise runs out first, and when: that of the channel, or one that we gave in our last answer."""
    if course.state == "closed":
        return None, None
    runs: list[tuple[datetime, DueClock]] = []
    if waiting_since:
        further = course.first_answer_at is not None
        runs.append((clock.due(waiting_since, further=further), "next_answer" if further else "first_answer"))
    if course.promise:
        runs.append((course.promise, "promise"))
    return min(runs, default=(None, None))


def same(left: Inquiry, right: Inquiry) -> bool:
    """Whether two folds say the same, whatever their `ver`."""
    return left[:-1] == right[:-1]
