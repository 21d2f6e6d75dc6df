"""A lake that an earlier version has written is brought up to date, and nothing in it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.config.lake_settings import SCHEME, LakeSettings
from aggregator.store.database import Connection, due_migrations
from aggregator.store.lake import Lake
from tests.conftest import Community, open_community
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town
from tests.test_upgrade import STORE, edited_twice, fill, number_wrongly, require_right_numbers, rows


@pytest.fixture
async def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake_town: LakeTown) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        opened.more["lake"] = lake_town.lake(tmp_path / "files")
        yield opened


@pytest.mark.parametrize("version", [STORE[0][0], STORE[-2][0]])
def test_a_lake_of_the_first_schema_and_of_the_last_but_one_keeps_all_its_rows(
    lake_town: LakeTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    lake_town.server.sql(f"CREATE DATABASE schema{version}")
    settings = LakeSettings(store=SCHEME + lake_town.server.dsn(f"schema{version}"), files=str(tmp_path))
    with monkeypatch.context() as earlier:
        earlier.setattr("aggregator.store.lake.due_migrations", up_to(version))
        with closing(Lake(settings)) as lake:
            columns = lake.submit(lambda con: fill(con, version)).result()
            lake.maintain()
            before = lake.read_now(lambda con: rows(con, columns))
    with closing(Lake(settings)) as lake:
        assert lake.read_now(lambda con: rows(con, columns)) == before
        assert lake.query("SELECT value FROM meta WHERE key = 'schema_version'") == [(str(STORE[-1][0]),)]
    assert len(before) == len(columns) >= 10
    assert all(len(found) == 2 for found in before.values())


def up_to(version: int) -> Callable[..., list[tuple[int, str]]]:
    """What a program knew of when that schema was the newest."""

    def known(con: Connection, name: str, *, lake: bool) -> list[tuple[int, str]]:
        return [each for each in due_migrations(con, name, lake=lake) if each[0] <= version]

    return known


@pytest.mark.parametrize("in_files", [False, True])
async def test_versions_that_an_earlier_program_numbered_wrongly_are_numbered_anew_on_a_lake(
    community: Community, in_files: bool
) -> None:
    """Rows lie in Parquet files after maintenance, and before it in the catalog; those changed since in both."""
    async with community.desk("forum") as work:
        posts = await edited_twice(community, work)
        assert isinstance(work.db, Lake)
        await asyncio.to_thread(work.db.maintain if in_files else work.db.newest)
        await work.db.write(lambda con: number_wrongly(con, posts))
    async with community.desk("forum") as work:
        require_right_numbers(work)
