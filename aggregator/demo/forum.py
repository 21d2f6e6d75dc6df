"""A Discourse forum that speaks the real protocol: listings in both dialects, faults, limits and webhooks.

Verbs are what people do (`says`, `edits`, `deletes`); `fail_next` and the limiter are what goes wrong.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from aggregator.demo.forum_faults import Fault, answer_with_fault, throttled
from aggregator.demo.forum_hooks import HookSender
from aggregator.demo.forum_posts import ForumPost, ForumTopic, ForumUser, rendered
from aggregator.demo.forum_writing import Writing
from aggregator.demo.truth import Truth

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Dialect = Literal["current", "legacy"]
PER_PAGE = 50


def _now() -> datetime:
    return datetime.now(UTC)


class _Answer(Response):
    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return orjson.dumps(content)


def _error(status: int, kind: str, sentence: str) -> Response:
    return _Answer({"errors": [sentence], "error_type": kind}, status)


@dataclass
class ForumSimulator:
    """One forum. Change its fields at any time; serve `app` with `aggregator.listener.serve`.

    api_key: the only key that is let in; budget: requests a minute before a 429, None: no limit; limiter: which of
    the two kinds of 429 it answers. login_required: guests are refused. shows_deleted: the key's user is staff, and
    is shown deleted posts. subfolder: `/forum`, if the forum does not stand at the root. cached_for: so long guests are
    shown the same listing.
    """

    api_key: str = "demo-forum-key"
    clock: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    dialect: Dialect = "current"
    next_id: int = 1001
    budget: int | None = None
    limiter: Literal["json", "text"] = "json"
    login_required: bool = False
    shows_deleted: bool = False
    subfolder: str = ""
    cached_for: timedelta = timedelta(0)
    hooks: HookSender = field(default_factory=HookSender)
    requests: list[str] = field(default_factory=list)  # path and query of each, for tests

    def __post_init__(self) -> None:
        self._posts: dict[int, ForumPost] = {}
        self._ids: list[int] = []  # sorted
        self._topics: dict[int, ForumTopic] = {}
        self._users: dict[str, ForumUser] = {"system": ForumUser(-1, "system"), "discobot": ForumUser(-2, "discobot")}
        self._faults: deque[tuple[Fault, int]] = deque()
        self._calls: deque[float] = deque()
        self.writing = Writing(self)
        self._cached: dict[str, tuple[datetime, Response]] = {}  # by query, for guests: since when
        routes = [
            Route("/posts.json", self._listing),
            Route("/posts.json", self._create, methods=["POST"]),
            Route("/private-posts.json", self._listing),
            Route("/posts/{post_id:int}.json", self._one_post),
            Route("/latest.json", self._latest),
            Route("/t/{topic_id:int}.json", self._one_topic),
            Route("/t/{topic_id:int}/posts.json", self._some_of_topic),
            Route("/session/current.json", self._session),
        ]
        self._routed = Starlette(routes=[Mount(self.subfolder, routes=routes)] if self.subfolder else routes)

    @property
    def app(self) -> ASGIApp:
        return self

    # What people do

    def says(
        self,
        author: str,
        text: str,
        *,
        topic: int | None = None,
        title: str = "A question",
        reply_to: int | None = None,
        quoting: int | None = None,
        at: datetime | None = None,
        private: bool = False,
        held: bool = False,
    ) -> int:
        """Write a post, and return its id. `text` is plain. Without `topic` or `reply_to` it opens a topic.

        reply_to, quoting: ids of posts. held: it has its id, but nobody sees it before `approves`.
        """
        parent = self._posts[reply_to] if reply_to is not None else None
        place = parent.topic if parent else self._topics[topic] if topic is not None else self._opens(title, private)
        quoted = self._posts[quoting] if quoting is not None else None
        moment = at or self.clock()
        post = ForumPost(
            id=self.next_id,
            topic=place,
            number=place.next_number(),
            user=self.user(author),
            text=text,
            reply_to=parent.number if parent else None,
            quoted=quoted,
            created_at=moment.replace(microsecond=moment.microsecond // 1000 * 1000),
            held=held,
        )
        if parent:
            parent.replies += 1
        self.next_id += 1
        self._posts[post.id] = post
        self._ids.append(post.id)
        self._tell("post_created", post)
        return post.id

    def edits(self, post_id: int, text: str, *, at: datetime | None = None, in_grace: bool = False) -> None:
        """in_grace: within the first minutes, when an edit does not raise the version."""
        post = self._posts[post_id]
        post.text, post.updated_at = text, at or self.clock()
        post.version += not in_grace
        self._tell("post_edited", post)

    def deletes(self, post_id: int, *, at: datetime | None = None) -> None:
        """Staff removes it: it is listed no more."""
        self._posts[post_id].deleted_at = at or self.clock()
        self._tell("post_destroyed", self._posts[post_id])

    def withdraws(self, post_id: int, *, at: datetime | None = None) -> None:
        """Its author removes it: it stays listed for a day, with a notice instead of its text."""
        post = self._posts[post_id]
        post.withdrawn, post.updated_at = True, at or self.clock()
        self._tell("post_edited", post)

    def recovers(self, post_id: int) -> None:
        post = self._posts[post_id]
        post.deleted_at, post.withdrawn = None, False
        self._tell("post_recovered", post)

    def moves(self, post_id: int, topic: int | None = None, *, at: datetime | None = None) -> int:
        """A moderator moves it to another topic (None: one of its own), and no webhook tells. Returns that topic."""
        post = self._posts[post_id]
        post.topic = self._topics[topic] if topic is not None else self._opens("Another topic", post.topic.private)
        post.number, post.reply_to, post.updated_at = post.topic.next_number(), None, at or self.clock()
        return post.topic.id

    def approves(self, post_id: int) -> None:
        """A held post becomes visible, below newer ids."""
        self._posts[post_id].held = False
        self._tell("post_created", self._posts[post_id])

    def hides(self, post_id: int) -> None:
        """The community flagged it."""
        self._posts[post_id].hidden = True

    def likes(self, post_id: int, times: int = 1) -> None:
        self._posts[post_id].likes += times

    def views(self, post_id: int, times: int = 1) -> None:
        self._posts[post_id].reads += times

    def breaks(self, post_id: int) -> None:
        """From now on the post is sent in a shape that no documentation knows."""
        self._posts[post_id].broken = True

    def writes_elsewhere(self, posts: int) -> None:
        """Ids go to posts that our user cannot see."""
        self.next_id += posts

    def user(self, name: str) -> ForumUser:
        """The account of that name, made at its first use; set `moderator` or `group` on it."""
        return self._users.setdefault(name, ForumUser(len(self._users) + 40, name))

    def post(self, post_id: int) -> ForumPost:
        return self._posts[post_id]

    def find(self, topic: int, number: int | None) -> ForumPost | None:
        """The visible post of this number in a topic; None of it: its first."""
        there = (post for post in self._posts.values() if post.topic.id == topic and not post.deleted_at)
        return next((post for post in there if post.number == (number or 1)), None)

    # What goes wrong

    def fail_next(self, *faults: Fault, wait: int = 5) -> None:
        """One fault for each of the next requests. `wait`: seconds that a 429 asks for."""
        self._faults.extend((fault, wait) for fault in faults)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What a client with our rights could have fetched, by native id.

        A deleted post is listed as deleted: whether a client has ever seen it depends on when it asked. The
        system's own posts, held ones and private messages are not there.
        """
        return {
            f"p{post.id}": Truth(
                native_id=f"p{post.id}",
                text=post.text.strip(),
                author=str(post.user.id),
                thread=f"t{post.topic.id}",
                published_at=post.created_at,
                deleted=post.deleted_at is not None or post.withdrawn,
            )
            for post in self._posts.values()
            if not (post.held or post.hidden or post.topic.private or post.user.id < 0)
        }

    # The protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.requests.append(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        if self._faults:
            fault, wait = self._faults.popleft()
            await answer_with_fault(fault, wait, scope, receive, send)
            return
        respond: ASGIApp = self._over_budget() or self._refusal(request) or self._routed
        await respond(scope, receive, send)

    def _over_budget(self) -> Response | None:
        if self.budget is None:
            return None
        now = self.monotonic()
        while self._calls and self._calls[0] <= now - 60:
            self._calls.popleft()
        # A call while blocked counts too, and so prolongs the block.
        self._calls.append(now)
        if len(self._calls) <= self.budget:
            return None
        return throttled(self.limiter, int(self._calls[-self.budget - 1] + 60 - now) + 1)

    def _refusal(self, request: Request) -> Response | None:
        key = request.headers.get("api-key")
        if key is None and self.login_required:
            if "json" not in request.headers.get("accept", ""):
                return RedirectResponse("/login")
            return _error(403, "not_logged_in", "You need to be logged in to do that.")
        if key is not None and (key != self.api_key or not request.headers.get("api-username")):
            return _error(403, "invalid_access", "You may not see this: the API name or key does not fit.")
        return None

    async def _listing(self, request: Request) -> Response:
        private = request.url.path.endswith("/private-posts.json")
        if private and "api-key" not in request.headers:
            return _error(403, "not_logged_in", "You need to be logged in to do that.")
        if self.cached_for and "api-key" not in request.headers:
            at, shown = self._cached.get(request.url.query, (None, None))
            if at is None or shown is None or self.clock() - at >= self.cached_for:
                at, shown = self._cached[request.url.query] = self.clock(), self._listed(request, private)
            return shown
        return self._listed(request, private)

    def _listed(self, request: Request, private: bool) -> Response:
        before = int(request.query_params.get("before", "0"))
        rows = self._current(before, private) if self.dialect == "current" else self._legacy(before, private)
        return _Answer(
            {"private_posts" if private else "latest_posts": [rendered(post, self.subfolder) for post in rows]}
        )

    def _current(self, before: int, private: bool) -> list[ForumPost]:
        rows: list[ForumPost] = []
        for position in range((bisect_left(self._ids, before) if before > 0 else len(self._ids)) - 1, -1, -1):
            post = self._posts[self._ids[position]]
            if post.is_listed(private=private):
                rows.append(post)
                if len(rows) == PER_PAGE:
                    break
        return rows

    def _legacy(self, before: int, private: bool) -> list[ForumPost]:
        top = before if before > 0 else self.next_id - 1
        ids = self._ids[bisect_right(self._ids, top - PER_PAGE) : bisect_right(self._ids, top)]
        return [self._posts[number] for number in reversed(ids) if self._posts[number].is_listed(private=private)]

    async def _one_post(self, request: Request) -> Response:
        post = self._posts.get(request.path_params["post_id"])
        if post is None or post.held or (post.deleted_at and not self.shows_deleted):
            return _error(404, "not_found", "The page does not exist or is private.")
        return _Answer(rendered(post, self.subfolder))

    async def _latest(self, request: Request) -> Response:
        newest = {post.topic.id: post for post in self._posts.values() if post.is_listed()}
        rows = [self._topics[topic].row(post) for topic, post in newest.items()]
        rows.sort(key=lambda row: (row["pinned"], row["last_posted_at"]), reverse=True)
        per_page = min(100, int(request.query_params.get("per_page", "30")))
        return _Answer({"users": [], "topic_list": {"per_page": per_page, "topics": rows[:per_page]}})

    async def _one_topic(self, request: Request) -> Response:
        number = request.path_params["topic_id"]
        stream = [post.id for post in self._posts.values() if post.topic.id == number and post.is_listed()]
        if not stream:
            return _error(404, "not_found", "The page does not exist or is private.")
        return _Answer({"id": number, "post_stream": {"stream": stream, "posts": []}})

    async def _some_of_topic(self, request: Request) -> Response:
        wanted = {int(number) for number in request.query_params.getlist("post_ids[]")}
        posts = [post for post in self._posts.values() if post.id in wanted and not (post.held or post.deleted_at)]
        return _Answer({"post_stream": {"posts": [rendered(post, self.subfolder) for post in posts]}})

    async def _create(self, request: Request) -> Response | ASGIApp:
        if "api-key" not in request.headers:
            return _error(403, "not_logged_in", "You need to be logged in to do that.")
        if wait := self.writing.waits:
            self.writing.waits = 0
            return throttled(self.limiter, wait)
        status, told = self.writing.create(request.headers["api-username"], await request.body())
        if self.writing.loses:
            lost = self.writing.loses.popleft()
            return partial(answer_with_fault, lost, 0)
        return _Answer(told, status)

    async def _session(self, request: Request) -> Response:
        if "api-key" not in request.headers:
            return _error(404, "not_found", "The page does not exist or is private.")
        return _Answer({"current_user": {"id": 3, "username": request.headers["api-username"]}})

    def _opens(self, title: str, private: bool) -> ForumTopic:
        topic = ForumTopic(len(self._topics) + 501, title, private)
        self._topics[topic.id] = topic
        return topic

    def _tell(self, event: str, post: ForumPost) -> None:
        if not post.held:
            kind = "private_message" if post.topic.private else "regular"
            self.hooks.tell(event, rendered(post, self.subfolder) | {"topic_archetype": kind})
