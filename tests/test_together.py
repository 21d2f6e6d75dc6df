"""Pages of several sources that wait for the writer: written as if each were alone, in one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aggregator.ingest.commit import Arrival, Move, Outcome
from aggregator.ingest.prepare import prepare
from aggregator.ingest.together import MOST, Together
from aggregator.store.database import Connection, StoreError
from aggregator.store.sources import FenceLostError
from aggregator.workplace import Workplace
from connectors.contract import PullConnector, Record
from tests.conftest import Community

TABLES = (
    "post", "record", "inquiry", "account", "sighting", "rejected_record", "evidence", "person_link", "approach",
    "post_count", "source_state",
)  # fmt: skip


@pytest.fixture
async def work(community: Community) -> AsyncIterator[Workplace]:
    async with community.desk() as opened:
        yield opened


async def told_by(work: Workplace, source: str) -> Sequence[Record]:
    """What its platform tells from the beginning on."""
    connector = work.connectors[source]
    assert isinstance(connector, PullConnector)
    await connector.open()
    page = await anext(aiter(connector.pages(None)))
    return page.records


def arrival(work: Workplace, source: str, records: Sequence[Record], move: Move | None = None) -> Arrival:
    origin = work.origins[source]
    return Arrival(origin, prepare(records, origin, work.clock()), move)


@contextmanager
def writer_at_work(work: Workplace) -> Iterator[None]:
    """Nothing is written until the block is left."""
    free = threading.Event()
    busy = work.db.submit(lambda _: free.wait(20))
    try:
        yield
    finally:
        free.set()
    assert busy.result()


class Book:
    """What was written together, in its order; whoever is named is refused, and all who stand with it."""

    def __init__(self, work: Workplace, refused: str = "") -> None:
        self.pages: list[list[tuple[str, int]]] = []
        self.together = Together(work.db, self.write)
        self._work = work
        self._refused = refused

    def write(self, _: Connection, arrivals: Sequence[Arrival]) -> list[Outcome]:
        if any(each.origin.source == self._refused for each in arrivals):
            raise StoreError(f"{self._refused} is refused")
        self.pages.append([(each.origin.source, each.page.records) for each in arrivals])
        return [Outcome(records=each.page.records) for each in arrivals]

    async def of(self, *pages: tuple[str, int]) -> list[Outcome | BaseException]:
        """Each of a source, with so many posts; all wait before any is written."""
        like = arrival(self._work, "forum", await told_by(self._work, "forum"))
        (draft,) = like.page.drafts
        with writer_at_work(self._work):
            commits = [
                asyncio.create_task(
                    self.together.commit(
                        Arrival(
                            replace(like.origin, source=source, space=source),
                            replace(like.page, drafts=[draft] * posts, records=posts),
                        )
                    )
                )
                for source, posts in pages
            ]
            await asyncio.sleep(0)  # all of them wait
        return await asyncio.gather(*commits, return_exceptions=True)


async def test_all_that_waits_is_written_in_one_transaction(community: Community, work: Workplace) -> None:
    community.forum.says("lin", "where is my refund?")
    book = Book(work)
    outcomes = await book.of(("forum", 1), ("telegram", 2), ("mail", 3))
    assert book.pages == [[("forum", 1), ("telegram", 2), ("mail", 3)]]
    assert [outcome.records for outcome in outcomes if isinstance(outcome, Outcome)] == [1, 2, 3]


async def test_pages_of_one_source_keep_their_order_and_a_transaction_its_size(
    community: Community, work: Workplace
) -> None:
    community.forum.says("lin", "where is my refund?")
    book = Book(work)
    await book.of(("a", 1), ("a", 2), ("b", MOST), ("b", 3), ("c", MOST - 1), ("d", 2 * MOST), ("a", 4))
    assert book.pages == [
        [("a", 1), ("c", MOST - 1)],
        [("a", 2)],
        [("b", MOST)],
        [("b", 3), ("a", 4)],
        [("d", 2 * MOST)],
    ]


async def test_one_that_is_refused_harms_no_other(community: Community, work: Workplace) -> None:
    community.forum.says("lin", "where is my refund?")
    book = Book(work, refused="b")
    outcomes = await book.of(("a", 1), ("b", 2), ("c", 3))
    assert [type(outcome) for outcome in outcomes] == [Outcome, StoreError, Outcome]
    assert book.pages == [[("a", 1)], [("c", 3)]]


async def test_whoever_leaves_does_not_take_its_page_along(community: Community, work: Workplace) -> None:
    community.forum.says("lin", "where is my refund?")
    book, page = Book(work), arrival(work, "forum", await told_by(work, "forum"))
    with writer_at_work(work):
        commit = asyncio.create_task(book.together.commit(page))
        await asyncio.sleep(0)
        commit.cancel()
    await book.together.finish()
    assert book.pages == [[("forum", 1)]]


async def test_a_lost_fence_stops_its_own_source_alone(community: Community, work: Workplace) -> None:
    community.forum.says("lin", "where is my refund?")
    community.telegram.says("mei", "充值没有到账")
    fences = {name: source.fence for name, source in work.poller.sources.items()}
    together = Together(work.db, work.ingest.write_all)
    forum = arrival(work, "forum", await told_by(work, "forum"), Move(fences["forum"] + 1, {"lost": True}))
    telegram = arrival(work, "telegram", await told_by(work, "telegram"), Move(fences["telegram"], {"kept": True}))
    with writer_at_work(work):
        commits = [asyncio.create_task(together.commit(each)) for each in (forum, telegram)]
        await asyncio.sleep(0)
    lost, kept = await asyncio.gather(*commits, return_exceptions=True)
    assert isinstance(lost, FenceLostError)
    assert isinstance(kept, Outcome)
    assert work.db.query("SELECT text, source FROM post") == [("充值没有到账", "telegram")]
    cursors = dict(work.db.query("SELECT source, cursor FROM source_state"))
    assert cursors == {"forum": None, "telegram": '{"kept":true}'}


async def test_two_sources_of_one_space_which_may_tell_of_the_same_post_are_written_one_after_the_other(
    community: Community, work: Workplace
) -> None:
    said = community.forum.says("lin", "where is my refund?")
    first = arrival(work, "forum", await told_by(work, "forum"))
    community.clock.pass_(minutes=1)
    community.forum.edits(said, "where is my refund of last week?")
    mirror = replace(work.origins["forum"], source="mirror")
    newer = Arrival(mirror, prepare(await told_by(work, "forum"), mirror, work.clock()))
    together = Together(work.db, work.ingest.write_all)
    with writer_at_work(work):
        commits = [asyncio.create_task(together.commit(each)) for each in (first, newer)]
        await asyncio.sleep(0)
    one, other = await asyncio.gather(*commits)
    assert (one.new, one.edited, other.new, other.edited) == (1, 0, 0, 1)
    assert work.db.query("SELECT text, source, version FROM post") == [("where is my refund of last week?", "forum", 2)]
    assert work.db.query("SELECT version, source FROM record ORDER BY version") == [(1, "forum"), (2, "mirror")]
    assert work.db.query("SELECT source FROM sighting") == [("mirror",)]


async def test_together_everything_is_stored_as_if_one_page_came_after_the_other(
    community: Community, tmp_path: Path
) -> None:
    rounds = await a_morning(community)
    stored = []
    for name, at_once in (("alone", False), ("together", True)):
        community.data = tmp_path / name
        async with community.desk() as work:
            told = []
            for pages in rounds:
                arrivals = [arrival(work, source, records) for source, records in pages.items()]
                for some in [arrivals] if at_once else [[each] for each in arrivals]:
                    told += await work.db.write(partial(work.ingest.write_all, arrivals=some))
            outcomes = [
                (one.records, one.new, one.edited, one.deleted, one.rejected, len(one.arrived), len(one.asked))
                for one in told
            ]
            stored.append((outcomes, {table: content(work, table) for table in TABLES}))
    alone, together = stored
    assert alone == together
    assert len(alone[1]["post"]) > 12
    assert all(alone[1][table] for table in ("rejected_record", "evidence", "approach", "post_count"))


def content(work: Workplace, table: str) -> list[tuple[Any, ...]]:
    return sorted(work.db.query(f"FROM {table}"), key=repr)


async def a_morning(community: Community) -> list[dict[str, Sequence[Record]]]:
    """What both platforms told, page by page: questions, answers, an edit, a deletion, an impostor, a phrase in pieces,
    somebody who asks in both places, a record that cannot be read."""
    forum, telegram, clock = community.forum, community.telegram, community.clock
    rounds = []
    async with community.desk() as work:
        for number in range(3):
            clock.pass_(minutes=3)
            asked = forum.says(f"ann{number}", f"my swap number {number} failed, tx 0x{number}{'ab' * 31}{number}")
            forum.says("bo", f"where is my deposit? mail me at bo@example.com, that is attempt {number}")
            telegram.says("bo", f"nobody answers on the forum; I am bo@example.com, attempt {number}")
            telegram.says(
                "lin", ("legal winner thank year", "wave sausage worth useful", "legal winner thank yellow")[number]
            )
            telegram.says("Wallet Support", "please send your recovery words to t.me/helper_now, we refund you")
            if number == 1:
                forum.edits(asked, "it works again, thank you")
                forum.breaks(forum.says("odd", "this one cannot be read"))
            if number == 2:
                forum.deletes(asked)
                forum.likes(asked - 1, 7)
            rounds.append({"forum": await told_by(work, "forum"), "telegram": await told_by(work, "telegram")})
    return rounds
