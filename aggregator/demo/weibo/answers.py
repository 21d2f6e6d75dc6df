"""What our account comments by the open platform. https://open.weibo.com/wiki/2/comments/create"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from zlib import crc32

from aggregator.demo.taking import Taking
from connectors.replying import measured

if TYPE_CHECKING:
    from aggregator.demo.weibo import WeiboSimulator
    from aggregator.demo.weibo.blog import Comment

WRITES: Final = ("comments/create", "comments/reply")
LONGEST: Final = 140
LINK: Final = re.compile(r"https?://[!-~]+")
REPEATED_FOR: Final = timedelta(minutes=10)


class ApiError(Exception):
    """An answer that says no."""

    def __init__(self, code: int, status: int = 403, said: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.said = said


@dataclass
class Answers(Taking):
    """`refusals`: error codes. only_followed: who lets nobody comment but those that he follows. forms: of what was
    taken, in order."""

    weibo: WeiboSimulator = field(kw_only=True)
    only_followed: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)

    def takes(self, path: str, form: dict[str, str]) -> Comment:
        """Raises ApiError: it is not taken."""
        text, blog = form.get("comment", ""), self.weibo.blog
        if (told := self.refuses()) is not None:
            raise ApiError(int(told), 400)
        if "rip" not in form:
            raise ApiError(10016, 400, "Miss required parameter (rip) , see doc for more info")
        if not ip_address(form["rip"]).is_global:
            raise ApiError(10017, 400, "Parameter (rip)'s value invalid, see doc for more info")
        if not text:
            raise ApiError(20008, 400)
        if measured(text, "weibo") > LONGEST:
            raise ApiError(20012, 400, "Text too long, please input text less than 140 characters!")
        status = blog.statuses.get(int(form["id"]))
        if status is None or status.deleted:
            raise ApiError(20101, 400)
        answered = blog.comments.get(int(form["cid"])) if path.endswith("reply") else None
        if path.endswith("reply") and (answered is None or answered.deleted or answered.under is not status):
            raise ApiError(20201, 400, "Comment does not exist!")
        if status.by.name in self.only_followed:
            raise ApiError(20206, 400, "only author's attention user can comment")
        text, now = LINK.sub(_shortened, text), self.weibo.clock()
        ours = [each for each in blog.comments.values() if each.by is self.weibo.us]
        if any(each.said == text and now - each.at < REPEATED_FOR for each in ours):
            raise ApiError(20019, 400, "repeat content")
        self.forms.append(form)
        made = self.weibo.we_comment(text, on=f"s:{status.id}", reply_to=f"c:{answered.id}" if answered else None)
        return blog.comments[int(made[2:])]


def _shortened(link: re.Match[str]) -> str:
    """What Weibo shows in the place of any link."""
    return f"http://t.cn/A6{crc32(link[0].encode()):x}"
