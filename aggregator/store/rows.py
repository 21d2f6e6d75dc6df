"""Python rows to DuckDB in bulk: one Arrow table per statement, and the columns of our tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pyarrow as pa

from aggregator.identity import Id, written
from aggregator.inquiry import Event, Inquiry, InquiryReason

if TYPE_CHECKING:  # a process that only reads has no need of it
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_UUID, _TEXT, _TIME, _INT, _REAL, _FLAG = (
    pa.uuid(),
    pa.string(),
    pa.timestamp("us", tz="UTC"),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
)
_BYTES = pa.binary(16)

Schema = dict[str, pa.DataType]

RECORD: Schema = {
    "post_id": _UUID,
    "version": _INT,
    "fetched_at": _TIME,
    "source": _TEXT,
    "body": _TEXT,
    "secrets": _TEXT,
}
POST: Schema = {
    "post_id": _UUID,
    "space": _TEXT,
    "native_id": _TEXT,
    "alias_id": _UUID,
    "source": _TEXT,
    "thread_id": _UUID,
    "account_id": _UUID,
    "reply_to": _UUID,
    "posted_at": _TIME,
    "native_order": _INT,
    "edited_at": _TIME,
    "deleted_at": _TIME,
    "seen_at": _TIME,
    "version": _INT,
    "title": _TEXT,
    "text": _TEXT,
    "search_text": _TEXT,
    "lang": _TEXT,
    "public": _FLAG,
    "staff": _FLAG,
    "backfill": _FLAG,
    "permalink": _TEXT,
    "can_reply_until": _TIME,
    "facts": _TEXT,
    "inquiry_id": _UUID,
}
POST_COUNT: Schema = {
    "post_id": _UUID, "counted_at": _TIME, "likes": _INT, "replies": _INT, "shares": _INT, "views": _INT,
}  # fmt: skip
SIGHTING: Schema = {"post_id": _UUID, "source": _TEXT, "seen_at": _TIME}
REJECTED: Schema = {
    "rejected_id": _UUID, "source": _TEXT, "fetched_at": _TIME, "reason": _TEXT, "body": _TEXT, "secrets": _TEXT,
    "size": _INT, "resolved_at": _TIME,
}  # fmt: skip
ACCOUNT: Schema = {
    "account_id": _UUID, "space": _TEXT, "native_id": _TEXT, "name": _TEXT, "handle": _TEXT, "followers": _INT,
    "role": _TEXT, "person_id": _UUID,
}  # fmt: skip
ACCOUNT_SUSPECT: Schema = {"account_id": _UUID, "score": _REAL, "reason": _TEXT, "at": _TIME}
EVIDENCE: Schema = {"value": _UUID, "kind": _TEXT, "account_id": _UUID, "post_id": _UUID, "seen_at": _TIME}
PERSON_LINK: Schema = {
    "account_id": _UUID, "person_id": _UUID, "contact_id": _UUID, "level": _TEXT, "kind": _TEXT, "value": _UUID,
    "linked_at": _TIME, "undone_at": _TIME, "undone_by": _TEXT,
}  # fmt: skip
APPROACH: Schema = {
    "post_id": _UUID, "account_id": _UUID, "inquiry_id": _UUID, "approached_at": _TIME, "reason": _TEXT,
    "withdrawn_at": _TIME,
}  # fmt: skip
INQUIRY_EVENT: Schema = {
    "event_id": _UUID, "inquiry_id": _UUID, "happened_at": _TIME, "who": _TEXT, "what": _TEXT, "details": _TEXT,
    "ver": _INT, "batch": _UUID, "before": _TEXT, "after": _TEXT,
}  # fmt: skip
INCIDENT: Schema = {
    "incident_id": _UUID, "number": _INT, "state": _TEXT, "fields": _TEXT, "began_at": _TIME, "ended_at": _TIME,
    "end_reason": _TEXT, "merged_into": _UUID,
}  # fmt: skip
INCIDENT_MEMBER: Schema = {
    "incident_id": _UUID, "inquiry_id": _UUID, "person_id": _UUID, "reported_at": _TIME, "joined_at": _TIME,
    "why": _TEXT, "left_at": _TIME, "left_why": _TEXT,
}  # fmt: skip
INCIDENT_EVENT: Schema = {
    "event_id": _UUID, "incident_id": _UUID, "happened_at": _TIME, "who": _TEXT, "what": _TEXT, "details": _TEXT,
}  # fmt: skip
INCIDENT_REPORT: Schema = {
    "inquiry_id": _UUID, "person_id": _UUID, "thread_id": _UUID, "reported_at": _TIME, "fields": _TEXT,
    "inherits": _FLAG, "sketch": pa.binary(),
}  # fmt: skip
INQUIRY: Schema = {
    "inquiry_id": _UUID,
    "code": _TEXT,
    "source": _TEXT,
    "channel": _TEXT,
    "thread_id": _UUID,
    "person_id": _UUID,
    "state": _TEXT,
    "owner": _TEXT,
    "opened_at": _TIME,
    "last_post_at": _TIME,
    "waiting_since": _TIME,
    "first_answer_at": _TIME,
    "answered_at": _TIME,
    "due_at": _TIME,
    "due_clock": _TEXT,
    "closed_at": _TIME,
    "close_reason": _TEXT,
    "snoozed_until": _TIME,
    "seen_at": _TIME,
    "posts": _INT,
    "asked": _INT,
    "kind": _TEXT,
    "tags": _TEXT,
    "lang": _TEXT,
    "public": _FLAG,
    "backfill": _FLAG,
    "secret": _FLAG,
    "thanks": _FLAG,
    "deleted": _INT,
    "lead_post_id": _UUID,
    "title": _TEXT,
    "excerpt": _TEXT,
    "permalink": _TEXT,
    "reasons": _TEXT,
    "points": _REAL,
    "wait_per_hour": _REAL,
    "wait_cap": _REAL,
    "at_least": _REAL,
    "at_most": _REAL,
    "band_by": _TEXT,
    "scoring_version": _INT,
    "ver": _INT,
}


def table(schema: Schema, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows (in the schema's order) as an Arrow table; ids as 16 bytes or None, times aware."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table({name: array(kind, values) for (name, kind), values in zip(schema.items(), columns, strict=True)})


def array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """One column."""
    if kind == _UUID:
        return pa.ExtensionArray.from_storage(_UUID, pa.array(values, _BYTES))
    return pa.array(values, kind)


def constant(kind: pa.DataType, value: Any, count: int) -> pa.Array:
    """A column that says the same in each row."""
    return pa.nulls(count, kind) if value is None else pa.repeat(pa.scalar(value, kind), count)


def ids(values: Iterable[Id]) -> pa.Table:
    """One column `id`."""
    return pa.table({"id": array(_UUID, list(values))})


FEW = 100
"""Ids in a statement's own text: up to so many DuckDB finds in up to a third less time than if it reads them from a
table."""


def among(column: str, wanted: Sequence[Id]) -> str:
    """The condition that a column holds one of these ids, of which there is at least one.

    Of a single one DuckDB looks through a large column in half the time that it takes for a list of one.
    """
    literals = [f"'{written(one)}'::UUID" for one in wanted]
    return f"{column} = {literals[0]}" if len(literals) == 1 else f"{column} IN ({', '.join(literals)})"


def taken(table: pa.Table, places: Sequence[int]) -> pa.Table:
    """The rows at these places."""
    return table if places == list(range(len(table))) else table.take(places)


def values_of(batch: pa.Table, at: int) -> tuple[Any, ...]:
    """One row of a table of ours, as `fetch` would return it."""
    return tuple(_plain(column[at].as_py()) for column in batch.columns)


def _plain(value: Any) -> Any:
    return value.bytes if type(value) is UUID else value


# DuckDB finds the Arrow tables below as Python variables of the calling function, by the name that the statement
# uses. Registering them as views takes a millisecond each.


INCOMING = "(WITH sent AS MATERIALIZED (FROM incoming) FROM sent) AS incoming"
"""Instead of `incoming` where a table of ours may be the smaller one of an inner join: DuckDB then sends a filter by id
to the Arrow table, which cannot take one."""


def select(
    con: Connection, sql: str, table: pa.Table, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a statement that reads `wanted`, which is this table; ids as 16 bytes."""
    wanted = _sent(table, sql.count("wanted"))  # noqa: F841 -- read by the statement
    return [tuple(map(_plain, row)) for row in con.execute(sql, parameters).fetchall()]


def put(con: Connection, sql: str, table: pa.Table) -> None:
    """Execute a statement that reads `incoming`, which is this table."""
    incoming = _sent(table, sql.count("FROM incoming") + sql.count("USING incoming"))  # noqa: F841 -- read by the statement
    con.execute(sql)


def _sent(table: pa.Table, times: int) -> object:
    """A table as a statement reads it that names it so often: once, as a stream. A table that is read more than once
    goes through `pyarrow.dataset`: 0.4 ms more for each statement, and 27 MB more from the first one on."""
    return table.__arrow_c_stream__() if times == 1 else table


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


def append(con: Connection, target: str, incoming: pa.Table) -> None:
    """Append the rows of an Arrow table to one of ours."""
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
