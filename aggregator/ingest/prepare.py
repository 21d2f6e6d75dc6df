"""One record, before the database sees it: masked, read, understood, with the ids that everybody can compute."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import orjson

from aggregator.identity import Id, post_id, stable_id, thread_id
from aggregator.ingest.drafts import Prepared, Rejected
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.reading import ReadPage, Said, read_posts
from aggregator.ingest.shown import covered_alike, secret_marks, without_shown
from aggregator.ingest.sound import are_sound, refuse_unsound
from aggregator.triage import get_ready
from aggregator.triage.secrets import Found, mask_records
from connectors.contract import Counts, Deleted, Item, Moved, Post, Record, Undelivered
from connectors.errors import RecordError

log = logging.getLogger(__name__)


def prepare(records: Sequence[Record], origin: Origin, seen_at: datetime) -> Prepared:
    """Mask, read and understand a page."""
    return pack(read_page(records, origin, seen_at), origin, seen_at)


def read_page(records: Sequence[Record], origin: Origin, seen_at: datetime) -> ReadPage:
    """Mask, read and understand a page. One bad record never stops it.

    Raises:
        ConfigError: a word list is broken, which must not turn every post into a rejected record.
    """
    get_ready()
    page = ReadPage(records=len(records))
    hidden = zip(records, mask_records(records), strict=True)
    masked = [
        (covered_alike(record, each, found) if found else each, found, seen_at) for record, (each, found) in hidden
    ]
    said = without_shown(_read(masked, origin, page), partial(_read_alone, origin))
    _understand(said, origin, page)
    _follow(page)
    return page


def read_again(stored: Iterable[tuple[str, str | None, datetime]], origin: Origin) -> ReadPage:
    """Stored records, which are masked already, once more: body, secrets and when each was seen."""
    get_ready()
    page = ReadPage()
    _understand(_read([_unpacked(*each) for each in stored], origin, page), origin, page)
    return page


_Masked = tuple[Record, Sequence[Found], datetime]
"""A record, what was masked in it, and when it was seen."""


def _unpacked(body: str, secrets: str | None, seen_at: datetime) -> _Masked:
    marks = orjson.loads(secrets) if secrets else ()
    return orjson.loads(body), [Found(mark["kind"], 0, 0, mark["published"], False) for mark in marks], seen_at


def _read(records: Sequence[_Masked], origin: Origin, page: ReadPage) -> list[Said]:
    """The posts of some records; what else they tell goes to the page."""
    page.records = len(records)
    told = [_told(masked, found, seen_at, origin) for masked, found, seen_at in records]
    sound = _are_sound([item for item, *_ in told if isinstance(item, Post)])
    said: list[Said] = []
    for number, (item, seen_at, body, secrets, found) in enumerate(told):
        if sound and isinstance(item, Post):
            said.append(Said(item, seen_at, body, secrets, found, number))
            _take_back(item, origin, page)
            continue
        try:
            if isinstance(item, Exception):
                raise item
            items = _items(item)
            for each in items:
                refuse_unsound(each)
        except Exception as error:  # platforms change their formats without notice
            page.rejected.append(_reject(error, body, secrets, origin))
            continue
        for each in items:
            if isinstance(each, Post):
                said.append(Said(each, seen_at, body, secrets, found, number))
                _take_back(each, origin, page)
            else:
                _take_note(each, origin, page)
    return said


def _take_back(post: Post, origin: Origin, page: ReadPage) -> None:
    """A deletion that was told earlier does not hold where the post is back: all posts are taken before any goes."""
    if page.deleted and (post.recovered or post.edited_at):
        names = [post_id(origin.space, name) for name in (post.native_id, post.alias) if name]
        page.deleted = [(gone, at) for gone, at in page.deleted if gone not in names or not _is_back(post, at)]


def _is_back(post: Post, deleted_at: datetime | None) -> bool:
    edited_later = deleted_at is not None and post.edited_at is not None and deleted_at < post.edited_at
    return post.recovered or edited_later


def _read_alone(origin: Origin, record: Record, found: Sequence[Found], seen_at: datetime) -> list[Said]:
    """The posts of one record that was read before: what else it tells is known."""
    return _read([(record, found, seen_at)], origin, ReadPage())


_Told = Item | Sequence[Item] | Exception | None


def _told(
    masked: Record, found: Sequence[Found], seen_at: datetime, origin: Origin
) -> tuple[_Told, datetime, str, str | None, Sequence[Found]]:
    """What a record tells, or why it cannot be read; then what `Said` holds besides."""
    stored, body = _written(masked)
    try:
        item: _Told = origin.read(stored)
    except Exception as error:  # told in its turn
        item = error
    return item, seen_at, body, secret_marks(found), found


def _items(told: Item | Sequence[Item] | None) -> Sequence[Item]:
    if told is None:
        return ()
    return (told,) if isinstance(told, Post | Deleted | Counts | Moved | Undelivered) else tuple(told)


def _are_sound(posts: Sequence[Post]) -> bool:
    try:
        return are_sound(posts)
    except Exception:  # one is so odd that it cannot even be looked at; it is refused alone
        return False


def _written(masked: Record) -> tuple[Record, str]:
    """The record as it is stored, and as text. A lone surrogate becomes `?`, and a number that no database takes the
    nearest one."""
    try:
        return masked, orjson.dumps(masked, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        from connectors.session import parse_json  # with it comes HTTP, which those who read files have no use for

        try:
            text = json.dumps(masked, ensure_ascii=False, default=str).encode("utf-8", "replace")
            stored = parse_json(text)
        except (ValueError, RecursionError):
            stored = {"unreadable": "(not kept: it cannot be written as JSON, or is nested too deeply)"}
        return stored, orjson.dumps(stored).decode()


def _take_note(item: Item, origin: Origin, page: ReadPage) -> None:
    if isinstance(item, Deleted):
        page.deleted.append((post_id(origin.space, item.native_id), item.at))
    elif isinstance(item, Counts):
        counts = (item.likes, item.replies, item.shares, item.views)
        page.counts.append((post_id(origin.space, item.native_id), counts))
    elif isinstance(item, Moved):
        page.moved.append((thread_id(origin.space, item.thread), thread_id(origin.space, item.to)))
    elif isinstance(item, Undelivered):
        page.undelivered.append(item)


def _understand(said: Sequence[Said], origin: Origin, page: ReadPage) -> None:
    """What the posts mean, all of a page together: that is many times quicker than one by one. If one of them cannot
    be read, it is found by halves."""
    try:
        page.readings += read_posts(said, origin)
    except Exception as error:  # a date beyond the calendar, a number that is none
        if len(said) == 1:
            page.rejected.append(_reject(error, said[0].body, said[0].secrets, origin))
        else:
            half = len(said) // 2
            _understand(said[:half], origin, page)
            _understand(said[half:], origin, page)


def _follow(page: ReadPage) -> None:
    """What was said in a thread that goes on under another id belongs there, as does what is stored of it."""
    for old, new in page.moved:
        for said in page.readings:
            if said.thread_id == old:
                said.thread_id = new


def _reject(error: Exception, body: str, secrets: str | None, origin: Origin) -> Rejected:
    known = isinstance(error, RecordError)
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    if not known:
        log.warning("%s: a record could not be read: %s", origin.source, type(error).__name__)
    native = error.native_id if isinstance(error, RecordError) and error.native_id else body
    return Rejected(rejected_id(origin.source, native), reason[:500], body, secrets, len(body.encode()))


def rejected_id(source: str, native_id: str) -> Id:
    """One for each record that cannot be read: of the post's id where it could be had, else of the record."""
    return stable_id(source, "rejected", native_id)
