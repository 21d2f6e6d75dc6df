"""The wallet app's backend, as it passes on the messages of its chat: signed, in order, again until they are taken."""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from time import time
from typing import Any, Final

import httpx
import orjson

from aggregator.demo.truth import Truth

Json = dict[str, Any]
MOST_IN_A_BATCH: Final = 100


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Said:
    """A message as the app holds it now."""

    id: str
    conversation: str
    author: str
    staff: bool
    verified: bool
    text: str
    at: datetime
    deleted: bool = False


@dataclass
class AppBackend:
    """Set `url` to the intake's address; `deliver` sends what waits.

    secret: what it signs with; key_id: its name, told with each call. batch: most messages in a call; 1: each by
    itself. wait: seconds that the last answer asked it to wait.
    """

    url: str = ""
    secret: str = field(default_factory=token_hex)
    key_id: str = "2026"
    batch: int = 1
    clock: Callable[[], datetime] = _now
    signs_at: Callable[[], float] = time
    pending: deque[Json] = field(default_factory=deque)
    statuses: list[int] = field(default_factory=list)
    answers: list[Json] = field(default_factory=list)
    wait: int = 0

    def __post_init__(self) -> None:
        self._said: dict[str, _Said] = {}
        self._count = 0
        self._lost_answers = 0

    # What people do

    def says(
        self,
        author: str,
        text: str,
        *,
        conversation: str = "",
        reply_to: str | None = None,
        verified: bool = True,
        at: datetime | None = None,
        attachments: int = 0,
    ) -> str:
        """A customer writes in the app; the message's id. Without `conversation` it is the customer's own."""
        return self._writes(author, text, conversation or f"conv-{author}", at, reply_to, attachments, verified)

    def replies(self, colleague: str, text: str, *, to: str, at: datetime | None = None) -> str:
        """A colleague answers the message `to`, with whatever the team uses."""
        return self._writes(colleague, text, self._said[to].conversation, at, to, 0, None)

    def edits(self, native_id: str, text: str, *, at: datetime | None = None) -> None:
        said = self._said[native_id]
        said.text = text
        moment = (at or self.clock()).isoformat()
        self.pending.append(_message(said) | {"event": "message.updated", "updated_at": moment})

    def deletes(self, native_id: str, *, at: datetime | None = None) -> None:
        self._said[native_id].deleted = True
        moment = (at or self.clock()).isoformat()
        self.pending.append({"id": native_id, "event": "message.deleted", "updated_at": moment})

    # What goes wrong

    def breaks(self) -> str:
        """A message that the contract does not allow waits to be sent; its id."""
        self._count += 1
        self.pending.append({"id": f"m-{self._count}", "text": "odd", "created_at": "yesterday"})
        return f"m-{self._count}"

    def loses_answers(self, calls: int = 1) -> None:
        """So many of the next calls arrive, but their answers do not: they are sent again."""
        self._lost_answers += calls

    # What is so

    def truth(self) -> dict[str, Truth]:
        return {
            said.id: Truth(
                native_id=said.id,
                text=said.text.strip(),
                author=f"{'staff' if said.staff else 'user' if said.verified else 'guest'}/{said.author}",
                thread=said.conversation,
                published_at=said.at,
                deleted=said.deleted,
            )
            for said in self._said.values()
        }

    # The protocol

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Send what waits, oldest first, until one call is not taken; that one and the rest wait for the next time.

        A call that is refused for what it holds (400) is not repeated.
        """
        self.wait = 0
        while self.pending:
            messages = [self.pending[number] for number in range(min(self.batch, len(self.pending)))]
            if not await self._taken(client, messages):
                return
            for _ in messages:
                self.pending.popleft()

    async def beats(self, client: httpx.AsyncClient) -> None:
        """An empty batch: the app lives, and everything before has been sent."""
        await self._taken(client, [])

    def signed(self, body: object, *, at: float | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of one call."""
        raw = orjson.dumps(body)
        stamp = str(int(self.signs_at() if at is None else at))
        digest = hmac.new(self.secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-Inquiry-Timestamp": stamp,
            "X-Inquiry-Signature": f"sha256={digest}",
            "X-Inquiry-Key-Id": self.key_id,
        }, raw

    async def _taken(self, client: httpx.AsyncClient, messages: list[Json]) -> bool:
        body = messages[0] if self.batch == 1 and messages else {"messages": messages}
        headers, raw = self.signed(body)
        try:
            answer = await client.post(self.url, headers=headers, content=raw)
        except httpx.HTTPError:
            return False
        if self._lost_answers:
            self._lost_answers -= 1
            return False
        self.statuses.append(answer.status_code)
        if answer.content:
            self.answers.append(answer.json())
        self.wait = int(answer.headers.get("retry-after", "0"))
        return answer.is_success or answer.status_code == 400

    def _writes(
        self,
        author: str,
        text: str,
        conversation: str,
        at: datetime | None,
        reply_to: str | None,
        attachments: int,
        verified: bool | None,
    ) -> str:
        """verified None: it is a colleague."""
        self._count += 1
        said = _Said(
            id=f"m-{self._count}",
            conversation=conversation,
            author=author,
            staff=verified is None,
            verified=bool(verified),
            text=text,
            at=at or self.clock(),
        )
        self._said[said.id] = said
        message = _message(said)
        if reply_to:
            message["reply_to"] = reply_to
        if attachments:
            file = {"url": "https://files.example/a.png", "name": "a.png", "mime": "image/png", "size": 20481}
            message["attachments"] = [file] * attachments
        self.pending.append(message)
        return said.id


def _message(said: _Said) -> Json:
    return {
        "id": said.id,
        "conversation_id": said.conversation,
        "event": "message.created",
        "direction": "out" if said.staff else "in",
        "text": said.text,
        "created_at": said.at.isoformat(),
        "author": {"id": said.author, "name": said.author, "is_staff": said.staff, "verified": said.verified},
        "app": {"platform": "android", "version": "2.3.1"},
    }
