"""A Telegram that serves one bot: the Bot API over HTTP, and verbs for what people do.

https://core.telegram.org/bots/api. Offsets far beyond the newest update are taken for "from the first", as
Telegram's own server does, for ids start anew after a quiet week. Verbs act at once and return native ids.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aggregator.demo.truth import Truth

Json = dict[str, Any]
Fault = Literal["timeout", "reset", "truncated", "500", "429", "409_poller", "409_webhook", "401", "html", "empty"]

BOT: Final = 5550001234
KEPT: Final = timedelta(hours=24)
NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
ENTITIES: Final = {"mention": r"@\w{3,}", "url": r"https?://[\w./?=&#-]+", "bot_command": r"(?<!\S)/\w+"}
OTHER_POLLER: Final = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.answer: Json = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.answer["parameters"] = parameters


@dataclass
class _Said:
    """A message, and which of its versions went out under which update id."""

    native_id: str
    chat: int
    message: Json
    author: str
    thread: str
    versions: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Waiting:
    update_id: int
    since: datetime
    update: Json
    said: _Said | None


class _Cut(Response):
    """An answer whose connection is dropped in the middle."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"ok":true,"result":[{"upd', "more_body": True})


class TelegramSimulator:
    """One bot and the chats it sits in. `group` is a public forum; the bot is there, with privacy mode off."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), seed: int = 7) -> None:
        self.token = f"{BOT}:simulated-Token-of_no_bot"
        self.bot: Json = {"id": BOT, "is_bot": True, "first_name": "Harbor Desk", "username": "harbordesk_bot"}
        self.privacy_mode = False
        self.token_is_good = True
        self.most_per_answer = 100
        self.webhook: Json = {"url": "", "has_custom_certificate": False}
        self.sent: list[Json] = []  # what the bot said itself
        self.requests: list[tuple[str, Json]] = []
        self._clock = clock
        self._random = random.Random(seed)
        self._allowed: frozenset[str] | None = None  # None: the default
        self._next_update = 851_793_506
        self._waiting: deque[_Waiting] = deque()
        self._dropped: set[int] = set()
        self._poller: asyncio.Future[str] | None = None
        self._faults: deque[tuple[Fault, str | None]] = deque()
        self._chats: dict[int, Json] = {}
        self._bot_status: dict[int, str] = {}
        self._watched: set[int] = set()
        self._moved: dict[int, int] = {}
        self._linked: dict[int, int] = {}  # channel -> its discussion group
        self._last_message: dict[int, int] = {}
        self._users: dict[str, Json] = {}
        self._topics: dict[tuple[int, str], int] = {}
        self._said: dict[str, _Said] = {}
        self.group = self.adds_chat("Harbor Wallet", username="harborwallet", is_forum=True)
        self.app = Starlette(routes=[Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"])])

    # What there is

    def adds_chat(
        self,
        title: str,
        kind: str = "supergroup",
        *,
        username: str | None = None,
        is_forum: bool = False,
        watched: bool = True,
        admin: bool = False,
    ) -> int:
        """Open a chat of `kind` group, supergroup or channel with the bot in it. `watched`: truth() tells of it."""
        number = len(self._chats) + 1
        chat = -4_100_000 - number if kind == "group" else -1_002_100_000_000 - number
        self._chats[chat] = {"id": chat, "title": title, "type": kind} | _given(
            username=username, is_forum=is_forum or None
        )
        self._bot_status[chat] = "administrator" if admin or kind == "channel" else "member"
        if watched:
            self._watched.add(chat)
        return chat

    def adds_channel(self, title: str, *, username: str | None = None, discussed_in: int | None = None) -> int:
        """Open a channel; `discussed_in`: the group that gets a copy of each post."""
        channel = self.adds_chat(title, "channel", username=username)
        if discussed_in is not None:
            self._linked[channel] = discussed_in
        return channel

    def forgets_to_watch(self, chat: int) -> None:
        """The bot sits there, but no source is configured for it."""
        self._watched.discard(chat)

    def promotes_bot(self, chat: int) -> None:
        self._bot_status[chat] = "administrator"

    def user(self, handle: str, name: str | None = None, lang: str | None = None, is_bot: bool = False) -> Json:
        """The user of that handle, made at first mention. `name`: first and last, apart at the first blank."""
        if handle not in self._users:
            first, _, last = (name or handle.title()).partition(" ")
            self._users[handle] = {"id": 6_000_000_001 + len(self._users), "is_bot": is_bot, "first_name": first}
            self._users[handle] |= _given(last_name=last or None, username=handle, language_code=lang)
        return self._users[handle]

    def topic(self, name: str, chat: int | None = None) -> int:
        """The id of a forum topic, opened at first mention."""
        chat = self.group if chat is None else chat
        if (chat, name) not in self._topics:
            message = self._message(chat, sender=self.user("harbor_admin"), forum_topic_created={"name": name})
            message |= {"message_thread_id": message["message_id"], "is_topic_message": True}
            self._topics[chat, name] = message["message_id"]
            self._send("message", message)
        return self._topics[chat, name]

    # What people do

    def says(
        self,
        user: str,
        text: str,
        chat: int | None = None,
        topic: str | None = None,
        reply_to: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """A user writes; `chat` None: in the group."""
        return self._says(user, chat, topic, reply_to, at, text=text, **_given(entities=_entities(text) or None))

    def tells_bot(self, user: str, text: str, at: datetime | None = None) -> str:
        """A user writes to the bot in private."""
        who = self.user(user)
        chat: int = who["id"]
        if chat not in self._chats:
            names = {key: who[key] for key in ("first_name", "last_name", "username") if key in who}
            self._chats[chat] = {"id": chat, "type": "private"} | names
            self._bot_status[chat] = "member"
            self._watched.add(chat)
        return self.says(user, text, chat, at=at)

    def sends_album(
        self,
        user: str,
        caption: str = "",
        pictures: int = 3,
        chat: int | None = None,
        topic: str | None = None,
        reply_to: str | None = None,
        at: datetime | None = None,
    ) -> list[str]:
        """Pictures in one go: a message each, the caption with the first."""
        group = str(self._random.randrange(10**16, 10**17))
        captions = [caption, *[""] * (pictures - 1)]
        return [
            self._says(
                user, chat, topic, reply_to, at, media_group_id=group, photo=_photo(group, nth), **_caption(text)
            )
            for nth, text in enumerate(captions)
        ]

    def forwards(self, user: str, text: str, written_by: str, chat: int | None = None) -> str:
        """A user passes on what somebody else wrote elsewhere."""
        now = int(self._clock().timestamp())
        origin = {"type": "user", "sender_user": self.user(written_by), "date": now - 3600}
        return self._says(user, chat, None, None, None, text=text, forward_origin=origin)

    def admin_says(
        self, text: str, chat: int | None = None, topic: str | None = None, reply_to: str | None = None
    ) -> str:
        """An administrator writes in the group's own name."""
        chat = self.group if chat is None else chat
        stand_in = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        message = self._message(chat, topic, reply_to, sender=stand_in, sender_chat=self._chats[chat], text=text)
        return self._send("message", message).native_id

    def channel_says(self, text: str, channel: int, at: datetime | None = None) -> str:
        """A channel posts; its discussion group gets a copy."""
        this = self._chats[channel]
        post = self._message(channel, at=at, sender_chat=this, text=text)
        said = self._send("channel_post", post)
        if group := self._linked.get(channel):
            origin = {"type": "channel", "chat": this, "message_id": post["message_id"], "date": post["date"]}
            copy = self._message(group, at=at, sender_chat=this, text=text, forward_origin=origin)
            copy |= {"from": {"id": 777000, "is_bot": False, "first_name": "Telegram"}, "is_automatic_forward": True}
            self._send("message", copy, is_post=channel not in self._watched)
        return said.native_id

    def edits(self, native_id: str, text: str, at: datetime | None = None) -> None:
        """The author changes the text (or caption)."""
        said = self._said[native_id]
        content: Json = _caption(text) if "photo" in said.message else {"text": text}
        said.message = (
            said.message | content | {"edit_date": self._seconds(at)} | _given(entities=_entities(text) or None)
        )
        kind = "edited_channel_post" if self._chats[said.chat]["type"] == "channel" else "edited_message"
        self._enqueue(kind, said.message, said)

    def reacts(self, native_id: str, user: str) -> None:
        """One user's reaction: told, without totals, only to an administrator."""
        was_now: Json = {"old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}]}
        self._reaction("message_reaction", native_id, user=self.user(user), **was_now)

    def counts_reactions(self, native_id: str, total: int) -> None:
        """The totals of anonymous reactions: told only to an administrator."""
        like = {"type": {"type": "emoji", "emoji": "👍"}, "total_count": total}
        self._reaction("message_reaction_count", native_id, reactions=[like])

    def joins(self, user: str, chat: int | None = None) -> None:
        who = self.user(user)
        chat = self.group if chat is None else chat
        self._send("message", self._message(chat, sender=who, new_chat_members=[who]), is_post=False)

    def migrates(self, chat: int) -> int:
        """A basic group becomes a supergroup, with a new id."""
        new = self.adds_chat(self._chats[chat]["title"], watched=chat in self._watched)
        admin = self.user("harbor_admin")
        self._send("message", self._message(chat, sender=admin, migrate_to_chat_id=new), is_post=False)
        self._send("message", self._message(new, sender=admin, migrate_from_chat_id=chat), is_post=False)
        self._moved[chat] = new
        return new

    def kicks_bot(self, chat: int | None = None) -> None:
        self._changes_bot(self.group if chat is None else chat, "kicked")

    def takes_bot_back(self, chat: int | None = None) -> None:
        self._changes_bot(self.group if chat is None else chat, "member")

    def malformed(self) -> None:
        """An update of a known kind, of a shape that nobody documented."""
        message = {"message_id": self._number(self.group), "chat": self._chats[self.group], "date": {"was": "today"}}
        self._enqueue("message", message | {"text": "what shape is this"})

    def unknown(self) -> None:
        """An update of a kind that nobody knows yet."""
        self._next_update += 1
        update = {"update_id": self._next_update, "some_future_update": {"mood": "sunny"}}
        self._hand_in(_Waiting(self._next_update, self._clock(), update, None))

    def draws_new_update_ids(self, first: int) -> None:
        """After a week without updates the next id is drawn at random."""
        self._next_update = first - 1

    def fail_next(self, *faults: Fault, method: str | None = None, retry_after: int = 14) -> None:
        """The next requests (of `method`) fail, one after the other. A 409 is for getUpdates, as is `empty`."""
        self._retry_after = retry_after
        for fault in faults:
            polls = fault == "empty" or fault.startswith("409")
            self._faults.append((fault, "getUpdates" if polls else method))

    # What is true

    def truth(self) -> dict[str, Truth]:
        """What was said in watched chats and was, or can still be, delivered; edits applied as far as delivered."""
        self._drop_old()
        return {
            said.native_id: self._true(said, told[-1]) for said in self._watched_posts() if (told := self._told(said))
        }

    def undeliverable(self) -> frozenset[str]:
        """What was said in watched chats, and dropped before anybody fetched it."""
        self._drop_old()
        return frozenset(said.native_id for said in self._watched_posts() if not self._told(said))

    def _watched_posts(self) -> Iterable[_Said]:
        return (said for said in self._said.values() if said.versions and said.chat in self._watched)

    def _told(self, said: _Said) -> list[str]:
        return [text for update, text in said.versions.items() if update not in self._dropped]

    def _true(self, said: _Said, text: str) -> Truth:
        published = datetime.fromtimestamp(said.message["date"], UTC)
        return Truth(said.native_id, text, said.author, said.thread, published, deleted=False)

    # How an update comes about

    def _says(
        self, user: str, chat: int | None, topic: str | None, reply_to: str | None, at: datetime | None, **content: Any
    ) -> str:
        chat = self.group if chat is None else chat
        message = self._message(chat, topic, reply_to, at, sender=self.user(user), **content)
        return self._send("message", message).native_id

    def _message(
        self,
        chat: int,
        topic: str | None = None,
        reply_to: str | None = None,
        at: datetime | None = None,
        *,
        sender: Json | None = None,
        **content: Any,
    ) -> Json:
        place: Json = {} if sender is None else {"from": sender}
        if topic is not None:
            root = self.topic(topic, chat)
            opened = {"message_id": root, "chat": self._chats[chat], "date": 1, "forum_topic_created": {"name": topic}}
            place |= {"message_thread_id": root, "is_topic_message": True, "reply_to_message": opened}
        if reply_to is not None:
            parent = self._said[reply_to].message
            place["reply_to_message"] = {key: value for key, value in parent.items() if key != "reply_to_message"}
        known = {"message_id": self._number(chat), "chat": self._chats[chat], "date": self._seconds(at)}
        return known | place | content

    def _send(self, kind: str, message: Json, *, is_post: bool = True) -> _Said:
        chat = message["chat"]["id"]
        native_id = f"{chat}/{message['message_id']}"
        author = message.get("sender_chat") or message.get("from") or message["chat"]
        topic = message.get("message_thread_id") if message.get("is_topic_message") else None
        said = _Said(native_id, chat, message, str(author["id"]), f"{chat}/{topic}" if topic else str(chat))
        self._said[native_id] = said
        if self._sees(message):
            speaks = is_post and ("text" in message or "photo" in message)
            self._enqueue(kind, message, said if speaks else None)
        return said

    def _sees(self, message: Json) -> bool:
        """What privacy mode leaves: commands, mentions of the bot and replies to it, and service messages."""
        chat = message["chat"]
        status = self._bot_status[chat["id"]]
        if status in ("left", "kicked"):
            return False
        if not self.privacy_mode or status == "administrator" or chat["type"] == "private":
            return True
        text = message.get("text") or message.get("caption") or ""
        reply = message.get("reply_to_message", {}).get("from", {}).get("id") == self.bot["id"]
        service = "text" not in message and "photo" not in message
        return service or reply or text.startswith("/") or f"@{self.bot['username']}" in text

    def _enqueue(self, kind: str, content: Json, said: _Said | None = None) -> None:
        allowed = self._allowed
        if kind not in allowed if allowed is not None else kind in NOT_BY_DEFAULT:
            return
        self._next_update += self._random.choice((1, 1, 1, 2, 3))
        if said is not None:
            said.versions[self._next_update] = content.get("text") or content.get("caption") or ""
        self._hand_in(_Waiting(self._next_update, self._clock(), {"update_id": self._next_update, kind: content}, said))

    def _hand_in(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._wake("news")

    def _wake(self, why: str) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(why)

    def _reaction(self, kind: str, native_id: str, **content: Any) -> None:
        said = self._said[native_id]
        if self._bot_status[said.chat] == "administrator":
            place = {"chat": self._chats[said.chat], "message_id": said.message["message_id"]}
            self._enqueue(kind, place | {"date": self._seconds(None)} | content)

    def _changes_bot(self, chat: int, status: str) -> None:
        before, self._bot_status[chat] = self._bot_status[chat], status
        change: Json = {"chat": self._chats[chat], "from": self.user("harbor_admin"), "date": self._seconds(None)}
        change["old_chat_member"] = {"user": self.bot, "status": before}
        change["new_chat_member"] = {"user": self.bot, "status": status} | (
            {"until_date": 0} if status == "kicked" else {}
        )
        self._enqueue("my_chat_member", change)

    def _number(self, chat: int) -> int:
        self._last_message[chat] = self._last_message.get(chat, 40 + abs(chat) % 7) + 1
        return self._last_message[chat]

    def _seconds(self, at: datetime | None) -> int:
        return int((at or self._clock()).timestamp())

    def _drop_old(self) -> None:
        while self._waiting and self._waiting[0].since + KEPT < self._clock():
            self._dropped.add(self._waiting.popleft().update_id)

    # The Bot API

    async def _answer(self, request: Request) -> Response:
        method = str(request.path_params["method"])
        parameters = await _parameters(request)
        self.requests.append((method, parameters))
        fault = self._fault(method)
        try:
            if fault is not None:
                return await self._fails(fault, request)
            if request.path_params["token"] != self.token or not self.token_is_good:
                raise ApiError(401, "Unauthorized")
            return JSONResponse({"ok": True, "result": await self._result(method, parameters, request)})
        except ApiError as error:
            return JSONResponse(error.answer, error.status)

    async def _result(self, method: str, parameters: Json, request: Request) -> object:
        match method:
            case "getMe":
                return self.bot | {"can_join_groups": True, "can_read_all_group_messages": not self.privacy_mode}
            case "getUpdates":
                return await self._get_updates(parameters, request)
            case "getWebhookInfo":
                return self.webhook | {"pending_update_count": len(self._waiting)}
            case "setWebhook":
                self._allow(parameters)
                self.webhook = {"url": parameters["url"], "has_custom_certificate": False}
                self._webhook_secret = parameters.get("secret_token", "")
                return True
            case "deleteWebhook":
                self.webhook = {"url": "", "has_custom_certificate": False}
                if parameters.get("drop_pending_updates"):
                    self._waiting.clear()
                return True
            case "getChat":
                return self._chat(parameters["chat_id"])
            case "getChatMember":
                chat = self._chat(parameters["chat_id"])
                return {"user": self.bot, "status": self._bot_status[chat["id"]]}
            case "sendMessage":
                return self._send_message(parameters)
        raise ApiError(404, "Not Found")

    async def _get_updates(self, parameters: Json, request: Request) -> list[Json]:
        if self.webhook["url"]:
            raise ApiError(409, WEBHOOK_ACTIVE)
        self._allow(parameters)
        self._wake("conflict")
        self._confirm(parameters.get("offset") or 0)
        limit = min(parameters.get("limit") or 100, 100, self.most_per_answer)
        self._drop_old()
        if not self._waiting and (seconds := parameters.get("timeout", 0)):
            self._poller = asyncio.get_running_loop().create_future()
            if await _within(seconds, self._poller, request) == "conflict":
                raise ApiError(409, OTHER_POLLER)
        return [waiting.update for waiting, _ in zip(self._waiting, range(limit), strict=False)]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self._waiting) > -offset:
                self._waiting.popleft()
        if offset > self._next_update + 11:
            return
        while self._waiting and self._waiting[0].update_id < offset:
            self._waiting.popleft()

    def _allow(self, parameters: Json) -> None:
        if (wanted := parameters.get("allowed_updates")) is not None:
            self._allowed = frozenset(wanted) or None

    def _chat(self, number: int) -> Json:
        if number in self._moved:
            why = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, why, migrate_to_chat_id=self._moved[number])
        if number not in self._chats:
            raise ApiError(400, "Bad Request: chat not found")
        if self._bot_status[number] == "kicked":
            raise ApiError(403, f"Forbidden: bot was kicked from the {self._chats[number]['type']} chat")
        return self._chats[number]

    def _send_message(self, parameters: Json) -> Json:
        chat = self._chat(parameters["chat_id"])["id"]
        answers = parameters.get("reply_parameters", {}).get("message_id")
        parent = f"{chat}/{answers}" if answers is not None else None
        if parent is not None and parent not in self._said:
            if not parameters["reply_parameters"].get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
            parent = None
        message = self._message(chat, reply_to=parent, sender=self.bot, text=parameters["text"])
        self._said[f"{chat}/{message['message_id']}"] = _Said(
            f"{chat}/{message['message_id']}", chat, message, str(self.bot["id"]), str(chat)
        )
        self.sent.append(message)
        return message

    async def pushes(self) -> int:
        """Call the webhook with what waits, in order, until one call is not answered with 2xx; how many were."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._webhook_secret}
        done = 0
        async with httpx.AsyncClient() as client:
            while self._waiting:
                answer = await client.post(self.webhook["url"], json=self._waiting[0].update, headers=headers)
                if not answer.is_success:
                    self.webhook["last_error_message"] = f"Wrong response from the webhook: {answer.status_code}"
                    return done
                self._waiting.popleft()
                done += 1
        return done

    # What goes wrong

    def _fault(self, method: str) -> Fault | None:
        if self._faults and self._faults[0][1] in (None, method):
            return self._faults.popleft()[0]
        return None

    async def _fails(self, fault: Fault, request: Request) -> Response:
        match fault:
            case "timeout":
                await _disconnected(request)
                return Response(status_code=499)
            case "reset":
                return _Cut()
            case "truncated":
                return Response(b'{"ok":true,"result":[{"update_id":85179', media_type="application/json")
            case "html":
                return Response("<html><body>Bad gateway</body></html>", media_type="text/html")
            case "empty":
                return JSONResponse({"ok": True, "result": []})
            case "429":
                wait = self._retry_after
                raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
            case "401":
                raise ApiError(401, "Unauthorized")
            case "409_poller":
                raise ApiError(409, OTHER_POLLER)
            case "409_webhook":
                raise ApiError(409, WEBHOOK_ACTIVE)
            case "500":
                raise ApiError(500, "Internal Server Error")


async def _within(seconds: float, poller: asyncio.Future[str], request: Request) -> str:
    """Wait for news, for a second poller ("conflict"), for the caller to go away, or until the time is up."""
    gone = asyncio.ensure_future(_disconnected(request))
    either: set[asyncio.Future[Any]] = {poller, gone}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    return poller.result() if poller.done() else "time is up"


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _parameters(request: Request) -> Json:
    """Parameters from the query, a form or JSON; numbers and lists of a form are written as JSON."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(body))
    pairs = [*request.query_params.multi_items(), *parse_qsl(body.decode())]
    return {key: _value(key, value) for key, value in pairs}


def _value(key: str, value: str) -> Any:
    if key in ("text", "url", "secret_token"):
        return value
    return json.loads(value)


def _entities(text: str) -> list[Json]:
    found = [
        {"type": kind, "offset": _units(text[: match.start()]), "length": _units(match.group())}
        for kind, pattern in ENTITIES.items()
        for match in re.finditer(pattern, text)
    ]
    return sorted(found, key=lambda entity: entity["offset"])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _caption(text: str) -> Json:
    return _given(caption=text or None, caption_entities=_entities(text) or None)


def _photo(group: str, nth: int) -> list[Json]:
    sizes = ((90, 67, "s"), (1280, 960, "x"))
    return [
        {
            "file_id": f"AgAC-{group}-{nth}-{size}",
            "file_unique_id": f"AQAD-{group}-{nth}-{size}",
            "width": w,
            "height": h,
        }
        for w, h, size in sizes
    ]


def _given(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}
