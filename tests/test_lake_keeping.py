"""Erasing a person and retention on a lake: nothing is left in its files, in the catalog, or on PostgreSQL's disk."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import orjson
import pytest

from aggregator.control import RefusedError
from aggregator.housekeeping import finish_erasing
from aggregator.leasing import ERASING
from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from tests import test_retention
from tests.conftest import Community, open_community, open_inquiries, poll, texts
from tests.console import Console
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town
from tests.test_erasing import HANDLE, LATER, NAME, SAYS, UNREADABLE, conversation, erase, traces

WORDS = (SAYS, LATER, UNREADABLE, "violet receipt of yesterday", NAME, HANDLE, "Thackeray", "Umbrella transfer gone")


@pytest.fixture
async def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake_town: LakeTown) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        opened.more["lake"] = lake_town.lake(tmp_path / "files", lease="1s")
        yield opened


def traces_of(town: LakeTown, community: Community) -> list[str]:
    """Where these words stand, looked for by nothing of ours: in Parquet files, a dump of the catalog, and PostgreSQL's
    files of that database."""
    lake = community.more["lake"]
    database = lake.dsn.rpartition("dbname=")[2]
    with duckdb.connect() as con:
        content = {
            path.name: repr(con.execute("FROM read_parquet(?)", [str(path)]).fetchall()).encode()
            for path in Path(lake.files).rglob("*.parquet")
        }
    dump = town.server.dump(database).encode()
    content["dump"] = dump
    town.server.sql("CHECKPOINT")
    number = town.server.sql(f"SELECT oid FROM pg_database WHERE datname = '{database}'")
    files = (town.server.folder / "data" / "base" / number).iterdir()
    content |= {f"postgresql {path.name}": path.read_bytes() for path in files}
    return sorted(
        f"{where}: {word}"
        for where, said in content.items()
        for word in WORDS
        if word.lower().encode() in said.lower() or word.encode().hex().encode() in said
    )


async def test_an_erasure_that_is_killed_is_finished_by_the_next_process_and_leaves_nothing(
    community: Community, lake_town: LakeTown, tmp_path: Path
) -> None:
    settings = community.settings("telegram")
    assert settings.lake is not None
    lake_settings = settings.lake
    async with community.desk() as work:
        await conversation(community, work)
        assert {trace.rpartition(": ")[2] for trace in traces_of(lake_town, community)} == set(WORDS)
    config = tmp_path / "other.yaml"
    source = {"connector": "telegram", "token": {"env": "TELEGRAM_TOKEN"}, "api": str(community.telegram_url),
              "chats": [community.telegram.group]}  # fmt: skip
    lake = {"store": lake_settings.store, "files": lake_settings.files, "lease": "1s"}
    config.write_bytes(orjson.dumps({"data": "other", "lake": lake, "sources": {"telegram": source}}))
    commits = 5 + os.urandom(1)[0] % 6
    person = f"telegram:{community.telegram.user(HANDLE)['id']}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.killed_on_lake", str(commits), "erase", "--person", person, "--config", str(config)
    )
    assert await child.wait() == -9, commits

    def lease_ends(when: str) -> None:
        [database] = re.findall(r"dbname=(\w+)", lake_settings.store)
        lake_town.server.sql(f"UPDATE desk.lease SET until = {when} WHERE name = '{ERASING}'", database)

    lease_ends("'infinity'")  # however slow this machine is
    async with community.desk() as work:
        assert work.db.query("SELECT count(*) FROM erasing") == [(1,)], commits
        with pytest.raises(RefusedError, match="another process is erasing"):
            await erase(work, HANDLE)
        lease_ends("clock_timestamp()")
        await finish_erasing(work)
        assert work.db.query("FROM erasing") == []
        told = await erase(work, HANDLE)  # whom only the forum knows by now
        assert told["proof"]["holds"], told
        assert any(file["path"] == "catalog: ducklake_table_column_stats" for file in told["proof"]["files"])
        assert traces_of(lake_town, community) == []
        assert traces(community.data, *WORDS) == {}
        kept = texts(work)
        rows = open_inquiries(work)
        for _ in range(3):
            community.clock.pass_(minutes=1)
            await poll(work)
        assert texts(work) == kept
        assert [row["excerpt"] for row in open_inquiries(work)] == [row["excerpt"] for row in rows]
    assert "I only want to know the network fee" in kept
    assert "could somebody help here, please" in kept
    assert len(kept) == 3


async def test_retention_is_that_of_a_file_and_another_process_does_not_take_back_what_went(
    community: Community, lake_town: LakeTown
) -> None:
    await test_retention.test_closed_inquiries_go_and_are_counted_and_open_ones_stay(community)
    lake = community.more["lake"]
    with duckdb.connect() as con:
        found = [
            con.execute("FROM read_parquet(?)", [str(each)]).fetchall() for each in Path(lake.files).rglob("*.parquet")
        ]
    assert "swordfish" not in repr(found)


@pytest.mark.parametrize("was_sent", [True, False])
async def test_a_catalog_that_is_put_back_is_noticed_and_what_it_held_is_looked_for(
    community: Community, lake_town: LakeTown, was_sent: bool
) -> None:
    """As a backup of a file that is put in place: by whichever process is first, and once."""
    clock = community.clock
    community.forum.user("system").id = 77  # a real account: what the forum's own one writes is never listed
    async with community.desk() as work:
        community.forum.says("lin", "转账三小时未到账", title="转账没到")
        community.telegram.says("Mia", "my swap failed")
        await poll(work)
        ((inquiry,),) = work.db.query("SELECT i.inquiry_id FROM inquiry AS i WHERE i.source = 'forum'")
        await work.outbox.send(inquiry.bytes, "amy", "We look at it at once.", "")
        made = clock()
    dumped = lake_town.put_back(community.more["lake"])
    async with community.desk() as work:  # opened once more where it stood: nothing was put back
        assert work.db.query("SELECT state FROM outbox") == [("held",)]
        if was_sent:
            clock.pass_(seconds=HOLD)
            await Sender(work.outbox).send_due(until_done=True)
    assert community.forum.writing.taken == was_sent
    clock.pass_(hours=1)
    community.more["lake"], put_back = dumped, clock()
    for _ in range(2):
        async with community.desk() as work:
            sender = Sender(work.outbox)
            await sender.look_after_a_start()
            await sender.send_due(until_done=True)
            told = work.db.query("SELECT state, looked FROM outbox")
            assert told == [("sent", None) if was_sent else ("unknown", "absent")]
            lost = work.db.query("SELECT source, from_at, to_at, state FROM coverage WHERE state = 'lost'")
            assert lost == [("telegram", made, put_back, "lost")]
            assert work.db.query("FROM meta WHERE key = 'put_back'") == []
        clock.pass_(hours=1)
    assert community.forum.writing.taken == was_sent


def test_nothing_is_restored_over_a_lake(console: Console, tmp_path: Path) -> None:
    console.config.write_text(
        "data: data\nsources: {}\nlake: {store: 'ducklake:postgres:host=/nowhere dbname=desk', files: /nowhere}\n"
    )
    told = console.run("restore", str(tmp_path))
    assert (told.exit_code, "no lake is put back here" in told.stderr) == (1, True)
