"""Which tables and columns are moved, and what two stores have to have in common for that."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.control import RefusedError
from aggregator.migrating.sides import Side, rows
from aggregator.store.put_back import CATALOG

MARK = "migrating"
"""The key in the target's `meta` that says how far it is filled. While it stands there, nothing else starts on it."""
_COLUMNS = """
SELECT table_name, column_name, data_type FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database() AND schema_name = 'main'
    AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE database_name = current_database())
ORDER BY table_name, column_index
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One that is moved whole. The first column tells which row it is, at least nearly."""

    name: str
    columns: tuple[tuple[str, str], ...]  # with their types

    @property
    def listed(self) -> str:
        """The columns' names, for SELECT and INSERT."""
        return ", ".join(f'"{name}"' for name, _ in self.columns)

    @property
    def cast(self) -> str:
        """The same with their types, for values that come as Arrow has them."""
        return ", ".join(f'CAST("{name}" AS {kind})' for name, kind in self.columns)

    @property
    def key(self) -> str:
        return f'"{self.columns[0][0]}"'

    @property
    def moved(self) -> str:
        """Which of its rows are moved, for WHERE: what `meta` says of the store itself is not."""
        return f"key NOT IN ('schema_version', '{MARK}', '{CATALOG}')" if self.name == "meta" else "true"


def tables_of(side: Side) -> list[Table]:
    """All tables, in order of their names."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows(side, _COLUMNS):
        found.setdefault(table, []).append((column, kind))
    return [Table(name, tuple(columns)) for name, columns in found.items()]


def counted(side: Side, tables: list[Table]) -> dict[str, int]:
    """How many rows each has that are moved."""
    counts = (f"SELECT {number}, count(*) FROM {table.name} WHERE {table.moved}" for number, table in enumerate(tables))
    found = dict(rows(side, " UNION ALL ".join(counts)))
    return {table.name: found[number] for number, table in enumerate(tables)}


def common_tables(one: Side, other: Side) -> list[Table]:
    """Those of both.

    Raises:
        RefusedError: they do not have the same.
    """
    here, there = tables_of(one), tables_of(other)
    if different := sorted({table.name for table in set(here) ^ set(there)}):
        raise RefusedError(f"{one.name} and {other.name} do not have the same columns in {', '.join(different)}")
    return here
