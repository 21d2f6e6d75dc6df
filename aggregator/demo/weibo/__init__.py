"""A Weibo as one account of ours sees it: verbs for what people do, and the open platform over HTTP.

Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette

from aggregator.demo.truth import Truth
from aggregator.demo.weibo.answers import Answers
from aggregator.demo.weibo.blog import Blog, Comment, Json, Member, Status, member, stamp
from aggregator.demo.weibo.open_api import Fault, OpenApi


class WeiboSimulator:
    """Change its fields at any time; serve `app` with `aggregator.listener.serve`.

    token_lasts: from now. per_page: the most rows that any list shows at once. has_search: the account has a
    commercial contract. search_lag: how long a post stays unknown to the search. search_includes_end: nobody
    says whether `endtime` itself belongs to what is found.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), *, name: str = "海港钱包") -> None:
        self.clock = clock
        self.token_is_good = True
        self.expires_at = clock() + timedelta(days=365)
        self.us = Member(7_000_000_001, name, 80_000, organisation=True)
        self.token = f"2.00Simulated-Token-Of_{self.us.id}"
        self.per_page = 200
        self.has_search = False
        self.search_lag = timedelta(0)
        self.search_includes_end = True
        self.malformed: dict[str, list[Json]] = {"/2/statuses/mentions.json": [], "/2/comments/timeline.json": []}
        self.blog = Blog()
        self._members: dict[str, Member] = {}
        self._next_status = 5_127_460_000_000_001
        self._next_comment = 5_127_470_000_000_001
        self.our = Answers(weibo=self)
        self.api = OpenApi(self)
        self.app = Starlette(routes=self.api.routes)

    def member(self, name: str, followers: int = 120) -> Member:
        """The account of that name, made at first mention."""
        return self._members.setdefault(name, Member(1_404_376_560 + len(self._members), name, followers))

    def seconds_left(self) -> float:
        return (self.expires_at - self.clock()).total_seconds()

    # What people do

    def says(self, who: str, text: str, *, pictures: int = 0, at: datetime | None = None) -> str:
        """Post something. It names us where it holds `@` and our name."""
        return self._posts(self.member(who), text, at=at, pictures=pictures)

    def we_post(self, text: str, *, at: datetime | None = None) -> str:
        return self._posts(self.us, text, at=at)

    def passes_on(self, who: str, post: str, text: str = "", *, at: datetime | None = None) -> str:
        """Repost `post`; without words Weibo writes some. What is passed on again takes its chain with it."""
        passed = self.blog.statuses[_number(post)]
        chain = f"//@{passed.by.name}:{passed.text}" if passed.original else ""
        return self._posts(self.member(who), text, at=at, original=passed.original or passed, chain=chain)

    def comments(self, who: str, text: str, *, on: str, reply_to: str | None = None, at: datetime | None = None) -> str:
        """Comment on a post; `reply_to`: a comment under it."""
        return self._comments(self.member(who), text, on, reply_to, at)

    def we_comment(self, text: str, *, on: str, reply_to: str | None = None, at: datetime | None = None) -> str:
        return self._comments(self.us, text, on, reply_to, at)

    def likes(self, native_id: str, times: int = 1) -> None:
        self._any(native_id).likes += times

    def edits(self, post: str, text: str, *, at: datetime | None = None) -> None:
        status = self.blog.statuses[_number(post)]
        status.said, status.edited_at = text, at or self.clock()

    def deletes(self, native_id: str) -> None:
        """A post leaves a stub in lists, a comment nothing."""
        self._any(native_id).deleted = True

    def hides(self, native_id: str) -> None:
        """Moderation: lists leave it out, so that their pages become shorter. Undone by `shows`."""
        self._any(native_id).hidden = True

    def shows(self, native_id: str) -> None:
        self._any(native_id).hidden = False

    def plants_unreadable(self) -> None:
        """One row, among the mentions and among the comments to us, in a shape that nobody documented."""
        self._next_status += 10_007
        self._next_comment += 10_007
        shape = {"user": member(self.member("无名")), "created_at": stamp(self.clock()), "text": {"card": 31}}
        self.malformed["/2/statuses/mentions.json"].append({"id": self._next_status} | shape)
        self.malformed["/2/comments/timeline.json"].append({"id": self._next_comment} | shape)

    # What goes wrong

    def fails_next(self, *faults: Fault, wait: int = 5) -> None:
        """One fault for each of the next requests. `wait`: seconds that a 429 asks for."""
        self.api.faults.extend((fault, wait) for fault in faults)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What our account could have read, by native id: also posts that came only as part of another."""
        return {truth.native_id: truth for truth in self._truths()}

    def _truths(self) -> Iterator[Truth]:
        statuses: dict[int, Status] = {}
        for status in (*self.mentions(), *self.our_posts()):
            if status.original:
                statuses[status.original.id] = status.original
            if status.said or status.pictures or status.deleted or not status.original:
                statuses[status.id] = status
        comments = {comment.id: comment for comment in (*self.comments_with_us(), *self.comment_mentions())}
        for post in self.our_posts()[-5:]:
            comments |= {comment.id: comment for comment in self.comments_under(post)}
        statuses |= {comment.under.id: comment.under for comment in comments.values()}
        for status in statuses.values():
            key = f"s:{status.id}"
            yield Truth(key, status.said, str(status.by.id), key, status.at, status.deleted)
        for comment in comments.values():
            thread = f"s:{comment.under.id}"
            yield Truth(f"c:{comment.id}", comment.said, str(comment.by.id), thread, comment.at, comment.deleted)

    # What each list holds, oldest first

    def mentions(self) -> list[Status]:
        return [each for each in self.blog.statuses.values() if self._names_us(each.text) and each.by is not self.us]

    def our_posts(self) -> list[Status]:
        return [each for each in self.blog.statuses.values() if each.by is self.us and not each.deleted]

    def comments_with_us(self) -> list[Comment]:
        """What we received (under our posts and in answer to our comments, not what others say to each other there)
        and what we wrote."""
        return [
            each
            for each in self._shown_comments()
            if each.by is self.us or (each.answers.by if each.answers else each.under.by) is self.us
        ]

    def comment_mentions(self) -> list[Comment]:
        return [each for each in self._shown_comments() if self._names_us(each.said)]

    def comments_under(self, status: Status) -> list[Comment]:
        return [each for each in self._shown_comments() if each.under is status]

    def searchable(self, word: str) -> list[Status]:
        indexed = self.clock() - self.search_lag
        return [
            each
            for each in self.blog.statuses.values()
            if word in each.text and not each.deleted and each.at <= indexed
        ]

    def _shown_comments(self) -> Iterator[Comment]:
        return (each for each in self.blog.comments.values() if not each.deleted)

    def _names_us(self, text: str) -> bool:
        return f"@{self.us.name}" in text

    def _posts(
        self,
        by: Member,
        text: str,
        *,
        at: datetime | None,
        original: Status | None = None,
        chain: str = "",
        pictures: int = 0,
    ) -> str:
        self._next_status += 10_007
        moment = (at or self.clock()).replace(microsecond=0)
        status = Status(self._next_status, by, text, moment, original, chain, pictures)
        self.blog.statuses[status.id] = status
        return f"s:{status.id}"

    def _comments(self, by: Member, text: str, on: str, reply_to: str | None, at: datetime | None) -> str:
        self._next_comment += 10_007
        answered = self.blog.comments[_number(reply_to)] if reply_to else None
        moment = (at or self.clock()).replace(microsecond=0)
        comment = Comment(self._next_comment, by, text, moment, self.blog.statuses[_number(on)], answered)
        self.blog.comments[comment.id] = comment
        return f"c:{comment.id}"

    def _any(self, native_id: str) -> Status | Comment:
        held: dict[int, Status] | dict[int, Comment] = self.blog.comments
        if native_id.startswith("s:"):
            held = self.blog.statuses
        return held[_number(native_id)]


def _number(native_id: str) -> int:
    return int(native_id[2:])
