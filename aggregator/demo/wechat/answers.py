"""What the account itself sends by the API: messages to those who wrote to it, and one reply to each comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aggregator.demo.wechat.protocol import ApiError, Json
from aggregator.demo.wechat.sending import Codes, Sending

if TYPE_CHECKING:
    from aggregator.demo.wechat import WeChatSimulator

CODES: Final = Codes(over=45015, too_many=45047)
LONGEST_REPLY: Final = 600  # characters; a guess


class Answers:
    """Of one account. told_in_chats: whether agents' chats list what the API has sent; no documentation says so.
    left: who has unsubscribed, by openid."""

    def __init__(self, account: WeChatSimulator) -> None:
        self._account = account
        self.sending = Sending(account.clock, CODES)
        self.told_in_chats = False
        self.left: set[str] = set()

    def sends(self, body: Json, raw: bytes) -> Json:
        """message/custom/send. Text that came escaped is shown so."""
        openid, text = body["touser"], body["text"]["content"]
        if b"\\u" in raw:
            text = text.encode("ascii", "backslashreplace").decode()
        if openid in self.left:
            raise ApiError(CODES.over, "response out of time limit or subscription is canceled")
        self.sending.send(openid, text)
        if self.told_in_chats:
            self._account.agent_row(openid, text)
        return {"errcode": 0, "errmsg": "ok"}

    def replies(self, body: Json) -> Json:
        """comment/reply/add."""
        article = self._account.articles.get(f"{body['msg_data_id']}/{body['index']}")
        if article is None or article.deleted:
            raise ApiError(88001, "msg_data is not exists")
        found = [each for each in article.comments if each.number == body["user_comment_id"] and not each.deleted]
        if not found:
            raise ApiError(88008, "comment is not exists")
        if found[0].reply is not None:
            raise ApiError(88005, "reply has exists")
        if not 0 < len(body["content"]) <= LONGEST_REPLY:
            raise ApiError(88007, "content size out of limit")
        found[0].reply = (body["content"], self._account.clock())
        return {"errcode": 0, "errmsg": "ok"}
