"""Rows in the common post shape, read as a platform's records are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from math import isnan
from uuid import UUID

from aggregator.importer.files import is_unreadable
from connectors.contract import Author, Connector, Item, Post, Record, SourceConfig
from connectors.errors import RecordError

FIELDS = (
    "text", "native_id", "created_at", "thread_id", "author_id", "author_name", "channel", "lang", "url", "public",
    "reply_to", "followers", "likes", "replies", "shares",
)  # fmt: skip

# Eight digits, twelve or fourteen are a date: as seconds or milliseconds they would be of 1970 to 1976, or of no time
# of ours.
_EPOCH = re.compile(r"-?(?!(?:\d{8}|(?:19|20)\d{10}|\d{14})$)\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII)
# What pandas makes of a column of whole numbers where some rows have none.
_FLOAT = re.compile(r"\d+(?:\.0+|(?:\.\d+)?e\+?\d+)", re.ASCII)
_EARLIEST = 100_000_000  # seconds, in 1973: what is less is a year, or a day of a spreadsheet
_LATEST = 4_102_444_800  # seconds, in 2100: what is more is no time of ours
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?:\s+(\d{1,2})(?=:))?", re.ASCII)  # as spreadsheets write it

# In the words of spreadsheets and help desks; nothing and "nan" say that it was not told.
_YES = frozenset({
    "", "nan", "true", "yes", "y", "t", "1", "1.0", "on", "x", "public", "open", "是", "公开", "公開", "はい", "공개",
    "예", "да", "sí", "si", "có", "oui", "ja", "wahr", "vrai", "verdadero",
})  # fmt: skip
_NO = frozenset({
    "false", "no", "n", "f", "0", "0.0", "off", "private", "internal", "closed", "否", "不是", "非公开", "非公開",
    "私密", "不公开", "不公開", "私信", "いいえ", "비공개", "아니요", "нет",
    "không", "non", "nein", "falsch", "faux", "falso",
})  # fmt: skip

_MOST = 1 << 53  # a count beyond is none; an id that came as a float beyond may be another one


class FileConnector(Connector):
    """Reads rows in the common post shape. Not a source that can be configured: `aggregator import` makes it."""

    def __init__(self, source: str) -> None:
        super().__init__(source, SourceConfig(connector="import"), since=datetime.now(UTC))

    @property
    def space(self) -> str:
        return f"import/{self.source}"

    def post(self, record: Record) -> Item:
        if is_unreadable(record):
            why = record.get("why", "this line is no JSON object")
            raise RecordError(f"row {record['row']}: {why}", native_id=record["row"])
        text = record.get("text")
        if not isinstance(text, str):
            raise RecordError(f"row {record['row']}: `text` is missing or no text", native_id=record["row"])
        native, at = _word(record, "native_id"), _time(record)
        if native is None or at is None:
            guessed = tuple(name for name, value in (("native_id", native), ("posted_at", at)) if value is None)
        else:
            guessed = ()
        return Post(
            native or record["row"],
            text,
            at,
            _author(record),
            _word(record, "thread_id"),
            _word(record, "reply_to"),
            channel=_word(record, "channel"),
            lang=_word(record, "lang"),
            public=_public(record),
            permalink=_word(record, "url"),
            likes=_number(record.get("likes")),
            replies=_number(record.get("replies")),
            shares=_number(record.get("shares")),
            guessed=guessed,
        )


def _word(record: Record, name: str) -> str | None:
    value = record.get(name)
    if not value and (value is None or value == ""):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _whole(record, name, value)
    if isinstance(value, int | UUID):
        return str(value)
    raise RecordError(f"row {record['row']}: {name} is neither text nor number", record["row"])


def _whole(record: Record, name: str, value: float) -> str | None:
    """13.0 is 13: where some rows have no number, pandas makes all of a column such. None: not a number."""
    if isnan(value):
        return None
    if abs(value) >= _MOST:
        raise RecordError(f"row {record['row']}: {name} is too large for a number; write it as text", record["row"])
    return str(int(value) if value.is_integer() else value)


def _author(record: Record) -> Author | None:
    native, name = _word(record, "author_id"), _word(record, "author_name")
    if native is None and name is None:
        return None
    return _known(native or name or "", name or "", _number(record.get("followers")))


@lru_cache(maxsize=50_000)  # an author writes many posts
def _known(native: str, name: str, followers: int | None) -> Author:
    return Author(native, name=name, followers=followers)


def _time(record: Record) -> datetime | None:
    value = record.get("created_at")
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and value.endswith("+00:00"):
            return datetime.fromisoformat(value)
        written = str(value).strip()
        if _FLOAT.fullmatch(written) and (number := float(written)).is_integer():
            written = str(int(number))
        if _EPOCH.fullmatch(written):
            seconds = float(written)
            if seconds > 1e11:
                seconds /= 1000
            if not _EARLIEST <= seconds < _LATEST:
                raise ValueError
            return datetime.fromtimestamp(seconds, UTC)
        if len(written) in (12, 14) and written.isdecimal():
            written = f"{written[:8]}T{written[8:]}"
        elif day := _SLASHED.match(written):
            year, month, date, hour = day.groups("0")
            written = f"{year}-{month:0>2}-{date:0>2}T{hour:0>2}{written[day.end() :] or ':00'}"
        when = datetime.fromisoformat(written)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RecordError(f"row {record['row']}: created_at is no time: {value!r}", record["row"]) from error


def _number(value: object) -> int | None:
    if value is None or value == "":
        return None
    if type(value) is int:
        return value if abs(value) < _MOST else None
    try:
        number = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < _MOST else None


def _public(record: Record) -> bool:
    """Nothing: it is.

    Raises:
        RecordError: neither yes nor no; a private message must not be taken for one that all can read.
    """
    value = record.get("public")
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip().lower()
    if word in _NO:
        return False
    if word in _YES:
        return True
    raise RecordError(f"row {record['row']}: public is neither yes nor no: {value!r}", record["row"])
