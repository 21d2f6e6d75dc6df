"""Python rows to DuckDB in bulk: one Arrow batch per statement, and the columns of our tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import arro3.core as arrow
import orjson
from arro3.core import Array, DataType, RecordBatch

from aggregator.identity import Id, written
from aggregator.inquiry import Event, Inquiry, InquiryReason

if TYPE_CHECKING:  # a process that only reads has no need of it
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Kind = arrow.Field
"""What a column holds; its name is left open."""


def _kind(type_: DataType, extension: str = "") -> Kind:
    metadata = {"ARROW:extension:name": extension, "ARROW:extension:metadata": ""} if extension else None
    return Kind("", type_, metadata=metadata)


UUIDS = _kind(DataType.binary(16), "arrow.uuid")
TEXT = _kind(DataType.utf8())
TIME = _kind(DataType.timestamp("us", tz="UTC"))
INT = _kind(DataType.int64())
REAL = _kind(DataType.float64())
FLAG = _kind(DataType.bool())
BYTES = _kind(DataType.binary())


class Schema(dict[str, Kind]):
    """Columns of a table by name, in order."""

    @cached_property
    def arrow(self) -> arrow.Schema:
        return arrow.Schema([kind.with_name(name) for name, kind in self.items()])


RECORD = Schema(
    {
        "post_id": UUIDS,
        "version": INT,
        "fetched_at": TIME,
        "source": TEXT,
        "body": TEXT,
        "secrets": TEXT,
    }
)
POST = Schema(
    {
        "post_id": UUIDS,
        "space": TEXT,
        "native_id": TEXT,
        "alias_id": UUIDS,
        "source": TEXT,
        "thread_id": UUIDS,
        "account_id": UUIDS,
        "reply_to": UUIDS,
        "posted_at": TIME,
        "native_order": INT,
        "edited_at": TIME,
        "deleted_at": TIME,
        "seen_at": TIME,
        "version": INT,
        "title": TEXT,
        "text": TEXT,
        "search_text": TEXT,
        "lang": TEXT,
        "public": FLAG,
        "staff": FLAG,
        "backfill": FLAG,
        "permalink": TEXT,
        "can_reply_until": TIME,
        "facts": TEXT,
        "inquiry_id": UUIDS,
    }
)
POST_COUNT = Schema({
    "post_id": UUIDS, "counted_at": TIME, "likes": INT, "replies": INT, "shares": INT, "views": INT,
})  # fmt: skip
SIGHTING = Schema({"post_id": UUIDS, "source": TEXT, "seen_at": TIME})
EARLY_DELETION = Schema({"post_id": UUIDS, "deleted_at": TIME, "noted_at": TIME})
REJECTED = Schema({
    "rejected_id": UUIDS, "source": TEXT, "fetched_at": TIME, "reason": TEXT, "body": TEXT, "secrets": TEXT,
    "size": INT, "resolved_at": TIME,
})  # fmt: skip
ACCOUNT = Schema({
    "account_id": UUIDS, "space": TEXT, "native_id": TEXT, "name": TEXT, "handle": TEXT, "followers": INT,
    "role": TEXT, "person_id": UUIDS,
})  # fmt: skip
ACCOUNT_SUSPECT = Schema({"account_id": UUIDS, "score": REAL, "reason": TEXT, "at": TIME})
EVIDENCE = Schema({"value": UUIDS, "kind": TEXT, "account_id": UUIDS, "post_id": UUIDS, "seen_at": TIME})
PERSON_LINK = Schema({
    "account_id": UUIDS, "person_id": UUIDS, "contact_id": UUIDS, "level": TEXT, "kind": TEXT, "value": UUIDS,
    "linked_at": TIME, "undone_at": TIME, "undone_by": TEXT,
})  # fmt: skip
APPROACH = Schema({
    "post_id": UUIDS, "account_id": UUIDS, "inquiry_id": UUIDS, "approached_at": TIME, "reason": TEXT,
    "withdrawn_at": TIME,
})  # fmt: skip
INQUIRY_EVENT = Schema({
    "event_id": UUIDS, "inquiry_id": UUIDS, "happened_at": TIME, "who": TEXT, "what": TEXT, "details": TEXT,
    "ver": INT, "batch": UUIDS, "before": TEXT, "after": TEXT,
})  # fmt: skip
INCIDENT = Schema({
    "incident_id": UUIDS, "number": INT, "state": TEXT, "fields": TEXT, "began_at": TIME, "ended_at": TIME,
    "end_reason": TEXT, "merged_into": UUIDS,
})  # fmt: skip
INCIDENT_MEMBER = Schema({
    "incident_id": UUIDS, "inquiry_id": UUIDS, "person_id": UUIDS, "reported_at": TIME, "joined_at": TIME,
    "why": TEXT, "left_at": TIME, "left_why": TEXT,
})  # fmt: skip
INCIDENT_EVENT = Schema({
    "event_id": UUIDS, "incident_id": UUIDS, "happened_at": TIME, "who": TEXT, "what": TEXT, "details": TEXT,
})  # fmt: skip
INCIDENT_REPORT = Schema({
    "inquiry_id": UUIDS, "person_id": UUIDS, "thread_id": UUIDS, "reported_at": TIME, "fields": TEXT,
    "inherits": FLAG, "sketch": BYTES,
})  # fmt: skip
INQUIRY = Schema(
    {
        "inquiry_id": UUIDS,
        "code": TEXT,
        "source": TEXT,
        "channel": TEXT,
        "thread_id": UUIDS,
        "person_id": UUIDS,
        "state": TEXT,
        "owner": TEXT,
        "opened_at": TIME,
        "last_post_at": TIME,
        "waiting_since": TIME,
        "first_answer_at": TIME,
        "answered_at": TIME,
        "due_at": TIME,
        "due_clock": TEXT,
        "closed_at": TIME,
        "close_reason": TEXT,
        "snoozed_until": TIME,
        "seen_at": TIME,
        "posts": INT,
        "asked": INT,
        "kind": TEXT,
        "tags": TEXT,
        "lang": TEXT,
        "public": FLAG,
        "backfill": FLAG,
        "secret": FLAG,
        "thanks": FLAG,
        "deleted": INT,
        "lead_post_id": UUIDS,
        "title": TEXT,
        "excerpt": TEXT,
        "permalink": TEXT,
        "reasons": TEXT,
        "points": REAL,
        "wait_per_hour": REAL,
        "wait_cap": REAL,
        "at_least": REAL,
        "at_most": REAL,
        "band_by": TEXT,
        "scoring_version": INT,
        "ver": INT,
    }
)


def table(schema: Schema, rows: Sequence[Sequence[Any]]) -> RecordBatch:
    """Rows (in the schema's order) as an Arrow batch; ids as 16 bytes or None, times aware."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return of_columns(schema, [array(kind, values) for kind, values in zip(schema.values(), columns, strict=True)])


def of_columns(schema: Schema, columns: Sequence[Array]) -> RecordBatch:
    """Columns (in the schema's order) as one batch."""
    return RecordBatch.from_arrays(columns, schema=schema.arrow)


_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def array(kind: Kind, values: Sequence[Any]) -> Array:
    """One column."""
    if kind is TIME:
        numbers = [None if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
        return Array(numbers, INT.type).cast(TIME.type)
    return Array(values, kind.type)


def constant(kind: Kind, value: Any, count: int) -> Array:
    """A column that says the same in each row."""
    return array(kind, [value] * count)


def joined(batches: Sequence[RecordBatch]) -> RecordBatch:
    """All rows, in order; of the same schema, and at least one batch."""
    if len(batches) == 1:
        return batches[0]
    (batch,) = arrow.Table.from_batches(batches).combine_chunks().to_batches() or batches[:1]
    return batch


def ids(values: Iterable[Id]) -> RecordBatch:
    """One column `id`."""
    return of_columns(_IDS, [array(UUIDS, list(values))])


_IDS = Schema(id=UUIDS)


FEW = 100
"""Ids in a statement's own text: up to so many DuckDB finds in up to a third less time than if it reads them from a
table."""


def among(column: str, wanted: Sequence[Id]) -> str:
    """The condition that a column holds one of these ids, of which there is at least one.

    Of a single one DuckDB looks through a large column in half the time that it takes for a list of one.
    """
    literals = [f"'{written(one)}'::UUID" for one in wanted]
    return f"{column} = {literals[0]}" if len(literals) == 1 else f"{column} IN ({', '.join(literals)})"


def taken(batch: RecordBatch, places: Sequence[int]) -> RecordBatch:
    """The rows at these places."""
    return batch if places == list(range(batch.num_rows)) else batch.take(array(INT, places))


def values_of(batch: RecordBatch, at: int) -> tuple[Any, ...]:
    """One row of a batch of ours, as `fetch` would return it."""
    return tuple(column[at].as_py() for column in batch.columns)


def _plain(value: Any) -> Any:
    return value.bytes if type(value) is UUID else value


# DuckDB finds the Arrow tables below as Python variables of the calling function, by the name that the statement
# uses. Registering them as views takes a millisecond each.


def select(
    con: Connection, sql: str, batch: RecordBatch, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a statement that reads `wanted`, which is this batch; ids as 16 bytes."""
    sent = wanted = readable(batch)  # read by the statement
    if sql.count("wanted") > 1:
        sql = f"WITH wanted AS MATERIALIZED (FROM sent) {sql}"
    found = con.execute(sql, parameters).fetchall()
    del sent, wanted
    return [tuple(map(_plain, row)) for row in found]


def put(con: Connection, sql: str, batch: RecordBatch) -> None:
    """Execute a statement that reads `incoming`, which is this batch, in one place."""
    incoming = readable(batch)  # read by the statement
    con.execute(sql)
    del incoming


def readable(batch: RecordBatch) -> object:
    """A batch as a statement reads it, once, by the name of a variable of the calling function. Into anything but a
    stream DuckDB would send its filters, by way of pyarrow where there is one, which can take none by id."""
    return arrow.Table.from_batches([batch]).__arrow_c_stream__()


def read(con: Connection, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> arrow.Table:
    """All rows of a query, as DuckDB holds them."""
    return arrow.Table.from_arrow(con.sql(sql, params=parameters))


def fetch(
    con: Connection,
    source: str,
    columns: str,
    key: str,
    wanted: Iterable[Id],
    where: str = "true",
    parameters: Sequence[object] = (),
) -> list[tuple[Any, ...]]:
    """`columns` of the rows of a table whose `key` is one of the ids, and which pass `where`.

    Finding the row numbers in the one column first spares reading all the others of a large table; and a bound on
    time, in `where`, spares reading most of that one, for rows stand about in the order of time.
    """
    wanted = list(wanted)
    if not wanted:
        return []
    if len(wanted) == 1:  # DuckDB reads the other columns only where it has found it
        found = con.execute(f"SELECT {columns} FROM {source} WHERE {among(key, wanted)} AND {where}", parameters)
        return [tuple(map(_plain, row)) for row in found.fetchall()]
    these = among(key, wanted) if len(wanted) <= FEW else f"{key} IN (SELECT id FROM wanted)"
    numbers = f"SELECT rowid FROM {source} WHERE {these} AND {where}"
    return select(con, f"SELECT {columns} FROM {source} WHERE rowid IN ({numbers})", ids(wanted), parameters)


def fetch_since(
    con: Connection, source: str, columns: Sequence[str], wanted: Collection[Id], time: str, since: datetime
) -> list[tuple[Any, ...]]:
    """As `fetch`, by the first of the columns, of rows that are probably not older than `since` (by column `time`):
    the others are looked for everywhere."""
    key = columns[0]
    found = fetch(con, source, ", ".join(columns), key, wanted, f"{time} >= ?", [since])
    left = set(wanted) - {row[0] for row in found} if len(found) < len(wanted) else set()
    return found + fetch(con, source, ", ".join(columns), key, left)


def delete(con: Connection, target: str, key: str, values: Sequence[Id]) -> None:
    """Delete the rows that have these ids."""
    if len(values) > FEW:
        put(con, f"DELETE FROM {target} WHERE {key} IN (SELECT id FROM incoming)", ids(values))
    elif values:
        con.execute(f"DELETE FROM {target} WHERE {among(key, values)}")


def insert(con: Connection, target: str, schema: Schema, rows: Sequence[Sequence[Any]]) -> None:
    """Append rows to one of our tables."""
    if rows:
        append(con, target, table(schema, rows))


def append(con: Connection, target: str, incoming: RecordBatch) -> None:
    """Append the rows of a batch to one of our tables."""
    put(con, f"INSERT INTO {target} BY NAME FROM incoming", incoming)


def merge(con: Connection, target: str, schema: Schema, rows: Sequence[Sequence[Any]], key: str) -> None:
    """Insert rows, or replace those that have the same key."""
    if rows:
        put(
            con,
            f"MERGE INTO {target} USING incoming ON {target}.{key} = incoming.{key} "
            "WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME",
            table(schema, rows),
        )


def of_inquiry(inquiry: Inquiry) -> tuple[Any, ...]:
    """The row of an inquiry, in the order of INQUIRY."""
    said = orjson.dumps([reason.as_json() for reason in inquiry.reasons]).decode()
    return (*inquiry[:_REASONS], said, *inquiry[_REASONS + 1 :])


def to_inquiry(row: Sequence[Any]) -> Inquiry:
    """The reverse of `of_inquiry`: a row selected with INQUIRY_COLUMNS."""
    reasons = tuple(InquiryReason.from_json(each) for each in orjson.loads(row[_REASONS]))
    return Inquiry._make((*map(_plain, row[:_REASONS]), reasons, *row[_REASONS + 1 :]))


INQUIRY_COLUMNS = ", ".join(INQUIRY)
_REASONS = list(INQUIRY).index("reasons")


def to_event(row: Sequence[Any]) -> Event:
    """A row of (event_id, inquiry_id, happened_at, who, what, details)."""
    event, inquiry, happened_at, who, what, details = row
    return Event(_plain(event), _plain(inquiry), happened_at, who, what, orjson.loads(details))
