"""What a simulated forum holds, and how it is sent. Fields: the Discourse API's post object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

_MENTION = re.compile(r"(?<![\w@./])@(\w+)")


@dataclass
class ForumUser:
    id: int
    username: str
    name: str = ""
    moderator: bool = False
    group: str | None = None


@dataclass
class ForumTopic:
    id: int
    title: str
    private: bool = False
    pinned: bool = False
    category: int = 7
    posts: int = 0

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "-"

    def next_number(self) -> int:
        self.posts += 1
        return self.posts

    def row(self, newest: ForumPost) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "fancy_title": escape(self.title),
            "slug": self.slug,
            "posts_count": self.posts,
            "last_posted_at": stamp(newest.created_at),
            "pinned": self.pinned,
            "category_id": self.category,
        }


@dataclass
class ForumPost:
    id: int
    topic: ForumTopic
    number: int
    user: ForumUser
    text: str
    reply_to: int | None
    quoted: ForumPost | None
    created_at: datetime
    held: bool = False
    hidden: bool = False
    withdrawn: bool = False
    broken: bool = False
    deleted_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 1
    likes: int = 0
    reads: int = 1
    replies: int = 0

    def is_listed(self, *, private: bool = False) -> bool:
        return not (self.held or self.hidden or self.deleted_at) and self.topic.private is private


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rendered(post: ForumPost, subfolder: str) -> dict[str, Any]:
    """The post object as the API sends it."""
    raw = "(post deleted by author)" if post.withdrawn else _raw(post)
    return {
        "id": post.id,
        "name": post.user.name,
        "username": post.user.username,
        "avatar_template": f"/letter/{post.user.id}/{{size}}.png",
        "created_at": stamp(post.created_at),
        "cooked": _cooked(post),
        "post_number": post.number,
        "post_type": 1,
        "posts_count": post.topic.posts,
        "updated_at": stamp(post.updated_at or post.created_at),
        "reply_count": post.replies,
        "reply_to_post_number": post.reply_to,
        "quote_count": int(post.quoted is not None),
        "reads": post.reads,
        "readers_count": max(0, post.reads - 1),
        "score": 0.2 * post.reads,
        "topic_id": {"moved": True} if post.broken else post.topic.id,
        "topic_slug": post.topic.slug,
        "topic_title": post.topic.title,
        "topic_html_title": escape(post.topic.title),
        "category_id": None if post.topic.private else post.topic.category,
        "primary_group_name": post.user.group,
        "version": post.version,
        "raw": raw,
        "actions_summary": [{"id": 2, "count": post.likes}] if post.likes else [],
        "moderator": post.user.moderator,
        "admin": False,
        "staff": post.user.moderator,
        "user_id": post.user.id,
        "hidden": post.hidden,
        "trust_level": 1,
        "deleted_at": stamp(post.deleted_at) if post.deleted_at else None,
        "user_deleted": post.withdrawn,
        "edit_reason": None,
        "wiki": False,
        "post_url": f"{subfolder}/t/{post.topic.slug}/{post.topic.id}/{post.number}",
    }


def _raw(post: ForumPost) -> str:
    if post.quoted is None:
        return post.text
    heading = f'"{post.quoted.user.username}, post:{post.quoted.number}, topic:{post.quoted.topic.id}"'
    return f"[quote={heading}]\n{post.quoted.text}\n[/quote]\n\n{post.text}"


def _cooked(post: ForumPost) -> str:
    if post.withdrawn:
        return "<p>(post deleted by author)</p>"
    said = _MENTION.sub(r'<a class="mention" href="/u/\1">@\1</a>', escape(post.text, quote=False))
    quoted = (
        f'<aside class="quote no-group"><blockquote><p>{escape(post.quoted.text)}</p></blockquote></aside>'
        if post.quoted
        else ""
    )
    return quoted + "<p>" + said.replace("\n", "<br>\n") + "</p>"
