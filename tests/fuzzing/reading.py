"""What must hold of whatever a connector reads, from a record as a platform sent it to rows of our tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from aggregator.config import Settings
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.prepare import read_page
from aggregator.ingest.reading import Reading
from aggregator.people.suspects import our_names
from aggregator.triage import get_ready
from connectors.contract import Connector, Post, Record
from connectors.replying import Asked, Replying
from tests.fuzzing.target import NOON, is_aware


def origin_of(connector: Connector) -> Origin:
    settings = Settings(sources={})
    return Origin(
        connector.source,
        connector.space,
        connector.channel,
        connector.post,
        live_since=NOON.replace(year=2000),
        points=settings.points,
        clocks=settings.clocks,
        names=our_names(settings),
    )


def reader(connector: Connector) -> Callable[[Sequence[Record]], None]:
    """Takes records as the service does, up to the rows that are written, and looks at them."""
    get_ready()
    origin = origin_of(connector)

    def take(records: Sequence[Record]) -> None:
        page = read_page(records, origin, NOON)
        assert page.records == len(records)
        for said in page.readings:
            _is_sound(said)
            if isinstance(connector, Replying):
                connector.reply_window(_asked(said), NOON)
        assert all(is_aware(at) for _, at in page.deleted)
        pack(page, origin, NOON)
        for rejected in page.rejected:
            f"{rejected.reason}{rejected.body}{rejected.secrets}".encode()

    return take


def _is_sound(said: Reading) -> None:
    post = said.post
    for text in texts_of(post):
        text.encode()
    assert post.native_id
    for moment in (post.posted_at, post.edited_at, post.can_reply_until, said.posted_at):
        assert is_aware(moment)
    orjson.loads(said.facts)
    for reason in said.understanding.reasons:
        if reason.start is not None:
            assert reason.end is not None
            assert 0 <= reason.start <= reason.end <= len(post.text)


def _asked(said: Reading) -> Asked:
    post = said.post
    return Asked(
        post.native_id,
        said.posted_at,
        orjson.loads(said.said.body),
        post.author.native_id if post.author else None,
        post.title,
        post.text,
        post.public,
        post.can_reply_until,
    )


def texts_of(post: Post) -> Iterator[str]:
    """Every string in it."""
    waiting: list[object] = [dataclasses.asdict(post)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, Iterable):
            waiting.extend(each)
