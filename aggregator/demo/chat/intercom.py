"""An Intercom workspace: its conversations by REST, and its notifications. https://developers.intercom.com"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape, unescape
from secrets import token_hex
from typing import TYPE_CHECKING, Any

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


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Part:
    id: str
    author: Json
    text: str
    at: int
    kind: str = "comment"
    redacted: bool = False
    updated_at: int = 0
    broken: bool = False


@dataclass
class _Conversation:
    id: str
    source: _Part
    updated_at: int
    parts: list[_Part] = field(default_factory=list)


class IntercomSimulator(Faulty):
    """One workspace; serve it with `aggregator.listener.serve`. per_page: conversations in an answer of the search."""

    def __init__(self, *, clock: Callable[[], datetime] = _now, token: str | None = None) -> None:
        self.clock = clock
        self.token = token or token_hex()
        self.hook_url = ""
        self.client_secret = token_hex()
        self.per_page = 50
        self.answers = Answers()
        self.pending: deque[Json] = deque()
        self.requests: list[tuple[str, Json]] = []
        self.conversations: dict[str, _Conversation] = {}
        self._count = 0
        routes = [
            Route("/me", self._me),
            Route("/conversations/search", self._search, methods=["POST"]),
            Route("/conversations", self._list),
            Route("/conversations/{number}", self._one),
            Route("/conversations/{number}/reply", self._reply, methods=["POST"]),
        ]
        super().__init__(Starlette(routes=routes))

    # What people do

    def says(self, contact: str, text: str, *, conversation: str = "", at: datetime | None = None) -> str:
        """A customer writes, and opens a conversation where none is named; the message's native id."""
        author = {"type": "user", "id": f"64f{contact}", "name": contact, "email": f"{contact}@example.org"}
        return self._writes(author, text, conversation, at)

    def replies(self, colleague: str, text: str, *, conversation: str, at: datetime | None = None) -> str:
        return self._writes({"type": "admin", "id": f"7{len(colleague)}", "name": colleague}, text, conversation, at)

    def bot_says(self, text: str, *, conversation: str) -> str:
        return self._writes({"type": "bot", "id": "99", "name": "Operator"}, text, conversation, None)

    def notes(self, colleague: str, text: str, *, conversation: str) -> str:
        """A colleague writes to colleagues."""
        author = {"type": "admin", "id": f"7{len(colleague)}", "name": colleague}
        return self._writes(author, text, conversation, None, kind="note")

    def redacts(self, native_id: str, *, at: datetime | None = None) -> None:
        place, part = self._found(native_id)
        part.redacted, part.text = True, "This message was deleted"
        place.updated_at = part.updated_at = int((at or self.clock()).timestamp())

    def breaks(self, native_id: str) -> None:
        """From now on the message is sent in a shape that no documentation knows."""
        self._found(native_id)[1].broken = True

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What customers and colleagues have said to one another, by native id."""
        return {
            native_id: Truth(
                native_id=native_id,
                text=part.text.strip(),
                author=_author(part),
                thread=place.id,
                published_at=datetime.fromtimestamp(part.at, UTC),
                deleted=part.redacted,
            )
            for place in self.conversations.values()
            for native_id, part in _all(place)
            if part.kind == "comment" and not part.broken
        }

    # The protocol

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Notify of everything that waits; what is not taken is repeated once, the next time."""
        waiting, self.pending = self.pending, deque()
        for notification in waiting:
            headers, raw = self.called(notification)
            try:
                taken = (await client.post(self.hook_url, headers=headers, content=raw)).is_success
            except httpx.HTTPError:
                taken = False
            if not taken and notification["delivery_attempts"] == 1:
                self.pending.append(notification | {"delivery_attempts": 2})

    def called(self, notification: Json) -> tuple[dict[str, str], bytes]:
        """Headers and body of one notification."""
        raw = orjson.dumps(notification)
        digest = hmac.new(self.client_secret.encode(), raw, hashlib.sha1).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature": f"sha1={digest}"}, raw

    def notification(self, native_id: str, topic: str = "conversation.user.replied") -> Json:
        """What is told when that message was written: its conversation, and of the parts only that one."""
        place, part = self._found(native_id)
        return {
            "type": "notification_event",
            "app_id": "abc123",
            "id": f"notif_{native_id}",
            "topic": topic,
            "delivery_attempts": 1,
            "data": {"item": _conversation(place, [] if part is place.source else [part])},
        }

    async def _me(self, request: Request) -> Response:
        app = {"type": "app", "id_code": "abc123", "name": "Lantern Wallet"}
        return self._refusal(request) or JSONResponse({"type": "admin", "id": "71", "name": "Reader", "app": app})

    async def _list(self, request: Request) -> Response:
        rows = [_conversation(each, None) for each in self.conversations.values()]
        return self._refusal(request) or JSONResponse({"type": "conversation.list", "conversations": rows[:1]})

    async def _search(self, request: Request) -> Response:
        body: Json = orjson.loads(await request.body())
        if refusal := self._refusal(request, body):
            return refusal
        [condition] = body["query"]["value"]
        if (condition["field"], condition["operator"]) != ("updated_at", ">"):
            return _error(400, "parameter_invalid")
        rows = [each for each in self.conversations.values() if each.updated_at > condition["value"]]
        rows.sort(key=lambda each: each.updated_at, reverse=body["sort"]["order"] != "ascending")
        per_page = min(self.per_page, body["pagination"]["per_page"])
        start = int(body["pagination"].get("starting_after", "0"))
        shown = [_conversation(each, None) for each in rows[start : start + per_page]]
        more = {"next": {"starting_after": str(start + per_page)}} if start + per_page < len(rows) else {}
        return JSONResponse({"type": "conversation.list", "conversations": shown, "pages": {"type": "pages", **more}})

    async def _one(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        place = self.conversations.get(request.path_params["number"])
        return JSONResponse(_conversation(place, place.parts[-500:])) if place else _error(404, "not_found")

    async def _reply(self, request: Request) -> Response | ASGIApp:
        asked: Json = orjson.loads(await request.body())
        if refusal := self._refusal(request, asked):
            return refusal
        place = self.conversations.get(request.path_params["number"])
        if place is None:
            return _error(404, "not_found")
        if told := self.answers.refuses():
            return _error(400, told)
        if self.answers.breaks():
            return _error(500, "server_error")
        admin = {"type": asked["type"], "id": asked["admin_id"], "name": "Reader"}
        said = asked["body"].removeprefix("<p>").removesuffix("</p>").replace("<br>", "\n")
        self._writes(admin, unescape(said), place.id, None, kind=asked["message_type"])
        return self.answers.told(_conversation(place, place.parts))

    def _refusal(self, request: Request, body: Json | None = None) -> Response | None:
        self.requests.append((request.url.path, body or {}))
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "token_unauthorized")
        if not request.headers.get("intercom-version"):
            return _error(400, "intercom_version_invalid")
        return None

    def _writes(self, author: Json, text: str, conversation: str, at: datetime | None, kind: str = "comment") -> str:
        self._count += 1
        moment = int((at or self.clock()).timestamp())
        part = _Part(str(99_000_000 + self._count), author, text, moment, kind, updated_at=moment)
        place = self.conversations.get(conversation)
        if place is None:
            place = _Conversation(f"2154{self._count:06d}", part, moment)
            self.conversations[place.id] = place
        else:
            place.parts.append(part)
        place.updated_at = max(place.updated_at, moment)
        native_id = f"source/{part.id}" if part is place.source else part.id
        if self.hook_url:
            who = "admin" if author["type"] != "user" else "user"
            self.pending.append(self.notification(native_id, f"conversation.{who}.replied"))
        return native_id

    def _found(self, native_id: str) -> tuple[_Conversation, _Part]:
        return next(
            (place, part) for place in self.conversations.values() for key, part in _all(place) if key == native_id
        )


def _all(place: _Conversation) -> list[tuple[str, _Part]]:
    return [(f"source/{place.source.id}", place.source), *((part.id, part) for part in place.parts)]


def _conversation(place: _Conversation, parts: list[_Part] | None) -> Json:
    """parts None: as a search lists it, without them."""
    listed = (
        {"conversation_parts": [_part(part) for part in parts], "total_count": len(place.parts)}
        if parts is not None
        else None
    )
    return {
        "type": "conversation",
        "id": place.id,
        "created_at": place.source.at,
        "updated_at": place.updated_at,
        "source": {"type": "conversation", **_said(place.source)},
        **({"conversation_parts": {"type": "conversation_part.list", **listed}} if listed else {}),
    }


def _part(part: _Part) -> Json:
    return {
        "type": "conversation_part",
        "part_type": part.kind,
        "created_at": part.at,
        "updated_at": part.updated_at,
        **_said(part),
    }


def _said(part: _Part) -> Json:
    if part.broken:
        return {"id": part.id, "body": ["odd"], "author": None}
    text = escape(part.text, quote=False).replace("\n", "<br>")
    return {
        "id": part.id,
        "body": f"<p>{text}</p>",
        "author": part.author,
        "attachments": [],
        "redacted": part.redacted,
    }


def _author(part: _Part) -> str:
    kind = "contact" if part.author["type"] == "user" else part.author["type"]
    return f"{kind}/{part.author['id']}"


def _error(status: int, code: str) -> Response:
    return JSONResponse({"type": "error.list", "errors": [{"code": code, "message": "no"}]}, status)
