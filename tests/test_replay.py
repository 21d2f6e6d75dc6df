"""Stored records read again: nothing changes by itself, and what was rejected is recovered by a fix."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from aggregator.replay import replay
from aggregator.triage.terms import RULES
from connectors.contract import Author, Cursor, Item, Page, Post, PullConnector, Record
from connectors.errors import RecordError
from tests.conftest import Community, open_inquiries, poll
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
