"""What a connector is. All that the author of a connector must read.

    platform -> Page of records -> Post -> (aggregator) reasons and score -> inquiry -> feed

A connector speaks one platform's protocol. It yields pages of records exactly as the platform sent them, and
reads one record into the common shape. It knows nothing of scoring, storage or the web, does not retry, does
not sleep, and keeps nothing on disk: every page is committed with its cursor before `pages()` is resumed, so
a failed request may simply raise, and the next poll starts at the last cursor.

See `connectors/errors.py` for what to raise, `connectors/session.py` for HTTP, `connectors/replying.py` for answering
where the platform takes answers, and `tests/contract_suite.py` for what every connector must do.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from connectors.replying import Why
    from connectors.session import Pacing

Record = dict[str, Any]
"""One item as the platform sent it, JSON-like. `post()` sees it masked (no secret is left in any string)."""

Cursor = dict[str, Any]
"""Where to resume: a small JSON object that only its connector understands."""

Role = Literal["customer", "staff", "bot"]
"""`staff` only where the platform itself vouches for it (a forum moderator, a group's anonymous admin)."""


Vouched = tuple[Literal["mail", "app"], str]
"""What proves who somebody is on other channels, too. mail: an address that our own mail server, or our backend, has
authenticated; app: the customer's id in our own app, signed by it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a post. `native_id` is unique in the connector's space and survives renaming.

    `vouched`: accounts that show one and the same are one person, on whatever channels: only what was proved, never
    what somebody says of himself.
    """

    native_id: str
    name: str = ""
    handle: str | None = None  # without the @
    followers: int | None = None
    role: Role = "customer"
    vouched: tuple[Vouched, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """One thing that one author said, in the common shape.

    Times are aware, in UTC. `posted_at` None: the platform did not say (it becomes the time we saw it, marked).
    """

    native_id: str  # unique in the connector's space, the same for every delivery and every edit
    text: str  # plain text, what the author wrote: no quotes of others, no markup
    posted_at: datetime | None
    author: Author | None = None  # None: nobody can be named
    thread: str | None = None  # where posts answer each other; None: this post is its own thread
    reply_to: str | None = None  # native_id or alias of the post that this one answers
    alias: str | None = None  # a second name, where the platform's replies and deletions use one (topic/number)
    mentions: tuple[str, ...] = ()  # author native ids or handles that the text names, without the @
    order: int = 0  # the platform's own order among posts of one second
    edited_at: datetime | None = None  # rises with each edit
    title: str | None = None  # a forum topic, a mail's subject
    channel: str | None = None  # only where one source holds several (an import); else the connector's
    lang: str | None = None  # only where the platform knows better than we can tell
    public: bool = True
    permalink: str | None = None
    place: str | None = None  # where there is no permalink: where a person finds it (a group's name)
    can_reply_until: datetime | None = None  # None: no deadline
    likes: int | None = None  # None: not told
    replies: int | None = None
    shares: int | None = None
    views: int | None = None
    attachments: int = 0  # pictures and files; never loaded by themselves
    pictures: int = 0  # how many of them are pictures, as far as the platform says (a text's "[图片]" is enough, too)
    links: tuple[str, ...] = ()  # targets that the text does not show (a hidden link is a phishing signal)
    guessed: tuple[str, ...] = ()  # names of fields that we had to guess ("posted_at", "native_id"), and "text" where
    # it is cut short: it never replaces a stored text that begins so
    recovered: bool = False  # the platform tells that it is back after a deletion


@dataclass(frozen=True, slots=True)
class Deleted:
    """The platform says that a post is gone. The inquiry stays, with the mark."""

    native_id: str  # or its alias
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Reach of a post, apart from its text. None: not told."""

    native_id: str
    likes: int | None = None
    replies: int | None = None
    shares: int | None = None
    views: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A thread goes on under another id (a Telegram group that became a supergroup)."""

    thread: str
    to: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An answer of ours that the platform had taken did not arrive. `detail`: more of it, in the platform's words."""

    native_id: str  # as `Sent` named it, or the key that it was given
    why: Why
    detail: str = ""


Item = Post | Deleted | Counts | Moved | Undelivered


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which we know that posts may be missing, and why (a short English sentence)."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls the platform still allows this source, as far as we know, and when it begins anew.

    A connector whose platform counts keeps its own count in the cursor, so that a restart does not forget it.
    """

    left: int
    limit: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A few records, oldest first where the platform allows it, and the cursor that follows them.

    `gaps`: what we know to be missing. `warnings`: what a person should know, shown on the health page as long
    as the newest page of the source carries it ("privacy mode is on"). `caught_up`: there was nothing newer when
    this page was asked for; a `pages()` that may not end for hours says so by it, so that coverage moves on, and by
    an empty page that is caught up, after which `aggregator poll` listens no longer. A page may be empty, too, to
    commit a cursor, a quota or a gap.
    """

    records: Sequence[Record]
    cursor: Cursor
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[str, ...] = ()
    caught_up: bool = False
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `aggregator check --connect`."""

    level: Literal["ok", "warning", "failed"]
    text: str


@dataclass(frozen=True, slots=True)
class Push:
    """A request that the platform sent to `/hooks/<source>`. Header names are lower case."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """What a push brought, and what to answer once the records are committed.

    `poll`: the call only tells that there is something to fetch; poll this source at once. `heard`: a genuine call,
    taken: see `PushConnector.heard_at`.
    """

    records: Sequence[Record]
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    poll: bool = False
    heard: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _in_seconds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("should be a time such as 90s, 30m, 4h or 2d")
    if isinstance(value, str) and (spelled := re.fullmatch(r"(\d{1,9})\s*([smhd])", value.strip())):
        return int(spelled[1]) * _SECONDS[spelled[2]]
    return value  # pydantic reads it


# Ten years at most: beyond, reckoning with dates overflows.
Duration = Annotated[timedelta, BeforeValidator(_in_seconds), Field(le=timedelta(days=3650))]
"""A length of time in a setting: `90s`, `30m`, `4h`, `2d`, a number of seconds, or ISO 8601 (`PT30S`)."""


class SourceConfig(BaseModel):
    """Settings that every source has. A connector's own `Config` adds its settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    connector: str = Field(description="Which connector speaks to this source, by name or as module:Class.")
    poll_every: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0), description="Time between two polls.")
    poll_between: tuple[Duration, Duration] | None = Field(
        default=None, description="Instead of poll_every: shortest and longest time between two polls, by need."
    )
    polls_per_day: int | None = Field(default=None, gt=0, description="At most so many polls in a day (UTC).")
    include: frozenset[Annotated[str, Field(min_length=1)]] = Field(
        default=frozenset(), description="Only posts that hold one of these words or phrases begin an inquiry."
    )
    exclude: frozenset[Annotated[str, Field(min_length=1)]] = Field(
        default=frozenset(), description="Posts that hold one of these words or phrases begin no inquiry."
    )
    backfill: Duration = Field(
        default=timedelta(days=7), ge=timedelta(0), description="How far back the first poll reads."
    )
    enabled: bool = Field(default=True, description="false: configured, but not polled.")

    @field_validator("poll_between")
    @classmethod
    def _shortest_first(cls, between: tuple[timedelta, timedelta] | None) -> tuple[timedelta, timedelta] | None:
        if between is not None and not timedelta(seconds=1) <= between[0] <= between[1]:
            raise ValueError("should be the shortest time, at least 1s, then the longest, such as [15s, 10m]")
        return between


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Connector(ABC):
    """What pull and push connectors share. One instance serves one source.

    `since` is the backfill point: posts older than it need not be asked for. It is fixed when the source is
    first started, so that a restart in the middle of a backfill goes on with the same bound. `clock` tells the time,
    aware, in UTC; a simulated day has its own.
    """

    Config: ClassVar[type[SourceConfig]] = SourceConfig
    retention: ClassVar[timedelta | None] = None
    """How long the platform keeps what we have not fetched; None: it can always be fetched. A longer outage is
    recorded as a gap."""
    tells_once: bool = False
    """What we have taken is not told again, from whichever cursor: only our database has it. What a backup that is put
    in place lacks of it is recorded as lost."""
    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset()
    """What the platform never tells us; listed on the health page as "cannot be seen here"."""
    paces_itself: ClassVar[bool] = False
    """It plans its calls itself: the quota that its pages tell is only shown, and does not slow its polls down."""
    complete_to: datetime | None = None
    """Where one poll asks only some of a source's places: until when every place has been asked. None: until the
    last poll began."""
    waits: bool = True
    """Whether `pages()` may wait for what is not there yet (a long poll). False while somebody waits for its end, as
    `aggregator poll` does."""

    def __init__(self, source: str, config: Any, *, since: datetime, pacing: Pacing | None = None) -> None:
        self.source = source
        self.config = config
        self.since = since
        self.pacing = pacing
        self.clock: Callable[[], datetime] = _utc_now

    @property
    @abstractmethod
    def space(self) -> str:
        """Where native ids are unique: `telegram`, `discourse/<host>`. The same for two sources that can see
        the same post, so that it is stored once."""

    @property
    def channel(self) -> str:
        """The word that filters and clocks use: `telegram`, `forum`, `weibo`."""
        return self.space.partition("/")[0]

    @property
    def cursor_of(self) -> str:
        """What a cursor is of: where that becomes something else, the source begins anew. The space says it, unless
        several places, or connectors, have the same one."""
        return self.space

    @abstractmethod
    def post(self, record: Record) -> Item | Sequence[Item] | None:
        """Read one record. Pure: no I/O, no clock.

        None: nothing was said (a join, a like without count).

        Raises:
            RecordError: it cannot be read; it is kept with the reason and can be replayed after a fix. Any other
                exception is treated the same way, because platforms change their formats without notice.
        """

    async def check(self) -> Sequence[Finding]:
        """What this credential may read, and what is missing. Raises the errors of a poll."""
        return ()

    async def open(self) -> None:
        """Open connections. Called once, before the first poll."""

    async def close(self) -> None:
        """Close connections."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class PullConnector(Connector):
    """A platform that we ask."""

    @abstractmethod
    def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield what is newer than `cursor`; None: begin at the backfill point (`self.since`).

        Resumed only after the yielded page is committed, so the line after `yield` may tell the platform to
        forget. Ends when there is nothing newer. An open connection is a `pages()` without end.
        """


class PushConnector(Connector):
    """A platform that calls us. May be a PullConnector as well.

    `heard_at`: when the last call that was `heard` had come, by the connector's clock. The service sets it once that
    call's records, and those of every call before it, are committed: what it tells may be vouched for.
    """

    heard_at: datetime | None = None

    @abstractmethod
    def receive(self, push: Push) -> Received:
        """Authenticate and unpack one call.

        Raises:
            PushRefusedError: it is not from the platform.
        """


@dataclass(frozen=True, slots=True)
class Pace:
    """A platform's limit: `calls` in each `per` seconds, shared by all sources that use one credential."""

    calls: int
    per: float = field(default=60.0)
