"""Intercom, and desks like it: its webhook, and its REST interface (https://developers.intercom.com).

A conversation's opening message stands in `source`, the others in `conversation_parts`, and what the customer said of
it in `conversation_rating`. A record is one of them: `{"source", "part" or "rating": as sent, "conversation": its id,
"at": when the conversation began}`, with a rating `"author"`, who began it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any
from zlib import crc32

from connectors.chat.message import Event, Message, stars, with_subject
from connectors.chat.signature import check
from connectors.contract import Cursor, Page, Push, Received, Record, Role
from connectors.errors import PushRefusedError, RecordError, TransientError
from connectors.secret import Secret
from connectors.session import Session, parse_json
from connectors.text import html_to_text, html_tree
from connectors.wording import worded

SPOKEN = frozenset({"comment", "open", "close"})  # kinds of parts that the customer sees, if they have a text
ROLES: dict[str, Role] = {"user": "customer", "lead": "customer", "contact": "customer", "admin": "staff"}
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>|&(?:\w{1,10}|#\w{1,8});")
OVERLAP = 60  # seconds: `updated_at` is told to the second, and the search runs a little behind
PER_PAGE = 50
MOST_PARTS = 500  # of a conversation, that the platform shows


@dataclass(frozen=True, slots=True)
class Intercom:
    """One workspace; `account`: its app id, empty: unknown."""

    account: str
    secrets: Sequence[Secret]

    def receive(self, push: Push) -> Received:
        """Take a notification. The platform first asks with HEAD whether anybody is there.

        Raises:
            PushRefusedError: it is not from our workspace.
        """
        if push.method == "HEAD":
            return Received(())
        if not self.secrets:
            raise PushRefusedError("a call came, but secret is not configured: nothing is accepted")
        check(push.headers.get("x-hub-signature", ""), self.secrets, push.body, "sha1")
        try:
            body = parse_json(push.body)
        except ValueError as error:
            raise PushRefusedError("a genuine call that is no JSON", 400) from error
        told = body.get("data") if isinstance(body, dict) else None
        item = told.get("item") if isinstance(told, dict) else None
        if not isinstance(item, dict) or item.get("type") != "conversation":
            return Received(())
        return Received(list(records(item)))

    def message(self, record: Record) -> Message | None:
        """None: a note among colleagues, or something that nobody said.

        Raises:
            RecordError: it has a shape that the platform does not send.
        """
        if "rating" in record:
            return self._rating(record)
        fields = _fields(record)
        native_id = fields.get("id") if isinstance(fields, dict) else None
        if not isinstance(fields, dict) or not isinstance(native_id, str):
            raise RecordError("its id is no text")
        try:
            return self._read(fields, native_id, record)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RecordError(f"it cannot be read: {type(error).__name__}", native_id) from error

    def _read(self, fields: Mapping[str, Any], native_id: str, record: Record) -> Message | None:
        body = fields.get("body") or ""
        attachments = len(fields.get("attachments") or ()) + _pictures(body)
        redacted = fields.get("redacted") is True
        text = _plain(body)
        subject = _plain(fields.get("subject") or "") if fields.get("type") == "email" else ""
        if "part" in record and fields["part_type"] not in SPOKEN:
            return None
        if not (body or subject or attachments or redacted):
            if "part" in record and fields["part_type"] == "comment":
                raise ValueError("nothing is said")
            return None
        author = fields["author"]
        role = ROLES.get(author["type"], "bot")
        conversation = str(record["conversation"])
        updated = fields.get("updated_at")
        changed = datetime.fromtimestamp(updated, UTC) if updated else None
        event: Event = "message.deleted" if redacted else "message.created"
        return Message(
            id=native_id if "part" in record else f"source/{native_id}",  # numbered apart
            text=with_subject(subject, text) if role == "customer" else text,
            event=event,
            conversation=conversation,
            at=datetime.fromtimestamp(fields.get("created_at") or record["at"], UTC),
            changed_at=changed,
            author_id=f"{'contact' if role == 'customer' else author['type']}/{author['id']}",
            author_name=author.get("name") or "",
            role=role,
            attachments=attachments,
            pictures=_pictures(body),
            order=int(native_id) if native_id.isdigit() and len(native_id) < 19 else 0,
            permalink=self._permalink(conversation),
            place=f"conversation {conversation}",
        )

    def _rating(self, record: Record) -> Message:
        """What the customer wrote beside the rating at a conversation's end. There is one, without an id."""
        conversation = str(record["conversation"])
        native_id = f"rating/{conversation}"
        try:
            told, began = record["rating"], record.get("author") or {}
            contact = told.get("contact") or told.get("customer") or {}
            number = contact.get("id") or began.get("id")
            return Message(
                id=native_id,
                text="\n".join(part for part in (stars(told.get("rating")), _plain(told["remark"])) if part),
                conversation=conversation,
                at=datetime.fromtimestamp(told.get("created_at") or record["at"], UTC),
                author_id=f"contact/{number}" if number else None,
                author_name=(began.get("name") or "") if number == began.get("id") else "",
                permalink=self._permalink(conversation),
                place=f"conversation {conversation}",
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RecordError(f"it cannot be read: {type(error).__name__}", native_id) from error

    def _permalink(self, conversation: str) -> str | None:
        inbox = f"https://app.intercom.com/a/inbox/{self.account}/inbox"
        return f"{inbox}/conversation/{conversation}" if self.account else None


def _fields(record: Record) -> Any:
    return next((record[kind] for kind in ("part", "source", "rating") if kind in record), None)


def records(conversation: Mapping[str, Any]) -> Iterator[Record]:
    """Its opening message and its parts, oldest first. A notification holds only the part that it tells of."""
    common = {"conversation": conversation.get("id"), "at": conversation.get("created_at")}
    source, parts = conversation.get("source"), conversation.get("conversation_parts")
    if isinstance(source, dict):
        yield {"source": source, **common}
    listed = parts.get("conversation_parts") if isinstance(parts, dict) else None
    for part in listed if isinstance(listed, list) else ():
        yield {"part": part, **common}
    rating = conversation.get("conversation_rating")
    if isinstance(rating, dict) and rating.get("remark"):  # a rating alone says nothing
        began = source.get("author") if isinstance(source, dict) else None
        asked = isinstance(began, dict) and ROLES.get(str(began.get("type"))) == "customer"
        yield {"rating": rating, "author": began if asked else None, **common}


def _plain(body: str) -> str:
    """HTML as text; notifications of version 2.15 and later hold the text itself."""
    return html_to_text(body) if _MARKUP.search(body) else body.strip()


def _pictures(body: str) -> int:
    tree = html_tree(body) if "<img" in body else None
    return 0 if tree is None else len(tree.xpath("//img"))


async def pages(session: Session, since: datetime, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
    """Conversations in the order in which they changed, and of each what is new in it.

    Cursor: `mark`: conversations that changed up to then (Unix seconds) are committed; `floor`: what was said up
    to then is, in all of them; `seen`: conversations that the next search may show again, and when they changed;
    `fresh`: those of them that may have been read within that very second, and what they held. They are read once
    more, for what is said later in that second changes nothing in the search.
    """
    start = int(since.timestamp())
    known = cursor or {"mark": start, "floor": start, "seen": {}}
    mark, floor, seen = known["mark"], known["floor"], known["seen"]
    fresh = committed = known.get("fresh", {})
    async for row, newest in _changed(session, mark - OVERLAP):
        number, at = str(row["id"]), row["updated_at"]
        if seen.get(number) == at and number not in fresh:
            continue
        conversation = await session.get_json(f"/conversations/{number}")
        said = [record for record in records(conversation) if _changed_at(record) >= floor - OVERLAP]
        held = _held(conversation)
        if seen.get(number) == at and fresh[number] == held:
            fresh = {key: look for key, look in fresh.items() if key != number}
            continue
        parts = [said[first : first + PER_PAGE] for first in range(0, len(said), PER_PAGE)] or [[]]
        warnings = _too_long(conversation)
        for part in parts[:-1]:
            yield Page(part, {"mark": mark, "floor": floor, "seen": seen, "fresh": fresh}, warnings=warnings)
        mark = max(mark, at)
        seen = {key: last for key, last in seen.items() if last >= mark - OVERLAP} | {number: at}
        fresh = {key: look for key, look in fresh.items() if key in seen and key != number}
        if at == newest:  # a search that shows a later change was made after this second
            fresh[number] = held
        committed = fresh
        yield Page(parts[-1], {"mark": mark, "floor": floor, "seen": seen, "fresh": fresh}, warnings=warnings)
    if floor != mark or fresh != committed:
        yield Page((), {"mark": mark, "floor": mark, "seen": seen, "fresh": fresh}, caught_up=True)


def _held(conversation: Record) -> str:
    """A short mark that changes when something is said in a conversation, or taken out of it."""
    fields = map(_fields, records(conversation))
    told = [(each.get("id"), each.get("redacted")) for each in fields if isinstance(each, dict)]
    return format(crc32(repr(told).encode("utf-8", "replace")), "x")


def _changed_at(record: Record) -> float:
    """Unix seconds; what does not tell counts as new."""
    fields = _fields(record)
    told = (fields.get("updated_at") or fields.get("created_at")) if isinstance(fields, dict) else None
    at = told or record["at"]
    return at if isinstance(at, int | float) else inf


def _too_long(conversation: Record) -> tuple[str, ...]:
    total = (conversation.get("conversation_parts") or {}).get("total_count", 0)
    if total <= MOST_PARTS:
        return ()
    number = conversation.get("id")
    return (worded(f"conversation {number} has {total} parts, of which only {MOST_PARTS} are shown to us"),)


async def _changed(session: Session, after: int) -> AsyncGenerator[tuple[Record, int], None]:
    """Conversations, each with the newest time in the answer that lists it."""
    following: str | None = None
    while True:
        pagination: Record = {"per_page": PER_PAGE}
        if following:
            pagination["starting_after"] = following
        answer = await session.post_json(
            "/conversations/search",
            {
                "query": {"operator": "AND", "value": [{"field": "updated_at", "operator": ">", "value": after}]},
                "sort": {"field": "updated_at", "order": "ascending"},
                "pagination": pagination,
            },
        )
        rows = answer.get("conversations") if isinstance(answer, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row.get("updated_at"), int) for row in rows):
            raise TransientError("the answer is no list of conversations: is url that of the REST interface?")
        newest = max((row["updated_at"] for row in rows), default=after)
        for row in rows:
            yield row, newest
        following = ((answer.get("pages") or {}).get("next") or {}).get("starting_after")
        if not following:
            return
