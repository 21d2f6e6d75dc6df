"""Answering in a chat: through our own app's backend (docs/chat-intake.md), Chatwoot, or Intercom."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from time import time
from typing import Any, Final, Protocol, cast

import httpx

from connectors.chat.chatwoot import NEWER, Chatwoot
from connectors.chat.intercom import Intercom, records
from connectors.chat.message import LONGEST_TEXT, Message
from connectors.errors import ConnectorError, RecordError, ReplyRefusedError, SourceGoneError, TransientError
from connectors.replying import CANNOT_TELL, WHYS, Asked, CannotTell, Outgoing, Sent, Why, Window, nothing_sent
from connectors.secret import Secret
from connectors.session import Json, Session

CLOCKS_DIFFER: Final = timedelta(minutes=2)
MOST_SAID: Final = 300


class Way(Protocol):
    """How one desk takes answers. `message`: the one that is answered."""

    @property
    def session(self) -> Session: ...

    def window(self, asked: Asked, message: Message) -> Window: ...

    async def send(self, outgoing: Outgoing, message: Message) -> Sent: ...

    async def find(self, outgoing: Outgoing, message: Message) -> Sent | CannotTell | None: ...


# -- our own app -------------------------------------------------------------------------------------


class Signed(httpx.Auth):
    """Our calls to the app bear what its calls to us bear; of a GET the query is signed."""

    requires_request_body = True

    def __init__(self, secret: Secret, now: Callable[[], float] = time) -> None:
        self._secret = secret
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        stamp = str(int(self._now()))
        signed = request.content if request.method == "POST" else request.url.query
        digest = hmac.new(self._secret.reveal().encode(), f"{stamp}.".encode() + signed, hashlib.sha256).hexdigest()
        request.headers["X-Inquiry-Timestamp"] = stamp
        request.headers["X-Inquiry-Signature"] = f"sha256={digest}"
        yield request


@dataclass(frozen=True, slots=True)
class AppWay:
    """The backend takes an id once: sending twice is harmless, and it can be asked for it."""

    session: Session

    def window(self, asked: Asked, message: Message) -> Window:  # noqa: ARG002 -- the contract names it
        return Window(longest=LONGEST_TEXT)

    async def send(self, outgoing: Outgoing, message: Message) -> Sent:
        fields = outgoing.to.record.get("message") or {}
        body = {
            "id": outgoing.key,
            "conversation_id": fields.get("conversation_id"),
            "reply_to": message.id,
            "text": outgoing.text,
            "author": {"name": outgoing.who},
        }
        return _named(await self.session.post_json("", body, gone=True, translate=_app_refusal), outgoing)

    async def find(self, outgoing: Outgoing, message: Message) -> Sent | None:  # noqa: ARG002 -- the contract names it
        try:
            return _named(await self.session.get_json("", gone=True, id=outgoing.key), outgoing)
        except SourceGoneError:
            return None


def _named(answer: Json, outgoing: Outgoing) -> Sent:
    """The backend may call it otherwise."""
    told = answer.get("id") if isinstance(answer, dict) else None
    return Sent(told if isinstance(told, str) and told else outgoing.key)


def _app_refusal(told: Json) -> ConnectorError | None:
    if not isinstance(told, dict) or told.get("status") != "refused":
        return None
    reason = told.get("reason")
    why: Why = cast("Why", reason) if reason in WHYS else "other"
    return ReplyRefusedError(why, str(told.get("error") or "")[:MOST_SAID])


# -- Chatwoot ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatwootWay:
    session: Session
    desk: Chatwoot

    def window(self, asked: Asked, message: Message) -> Window:  # noqa: ARG002 -- the contract names it
        """WhatsApp and its like take answers for a time only; a webhook's record tells."""
        conversation = (asked.record.get("message") or {}).get("conversation") or {}
        return Window("window_over" if conversation.get("can_reply") is False else None)

    async def send(self, outgoing: Outgoing, message: Message) -> Sent:
        body = {"content": outgoing.text, "message_type": "outgoing", "private": False}
        made = await self.session.post_json(self._path(message), body, gone=True, translate=_chatwoot_refusal)
        return self._sent(made, message)

    async def find(self, outgoing: Outgoing, message: Message) -> Sent | CannotTell | None:
        """Among what was said after the message that it answers."""
        answer = await self.session.get_json(self._path(message), after=message.id)
        rows = answer.get("payload") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            return CANNOT_TELL
        for row in rows:
            if self._is_it(row, outgoing):
                return self._sent(row, message)
        return None if len(rows) < NEWER else CANNOT_TELL

    def _is_it(self, row: Json, outgoing: Outgoing) -> bool:
        try:
            said = self.desk.message({"message": row, "sent_at": None})
        except RecordError:
            return False
        return said is not None and said.role != "customer" and _is_answer(said.text, said.at, outgoing)

    def _sent(self, row: Json, message: Message) -> Sent:
        number = row.get("id") if isinstance(row, dict) else None
        return Sent(str(number) if isinstance(number, int) else None, message.permalink)

    def _path(self, message: Message) -> str:
        return f"/api/v1/accounts/{self.desk.account}/conversations/{message.conversation}/messages"


def _chatwoot_refusal(told: Json) -> ConnectorError | None:
    """A validation; everything else goes by its status."""
    if not isinstance(told, dict) or "id" in told:
        return None
    if "not authorized" in str(told.get("error")):
        return ReplyRefusedError("no_right", str(told["error"])[:MOST_SAID])
    said = told.get("message")
    if not isinstance(said, str) or "error" in told:
        return None
    return ReplyRefusedError("too_long" if "too long" in said else "other", said[:MOST_SAID])


# -- Intercom ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IntercomWay:
    """`admin`: in whose name; empty: in that of the token's owner."""

    session: Session
    desk: Intercom
    admin: str

    def window(self, asked: Asked, message: Message) -> Window:  # noqa: ARG002 -- the contract names it
        return Window()

    async def send(self, outgoing: Outgoing, message: Message) -> Sent:
        with nothing_sent():
            admin = self.admin or await self._own_admin()
        body = {"message_type": "comment", "type": "admin", "admin_id": admin, "body": _as_html(outgoing.text)}
        path = f"/conversations/{message.conversation}/reply"
        made = await self.session.post_json(path, body, gone=True, translate=_intercom_refusal)
        return self._newest(made, outgoing, message) or Sent(None, message.permalink)

    async def find(self, outgoing: Outgoing, message: Message) -> Sent | None:
        conversation = await self.session.get_json(f"/conversations/{message.conversation}")
        return self._newest(conversation, outgoing, message)

    async def _own_admin(self) -> str:
        me = await self.session.get_json("/me")
        number = me.get("id") if isinstance(me, dict) else None
        if not isinstance(number, str | int):
            raise TransientError("Intercom does not say whose token this is: set admin_id")
        return str(number)

    def _newest(self, conversation: Json, outgoing: Outgoing, message: Message) -> Sent | None:
        told = list(records(conversation)) if isinstance(conversation, dict) else []
        for record in reversed(told):
            try:
                said = self.desk.message(record)
            except RecordError:
                continue
            if said is not None and said.role == "staff" and _is_answer(said.text, said.at, outgoing):
                return Sent(said.id, message.permalink)
        return None


def _intercom_refusal(told: Json) -> ConnectorError | None:
    errors = told.get("errors") if isinstance(told, dict) and told.get("type") == "error.list" else None
    first: Mapping[str, Any] = errors[0] if isinstance(errors, Sequence) and errors else {}
    code, said = str(first.get("code") or ""), str(first.get("message") or "")[:MOST_SAID]
    if code in ("not_found", "conversation_not_found"):
        return ReplyRefusedError("gone", said)
    if "forbidden" in code or "permission" in code:
        return ReplyRefusedError("no_right", said)
    # What else it may be, its status tells: a server that fails may have sent it.
    return ReplyRefusedError("other", said or code) if code.startswith("parameter") else None


def _as_html(text: str) -> str:
    """The platform reads HTML: what a colleague writes is none."""
    return "<p>" + escape(text, quote=False).replace("\n", "<br>") + "</p>"


def _is_answer(text: str, at: datetime | None, outgoing: Outgoing) -> bool:
    since = outgoing.began_at.astimezone(UTC) - CLOCKS_DIFFER
    return text.split() == outgoing.text.split() and at is not None and at >= since
