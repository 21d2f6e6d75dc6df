"""Whole texts. A list shows 140 characters of a post; the rest costs a call for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.contract import Record
from connectors.errors import SourceGoneError, TransientError
from connectors.weibo.api import Api, OutOfCallsError
from connectors.weibo.failures import NotAllowedError
from connectors.weibo.reading import author_of, id_of, is_cut_off

AT_ONCE = 5  # per page, which is stored only after them
WAITING = 200  # posts that are remembered


async def complete(
    records: Sequence[Record], api: Api, us: str, waiting: list[str], may_spend: Callable[[], bool]
) -> None:
    """Put whole texts into posts that a list cut off. Those that must wait come to the head of `waiting`.

    Whatever goes wrong here is no reason to lose the page: what the list showed is stored.
    """
    asked = 0
    for status in (status for record in records for status in _cut_off(record, us)):
        key = id_of(status)
        if asked < AT_ONCE and may_spend():
            asked += 1
            try:
                status["longText"] = (await api.whole(key)).get("longText")
                continue
            except SourceGoneError:
                continue  # it went while we read it
            except (TransientError, NotAllowedError, OutOfCallsError):
                asked = AT_ONCE
        waiting[:] = [key, *(other for other in waiting if other != key)][:WAITING]


async def next_whole(api: Api, us: str, waiting: list[str]) -> Record:
    """The post at the head of `waiting`, whole, as a record. It waits no longer."""
    key = waiting[0]
    try:
        record: Record = {"status": await api.whole(key), "us": us}
    except SourceGoneError:
        record = {"gone": {"id": key}}
    waiting.remove(key)
    return record


def _cut_off(record: Mapping[str, Any], us: str) -> Iterator[dict[str, Any]]:
    """Posts in a record that are not ours and not whole."""
    for status in _statuses(record):
        if is_cut_off(status) and id_of(status) and author_of(status) not in ("", us):
            yield status


def _statuses(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    comment = record.get("comment")
    listed = comment.get("status") if isinstance(comment, dict) else record.get("status")
    if isinstance(listed, dict):
        yield listed
        if isinstance(original := listed.get("retweeted_status"), dict):
            yield original
