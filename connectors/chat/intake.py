"""Our own intake: the product's backend posts signed JSON to /intake/chat/<source>. docs/chat-intake.md"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock
from time import monotonic, time

import orjson

from connectors.chat.message import Message, intake_message
from connectors.chat.signature import signed_at
from connectors.contract import Push, Received, Record
from connectors.errors import PushRefusedError, RecordError
from connectors.secret import Secret
from connectors.session import parse_json

LARGEST_BODY = 256 * 1024  # bytes
MOST_IN_A_BATCH = 100
REMEMBERED = 10_000  # messages, to tell a repeated delivery; that they are stored once does not hang on it
PREFIX = "x-inquiry"
JSON = "application/json"


class Intake:
    """Checks, in this order: size, content type, timestamp, signature, pace, JSON, each message."""

    def __init__(
        self,
        secrets: Sequence[Secret],
        *,
        calls_per_minute: int,
        conversation_url: str,
        now: Callable[[], float] = time,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._secrets = secrets
        self._most_calls = calls_per_minute
        self._conversation_url = conversation_url
        self._now = now
        self._clock = clock
        self._calls: deque[float] = deque()
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._one_at_a_time = Lock()  # each call is read in a thread of its own

    def receive(self, push: Push) -> Received:
        """Take a message, a batch, or an empty batch (a sign of life).

        A message that breaks the contract is handed on all the same, to be kept apart with its reason.

        Raises:
            PushRefusedError: it is not from our app, or too large.
        """
        if len(push.body) > LARGEST_BODY:
            raise PushRefusedError(f"a call of more than {LARGEST_BODY} bytes", 413)
        if push.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise PushRefusedError(f"a call that is not {JSON}", 415)
        sent_at = signed_at(push, self._secrets, prefix=PREFIX, now=self._now())
        if wait := self._too_soon():
            return _answer(429, {"status": "wait", "seconds": wait}, {"Retry-After": str(wait)})
        try:
            body = parse_json(push.body)
        except ValueError:
            return _answer(400, {"status": "refused", "error": "the body should be JSON in UTF-8"})
        batch = body.get("messages") if isinstance(body, dict) else None
        if isinstance(batch, list):
            return self._batch(batch, sent_at)
        if not isinstance(body, dict):
            return _answer(400, {"status": "refused", "error": "the body should be an object"})
        return self._single(body, sent_at)

    def message(self, record: Record) -> Message:
        """Raises RecordError."""
        fields, sent_at = record.get("message"), record.get("sent_at")
        if not isinstance(fields, dict):
            raise RecordError("it should be an object")
        if "reply_id" in record:
            fields = fields | {"reply_to": record["reply_id"]}
        return intake_message(
            fields, datetime.fromisoformat(sent_at) if isinstance(sent_at, str) else None, self._conversation_url
        )

    def _single(self, fields: Record, sent_at: datetime) -> Received:
        record = _record(fields, sent_at)
        try:
            native_id = self.message(record).id
        except RecordError as error:
            return _answer(400, {"status": "refused", "error": str(error)}, records=[record])
        if self._known(native_id, fields):
            return _answer(200, {"status": "duplicate", "id": native_id}, records=[record])
        return _answer(202, {"status": "accepted", "id": native_id}, records=[record])

    def _batch(self, batch: list[object], sent_at: datetime) -> Received:
        if len(batch) > MOST_IN_A_BATCH:
            return _answer(413, {"status": "refused", "error": f"at most {MOST_IN_A_BATCH} messages in a batch"})
        records = [_record(each, sent_at) for each in batch]
        wrong, duplicates = [], 0
        for number, record in enumerate(records):
            try:
                native_id = self.message(record).id
            except RecordError as error:
                wrong.append({"index": number, "id": error.native_id, "error": str(error)})
                continue
            duplicates += self._known(native_id, record["message"])
        told = {"status": "accepted", "accepted": len(records) - len(wrong) - duplicates, "duplicates": duplicates}
        return _answer(202, told | {"refused": wrong}, records=records)

    def _known(self, native_id: str, fields: Record) -> bool:
        """Whether the same was sent before. It is handed on even so: it may not have been stored."""
        look = hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=8).hexdigest()
        with self._one_at_a_time:
            known = self._seen.get(native_id) == look
            self._seen[native_id] = look
            self._seen.move_to_end(native_id)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return known

    def _too_soon(self) -> int:
        """Seconds until another call is taken; 0: now."""
        with self._one_at_a_time:
            now = self._clock()
            while self._calls and self._calls[0] <= now - 60:
                self._calls.popleft()
            if len(self._calls) >= self._most_calls:
                return int(self._calls[0] + 60 - now) + 1
            self._calls.append(now)
            return 0


def _record(fields: object, sent_at: datetime) -> Record:
    record: Record = {"message": fields, "sent_at": sent_at.astimezone(UTC).isoformat()}
    # An id of 64 hex digits looks like a private key, and would be masked where its name does not call it an id.
    if isinstance(fields, dict) and isinstance(fields.get("reply_to"), str):
        record["reply_id"] = fields["reply_to"]
    return record


def _answer(
    status: int, told: Record, headers: dict[str, str] | None = None, records: Sequence[Record] = ()
) -> Received:
    return Received(records, status, orjson.dumps(told), JSON, headers=headers or {})
