"""An inquiry row is a pure fold over its posts, our answers to it and what colleagues did with it.

Everything is ordered by (posted_at, native order), never by arrival: late, edited and deleted posts, and
answers that we see before the question, need no special case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from aggregator.folding.course import PROMISED, Course, paused_in_all, walk, with_replies
from aggregator.folding.course import FoldPost as FoldPost
from aggregator.identity import Id, code
from aggregator.inquiry import SCORING_VERSION, DueClock, Event, Inquiry, InquiryReason, Kind
from aggregator.triage import terms

if TYPE_CHECKING:
    from aggregator.config import ChannelClock

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
    "awaiting": -40.0,
}
# In these states somebody has to do something: what a colleague set as the least band holds.
OURS_TO_DO = ("new", "claimed", "snoozed")
# What says that nobody answered; with so many points, for the third time.
TOLD, THIRD = "unanswered_said", 25.0
# What is at stake where no words say what: who only says that nobody answered is at one of these.
_UNTOLD = frozenset({"question", *(name for grade, name in terms.READS.items() if grade < 4)})
# Points for each hour of waiting and their most, by what is waiting; see `share_of` (aggregator/sql/0011_shares.sql).
WAITING: dict[Kind, tuple[float, float]] = {
    "emergency": (6.0, 12.0),
    "complaint": (3.0, 12.0),
    "question": (1.0, 10.0),
    "other": (0.5, 4.0),
    "praise": (0.0, 0.0),
    "noise": (0.0, 0.0),
}


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
    ordered = sorted(
        with_replies(posts, events) if events else posts,
        key=lambda post: (post.posted_at, post.order, post.staff, post.post_id),
    )
    # Who wrote it may turn out to be one of us: then there is no question, only an answer.
    said = [post for post in ordered if not post.staff] or ordered
    course = walk(ordered, events)
    lead = max(said, key=_leads)
    reasons = _words(said)
    reasons += _state(course, points, told=any(each.rule == TOLD and each.points >= THIRD for each in reasons))
    asked_at, live = _clock_start(course)
    kind = course.kind or lead.kind
    waits_as = kind if course.asking else "other"
    per_hour, cap = WAITING[waits_as] if live else (0.0, 0.0)
    waiting_since = asked_at and asked_at + paused_in_all(course.pauses, asked_at)
    if waiting_since and per_hour:
        reasons.append(InquiryReason("waiting", 0.0, per_hour=per_hour, cap=cap, since=waiting_since))
    promised = waits_as in PROMISED and per_hour
    due_at, due_clock = _due(course, clock, asked_at if promised else None)
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
        snoozed_until=course.snoozed_until,
        seen_at=max(post.seen_at for post in said),
        posts=len(said),
        asked=course.asked,
        kind=kind,
        tags=course.tags,
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
        at_least=course.band.at_least if course.band and course.state in OURS_TO_DO else None,
        at_most=course.band.at_most if course.band else None,
        band_by=course.band.by if course.band else None,
        scoring_version=SCORING_VERSION,
        ver=ver,
    )


def _leads(post: FoldPost) -> tuple[bool, bool, float, bool]:
    """By which of several posts an inquiry is known: the one that weighs most. But "is anybody there?" tells nothing,
    however much it weighs, and goes before small talk only."""
    stakes = {reason.rule for reason in post.reasons if reason.rule in STAKES and reason.points > 0}
    asks_for_us = stakes <= _UNTOLD and any(reason.rule == TOLD for reason in post.reasons)
    weighs = sum(reason.points for reason in post.reasons if reason.rule != TOLD)
    return not post.deleted, bool(stakes) and not asks_for_us, weighs, post.kind != "other"


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


def _state(course: Course, points: Mapping[str, float], *, told: bool) -> list[InquiryReason]:
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
    if course.state == "waiting":
        rules.append("awaiting")
    elif course.answered_at and not course.waiting:
        rules.append("promised" if course.promise else "answered")
    return [InquiryReason(rule, points.get(rule, STATE_RULES[rule])) for rule in rules]


def _clock_start(course: Course) -> tuple[datetime | None, bool]:
    """Since when the customer waits, and whether that clock runs.

    Posts from before we listened start no clock, until that person writes again or a colleague touches it. While we
    wait for the customer, nobody waits for us.
    """
    waiting = course.asking or course.waiting
    if not waiting or course.state == "waiting":
        return None, False
    touched = course.touched_at
    live = [
        max(post.posted_at, touched) if post.backfill and touched else post.posted_at
        for post in waiting
        if touched or not post.backfill
    ]
    return (min(live), True) if live else (waiting[0].posted_at, False)


def _due(course: Course, clock: ChannelClock, asked_at: datetime | None) -> tuple[datetime | None, DueClock | None]:
    """Which promise runs out first, and when: that of the channel, or one that we gave in our last answer."""
    if course.state in ("closed", "waiting"):
        return None, None
    runs: list[tuple[datetime, DueClock]] = []
    if asked_at:
        further = course.first_answer_at is not None
        due = clock.due(asked_at, further=further)
        for paused, resumed in course.pauses:
            due = clock.resumed(due, max(paused, asked_at), resumed, further=further)
        runs.append((due, "next_answer" if further else "first_answer"))
    if course.promise:
        runs.append((course.promise + paused_in_all(course.pauses, course.answered_at), "promise"))
    return min(runs, default=(None, None))


def same(left: Inquiry, right: Inquiry) -> bool:
    """Whether two folds say the same, whatever their `ver`."""
    return left[:-1] == right[:-1]
