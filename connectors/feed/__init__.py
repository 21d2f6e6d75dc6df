"""RSS, Atom and JSON feeds: RSSHub's routes (Weibo keywords and others), app-store reviews, status pages.

A feed lists its newest entries and forgets the others. Formats: https://www.rssboard.org/rss-specification,
RFC 4287 (Atom), RFC 5005 (paging), https://www.jsonfeed.org/version/1.1/; routes: https://docs.rsshub.app
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import ClassVar, Literal, NoReturn
from urllib.parse import urlencode, urlsplit
from zlib import crc32

from pydantic import Field, HttpUrl, model_validator

from connectors.contract import (
    Author,
    Cursor,
    Duration,
    Finding,
    Gap,
    Pace,
    Page,
    Post,
    PullConnector,
    Record,
    SourceConfig,
)
from connectors.errors import ReplyRefusedError, TransientError
from connectors.feed import reading
from connectors.feed.checking import findings, may_be_old
from connectors.feed.document import Document, parse
from connectors.feed.memory import Listed, Memory, in_parts, listed
from connectors.replying import Asked, Outgoing, Replying, Window
from connectors.secret import Secret
from connectors.session import NOT_MODIFIED, Answer, Pacing, Session
from connectors.wording import worded

PER_PAGE = 50  # entries in one transaction
MOST_PARTS = 10  # of a feed that goes on at another address; the App Store has so many
ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/json;q=0.9, */*;q=0.8"
IMF_DATE = len("Sat, 14 Mar 2026 08:00:00 GMT")
EMPTY = worded("the feed lists nothing: is the address right, and does what stands behind it need a login?")


class Feed(PullConnector, Replying):
    """One feed. Cursor: `connectors/feed/memory.py`."""

    class Config(SourceConfig):
        url: HttpUrl = Field(description="The feed's address: RSS, Atom, JSON Feed, or App Store reviews.")
        holds: reading.Holds = Field(
            default="posts",
            description="posts: people's; weibo: posts of Weibo; reviews; notices: a status page, where nobody asks; "
            "ours: what we publish.",
        )
        key: Secret | None = Field(default=None, description="What the feed's server asks for, if it does.")
        key_parameter: str = Field(default="key", min_length=1, description="The query parameter that takes the key.")
        user: str = Field(default="", description="With a name the key is this user's password (HTTP Basic) instead.")
        timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")
        poll_every: Duration = Field(
            default=timedelta(minutes=5), gt=timedelta(0), description="Time between two polls."
        )

        @model_validator(mode="after")
        def _keeps_its_secret_elsewhere(self) -> Feed.Config:
            if self.url.username or self.url.password:
                raise ValueError("url: a login may not stand in it; write user, and key for the password")
            if self.key_parameter in dict(self.url.query_params()):
                raise ValueError(f"url: {self.key_parameter} may not stand in it; write key")
            return self

    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"deletions", "history"})

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self.config: Feed.Config = config
        self._url = str(config.url)
        parts = urlsplit(self._url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.hostname or ""
        # The query may change (how many entries, which format) and the posts stay the same.
        self._place = f"{self._host}/{crc32(parts.path.encode()):08x}"
        self._session = Session(
            self._origin,
            credential=str(config.key) if config.key else "",
            pace=Pace(30),
            pacing=pacing,
            headers={"Accept": ACCEPT},
            timeout=config.timeout,
        )
        self._unchanged_at: datetime | None = None

    @property
    def space(self) -> str:
        return "weibo" if self.config.holds == "weibo" else "feed"

    @property
    def channel(self) -> str:
        return {"weibo": "weibo", "reviews": "reviews"}.get(self.config.holds, "feed")

    @property
    def cursor_of(self) -> str:
        return f"feed/{self._place}"

    async def close(self) -> None:
        await self._session.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """What the feed lists and we do not know, or know otherwise, oldest first.

        Its tag is committed with the last of these, so that after a crash the whole feed is read again.
        """
        memory = Memory.of(cursor)
        asked = self.clock()
        answer = await self._get(self._url, memory)
        now = _told_time(answer) or self.clock()
        age = may_be_old(answer)
        if answer.status == NOT_MODIFIED:
            self._unchanged_at, self.complete_to = now - age, asked - age
            return
        document = await self._parsed(answer, self._url)
        self._refuse_sudden_silence(document, memory)
        found = await self._listed(document)
        found += await self._older(document, found, memory)
        gaps = self._gaps(found, memory, now)
        warnings = () if document.entries or self.config.holds == "notices" else (EMPTY,)
        news = memory.news(found)
        memory = memory.with_news([pair for pair in news if self._is_too_old(pair[0])])
        *earlier, last = in_parts([pair for pair in news if not self._is_too_old(pair[0])], PER_PAGE)
        for part in earlier:
            records, memory = memory.records(part), memory.in_part(part, now)
            yield Page(records, memory.cursor(), gaps, warnings)
            gaps = ()
        records, memory = memory.records(last), memory.with_news(last).at_rest(found, **_tags(answer), at=now - age)
        self.complete_to = asked - age
        if records or gaps or warnings or _but_for_time(memory.cursor()) != _but_for_time(cursor or {}):
            yield Page(records, memory.cursor(), gaps, warnings, caught_up=True)
        self._unchanged_at = now - age  # only now is all of it committed

    def post(self, record: Record) -> Post | None:
        return reading.read(record, self.config.holds)

    # Answering: nothing can be written into a feed, whoever publishes it.

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002 -- the contract names it
        return Window("feed")

    async def reply(self, outgoing: Outgoing) -> NoReturn:  # noqa: ARG002 -- the contract names it
        raise ReplyRefusedError("feed")

    async def find_sent(self, outgoing: Outgoing) -> None:  # noqa: ARG002 -- the contract names it
        return None

    def is_own(self, author: Author) -> bool:  # noqa: ARG002 -- the contract names it
        return False

    async def check(self) -> Sequence[Finding]:
        answer = await self._get(self._url, Memory())
        document = await self._parsed(answer, self._url)
        return findings(document, answer, await self._listed(document), self.config.poll_every, self.config.holds)

    def _is_too_old(self, each: Listed) -> bool:
        return each.at is not None and each.at < self.since

    def _gaps(self, found: Sequence[Listed], memory: Memory, now: datetime) -> tuple[Gap, ...]:
        started = self.since + self.config.backfill  # what rolled over between that and the first look is lost, too
        gap = memory.gap(found, max(filter(None, (memory.at, self._unchanged_at)), default=started), now)
        return (gap,) if gap else ()

    def _refuse_sudden_silence(self, document: Document, memory: Memory) -> None:
        if not document.entries and memory.known and self.config.holds != "notices":
            raise TransientError(
                "the feed is empty all at once, as one behind a login wall or an expired cookie is: open its url"
            )

    async def _get(self, url: str, memory: Memory) -> Answer:
        headers = {}
        if memory.etag:
            headers["If-None-Match"] = memory.etag
        if memory.modified:
            headers["If-Modified-Since"] = memory.modified
        parts = urlsplit(url)
        query = parts.query
        if self.config.key and self.config.user:
            login = f"{self.config.user}:{self.config.key.reveal()}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        elif self.config.key:
            told = urlencode({self.config.key_parameter: self.config.key.reveal()})
            query = f"{query}&{told}" if query else told
        path = f"{parts.path}?{query}" if query else parts.path
        return await self._session.get_bytes(path, headers=headers)

    async def _parsed(self, answer: Answer, url: str) -> Document:
        # In a thread: a long feed takes a third of a second.
        return await asyncio.to_thread(parse, answer.body, answer.headers.get("content-type", ""), url)

    async def _listed(self, document: Document) -> list[Listed]:
        return await asyncio.to_thread(listed, document, host=self._host, place=self._place)

    async def _older(self, document: Document, newest: Sequence[Listed], memory: Memory) -> list[Listed]:
        """The feed's further parts, as long as what we know, or the backfill point, has not been reached."""
        older: list[Listed] = []
        asked = {self._url}
        while document.next and document.next not in asked and len(asked) < MOST_PARTS:
            so_far = [*newest, *older]
            reached = memory.knows_any(so_far) if memory.known else any(map(self._is_too_old, so_far))
            if reached or not document.entries or not document.next.startswith(f"{self._origin}/"):
                break
            asked.add(document.next)
            document = await self._parsed(await self._get(document.next, Memory()), document.next)
            older += await self._listed(document)
        return older


def _tags(answer: Answer) -> dict[str, str]:
    return {"etag": answer.headers.get("etag", ""), "modified": answer.headers.get("last-modified", "")}


def _but_for_time(cursor: Cursor) -> Cursor:
    return {name: value for name, value in cursor.items() if name != "at"}


def _told_time(answer: Answer) -> datetime | None:
    """The server's clock, for it dates the entries, too. None: it does not tell."""
    try:
        # A proxy may have put a date of its own before it.
        return parsedate_to_datetime(answer.headers["date"][-IMF_DATE:]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None
