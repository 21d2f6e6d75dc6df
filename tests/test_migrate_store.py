"""`aggregator migrate-store`: a file into a lake and back, killed on the way, compared row by row."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from aggregator.config.lake_settings import LakeSettings
from aggregator.control import RefusedError
from aggregator.migrating import migrate as migrate_module
from aggregator.migrating.migrate import migrate
from aggregator.store.database import Database, StoreError
from aggregator.store.lake import Lake
from aggregator.store.leases import Leases
from aggregator.workplace import open_store
from tests.console import Console
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town
from tests.s3_server import S3Server
from tests.s3_server import s3 as s3

pytestmark = pytest.mark.xdist_group("s3")

_PLACES = count(1)
MADE = {
    "UUID": "uuid()",
    "VARCHAR": "concat('转账 \"✅\" '' \\ العربية ', i, chr(10))",
    "JSON": r"""concat('{"n": ', i, ', "t": "\u0000 ü"}')""",
    "DOUBLE": "1 / (i + 3.0::DOUBLE)",
    "BLOB": "unhex('00ff') || encode(i::VARCHAR)",
    "BOOLEAN": "i % 2 = 0",
    "DATE": "DATE '2026-03-14' + i::INTEGER",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2026-03-14 08:00:00.123456+00' + to_microseconds(i)",
    "INTEGER": "i * 7",
    "BIGINT": "i * 9876543210",
}
COLUMNS = """
SELECT table_name, list(struct_pack(kind := data_type, nullable := is_nullable) ORDER BY column_index)
FROM duckdb_columns() WHERE NOT internal AND table_name IN (SELECT table_name FROM duckdb_tables())
    AND table_name <> 'meta' GROUP BY table_name
"""


def fill(path: Path, times: int = 40) -> None:
    """Rows of every type into every table; NULLs, doubles and gaps among them."""
    db = Database(path)

    def do(con: duckdb.DuckDBPyConnection) -> None:
        for table, columns in con.execute(COLUMNS).fetchall():
            made = [
                f"CASE WHEN i % 3 > 0 THEN {MADE[each['kind']]} END" if each["nullable"] else MADE[each["kind"]]
                for each in columns
            ]
            con.execute(f"INSERT INTO {table} SELECT {', '.join(made)} FROM range(?) AS r(i)", [times])
            con.execute(f"DELETE FROM {table} WHERE rowid % 5 = 0")
        con.execute("INSERT INTO sighting FROM sighting LIMIT 3")
        con.execute("INSERT INTO sighting SELECT uuid(), 'forum', seen_at FROM sighting, range(70)")
        con.execute("INSERT INTO meta VALUES ('compact_due', 'yes')")
        con.execute("CREATE OR REPLACE MACRO team_zone() AS 'Asia/Shanghai'")

    db.submit(do).result()
    db.close()


def held(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, in order."""
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()").fetchall()
    found = {name: con.execute(f"FROM {name}").fetchall() for (name,) in names}
    zone = con.execute("SELECT team_zone()").fetchall()
    return {name: sorted(rows, key=repr) for name, rows in found.items()} | {"zone": zone}


def in_file(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(path), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        return held(con)


def in_lake(settings: LakeSettings) -> dict[str, list[tuple[Any, ...]]]:
    lake = Lake(settings, read_only=True)
    try:
        return lake.read_now(held)
    finally:
        lake.close()


@pytest.fixture
def file(console: Console) -> Path:
    path = console.config.parent / "data" / "inquiries.duckdb"
    fill(path)
    return path


@pytest.fixture
def lake(lake_town: LakeTown, console: Console, tmp_path: Path) -> LakeSettings:
    settings = lake_town.lake(tmp_path / "files")
    configured(console, {"store": settings.store, "files": settings.files})
    return settings


def configured(console: Console, lake: dict[str, Any]) -> None:
    console.config.write_bytes(orjson.dumps({"data": "data", "lake": lake, "sources": {}}))


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def quiet(*_: object) -> None:
    """Nobody watches."""


KILLED = """
import os, signal, sys
from pathlib import Path
from aggregator.config import load
from aggregator.migrating import copying
from aggregator.migrating.migrate import migrate
config, to, file, when = sys.argv[1:]
note = copying._note
def kill(): os.kill(os.getpid(), signal.SIGKILL)
def noted(con, mark):
    if when == "within" and mark.table > "n": kill()
    note(con, mark)
copying._note = noted
def tell(what, done, total):
    if when == "between" and 0 < done < total: kill()
migrate(load(Path(config)), to, Path(file), tell, batch=300)
"""


def killed(console: Console, to: str, file: Path, when: str) -> None:
    """A run that is killed with -9 between two transactions, or within one further on."""
    words = [sys.executable, "-c", KILLED, str(console.config), to, str(file), when]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_there_and_back_with_files_in_s3_killed_in_the_middle_of_each_way(
    console: Console, file: Path, lake_town: LakeTown, s3: S3Server
) -> None:
    prefix = f"moved{next(_PLACES)}"
    place = s3.place(prefix)
    settings = lake_town.lake(**place)
    configured(console, {"store": settings.store, **place})
    before = in_file(file), bytes_of(file)
    killed(console, "lake", file, "within")
    with pytest.raises(StoreError, match=r"only partly filled: finish it with `aggregator migrate-store --to lake`"):
        open_store(console.settings())
    told = console.ok("migrate-store", "--to", "lake")
    assert "the same in both" in told
    assert in_lake(settings) == before[0]
    assert len(s3.files(f"{prefix}/main/sighting")) == 1  # too many rows to stay in the catalog
    assert bytes_of(file) == before[1]

    back = file.with_name("back.duckdb")
    killed(console, "file", back, "between")
    result = console.result("migrate-store", "--to", "file", "--file", back)
    rows = sum(len(rows) for name, rows in before[0].items() if name != "zone") - 1  # but for the schema's version
    assert (result["rows"], result["differences"]) == (rows, [])
    assert 0 < result["copied"] < rows
    assert in_file(back) == before[0]
    assert in_lake(settings) == before[0]


def test_a_row_that_was_changed_by_hand_is_named_and_never_its_words(
    console: Console, file: Path, lake: LakeSettings
) -> None:
    console.ok("migrate-store", "--to", "lake")
    opened = Lake(lake)

    def change(con: duckdb.DuckDBPyConnection) -> list[Any]:
        ((one,), (other,)) = con.execute(
            "SELECT post_id FROM post ORDER BY title IS NULL, post_id LIMIT 2"  # one that has a title
        ).fetchall()
        con.execute("UPDATE post SET text = 'secret words', title = NULL WHERE post_id = ?", [one])
        con.execute("DELETE FROM post WHERE post_id = ?", [other])
        con.execute("INSERT INTO sighting FROM sighting LIMIT 1")
        ((third,),) = con.execute("SELECT post_id FROM sighting GROUP BY ALL HAVING count(*) > 1 LIMIT 1").fetchall()
        return [one, other, third]

    one, other, _ = opened.submit(change).result()
    opened.close()
    result = console.run("migrate-store", "--to", "lake", "--compare")
    assert result.exit_code == 1
    assert f"post: post_id = {one} differs in title, text" in result.output
    assert f"post: post_id = {other} is only in the file {file}" in result.output
    assert "sighting: post_id = " in result.output
    assert "secret words" not in result.output
    assert console.result("migrate-store", "--to", "file", "--compare", code=1)["copied"] == 0


def test_what_is_not_empty_or_at_work_is_refused_and_left_as_it_is(
    console: Console, file: Path, lake: LakeSettings, tmp_path: Path
) -> None:
    opened = Lake(lake)
    opened.submit(lambda con: con.execute("INSERT INTO sighting VALUES (uuid(), 'forum', '2026-03-14')")).result()
    assert "is in use (aggregator-" in console.run("migrate-store", "--to", "lake").output
    leases = Leases(opened, "somebody", 60)
    leases.make()
    leases.renew({"forum"})
    opened.close()
    assert "is in use (lease of forum)" in console.run("migrate-store", "--to", "file").output
    opened = Lake(lake)
    Leases(opened, "somebody", 60).let_go({"forum"})
    opened.close()
    result = console.run("migrate-store", "--to", "lake")
    assert result.exit_code == 1
    assert "is not empty: sighting (1 rows). It is left as it is" in result.output
    assert len(in_lake(lake)["sighting"]) == 1
    before = bytes_of(file)
    assert "is not empty: account (32 rows)" in console.run("migrate-store", "--to", "file").output
    assert bytes_of(file) == before
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as con:
        con.execute("CREATE TABLE theirs AS FROM range(3)")
    before = bytes_of(foreign)
    assert "has tables of schema 0" in console.run("migrate-store", "--to", "file", "--file", foreign).output
    assert bytes_of(foreign) == before
    db = Database(file)
    db.submit(lambda con: con.execute("UPDATE meta SET value = '4' WHERE key = 'schema_version'")).result()
    waits = console.begin("migrate-store", "--to", "lake", "--json")
    assert waits.stderr is not None
    assert b"is in use by another process: waiting until it is free" in waits.stderr.readline()
    db.close()
    assert b"has tables of schema 4" in b"".join(waits.communicate(timeout=60))
    assert "does not exist" in console.run("migrate-store", "--to", "lake", "--file", tmp_path / "no").output
    console.config.write_bytes(orjson.dumps({"sources": {}}))
    assert console.run("migrate-store", "--to", "lake").exit_code == 2


async def test_stopped_on_the_way_it_goes_on_and_a_source_that_was_written_to_meanwhile_begins_anew(
    console: Console, file: Path, lake: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(_: dict[str, Any]) -> None:
        moving.cancel()

    monkeypatch.setattr(migrate_module, "migrate", partial(migrate, batch=300))
    moving = asyncio.create_task(migrate_module.migrate_store(console.settings(), "lake", file, say))
    with pytest.raises(asyncio.CancelledError):
        await moving
    partly = await asyncio.to_thread(in_lake, lake)
    assert len(partly["account"]) in (0, 32)  # stopped before the first transaction or after it
    assert partly["sighting"] == []
    db = Database(file)
    db.submit(lambda con: con.execute("DELETE FROM account")).result()
    db.close()
    done = await asyncio.to_thread(migrate, console.settings(), "lake", file, quiet)
    assert (done.rows, done.differences) == (done.copied, ())
    assert await asyncio.to_thread(in_lake, lake) == in_file(file)


def test_somebody_who_writes_into_the_lake_meanwhile_is_noticed(
    console: Console, file: Path, lake: LakeSettings
) -> None:
    def intrude(what: str, done: int, total: int) -> None:
        if 0 < done < total:
            other = Lake(lake)
            other.submit(lambda con: con.execute("INSERT INTO meta VALUES ('theirs', '')")).result()
            other.close()

    with pytest.raises(RefusedError, match="somebody else writes there"):
        migrate(console.settings(), "lake", file, intrude, batch=300)
