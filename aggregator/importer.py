"""Posts from files: history exports and other tools, through the same ingest as everything else.

Resumable (each page's commit moves the file's row count) and idempotent: a post keeps its own id, or is named
by its file's hash and its row.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from aggregator.commit import Move, Outcome
from aggregator.ingest import Ingest
from aggregator.prepare import Origin, Prepared, prepare
from aggregator.store import sources
from aggregator.triage.secrets import gate
from connectors.contract import Author, Connector, Item, Post, Record, SourceConfig
from connectors.errors import RecordError

PAGE = 1000  # rows in one transaction: the writer is held for less than 100 ms
FIELDS = (
    "text", "native_id", "created_at", "thread_id", "author_id", "author_name", "channel", "lang", "url", "public",
    "reply_to", "followers", "likes", "replies", "shares",
)  # fmt: skip

_MOST = 1 << 53  # a count beyond is none

Progress = Callable[[str, int, int], None]  # file, rows done, rows in all (0: not known)


class ImportFileError(Exception):
    """A file cannot be imported; the message names the file, the line and the remedy."""


class FileConnector(Connector):
    """Reads rows in the common post shape. Not a source that can be configured: `aggregator import` makes it."""

    def __init__(self, source: str) -> None:
        super().__init__(source, SourceConfig(connector="import"), since=datetime.now(UTC))

    @property
    def space(self) -> str:
        return f"import/{self.source}"

    def post(self, record: Record) -> Item:
        if "unreadable" in record:
            raise RecordError(f"row {record['row']}: this line is no JSON object", native_id=record["row"])
        text = record.get("text")
        if not isinstance(text, str):
            raise RecordError(f"row {record['row']}: `text` is missing or no text", native_id=record["row"])
        guessed = [name for name in ("native_id", "created_at") if _absent(record.get(name))]
        author = _author(record)
        return Post(
            native_id=_word(record, "native_id") or record["row"],
            text=text,
            posted_at=_time(record),
            author=author,
            thread=_word(record, "thread_id"),
            reply_to=_word(record, "reply_to"),
            channel=_word(record, "channel"),
            lang=_word(record, "lang"),
            public=_flag(record.get("public"), default=True),
            permalink=_word(record, "url"),
            likes=_number(record.get("likes")),
            replies=_number(record.get("replies")),
            shares=_number(record.get("shares")),
            guessed=tuple("posted_at" if name == "created_at" else name for name in guessed),
        )


def _absent(value: object) -> bool:
    return value is None or value == ""


def _word(record: Record, name: str) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | UUID):
        return str(value)
    raise RecordError(f"row {record['row']}: {name} is neither text nor number", record["row"])


def _author(record: Record) -> Author | None:
    native, name = _word(record, "author_id"), _word(record, "author_name")
    if native is None and name is None:
        return None
    return Author(native or name or "", name=name or "", followers=_number(record.get("followers")))


def _time(record: Record) -> datetime | None:
    value = record.get("created_at")
    if _absent(value):
        return None
    try:
        if isinstance(value, int | float) or str(value).isdecimal():
            seconds = float(str(value))
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        when = datetime.fromisoformat(str(value))
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RecordError(f"row {record['row']}: created_at is no time: {value!r}", record["row"]) from error


def _number(value: object) -> int | None:
    try:
        number = None if _absent(value) else int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < _MOST else None


def _flag(value: object, *, default: bool) -> bool:
    if _absent(value):
        return default
    return str(value).strip().lower() not in ("false", "0", "no", "f", "n")


# -- files ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """One file to import. `renamed`: our field -> the file's column."""

    path: Path
    renamed: Mapping[str, str]
    encoding: str = "utf-8-sig"

    def digest(self) -> str:
        """Names its rows: the same content has the same name."""
        with self.path.open("rb") as content:
            return hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=8)).hexdigest()

    def rows(self) -> Iterator[Record]:
        """Each row with our field names; lines that are no JSON as {"unreadable": text}."""
        kind = self.path.suffix.lower()
        if kind == ".parquet":
            return self._renamed(self._parquet())
        if kind in (".csv", ".tsv"):
            return self._renamed(self._csv("\t" if kind == ".tsv" else ","))
        if kind in (".jsonl", ".ndjson", ".json"):
            return self._renamed(self._json_lines())
        raise ImportFileError(f"{self.path}: unknown kind of file; use .jsonl, .csv, .tsv or .parquet")

    def count(self) -> int:
        """Rows in all; 0 where counting would mean reading everything."""
        if self.path.suffix.lower() != ".parquet":
            return 0
        import pyarrow.parquet

        try:
            return int(pyarrow.parquet.read_metadata(self.path).num_rows)
        except pyarrow.ArrowException as error:
            raise ImportFileError(f"{self.path}: no readable Parquet file: {error}") from error

    def _renamed(self, rows: Iterator[dict[str, Any]]) -> Iterator[Record]:
        back = {column: name for name, column in self.renamed.items()}
        first = next(rows, None)
        if first is None:
            return
        if "text" not in self.renamed and "text" not in first and "unreadable" not in first:
            raise ImportFileError(
                f"{self.path}: there is no column `text` (there are: {', '.join(map(str, first))}); "
                "name it with --map text=COLUMN"
            )
        if missing := [column for column in back if column not in first and "unreadable" not in first]:
            raise ImportFileError(f"{self.path}: --map names a column that is not there: {', '.join(missing)}")
        for row in _chain(first, rows):
            yield {back.get(name, name): value for name, value in row.items()} if back else row

    def _parquet(self) -> Iterator[dict[str, Any]]:
        import pyarrow
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(self.path) as file:
                odd = [column.name for column in file.schema_arrow if _odd(column.type)]
                for batch in file.iter_batches(batch_size=PAGE):
                    rows = batch.to_pylist()
                    for row in rows if odd else ():
                        # As text before anything is masked: bytes may hold a secret, too.
                        row.update((name, orjson.loads(orjson.dumps(row[name], default=str))) for name in odd)
                    yield from rows
        except (pyarrow.ArrowException, OSError) as error:
            raise ImportFileError(f"{self.path}: no readable Parquet file: {error}") from error

    def _csv(self, delimiter: str) -> Iterator[dict[str, Any]]:
        csv.field_size_limit(50_000_000)
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, restkey="more_columns")
            try:
                yield from reader
            except (csv.Error, UnicodeDecodeError) as error:
                raise ImportFileError(f"{self.path}:{reader.line_num + 1}: {error}; try --encoding") from error

    def _json_lines(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for line in file:
                if line.isspace():
                    continue
                try:
                    row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
                except orjson.JSONDecodeError:
                    row = None
                yield row if isinstance(row, dict) else {"unreadable": _harmless(line)}


def _harmless(line: bytes) -> str:
    """A line that does not parse, unless a secret shows in it under its escapes."""
    return f"({len(line)} bytes, not kept: they hold a secret)" if gate(line) else line.decode(errors="replace")


def _odd(kind: Any) -> bool:
    """Whether a Parquet column holds what JSON cannot say: bytes, decimals, durations, or something nested."""
    import pyarrow.types as types

    plain = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    return not any(test(kind) for test in (*plain, types.is_timestamp, types.is_null))


def _chain(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


# -- the import -----------------------------------------------------------------------------------


async def import_file(ingest: Ingest, file: File, source: str, progress: Progress | None = None) -> Outcome:
    """Import one file; rows that an earlier run committed are not read again.

    Raises:
        ImportFileError: the file cannot be read (any further).
        StoreError: the database cannot be written.
    """
    connector = FileConnector(source)
    now = ingest.clock()
    origin = ingest.origin(connector, None)
    state = await ingest.db.write(
        lambda con: sources.start(
            con, source, connector.space, connector.channel, now, SourceConfig(connector="").backfill
        )
    )
    files: dict[str, int] = (state.cursor or {"files": {}})["files"]
    sum_ = Outcome()
    committing: asyncio.Future[Outcome] | None = None
    # One thread of its own: each thread that allocates keeps its memory.
    with ThreadPoolExecutor(1, "import") as reader:
        here = partial(asyncio.get_running_loop().run_in_executor, reader)
        digest = await here(file.digest)
        done, fence, total = files.get(digest, 0), state.fence, file.count()
        rows = file.rows()
        await here(_skip, rows, done)
        # The next page is read and understood while this one is being written.
        while prepared := await here(_prepared, rows, digest, done, origin, now):
            if committing is not None:
                _add(sum_, await committing)
            done += prepared.records
            move = Move(fence, {"files": {**files, digest: done}})
            fence += 1
            job = partial(ingest.write, origin=origin, prepared=prepared, move=move, now=now)
            committing = asyncio.wrap_future(ingest.db.submit(job, bulk=True))
            if progress:
                progress(file.path.name, done, total)
    if committing is not None:
        _add(sum_, await committing)
    ingest.tell(sum_.inquiries)
    return sum_


def _prepared(rows: Iterator[Record], digest: str, done: int, origin: Origin, now: datetime) -> Prepared | None:
    records = _take(rows, digest, done)
    return prepare(records, origin, now) if records else None


def _skip(rows: Iterator[Record], count: int) -> None:
    for _ in islice(rows, count):
        pass


def _take(rows: Iterator[Record], digest: str, done: int) -> Sequence[Record]:
    records = list(islice(rows, PAGE))
    for number, record in enumerate(records, done + 1):
        record["row"] = f"{digest}:{number}"
    return records


def _add(total: Outcome, page: Outcome) -> None:
    total.records += page.records
    total.new += page.new
    total.edited += page.edited
    total.deleted += page.deleted
    total.rejected += page.rejected
    total.inquiries |= page.inquiries
