"""What goes into a transaction of pages, what it has to write, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.ingest.drafts import Draft, Prepared, Tally
    from aggregator.ingest.origin import Origin
    from connectors.contract import Cursor, Gap, Quota

Row = dict[str, Any]
"""A row of `post`, by column."""


@dataclass(frozen=True, slots=True)
class Move:
    """From which fence the source's cursor moves, and to what."""

    fence: int
    cursor: Cursor
    gaps: Sequence[Gap] = ()
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A page of a source. `move`: None when no cursor belongs to it (a webhook, a replay). `seen_at`: when it came."""

    origin: Origin
    page: Prepared
    move: Move | None
    seen_at: datetime


@dataclass(slots=True)
class Outcome:
    """What a page changed."""

    records: int = 0
    new: int = 0
    edited: int = 0
    deleted: int = 0
    rejected: int = 0
    unread: frozenset[Id] = frozenset()  # the rejected ones, by their rejected_id
    hidden: int = 0  # posts that turned out to be pieces of a recovery phrase
    passed_over: int = 0  # new posts that the source's words kept out of the feed
    arrived: list[datetime] = field(default_factory=list)  # when the new ones were posted, without the backfill
    inquiries: set[Id] = field(default_factory=set)
    asked: list[Draft] = field(default_factory=list)  # new posts of customers that may report what others report
    page: Prepared | None = None  # where these stand; None: there are none
    lost: list[UUID] = field(default_factory=list)  # answers of ours that did not arrive, by their outbox_id


@dataclass(slots=True)
class Writes:
    """Stored post rows as they stand after this page, and what has to be written."""

    known: dict[Id, Row] = field(default_factory=dict)
    fresh: dict[Id, Draft] = field(default_factory=dict)
    changed: set[Id] = field(default_factory=set)  # of the known ones
    moved: list[Id] = field(default_factory=list)  # of these, those that stand in another thread now
    asking: dict[Id, Draft] = field(default_factory=dict)  # of these, edits that may begin an inquiry, or join one
    unknown: dict[Id, datetime] = field(default_factory=dict)  # deleted posts that are neither known nor new
    records: list[tuple[Draft, int]] = field(default_factory=list)  # whose records to keep, as which version
    sightings: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[Id, Tally] = field(default_factory=dict)
    touched: set[Id] = field(default_factory=set)  # inquiries to fold again
