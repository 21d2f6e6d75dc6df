"""A process on a lake whose PostgreSQL cuts connections off as rows that wait in the catalog are read, once.

Just then DuckLake makes an error of DuckDB's own of it, after which DuckDB refuses every statement on that database.
"""

from __future__ import annotations

import sys

from aggregator.config.lake_settings import LakeSettings
from aggregator.store.database import Connection
from aggregator.store.lake import Lake

CUT_OFF = {
    "the one that reads": "pid = pg_backend_pid()",
    "all of the process": "application_name = {name}",
}
_TRAP = """
CREATE SEQUENCE cuts;
CREATE FUNCTION cut_off_once() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN nextval('cuts') = 1
           THEN (SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE {which}) ELSE true END
$$;
ALTER TABLE {rows} RENAME TO rows_of_meta;
CREATE VIEW {rows} AS SELECT * FROM rows_of_meta WHERE cut_off_once()
"""
_ROWS_OF_META = """
SELECT i.table_name FROM ducklake_inlined_data_tables i JOIN ducklake_table t USING (table_id)
WHERE t.table_name = 'meta' AND t.end_snapshot IS NULL
"""


def set_trap(lake: Lake, which: str) -> None:
    ((rows,),) = lake.ask(_ROWS_OF_META)
    lake.tell(_TRAP.format(rows=rows, which=CUT_OFF[which].format(name=f"'{lake.name}'")))


def write(lake: Lake, reads: str) -> None:
    """Write within a transaction, in the middle of which somebody reads."""

    def do(con: Connection) -> None:
        con.execute("INSERT INTO meta VALUES ('written', 'here')")
        if reads == "the writer":
            con.execute("FROM meta").fetchall()
        else:
            lake.query("FROM meta")
        con.execute("INSERT INTO meta VALUES ('written', 'and here')")

    lake.submit(do).result()


if __name__ == "__main__":
    store, files, which, reads = sys.argv[1:]
    lake = Lake(LakeSettings(store=store, files=files), gives_up=20)
    set_trap(lake, which)
    write(lake, reads)
    ((written,),) = lake.query("SELECT count(*) FROM meta WHERE key = 'written'")
    sys.stdout.write(f"{written} rows\n")
    lake.close()
