"""A Chatwoot server: conversations and messages by REST, and its webhook. https://developers.chatwoot.com"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from time import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.demo.chat.faults import Answers, Faulty
from aggregator.demo.truth import Truth

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Json = dict[str, Any]
KINDS: Final = ("incoming", "outgoing", "activity", "template")
PER_PAGE: Final = 25  # conversations
STATUSES: Final = {"all", "open", "resolved", "pending", "snoozed"}
ASSIGNEES: Final = {"me", "unassigned", "all", "assigned"}
DELETED: Final = "This message was deleted"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Message:
    id: int
    conversation: int
    kind: str
    text: str | None
    at: datetime
    sender: Json | None
    private: bool = False
    attachments: int = 0
    attributes: Json = field(default_factory=dict)
    broken: bool = False


@dataclass
class _Conversation:
    id: int  # the display id, which is unique in the account only
    contact: Json
    inbox: int
    status: str = "open"
    active_at: int = 0


class ChatwootSimulator(Faulty):
    """One account with its inboxes; serve it with `aggregator.listener.serve`.

    hook_url: where its webhook calls, empty: nowhere; signs: False for an older server, that sends no signature.
    pending: calls that wait for `deliver`; older servers do not repeat them. role: of the token's owner.
    """

    def __init__(self, *, clock: Callable[[], datetime] = _now, account: int = 1, token: str | None = None) -> None:
        self.clock = clock
        self.account = account
        self.token = token or token_hex()
        self.hook_url = ""
        self.hook_secret = token_hex()
        self.signs = True
        self.repeats = True
        self.role = "administrator"
        self.answers = Answers()
        self.inboxes = {3: "Website", 4: "Telegram bridge"}
        self.pending: deque[Json] = deque()
        self.requests: list[Request] = []
        self.conversations: dict[int, _Conversation] = {}
        self.untold: set[int] = set()  # conversations listed without the time of their last activity
        self.messages: dict[int, _Message] = {}
        self._contacts: dict[str, Json] = {}
        self._next_id = 101
        api = f"/api/v1/accounts/{account}"
        routes = [
            Route("/api/v1/profile", self._profile),
            Route(f"{api}/inboxes", self._inboxes),
            Route(f"{api}/conversations", self._listing),
            Route(f"{api}/conversations/{{number:int}}/messages", self._messages),
            Route(f"{api}/conversations/{{number:int}}/messages", self._create, methods=["POST"]),
        ]
        super().__init__(Starlette(routes=routes))

    # What people do

    def says(
        self,
        contact: str,
        text: str,
        *,
        conversation: int | None = None,
        at: datetime | None = None,
        attachments: int = 0,
        reply_to: int | None = None,
        inbox: int = 3,
        mail: Json | None = None,
    ) -> int:
        """A visitor writes; the message's id. Without `conversation`, in the visitor's newest or a new one."""
        sender = self.contact(contact)
        place = self._place(conversation, sender, inbox)
        attributes = ({"in_reply_to": reply_to} if reply_to else {}) | ({"email": mail} if mail else {})
        return self._writes(place, "incoming", text or None, sender, at, attachments=attachments, attributes=attributes)

    def replies(self, colleague: str, text: str, *, to: int, at: datetime | None = None, private: bool = False) -> int:
        """A colleague answers, or leaves a private note, in the conversation of the message `to`."""
        sender = {"id": 1 + len(colleague), "name": colleague, "email": f"{colleague}@wallet.example", "type": "user"}
        place = self.conversations[self.messages[to].conversation]
        return self._writes(place, "outgoing", text, sender, at, private=private)

    def bot_says(self, text: str, *, to: int) -> int:
        place = self.conversations[self.messages[to].conversation]
        return self._writes(place, "outgoing", text, {"id": 9, "name": "Greeter", "type": "agent_bot"}, None)

    def resolves(self, conversation: int) -> None:
        """A colleague closes it: the platform writes so into the conversation."""
        place = self.conversations[conversation]
        place.status = "resolved"
        self._writes(place, "activity", "Conversation was marked resolved by Agent", None, None)

    def edits(self, message: int, text: str) -> None:
        self.messages[message].text = text
        self._tell("message_updated", self.messages[message])

    def deletes(self, message: int) -> None:
        said = self.messages[message]
        said.text, said.attributes = DELETED, {"deleted": True}
        self._tell("message_updated", said)

    def breaks(self, message: int) -> None:
        """From now on the message is sent in a shape that no documentation knows."""
        self.messages[message].broken = True

    def contact(self, name: str) -> Json:
        return self._contacts.setdefault(
            name, {"id": 55 + len(self._contacts), "name": name, "email": None, "identifier": None, "type": "contact"}
        )

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What customers and colleagues can read, by native id; without words of bots and of the platform."""
        said = [
            message
            for message in self.messages.values()
            if message.kind in ("incoming", "outgoing") and not message.private and not message.broken
        ]
        return {
            str(message.id): Truth(
                native_id=str(message.id),
                text=(message.text or "").strip(),
                author=_author(message),
                thread=str(message.conversation),
                published_at=message.at.replace(microsecond=0),
                deleted=message.attributes.get("deleted") is True,
            )
            for message in said
        }

    # The protocol

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Call the webhook with each thing that waits, once; an older server forgets what was not taken."""
        waiting, self.pending = self.pending, deque()
        for payload in waiting:
            headers, raw = self.called(payload)
            try:
                taken = (await client.post(self.hook_url, headers=headers, content=raw)).is_success
            except httpx.HTTPError:
                taken = False
            if not taken and self.repeats:
                self.pending.append(payload)

    def called(self, payload: Json) -> tuple[dict[str, str], bytes]:
        """Headers and body of one call of the webhook."""
        raw, stamp = orjson.dumps(payload), str(int(time()))
        digest = hmac.new(self.hook_secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        signature = {
            "X-Chatwoot-Timestamp": stamp,
            "X-Chatwoot-Signature": f"sha256={digest}",
            "X-Chatwoot-Delivery": str(uuid4()),
        }
        return {"Content-Type": "application/json", "Accept": "application/json"} | (
            signature if self.signs else {}
        ), raw

    def payload(self, event: str, message: int) -> Json:
        """What the webhook says of a message: its type in words, its time in ISO 8601."""
        said = self.messages[message]
        place = self.conversations[said.conversation]
        milliseconds = f"{said.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{said.at.microsecond // 1000:03d}Z"
        return {
            "event": event,
            **_common(said),
            "message_type": said.kind if not said.broken else {"odd": said.kind},
            "created_at": milliseconds,
            "account": {"id": self.account, "name": "Wallet"},
            "inbox": {"id": place.inbox, "name": self.inboxes[place.inbox]},
            "conversation": {
                "id": place.id,
                "status": place.status,
                "channel": "Channel::WebWidget",
                "can_reply": True,
                "meta": {"sender": place.contact, "assignee": None},
            },
        }

    async def _profile(self, request: Request) -> Response:
        mine = [{"id": self.account, "name": "Wallet", "role": self.role}]
        return self._refusal(request) or JSONResponse({"id": 1, "name": "Reader", "accounts": mine})

    async def _inboxes(self, request: Request) -> Response:
        rows = [{"id": number, "name": name} for number, name in self.inboxes.items()]
        return self._refusal(request) or JSONResponse({"payload": rows})

    async def _listing(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        query = request.query_params
        status, page = query.get("status", "open"), int(query.get("page", "1"))
        if status not in STATUSES or query.get("assignee_type", "all") not in ASSIGNEES:
            return JSONResponse({"error": "invalid parameter"}, 400)
        rows = [each for each in self.conversations.values() if status in ("all", each.status)]
        rows.sort(key=lambda each: (each.active_at, each.id), reverse=True)
        shown = [self._row(each) for each in rows[(page - 1) * PER_PAGE : page * PER_PAGE]]
        return JSONResponse({"data": {"meta": {"all_count": len(rows)}, "payload": shown}})

    async def _messages(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        number = request.path_params["number"]
        if number not in self.conversations:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        rows = [each for each in self.messages.values() if each.conversation == number]
        after, before = (request.query_params.get(name) for name in ("after", "before"))
        if after and before:
            rows = [each for each in rows if int(after) <= each.id < int(before)][:1000]
        elif after:
            rows = [each for each in rows if each.id > int(after)][:100]
        else:
            rows = [each for each in rows if before is None or each.id < int(before)][-20:]
        return JSONResponse({"meta": {}, "payload": [self._rendered(each) for each in rows]})

    async def _create(self, request: Request) -> Response | ASGIApp:
        if refusal := self._refusal(request):
            return refusal
        place = self.conversations.get(request.path_params["number"])
        if place is None:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        asked: Json = orjson.loads(await request.body())
        if told := self.answers.refuses():
            return JSONResponse({"message": told}, 422)
        if self.answers.breaks():
            return JSONResponse({"error": "oops"}, 500)
        me = {"id": 1, "name": "Reader", "type": "user"}
        made = self._writes(place, asked["message_type"], asked["content"], me, None, private=asked["private"])
        return self.answers.told(self._rendered(self.messages[made]))

    def _refusal(self, request: Request) -> Response | None:
        self.requests.append(request)
        if request.headers.get("api_access_token") != self.token:
            return JSONResponse({"error": "You need to sign in or sign up before continuing."}, 401)
        return None

    def _rendered(self, message: _Message) -> Json:
        """By REST: a type as a number, Unix seconds."""
        kind: object = KINDS.index(message.kind)
        return {
            **_common(message),
            "message_type": {"odd": kind} if message.broken else kind,
            "created_at": int(message.at.timestamp()),
            "conversation_id": message.conversation,
            "inbox_id": self.conversations[message.conversation].inbox,
        }

    def _row(self, place: _Conversation) -> Json:
        last = [each for each in self.messages.values() if each.conversation == place.id and each.kind != "activity"]
        return {
            "id": place.id,
            "inbox_id": place.inbox,
            "status": place.status,
            **({} if place.id in self.untold else {"last_activity_at": place.active_at}),
            "messages": [self._rendered(last[-1])] if last else [],
            "meta": {"sender": place.contact},
        }

    def _place(self, number: int | None, contact: Json, inbox: int) -> _Conversation:
        if number is not None:
            return self.conversations[number]
        mine = [each for each in self.conversations.values() if each.contact == contact and each.inbox == inbox]
        if mine:
            return mine[-1]
        place = _Conversation(12 + len(self.conversations), contact, inbox)
        self.conversations[place.id] = place
        return place

    def _writes(
        self,
        place: _Conversation,
        kind: str,
        text: str | None,
        sender: Json | None,
        at: datetime | None,
        *,
        private: bool = False,
        attachments: int = 0,
        attributes: Json | None = None,
    ) -> int:
        message = _Message(
            id=self._next_id,
            conversation=place.id,
            kind=kind,
            text=text,
            at=at or self.clock(),
            sender=sender,
            private=private,
            attachments=attachments,
            attributes=attributes or {},
        )
        self._next_id += 1
        self.messages[message.id] = message
        place.active_at = max(place.active_at, int(message.at.timestamp()))
        self._tell("message_created", message)
        return message.id

    def _tell(self, event: str, message: _Message) -> None:
        if self.hook_url:
            self.pending.append(self.payload(event, message.id))


def _common(message: _Message) -> Json:
    file = {"id": 7, "file_type": "image", "data_url": "https://chat.example/a.png", "file_size": 20481}
    return {
        "id": message.id,
        "content": message.text,
        "content_type": "text",
        "content_attributes": message.attributes,
        "private": message.private,
        "source_id": None,
        **({"sender": message.sender} if message.sender else {}),
        **({"attachments": [file] * message.attachments} if message.attachments else {}),
    }


def _author(message: _Message) -> str:
    assert message.sender is not None
    kind = {"contact": "contact", "user": "user"}.get(message.sender["type"], "bot")
    return f"{kind}/{message.sender['id']}"
