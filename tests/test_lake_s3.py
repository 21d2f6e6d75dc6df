"""A lake whose files are in S3: written, read, merged and deleted; S3 cut off, a wrong bucket, keys that are old."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import orjson
import pytest

from aggregator.config.lake_settings import LakeSettings
from aggregator.store import lake as lake_module
from aggregator.store import lake_files
from aggregator.store.database import Connection, StoreError
from aggregator.store.lake import Lake
from tests import test_lake
from tests.conftest import Community, open_community, open_inquiries, poll, texts
from tests.console import Console
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town
from tests.s3_server import S3Server
from tests.s3_server import s3 as s3

pytestmark = pytest.mark.xdist_group("s3")

NOW = datetime(2026, 3, 14, tzinfo=UTC)
_PLACES = count(1)


@pytest.fixture
def prefix(s3: S3Server) -> Iterator[str]:
    yield f"place{next(_PLACES)}"
    s3.wire.mend()


@pytest.fixture
def settings(lake_town: LakeTown, s3: S3Server, prefix: str) -> LakeSettings:
    return lake_town.lake(**s3.place(prefix))


@pytest.fixture
def lake(settings: LakeSettings) -> Iterator[Lake]:
    opened = Lake(settings, gives_up=20)
    yield opened
    opened.close()


@pytest.fixture
async def community(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: LakeSettings
) -> AsyncIterator[Community]:
    """Whatever is written goes to S3 at once."""
    monkeypatch.setattr(lake_module, "INLINED_ROWS", 0)
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        opened.more["lake"] = settings
        yield opened


def sightings(source: str, rows: int = 1500) -> Callable[[Connection], object]:
    """So many that they become a file at once."""
    return lambda con: con.execute("INSERT INTO sighting SELECT uuid(), ?, ? FROM range(?)", [source, NOW, rows])


test_it_has_the_tables_views_and_columns_of_a_file = test_lake.test_it_has_the_tables_views_and_columns_of_a_file


def test_maintenance_merges_files_deletes_those_that_nobody_needs_and_keeps_every_row(
    lake: Lake, s3: S3Server, prefix: str
) -> None:
    for name in ("forum", "weibo", "forum"):
        lake.submit(sightings(name)).result()
    lake.submit(lambda con: con.execute("INSERT INTO meta VALUES ('word', 'overwritten-word')")).result()
    lake.maintain(timedelta(0), rewritten=0.0)
    lake.submit(lambda con: con.execute("DELETE FROM sighting WHERE source = 'weibo'")).result()
    lake.submit(lambda con: con.execute("UPDATE meta SET value = 'kept' WHERE key = 'word'")).result()
    orphan = f"s3://desk/{prefix}/main/sighting/ducklake-01a22641-d5c9-7dfb-aa07-203c299521bf.parquet"
    s3.sql(f"COPY (FROM range(10)) TO '{orphan}'")  # as of a process that was killed as it wrote
    lake.compact()
    found = s3.files(f"{prefix}/main/sighting")
    assert len(found) == 1
    assert orphan not in found
    assert s3.sql(f"SELECT DISTINCT source FROM '{found[0]}'") == [("forum",)]
    assert lake.query("SELECT count(*), count(DISTINCT post_id) FROM sighting") == [(3000, 3000)]
    (meta,) = s3.files(f"{prefix}/main/meta")
    assert ("overwritten-word",) not in s3.sql(f"SELECT value FROM '{meta}'")


def test_files_of_somebody_else_are_never_deleted_and_another_lakes_folder_is_refused(
    lake: Lake, lake_town: LakeTown, s3: S3Server, prefix: str
) -> None:
    foreign = f"s3://desk/{prefix}/somebodys.parquet"
    s3.sql(f"COPY (FROM range(10)) TO '{foreign}'")
    lake.outside(lake_files.delete_orphans)
    assert foreign in s3.files(prefix)
    lake_town.server.sql("CREATE DATABASE another")
    store = lake.settings.store.rpartition("dbname=")[0] + "dbname=another"
    with pytest.raises(StoreError, match="files of another lake"):
        Lake(lake.settings.model_copy(update={"store": store}))


async def test_s3_cut_off_in_the_middle_of_polling_loses_nothing_and_doubles_nothing(
    community: Community, s3: S3Server
) -> None:
    async with community.desk("telegram") as work:
        for number in range(3):
            community.telegram.says(f"user{number}", f"swap number {number} failed")
        await poll(work)
        for connections in (0, 9):  # at once, and in the middle of a transaction
            for number in range(3):
                community.telegram.says(f"user{number}", f"swap failed again, {connections} {number}")
            before = s3.wire.resets
            s3.wire.cut(after=connections, mends_after=4)
            await poll(work)
            assert s3.wire.resets == before + 4
        assert len(texts(work)) == len(set(texts(work))) == 9
        assert work.db.query("SELECT count(*), count(DISTINCT post_id) FROM record") == [(9, 9)]
        assert sum(row["posts"] for row in open_inquiries(work)) == 9
        s3.wire.cut(mends_after=4)
        assert len(open_inquiries(work)) == 3
        s3.wire.cut(mends_after=4)
        assert isinstance(work.db, Lake)
        work.db.maintain(timedelta(0), rewritten=0.0)
        assert work.db.query("SELECT count(*), count(DISTINCT text) FROM post") == [(9, 9)]


def test_s3_out_of_reach_for_longer_than_patience_is_told_in_words_and_it_goes_on_afterwards(
    settings: LakeSettings, s3: S3Server
) -> None:
    lake = Lake(settings, gives_up=0.1)
    try:
        lake.submit(sightings("first")).result()
        s3.wire.cut()
        with pytest.raises(StoreError, match=r"lake\.files: s3://desk/place\d+ is out of reach \(127\.0\.0\.1:\d+\)"):
            lake.submit(sightings("lost")).result()
        with pytest.raises(StoreError, match="is out of reach"):
            lake.query("SELECT DISTINCT source FROM sighting")
        small = lake.submit(lambda con: con.execute("INSERT INTO meta VALUES ('small', 'goes on')").fetchall())
        assert small.result() == [(1,)]
        s3.wire.mend()
        lake.submit(sightings("second")).result()
        assert lake.query("SELECT source, count(DISTINCT post_id) FROM sighting GROUP BY ALL ORDER BY ALL") == [
            ("first", 1500),
            ("second", 1500),
        ]
    finally:
        lake.close()


WRONG = [
    ("s3://nobodys/lake", "key", "secret", r"lake\.files: 127.0.0.1:\d+ has no bucket nobodys"),
    ("s3://desk/wrong", "", "secret", r"lake\.s3\.key_id: 127.0.0.1:\d+ does not know this key"),
    ("s3://desk/wrong", "key", "", r"lake\.s3\.secret: 127.0.0.1:\d+ refused it"),
]


@pytest.mark.parametrize(("files", "key_id", "secret", "told"), WRONG)
def test_a_wrong_bucket_or_key_is_told_at_the_start_and_by_check_connect(
    settings: LakeSettings,
    s3: S3Server,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    files: str,
    key_id: str,
    secret: str,
    told: str,
) -> None:
    monkeypatch.setenv("TEST_S3_KEY_ID", s3.keys["TEST_S3_KEY_ID"] if key_id else "AKIANOBODYS")
    monkeypatch.setenv("TEST_S3_SECRET", s3.keys["TEST_S3_SECRET"] if secret else "of-somebody-else")
    wrong = settings.model_copy(update={"files": files})
    with pytest.raises(StoreError, match=told):
        Lake(wrong)
    lake = {"store": wrong.store, **s3.place(""), "files": files}
    console.config.write_bytes(orjson.dumps({"lake": lake, "sources": {}}))
    assert re.search(f"the lake: failed: {told}", console.ok("check", "--connect", code=1))


def test_check_connect_tells_what_a_lake_holds_and_makes_nothing(
    settings: LakeSettings, s3: S3Server, prefix: str, console: Console
) -> None:
    console.config.write_bytes(orjson.dumps({"lake": {"store": settings.store, **s3.place(prefix)}, "sources": {}}))
    told = console.ok("check", "--connect")
    assert re.search(r"the lake: ok: PostgreSQL \d+, \d+ tables", told)
    assert f"the lake: ok: s3://desk/{prefix} answers; no lake has written there yet" in told
    assert s3.files(prefix) == []
    Lake(settings).close()
    assert f"the lake: ok: s3://desk/{prefix} answers; it is this lake's" in console.ok("check", "--connect")


def test_renewed_keys_are_taken_up_without_a_restart(
    lake_town: LakeTown, s3: S3Server, prefix: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(s3.keys["TEST_S3_SECRET"])
    lake = Lake(lake_town.lake(**s3.place(prefix, secret={"file": str(secret)})), gives_up=5)
    try:
        lake.submit(sightings("before")).result()
        lake._con.execute("CREATE OR REPLACE SECRET lake_files (TYPE s3, KEY_ID 'AKIAOLD', SECRET 'revoked', "
                          f"ENDPOINT '{s3.endpoint}', USE_SSL false, URL_STYLE 'path')")  # fmt: skip
        lake._keys = "AKIAOLD revoked"  # what was in the files when it started
        lake.submit(sightings("after")).result()
        assert lake.query("SELECT count(DISTINCT source) FROM sighting") == [(2,)]
        secret.write_text("wrong")
        lake._keys = ""
        lake._renewed_keys(lake._con)
        with pytest.raises(StoreError, match=r"lake\.s3\.secret"):
            lake.query("SELECT count(DISTINCT post_id) FROM sighting")
    finally:
        lake.close()
