"""A chat's message in our own words: what the signed intake takes, and what other desks are mapped into.

The contract of the intake is docs/chat-intake.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from connectors.contract import Author, Deleted, Item, Post, Role, Undelivered, Vouched
from connectors.errors import RecordError

Event = Literal["message.created", "message.updated", "message.deleted"]
EVENTS: tuple[Event, ...] = ("message.created", "message.updated", "message.deleted")
DIRECTIONS = ("in", "out")
LONGEST_TEXT = 20_000  # characters
LONGEST_ID = 200
SECONDS = (1e9, 1e11)  # a number between these is a time in seconds (2001 to 5138) ...
MILLISECONDS = (1e12, 1e14)  # ... and one between these in milliseconds (2001 to 5138)
_ANSWERS = re.compile(r"\s*(?:re|fwd?|aw|回复|回覆|答复|转发)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `author_id` None: nobody can be told apart from others. `conversation`: unique in the space."""

    id: str
    text: str
    event: Event = "message.created"
    conversation: str | None = None
    at: datetime | None = None
    changed_at: datetime | None = None  # when it was edited or deleted
    author_id: str | None = None
    author_name: str = ""
    role: Role = "customer"
    vouched: tuple[Vouched, ...] = ()
    reply_to: str | None = None
    attachments: int = 0
    pictures: int = 0
    order: int = 0
    permalink: str | None = None
    place: str | None = None
    failed: str | None = None  # an answer that did not reach the customer, and what was told of it

    def item(self) -> Item | Sequence[Item]:
        if self.failed is not None:
            return Undelivered(self.id, "other", self.failed), Deleted(self.id, self.changed_at)
        if self.event == "message.deleted":
            return Deleted(self.id, self.changed_at)
        return Post(
            native_id=self.id,
            text=self.text,
            posted_at=self.at,
            author=Author(self.author_id, self.author_name, role=self.role, vouched=self.vouched)
            if self.author_id
            else None,
            thread=self.conversation,
            reply_to=self.reply_to,
            order=self.order,
            edited_at=self.changed_at if self.event == "message.updated" else None,
            public=False,
            permalink=self.permalink,
            place=self.place,
            attachments=self.attachments,
            pictures=self.pictures,
        )


def intake_message(fields: Mapping[str, object], sent_at: datetime | None, conversation_url: str = "") -> Message:
    """One message of the intake.

    Args:
        sent_at: when the call that brought it was signed.
        conversation_url: where colleagues find a conversation, `{conversation_id}` standing for its id.

    Raises:
        RecordError: it breaks the contract; the field is named, its value is not.
    """
    native_id = fields.get("id")
    if not isinstance(native_id, str) or not 0 < len(native_id) <= LONGEST_ID:
        raise RecordError(f"id should be a text of 1 to {LONGEST_ID} characters")
    try:
        return _checked(native_id, fields, sent_at, conversation_url)
    except RecordError as error:
        raise RecordError(str(error), native_id) from None


def _checked(native_id: str, fields: Mapping[str, object], sent_at: datetime | None, conversation_url: str) -> Message:
    fields = {name: value for name, value in fields.items() if value is not None}  # null: as if it were left out
    event = next((each for each in EVENTS if each == fields.get("event", EVENTS[0])), None)
    if event is None:
        raise RecordError(f"event should be one of {', '.join(EVENTS)}")
    direction = fields.get("direction", "in")
    if direction not in DIRECTIONS:
        raise RecordError("direction should be in or out")
    author = _object(fields, "author")
    attachments = fields.get("attachments", [])
    if not isinstance(attachments, list):
        raise RecordError("attachments should be a list")
    text = _text(fields, "text", LONGEST_TEXT)
    if not text.strip() and not attachments and event != "message.deleted":
        raise RecordError("text is empty, and nothing is attached")
    conversation = _text(fields, "conversation_id", LONGEST_ID) or None
    staff = direction == "out" or _flag(author, "is_staff")
    author_id = _author_id(author, conversation, staff=staff)
    return Message(
        id=native_id,
        text=text.strip(),
        event=event,
        conversation=conversation or (f"~{author_id}" if author_id and not staff else None),
        at=told_time(fields.get("created_at"), "created_at"),
        changed_at=told_time(fields.get("updated_at"), "updated_at") or sent_at,
        author_id=author_id,
        author_name=_text(author, "name", LONGEST_ID),
        role="staff" if staff else "customer",
        vouched=() if staff else _vouched(author),
        reply_to=_text(fields, "reply_to", LONGEST_ID) or None,
        attachments=len(attachments),
        pictures=sum(isinstance(each, dict) and _is_picture(each) for each in attachments),
        permalink=conversation_url.replace("{conversation_id}", conversation)
        if conversation_url and conversation
        else None,
        place=conversation,
    )


def _is_picture(attachment: Mapping[str, object]) -> bool:
    return str(attachment.get("mime")).startswith("image/")


def _author_id(author: Mapping[str, object], conversation: str | None, *, staff: bool) -> str | None:
    """An id that the app has not verified anybody may claim: it is never that of a verified customer. A chat has
    one customer, so one without an id is whoever writes in it."""
    given = author.get("id")
    if given is not None and (not isinstance(given, str) or len(given) > LONGEST_ID):
        raise RecordError("author.id should be a text")
    if staff:
        return f"staff/{given}" if given else "staff"
    if given:
        return f"user/{given}" if _flag(author, "verified") else f"guest/{given}"
    return f"guest~{conversation}" if conversation else None


def _vouched(author: Mapping[str, object]) -> tuple[Vouched, ...]:
    """By which the app knows this customer elsewhere, too; nothing of one whom it has not authenticated."""
    customer, mail = _text(author, "customer_id", LONGEST_ID), _text(author, "verified_email", LONGEST_ID)
    if not _flag(author, "verified"):
        return ()
    return ((("app", customer),) if customer else ()) + ((("mail", mail),) if "@" in mail else ())


def with_subject(subject: object, text: str) -> str:
    """Of a customer who writes to a desk by mail: whoever begins a conversation says half of it in the subject."""
    told = subject.strip() if isinstance(subject, str) else ""
    if not told or told in text or (text and _ANSWERS.match(told)):
        return text
    return f"{told}\n\n{text}".strip()


def stars(rating: object) -> str:
    """Of one to five; empty: it is none of these."""
    return "★" * rating + "☆" * (5 - rating) if isinstance(rating, int) and 1 <= rating <= 5 else ""


def told_time(value: object, name: str) -> datetime | None:
    """RFC 3339 with a zone, or Unix seconds or milliseconds, told apart by their size; None: not told.

    Raises:
        RecordError: none of these.
    """
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if SECONDS[0] <= value < SECONDS[1]:
                return datetime.fromtimestamp(value, UTC)
            if MILLISECONDS[0] <= value < MILLISECONDS[1]:
                return datetime.fromtimestamp(value / 1000, UTC)
        elif isinstance(value, str) and (at := datetime.fromisoformat(value)).tzinfo:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise RecordError(f"{name} should be a time with a zone (RFC 3339), or Unix seconds or milliseconds")


def _object(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = fields.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise RecordError(f"{name} should be an object")


def _text(fields: Mapping[str, object], name: str, longest: int) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= longest:
        return value
    raise RecordError(f"{name} should be a text of at most {longest} characters")


def _flag(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name, False)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RecordError(f"{name} should be true or false")
