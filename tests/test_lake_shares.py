"""`replay` and `rescore` in shares, over one lake at once: each post once, and the rows that one process gives."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from aggregator import replay as replaying
from aggregator.commands import handlers
from aggregator.config import Settings
from aggregator.config.lake_settings import LakeSettings
from aggregator.control import RefusedError
from aggregator.identity import share_of_ids, stable_id
from aggregator.store.known_ids import KnownIds
from aggregator.workplace import Workplace
from tests.console import Console
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town

POSTS = 120
OTHERWISE = {"funds_missing": 75.0, "public": 9.0}
TEXTS = (
    "all my funds are gone",
    "my swap number {} failed",
    "提现三天没到账，没人理我 {}",
    "how do I raise the fee? {}",
)
LINES = [
    {"native_id": f"{number}", "author_id": f"u{number % 40}", "text": TEXTS[number % 4].format(number)}
    for number in range(POSTS)
]
TABLES = (
    "post", "record", "account", "sighting", "rejected_record",
    "(SELECT * EXCLUDE (ver) FROM inquiry)",  # how often it was folded
)  # fmt: skip


def test_each_id_is_in_one_share() -> None:
    ids = [stable_id("post", str(number)) for number in range(3000)]
    shares = [share_of_ids(number, 3) for number in (1, 2, 3)]
    found = [[one for one in ids if above.bytes < one <= last.bytes] for above, last in shares]
    assert sum(map(len, found)) == len(set().union(*found)) == 3000
    assert min(map(len, found)) > 900


async def ask(work: Workplace, command: str, **arguments: Any) -> dict[str, Any]:
    return await handlers(work)[command](arguments, lambda _: None)


def rows(work: Workplace) -> list[list[tuple[Any, ...]]]:
    return [work.db.query(f"FROM {table} ORDER BY ALL") for table in TABLES]


async def test_shares_of_several_processes_one_of_them_killed_give_what_one_process_gives(
    lake_town: LakeTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "PAGE", 20)
    lake = lake_town.lake(tmp_path / "files", lease="1s")
    file = tmp_path / "old.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, [*LINES, {"native_id": "bad", "text": 7}])))
    async with Workplace(Settings(sources={}, data=tmp_path / "data", lake=lake)) as work:
        await ask(work, "import", files=[str(file)], source="old", map={}, encoding="utf-8")
        before = rows(work)
    shutil.copytree(tmp_path / "files", tmp_path / "twin")
    lake_town.server.sql(f"CREATE DATABASE twin TEMPLATE {lake.dsn.rpartition('dbname=')[2]} STRATEGY FILE_COPY")
    store = lake.store.rpartition("dbname=")[0] + "dbname=twin"
    twin = LakeSettings.model_validate({"store": store, "files": str(tmp_path / "twin"), "lease": "1s"})

    async with Workplace(Settings(sources={}, data=tmp_path / "data", lake=lake, points=OTHERWISE)) as work:
        one = await ask(work, "replay")
        expected = rows(work)
        whole = await ask(work, "rescore")
        parts = [await ask(work, "rescore", shard=(number, 3)) for number in (1, 2, 3)]
    assert (one["posts"], one["went_on"]) == (POSTS, False)
    assert expected != before
    assert sum(part["inquiries"] for part in parts) == whole["inquiries"] > 0

    config = {"data": "other", "lake": {"store": store, "files": twin.files, "lease": "1s"}, "points": OTHERWISE}
    (tmp_path / "other.yaml").write_bytes(orjson.dumps({**config, "sources": {}}))
    beginning = [sys.executable, "-m", "tests.killed_on_lake"]
    words = ("--config", str(tmp_path / "other.yaml"), "--json")
    killed = await asyncio.create_subprocess_exec(*beginning, "4", "replay", "--shard", "2/2", *words)
    assert await killed.wait() == -9
    first = await asyncio.create_subprocess_exec(
        *beginning, "999", "replay", "--shard", "1/2", *words, stdout=asyncio.subprocess.PIPE
    )
    async with Workplace(Settings.model_validate({**config, "data": tmp_path / "other", "sources": {}})) as work:
        async with asyncio.timeout(20):
            # Until the lease of what was killed has run out.
            while (second := await shared(work, (2, 2))) is None:  # noqa: ASYNC110 - it happens in PostgreSQL
                await asyncio.sleep(0.1)
        told, _ = await first.communicate()
        assert rows(work) == expected
        assert work.db.query("FROM meta WHERE starts_with(key, 'replay:')") == []
        again = await ask(work, "replay", shard=(2, 2))
    assert (first.returncode, second["went_on"], again["went_on"]) == (0, True, False)
    assert orjson.loads(told)["posts"] + again["posts"] == POSTS
    assert second["posts"] == again["posts"] - 20
    assert (again["changed_posts"], again["changed_inquiries"]) == (0, 0)


async def shared(work: Workplace, shard: tuple[int, int]) -> dict[str, Any] | None:
    try:
        return await ask(work, "replay", shard=shard)
    except RefusedError:
        return None


async def test_what_is_edited_or_erased_while_it_is_read_again_stays_so(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "old.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, LINES[:3])))
    async with Workplace(console.settings()) as work:
        await ask(work, "import", files=[str(file)], source="old", map={}, encoding="utf-8")
        pack = replaying.pack

        def meanwhile(*arguments: Any) -> Any:
            work.db.submit(
                lambda con: con.execute("UPDATE post SET text = 'edited', version = 2 WHERE native_id = '0'")
            ).result()
            work.db.submit(lambda con: con.execute("DELETE FROM post WHERE native_id = '1'")).result()
            work.ingest._known = KnownIds()
            return pack(*arguments)

        monkeypatch.setattr(replaying, "pack", meanwhile)
        await ask(work, "replay")
        assert work.db.query("SELECT native_id, text FROM post ORDER BY native_id") == [
            ("0", "edited"),
            ("2", LINES[2]["text"]),
        ]


def test_a_file_has_no_shares(console: Console) -> None:
    told = console.run("replay", "--shard", "1/2")
    assert (told.exit_code, "--shard is for a lake" in told.stderr) == (2, True)
