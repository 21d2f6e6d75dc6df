"""Posts on their way into the database: what has to be known to decide where each belongs, and all the rest as rows.

Pages of an import pass from one process to another in this form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from operator import attrgetter
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from arro3.core import RecordBatch

from aggregator.identity import Id
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.triage.evidence import Evidence
    from aggregator.triage.impersonation import Pose
    from connectors.contract import Undelivered

Tally = tuple[int | None, int | None, int | None, int | None]
"""Likes, replies, shares, views; None: not told."""


class Account(NamedTuple):
    """Who wrote a post, as it is stored."""

    account_id: Id
    native_id: str
    name: str
    handle: str | None
    followers: int | None
    role: str


@dataclass(slots=True)
class Draft:
    """What has to be known of a post to decide where it belongs. All the rest stands in the row `at` of
    `Prepared.posts`."""

    at: int
    source: str  # which tells of it
    post_id: Id
    alias_id: Id | None
    thread_id: Id
    alone: bool  # its thread holds no other post
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
    recovered: bool
    counts: Tally
    piece: str | None  # the text, where it is so short that it may be a piece of a recovery phrase
    begins: int | None  # the row of `Prepared.begun` with the inquiry that it begins, should it begin one
    opens: Id | None  # that inquiry
    version: int = 1
    deleted: bool = False
    inquiry_id: Id | None = None  # given by assign


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read."""

    rejected_id: Id
    reason: str
    body: str
    secrets: str | None
    size: int


@dataclass(slots=True)
class Prepared:
    """What a page's records say, ready for the database: posts as drafts, and as rows of the tables that they will
    stand in.

    posts: rows of `post`, as if each were new and began its own inquiry.
    bodies: `body` and `secrets` of their records, row by row.
    begun: the inquiries that they begin where nothing else is known of the same person in the same thread.
    """

    drafts: list[Draft]
    posts: RecordBatch
    bodies: RecordBatch
    begun: RecordBatch
    deleted: list[tuple[Id, datetime | None]]
    counts: list[tuple[Id, Tally]]
    moved: list[tuple[Id, Id]]
    rejected: list[Rejected]
    records: int
    undelivered: list[Undelivered] = field(default_factory=list)

    def __reduce__(self) -> tuple[Any, ...]:
        # From one process to another: columns of plain values, and batches as bytes.
        columns = list(zip(*map(_VALUES, self.drafts), strict=True))
        if columns:
            columns[_ACCOUNT] = tuple(account and tuple(account) for account in columns[_ACCOUNT])
        batches = [_as_bytes(batch) for batch in (self.posts, self.bodies, self.begun)]
        rest = (self.deleted, self.counts, self.moved, self.rejected, self.records, self.undelivered)
        return _unpacked, (columns, batches, rest)

    def row(self, draft: Draft) -> dict[str, Any]:
        """The draft's row of `post`, by column."""
        return dict(zip(rows.POST, rows.values_of(self.posts, draft.at), strict=True))

    def channel(self, draft: Draft) -> str:
        """Where somebody asked what begins an inquiry."""
        assert draft.begins is not None
        return str(self.begun["channel"][draft.begins].as_py())

    def text(self, draft: Draft) -> str:
        return str(self.posts["text"][draft.at].as_py())

    def body(self, draft: Draft) -> str:
        return str(self.bodies["body"][draft.at].as_py())

    def put(self, number: int, other: Prepared) -> None:
        """Another reading, alone on its page, in the place of the draft of this number."""
        (draft,) = other.drafts
        draft.at = self.posts.num_rows
        draft.begins = None if draft.begins is None else self.begun.num_rows
        self.drafts[number] = draft
        self.posts = rows.joined([self.posts, other.posts])
        self.bodies = rows.joined([self.bodies, other.bodies])
        self.begun = rows.joined([self.begun, other.begun])


class Named(Protocol):
    """Somebody who may be called by one of these."""

    @property
    def names(self) -> tuple[str | None, ...]: ...


N = TypeVar("N", bound=Named)


def called_by(mentions: Iterable[str], some: Iterable[N]) -> list[N]:
    """Those of them whom a post calls by name."""
    named = frozenset(name.casefold() for name in mentions)
    return [each for each in some if any(name and name.casefold() in named for name in each.names)] if named else []


_VALUES = attrgetter(*Draft.__slots__)
_ACCOUNT = Draft.__slots__.index("account")


def _as_bytes(batch: RecordBatch) -> PickleBuffer:
    from arro3.io import write_ipc_stream  # five megabytes of memory, for those who pass pages on

    write_ipc_stream(batch, sink := BytesIO())
    return PickleBuffer(sink.getbuffer())


def _unpacked(columns: list[tuple[Any, ...]], batches: Sequence[bytes | bytearray], rest: tuple[Any, ...]) -> Prepared:
    from arro3.io import read_ipc_stream

    if columns:
        columns[_ACCOUNT] = tuple(account and Account._make(account) for account in columns[_ACCOUNT])
    drafts = list(map(Draft, *columns)) if columns else []
    posts, bodies, begun = (rows.joined(list(read_ipc_stream(batch))) for batch in batches)
    return Prepared(drafts, posts, bodies, begun, *rest)
