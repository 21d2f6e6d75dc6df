"""What the API is asked, as models: they validate, and they make the OpenAPI document.

Names are those of the pages' forms (aggregator/acting), so that one function reads both.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from aggregator.acting.flags import Verdict
from aggregator.acting.wishes import LONGEST_TAG, LONGEST_WORDS, MOST_TAGS
from aggregator.inquiry import Kind
from aggregator.store.filters import Sort
from aggregator.store.matching import MOST

PAGE, MOST_ROWS = 50, 200
LONGEST_VALUE = 300
LONGEST_ANSWER = 50_000
LONGEST_KEY = 200


def _whole(value: object) -> object:
    """To JSON 3.0 is a whole number, too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Ver = Annotated[
    int, Field(ge=0, le=2**31 - 1, description="The version of the inquiry that was seen."), BeforeValidator(_whole)
]
Count = Annotated[int, Field(ge=0, le=MOST), BeforeValidator(_whole)]
Words = Annotated[str, Field(min_length=1, max_length=LONGEST_WORDS)]
Named = Annotated[str, StringConstraints(max_length=LONGEST_VALUE, pattern=r"\S")]
Several = Annotated[str, StringConstraints(max_length=LONGEST_VALUE, pattern=r"[^\s,]")]
YesNo = Literal["yes", "no"]


def _some_of(values: str) -> str:
    """One or more of these, with commas between."""
    return f"^({values})(,({values}))*$"


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class View(Ask):
    """The filters of the feed's address; several values have commas between them."""

    state: str | None = Field(
        None,
        max_length=LONGEST_VALUE,
        pattern=_some_of("new|claimed|waiting|answered|snoozed|closed|all"),
        description="Unless asked for, what sleeps or is closed is left out.",
    )
    owner: Several | None = Field(None, description="User names; `me` is the token's owner, `none` nobody.")
    band: str | None = Field(None, max_length=LONGEST_VALUE, pattern=_some_of("P[0-3]"))
    sla: str | None = Field(
        None,
        max_length=LONGEST_VALUE,
        pattern=_some_of("overdue|[0-9]{1,4}[mhd]"),
        description="`overdue`, or due within `30m`, `2h`, `1d`.",
    )
    channel: Several | None = None
    lang: Several | None = Field(None, description="Languages of inquiries: `zh,en`.")
    kind: str | None = Field(None, max_length=LONGEST_VALUE, pattern=_some_of("|".join(get_args(Kind))))
    incident: str | None = Field(
        None,
        max_length=LONGEST_VALUE,
        pattern=_some_of("any|none|(INC-)?[1-9][0-9]{0,7}"),
        description="`any`, `none`, or numbers: `INC-7`.",
    )
    source: Several | None = None
    since: date | None = Field(None, description="Opened on this day of the team's zone, or later.")
    until: date | None = Field(None, description="Opened on this day, or earlier.")
    public: YesNo | None = None
    secret: YesNo | None = None
    thanks: YesNo | None = None
    q: Named | None = Field(None, description="Words, an address or a transaction.")
    sort: Sort | None = None


class Listing(View):
    limit: int = Field(PAGE, ge=1, le=MOST_ROWS)
    cursor: str | None = Field(None, max_length=200, description="`cursor` of the page before; all else unchanged.")


class Subscription(View):
    """A feed for readers. `token`: of those that can send no header; it is read before this is."""

    limit: int = Field(PAGE, ge=1, le=MOST_ROWS)
    token: str | None = None


class After(Ask):
    after: int = Field(ge=0, le=2**53, description="A `seq` of an earlier answer.")
    limit: int = Field(MOST_ROWS, ge=1, le=MOST_ROWS)


class Seen(Ask):
    """A deed that is refused (409) if the inquiry has changed since this version."""

    ver: Ver


class Assign(Seen):
    to: Named = Field(description="A user name, or `me`.")


class Snooze(Seen):
    until: str = Field(
        min_length=1, max_length=40, description="`1h`, `tomorrow`, `monday`, or a time: `2026-03-16T09:00Z`."
    )


class Close(Seen):
    reason: Literal["resolved", "answered_elsewhere", "duplicate", "spam", "no_action"] = "resolved"


Tags = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)], ...], Field(max_length=MOST_TAGS)]


class Label(Seen):
    """What is left out stays as it is."""

    kind: Kind | None = None
    tags: Tags | None = Field(None, description="Instead of all that are there.")
    add: Tags | None = Field(None, description="Besides those that are there.")


class SetBand(Seen):
    band: Literal["P0", "P1", "P2", "P3", "computed"]
    reason: Words | None = Field(None, description="Required, unless it is `computed`.")


class Merge(Seen):
    into: Named = Field(description="`INC-7`, or 7, or its id.")


class Note(Ask):
    text: Words


class FlagIt(Ask):
    target: str = Field(
        min_length=1,
        max_length=2000,
        description="`link:evil.example/claim`, which stands in a post, or `account:<id>`.",
    )
    reason: Words


class Judge(Ask):
    verdict: Verdict


class Item(Ask):
    id: UUID
    ver: Ver


class BulkDetails(Ask):
    """What the deed needs, as for one inquiry."""

    to: Named | None = None
    until: str | None = Field(None, min_length=1, max_length=40)
    reason: Words | None = None
    kind: Kind | None = None
    tags: Tags | None = None
    add: Tags | None = None
    band: Literal["P0", "P1", "P2", "P3", "computed"] | None = None
    into: str | None = Field(None, pattern="^(INC-)?[1-9][0-9]{0,7}$")


class Bulk(Ask):
    """The same deed for many: `items`, or all that a view holds."""

    what: Literal["claim", "assign", "release", "wait", "snooze", "close", "reopen", "label", "band", "merge", "part"]
    details: BulkDetails = BulkDetails()
    items: tuple[Item, ...] | None = Field(None, max_length=MOST)
    query: str | None = Field(None, max_length=2000, description="A view as its address has it: `state=new&band=P3`.")
    as_of: float | None = Field(
        None, ge=0, le=1e11, description="When it was seen, in Unix seconds: what has had news since is left out."
    )
    sure: Count | None = Field(None, description="More than 50 want their number here.")


class Undo(Ask):
    """One event, or a lot. Neither: the last thing that the token's owner did within ten minutes."""

    event: UUID | None = None
    batch: UUID | None = None


class Reply(Ask):
    """`seen`: as the inquiry had it. `confirmed`: keys of warnings that a person has read."""

    text: str = Field(min_length=1, max_length=LONGEST_ANSWER)
    seen: str = Field("", max_length=60)
    ver: Ver | None = None
    confirmed: tuple[Annotated[str, Field(max_length=500)], ...] = Field((), max_length=50)


class IncidentDeed(Ask):
    """Inquiries by id or code: those to remove, add or split off. `into`: with which incident to merge."""

    inquiries: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = Field((), max_length=500)
    into: Named | None = None
