"""What an official account holds: articles and their comments, chats with agents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class Comment:
    """short of `openid` where the commenter uses another identity."""

    number: int
    openid: str | None
    text: str
    at: datetime
    reply: tuple[str, datetime] | None = None
    deleted: bool = False
    broken: bool = False

    def told(self, *, replies_as_list: bool) -> Json:
        row: Json = {
            "user_comment_id": self.number,
            "create_time": "yesterday" if self.broken else int(self.at.timestamp()),
            "content": {"rich": self.text} if self.broken else _escaped(self.text),
            "comment_type": 0,
        }
        if self.openid:
            row["openid"] = self.openid
        if self.reply:
            text, at = self.reply
            reply = {"content": _escaped(text), "create_time": int(at.timestamp())}
            row["reply"] = [reply] if replies_as_list else reply
        elif not replies_as_list:
            row["reply"] = {}
        return row


@dataclass
class Article:
    """index: from 0. listed: it was published, not sent to all. short: its address tells no ids."""

    msg_data_id: int
    index: int
    title: str
    at: datetime
    listed: bool = True
    short: bool = False
    open: bool = True
    deleted: bool = False
    comments: list[Comment] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.msg_data_id}/{self.index}"

    @property
    def url(self) -> str:
        if self.short:
            return f"https://mp.weixin.qq.com/s/sh0rt{self.msg_data_id}x{self.index}"
        mark = f"mid={self.msg_data_id}&idx={self.index + 1}"
        return f"http://mp.weixin.qq.com/s?__biz=MzAwMTIz&{mark}&sn=5e1f&chksm=b2c3#rd"

    def published(self) -> Json:
        news = {
            "title": self.title,
            "url": self.url,
            "need_open_comment": int(self.open),
            "is_deleted": self.deleted,
        }
        at = int(self.at.timestamp())
        return {
            "article_id": f"art-{self.key}",
            "content": {"news_item": [news], "create_time": at, "update_time": at},
            "update_time": at,
        }

    def comment(self, number: int) -> Comment:
        return next(comment for comment in self.comments if comment.number == number)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
