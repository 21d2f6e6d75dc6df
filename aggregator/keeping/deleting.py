"""Take inquiries, posts, accounts and incidents out of every table: of each table that has a column of that name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from aggregator.identity import written
from aggregator.store import daily, rows

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.store.rows import Connection

KEPT = ("evidence", "person_link")  # of an account, whose other posts may have shown the same


def delete_inquiries(con: Connection, inquiries: Collection[Id]) -> Counter[str]:
    """They, and all that happened to them. Posts that belong to one stay, and belong to none; so does what a lead has
    blocked there."""
    gone: Counter[str] = Counter()
    daily.note_deleted(con, inquiries)
    rows.put(con, "UPDATE flag SET inquiry_id = NULL WHERE state = 'blocked' "
                  "AND inquiry_id IN (SELECT id FROM incoming)", rows.ids(inquiries))  # fmt: skip
    for table in tables_with(con, "inquiry_id"):
        if table != "post":
            gone += _delete(con, table, "inquiry_id", inquiries)
    return gone + delete_told(con, inquiries)


def delete_incidents(con: Connection, incidents: Collection[Id]) -> Counter[str]:
    """They, their history and notices, and which of their answers were one lot."""
    gone: Counter[str] = Counter()
    for table in tables_with(con, "incident_id"):
        gone += _delete(con, table, "incident_id", incidents)
    return gone + delete_told(con, incidents)


def delete_told(con: Connection, subjects: Collection[Id]) -> Counter[str]:
    """What webhooks and alerts were to tell of inquiries or incidents, or have told, and that it was noticed."""
    gone: Counter[str] = Counter()
    for table, key in (("delivery", "subject"), ("noticed", "split_part(key, ':', 2)")):
        count = con.execute(
            f"DELETE FROM {table} WHERE list_contains(?, {key})", [[written(one) for one in subjects]]
        ).fetchone()
        gone[table] = count[0] if count else 0
    return +gone


def delete_posts(con: Connection, posts: Collection[Id]) -> Counter[str]:
    gone: Counter[str] = Counter()
    for table in tables_with(con, "post_id"):
        if table not in KEPT:
            gone += _delete(con, table, "post_id", posts)
    return gone


def delete_accounts(con: Connection, accounts: Collection[Id]) -> Counter[str]:
    """But for their evidence and links, which hang together with those of others (aggregator/people/links.py)."""
    gone: Counter[str] = Counter()
    for table in tables_with(con, "account_id"):
        if table not in KEPT and table != "post":
            gone += _delete(con, table, "account_id", accounts)
    return gone


def tables_with(con: Connection, column: str) -> list[str]:
    found = con.execute(
        "SELECT table_name FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
        "WHERE column_name = ? AND NOT duckdb_tables.internal AND database_name = current_database() ORDER BY 1",
        [column],
    ).fetchall()
    return [name for (name,) in found]


def _delete(con: Connection, table: str, key: str, values: Collection[Id]) -> Counter[str]:
    if not values:
        return Counter()
    found = rows.select(con, f"SELECT count(*) FROM {table} WHERE {key} IN (SELECT id FROM wanted)", rows.ids(values))
    if not found[0][0]:
        return Counter()
    rows.delete(con, table, key, list(values))
    return Counter({table: found[0][0]})
