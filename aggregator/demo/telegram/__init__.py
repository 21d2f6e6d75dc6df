"""A Telegram that serves one bot: verbs for what people do, and the Bot API over HTTP.

https://core.telegram.org/bots/api. Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from starlette.applications import Starlette

from aggregator.demo.telegram.bot_api import BotApi, Fault
from aggregator.demo.telegram.messages import CONTENT, Json, captioned, given, photo, spoken, text_of, topic_opened
from aggregator.demo.telegram.queue import UpdateQueue
from aggregator.demo.truth import Truth

BOT: Final = 5550001234


@dataclass
class _Said:
    """A message, and the text that went out with each update id."""

    native_id: str
    chat: int
    message: Json
    author: str
    thread: str
    versions: dict[int, str] = field(default_factory=dict)


class TelegramSimulator:
    """One bot and the chats it sits in. `group` is a public forum; the bot is there, with privacy mode off."""

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seed: int = 7,
        *,
        group: str = "Harbor Wallet",
        username: str = "harborwallet",
    ) -> None:
        self.token = f"{BOT}:simulated-Token-of_no_bot"
        self.token_is_good = True
        self.bot: Json = {"id": BOT, "is_bot": True, "first_name": "Harbor Desk", "username": "harbordesk_bot"}
        self.privacy_mode = False
        self.queue = UpdateQueue(clock, seed)
        self.chats: dict[int, Json] = {}
        self.bot_status: dict[int, str] = {}
        self.moved: dict[int, int] = {}
        self.sent: list[Json] = []  # what the bot said itself
        self.faults: deque[tuple[Fault, str | None, int]] = deque()
        self._clock = clock
        self._random = random.Random(seed)
        self._watched: set[int] = set()
        self._linked: dict[int, int] = {}  # channel -> its discussion group
        self._last_message: dict[int, int] = {}
        self._users: dict[str, Json] = {}
        self._topics: dict[tuple[int, str], int] = {}
        self._said: dict[str, _Said] = {}
        self.group = self.adds_chat(group, username=username, is_forum=True)
        self.api = BotApi(self)
        self.app = Starlette(routes=[self.api.route])

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
        number = len(self.chats) + 1
        chat = -4_100_000 - number if kind == "group" else -1_002_100_000_000 - number
        self.chats[chat] = {"id": chat, "title": title, "type": kind} | given(
            username=username, is_forum=is_forum or None
        )
        self.bot_status[chat] = "administrator" if admin or kind == "channel" else "member"
        if watched:
            self._watched.add(chat)
        return chat

    def adds_channel(self, title: str, *, username: str | None = None, discussed_in: int | None = None) -> int:
        """Open a channel; `discussed_in`: the group that gets a copy of each post."""
        channel = self.adds_chat(title, "channel", username=username)
        if discussed_in is not None:
            self._linked[channel] = discussed_in
        return channel

    def adds_direct_messages(self, title: str) -> int:
        """Open the chat in which a channel gets direct messages; the bot may manage them."""
        chat = self.adds_chat(title, admin=True)
        self.chats[chat]["is_direct_messages"] = True
        return chat

    def forgets_to_watch(self, chat: int) -> None:
        """The bot sits there, but no source is configured for it."""
        self._watched.discard(chat)

    def promotes_bot(self, chat: int) -> None:
        self.bot_status[chat] = "administrator"

    def user(self, handle: str, name: str | None = None, lang: str | None = None, is_bot: bool = False) -> Json:
        """The user of that handle, made at first mention. `name`: first and last, apart at the first blank."""
        if handle not in self._users:
            first, _, last = (name or handle.title()).partition(" ")
            self._users[handle] = {"id": 6_000_000_001 + len(self._users), "is_bot": is_bot, "first_name": first}
            self._users[handle] |= given(last_name=last or None, username=handle, language_code=lang)
        return self._users[handle]

    def topic(self, name: str, chat: int | None = None) -> int:
        """The id of a forum topic, opened at first mention."""
        chat = self.group if chat is None else chat
        if (chat, name) not in self._topics:
            message = self._message(chat, sender=self.user("harbor_admin"), **topic_opened(name))
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
        return self._says(user, chat, topic, reply_to, at, **spoken(text))

    def tells_bot(self, user: str, text: str, at: datetime | None = None) -> str:
        """A user writes to the bot in private."""
        who = self.user(user)
        chat: int = who["id"]
        if chat not in self.chats:
            names = {key: who[key] for key in ("first_name", "last_name", "username") if key in who}
            self.chats[chat] = {"id": chat, "type": "private"} | names
            self.bot_status[chat] = "member"
            self._watched.add(chat)
        return self.says(user, text, chat, at=at)

    def writes_to_channel(self, user: str, text: str, chat: int) -> str:
        """A user sends a channel a direct message: what each of them writes is a topic of its own."""
        who = self.user(user)
        topic = {"topic_id": who["id"] * 1000, "user": who}
        message = self._message(chat, sender=who, direct_messages_topic=topic, **spoken(text))
        return self._send("message", message).native_id

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
                user, chat, topic, reply_to, at, media_group_id=group, photo=photo(group, nth), **captioned(text)
            )
            for nth, text in enumerate(captions)
        ]

    def forwards(self, user: str, text: str, written_by: str, chat: int | None = None) -> str:
        """A user passes on what somebody else wrote elsewhere."""
        now = int(self._clock().timestamp())
        origin = {"type": "user", "sender_user": self.user(written_by), "date": now - 3600}
        return self._says(user, chat, None, None, None, forward_origin=origin, **spoken(text))

    def admin_says(
        self, text: str, chat: int | None = None, topic: str | None = None, reply_to: str | None = None
    ) -> str:
        """An administrator writes in the group's own name."""
        chat = self.group if chat is None else chat
        stand_in = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        message = self._message(chat, topic, reply_to, sender=stand_in, sender_chat=self.chats[chat], text=text)
        return self._send("message", message).native_id

    def channel_says(self, text: str, channel: int, at: datetime | None = None) -> str:
        """A channel posts; its discussion group gets a copy."""
        this = self.chats[channel]
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
        content: Json = captioned(text) if "photo" in said.message else spoken(text)
        kept = {key: value for key, value in said.message.items() if key not in CONTENT}
        said.message = kept | content | {"edit_date": self._seconds(at)}
        kind = "edited_channel_post" if self.chats[said.chat]["type"] == "channel" else "edited_message"
        if (update := self.queue.put(kind, said.message)) is not None:
            said.versions[update] = text

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
        new = self.adds_chat(self.chats[chat]["title"], watched=chat in self._watched)
        admin = self.user("harbor_admin")
        self._send("message", self._message(chat, sender=admin, migrate_to_chat_id=new), is_post=False)
        self._send("message", self._message(new, sender=admin, migrate_from_chat_id=chat), is_post=False)
        self.moved[chat] = new
        return new

    def kicks_bot(self, chat: int | None = None) -> None:
        self._changes_bot(self.group if chat is None else chat, "kicked")

    def takes_bot_back(self, chat: int | None = None) -> None:
        self._changes_bot(self.group if chat is None else chat, "member")

    def malformed(self) -> None:
        """An update of a known kind, of a shape that nobody documented."""
        message = {"message_id": self._number(self.group), "chat": self.chats[self.group], "date": {"was": "today"}}
        self.queue.put("message", message | {"text": "what shape is this"})

    def unknown(self) -> None:
        """An update of a kind that nobody knows yet."""
        self.queue.put_anyway("some_future_update", {"mood": "sunny"})

    def fail_next(self, *faults: Fault, method: str | None = None, retry_after: int = 14) -> None:
        """The next requests (of `method`) fail, one after the other; a 409 and `empty` wait for getUpdates."""
        for fault in faults:
            polls = fault == "empty" or fault.startswith("409")
            self.faults.append((fault, "getUpdates" if polls else method, retry_after))

    # What is true

    def truth(self) -> dict[str, Truth]:
        """What was said in watched chats and was, or can still be, delivered; edits applied as far as delivered."""
        return {
            said.native_id: self._true(said, told[-1]) for said in self._watched_posts() if (told := self._told(said))
        }

    def undeliverable(self) -> frozenset[str]:
        """What was said in watched chats, and dropped before anybody fetched it."""
        return frozenset(said.native_id for said in self._watched_posts() if not self._told(said))

    def _watched_posts(self) -> Iterable[_Said]:
        return (said for said in self._said.values() if said.versions and said.chat in self._watched)

    def _told(self, said: _Said) -> list[str]:
        return [text for update, text in said.versions.items() if not self.queue.was_dropped(update)]

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
            opened = {"message_id": root, "chat": self.chats[chat], "date": 1, **topic_opened(topic)}
            place |= {"message_thread_id": root, "is_topic_message": True, "reply_to_message": opened}
        if reply_to is not None:
            parent = self._said[reply_to].message
            place["reply_to_message"] = {key: value for key, value in parent.items() if key != "reply_to_message"}
        known = {"message_id": self._number(chat), "chat": self.chats[chat], "date": self._seconds(at)}
        return known | place | content

    def _send(self, kind: str, message: Json, *, is_post: bool = True) -> _Said:
        chat = message["chat"]["id"]
        native_id = f"{chat}/{message['message_id']}"
        author = message.get("sender_chat") or message.get("from") or message["chat"]
        topic = message.get("message_thread_id") if message.get("is_topic_message") else None
        topic = message.get("direct_messages_topic", {}).get("topic_id", topic)
        said = _Said(native_id, chat, message, str(author["id"]), f"{chat}/{topic}" if topic else str(chat))
        self._said[native_id] = said
        if self._sees(message):
            speaks = is_post and ("text" in message or "photo" in message)
            update = self.queue.put(kind, message)
            if speaks and update is not None:
                said.versions[update] = text_of(message)
        return said

    def _sees(self, message: Json) -> bool:
        """What privacy mode leaves: commands, mentions of the bot and replies to it, and service messages."""
        chat = message["chat"]
        status = self.bot_status[chat["id"]]
        if status in ("left", "kicked"):
            return False
        if not self.privacy_mode or status == "administrator" or chat["type"] == "private":
            return True
        text = text_of(message)
        reply = message.get("reply_to_message", {}).get("from", {}).get("id") == self.bot["id"]
        service = "text" not in message and "photo" not in message
        return service or reply or text.startswith("/") or f"@{self.bot['username']}" in text

    def _reaction(self, kind: str, native_id: str, **content: Any) -> None:
        said = self._said[native_id]
        if self.bot_status[said.chat] == "administrator":
            place = {"chat": self.chats[said.chat], "message_id": said.message["message_id"]}
            self.queue.put(kind, place | {"date": self._seconds(None)} | content)

    def _changes_bot(self, chat: int, status: str) -> None:
        before, self.bot_status[chat] = self.bot_status[chat], status
        change: Json = {"chat": self.chats[chat], "from": self.user("harbor_admin"), "date": self._seconds(None)}
        change["old_chat_member"] = {"user": self.bot, "status": before}
        change["new_chat_member"] = {"user": self.bot, "status": status} | (
            {"until_date": 0} if status == "kicked" else {}
        )
        self.queue.put("my_chat_member", change)

    def _number(self, chat: int) -> int:
        self._last_message[chat] = self._last_message.get(chat, 40 + abs(chat) % 7) + 1
        return self._last_message[chat]

    def _seconds(self, at: datetime | None) -> int:
        return int((at or self._clock()).timestamp())

    def holds(self, native_id: str) -> bool:
        return native_id in self._said

    def bot_says(self, chat: int, text: str, reply_to: str | None = None, topic: int | None = None) -> Json:
        """The bot writes; a bot is not told what it said itself. `topic`: of a forum, by its id."""
        message = self._message(chat, reply_to=reply_to, sender=self.bot, text=text)
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        native_id = f"{chat}/{message['message_id']}"
        self._said[native_id] = _Said(native_id, chat, message, str(BOT), f"{chat}/{topic}" if topic else str(chat))
        self.sent.append(message)
        return message
