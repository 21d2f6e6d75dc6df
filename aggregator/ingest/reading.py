"""Posts as their connector read them, with all that their words mean: a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.folding.fold import FoldPost, excerpt
from aggregator.identity import Id, account_id, post_id, thread_id
from aggregator.ingest.drafts import Account, Rejected, Tally
from aggregator.triage import Grade, Written, judge, understand_all
from aggregator.triage.evidence import evidence_of
from aggregator.triage.language import search_text, told_language
from aggregator.triage.own_trouble import tells_own_trouble
from aggregator.triage.promises import promised_until
from aggregator.triage.secrets import Found

if TYPE_CHECKING:
    from aggregator.ingest.origin import Origin
    from aggregator.inquiry import Understanding
    from aggregator.triage.evidence import Evidence
    from aggregator.triage.impersonation import Pose
    from connectors.contract import Author, Post, Undelivered

FUTURE = timedelta(minutes=5)  # clocks of platforms differ a little from ours


class Said(NamedTuple):
    """A post as its connector read it, and the record that told it."""

    post: Post
    seen_at: datetime
    body: str
    secrets: str | None
    found: Sequence[Found]
    record: int  # which of those that were read together; it may tell several posts


@dataclass(slots=True)
class Reading:
    """A post as one record tells it, with all that its words mean."""

    said: Said
    post: Post
    post_id: Id
    thread_id: Id
    account: Account | None
    channel: str
    posted_at: datetime
    guessed: tuple[str, ...]  # names of fields that nobody told
    search_text: str
    marks: Sequence[Found]  # the masked runs of its text
    staff: bool
    backfill: bool
    understanding: Understanding
    secret: bool
    passed_over: bool  # the source's words keep it from beginning an inquiry
    promise: datetime | None  # until when it promises an answer: one of us says so
    evidence: tuple[Evidence, ...]  # of who its author is, where others may show the same
    poses: Pose | None  # its author poses as one of us
    lures: bool  # it leads people away to where others do not look on

    @property
    def text(self) -> str:
        return self.post.text

    @property
    def lang(self) -> str:
        return self.understanding.lang

    @property
    def native_id(self) -> str:
        return self.post.native_id

    @property
    def alone(self) -> bool:
        """Its thread holds no other post."""
        return self.post.thread is None

    @property
    def person_id(self) -> Id:
        return self.account.account_id if self.account else self.post_id

    @property
    def asks(self) -> bool:
        """A customer says it. Of an impostor only a key that is given away is anybody's business."""
        is_customer = not self.staff and (self.account is None or self.account.role == "customer")
        return is_customer and (self.poses is None or self.secret)

    @property
    def begins(self) -> bool:
        """Whether it begins an inquiry where nothing else is known of the same person in the same thread."""
        return self.asks and (self.secret or not self.passed_over)

    def as_folded(self, seen_at: datetime, order: int | None = None) -> FoldPost:
        """What an inquiry needs of it."""
        said, post = self.understanding, self.post
        return FoldPost(
            self.post_id, self.posted_at, post.order if order is None else order, seen_at, self.staff, False,
            self.backfill, post.public, said.thanks, self.secret, said.kind, said.lang, post.title,
            excerpt(post.text), post.permalink, said.reasons, said.solved, self.promise,
        )  # fmt: skip

    @property
    def facts(self) -> str:
        """The columns of a post that nobody sorts by, as JSON; only what is there."""
        post, said = self.post, self.understanding
        facts: dict[str, Any] = {"kind": said.kind}
        if said.reasons:
            facts["reasons"] = [[r.rule, r.points, r.start, r.end, r.version] for r in said.reasons]
        if said.thanks:
            facts["thanks"] = True
        if said.solved:
            facts["solved"] = True
        if self.promise:
            facts["promise"] = self.promise.isoformat()
        if self.secret:
            facts["secret"] = True
        if self.passed_over:
            facts["passed_over"] = True
        if self.poses:
            facts["poses"] = [*self.poses]
        if self.lures:
            facts["lures"] = True
        if post.place and not post.permalink:
            facts["place"] = post.place
        if self.marks:
            facts["secrets"] = [[each.kind, each.start, each.end] for each in self.marks]
        if said.entities:
            facts["entities"] = said.entities
        if said.given:
            facts["given"] = said.given
        if self.guessed:
            facts["guessed"] = self.guessed
        if post.attachments:
            facts["attachments"] = post.attachments
        if post.links:
            facts["links"] = post.links
        if post.mentions:
            facts["mentions"] = post.mentions
        return orjson.dumps(facts).decode()


@dataclass(slots=True)
class ReadPage:
    """What one page's records say, in the platform's order."""

    readings: list[Reading] = field(default_factory=list)
    deleted: list[tuple[Id, datetime | None]] = field(default_factory=list)
    counts: list[tuple[Id, Tally]] = field(default_factory=list)
    moved: list[tuple[Id, Id]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    records: int = 0
    undelivered: list[Undelivered] = field(default_factory=list)

    def add(self, later: ReadPage) -> None:
        """What another page's records say, after what these do."""
        self.readings += later.readings
        self.deleted += later.deleted
        self.counts += later.counts
        self.moved += later.moved
        self.rejected += later.rejected
        self.records += later.records
        self.undelivered += later.undelivered


def read_posts(said: Sequence[Said], origin: Origin) -> list[Reading]:
    """Posts with their ids, their language and their reasons. Pure."""
    grades = judge([search_text(each.post.text) for each in said])
    accounts = [_account(each.post.author, origin) if each.post.author else None for each in said]
    marks = [_marks_in(each.post.text, each.found) for each in said]
    written = list(map(_written, said, accounts, marks))
    meant = understand_all(written, grades, origin.points)
    signs = [
        _bad_signs(each.post, account, grade.searched, understanding, origin)
        for each, account, grade, understanding in zip(said, accounts, grades, meant, strict=True)
    ]
    return [_reading(origin, *one) for one in zip(said, accounts, marks, grades, meant, signs, strict=True)]


def _written(said: Said, account: Account | None, marks: Sequence[Found]) -> Written:
    post = said.post
    return Written(
        post.text,
        told_language(post.lang),
        post.public,
        post.author.followers if post.author else None,
        marks,
        _is_ours(account),
        post.pictures > 0,
        post.links,
    )


def _is_ours(account: Account | None) -> bool:
    return account is not None and account.role in ("staff", "official")


def _reading(
    origin: Origin,
    said: Said,
    account: Account | None,
    marks: Sequence[Found],
    grade: Grade,
    understanding: Understanding,
    signs: tuple[Pose | None, bool],
) -> Reading:
    post, space, staff = said.post, origin.space, _is_ours(account)
    this = post_id(space, post.native_id)
    posted_at, guessed = _posted_at(post, said.seen_at)
    secret = bool(marks) and not staff and any(each.alarming for each in marks)
    channel = post.channel or origin.channel
    backfill = origin.live_since is None or posted_at < origin.live_since
    promise = None
    if staff and not backfill:
        promise = promised_until(post.text, posted_at, origin.clock_of(channel).working_time)
    vouched = post.author.vouched if post.author else ()
    shows = account is not None and account.role == "customer"
    return Reading(
        said,
        post,
        this,
        this if post.thread is None else thread_id(space, post.thread),
        account,
        channel,
        posted_at,
        guessed,
        grade.searched,
        marks,
        staff,
        backfill,
        understanding,
        secret,
        not (staff or secret) and origin.passes_over(post.title, grade.searched),
        promise,
        evidence_of(vouched, understanding.entities) if shows else (),
        *signs,
    )


def _bad_signs(
    post: Post, account: Account | None, searchable: str, understanding: Understanding, origin: Origin
) -> tuple[Pose | None, bool]:
    """Whether its author poses as one of us, and whether it leads others away. Where only we listen, nobody does; nor
    does who has a trouble of his own."""
    author = post.author
    if origin.names is None or author is None or account is None or account.role != "customer" or not post.public:
        return None, False
    poses = origin.names.judge(author.name, author.handle)
    if post.thread is None:  # there is nobody whom it answers
        return poses, False
    lures = origin.names.lures(searchable, (*understanding.entities.get("link", ()), *post.links))
    return poses, lures and not tells_own_trouble(searchable, understanding)


def _account(author: Author, origin: Origin) -> Account:
    native = author.native_id
    name, role = author.name, str(author.role)
    if native in origin.official:
        role = "official"
    elif native in origin.staff:
        name, role = origin.staff[native], "staff"
    elif origin.own is not None and origin.own(author):
        role = "official"
    return _stored(origin.space, native, name, author.handle, author.followers, role)


@lru_cache(maxsize=10_000)
def _stored(space: str, native: str, name: str, handle: str | None, followers: int | None, role: str) -> Account:
    return Account(account_id(space, native), native, name, handle, followers, role)


def _posted_at(post: Post, seen_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    """An absent time, or one in the future, is the time we saw it, marked as guessed."""
    if post.posted_at is None or post.posted_at > seen_at + FUTURE:
        return seen_at, tuple(dict.fromkeys((*post.guessed, "posted_at")))
    return post.posted_at, post.guessed


def _marks_in(text: str, found: Sequence[Found]) -> Sequence[Found]:
    """The masked runs that stand in this text (not, for instance, in a post that it quotes)."""
    if not found or "█" not in text:
        return ()
    marks, end = [], 0
    for each in found:
        start = text.find("█", end)
        if start < 0:
            break
        end = start + 1
        while end < len(text) and text[end] == "█":
            end += 1
        marks.append(Found(each.kind, start, end, not each.alarming, each.checked))
    return marks
