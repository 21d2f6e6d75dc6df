"""A server of one feed: RSS, Atom, JSON Feed, the App Store's reviews, or RSSHub's Weibo keyword route.

It lists the newest entries and forgets the rest, answers 304 where nothing has changed, and can do what feeds on
the net do wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from starlette.requests import Request
from starlette.responses import Response

from aggregator.demo.feed.rendering import MEDIA_TYPES, FeedEntry, Format, rendered
from aggregator.demo.truth import Truth
from connectors.feed.weibo import WeiboPost, weibo_post
from connectors.weibo.bid import permalink

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Fault = Literal["timeout", "reset", "truncated", "500", "429", "html", "empty"]

PATHS: dict[Format, str] = {
    "rss": "/news/rss.xml",
    "atom": "/news/atom.xml",
    "json": "/news/feed.json",
    "reviews": "/us/rss/customerreviews/id=990001/sortBy=mostRecent/json",
    "weibo": "/weibo/keyword/灯笼钱包",
}
FIRST_MID = 5127468523698745


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class FeedSimulator:
    """One feed, at `path`. Change its fields at any time; serve it with `aggregator.listener.serve`.

    keeps: how many entries it lists; part: how many of them in one answer, the rest at `?part=2`; key: the only value
    of the query parameter `key` that is let in, empty: everybody is. conditional: it knows ETag and Last-Modified.
    new_ids: every answer gives its entries new ids. dated: entries say when they were written. charset: of the
    bytes; declared: what header and document say of it.
    """

    format: Format = "rss"
    clock: Callable[[], datetime] = _now
    site: str = "http://community.example"
    keeps: int = 1000
    part: int = 1000
    key: str = ""
    conditional: bool = True
    new_ids: bool = False
    dated: bool = True
    charset: str = "utf-8"
    declared: str = "utf-8"
    max_age: int | None = None
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entries: dict[int, FeedEntry] = {}
        self._faults: deque[tuple[Fault, int]] = deque()
        self._changed = self.clock()
        self._answers = 0

    @property
    def path(self) -> str:
        return PATHS[self.format]

    # What people do

    def says(
        self,
        author: str,
        text: str,
        *,
        title: str = "",
        at: datetime | None = None,
        rating: int = 1,
        raw: str = "",
        link: str = "",
        guid: str = "",
    ) -> str:
        """An entry appears; its native id.

        raw: the body in HTML instead of one made from `text`. link: where it stands, instead of an address of its own:
        a post that a simulated Weibo holds, too; or a page of several. guid: its id in the feed, instead of its link.
        """
        number = len(self.entries) + 1
        self.entries[number] = FeedEntry(
            number=number,
            author=author,
            title=title,
            text=text,
            at=at or self.clock(),
            link=link or self._link(number, author),
            rating=rating,
            raw=raw,
            guid=guid,
        )
        self._changed = self.clock()
        return self._native_id(self.entries[number])

    def edits(self, native_id: str, text: str, *, at: datetime | None = None) -> None:
        entry = self._entry(native_id)
        entry.text, entry.raw, entry.updated = text, "", at or self.clock()
        self._changed = self.clock()

    def deletes(self, native_id: str) -> None:
        """It is listed no more; nobody is told why."""
        self._entry(native_id).deleted = True
        self._changed = self.clock()

    def breaks(self, native_id: str) -> None:
        """From now on the entry holds nothing."""
        self._entry(native_id).broken = True
        self._changed = self.clock()

    def uid(self, author: str) -> str:
        """The number of an account on Weibo."""
        return str(1_400_000_000 + int(sha256(author.encode()).hexdigest()[:6], 16))

    # What goes wrong

    def fail_next(self, *faults: Fault, wait: int = 5) -> None:
        """One fault for each of the next requests. `wait`: seconds that a 429 asks for."""
        self._faults.extend((fault, wait) for fault in faults)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What has ever been listed, by native id. A feed tells nobody that an entry is gone."""
        known = {self._native_id(entry): entry for entry in self.entries.values() if not entry.broken}
        return {
            native_id: Truth(
                native_id=native_id,
                text=entry.said(self.format),
                author=self._author_id(entry),
                thread=native_id,
                published_at=entry.at.replace(microsecond=0),
                deleted=False,
            )
            for native_id, entry in known.items()
        }

    def unlisted(self) -> frozenset[str]:
        """What was not taken back, and made room for newer entries."""
        listed = {entry.number for entry in self._alive()}
        return frozenset(
            self._native_id(entry)
            for entry in self.entries.values()
            if entry.number not in listed and not entry.deleted and not entry.broken
        )

    # The protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.requests.append(request)
        fault, wait = self._faults.popleft() if self._faults else (None, 0)
        if fault == "timeout":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        response = self._failed(fault, wait) or self._answer(request)
        self.statuses.append(response.status_code)
        if fault == "reset":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9999")]})
            await send({"type": "http.response.body", "body": response.body[:50], "more_body": True})
            return
        if fault == "truncated":
            half = bytes(response.body[: len(response.body) * 2 // 3])
            response = Response(half, media_type=MEDIA_TYPES[self.format])
        await response(scope, receive, send)

    def _failed(self, fault: Fault | None, wait: int) -> Response | None:
        match fault:
            case "500":
                return Response("<html><body>route failed</body></html>", 503, media_type="text/html")
            case "429":
                return Response("Too many requests", 429, {"Retry-After": str(wait)}, media_type="text/plain")
            case "html":
                return Response("<!doctype html><html><body>Sign in</body></html>", media_type="text/html")
        return None

    def _answer(self, request: Request) -> Response:
        if request.url.path != Request({**request.scope, "path": self.path}).url.path:
            return Response("<html>no such route</html>", 404, media_type="text/html")
        if self.key and request.query_params.get("key") != self.key:
            return Response("wrong or no key", 403, media_type="text/plain")
        listed = self._listed(request)
        headers = {"Date": format_datetime(self.clock(), usegmt=True)} | self._validators(listed, request)
        if self.max_age is not None:
            headers["Cache-Control"] = f"public, max-age={self.max_age}"
        if self.conditional and request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        self._answers += 1
        number = int(request.query_params.get("part", "1"))
        following = f"{request.base_url}{self.path[1:]}?part={number + 1}" if self._goes_on(number) else None
        text = rendered(
            listed,
            self.format,
            site=self.site,
            declared=self.declared,
            dated=self.dated,
            following=following,
            salt=str(self._answers) if self.new_ids else "",
        )
        kind = f"{MEDIA_TYPES[self.format]}; charset={self.declared}"
        return Response(text.encode(self.charset), headers=headers | {"Content-Type": kind})

    def _listed(self, request: Request) -> list[FeedEntry]:
        if self._faults and self._faults[0][0] == "empty":
            self._faults.popleft()
            return []
        number = int(request.query_params.get("part", "1"))
        return self._alive()[(number - 1) * self.part : number * self.part]

    def _alive(self) -> list[FeedEntry]:
        alive = [entry for entry in self.entries.values() if not entry.deleted]
        return sorted(alive, key=lambda entry: (entry.at, entry.number), reverse=True)[: self.keeps]

    def _goes_on(self, number: int) -> bool:
        return len(self._alive()) > number * self.part

    def _validators(self, listed: list[FeedEntry], request: Request) -> dict[str, str]:
        if not self.conditional:
            return {}
        state = sha256(repr((listed, request.url.query)).encode()).hexdigest()[:16]
        return {"ETag": f'W/"{state}"', "Last-Modified": format_datetime(self._changed, usegmt=True)}

    def _entry(self, native_id: str) -> FeedEntry:
        return next(entry for entry in self.entries.values() if self._native_id(entry) == native_id)

    def _link(self, number: int, author: str) -> str:
        if self.format == "weibo":
            return permalink(str(FIRST_MID + number), self.uid(author))
        if self.format == "reviews":
            return "https://apps.example/us/review?id=990001&type=Purple+Software"
        return f"{self.site}/posts/{number}"

    def _native_id(self, entry: FeedEntry) -> str:
        if self.format == "weibo":
            return _on_weibo(entry).native_id
        if self.format == "reviews":
            return f"appstore/{entry.review_id}"
        return entry.link.removeprefix("http://")

    def _author_id(self, entry: FeedEntry) -> str:
        if self.format == "weibo":
            return _on_weibo(entry).uid
        if self.format == "reviews":
            return f"appstore/{self.uid(entry.author)}"
        return f"{self.site.removeprefix('http://')}/{entry.author}"


def _on_weibo(entry: FeedEntry) -> WeiboPost:
    post = weibo_post(entry.link)
    assert post is not None
    return post
