"""Stored records read again: nothing changes by itself, and what was rejected is recovered by a fix."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.ingest.origin import Origin
from aggregator.replay import _readable, replay
from aggregator.triage.terms import RULES
from connectors.contract import Author, Cursor, Deleted, Item, Page, Post, PullConnector, Record
from connectors.errors import RecordError
from tests.conftest import START, Community, open_inquiries, poll, texts
from tests.console import Console
from tests.test_import import ROWS, jsonl


def everything(console: Console) -> list[list[tuple[Any, ...]]]:
    """All rows that a replay could touch."""
    tables = ("record", "post", "inquiry_open", "inquiry_closed", "account", "sighting", "rejected_record")
    return [console.query(f"FROM {table} ORDER BY ALL") for table in tables]


def test_a_replay_with_the_same_code_changes_no_row_however_often(console: Console, tmp_path: Path) -> None:
    phrase = "my phrase: slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    rows = [*ROWS, {"text": phrase, "author_id": "u4"}, {"text": "no id, no time"}, {"text": 7}, b"{broken"]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old", code=3)
    before = everything(console)
    for result in (console.result("replay"), console.result("replay")):
        assert (result["posts"], result["changed_posts"], result["changed_inquiries"]) == (5, 0, 0)
        assert (result["recovered"], result["rejected"], result["unknown_sources"]) == (0, 2, [])
    assert everything(console) == before


async def test_a_replay_of_both_platforms_with_edits_and_deletions_changes_nothing(community: Community) -> None:
    async with community.desk() as work:
        said = community.telegram.says("fox", "a small question")
        wrong = community.forum.says("lin", "转账三小时未到账，没人理我")
        community.telegram.says("owl", "gm")
        await poll(work)
        community.clock.pass_(minutes=3)
        community.telegram.edits(said, "all my funds are gone")
        community.forum.deletes(wrong)
        for _ in range(6):
            await poll(work)
        before = work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry ORDER BY ALL")
        result = await replay(work.ingest, work.readers())
        assert (result.posts, result.changed_posts, result.changed_inquiries) == (3, 0, 0)
        assert (work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry ORDER BY ALL")) == before


async def test_a_replay_does_not_take_old_likes_for_new_ones(community: Community) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my swap failed")
        await poll(work)
        community.clock.pass_(minutes=3)
        community.forum.likes(said, 40)
        for _ in range(6):
            await poll(work)
        before = work.db.query("SELECT likes FROM post_count ORDER BY counted_at")
        await replay(work.ingest, work.readers())
        assert work.db.query("SELECT likes FROM post_count ORDER BY counted_at") == before == [(0,), (40,)]


async def test_a_replay_keeps_to_which_inquiry_a_post_belongs(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        community.clock.pass_(days=20)
        community.telegram.says("fox", "another swap failed")
        await poll(work)
        before = work.db.query("SELECT post_id, inquiry_id FROM post ORDER BY ALL")
        await replay(work.ingest, work.readers())
        assert work.db.query("SELECT post_id, inquiry_id FROM post ORDER BY ALL") == before
        assert len({inquiry for _, inquiry in before}) == 2


async def test_what_is_said_while_old_records_are_read_again_is_in_the_feed_at_once(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        community.telegram.malformed()
        await poll(work)
        community.telegram.says("owl", "my refund is missing")
        loop, origin = asyncio.get_running_loop(), work.readers()["telegram"]
        heard: list[int] = []

        def read(record: Record) -> Item | Sequence[Item] | None:
            asyncio.run_coroutine_threadsafe(poll(work), loop).result(timeout=5)
            heard.append(len(open_inquiries(work)))
            return origin.read(record)

        result = await replay(work.ingest, {"telegram": replace(origin, read=read)})
    assert (result.changed_posts, result.rejected) == (0, 1)
    assert set(heard) == {2}


async def test_what_was_erased_while_it_was_read_again_does_not_come_back(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.malformed()
        await poll(work)

        def read(record: Record) -> Item:
            work.db.submit(lambda con: con.execute("DELETE FROM rejected_record")).result()
            return Post("1/1", "my swap failed", None, Author("fox"))

        result = await replay(work.ingest, {"telegram": replace(work.readers()["telegram"], read=read)})
        assert (result.recovered, texts(work)) == (0, [])


def told_together(record: Record) -> Sequence[Item]:
    """A platform whose records carry copies of other posts, and marks of those that are gone."""
    edited = datetime.fromisoformat(record["edited"]) if "edited" in record else None
    said = [Post(name, text, START, Author(name), edited_at=edited) for name, text in record["says"].items()]
    back = [replace(post, recovered=record.get("back", False)) for post in said]
    return [*(Deleted(name, None) for name in record.get("gone", ())), *back]


async def test_a_copy_of_a_post_in_the_record_of_another_changes_nothing(community: Community) -> None:
    async with community.desk("telegram") as work:
        origin = replace(work.readers()["telegram"], read=told_together)
        await work.ingest.pushed(origin, [{"says": {"1": "my swap failed", "2": "mine, too"}}])
        community.clock.pass_(minutes=5)
        await work.ingest.pushed(origin, [{"says": {"1": "it is solved"}, "edited": community.clock().isoformat()}])
        before = work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry ORDER BY ALL")
        result = await replay(work.ingest, {"telegram": origin})
        assert (result.posts, result.changed_posts, result.changed_inquiries) == (2, 0, 0)
        assert (work.db.query("FROM post ORDER BY ALL"), work.db.query("FROM inquiry ORDER BY ALL")) == before


async def test_a_post_that_is_back_is_not_deleted_anew_by_a_record_that_told_it_was_gone(community: Community) -> None:
    async with community.desk("telegram") as work:
        origin = replace(work.readers()["telegram"], read=told_together)
        await work.ingest.pushed(origin, [{"says": {"1": "my swap failed"}}])
        await work.ingest.pushed(origin, [{"says": {"2": "why is it gone?"}, "gone": ["1"]}])
        gone = work.db.query("SELECT count(deleted_at) FROM post")
        await work.ingest.pushed(origin, [{"says": {"1": "my swap failed"}, "back": True}])
        await replay(work.ingest, {"telegram": origin})
        assert (gone, work.db.query("SELECT count(deleted_at) FROM post")) == ([(1,)], [(0,)])


# -- a fix ----------------------------------------------------------------------------------------


class Board(PullConnector):
    """A notice board whose newer records name their words `body`: this reader does not know that yet."""

    @property
    def space(self) -> str:
        return "board"

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None:
            yield Page(
                [
                    {"id": "1", "text": "where is my money?", "by": "fox"},
                    {"id": "2", "body": "提现三天没到账，没人理我", "by": "lin"},
                    {"id": "3", "text": "hello", "by": "owl"},
                ],
                {"read": 3},
            )

    def post(self, record: Record) -> Item:
        if "text" not in record:
            raise RecordError(f"record {record['id']} has no text", record["id"])
        return Post(record["id"], record["text"], None, Author(record["by"]))


class FixedBoard(Board):
    """The fix."""

    def post(self, record: Record) -> Item:
        return super().post({**record, "text": record.get("text") or record["body"]})


class FullBoard(Board):
    """Many a record is newer than its reader, and one is what nobody can read."""

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None:
            said: list[Record] = [{"id": str(n), "body": f"swap {n} failed", "by": f"u{n}"} for n in range(7)]
            yield Page([*said, {"id": "7"}, {"id": "8", "text": "hello", "by": "owl"}], {"read": 9})


class LouderBoard(Board):
    """Reads the same records otherwise."""

    def post(self, record: Record) -> Item:
        return super().post({**record, "text": record["text"].upper()} if "text" in record else record)


@pytest.fixture
def board(console: Console) -> Console:
    assert sys.modules[__name__].Board is Board
    connect(console, "Board")
    return console


def connect(console: Console, reader: str) -> None:
    console.config.write_text(f"data: data\nsources:\n  board: {{connector: '{__name__}:{reader}'}}\n")


def test_a_rejected_record_becomes_a_post_once_its_reader_is_mended(board: Console) -> None:
    board.ok("poll")
    assert board.query("SELECT reason FROM rejected_record WHERE resolved_at IS NULL") == [("record 2 has no text",)]
    assert board.result("replay")["rejected"] == 1
    connect(board, "FixedBoard")
    result = board.result("replay")
    assert (result["recovered"], result["rejected"], result["changed_posts"]) == (1, 0, 0)
    assert board.query("SELECT native_id FROM post ORDER BY native_id") == [("1",), ("2",), ("3",)]
    assert board.feed()[0]["excerpt"] == "提现三天没到账，没人理我"
    assert board.query("FROM rejected_record WHERE resolved_at IS NULL") == []
    again = board.result("replay")
    assert (again["posts"], again["recovered"], again["changed_inquiries"]) == (3, 0, 0)


def test_many_rejected_records_are_read_again_a_part_at_a_time(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(console, "FullBoard")
    console.ok("poll")
    connect(console, "FixedBoard")
    parts: list[int] = []
    monkeypatch.setattr("aggregator.replay.FEW", 3)
    monkeypatch.setattr("aggregator.replay._readable", noting(parts, _readable))
    result = console.result("replay")
    assert (result["recovered"], result["rejected"], parts) == (7, 1, [3, 3, 2])
    assert console.query("SELECT count(*), count(DISTINCT inquiry_id) FROM post") == [(8, 8)]
    assert console.query("SELECT count(*) FROM rejected_record WHERE resolved_at IS NULL") == [(1,)]
    again = console.result("replay")
    assert (again["posts"], again["recovered"], again["rejected"]) == (8, 0, 1)


def noting(sizes: list[int], reads: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and of how many it was asked."""

    def read(found: Sequence[Any], origin: Origin) -> Any:
        sizes.append(len(found))
        return reads(found, origin)

    return read


def test_a_changed_reader_changes_the_posts_and_keeps_no_second_copy(board: Console) -> None:
    board.ok("poll")
    connect(board, "LouderBoard")
    result = board.result("replay")
    assert (result["posts"], result["changed_posts"], result["rejected"]) == (2, 2, 1)
    assert board.query("SELECT text FROM post ORDER BY native_id") == [("WHERE IS MY MONEY?",), ("HELLO",)]
    connect(board, "Board")
    assert board.result("replay")["changed_posts"] == 2
    assert board.query("SELECT text FROM post ORDER BY native_id") == [("where is my money?",), ("hello",)]


def test_posts_of_a_source_that_is_no_longer_configured_are_left_as_they_are(board: Console) -> None:
    board.ok("poll")
    before = board.query("FROM post ORDER BY ALL")
    board.config.write_text("data: data\nsources: {}\n")
    told = board.ok("replay")
    assert "left alone, for they are no longer configured: board" in told
    assert board.query("FROM post ORDER BY ALL") == before


def test_other_points_in_the_configuration_reach_what_is_stored(board: Console) -> None:
    board.ok("poll")
    before = board.feed()[0]["priority"]
    board.config.write_text(board.config.read_text() + "points: {funds_missing: 75}\n")
    assert board.result("replay")["changed_inquiries"] == 1
    assert board.feed()[0]["priority"] == pytest.approx(
        before + 75 - RULES["funds_missing"], abs=0.15
    )  # it waits meanwhile


async def test_a_colleague_who_is_named_later_is_no_customer_any_more(community: Community) -> None:
    mei = str(community.telegram.user("mei")["id"])
    async with community.desk("telegram") as work:
        community.telegram.says("mei", "all my funds are gone")
        await poll(work)
        (before,) = open_inquiries(work)
    community.more |= {"team": [{"name": "Mei", "handles": {"telegram": [mei]}}]}
    async with community.desk("telegram") as work:
        result = await replay(work.ingest, work.readers())
        (after,) = open_inquiries(work)
    assert (before["state"], result.changed_inquiries) == ("new", 1)
    assert (after["state"], after["waiting_since"]) == ("answered", None)
    assert after["priority"] < 0
