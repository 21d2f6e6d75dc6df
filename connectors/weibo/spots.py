"""The places that we ask: three lists, the comments under our own posts, and commercial searches.

Each `ask()` yields page by page; what `cursor()` returns between two of them stands after the last one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.contract import Gap, Record
from connectors.errors import SourceGoneError
from connectors.weibo.api import COMMENTS_OF_POST, OUR_POSTS, Api, Endpoint
from connectors.weibo.plan import Pulse
from connectors.weibo.reading import count_of, id_of, status_of
from connectors.weibo.times import epoch, moment, read_time
from connectors.weibo.walk import DOUBTS, TOO_MANY_TO_VANISH, EmptyAnswerError, Place, Step, Walk

LOOK_ANYWAY = timedelta(hours=12)  # a comment that came as another was deleted does not raise the count
INDEX_LAG = timedelta(minutes=15)  # a search may find a post only a while after it was written

Kind = Literal["status", "comment"]


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking needs. `us`: our account's id."""

    api: Api
    us: str
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """One page of records. new: when those that nobody had seen were written."""

    records: Sequence[Record]
    new: Sequence[datetime | None] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass
class Listed:
    """One of the lists that Weibo keeps for our account."""

    name: str
    endpoint: Endpoint
    kind: Kind
    pulse: Pulse
    place: Place

    @property
    def cost(self) -> float:
        return 1.0

    @property
    def unfinished(self) -> bool:
        return self.place.low is not None

    def cursor(self) -> dict[str, Any]:
        return self.pulse.cursor() | {"place": self.place.cursor()}

    async def ask(self, asking: Asking) -> AsyncGenerator[Found, None]:
        async def rows(since_id: int, max_id: int) -> tuple[list[Record], int | None]:
            return await asking.api.rows(self.endpoint, since_id=since_id, max_id=max_id)

        async for step in Walk(self.place, rows, asking.since).steps():
            yield _found(self.kind, step, asking.us)
        self.pulse.complete_to = asking.now


@dataclass
class OwnPost:
    """One of our posts. counted: how many of its comments we know of; doubted: how often none of more was listed."""

    place: Place = field(default_factory=Place)
    counted: int = 0
    walked_at: datetime | None = None
    doubted: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> OwnPost:
        return cls(Place.of(stored["place"]), stored["counted"], moment(stored["walked_at"]), stored.get("doubted", 0))

    def cursor(self) -> dict[str, Any]:
        stored = {"place": self.place.cursor(), "counted": self.counted, "walked_at": epoch(self.walked_at)}
        return stored | ({"doubted": self.doubted} if self.doubted else {})

    def is_worth_a_call(self, comments: int, now: datetime) -> bool:
        if self.place.low is not None or comments > self.counted:
            return True
        return comments > 0 and (self.walked_at is None or now - self.walked_at >= LOOK_ANYWAY)


@dataclass
class OwnPosts:
    """Our newest posts (Weibo lists five) and all comments under them, also those between others.

    One call tells how many comments each has. Their comments are asked for where there are more than we know.
    """

    name: str
    pulse: Pulse
    place: Place
    posts: dict[str, OwnPost]

    @property
    def cost(self) -> float:
        return 2.0

    @property
    def unfinished(self) -> bool:
        return any(post.place.low is not None for post in self.posts.values())

    def cursor(self) -> dict[str, Any]:
        posts = {key: post.cursor() for key, post in self.posts.items()}
        return self.pulse.cursor() | {"place": self.place.cursor(), "posts": posts}

    def credit(self, found: Found) -> None:
        """Comments that came by another way need not be asked for."""
        for record in found.records:
            comment = record.get("comment", {})
            post = self.posts.get(status_of(comment))
            if post and int(id_of(comment) or 0) > post.place.high:
                post.counted += 1

    async def ask(self, asking: Asking) -> AsyncGenerator[Found, None]:
        comments: dict[str, int] = {}

        async def ours(since_id: int, max_id: int) -> tuple[list[Record], int | None]:
            rows, total = await asking.api.rows(OUR_POSTS, since_id=since_id, max_id=max_id)
            comments.update({id_of(row): count_of(row, "comments_count") for row in rows if id_of(row)})
            return rows, total

        async for step in Walk(self.place, ours, asking.since).steps():
            yield _found("status", step, asking.us)
        self.posts = {key: post for key, post in self.posts.items() if key in comments or post.place.low is not None}
        for key in comments:
            self.posts.setdefault(key, OwnPost())
        unlisted = None
        for key, post in list(self.posts.items()):
            count = comments.get(key, post.counted)
            if not post.is_worth_a_call(count, asking.now):
                continue
            try:
                async for found in self._comments(key, post, asking):
                    yield found
            except EmptyAnswerError as error:
                # We may hide all comments under a post of ours. Else there is a wall, the more so if they become more.
                if post.place.low is not None or (count > post.counted and post.doubted < DOUBTS):
                    post.doubted += 1
                    unlisted = error
                    continue
                if count > post.counted:
                    gap = Gap(
                        post.walked_at or asking.since, asking.now, "comments are counted that Weibo does not list"
                    )
                    yield Found((), gaps=(gap,))
            post.counted, post.walked_at, post.doubted = count, asking.now, 0
        if unlisted is not None:
            raise unlisted
        self.pulse.complete_to = asking.now

    async def _comments(self, key: str, post: OwnPost, asking: Asking) -> AsyncGenerator[Found, None]:
        async def rows(since_id: int, max_id: int) -> tuple[list[Record], int | None]:
            return await asking.api.rows(COMMENTS_OF_POST, id=key, since_id=since_id, max_id=max_id)

        try:
            async for step in Walk(post.place, rows, asking.since).steps():
                yield _found("comment", step, asking.us)
        except SourceGoneError:
            del self.posts[key]
            yield Found([{"gone": {"id": key}}])


@dataclass
class Search:
    """A commercial search for a word. It takes times instead of ids, and its index lags behind.

    complete: until when everything was found; start, end, page: the part of a walk that is still to be read, in epoch
    seconds; begun: when it began; met: by id, when the posts were written that the next pages may bring again; doubted:
    how often not even those came.
    """

    name: str
    word: str
    pulse: Pulse
    begun: datetime | None = None
    start: int = 0
    end: int = 0
    page: int = 1
    met: dict[str, int] = field(default_factory=dict)
    doubted: int = 0

    @classmethod
    def of(cls, name: str, word: str, usual: float, stored: Mapping[str, Any]) -> Search:
        walk = {key: stored[key] for key in ("start", "end", "page", "doubted") if key in stored}
        met = dict(stored.get("met", {}))
        return cls(name, word, Pulse.of(stored, usual), moment(stored.get("begun")), met=met, **walk)

    @property
    def cost(self) -> float:
        return 1.0

    @property
    def unfinished(self) -> bool:
        return self.begun is not None

    def cursor(self) -> dict[str, Any]:
        stored = self.pulse.cursor() | {"met": dict(self.met)}
        if self.begun is None:
            return stored
        stored |= {"begun": epoch(self.begun), "start": self.start, "end": self.end, "page": self.page}
        return stored | {"doubted": self.doubted}

    async def ask(self, asking: Asking) -> AsyncGenerator[Found, None]:
        if self.begun is None:
            self._begin(asking)
        while self.begun is not None:
            yield await self._next(asking)

    def _begin(self, asking: Asking) -> None:
        covered = self.pulse.complete_to
        # In the future: the clock was wrong then, and nobody knows how far we had come.
        is_known = covered is not None and covered <= asking.now
        start = max(covered - INDEX_LAG, asking.since) if covered is not None and is_known else asking.since
        self.begun, self.start, self.end, self.page = asking.now, int(start.timestamp()), _seconds(asking.now), 1

    async def _next(self, asking: Asking) -> Found:
        assert self.begun is not None
        rows, total = await asking.api.found(
            q=self.word, starttime=self.start, endtime=self.end, sort="time", page=self.page
        )
        gaps = () if rows else self._unbelievable()
        new = [row for row in reversed(rows) if id_of(row) not in self.met]
        written = {id_of(row): _seconds(at) for row in rows if (at := read_time(row.get("created_at")))}
        self.met |= written
        # Pages would shift as posts are deleted, so we go down by time; only within one second there is no other way.
        bottom = min(written.values(), default=self.end) + 1
        if not rows or (self.page == 1 and total is not None and total <= len(rows)):
            self.pulse.complete_to, self.begun, self.doubted = self.begun, None, 0
        elif bottom < self.end:
            self.end, self.page = bottom, 1
        else:
            self.page += 1
        recent = _seconds(asking.now - INDEX_LAG)
        self.met = {key: at for key, at in self.met.items() if at >= recent or (self.begun and at <= self.end)}
        step = Step(new=new, gaps=gaps)
        return _found("status", step, asking.us)

    def _unbelievable(self) -> tuple[Gap, ...]:
        """What is missing if an empty first page has to be believed, though posts that we know should be there.

        Raises:
            EmptyAnswerError: it is not believed yet.
        """
        assert self.begun is not None
        known = sum(self.start <= at < self.end for at in self.met.values())
        # The walk stands at a post that must come again. The newest ones of the last walk may have been deleted.
        few = 1 if self.end < _seconds(self.begun) else TOO_MANY_TO_VANISH
        if self.page > 1 or known < few:
            return ()
        if self.doubted < DOUBTS:
            self.doubted += 1
            raise EmptyAnswerError(f"it finds nothing, not even the {known} posts that it has found before")
        start, end = (datetime.fromtimestamp(at, UTC) for at in (self.start, self.end))
        return (Gap(start, end, "the search found nothing"),)


Spot = Listed | OwnPosts | Search


def _found(kind: Kind, step: Step, us: str) -> Found:
    of = "s" if kind == "status" else "c"
    records: list[Record] = [{kind: row, "us": us} for row in (*step.new, *step.edited)]
    records += [{"counts": row, "of": of} for row in step.counted]
    return Found(records, [read_time(row.get("created_at")) for row in step.new], step.gaps)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
