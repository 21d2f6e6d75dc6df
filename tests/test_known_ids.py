"""What is stored is found again, wherever in time it stands, and what is not costs no look."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from aggregator.acting.compare_and_set import act
from aggregator.identity import as_uuid
from aggregator.store import known_ids
from aggregator.store.database import Database
from aggregator.store.known_ids import KnownIds
from tests.conftest import Community, open_inquiries, poll
from tests.console import Console
from tests.test_import import jsonl


@pytest.fixture
def stored() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE TABLE post (post_id UUID, alias_id UUID)")
    return con


def test_every_stored_id_and_alias_is_known_and_no_other(stored: duckdb.DuckDBPyConnection) -> None:
    posts, aliases, others = ([uuid4().bytes for _ in range(500)] for _ in range(3))
    rows = zip(map(as_uuid, posts), map(as_uuid, aliases), strict=True)
    stored.executemany("INSERT INTO post VALUES (?, ?)", list(rows))
    stored.execute("INSERT INTO post VALUES ('00000000-0000-0000-0000-000000000000', NULL)")
    ids = KnownIds()
    assert ids.among(stored, [*posts, *aliases, *others]) == {*posts, *aliases}
    assert ids.among(stored, []) == set()


def test_ids_that_are_added_are_known_before_and_after_they_are_sorted_in(
    stored: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_ids, "MOST_LOOSE", 10)
    ids = KnownIds()
    assert ids.among(stored, [uuid4().bytes]) == set()
    added = [uuid4().bytes for _ in range(35)]
    for number, each in enumerate(added):
        ids.add([each])
        assert ids.among(stored, added) == set(added[: number + 1])


def test_a_post_that_comes_again_with_another_date_is_not_doubled(console: Console, tmp_path: Path) -> None:
    old = {"native_id": "1", "text": "my swap failed", "author_id": "u1", "posted_at": "2019-01-01T00:00:00Z"}
    console.ok("import", jsonl(tmp_path / "one.jsonl", old), "--source", "old")
    late = old | {"posted_at": "2026-03-01T00:00:00Z"}
    assert console.result("import", jsonl(tmp_path / "two.jsonl", late), "--source", "old")["new"] == 0
    assert console.query("SELECT count(*) FROM post") == [(1,)]


async def test_an_answer_after_a_year_still_finds_what_it_replies_to(community: Community) -> None:
    async with community.desk("forum") as work:
        asked = community.forum.says("lin", "my withdrawal is stuck, please help")
        await poll(work)
        community.forum.user("mod_mei").moderator = True
        community.clock.pass_(days=400)
        community.forum.says("mod_mei", "It was refunded, sorry.", reply_to=asked)
        await poll(work)
        (row,) = open_inquiries(work)
    assert row["state"] == "answered"


async def test_what_a_clock_behind_the_platforms_does_to_an_inquiry_still_counts(community: Community) -> None:
    """A colleague's act never comes before what it is about."""
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed, where is it?")
        await poll(work)
        (row,) = open_inquiries(work)
        early = row["opened_at"] - timedelta(days=30)
        after = await act(work.db, work.settings, row["inquiry_id"].bytes, row["ver"], "lin", "claim", early, {})
    assert (after.inquiry.owner, after.inquiry.state) == ("lin", "claimed")


def test_a_bound_value_sends_nobody_to_search_the_path_for_pandas() -> None:
    asked: list[str] = []

    class Last:
        """Who asks this finder has looked everywhere."""

        @staticmethod
        def find_spec(name: str, _path: object = None, _target: object = None) -> None:
            asked.append(name)

    db = Database(None)
    sys.meta_path.append(Last)
    try:
        assert db.query("SELECT ?", ["bound"]) == [("bound",)]
    finally:
        db.close()
        sys.meta_path.remove(Last)
    assert "pandas" not in asked
