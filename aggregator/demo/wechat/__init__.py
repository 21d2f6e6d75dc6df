"""A WeChat official account: verbs for what people do, its API over HTTP, and its calls to our server.

Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final, Literal

from starlette.applications import Starlette

from aggregator.demo.truth import Truth
from aggregator.demo.wechat.answers import Answers
from aggregator.demo.wechat.api import Api
from aggregator.demo.wechat.articles import Article, Comment
from aggregator.demo.wechat.callbacks import CallbackSender
from aggregator.demo.wechat.protocol import Fault, Faults, Json, Tokens
from connectors.contract import Push
from connectors.wechat.chats import digest_of

APPID: Final = "wx3f61c0a7be29d854"
GH: Final = "gh_5c0ffee7a1b2"


class WeChatSimulator:
    """One account. Change its fields at any time.

    secret: the AppSecret that is let in. forbidden: errcode by path, of APIs that the account may not call.
    newest_first, replies_as_list: what the documents leave open. lists_nothing: comments, as behind a login wall.
    chats_stand_still: the msgid to go on from never moves. comment_calls: allowed a day. chats_read: as the
    source's `agent_chats`, for truth().
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.appid, self.gh = APPID, GH
        self.secret = token_hex(16)
        self.tokens = Tokens(monotonic)
        self.faults = Faults()
        self.forbidden: dict[str, int] = {}
        self.newest_first = True
        self.replies_as_list = False
        self.lists_nothing = False
        self.chats_stand_still = False
        self.chats_read: Literal["none", "answers", "all"] = "none"
        self.comment_calls = self.comment_calls_left = 5000
        self.articles: dict[str, Article] = {}
        self.rows: list[Json] = []
        self.callbacks = CallbackSender(APPID, clock)
        self.pushed: dict[str, dict[str, str | int]] = {}  # the fields of each message, by native id
        self._between: list[Callable[[], None]] = []
        self._next_message = 24_536_998_765_432_101
        self._next_article = 2_247_483_789
        self.our = Answers(self)
        self.api = Api(self)
        self.app = Starlette(routes=self.api.routes)

    # What people write to the account

    def openid(self, user: str) -> str:
        """The same for the same user; 28 characters, as everywhere."""
        return "o" + hashlib.sha256(f"{self.appid}/{user}".encode()).hexdigest()[:27]

    def says(self, user: str, text: str, at: datetime | None = None) -> str:
        return self.sends(user, "text", at=at, Content=text)

    def sends(self, user: str, kind: str, at: datetime | None = None, **fields: str | int) -> str:
        """A message of any kind, with the fields of that kind."""
        self.our.sending.heard(self.openid(user), at or self.clock())
        message = self._from(user, kind, at) | fields | {"MsgId": self._next_message}
        self._next_message += 1
        native_id = f"message/{message['MsgId']}"
        self.pushed[native_id] = message
        self.callbacks.tell(native_id, message)
        return native_id

    def happens(self, user: str, event: str, **fields: str | int) -> dict[str, str | int]:
        """Somebody follows, leaves, scans or taps; or an article is out. Returns its fields."""
        told = self._from(user, "event", None) | {"Event": event, "EventKey": ""} | fields
        self.callbacks.tell("", told)
        return told

    def push(self, native_id: str) -> Push:
        """The call that tells of a message."""
        return self.callbacks.push(self.pushed[native_id])

    def _from(self, user: str, kind: str, at: datetime | None) -> dict[str, str | int]:
        return {
            "ToUserName": self.gh,
            "FromUserName": self.openid(user),
            "CreateTime": int((at or self.clock()).timestamp()),
            "MsgType": kind,
        }

    # What happens under articles

    def publishes(
        self,
        title: str,
        *,
        at: datetime | None = None,
        short: bool = False,
        listed: bool = True,
        open_: bool = True,
        beside: str | None = None,
    ) -> str:
        """An article; returns its key, `msg_data_id/index`. `beside`: in the same message as that article."""
        if beside is None:
            number, index = self._next_article, 0
            self._next_article += 1
        else:
            number = self.articles[beside].msg_data_id
            index = sum(article.msg_data_id == number for article in self.articles.values())
        article = Article(number, index, title, at or self.clock(), listed, short, open_)
        self.articles[article.key] = article
        return article.key

    def comments(self, user: str | None, text: str, article: str | None = None, at: datetime | None = None) -> str:
        """A comment; `article` None: under the newest one. `user` None: under an identity that is not WeChat's."""
        place = self.articles[article or list(self.articles)[-1]]
        number = len(place.comments) + 1
        place.comments.append(Comment(number, user and self.openid(user), text, at or self.clock()))
        return f"comment/{place.key}/{number}"

    def answers(self, comment: str, text: str, at: datetime | None = None) -> None:
        """We reply to a comment; a second reply takes the place of the first."""
        self._comment(comment).reply = (text, at or self.clock())

    def withdraws_answer(self, comment: str) -> None:
        self._comment(comment).reply = None

    def deletes(self, comment: str) -> None:
        self._comment(comment).deleted = True

    def breaks(self, comment: str) -> None:
        """From now on it is sent in a shape that no documentation knows."""
        self._comment(comment).broken = True

    def between_pages(self, *happenings: Callable[[], None]) -> None:
        """One happening after each of the next pages of comments."""
        self._between.extend(happenings)

    def after_page(self) -> None:
        if self._between:
            self._between.pop(0)()

    def _comment(self, native_id: str) -> Comment:
        _, number, index, comment = native_id.split("/")
        return self.articles[f"{number}/{index}"].comment(int(comment))

    # What agents and customers write to each other

    def chats(self, user: str, text: str, at: datetime | None = None) -> None:
        self.our.sending.heard(self.openid(user), at or self.clock())
        self._row(user, 2003, text, at)

    def agent_says(self, user: str, text: str, at: datetime | None = None) -> None:
        self._row(user, 2002, text, at)

    def agent_row(self, openid: str, text: str) -> None:
        self._add_row(openid, 2002, text, None)

    def _row(self, user: str, code: int, text: str, at: datetime | None) -> None:
        self._add_row(self.openid(user), code, text, at)

    def _add_row(self, openid: str, code: int, text: str, at: datetime | None) -> None:
        seconds = int((at or self.clock()).timestamp())
        row: Json = {"openid": openid, "opercode": code, "text": text, "time": seconds}
        self.rows.append(row | {"worker": "kf2001@gh_wallet"})
        self.rows.sort(key=lambda each: each["time"] if isinstance(each["time"], int) else 0)

    # What goes wrong

    def fails_next(self, *faults: Fault | int, path: str = "", wait: int = 5) -> None:
        """The next requests (whose path ends so) fail; a number is an errcode, `wait` the seconds of a 429."""
        self.faults.add(*faults, path=path, wait=wait)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """Every message, those that were given up included, every comment and reply, and the chats that are read."""
        return {
            post.native_id: post
            for posts in (self._true_messages(), self._true_comments(), self._true_rows())
            for post in posts
        }

    def _true_messages(self) -> list[Truth]:
        return [
            Truth(
                native_id,
                str(fields.get("Content", "")),
                str(fields["FromUserName"]),
                f"chat/{fields['FromUserName']}",
                _at(fields["CreateTime"]),
                deleted=False,
            )
            for native_id, fields in self.pushed.items()
        ]

    def _true_comments(self) -> list[Truth]:
        found = []
        for article in self.articles.values():
            thread = f"article/{article.key}"
            for each in article.comments:
                native_id = f"comment/{article.key}/{each.number}"
                at = _at(each.at.timestamp())
                found.append(Truth(native_id, each.text, each.openid or "", thread, at, each.deleted))
                if each.reply:
                    text, when = each.reply
                    reply = f"{native_id}/reply/{int(when.timestamp())}"
                    found.append(Truth(reply, text, "account", thread, _at(when.timestamp()), each.deleted))
        return found

    def _true_rows(self) -> list[Truth]:
        found, same = [], Counter[str]()
        for row in self.rows if self.chats_read != "none" else ():
            parts = "|".join(str(row[name]) for name in ("openid", "time", "opercode", "text"))
            same[parts] += 1
            if row["opercode"] == 2002 or self.chats_read == "all":
                author = row["worker"] if row["opercode"] == 2002 else row["openid"]
                native_id = f"row/{digest_of(parts, same[parts])}"
                found.append(Truth(native_id, row["text"], author, f"chat/{row['openid']}", _at(row["time"]), False))
        return found


def _at(seconds: Any) -> datetime:
    """WeChat tells whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)
