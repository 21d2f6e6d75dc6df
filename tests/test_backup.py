"""A backup is whole or not there; what was restored is what was backed up."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aggregator.backup import back_up, restore
from aggregator.control import RefusedError
from aggregator.locking import lock
from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from aggregator.store.database import Database
from aggregator.workplace import Workplace
from tests.conftest import Community, poll, texts
from tests.console import Console
from tests.test_import import ROWS, jsonl


@pytest.fixture
def filled(console: Console, tmp_path: Path) -> Console:
    """A desk with three posts and a colleague."""
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    console.ok("user", "add", "amy")
    return console


@pytest.fixture
def backup(filled: Console, tmp_path: Path) -> Path:
    filled.ok("backup", tmp_path / "backup")
    return tmp_path / "backup"


def contents(console: Console) -> list[list[tuple[Any, ...]]]:
    return [console.query(f"FROM {table} ORDER BY ALL") for table in ("record", "post", "inquiry", "source_state")]


def test_what_was_lost_comes_back_both_databases(filled: Console, backup: Path) -> None:
    before, people = contents(filled), filled.ok("user", "list")
    shutil.rmtree(filled.data)
    told = filled.ok("restore", backup)
    assert "3 posts restored" in told
    assert (contents(filled), filled.ok("user", "list")) == (before, people)


def test_a_restored_desk_goes_on_where_the_backup_was(filled: Console, backup: Path, tmp_path: Path) -> None:
    filled.ok("import", jsonl(tmp_path / "more.jsonl", {"text": "later", "native_id": "9"}), "--source", "old")
    filled.ok("restore", backup, "--force")
    assert len(filled.query("FROM post")) == 3
    again = filled.result("import", tmp_path / "old.jsonl", tmp_path / "more.jsonl", "--source", "old")
    assert again["new"] == 1


@pytest.mark.parametrize("was_sent", [True, False])
async def test_an_answer_that_was_held_when_the_backup_was_made_is_not_sent_a_second_time(
    community: Community, tmp_path: Path, was_sent: bool
) -> None:
    """It is looked for, and where the platform does not show it, a person is asked."""
    community.forum.user("system").id = 77  # a real account: what the forum's own one writes is never listed
    async with community.desk("forum") as work:
        community.forum.says("lin", "转账三小时未到账", title="转账没到")
        await poll(work, "forum")
        ((inquiry,),) = work.db.query("SELECT inquiry_id FROM inquiry")
        await work.outbox.send(inquiry.bytes, "amy", "We look at it at once.", "")
        back_up(work.db, work.desk, tmp_path / "backup", community.clock())
        if was_sent:
            community.clock.pass_(seconds=HOLD)
            await Sender(work.outbox).send_due(until_done=True)
    assert community.forum.writing.taken == was_sent
    community.clock.pass_(hours=1)
    restore(tmp_path / "backup", community.data, force=True, clock=community.clock)
    async with community.desk("forum") as work:
        sender = Sender(work.outbox)
        await sender.look_after_a_start()
        await sender.send_due(until_done=True)
        told = work.db.query("SELECT state, looked FROM outbox")
        await poll(work, "forum")
    assert told == [("sent", None) if was_sent else ("unknown", "absent")]
    assert community.forum.writing.taken == was_sent


async def test_what_a_platform_tells_once_is_lost_where_a_backup_lacks_it(community: Community, tmp_path: Path) -> None:
    clock, backup = community.clock, tmp_path / "backup"
    async with community.desk() as work:
        community.telegram.says("Mia", "my swap failed")
        await poll(work)
        made = clock()
        await asyncio.to_thread(back_up, work.db, work.desk, backup, made)
        clock.pass_(hours=2)
        community.telegram.says("Mia", "and the second one, too")
        community.forum.says("lin", "the bridge is stuck")
        await poll(work)
        assert len(texts(work)) == 3
    clock.pass_(hours=1)
    restore(backup, community.data, force=True, clock=clock)
    put_back = clock()
    for _ in range(2):  # noted once, by whichever command is first
        async with community.desk() as work:
            clock.pass_(hours=1)
            await poll(work)
            assert texts(work) == ["my swap failed", "the bridge is stuck"]  # a forum can be asked again
            lost = work.db.query("SELECT source, from_at, to_at, state FROM source_gaps")
            assert lost == [("telegram", made, put_back, "lost")]


def test_data_is_replaced_only_when_asked_for(filled: Console, backup: Path) -> None:
    refused = filled.run("restore", backup)
    assert refused.exit_code == 1
    assert "holds data already; add --force" in refused.stderr
    filled.ok("restore", backup, "--force")


def test_colleagues_alone_are_data_too(filled: Console, backup: Path) -> None:
    """Whoever lost only the inquiries has colleagues who signed in, and tokens, since the backup."""
    filled.ok("user", "add", "bob")
    (filled.data / "inquiries.duckdb").unlink()
    refused = filled.run("restore", backup)
    assert (refused.exit_code, "holds data already; add --force" in refused.stderr) == (1, True)
    assert "bob" in filled.ok("user", "list")


def test_a_database_that_is_broken_or_too_new_can_be_replaced(filled: Console, backup: Path) -> None:
    (filled.data / "inquiries.duckdb").write_bytes(b"broken" * 5000)
    filled.ok("restore", backup, "--force")
    db = Database(filled.data / "inquiries.duckdb")
    with db.reading() as cursor:
        cursor.execute("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    db.close()
    filled.ok("restore", backup, "--force")
    assert len(filled.query("FROM post")) == 3


async def test_nothing_is_restored_under_whoever_is_at_work(filled: Console, backup: Path) -> None:
    async with Workplace(filled.settings()) as work:
        with pytest.raises(RefusedError, match="is in use"):
            restore(backup, filled.data, force=True)
        assert work.db.query("SELECT count(*) FROM post") == [(3,)]
    with lock(filled.data):
        refused = await asyncio.to_thread(filled.run, "feed", "--once")
    assert (refused.exit_code, "is being restored there" in refused.stderr) == (1, True)


@pytest.mark.parametrize("name", ["inquiries.duckdb", "desk.db"])
def test_a_damaged_backup_is_refused_and_nothing_is_touched(filled: Console, backup: Path, name: str) -> None:
    content = bytearray((backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / name).write_bytes(content)
    before = contents(filled)
    refused = filled.run("restore", backup, "--force")
    assert refused.exit_code == 1
    assert f"is damaged: {name}" in refused.stderr
    assert contents(filled) == before


def _without_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


def _without_file(backup: Path) -> None:
    (backup / "desk.db").unlink()


def _torn_manifest(backup: Path) -> None:
    (backup / "manifest.json").write_bytes(b'{"files": {')


def _foreign_manifest(backup: Path) -> None:
    (backup / "manifest.json").write_bytes(b'["files"]')


def _foreign_files(backup: Path) -> None:
    (backup / "manifest.json").write_bytes(b'{"files": [1], "posts": 0, "made_at": ""}')


@pytest.mark.parametrize("harm", [_without_manifest, _without_file, _torn_manifest, _foreign_manifest, _foreign_files])
def test_a_folder_that_is_no_whole_backup_is_refused(filled: Console, backup: Path, harm: Any) -> None:
    harm(backup)
    refused = filled.run("restore", backup, "--force")
    assert refused.exit_code == 1
    assert "is no whole backup" in refused.stderr
    assert len(filled.query("FROM post")) == 3


def test_a_folder_that_exists_is_not_written_into(filled: Console, backup: Path) -> None:
    before = (backup / "manifest.json").read_bytes()
    refused = filled.run("backup", backup)
    assert refused.exit_code == 1
    assert "exists already; name a new folder" in refused.stderr
    assert (backup / "manifest.json").read_bytes() == before


def test_two_backups_into_one_folder_do_not_spoil_each_other(filled: Console, tmp_path: Path) -> None:
    under_way = tmp_path / "twice.unfinished"
    under_way.mkdir()
    (under_way / "inquiries.duckdb").write_bytes(b"half")
    with lock(under_way):
        refused = filled.run("backup", tmp_path / "twice")
        assert (refused.exit_code, "another backup is being written there" in refused.stderr) == (1, True)
        assert (under_way / "inquiries.duckdb").read_bytes() == b"half"
    filled.ok("backup", tmp_path / "twice")  # what a killed one left is in nobody's way
    assert not under_way.exists()
    filled.ok("restore", tmp_path / "twice", "--force")


def test_a_folder_that_cannot_be_made_is_named(filled: Console, tmp_path: Path) -> None:
    refused = filled.run("backup", tmp_path / "old.jsonl" / "backup")
    assert refused.exit_code == 1
    assert "Not a directory" in refused.stderr


def test_a_full_disk_leaves_no_half_backup(filled: Console, tmp_path: Path) -> None:
    room = 200_000
    full = filled.begin(
        "backup", tmp_path / "full", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    )
    _, told = full.communicate(timeout=30)
    assert full.returncode == 1
    assert b"the backup could not be written" in told
    assert b"Traceback" not in told
    assert list(tmp_path.glob("full*")) == []


def test_a_full_disk_leaves_the_database_as_it_was_when_it_is_compacted(filled: Console) -> None:
    before = contents(filled)
    room = 200_000
    full = filled.begin("compact", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    _, told = full.communicate(timeout=30)
    assert full.returncode == 1
    assert b"could not be copied, and is as it was" in told
    assert b"Traceback" not in told
    assert sorted(path.name for path in filled.data.iterdir()) == ["desk.db", "inquiries.duckdb"]
    assert contents(filled) == before


def test_a_backup_is_for_its_owner_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0


def test_a_backup_holds_no_sign_in_token(filled: Console, tmp_path: Path) -> None:
    *_, link = filled.ok("user", "link", "amy").splitlines()
    filled.ok("backup", tmp_path / "second")
    token = link.partition("token=")[2].encode()
    assert [path for path in (tmp_path / "second").iterdir() if token in path.read_bytes()] == []
    with sqlite3.connect(tmp_path / "second" / "desk.db") as desk:
        assert desk.execute("SELECT count(*) FROM link").fetchone() == (1,)


def test_a_backup_during_an_import_is_one_moment_of_it(console: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed", "author_id": f"u{n % 90}"} for n in range(6000))
    file = jsonl(tmp_path / "old.jsonl", *rows)
    console.config.write_text("data: data\nweb: {port: 0}\nhooks: {port: 0}\nsources: {}\n")
    service = console.begin("run")
    assert service.stdout is not None
    service.stdout.readline()
    importing = console.begin("import", file, "--source", "old")
    assert importing.stderr is not None
    importing.stderr.readline()
    posts = console.result("backup", tmp_path / "backup")["posts"]
    importing.communicate()
    service.terminate()
    service.communicate()
    shutil.rmtree(console.data)
    console.ok("restore", tmp_path / "backup")
    assert console.query("SELECT count(*) FROM post") == [(posts,)]
    assert console.query("FROM post ANTI JOIN inquiry USING (inquiry_id)") == []
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT count(*), count(DISTINCT text) FROM post") == [(6000, 6000)]
