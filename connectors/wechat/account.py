"""What we ask WeChat for on behalf of one official account."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final

from connectors.contract import Pace, Record
from connectors.secret import Secret
from connectors.session import Json, Pacing, Session, Translate
from connectors.wechat_api.access import stable_token
from connectors.wechat_api.errcode import NotPermittedError, failure
from connectors.wechat_api.rows import rows_of

PACE: Final = Pace(300)  # a minute; WeChat allows thousands, but others may call for the same account
COMMENTS: Final = "/cgi-bin/comment/list"
COMMENTS_PER_PAGE: Final = 49  # 50 is refused
ARTICLES_PER_PAGE: Final = 20


class Account:
    """The few endpoints that reading and answering need. Each method raises as `Session.post_json`, and what
    `connectors/wechat_api/errcode.py` makes of an errcode."""

    def __init__(self, api: str, appid: str, secret: Secret, *, pacing: Pacing | None, timeout: float) -> None:
        self.token = stable_token(api, appid, secret)
        self.credential = str(secret)  # how a person finds it
        self._session = Session(
            api,
            auth=self.token,
            credential=str(secret),
            pace=PACE,
            pacing=pacing,
            timeout=timeout,
            translate=partial(failure, credential=str(secret)),
        )

    async def aclose(self) -> None:
        await self._session.aclose()

    async def published(self, offset: int) -> tuple[list[Record], int]:
        """A page of what the account has published, and how much there is in all."""
        body = {"offset": offset, "count": ARTICLES_PER_PAGE, "no_content": 1}
        answer = await self._session.post_json("/cgi-bin/freepublish/batchget", body)
        return rows_of(answer, "item"), _count(answer, "total_count")

    async def read_on(self, day: str) -> list[Record]:
        """Statistics of the articles sent on a day (`2026-03-14`, yesterday at the latest). Their msgid is
        msg_data_id and position, from 1."""
        answer = await self._session.post_json("/datacube/getarticletotal", {"begin_date": day, "end_date": day})
        return rows_of(answer, "list")

    async def comments(self, msg_data_id: int, index: int, begin: int) -> tuple[list[Record], int]:
        """A page of an article's comments in whatever order, and how many there are in all."""
        body = {"msg_data_id": msg_data_id, "index": index, "begin": begin, "count": COMMENTS_PER_PAGE, "type": 0}
        answer = await self._session.post_json(COMMENTS, body)
        return rows_of(answer, "comment"), _count(answer, "total")

    async def comment_calls(self) -> tuple[int, int]:
        """How many calls for comments are left today, and of how many; (0, 0): not counted."""
        answer = await self._session.post_json("/cgi-bin/openapi/quota/get", {"cgi_path": COMMENTS})
        quota = answer.get("quota")
        return (_count(quota, "remain"), _count(quota, "daily_limit")) if isinstance(quota, dict) else (0, 0)

    async def chats(self, start: int, end: int, after: int, number: int) -> tuple[list[Record], int, int]:
        """Rows of the chats with agents between two moments (Unix seconds, at most a day), their number, and the
        msgid to go on from; the first is 1."""
        body = {"starttime": start, "endtime": end, "msgid": after, "number": number}
        answer = await self._session.post_json("/customservice/msgrecord/getmsglist", body)
        return rows_of(answer, "recordlist"), _count(answer, "number"), _count(answer, "msgid")

    async def logged_in(self) -> None:
        """Have a token at hand, so that what is written next needs no other call before it."""
        if not self.token.is_good:
            with suppress(NotPermittedError):  # it tells no number, but the token is there
                await self.comment_calls()

    async def tell(self, openid: str, text: str, translate: Translate) -> None:
        """A text to somebody who wrote to the account; Chinese goes as it is, for `\\u` sequences would be shown."""
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        await self._session.post_json("/cgi-bin/message/custom/send", body, translate=translate)

    async def answer(self, msg_data_id: int, index: int, comment: int, text: str, translate: Translate) -> None:
        """Our one reply to a comment."""
        place = {"msg_data_id": msg_data_id, "index": index, "user_comment_id": comment}
        await self._session.post_json("/cgi-bin/comment/reply/add", place | {"content": text}, translate=translate)


def _count(answer: Json, name: str) -> int:
    value = answer.get(name, 0)
    return value if isinstance(value, int) else 0
