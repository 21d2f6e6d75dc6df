"""Reads one update into the common shape. Pure. https://core.telegram.org/bots/api#update"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from telegram import (
    Chat,
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageReactionCountUpdated,
    Update,
)

from connectors.contract import Author, Counts, Deleted, Item, Moved, Post, Record
from connectors.errors import RecordError

SAYING = frozenset(
    {
        *("message", "edited_message", "channel_post", "edited_channel_post"),
        *("business_message", "edited_business_message"),
    }
)
ATTACHMENTS = (
    *("photo", "document", "video", "voice", "audio", "video_note", "animation", "sticker", "story"),
    *("live_photo", "paid_media", "contact", "location", "venue"),
)


def kind_of(record: Record) -> str:
    """The one member beside update_id; "nothing" if there is none."""
    return next((key for key in record if key != "update_id"), "nothing")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads updates of a source with these `chats`, whose own channels are `official`."""

    chats: frozenset[int]
    official: frozenset[int]

    def read(self, record: Record) -> Item | Sequence[Item] | None:
        """See `Connector.post`."""
        kind = kind_of(record)
        if kind not in Update.ALL_TYPES:
            raise RecordError(f"unknown kind of update: {kind}", _raw_id(record))
        try:
            update = Update.de_json(record, None)
            if count := update.message_reaction_count:
                return _counts(count)
            if gone := update.deleted_business_messages:
                chat = f"{gone.business_connection_id}/{gone.chat.id}"
                return [Deleted(f"{chat}/{message}", at=None) for message in gone.message_ids]
            return self._item(getattr(update, kind), update.update_id) if kind in SAYING else None
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            problem = f"an update of kind {kind} that cannot be read ({type(error).__name__})"
            raise RecordError(problem, _raw_id(record)) from error

    def _item(self, message: Message, update_id: int) -> Post | Moved | None:
        if message.migrate_to_chat_id:
            return Moved(thread=str(message.chat.id), to=str(message.migrate_to_chat_id))
        if message.migrate_from_chat_id:
            return Moved(thread=str(message.migrate_from_chat_id), to=str(message.chat.id))
        if self._is_copy(message):
            return None  # the channel's own post says it already
        # Each picture of an album is its own message, and mostly only the first has the caption; so each is
        # its own post: the others have no text, one attachment, and the same thread.
        attachments = int(any(message[kind] for kind in ATTACHMENTS))
        if not (text := _text(message)) and not attachments:
            _check_that_nothing_was_said(message)
            return None
        entities = message.entities or message.caption_entities
        return Post(
            native_id=_id(message),
            # A forwarded text is somebody else's words. It is kept as the forwarder's: people forward the
            # messages of scammers and of false supporters in order to report them.
            text=text,
            posted_at=message.date,
            author=self._author(message),
            thread=_thread(message),
            reply_to=self._reply_to(message),
            mentions=_unique(_mentioned(text, entities)),
            order=message.message_id,
            edited_at=_edited_at(message, update_id),
            public=message.chat.type != Chat.PRIVATE and not message.chat.is_direct_messages,
            permalink=_permalink(message),
            attachments=attachments,
            pictures=int(_is_picture(message)),
            links=_unique(entity.url for entity in entities if entity.url),
        )

    def _is_copy(self, message: Message) -> bool:
        """Whether it is a discussion group's copy of a channel post, of a channel that we read itself."""
        channel = message.sender_chat
        return bool(message.is_automatic_forward and channel and channel.id in self.chats)

    def _author(self, message: Message) -> Author | None:
        """Who speaks. Of a chat that speaks as itself, `from` is missing or a stand-in (GroupAnonymousBot)."""
        # In a channel's direct messages only the channel itself writes beside the customer whose topic it is.
        asker = message.direct_messages_topic.user if message.direct_messages_topic else None
        if chat := message.sender_chat:
            anonymous_admin = chat.id == message.chat.id and chat.type != Chat.CHANNEL
            # Only the channel that is linked to a group is copied into it.
            ours = anonymous_admin or message.is_automatic_forward or chat.id in self.official or asker is not None
            return Author(str(chat.id), chat.title or "", chat.username, role="staff" if ours else "customer")
        user = message.from_user
        if user is None:
            return None
        # In a business account's chat, whoever is not the customer answers for the business.
        for_business = message.business_connection_id is not None and user.id != message.chat.id
        answers = for_business or (asker is not None and user.id != asker.id)
        role: Literal["staff", "bot", "customer"] = "staff" if answers else "bot" if user.is_bot else "customer"
        return Author(str(user.id), user.full_name, user.username, role=role)

    def _reply_to(self, message: Message) -> str | None:
        parent = message.reply_to_message
        if parent is None:
            return None
        # In a forum, what replies to nothing "replies" to the service message that opened the topic.
        opens_topic = message.is_topic_message and parent.message_id == message.message_thread_id
        if parent.forum_topic_created or opens_topic:
            return None
        origin = parent.forward_origin
        if self._is_copy(parent) and isinstance(origin, MessageOriginChannel):
            return f"{origin.chat.id}/{origin.message_id}"
        return _id(parent)


def _raw_id(record: Record) -> str:
    """An id for a record that cannot be read: the message's, or else the update's own."""
    content = record.get(kind_of(record))
    if isinstance(content, dict) and isinstance(chat := content.get("chat"), dict):
        number, message = chat.get("id"), content.get("message_id")
        if isinstance(number, int) and isinstance(message, int):
            return f"{number}/{message}"
    return f"update/{record.get('update_id')}"


def _id(message: Message) -> str:
    if not isinstance(message.chat.id, int) or not isinstance(message.message_id, int):
        raise TypeError("ids are numbers")
    return f"{_chat(message)}/{message.message_id}"  # messages are numbered per chat


def _chat(message: Message) -> str:
    # A business account's chat with a customer has the customer's id, as has the bot's own chat with him,
    # but numbers its messages apart.
    business = message.business_connection_id
    return f"{business}/{message.chat.id}" if business else str(message.chat.id)


def _thread(message: Message) -> str:
    if message.direct_messages_topic:  # of one customer with a channel
        return f"{_chat(message)}/{message.direct_messages_topic.topic_id}"
    # Outside forums message_thread_id is only the root of a chain of replies.
    topic = message.message_thread_id if message.is_topic_message else None
    return f"{_chat(message)}/{topic}" if topic else _chat(message)


def _text(message: Message) -> str:
    if message.checklist:
        return "\n".join([message.checklist.title, *(task.text for task in message.checklist.tasks)])
    return message.text or message.caption or ""


def _permalink(message: Message) -> str | None:
    chat = message.chat
    if chat.type not in (Chat.SUPERGROUP, Chat.CHANNEL) or chat.is_direct_messages:
        return None
    place = chat.username or f"c/{str(chat.id).removeprefix('-100')}"
    topic = f"{message.message_thread_id}/" if message.is_topic_message else ""
    return f"https://t.me/{place}/{topic}{message.message_id}"


def _edited_at(message: Message, update_id: int) -> datetime | None:
    # Telegram tells seconds; two edits within one are told apart by their updates, whose ids rise.
    return message.edit_date and message.edit_date + timedelta(microseconds=update_id % 1_000_000)


def _check_that_nothing_was_said(message: Message) -> None:
    """Let joins, pins, polls and dice pass; raise RecordError on a kind that the library does not know yet."""
    if message.api_kwargs:
        kinds = ", ".join(sorted(message.api_kwargs))
        raise RecordError(f"unknown kind of message: {kinds}", _id(message))


def _is_picture(message: Message) -> bool:
    """Sent as a photo, or uncompressed as a file."""
    file = message.document
    return bool(message.photo) or bool(file and (file.mime_type or "").startswith("image/"))


def _mentioned(text: str, entities: Sequence[MessageEntity]) -> Iterable[str]:
    units = text.encode("utf-16-le")  # Telegram counts in UTF-16 units
    for entity in entities:
        if entity.type == MessageEntity.MENTION:
            named = units[2 * entity.offset : 2 * (entity.offset + entity.length)]
            yield named.decode("utf-16-le", "ignore").removeprefix("@")
        elif entity.user:
            yield str(entity.user.id)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _counts(count: MessageReactionCountUpdated) -> Counts:
    total = sum(each.total_count for each in count.reactions)
    return Counts(f"{count.chat.id}/{count.message_id}", likes=total)
