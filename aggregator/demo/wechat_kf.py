"""WeChat customer service: verbs for what people do, its API over HTTP, and its calls that hold no message.

Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.demo.truth import Truth
from aggregator.demo.wechat.callbacks import CallbackSender
from aggregator.demo.wechat.protocol import ApiError, Fault, Faults, Json, Tokens, body_of, with_faults
from aggregator.demo.wechat_kf_answers import Answers

CORPID: Final = "ww5f0c9ab27e31d846"
KEPT: Final = timedelta(days=3)
TOKEN_LASTS: Final = 600.0  # seconds
UNTOLD_CALLS: Final = 5  # a minute, without the token of a callback


@dataclass
class _Account:
    name: str
    messages: list[Json] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)  # of callbacks, and their ends
    untold: deque[float] = field(default_factory=deque)
    gone: bool = False


class WeChatKfSimulator:
    """One company with one account, `account`, from the start.

    secret: the one that is let in. forbidden: errcode by path. withheld: errcode by account. most_per_answer: fewer
    than are asked for. hiccups: so many of the next answers are empty, though more follows.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.corpid = CORPID
        self.secret = token_hex(16)
        self.tokens = Tokens(monotonic)
        self.faults = Faults()
        self.forbidden: dict[str, int] = {}
        self.withheld: dict[str, int] = {}
        self.most_per_answer = 1000
        self.hiccups = 0
        self.untold_calls = UNTOLD_CALLS
        self.callbacks = CallbackSender(CORPID, clock)
        self.calls: list[tuple[str, Json]] = []
        self.nicknames: dict[str, str] = {}
        self._monotonic = monotonic
        self._accounts: dict[str, _Account] = {}
        self._recalled: set[str] = set()
        self.answers = Answers(self)
        self.account = self.opens_account("灯笼钱包客服")
        paths = ("kf/account/list", "kf/sync_msg", "kf/customer/batchget", "kf/send_msg", "kf/service_state/get")
        routes = [Route(f"/cgi-bin/{path}", self._business, methods=["POST"]) for path in paths]
        self.app = Starlette(routes=[Route("/cgi-bin/gettoken", self._gettoken), *routes])

    # What people do

    def opens_account(self, name: str) -> str:
        """A customer-service account; returns its open_kfid."""
        open_kfid = f"wk{secrets.token_hex(8)}"
        self._accounts[open_kfid] = _Account(name)
        return open_kfid

    def closes_account(self, account: str) -> None:
        self._accounts[account].gone = True

    def is_open(self, account: str) -> bool:
        return account in self._accounts and not self._accounts[account].gone

    def customer(self, user: str) -> str:
        """The external_userid of a user, who calls himself by that name."""
        known = "wm" + hashlib.sha256(f"{self.corpid}/{user}".encode()).hexdigest()[:30]
        self.nicknames.setdefault(known, user)
        return known

    def says(self, user: str, text: str, account: str | None = None, at: datetime | None = None) -> str:
        return self.sends(user, "text", account=account, at=at, content=text)

    def sends(
        self, user: str, kind: str, account: str | None = None, at: datetime | None = None, **content: Any
    ) -> str:
        """A message of any kind, with the fields of that kind."""
        customer = self.customer(user)
        self.answers.sending.heard(customer, at or self.clock())
        return self._put(account, at, customer, origin=3, msgtype=kind, **{kind: content})

    def agent_says(
        self, user: str, text: str, account: str | None = None, at: datetime | None = None, agent: str = "lin"
    ) -> str:
        customer, content = self.customer(user), {"content": text}
        return self._put(account, at, customer, origin=5, msgtype="text", servicer_userid=agent, text=content)

    def recalls(self, native_id: str, *, by_agent: bool = False) -> None:
        """The message is withdrawn."""
        account, message = self._find(native_id)
        self._recalled.add(native_id)
        kind = "servicer_recall_msg" if by_agent else "user_recall_msg"
        self._event(account, message["external_userid"], kind, recall_msgid=native_id)

    def loses(self, msgid: str, user: str, kind: int, account: str | None = None) -> None:
        """A message that the API sent does not arrive. `kind`: why, as WeChat numbers it."""
        self._event(account or self.account, self.customer(user), "msg_send_fail", fail_msgid=msgid, fail_type=kind)

    def enters(self, user: str, account: str | None = None) -> None:
        self._event(account or self.account, self.customer(user), "enter_session", scene="oauth")

    def breaks(self, native_id: str) -> None:
        """From now on it is sent in a shape that no documentation knows."""
        _, message = self._find(native_id)
        message["text"] = {"rich": ["odd"]}

    def _event(self, account: str, customer: str, kind: str, **more: str | int) -> None:
        event = {"event_type": kind, "open_kfid": account, "external_userid": customer, **more}
        message = {"msgid": secrets.token_hex(9), "send_time": self._seconds(None), "origin": 4, "msgtype": "event"}
        self._accounts[account].messages.append(message | {"event": event})
        self._tell(account)

    def _put(self, account: str | None, at: datetime | None, customer: str, **content: Any) -> str:
        place = account or self.account
        message = {"msgid": secrets.token_hex(9), "open_kfid": place, "external_userid": customer}
        self._accounts[place].messages.append(message | {"send_time": self._seconds(at)} | content)
        self._tell(place)
        return message["msgid"]

    def _seconds(self, at: datetime | None) -> int:
        return int((at or self.clock()).timestamp())

    def _find(self, native_id: str) -> tuple[str, Json]:
        return next(
            (name, message)
            for name, account in self._accounts.items()
            for message in account.messages
            if message["msgid"] == native_id
        )

    # The callback

    def _tell(self, account: str) -> None:
        self.callbacks.tell(account, self.event_of(account))

    def event_of(self, account: str | None = None) -> dict[str, str | int]:
        """The fields of a callback: that there is news, and a token to fetch it with."""
        place = account or self.account
        token = f"ENC{secrets.token_urlsafe(16)}"
        self._accounts[place].tokens[token] = self._monotonic() + TOKEN_LASTS
        return {
            "ToUserName": self.corpid,
            "CreateTime": self._seconds(None),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": token,
            "OpenKfId": place,
        }

    # What goes wrong

    def fails_next(self, *faults: Fault | int, path: str = "", wait: int = 5) -> None:
        """The next requests (whose path ends so) fail; a number is an errcode, `wait` the seconds of a 429."""
        self.faults.add(*faults, path=path, wait=wait)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What was said, as long as it is kept. Who sent it last is its author."""
        return {
            message["msgid"]: self._true(name, message)
            for name, account in self._accounts.items()
            for message in account.messages
            if message["msgtype"] != "event"
        }

    def _true(self, account: str, message: Json) -> Truth:
        customer = message["external_userid"]
        return Truth(
            message["msgid"],
            str(message.get("text", {}).get("content", "")),
            customer if message["origin"] == 3 else message["servicer_userid"],
            f"{account}/{customer}",
            datetime.fromtimestamp(message["send_time"], UTC),
            message["msgid"] in self._recalled,
        )

    # The protocol

    async def _gettoken(self, request: Request) -> Response:
        async def answer() -> Json:
            if request.query_params.get("corpid") != self.corpid:
                raise ApiError(40013)
            if request.query_params.get("corpsecret") != self.secret:
                raise ApiError(40001, "invalid credential")
            return {"errcode": 0, "errmsg": "ok", **self.tokens.stable()}

        return await with_faults(self.faults, request, answer)

    async def _business(self, request: Request) -> Response:
        async def answer() -> Json:
            self.tokens.check(request.query_params.get("access_token"))
            body, path = await body_of(request), request.url.path
            self.calls.append((path, body))
            if path in self.forbidden:
                raise ApiError(self.forbidden[path])
            match path.rpartition("/kf/")[2]:
                case "account/list":
                    return self._listed(body)
                case "sync_msg":
                    return self._synced(body)
                case "send_msg":
                    return self.answers.takes(body)
                case "service_state/get":
                    return self.answers.state(body)
            return self._named(body)

        return await with_faults(self.faults, request, answer)

    def _listed(self, body: Json) -> Json:
        open_ = [(name, account) for name, account in self._accounts.items() if not account.gone]
        page = open_[body["offset"] : body["offset"] + body["limit"]]
        rows = [{"open_kfid": name, "name": account.name, "manage_privilege": True} for name, account in page]
        return {"errcode": 0, "errmsg": "ok", "account_list": rows}

    def _named(self, body: Json) -> Json:
        asked = body["external_userid_list"]
        if len(asked) > 100:
            raise ApiError(40058, "too many")
        rows = [{"external_userid": each, "nickname": self.nicknames[each]} for each in asked if each in self.nicknames]
        return {"errcode": 0, "errmsg": "ok", "customer_list": rows}

    def _synced(self, body: Json) -> Json:
        account = self._accounts.get(body["open_kfid"])
        if account is None or account.gone:
            raise ApiError(95000, "invalid open_kfid")
        if body["open_kfid"] in self.withheld:
            raise ApiError(self.withheld[body["open_kfid"]])
        if body["limit"] > 1000:
            raise ApiError(40058, "limit too large")
        self._check_token(account, body.get("token"))
        # An unknown cursor begins at the oldest that is kept.
        oldest = self._seconds(self.clock() - KEPT)
        begin = int(str(body.get("cursor") or "c0")[1:])
        if self.hiccups:
            self.hiccups -= 1
            account.messages.insert(
                begin, {"msgid": "", "send_time": 0, "msgtype": "event"}
            )  # one that is filtered out
            return {"errcode": 0, "errmsg": "ok", "next_cursor": f"c{begin + 1}", "has_more": 1, "msg_list": []}
        end = begin + min(body["limit"], self.most_per_answer)
        rows = [row for row in account.messages[begin:end] if row["send_time"] >= oldest]
        end = min(end, len(account.messages))
        more = int(end < len(account.messages))
        return {"errcode": 0, "errmsg": "ok", "next_cursor": f"c{end}", "has_more": more, "msg_list": rows}

    def _check_token(self, account: _Account, token: str | None) -> None:
        now = self._monotonic()
        if token:
            if account.tokens.get(token, 0.0) <= now:
                raise ApiError(95007, "invalid msg token")
            return
        while account.untold and account.untold[0] <= now - 60:
            account.untold.popleft()
        if len(account.untold) >= self.untold_calls:
            raise ApiError(45009, "api freq out of limit")
        account.untold.append(now)
