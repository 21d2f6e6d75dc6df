"""What the API answers of what stands around inquiries: flags, incidents, sources."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from aggregator.store.sources import HealthState
from aggregator.web.api.shapes import Shape


class Flag(Shape):
    id: UUID
    kind: str
    target: str
    name: str
    inquiry: UUID | None = Field(description="Where it was seen; null: an account that approached nobody.")
    at: datetime
    who: str
    reason: str
    state: str
    decided_at: datetime | None
    decided_by: str | None


class Flags(Shape):
    flags: tuple[Flag, ...]


class Incident(Shape):
    """What several persons report at the same time. `lately`: persons of the last hour."""

    id: UUID
    name: str = Field(description="INC-7")
    said: str = Field(description="What fails, in the language of Accept-Language.")
    state: str
    fields: dict[str, Any]
    began_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    merged_into: UUID | None
    persons: int
    inquiries: int
    lately: int
    first_at: datetime | None
    last_at: datetime | None
    channels: tuple[str, ...]
    langs: tuple[str, ...]


class Incidents(Shape):
    incidents: tuple[Incident, ...]


class Member(Shape):
    inquiry: UUID
    code: str
    author: str
    channel: str
    lang: str
    state: str
    excerpt: str
    at: datetime
    why: str
    left_at: datetime | None


class IncidentEvent(Shape):
    at: datetime
    who: str
    what: str


class IncidentDetail(Shape):
    incident: Incident
    members: tuple[Member, ...]
    events: tuple[IncidentEvent, ...]


class Gap(Shape):
    start: datetime
    end: datetime
    state: str
    reason: str


class Source(Shape):
    """How a source fares. `complete_to`: until when nothing is missing."""

    name: str
    channel: str
    connector: str
    state: HealthState
    message: str
    warnings: tuple[str, ...]
    last_post_at: datetime | None
    polled_at: datetime | None
    next_at: datetime | None
    complete_to: datetime | None
    posts: int
    last_hour: int
    rejected: int
    passed_over: int
    gaps: tuple[Gap, ...]
    blind_to: tuple[str, ...]


class Sources(Shape):
    sources: tuple[Source, ...]
