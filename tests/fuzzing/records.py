"""Every connector's `post()`, and all that follows it, over samples that were changed anywhere."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from connectors.contract import Push, PushConnector, Record
from connectors.feed.document import parse
from connectors.feed.memory import Memory, listed
from connectors.imap.mime import mail_of
from tests.fuzzing.draw import Draw, changed
from tests.fuzzing.reading import reader
from tests.fuzzing.sources import SECRET, samples, source
from tests.fuzzing.target import SAMPLES, Feed, Target, moments

NAMES = (
    "discourse", "telegram", "weibo", "wechat", "wechat_kf", "qq", "qq_bot", "imap", "feed", "feed_reviews", "feed_weibo",
    "intake", "chatwoot", "intercom",
)  # fmt: skip
STAMP = "2026-03-14T01:30:00+00:00"


def stored(name: str) -> list[Record]:
    """Records of a source as its `pages()` or its door give them."""
    if name == "imap":
        return [mail_record(file.read_bytes()) for file in sorted((SAMPLES / "email").glob("*.eml"))]
    if name.startswith("feed"):
        return list(_entries(name))
    if name == "intake":
        return [{"message": each, "sent_at": STAMP} for each in samples("chat", "intake")]
    if name == "chatwoot":
        return [{"message": each, "sent_at": STAMP} for each in samples("chat", "chatwoot")]
    if name == "intercom":
        return [record for each in samples("chat", "intercom") for record in _told_by_intercom(each)]
    return samples(name)


def mail_record(raw: bytes) -> Record:
    place = {"account": "support@wallet.example", "mailbox": "INBOX", "role": "inbox", "validity": 7, "uid": 3}
    told = {"flags": [], "arrived": "2026-03-14T18:00:00+00:00", "size": len(raw)}
    return place | told | mail_of(raw)


def entries_of(body: bytes, content_type: str = "application/xml") -> list[Record]:
    """Records of all that a feed lists."""
    found = listed(parse(body, content_type, "https://notes.example/feed"), host="notes.example", place="notes")
    memory = Memory()
    return memory.records(memory.news(found))


def _entries(name: str) -> Iterator[Record]:
    files = {"feed": "*_*.xml", "feed_reviews": "reviews*", "feed_weibo": "weibo*"}[name]
    for file in sorted((SAMPLES / "feed").glob(files)):
        yield from entries_of(file.read_bytes())


def _told_by_intercom(call: Record) -> list[Record]:
    desk: Any = source("intercom")
    assert isinstance(desk, PushConnector)
    body = json.dumps(call).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    return list(desk.receive(Push("POST", {"x-hub-signature": f"sha1={signature}"}, {}, body)).records)


def _target(name: str) -> Target:
    def ready() -> Feed:
        take, whole = reader(source(name)), stored(name)

        def feed(data: bytes) -> None:
            draw = Draw(data)
            record = changed(draw.one_of(whole), draw)
            take([record if isinstance(record, dict) else {"unreadable": record}])

        return feed

    return Target(f"record-{name.replace('_', '-')}", lambda: moments(len(stored(name))), ready)


RECORDS = [_target(name) for name in NAMES]
