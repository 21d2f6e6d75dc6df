"""Files to import, in pages of rows that are parsed only where they are read."""

from __future__ import annotations

import csv
import glob
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.importer.separated import LONGEST_ROW, Separated, Unreadable
from aggregator.triage.secrets import gate

if TYPE_CHECKING:
    import duckdb

    from connectors.contract import Record

_PLAIN = frozenset({
    "VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
    "DOUBLE", "BOOLEAN", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS",
})  # fmt: skip
"""Types of Parquet columns whose values a record takes as they are; others, such as bytes, decimals and lists, may not
be what JSON can say."""
_ARRAY = re.compile(rb"\s*\[\s*(?:\{|$)")
_QUOTED = re.compile('"[^"]*"')
UTF8 = "utf-8-sig"
PAGE = 2500  # rows in one transaction: the writer is held for less than 100 ms
LARGE_PAGE = 4_000_000
"""Characters after which a page of fewer rows ends: what is not committed yet is held in memory several times."""


class ImportFileError(Exception):
    """A file cannot be imported; the message names the file, the line and the remedy."""


class WrongColumnsError(ImportFileError):
    """What is needed, or what `--map` names, is not among its columns."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they stand in a file: lines of JSON, or cells of CSV and Parquet in the order of `names`."""

    raw: Sequence[Any]
    names: Sequence[str] = ()
    renamed: Mapping[str, str] | None = None  # our field -> the file's column

    def __len__(self) -> int:
        return len(self.raw)

    def after(self, count: int) -> Rows:
        """Without the first so many."""
        return replace(self, raw=self.raw[count:]) if count else self

    def records(self) -> list[Record]:
        """Each row with our field names; what is none as {"unreadable": text}, and `why`, where it is no JSON."""
        rows = self._cells() if self.names else self._lines()
        return [_renamed(row, self.renamed) for row in rows] if self.renamed else rows

    def _lines(self) -> list[Record]:
        return [_object(line) if isinstance(line, bytes) else _kept_apart(line) for line in self.raw]

    def _cells(self) -> list[Record]:
        width = len(self.names)
        rows = []
        for cells in self.raw:
            if isinstance(cells, Unreadable):
                rows.append(_kept_apart(cells))
                continue
            if any(cell.strip() for cell in cells[width:]):
                rows.append(_kept_apart(_too_wide(cells, width)))
                continue
            row: Record = dict(zip(self.names, cells, strict=False))
            if len(cells) < width:
                row.update(dict.fromkeys(self.names[len(cells) :]))
            rows.append(row)
        return rows


@dataclass(frozen=True, slots=True)
class File:
    """One file to import. `renamed`: our field -> the file's column."""

    path: Path
    renamed: Mapping[str, str]
    encoding: str = UTF8

    def digest(self) -> str:
        """Names its rows: the same content has the same name."""
        with self.path.open("rb") as content:
            return hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=8)).hexdigest()

    def reading(self, digest: str) -> str:
        """Names what was read of it: whoever named the wrong column, or charset, reads it again from its first row."""
        columns = [f"{ours}={theirs}" for ours, theirs in sorted(self.renamed.items())]
        charset = [] if self.encoding == UTF8 else [self.encoding]
        return " ".join([digest, *charset, *columns])

    def pages(self, done: int) -> Iterator[Rows]:
        """All rows after the first `done`, a page at a time.

        Raises:
            ImportFileError: the file cannot be read (any further), or has no column for the text.
        """
        self._check()
        for page in self._rows():
            skipped = min(done, len(page))
            done -= skipped
            if skipped < len(page):
                yield replace(page.after(skipped), renamed=self.renamed)

    def _rows(self) -> Generator[Rows, None, None]:
        """Everything, by the file's own names."""
        kind = self.path.suffix.lower()
        if kind == ".parquet":
            return self._parquet()
        if kind in (".csv", ".tsv"):
            return self._csv("\t" if kind == ".tsv" else None)
        if kind in (".jsonl", ".ndjson", ".json"):
            return self._json_lines()
        raise ImportFileError(f"{self.path}: unknown kind of file; use .jsonl, .csv, .tsv or .parquet")

    def count(self) -> int:
        """Rows in all; 0 where counting would mean reading everything."""
        if self.path.suffix.lower() != ".parquet":
            return 0
        with self._opened() as con:
            counted = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", self._place()).fetchone()
        return int(counted[0]) if counted else 0

    def _check(self) -> None:
        """Whether all columns are there that are needed or named. Lines of JSON may leave some out."""
        wanted = {self.renamed.get("text", "text"), *self.renamed.values()}
        there = dict[str, None]()
        with closing(self._rows()) as pages:
            for page in pages:
                rows = [page.names] if page.names else [row for row in page.records() if not is_unreadable(row)]
                for names in rows:
                    there.update(dict.fromkeys(names))
                if page.names or wanted <= there.keys():
                    break
        if not there:
            return
        if "text" not in self.renamed and "text" not in there:
            raise WrongColumnsError(
                f"{self.path}: there is no column `text` (there are: {', '.join(map(str, there))}); "
                "name it with --map text=COLUMN"
            )
        if missing := [column for column in self.renamed.values() if column not in there]:
            raise WrongColumnsError(f"{self.path}: --map names a column that is not there: {', '.join(missing)}")

    def _parquet(self) -> Generator[Rows, None, None]:
        with self._opened() as con:
            schema = con.execute("SELECT name, num_children FROM parquet_schema(?)", self._place()).fetchall()
            # What folders are called is no column; and DuckDB would rename columns that differ in case alone.
            found = con.execute("FROM read_parquet(?, hive_partitioning = false)", self._place())
            names = _at_the_top(schema)
            odd = [place for place, (_, kind, *_) in enumerate(found.description) if str(kind) not in _PLAIN]
            while page := found.fetchmany(PAGE):
                for some in _paged(_as_json(page, odd) if odd else page, _width):
                    yield Rows(some, names)

    def _place(self) -> list[str]:
        return [glob.escape(str(self.path))]

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """What reads Parquet."""
        import duckdb

        try:
            with duckdb.connect(config={"autoload_known_extensions": False, "threads": 1}) as con:
                con.execute("SET TimeZone = 'UTC'")
                yield con
        except duckdb.Error as error:
            told = str(error).partition("\n")[0]
            raise ImportFileError(f"{self.path}: no readable Parquet file: {told}") from error

    def _csv(self, delimiter: str | None) -> Generator[Rows, None, None]:
        csv.field_size_limit(LONGEST_ROW)
        with self.path.open(encoding=self.encoding, newline="") as file:
            try:
                delimiter = delimiter or _delimiter(file.readline(LONGEST_ROW))
            except UnicodeDecodeError as error:
                raise ImportFileError(f"{self.path}:1: {error}; try --encoding") from error
            file.seek(0)
            separated = Separated(file, delimiter)
            rows = iter(separated)
            try:
                names = next(rows, [])
                if isinstance(names, Unreadable):
                    raise ImportFileError(f"{self.path}: the names of the columns cannot be read: {names.why}")
                for page in _paged(rows, _width):
                    yield Rows(page, names)
            except (csv.Error, UnicodeDecodeError) as error:
                raise ImportFileError(f"{self.path}:{separated.line + 1}: {error}; try --encoding") from error

    def _json_lines(self) -> Generator[Rows, None, None]:
        with self.path.open("rb") as file:
            lines = (line for line in file if not line.isspace())
            first = next(lines, b"")
            if _ARRAY.match(first.removeprefix(b"\xef\xbb\xbf")):
                raise ImportFileError(
                    f"{self.path}: it is one JSON array, where each row should be a line of its own; "
                    f"turn it into lines: jq -c '.[]' {self.path.name} > {self.path.stem}.jsonl"
                )
            for page in _paged(chain([first] if first else [], lines), len):
                yield Rows(page)


def _delimiter(names: str) -> str:
    """What parts the columns, by the line of their names: spreadsheets write `;` where the comma is in numbers, and
    some a tab. Of two that stand there equally often the comma."""
    return max(",;\t", key=_QUOTED.sub("", names).count)


def _paged(rows: Iterable[Any], size: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Rows in pages. One that is too long is kept apart without its text: no post is, and a database has to hold it."""
    page: list[Any] = []
    room = LARGE_PAGE
    for row in rows:
        long = 0 if isinstance(row, Unreadable) else size(row)
        if long > LONGEST_ROW:
            row = Unreadable(
                f"({long:,} characters, not kept)", f"it is too long: more than {LONGEST_ROW:,} characters"
            )
        else:
            room -= long
        page.append(row)
        if len(page) == PAGE or room <= 0:
            yield page
            page, room = [], LARGE_PAGE
    if page:
        yield page


def _width(cells: Iterable[Any]) -> int:
    return sum(len(cell) for cell in cells if isinstance(cell, str | bytes | list | dict))


def _renamed(row: Record, renamed: Mapping[str, str]) -> Record:
    """With our names. One column may be several fields; one that is no field, and is called like one, gives way."""
    if is_unreadable(row):
        return row
    named = set(renamed.values())
    rest = {name: value for name, value in row.items() if name not in renamed and name not in named}
    return {field: row[column] for field, column in renamed.items() if column in row} | rest


def is_unreadable(record: Record) -> bool:
    """Whether it stands for a row that could not be read; a file may have a column of that name."""
    return "unreadable" in record and record.keys() <= {"unreadable", "why", "row"}


def _kept_apart(row: Unreadable) -> Record:
    return {"unreadable": _harmless(row.text.encode(errors="replace")), "why": row.why}


def _too_wide(cells: Sequence[str], width: int) -> Unreadable:
    """Which cell holds what is not known any more: the first ones would be a text that breaks off at its comma."""
    why = f"it has {len(cells)} cells, but there are {width} columns; put a text with commas in quotes"
    return Unreadable(",".join(cells), why)


def _object(line: bytes) -> Record:
    try:
        row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        row = None
    return row if isinstance(row, dict) else {"unreadable": _harmless(line)}


def _harmless(line: bytes) -> str:
    """A line that does not parse, unless a secret shows in it under its escapes."""
    return f"({len(line)} bytes, not kept: they hold a secret)" if gate(line) else line.decode(errors="replace")


def _at_the_top(schema: Sequence[tuple[str, int | None]]) -> list[str]:
    """Of (name, number of children) of a Parquet file's nodes, the root first and each before its children: the names
    of the columns."""
    left, names = [schema[0][1] or 0], list[str]()
    for name, children in schema[1:]:
        while not left[-1]:
            left.pop()
        left[-1] -= 1
        if len(left) == 1:
            names.append(name)
        left.append(children or 0)
    return names


def _as_json(rows: Sequence[tuple[Any, ...]], odd: Sequence[int]) -> list[list[Any]]:
    """Rows in which the odd columns hold what JSON can say, and text for all else. That is done before anything is
    masked: bytes may hold a secret, too."""
    told = [list(row) for row in rows]
    for row in told:
        for place in odd:
            try:
                row[place] = orjson.loads(orjson.dumps(row[place], default=_as_text))
            except TypeError:  # a map whose keys are no texts
                row[place] = str(row[place])
    return told


def _as_text(value: object) -> str:
    """Bytes as UTF-8, if they are: some programs write texts so."""
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
    return str(value)
