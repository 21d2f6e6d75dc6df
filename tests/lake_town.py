"""A lake for tests: one PostgreSQL for all of them, in which each gets a database of its own, made once and copied."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from aggregator.config.lake_settings import SCHEME, LakeSettings
from aggregator.store.lake import Lake
from tests.postgres import Postgres, postgres

_NUMBERS = count(1)


class LakeTown:
    """Empty lakes, ready for use."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server = server
        server.sql("CREATE DATABASE made")
        Lake(self._settings("made", folder)).close()

    def lake(self, files: Path | str, **more: object) -> LakeSettings:
        """A new one, with its Parquet files there."""
        name = f"lake{next(_NUMBERS)}"
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE made STRATEGY FILE_COPY")
        return self._settings(name, files, **more)

    def put_back(self, lake: LakeSettings) -> LakeSettings:
        """It as it stands now, in a database of its own over the same files, as pg_dump and pg_restore would make it.
        Nobody may have it open."""
        before, name = lake.dsn.rpartition("dbname=")[2], f"lake{next(_NUMBERS)}"
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE {before} STRATEGY FILE_COPY")
        return self._settings(name, lake.files, lease=lake.lease)

    def _settings(self, database: str, files: Path | str, **more: object) -> LakeSettings:
        store = SCHEME + self.server.dsn(database)
        return LakeSettings.model_validate({"store": store, "files": str(files), **more})


@pytest.fixture(scope="session")
def lake_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeTown]:
    with postgres() as server:
        yield LakeTown(server, tmp_path_factory.mktemp("made"))
