"""What a simulated Weibo holds, and how it is sent. Fields: https://open.weibo.com/wiki/Common_return_data"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any, Final

Json = dict[str, Any]

CHINA: Final = timezone(timedelta(hours=8))
LISTED: Final = 140  # characters of a post that lists show
DELETED: Final = "抱歉，此微博已被作者删除。查看帮助：http://t.cn/sim"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Member:
    id: int
    name: str
    followers: int = 120
    organisation: bool = False


@dataclass
class Status:
    """said: the author's own words, plain. chain: what stands behind them when it passes something on, plain."""

    id: int
    by: Member
    said: str
    at: datetime
    original: Status | None = None
    chain: str = ""
    pictures: int = 0
    likes: int = 0
    edited_at: datetime | None = None
    deleted: bool = False
    hidden: bool = False  # lists leave it out, and count it

    @property
    def text(self) -> str:
        """All of it, plain, as it was sent off."""
        return (self.said or ("转发微博" if self.original else "分享图片")) + self.chain


@dataclass
class Comment:
    id: int
    by: Member
    said: str
    at: datetime
    under: Status
    answers: Comment | None = None
    likes: int = 0
    deleted: bool = False
    hidden: bool = False

    @property
    def text(self) -> str:
        return f"回复@{self.answers.by.name}:{self.said}" if self.answers else self.said


@dataclass
class Blog:
    """All posts and comments, by id."""

    statuses: dict[int, Status] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)

    def status(self, status: Status, *, whole: bool = False) -> Json:
        """As it is sent. `whole`: with all of its text."""
        if status.deleted:
            return _stub(status)
        text = status.text
        is_long = len(text) > LISTED
        rest = f"...全文： http://m.weibo.cn/{status.by.id}/{status.id} \u200b"
        sent = _numbered(status.id) | {
            "created_at": stamp(status.at),
            "text": escape(text[: LISTED - 10] + rest if is_long else text, quote=False),
            "isLongText": is_long,
            "source": '<a href="http://app.weibo.example/t" rel="nofollow">手机客户端</a>',
            "pic_urls": [{"thumbnail_pic": f"https://img.example/{status.id}-{n}.jpg"} for n in range(status.pictures)],
            "geo": None,
            "reposts_count": sum(each.original is status for each in self.statuses.values()),
            "comments_count": sum(each.under is status and not each.deleted for each in self.comments.values()),
            "attitudes_count": status.likes,
            "visible": {"type": 0, "list_id": 0},
            "user": member(status.by),
        }
        if status.edited_at:
            sent |= {"edit_count": 1, "edit_at": stamp(status.edited_at)}
        if whole and is_long:
            sent["longText"] = {"longTextContent": escape(text, quote=False), "content": ""}
        if status.original:
            sent["retweeted_status"] = self.status(status.original)
        return sent

    def comment(self, comment: Comment) -> Json:
        sent = self._bare(comment) | {"status": self.status(comment.under)}
        if comment.answers and not comment.answers.deleted:
            sent["reply_comment"] = self._bare(comment.answers)
        return sent

    def _bare(self, comment: Comment) -> Json:
        return _numbered(comment.id) | {
            "created_at": stamp(comment.at),
            "text": escape(comment.text, quote=False),
            "like_count": comment.likes,
            "user": member(comment.by),
        }


def member(user: Member) -> Json:
    return {
        "id": user.id,
        "idstr": str(user.id),
        "screen_name": user.name,
        "name": user.name,
        "profile_url": f"u/{user.id}",
        "followers_count": user.followers,
        "verified": user.organisation,
        "verified_type": 2 if user.organisation else -1,
    }


def stamp(at: datetime) -> str:
    """`Tue May 31 17:46:55 +0800 2011`, in any language of the machine."""
    local = at.astimezone(CHINA)
    day, month = _DAYS[local.weekday()], _MONTHS[local.month - 1]
    return f"{day} {month} {local.day:02} {local:%H:%M:%S} +0800 {local.year}"


def _numbered(number: int) -> Json:
    return {"id": number, "idstr": str(number), "mid": str(number)}


def _stub(status: Status) -> Json:
    return _numbered(status.id) | {
        "created_at": stamp(status.at),
        "text": DELETED,
        "deleted": "1",
        "state": 5,
        "reposts_count": 0,
        "comments_count": 0,
        "attitudes_count": 0,
        "visible": {"type": 0, "list_id": 0},
    }
