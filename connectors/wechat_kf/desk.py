"""What we ask WeChat customer service for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.contract import Pace, Record
from connectors.secret import Secret
from connectors.session import Json, Pacing, Session, Translate
from connectors.wechat_api.access import corp_token
from connectors.wechat_api.errcode import NotPermittedError, failure
from connectors.wechat_api.rows import rows_of

PACE: Final = Pace(300)  # a minute; WeChat allows thousands, but others may call for the same company
ROWS: Final = 1000  # messages an answer
NAMES: Final = 100  # customers, and accounts, an answer


@dataclass(frozen=True, slots=True)
class Batch:
    """One answer of kf/sync_msg. more: there is more, even where `messages` is empty."""

    messages: list[Record]
    cursor: str
    more: bool


class Desk:
    """The few endpoints that reading and answering need. Each method raises as `Session.post_json`, and what
    `connectors/wechat_api/errcode.py` makes of an errcode."""

    def __init__(self, api: str, corpid: str, secret: Secret, *, pacing: Pacing | None, timeout: float) -> None:
        self.token = corp_token(api, corpid, secret)
        self.credential = str(secret)  # how a person finds it
        self._session = Session(
            api,
            auth=self.token,
            credential=str(secret),
            pace=PACE,
            pacing=pacing,
            timeout=timeout,
            translate=partial(failure, credential=str(secret), daily=False),
        )

    async def aclose(self) -> None:
        await self._session.aclose()

    async def accounts(self) -> dict[str, str]:
        """Names of the customer-service accounts that the secret may see, by open_kfid."""
        found: dict[str, str] = {}
        more = True
        while more:
            body = {"offset": len(found), "limit": NAMES}
            rows = rows_of(await self._session.post_json("/cgi-bin/kf/account/list", body), "account_list")
            before = len(found)
            found |= {str(row["open_kfid"]): str(row.get("name", "")) for row in rows if row.get("open_kfid")}
            more = len(rows) == NAMES and len(found) > before
        return found

    async def synced(self, account: str, cursor: str, token: str) -> Batch:
        """What followed `cursor` in an account; "": from the oldest that is kept. `token`: from a callback, good for
        ten minutes; "": the call is counted strictly. https://developer.work.weixin.qq.com/document/path/94670"""
        body: dict[str, str | int] = {"open_kfid": account, "limit": ROWS, "voice_format": 0}
        body |= {name: value for name, value in (("cursor", cursor), ("token", token)) if value}
        answer = await self._session.post_json("/cgi-bin/kf/sync_msg", body)
        following = answer.get("next_cursor")
        return Batch(
            rows_of(answer, "msg_list"),
            following if isinstance(following, str) else cursor,
            answer.get("has_more") == 1,
        )

    async def nicknames(self, customers: list[str]) -> dict[str, str]:
        """By external_userid. At most 100 are asked for."""
        body = {"external_userid_list": customers[:NAMES]}
        rows = rows_of(await self._session.post_json("/cgi-bin/kf/customer/batchget", body), "customer_list")
        return {str(row.get("external_userid")): str(row.get("nickname", "")) for row in rows}

    async def logged_in(self) -> None:
        """Have a token at hand, so that what is written next needs no other call before it."""
        if not self.token.is_good:
            with suppress(NotPermittedError):  # it tells no accounts, but the token is there
                await self.accounts()

    async def send(self, account: str, customer: str, msgid: str, text: str, translate: Translate) -> Json:
        """A text to a customer. `msgid`: ours, of at most 32 letters and digits; it is told again where sending fails
        afterwards. https://developer.work.weixin.qq.com/document/path/94677"""
        whom = {"touser": customer, "open_kfid": account, "msgid": msgid}
        body = whom | {"msgtype": "text", "text": {"content": text}}
        return await self._session.post_json("/cgi-bin/kf/send_msg", body, translate=translate)

    async def service_state(self, account: str, customer: str) -> tuple[int | None, str]:
        """Who serves a customer: 0 nobody yet, 1 the API, 2 waits for a colleague, 3 a colleague, 4 ended; and the
        colleague's id. https://developer.work.weixin.qq.com/document/path/94669"""
        body = {"open_kfid": account, "external_userid": customer}
        told = await self._session.post_json("/cgi-bin/kf/service_state/get", body)
        state = told.get("service_state")
        return (state if isinstance(state, int) else None), str(told.get("servicer_userid") or "")
