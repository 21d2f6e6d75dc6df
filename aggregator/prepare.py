"""One record, before the database sees it: masked, read, understood, with the ids that everybody can compute."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa

from aggregator.fold import FoldPost, Subject, excerpt, fold
from aggregator.identity import Id, account_id, inquiry_id, post_id, stable_id, thread_id
from aggregator.store import rows
from aggregator.triage import Grade, judge, understand
from aggregator.triage.evidence import Evidence, evidence_of
from aggregator.triage.language import search_text
from aggregator.triage.promises import promised_until
from aggregator.triage.secrets import Found, mask_records, may_be_piece
from connectors.contract import Author, Counts, Deleted, Item, Moved, Post, Record
from connectors.errors import RecordError

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.inquiry import Inquiry, Understanding
    from aggregator.triage.impersonation import OurNames, Pose

log = logging.getLogger(__name__)

Tally = tuple[int | None, int | None, int | None, int | None]
"""Likes, replies, shares, views; None: not told."""

FUTURE = timedelta(minutes=5)  # clocks of platforms differ a little from ours


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a source before any record is read."""

    source: str
    space: str
    channel: str
    read: Callable[[Record], Item | Sequence[Item] | None]  # Connector.post
    staff: Mapping[str, str] = field(default_factory=dict)  # native account id -> colleague's name
    official: frozenset[str] = frozenset()
    live_since: datetime | None = None  # None: everything is backfill
    points: Mapping[str, float] = field(default_factory=dict)
    include: re.Pattern[str] | None = None  # only posts that hold one of these begin an inquiry (see `any_of`)
    exclude: re.Pattern[str] | None = None  # posts that hold one of these begin none
    clocks: Mapping[str, ChannelClock] = field(default_factory=dict)  # by channel; "default" is there
    own: Callable[[Author], bool] | None = None  # Replying.is_own: the account that we answer with
    names: OurNames | None = None  # what impostors pose as; None: nobody does

    def clock_of(self, channel: str) -> ChannelClock:
        """The times promised on a channel."""
        return self.clocks.get(channel) or self.clocks["default"]


class Account(NamedTuple):
    """Who wrote a post, as it is stored."""

    account_id: Id
    native_id: str
    name: str
    handle: str | None
    followers: int | None
    role: str


@dataclass(frozen=True, slots=True)
class Said:
    """A post as its connector read it, and the record that told it."""

    post: Post
    seen_at: datetime
    body: str
    secrets: str | None
    found: Sequence[Found]


@dataclass(slots=True)
class Reading:
    """A post as one record tells it, with all that its words mean."""

    post_id: Id
    channel: str
    native_id: str
    alias_id: Id | None
    thread_id: Id
    alone: bool  # its thread holds no other post
    account: Account | None
    reply_to: Id | None
    mentions: tuple[str, ...]
    posted_at: datetime
    order: int
    edited_at: datetime | None
    title: str | None
    text: str
    search_text: str
    lang: str
    public: bool
    staff: bool
    backfill: bool
    permalink: str | None
    can_reply_until: datetime | None
    understanding: Understanding
    secret: bool
    passed_over: bool  # the source's words keep it from beginning an inquiry
    promise: datetime | None  # until when it promises an answer: one of us says so
    evidence: tuple[Evidence, ...]  # of who its author is, where others may show the same
    poses: Pose | None  # its author poses as one of us
    lures: bool  # it leads people away to where others do not look on
    facts: str
    cut_short: bool  # the text goes on, but the platform did not show how
    counts: Tally
    body: str
    secrets: str | None

    @property
    def person_id(self) -> Id:
        return self.account.account_id if self.account else self.post_id

    @property
    def asks(self) -> bool:
        """A customer says it. Of an impostor only a key that is given away is anybody's business."""
        is_customer = not self.staff and (self.account is None or self.account.role == "customer")
        return is_customer and (self.poses is None or self.secret)

    def as_folded(self, seen_at: datetime, order: int | None = None) -> FoldPost:
        """What an inquiry needs of it."""
        said = self.understanding
        return FoldPost(
            self.post_id, self.posted_at, self.order if order is None else order, seen_at, self.staff, False,
            self.backfill, self.public, said.thanks, self.secret, said.kind, self.lang, self.title,
            excerpt(self.text), self.permalink, said.reasons, said.solved, self.promise,
        )  # fmt: skip


@dataclass(slots=True)
class Draft:
    """A post on its way into the database: what has to be known to decide where it belongs. All the rest stands in
    the row `at` of `Prepared.posts`."""

    at: int
    post_id: Id
    alias_id: Id | None
    thread_id: Id
    alone: bool
    account: Account | None
    person_id: Id
    reply_to: Id | None
    mentions: tuple[str, ...]
    posted_at: datetime
    order: int
    edited_at: datetime | None
    staff: bool
    asks: bool
    thanks: bool
    backfill: bool
    passed_over: bool
    evidence: tuple[Evidence, ...]
    poses: Pose | None
    lures: bool
    cut_short: bool
    counts: Tally
    piece: str | None  # the text, where it is so short that it may be a piece of a recovery phrase
    begins: int | None  # the row of `Prepared.begun` with the inquiry that it begins, should it begin one
    version: int = 1
    deleted: bool = False
    inquiry_id: Id | None = None  # given by assign


@dataclass(frozen=True, slots=True)
class Rejected:
    rejected_id: Id
    reason: str
    body: str
    secrets: str | None
    size: int


@dataclass(slots=True)
class ReadPage:
    """What one page's records say, in the platform's order."""

    readings: list[Reading] = field(default_factory=list)
    deleted: list[tuple[Id, datetime | None]] = field(default_factory=list)
    counts: list[tuple[Id, Tally]] = field(default_factory=list)
    moved: list[tuple[Id, Id]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    records: int = 0


@dataclass(slots=True)
class Prepared:
    """The same, ready for the database: posts as drafts, and as rows of the tables that they will stand in.

    posts: rows of `post`, as if each were new and began its own inquiry.
    bodies: `body` and `secrets` of their records, row by row.
    begun: the inquiries that they begin where nothing else is known of the same person in the same thread.
    """

    drafts: list[Draft]
    posts: pa.Table
    bodies: pa.Table
    begun: pa.Table
    deleted: list[tuple[Id, datetime | None]]
    counts: list[tuple[Id, Tally]]
    moved: list[tuple[Id, Id]]
    rejected: list[Rejected]
    records: int

    def __reduce__(self) -> tuple[Any, ...]:
        # From one process to another, drafts as plain tuples: ten times faster than as objects.
        drafts = list(map(_VALUES, self.drafts))
        rest = (self.posts, self.bodies, self.begun, self.deleted, self.counts, self.moved, self.rejected, self.records)
        return _unpacked, (drafts, rest)

    def row(self, draft: Draft) -> dict[str, Any]:
        """The draft's row of `post`, by column."""
        return dict(zip(rows.POST, rows.values_of(self.posts, draft.at), strict=True))

    def channel(self, draft: Draft) -> str:
        """Where somebody asked what begins an inquiry."""
        return str(self.begun["channel"][draft.begins].as_py())

    def text(self, draft: Draft) -> str:
        return str(self.posts["text"][draft.at].as_py())

    def body(self, draft: Draft) -> str:
        return str(self.bodies["body"][draft.at].as_py())

    def put(self, number: int, other: Prepared) -> None:
        """Another reading, alone on its page, in the place of the draft of this number."""
        (draft,) = other.drafts
        draft.at = len(self.posts)
        draft.begins = None if draft.begins is None else len(self.begun)
        self.drafts[number] = draft
        self.posts = pa.concat_tables([self.posts, other.posts])
        self.bodies = pa.concat_tables([self.bodies, other.bodies])
        self.begun = pa.concat_tables([self.begun, other.begun])


_VALUES = attrgetter(*Draft.__slots__)


def _unpacked(drafts: Sequence[tuple[Any, ...]], rest: tuple[Any, ...]) -> Prepared:
    return Prepared([Draft(*values) for values in drafts], *rest)


def prepare(records: Sequence[Record], origin: Origin, seen_at: datetime) -> Prepared:
    """Mask, read and understand a page."""
    return pack(read_page(records, origin, seen_at), origin, seen_at)


def read_page(records: Sequence[Record], origin: Origin, seen_at: datetime) -> ReadPage:
    """Mask, read and understand a page. One bad record never stops it."""
    page = ReadPage(records=len(records))
    said: list[Said] = []
    for masked, found in mask_records(records):
        said += _read(masked, found, origin, seen_at, page)
    _understand(said, origin, page)
    return page


def _read(masked: Record, found: Sequence[Found], origin: Origin, seen_at: datetime, page: ReadPage) -> list[Said]:
    """The posts of one record; what else it tells goes to the page."""
    secrets = _secret_marks(found)
    body = orjson.dumps(masked, option=orjson.OPT_NON_STR_KEYS).decode()
    said = []
    try:
        for item in _items(origin.read(masked)):
            if isinstance(item, Post):
                said.append(Said(item, seen_at, body, secrets, found))
            elif isinstance(item, Deleted):
                page.deleted.append((post_id(origin.space, item.native_id), item.at))
            elif isinstance(item, Counts):
                counts = (item.likes, item.replies, item.shares, item.views)
                page.counts.append((post_id(origin.space, item.native_id), counts))
            elif isinstance(item, Moved):
                page.moved.append((thread_id(origin.space, item.thread), thread_id(origin.space, item.to)))
    except Exception as error:  # platforms change their formats without notice
        page.rejected.append(_reject(error, body, secrets, origin))
    return said


def _understand(said: Sequence[Said], origin: Origin, page: ReadPage) -> None:
    """What the posts mean, all of a page together: that is many times quicker than one by one."""
    for each, grade in zip(said, judge([search_text(each.post.text) for each in said]), strict=True):
        try:
            page.readings.append(reading(each, grade, origin))
        except Exception as error:  # a date beyond the calendar, a number that is none
            page.rejected.append(_reject(error, each.body, each.secrets, origin))


def read_again(stored: Iterable[tuple[str, str | None, datetime]], origin: Origin) -> ReadPage:
    """Stored records, which are masked already, once more: body, secrets and when each was seen."""
    page = ReadPage()
    said: list[Said] = []
    for body, secrets, seen_at in stored:
        page.records += 1
        marks = orjson.loads(secrets) if secrets else ()
        found = [Found(mark["kind"], 0, 0, mark["published"], False) for mark in marks]
        said += _read(orjson.loads(body), found, origin, seen_at, page)
    _understand(said, origin, page)
    return page


def pack(page: ReadPage, origin: Origin, seen_at: datetime) -> Prepared:
    """Rows of what was read, column by column."""
    said = page.readings
    begins = [
        _begun(each, origin, seen_at) if each.asks and (each.secret or not each.passed_over) else None for each in said
    ]
    begun = [each for each in begins if each is not None]
    numbers = iter(range(len(begun)))
    drafts = [
        Draft(
            at, each.post_id, each.alias_id, each.thread_id, each.alone, each.account, each.person_id, each.reply_to,
            each.mentions, each.posted_at, each.order, each.edited_at, each.staff, each.asks,
            each.understanding.thanks, each.backfill, each.passed_over, each.evidence,
            each.poses, each.lures, each.cut_short, each.counts,
            each.text if not each.staff and may_be_piece(each.text) else None,
            None if inquiry is None else next(numbers),
        )
        for at, (each, inquiry) in enumerate(zip(said, begins, strict=True))
    ]  # fmt: skip
    return Prepared(
        drafts,
        _posts(said, begins, origin, seen_at),
        pa.table({name: pa.array([getattr(each, name) for each in said], pa.string()) for name in ("body", "secrets")}),
        rows.table(rows.INQUIRY, [rows.of_inquiry(each) for each in begun]),
        page.deleted,
        page.counts,
        page.moved,
        page.rejected,
        page.records,
    )


def _begun(said: Reading, origin: Origin, seen_at: datetime) -> Inquiry:
    """The inquiry that this post begins, should it begin one."""
    subject = Subject(inquiry_id(said.post_id), origin.source, said.channel, said.thread_id, said.person_id)
    return fold(subject, (said.as_folded(seen_at),), (), origin.clock_of(said.channel), origin.points)


_SAME = ("space", "source", "seen_at", "version", "deleted_at")  # in all rows of a page


def _posts(said: Sequence[Reading], begins: Sequence[Inquiry | None], origin: Origin, seen_at: datetime) -> pa.Table:
    same = dict(zip(_SAME, (origin.space, origin.source, seen_at, 1, None), strict=True))
    special: dict[str, list[Any]] = {
        "account_id": [each.account.account_id if each.account else None for each in said],
        "native_order": [each.order for each in said],
        "inquiry_id": [None if inquiry is None else inquiry.inquiry_id for inquiry in begins],
    }
    return pa.table(
        {
            name: rows.constant(kind, same[name], len(said))
            if name in same
            else rows.array(kind, special[name] if name in special else list(map(attrgetter(name), said)))
            for name, kind in rows.POST.items()
        }
    )


def any_of(words: Collection[str]) -> re.Pattern[str] | None:
    """Finds any of these words or phrases in a `search_text`, Latin ones only as whole words; None: there are none."""
    if not words:
        return None
    return re.compile("|".join(_whole(search_text(word)) for word in sorted(words, key=len, reverse=True)))


def _whole(word: str) -> str:
    before = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", word) else ""
    after = r"(?![a-z0-9])" if re.search(r"[a-z0-9]$", word) else ""
    return f"{before}{re.escape(word)}{after}"


def _items(read: Item | Sequence[Item] | None) -> Iterator[Item]:
    if read is None:
        return
    if isinstance(read, Post | Deleted | Counts | Moved):
        yield read
    else:
        yield from read


def _reject(error: Exception, body: str, secrets: str | None, origin: Origin) -> Rejected:
    known = isinstance(error, RecordError)
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    if not known:
        log.warning("%s: a record could not be read: %s", origin.source, type(error).__name__)
    native = error.native_id if isinstance(error, RecordError) and error.native_id else body
    return Rejected(rejected_id(origin.source, native), reason[:500], body, secrets, len(body.encode()))


def rejected_id(source: str, native_id: str) -> Id:
    """One for each record that cannot be read: of the post's id where it could be had, else of the record."""
    return stable_id(source, "rejected", native_id)


def _secret_marks(found: Sequence[Found]) -> str | None:
    if not found:
        return None
    return orjson.dumps([{"kind": each.kind, "published": not each.alarming} for each in found]).decode()


def reading(said: Said, grade: Grade, origin: Origin) -> Reading:
    """A post with its ids, its language and its reasons. Pure."""
    post, space, searchable = said.post, origin.space, grade.searched
    this = post_id(space, post.native_id)
    account = _account(post.author, origin) if post.author else None
    staff = account is not None and account.role in ("staff", "official")
    posted_at, guessed = _posted_at(post, said.seen_at)
    marks = _marks_in(post.text, said.found)
    understanding = understand(
        post.text,
        grade,
        lang=post.lang,
        public=post.public,
        followers=post.author.followers if post.author else None,
        secrets=marks,
        staff=staff,
        points=origin.points,
        pictures=post.pictures > 0,
    )
    secret = any(each.alarming for each in marks) and not staff
    passed_over = not (staff or secret) and _is_passed_over(post, searchable, origin)
    channel = post.channel or origin.channel
    backfill = origin.live_since is None or posted_at < origin.live_since
    promise = (
        promised_until(post.text, posted_at, origin.clock_of(channel).working_time) if staff and not backfill else None
    )
    customer = post.author if account and account.role == "customer" else None
    poses, lures = _bad_signs(post, customer, searchable, understanding.entities, origin)
    return Reading(
        post_id=this,
        channel=channel,
        native_id=post.native_id,
        alias_id=post_id(space, post.alias) if post.alias else None,
        thread_id=this if post.thread is None else thread_id(space, post.thread),
        alone=post.thread is None,
        account=account,
        reply_to=post_id(space, post.reply_to) if post.reply_to else None,
        mentions=post.mentions,
        posted_at=posted_at,
        order=post.order,
        edited_at=post.edited_at,
        title=post.title,
        text=post.text,
        search_text=searchable,
        lang=understanding.lang,
        public=post.public,
        staff=staff,
        backfill=backfill,
        permalink=post.permalink,
        can_reply_until=post.can_reply_until,
        understanding=understanding,
        secret=secret,
        passed_over=passed_over,
        promise=promise,
        evidence=evidence_of(customer.vouched, understanding.entities) if customer else (),
        poses=poses,
        lures=lures,
        cut_short="text" in guessed,
        facts=_facts(
            post, understanding, marks, secret, guessed, promise, passed_over=passed_over, poses=poses, lures=lures
        ),
        counts=(post.likes, post.replies, post.shares, post.views),
        body=said.body,
        secrets=said.secrets,
    )


def _bad_signs(
    post: Post, customer: Author | None, searchable: str, entities: Mapping[str, list[str]], origin: Origin
) -> tuple[Pose | None, bool]:
    """Whether its author poses as one of us, and whether it leads others away. Where only we listen, nobody does."""
    if origin.names is None or customer is None or not post.public:
        return None, False
    poses = origin.names.judge(customer.name, customer.handle)
    talks = post.thread is not None  # else there is nobody whom it answers
    return poses, talks and origin.names.lures(searchable, (*entities.get("link", ()), *post.links))


def _is_passed_over(post: Post, searchable: str, origin: Origin) -> bool:
    if origin.include is None and origin.exclude is None:
        return False
    said = f"{search_text(post.title)}\n{searchable}" if post.title else searchable
    wanted = origin.include is None or origin.include.search(said) is not None
    return not wanted or (origin.exclude is not None and origin.exclude.search(said) is not None)


def _account(author: Author, origin: Origin) -> Account:
    native = author.native_id
    name, role = author.name, str(author.role)
    if native in origin.official:
        role = "official"
    elif native in origin.staff:
        name, role = origin.staff[native], "staff"
    elif origin.own is not None and origin.own(author):
        role = "official"
    return Account(account_id(origin.space, native), native, name, author.handle, author.followers, role)


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


def _facts(
    post: Post,
    understanding: Understanding,
    marks: Sequence[Found],
    secret: bool,
    guessed: tuple[str, ...],
    promise: datetime | None,
    *,
    passed_over: bool,
    poses: Pose | None,
    lures: bool,
) -> str:
    """The columns of a post that nobody sorts by, as JSON; only what is there."""
    facts: dict[str, Any] = {"kind": understanding.kind}
    if understanding.reasons:
        facts["reasons"] = [[r.rule, r.points, r.start, r.end, r.version] for r in understanding.reasons]
    if understanding.thanks:
        facts["thanks"] = True
    if understanding.solved:
        facts["solved"] = True
    if promise:
        facts["promise"] = promise.isoformat()
    if secret:
        facts["secret"] = True
    if passed_over:
        facts["passed_over"] = True
    if poses:
        facts["poses"] = [*poses]
    if lures:
        facts["lures"] = True
    if post.place and not post.permalink:
        facts["place"] = post.place
    if marks:
        facts["secrets"] = [[each.kind, each.start, each.end] for each in marks]
    if understanding.entities:
        facts["entities"] = understanding.entities
    if understanding.given:
        facts["given"] = understanding.given
    if guessed:
        facts["guessed"] = guessed
    if post.attachments:
        facts["attachments"] = post.attachments
    if post.links:
        facts["links"] = post.links
    if post.mentions:
        facts["mentions"] = post.mentions
    return orjson.dumps(facts).decode()
