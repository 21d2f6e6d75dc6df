"""QQ's bot platform with one bot: verbs for what people do, access tokens, the gateway, webhook calls.

https://bot.q.qq.com/wiki/develop/api-v2/. Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from secrets import token_hex
from typing import Any, Final

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

from aggregator.demo.forum_faults import Fault
from aggregator.demo.qq_bot.answers import Answers
from aggregator.demo.qq_bot.api import Api
from aggregator.demo.qq_bot.gateway import Gateway
from aggregator.demo.truth import Truth

Json = dict[str, Any]
SHANGHAI: Final = timezone(timedelta(hours=8))


class QQBotSimulator:
    """One bot, in one group that has granted it all messages. `group`: that group's openid.

    unheard: ids of posts that were said before the bot's program had ever asked for anything.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.app_id = "102990001"
        self.secret = token_hex()
        self.clock = clock
        self.faults: deque[tuple[Fault, int]] = deque()
        self.hook_url = ""
        self.pending: list[Json] = []  # events that wait for the webhook
        self.group = self.openid("group", "Harbor")
        self.channel = "5500011"
        self._number = 0
        self._truth: dict[str, Truth] = {}
        self._told: dict[str, Json] = {}  # the payload of each post
        self._positions: dict[str, str] = {}  # of each post in its group
        self.unheard: set[str] = set()
        self.our = Answers(bot=self)
        self.api = Api(self)
        self.gateway = Gateway(self)
        self.app = Starlette(routes=[*self.api.routes, self.gateway.route])

    def openid(self, *of: str) -> str:
        """An id of 32 hexadecimal digits, another one for each bot and, for members, each group."""
        return hashlib.md5("|".join((self.app_id, *of)).encode(), usedforsecurity=False).hexdigest().upper()

    # What people do

    def says(
        self,
        user: str,
        text: str,
        group: str | None = None,
        at: datetime | None = None,
        *,
        name: str | None = None,
        reply_to: str | None = None,
    ) -> str:
        """A member writes in a group, without naming the bot. `name`: as shown; None: as `user`."""
        openid = self.group if group is None else group
        member = self.openid(openid, user)
        shown = user if name is None else name
        author = {"id": member, "member_openid": member, "username": shown, "bot": False, "member_role": "member"}
        own, quoted = f"REFIDX_{self._number + 1}=", self._positions.get(reply_to or "")
        places = [f"msg_idx={own}"] if quoted is None else [f"ref_msg_idx={quoted}", f"msg_idx={own}"]
        where: Json = {"group_id": openid, "group_openid": openid, "message_type": 103 if quoted else 0}
        where["message_scene"] = {"source": "default", "ext": places}
        self._positions[f"group:{self._next_id('GROUP_MESSAGE_CREATE')}"] = own
        return self._tell("GROUP_MESSAGE_CREATE", "group", author, text, where, f"group/{openid}", member, at)

    def asks_bot(self, user: str, text: str, group: str | None = None, at: datetime | None = None) -> str:
        """A member names the bot; QQ takes the name out and leaves the blank."""
        openid = self.group if group is None else group
        member = self.openid(openid, user)
        where = {"group_openid": openid}
        event, thread = "GROUP_AT_MESSAGE_CREATE", f"group/{openid}"
        return self._tell(event, "group", {"member_openid": member}, f" {text}", where, thread, member, at)

    def tells_bot(self, user: str, text: str, at: datetime | None = None) -> str:
        """A user writes to the bot in private."""
        openid = self.openid("user", user)
        author = {"user_openid": openid}
        return self._tell("C2C_MESSAGE_CREATE", "c2c", author, text, {}, f"c2c/{openid}", openid, at)

    def says_in_guild(self, user: str, text: str, at: datetime | None = None) -> str:
        """A member of our guild names the bot in a channel."""
        number = str(int(self.openid("guild", user)[:12], 16))
        author = {"id": number, "username": user, "bot": False}
        where = {"guild_id": "18700001", "channel_id": self.channel, "seq": self._number + 1}
        thread = f"guild/{self.channel}"
        return self._tell("AT_MESSAGE_CREATE", "guild", author, text, where, thread, number, at)

    def writes_to_bot_in_guild(self, user: str, text: str, at: datetime | None = None) -> str:
        """A member of our guild writes to the bot in a direct session."""
        number = str(int(self.openid("guild", user)[:12], 16))
        author, where = {"id": number, "username": user, "bot": False}, {"guild_id": "18700077"}
        return self._tell("DIRECT_MESSAGE_CREATE", "dm", author, text, where, "dm/18700077", number, at)

    def said(self, native_id: str) -> Json | None:
        """A message as it was told."""
        return self._told.get(native_id)

    def recalls(self, native_id: str) -> None:
        """A moderator of the guild takes a message away."""
        message = {"id": native_id.partition(":")[2], "guild_id": "18700001", "channel_id": self.channel}
        self._send("PUBLIC_MESSAGE_DELETE", {"message": message, "op_user": {"id": "1"}})
        held = self._truth[native_id]
        self._truth[native_id] = Truth(
            held.native_id, held.text, held.author, held.thread, held.published_at, deleted=True
        )

    def kicks_bot(self, group: str | None = None) -> None:
        self._send("GROUP_DEL_ROBOT", self._membership(group))

    def takes_bot_back(self, group: str | None = None) -> None:
        self._send("GROUP_ADD_ROBOT", self._membership(group))

    def malformed(self) -> None:
        """An event of a known kind, of a shape that nobody documented."""
        self._send("GROUP_MESSAGE_CREATE", {"id": "odd", "group_openid": self.group, "author": "who", "content": "?"})

    def fail_next(self, *faults: Fault, wait: int = 14) -> None:
        """The next requests fail, one after the other."""
        self.faults.extend((fault, wait) for fault in faults)

    def undeliverable(self) -> frozenset[str]:
        """What nobody confirmed, and no session of the gateway holds."""
        held = {payload["d"].get("id") for payload in self.gateway.told()}
        return frozenset(key for key, payload in self._told.items() if payload["id"] not in held)

    def truth(self) -> dict[str, Truth]:
        """What was said where the bot hears it; whether anybody listened then is another matter."""
        return dict(self._truth)

    # Webhook

    def signed(self, payload: Json, secret: str | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of one call."""
        body = orjson.dumps(payload)
        at = str(int(self.clock().timestamp()))
        signature = _key(secret or self.secret).sign(at.encode() + body).hex()
        told = {"x-signature-ed25519": signature, "x-signature-timestamp": at, "x-signature-method": "Ed25519"}
        return told | {"x-bot-appid": self.app_id, "user-agent": "QQBot-Callback"}, body

    async def validates(self, client: httpx.AsyncClient) -> bool:
        """Try the address, as QQ does when it is set."""
        asked = {"plain_token": self.openid("trial")[:20], "event_ts": str(int(self.clock().timestamp()))}
        headers, body = self.signed({"op": 13, "d": asked})
        answer = await client.post(self.hook_url, headers=headers, content=body)
        expected = _key(self.secret).sign((asked["event_ts"] + asked["plain_token"]).encode()).hex()
        return bool(answer.json() == {"plain_token": asked["plain_token"], "signature": expected})

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Call the webhook with what is pending; what is not taken is tried again the next time."""
        waiting, self.pending = self.pending, []
        for payload in waiting:
            headers, body = self.signed(payload)
            try:
                answer = await client.post(self.hook_url, headers=headers, content=body)
                taken = answer.is_success and answer.json().get("op") == 12
            except httpx.HTTPError:
                taken = False
            if not taken:
                self.pending.append(payload)

    # How an event comes about

    def _tell(
        self,
        event: str,
        kind: str,
        author: Json,
        text: str,
        where: Json,
        thread: str,
        user: str,
        at: datetime | None,
    ) -> str:
        number, self._number = self._next_id(event), self._number + 1
        when = (at or self.clock()).replace(microsecond=0)
        said = {"id": number, "author": author, "content": text, "timestamp": when.astimezone(SHANGHAI).isoformat()}
        native_id = f"{kind}:{number}"
        self._truth[native_id] = Truth(native_id, text.strip(), user, thread, when, deleted=False)
        self._told[native_id] = said
        if not self.api.asked_for_tokens:
            self.unheard.add(native_id)
        self._send(event, said | where)
        return native_id

    def _next_id(self, event: str) -> str:
        return f"ROBOT1.0_{self.openid(event, str(self._number + 1))[:16]}!"

    def _membership(self, group: str | None) -> Json:
        openid = self.group if group is None else group
        who = self.openid(openid, "admin")
        return {"group_openid": openid, "op_member_openid": who, "timestamp": int(self.clock().timestamp())}

    def _send(self, event: str, said: Json) -> None:
        payload = {"op": 0, "id": f"{event}:{self._number}", "t": event, "d": said}
        self.gateway.tell(payload)
        if self.hook_url:
            self.pending.append(payload)


def _key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes((secret * 32).encode()[:32])
