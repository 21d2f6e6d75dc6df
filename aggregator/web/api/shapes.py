"""What the API answers, as models: they are sent, and they make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from aggregator.inquiry import DueClock, Kind, State
from aggregator.outbox.row import State as OutboxState

Band = Literal["P0", "P1", "P2", "P3"]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reason(Shape):
    """One term of a priority. The spans are Unicode characters of the post's text."""

    rule: str
    points: float
    said: str = Field(description="The rule in words, in the language of Accept-Language.")
    post: UUID | None = Field(description="The post whose words say it.")
    start: int | None
    end: int | None
    evidence: str = Field(description="These words; empty in lists, and where the state of the inquiry says it.")


class IncidentTag(Shape):
    id: UUID
    name: str = Field(description="INC-7")
    persons: int


class Inquiry(Shape):
    """One person's open question or complaint in one thread. `reasons` sum to `priority`, strongest first."""

    id: UUID
    code: str = Field(description="What people call it.")
    ver: int = Field(description="Rises with every change; deeds name the one that they saw.")
    url: str = Field(description="Its page.")
    state: State
    owner: str | None
    score: int = Field(ge=0, le=99, description="The number that people see.")
    priority: float = Field(description="The same before rounding; the feed's order.")
    computed: float = Field(description="The priority before a colleague set the band.")
    band: Band
    reasons: tuple[Reason, ...]
    kind: Kind
    tags: tuple[str, ...]
    channel: str
    source: str
    lang: str
    author: str
    title: str | None
    excerpt: str = Field(description="How it begins. Secrets are masked with █.")
    permalink: str | None
    public: bool
    secret: bool = Field(description="A recovery phrase or a key was exposed in it.")
    thanks: bool
    posts: int
    opened_at: datetime
    last_post_at: datetime
    waiting_since: datetime | None
    due_at: datetime | None
    due_clock: DueClock | None
    answered_at: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    incident: IncidentTag | None


class InquiryList(Shape):
    """A page of the feed. `cursor`: of the next one; null: that was all."""

    as_of: datetime = Field(description="The moment of the order; the same on all pages of a pass.")
    seq: int = Field(description="For /changes: what changed since the pass began is told there.")
    total: int | None = Field(description="Of the whole view; null on all pages but the first.")
    inquiries: tuple[Inquiry, ...]
    cursor: str | None


class Changes(Shape):
    """What changed after a sequence number, as it is now."""

    seq: int = Field(description="Ask with it the next time.")
    more: bool
    inquiries: tuple[Inquiry, ...]
    gone: tuple[UUID, ...] = Field(description="Erased since.")


class Post(Shape):
    id: UUID
    author: str
    handle: str | None
    role: str
    at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    text: str
    lang: str
    ours: bool = Field(description="Of this inquiry, or an answer to it; else a neighbour in the thread.")
    staff: bool
    suspect: bool = Field(description="Poses as one of us.")
    permalink: str | None


class Event(Shape):
    """What somebody did with an inquiry."""

    id: UUID
    at: datetime
    who: str
    what: str
    said: str
    text: str | None = Field(description="Of a note.")
    ver: int | None
    undone: bool


class Value(Shape):
    text: str
    mistyped: bool = Field(description="An address whose checksum does not fit.")


class Given(Shape):
    slot: str
    said: str
    values: tuple[Value, ...]


class Missing(Shape):
    slot: str
    said: str


class Known(Shape):
    """What the customer has told, what is missing, and a text in the customer's language that asks for it."""

    given: tuple[Given, ...]
    missing: tuple[Missing, ...]
    ask: str
    lang: str


class Answer(Shape):
    """An answer that was written here. It can be taken back until `due_at`, while it is `held`."""

    id: UUID
    inquiry: UUID
    who: str
    text: str
    state: OutboxState
    written_at: datetime
    due_at: datetime
    why: str | None
    said: str = Field(description="Why it was not sent, in words; empty: it was, or will be.")
    permalink: str | None


class Window(Shape):
    """Whether it can be answered from here, and how."""

    possible: bool
    why: str | None
    said: str
    until: datetime | None
    left: int | None
    longest: int | None
    unit: str


class InquiryDetail(Shape):
    """Everything that its page shows; posts and events oldest first. Send `seen` along with a reply."""

    inquiry: Inquiry
    posts: tuple[Post, ...]
    events: tuple[Event, ...]
    known: Known
    answers: tuple[Answer, ...] = Field(description="On their way, or not arrived.")
    reply: Window
    seen: str = Field(description="The newest answer here; a reply names it, so that nobody answers twice.")


class Done(Shape):
    """What was done, and the inquiry after it. `event`: to undo it; null: it was so already."""

    inquiry: Inquiry
    event: UUID | None
    said: str


class Refusal(Shape):
    """One of many that was not done: somebody was quicker."""

    id: UUID
    code: str
    owner: str
    said: str


class ManyDone(Shape):
    """`batch`: to undo the lot; null: nothing was done. `same`: how many were so already."""

    done: int
    same: int
    gone: int
    refused: tuple[Refusal, ...]
    batch: UUID | None
    said: str


class Undone(Shape):
    done: int
    refused: tuple[Refusal, ...]
    inquiries: tuple[Inquiry, ...] = Field(description="As they are now; 200 at most.")


class RecentAction(Shape):
    what: str
    at: datetime
    count: int
    inquiry: UUID = Field(description="The first of them.")
    batch: UUID | None
    event: UUID
    undone: bool


class Recent(Shape):
    actions: tuple[RecentAction, ...]


class Finding(Shape):
    """What speaks against sending a text. A `warn` is confirmed by its `key`; the span counts UTF-16 units."""

    name: str
    level: Literal["refuse", "warn"]
    said: str
    key: str | None = None
    start: int | None = None
    end: int | None = None


class Answers(Shape):
    answers: tuple[Answer, ...]
