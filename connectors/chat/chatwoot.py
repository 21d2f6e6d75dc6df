"""Chatwoot: its webhook, and its REST interface for what a webhook misses (https://developers.chatwoot.com).

A record is `{"message": as sent, "sent_at": when the webhook was signed}`. The webhook writes a message's type in
words and its time in ISO 8601, REST writes a number and Unix seconds.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import Any

from connectors.chat.message import Message, stars, with_subject
from connectors.chat.signature import check_token, signed_at
from connectors.contract import Cursor, Page, Push, Received, Record, Role, Vouched
from connectors.errors import PushRefusedError, RecordError, TransientError
from connectors.secret import Secret
from connectors.session import Session, parse_json
from connectors.text import html_to_text

PREFIX = "x-chatwoot"
EVENTS = frozenset({"message_created", "message_updated"})
KINDS = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
PER_PAGE = 50  # messages in one transaction
OLDER = 20  # messages of an answer to `before`
NEWER = 100  # ... and to `after`
REMEMBERED = 2000  # conversations


@dataclass(frozen=True, slots=True)
class Chatwoot:
    """One account. `base`: the server's address without a slash; `inboxes` empty: all."""

    base: str
    account: int
    inboxes: frozenset[int]
    secrets: Sequence[Secret]
    url_token: Secret | None

    def receive(self, push: Push) -> Received:
        """Take a webhook call. Older servers sign nothing: then the address itself holds a token.

        Raises:
            PushRefusedError: it is not from our Chatwoot.
        """
        sent_at = self._authenticated(push)
        try:
            body = parse_json(push.body)
        except ValueError as error:
            raise PushRefusedError("a genuine call that is no JSON", 400) from error
        event = body.get("event") if isinstance(body, dict) else None
        if not isinstance(event, str) or event not in EVENTS or not self._is_ours(body):
            return Received(())
        return Received([{"message": body, "sent_at": sent_at.isoformat() if sent_at else None}])

    def _authenticated(self, push: Push) -> datetime | None:
        if self.secrets:
            return signed_at(push, self.secrets, prefix=PREFIX, now=time())
        if self.url_token:
            check_token(push.query.get("token", ""), self.url_token)
            return None
        raise PushRefusedError("a call came, but neither secret nor url_token is configured: nothing is accepted")

    def _is_ours(self, body: Mapping[str, Any]) -> bool:
        account, inbox = body.get("account"), body.get("inbox")
        if isinstance(account, dict) and account.get("id") not in (None, self.account):
            return False
        number = inbox.get("id") if isinstance(inbox, dict) else body.get("inbox_id")
        return not self.inboxes or (isinstance(number, int) and number in self.inboxes)

    def message(self, record: Record) -> Message | None:
        """None: a note among colleagues, or something that nobody said.

        Raises:
            RecordError: it has a shape that Chatwoot does not send.
        """
        fields = record["message"]
        native_id = fields.get("id") if isinstance(fields, dict) else None
        if not isinstance(native_id, int):
            raise RecordError("its id is no number")
        try:
            return self._read(fields, native_id, record.get("sent_at"))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RecordError(f"it cannot be read: {type(error).__name__}", str(native_id)) from error

    def _read(self, fields: Mapping[str, Any], native_id: int, sent_at: str | None) -> Message | None:
        kind = fields["message_type"]
        kind = KINDS[kind] if isinstance(kind, int) else kind
        if fields.get("content_type") == "input_csat":
            return self._survey(fields, native_id, sent_at)
        if kind in ("activity", "template") or fields.get("private"):
            return None
        if kind not in ("incoming", "outgoing"):
            raise ValueError("an unknown message_type")
        conversation = fields.get("conversation") or {}
        number = conversation.get("id") or fields["conversation_id"]
        attributes = fields.get("content_attributes") or {}
        changed = datetime.fromisoformat(sent_at) if sent_at else None
        deleted = attributes.get("deleted") is True
        edited = fields.get("event") == "message_updated"
        author_id, name, role = _author(fields.get("sender") or {}, kind)
        answered = attributes.get("in_reply_to")
        text = _text(fields, attributes)
        if kind == "incoming":
            text = with_subject((attributes.get("email") or {}).get("subject"), text)
        attachments = len(fields.get("attachments") or ())
        failed = None
        if kind == "outgoing" and (fields.get("status") == "failed" or attributes.get("external_error")):
            failed = str(attributes.get("external_error") or "")
        if not (text or attachments or deleted or failed is not None):
            raise ValueError("nothing is said")
        return Message(
            id=str(native_id),
            text=text,
            event="message.deleted" if deleted else "message.updated" if edited else "message.created",
            conversation=str(number),
            at=_time(fields["created_at"]),
            changed_at=changed,
            author_id=author_id,
            author_name=name,
            role=role,
            vouched=_vouched(fields, conversation) if role == "customer" else (),
            reply_to=str(answered) if answered else None,
            attachments=attachments,
            pictures=sum(file.get("file_type") == "image" for file in fields.get("attachments") or ()),
            order=native_id,
            permalink=self._permalink(number),
            failed=failed,
        )

    def _survey(self, fields: Mapping[str, Any], native_id: int, sent_at: str | None) -> Message | None:
        """What a customer wrote into the survey at a conversation's end, which changes the message that asked for it.
        A rating alone says nothing."""
        attributes = fields.get("content_attributes") or {}
        told = (attributes.get("submitted_values") or {}).get("csat_survey_response") or {}
        words = str(told.get("feedback_message") or "").strip()
        if not words:
            return None
        conversation = fields.get("conversation") or {}
        number = conversation.get("id") or fields["conversation_id"]
        contact = fields.get("contact") or (conversation.get("meta") or {}).get("sender") or {}
        author_id, name, role = _author(contact, "incoming")
        changed = datetime.fromisoformat(sent_at) if sent_at else None
        return Message(
            id=str(native_id),
            text="\n".join(part for part in (stars(told.get("rating")), words) if part),
            event="message.updated",
            conversation=str(number),
            at=changed or _time(fields["created_at"]),  # of the question, where nobody tells when it was answered
            changed_at=changed,
            author_id=author_id,
            author_name=name,
            role=role,
            order=native_id,
            permalink=self._permalink(number),
        )

    def _permalink(self, number: object) -> str:
        return f"{self.base}/app/accounts/{self.account}/conversations/{number}"


def _author(sender: Mapping[str, Any], kind: str) -> tuple[str | None, str, Role]:
    """A contact, a colleague, or a bot that answers in our name."""
    name, number, type_ = sender.get("name") or "", sender.get("id"), str(sender.get("type", "")).lower()
    if kind == "incoming":
        return (f"contact/{number}" if number is not None else None), name, "customer"
    if type_ == "user":
        return f"user/{number}", name, "staff"
    return f"bot/{number if number is not None else 0}", name, "bot"


def _vouched(fields: Mapping[str, Any], conversation: Mapping[str, Any]) -> tuple[Vouched, ...]:
    """The contact's identifier, where our app has signed it (identity validation, hmac_verified)."""
    identifier = (fields.get("sender") or {}).get("identifier")
    signed = (conversation.get("contact_inbox") or {}).get("hmac_verified") is True
    return (("app", identifier),) if signed and isinstance(identifier, str) and identifier else ()


def _text(fields: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    """A message that came by mail: without the mails that it quotes."""
    mail = attributes.get("email") or {}
    for part, is_html in (("text_content", False), ("html_content", True)):
        if reply := (mail.get(part) or {}).get("reply"):
            return html_to_text(reply) if is_html else str(reply).strip()
    # What the desk has understood of voice messages follows some seconds later.
    heard = (file.get("transcribed_text") for file in fields.get("attachments") or () if isinstance(file, dict))
    parts = (fields.get("content"), *heard)
    return "\n".join(said for part in parts if part and (said := str(part).strip()))


def _time(value: Any) -> datetime:
    """Unix seconds (REST), ISO 8601 (webhook), or `2020-03-03 13:05:57 UTC` (older webhooks)."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    at = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(slots=True)
class Walk:
    """One account's conversations, read by REST.

    Cursor: `mark`: up to this activity (Unix seconds) everything is committed; `last`: by conversation, its newest
    committed message; the newest conversation last.
    """

    session: Session
    desk: Chatwoot
    since: datetime
    mark: int = 0
    last: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, desk: Chatwoot, since: datetime, cursor: Cursor | None) -> Walk:
        known = cursor or {"mark": int(since.timestamp()), "last": {}}
        return cls(session, desk, since, known["mark"], dict(known["last"]))

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Conversations in the order of their last activity, so that a crash goes on where it was."""
        committed = self._cursor()
        for row in sorted(await self._changed(), key=_activity):
            conversation = str(row["id"])
            if conversation in self.last:
                async for messages in self._newer(conversation):
                    yield self._page(conversation, messages)
            else:
                for part in _parts(await self._all(conversation)):
                    yield self._page(conversation, part)
            self.mark = max(self.mark, _told_activity(row) or 0)
        self._forget()
        if self._cursor() != committed:
            yield Page((), self._cursor(), caught_up=True)

    async def _changed(self) -> list[Record]:
        """Conversations with activity since `mark`, that second included. The list moves while we turn its pages:
        what moves up to a page that we have read is newer than `mark` at the next poll."""
        changed: dict[str, Record] = {}
        number = 1
        while True:
            rows = await self.conversations(number)
            fresh = [row for row in rows if _activity(row) >= self.mark]
            ours = [row for row in fresh if not self.desk.inboxes or row.get("inbox_id") in self.desk.inboxes]
            changed |= {str(row["id"]): row for row in ours if not self._is_known(row)}
            if not rows or len(fresh) < len(rows):
                return list(changed.values())
            number += 1

    async def conversations(self, number: int) -> list[Record]:
        """Page `number` (from 1) of all conversations, the latest activity first; 25 each. Without `status` only
        open ones would be listed."""
        answer = await self.session.get_json(
            self._path("conversations"),
            status="all",
            assignee_type="all",
            sort_by="last_activity_at_desc",
            page=number,
        )
        return _listed(answer.get("data") if isinstance(answer, dict) else None)

    def _is_known(self, row: Record) -> bool:
        newest = max(map(_id, row.get("messages") or ()), default=0)
        return 0 < newest <= self.last.get(str(row["id"]), 0)

    async def _newer(self, conversation: str) -> AsyncGenerator[list[Record], None]:
        while True:
            messages = await self._messages(conversation, after=self.last[conversation])
            if messages:
                yield messages
            if len(messages) < NEWER:
                return

    async def _all(self, conversation: str) -> list[Record]:
        """From the newest down to the backfill point, oldest first."""
        found = older = await self._messages(conversation)
        while len(older) >= OLDER and not _is_before(older[0], self.since):
            older = await self._messages(conversation, before=_id(found[0]))
            found = older + found
        return [message for message in found if not _is_before(message, self.since)]

    async def _messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None
    ) -> list[Record]:
        bound = {name: number for name, number in (("after", after), ("before", before)) if number is not None}
        path = self._path(f"conversations/{conversation}/messages")
        return _listed(await self.session.get_json(path, gone=False, **bound))

    def _page(self, conversation: str, messages: Sequence[Record]) -> Page:
        self.last.pop(conversation, None)
        self.last[conversation] = max(map(_id, messages))
        return Page([{"message": each, "sent_at": None} for each in messages], self._cursor())

    def _cursor(self) -> Cursor:
        return {"mark": self.mark, "last": dict(self.last)}

    def _forget(self) -> None:
        for conversation in list(self.last)[: max(0, len(self.last) - REMEMBERED)]:
            del self.last[conversation]

    def _path(self, rest: str) -> str:
        return f"/api/v1/accounts/{self.desk.account}/{rest}"


def _listed(answer: object) -> list[Record]:
    """Raises TransientError: Chatwoot answers in another shape, with numbers missing that we go on by."""
    rows = answer.get("payload") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
        raise TransientError("Chatwoot's answer is no list of what was asked for: is url that of its server?")
    return rows


def _id(message: Record) -> int:
    number: int = message["id"]
    return number


def _activity(row: Record) -> int:
    """Unix seconds; a conversation that does not tell counts as new, and moves no mark."""
    at = _told_activity(row)
    return int(time()) if at is None else at


def _told_activity(row: Record) -> int | None:
    at = row.get("last_activity_at")
    return int(at) if isinstance(at, int | float) else None


def _is_before(message: Record, since: datetime) -> bool:
    at = message.get("created_at")
    return isinstance(at, int | float) and at < since.timestamp()


def _parts(messages: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(messages), PER_PAGE):
        yield messages[start : start + PER_PAGE]
