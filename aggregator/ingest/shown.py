"""Secrets that show only in what was read: markup or a quote's marks parted them in the record.

A mail's HTML may part the words of a recovery phrase in more ways than anybody can list. So the texts of posts, where
they are not written in their record as they are, are looked at once more, and what is found is blacked out there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from aggregator.ingest.reading import Said
from aggregator.triage.secrets import Found, cover, cover_markup, cover_words, find, hidden, mask, mask_records
from connectors.contract import Record

Again = Callable[[Record, Sequence[Found], datetime], Sequence[Said]]
"""Reads one masked record."""


def covered_alike(record: Record, masked: Record, found: Sequence[Found]) -> Record:
    """A masked record, without what was masked in one of its strings and stands otherwise in another: the plain text
    and the HTML of one mail."""
    if not any(each.alarming for each in found):
        return masked
    return _record(cover(masked, hidden(record, masked)))


def without_shown(said: Sequence[Said], again: Again) -> list[Said]:
    """The posts of a page without secrets that show in their texts."""
    secrets = _shown(said)
    if not secrets:
        return [*said]
    leaking = {id(said[i].body) for i in secrets}
    clean: dict[int, list[Said]] = {}
    for key in leaking:
        numbers = [i for i, each in enumerate(said) if id(each.body) == key]
        for i, each in zip(numbers, _cleaned([said[i] for i in numbers], again), strict=True):
            clean[i] = [each]
    return [one for i, each in enumerate(said) for one in clean.get(i, [each])]


def secret_marks(found: Sequence[Found]) -> str | None:
    """As they are stored with a record."""
    if not found:
        return None
    return orjson.dumps([{"kind": each.kind, "published": not each.alarming} for each in found]).decode()


def _shown(said: Sequence[Said]) -> dict[int, list[Found]]:
    """By the number of a post what shows in it. What may be an id as well was weighed in the record, where its link
    stands."""
    unlike = [i for i, each in enumerate(said) if not _is_as_written(each)]
    masked = mask_records([{"title": said[i].post.title, "text": said[i].post.text} for i in unlike])
    shown = ((i, [one for one in found if not one.doubtful]) for i, (_, found) in zip(unlike, masked, strict=True))
    return {i: found for i, found in shown if found}


def _is_as_written(said: Said) -> bool:
    """Whether its texts stand in the record word for word, and so were looked at there."""
    post = said.post
    return _stands_in(post.text, said.body) and (not post.title or _stands_in(post.title, said.body))


def _stands_in(text: str, body: str) -> bool:
    return text in body or orjson.dumps(text).decode("utf-8", "replace")[1:-1] in body


def _cleaned(said: Sequence[Said], again: Again) -> Sequence[Said]:
    """The posts of one record. The gentlest way is tried first: whoever reads the record later wants the rest of it."""
    record, first = orjson.loads(said[0].body), said[0]
    found = [*first.found, *(one for each in _shown(said).values() for one in each)]
    secrets = [secret for each in said for secret in _secrets_of(each)]
    for way in (cover, cover_words, lambda value, _: cover_markup(value)):
        record = _record(way(record, secrets))
        read = [each._replace(record=first.record) for each in again(record, found, first.seen_at)]
        if [each.post.native_id for each in read] != [each.post.native_id for each in said]:
            break
        if not _shown(read):
            return read
        said = read
    body, marks = orjson.dumps(record).decode(), said[0].secrets or secret_marks(found)
    return [_blacked(each)._replace(body=body, secrets=marks, found=found) for each in said]


def _secrets_of(said: Said) -> Iterator[str]:
    for text in (said.post.text, said.post.title or ""):
        yield from (text[one.start : one.end] for one in find(text) if not one.doubtful)


def _blacked(said: Said) -> Said:
    post = said.post
    return said._replace(post=replace(post, text=mask(post.text)[0], title=post.title and mask(post.title)[0]))


def _record(value: object) -> Record:
    assert isinstance(value, dict)
    return value
