"""Pages of several sources that wait for the writer: written as if each were alone, in one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aggregator.identity import Id
from aggregator.ingest.arrivals import Arrival, Move, Outcome
from aggregator.ingest.prepare import prepare
from aggregator.ingest.together import MOST, Together
from aggregator.store.changed import Changed
from aggregator.store.database import Connection, StoreError
from aggregator.store.sources import FenceLostError
from aggregator.workplace import Workplace
from connectors.contract import PullConnector, Record
from tests.conftest import START, Community, texts

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
    return Arrival(origin, prepare(records, origin, work.clock()), move, work.clock())


async def all_told(work: Workplace, source: str) -> Arrival:
    return arrival(work, source, await told_by(work, source))


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
        self.told: list[str] = []
        self.together = Together(work.db, self.write, self.tell)
        self._work = work
        self._refused = refused

    def write(self, _: Connection, arrivals: Sequence[Arrival]) -> list[Outcome]:
        if any(each.origin.source == self._refused for each in arrivals):
            raise StoreError(f"{self._refused} is refused")
        self.pages.append([(each.origin.source, each.page.records) for each in arrivals])
        return [Outcome(records=each.page.records) for each in arrivals]

    async def tell(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome]) -> None:
        assert len(arrivals) == len(outcomes)
        self.told += [each.origin.source for each in arrivals]

    async def of(self, *pages: tuple[str, int]) -> list[Outcome | BaseException]:
        """Each of a source, with so many records; all wait before any is written."""
        commits = [self.together.commit(self.page(*each)) for each in pages]
        return await at_once(self._work, commits)

    def page(self, source: str, records: int) -> Arrival:
        """`one/two` is source two of space one."""
        like = self._work.origins["forum"]
        page = prepare([], like, self._work.clock())
        origin = replace(like, source=source, space=source.partition("/")[0])
        return Arrival(origin, replace(page, records=records), None, self._work.clock())


async def at_once(
    work: Workplace, commits: Sequence[Coroutine[Any, Any, Outcome]], leaves: int | None = None
) -> list[Outcome | BaseException]:
    """All of them wait before any is written. leaves: which of them is cancelled by then."""
    with writer_at_work(work):
        tasks = [asyncio.create_task(each) for each in commits]
        await asyncio.sleep(0)  # all of them wait
        if leaves is not None:
            tasks[leaves].cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def groups_of(work: Workplace) -> Iterator[list[list[str]]]:
    """The sources whose pages are written together, each time that it is tried."""
    found: list[list[str]] = []
    write = work.ingest.write_all

    def noted(con: Connection, arrivals: Sequence[Arrival]) -> list[Outcome]:
        found.append([each.origin.source for each in arrivals])
        return write(con, arrivals)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work.ingest.together, "_write", noted)
        yield found


async def test_all_that_waits_is_written_in_one_transaction(work: Workplace) -> None:
    book = Book(work)
    outcomes = await book.of(("forum", 1), ("telegram", 2), ("mail", 3))
    assert book.pages == [[("forum", 1), ("telegram", 2), ("mail", 3)]]
    assert book.told == ["forum", "telegram", "mail"]
    assert [outcome.records for outcome in outcomes if isinstance(outcome, Outcome)] == [1, 2, 3]


async def test_pages_of_one_space_keep_their_order_and_a_transaction_its_size(work: Workplace) -> None:
    book = Book(work)
    await book.of(("a", 1), ("a", 2), ("b", MOST), ("b/2", 3), ("c", MOST - 1), ("d", 2 * MOST), ("a", 4))
    assert book.pages == [
        [("a", 1), ("c", MOST - 1)],
        [("a", 2)],
        [("b", MOST)],
        [("b/2", 3), ("a", 4)],
        [("d", 2 * MOST)],
    ]


async def test_one_that_is_refused_harms_no_other_and_it_is_told_why_they_were_refused_together(
    work: Workplace,
) -> None:
    book = Book(work, refused="b")
    with capture_logs() as logged:
        outcomes = await book.of(("a", 1), ("b", 2), ("c", 3))
    assert [type(outcome) for outcome in outcomes] == [Outcome, StoreError, Outcome]
    assert book.pages == [[("a", 1)], [("c", 3)]]
    assert book.told == ["a", "c"]
    (line,) = logged
    assert (line["event"], line["sources"], line["why"]) == (
        "pages.refused_together",
        ["a", "b", "c"],
        "b is refused",
    )


async def test_whoever_leaves_does_not_take_its_page_along_nor_what_others_are_told(work: Workplace) -> None:
    book = Book(work)
    left, stayed = await at_once(work, [book.together.commit(book.page(*each)) for each in (("a", 1), ("b", 2))], 0)
    assert isinstance(left, asyncio.CancelledError)
    assert isinstance(stayed, Outcome)
    assert book.pages == [[("a", 1), ("b", 2)]]
    assert book.told == ["a", "b"]


async def test_a_closed_database_refuses_each_and_leaves_nobody_without_an_answer(work: Workplace) -> None:
    book = Book(work)
    work.db.close()
    refused = await asyncio.gather(
        *(book.together.commit(book.page(each, 1)) for each in ("a", "b", "a")), return_exceptions=True
    )
    assert [type(each) for each in refused] == [StoreError] * 3
    assert book.together._unanswered == set()


async def test_what_the_service_reads_from_two_platforms_goes_through_one_transaction_and_is_there_at_its_end(
    community: Community,
) -> None:
    community.forum.says("lin", "where is my refund?")
    community.telegram.says("mei", "充值没有到账")
    async with community.desk() as work:
        told = {source: await told_by(work, source) for source in work.origins}
        with groups_of(work) as groups:
            with writer_at_work(work):
                tasks = [
                    asyncio.create_task(work.ingest.pushed(work.origins[source], records))
                    for source, records in told.items()
                ]
                while len(work.ingest.together._unanswered) < len(tasks):  # noqa: ASYNC110 -- other threads mask and read
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()  # as at the end of the service
            await work.ingest.finish()
    assert [sorted(group) for group in groups] == [["forum", "telegram"]]
    async with community.desk() as work:
        assert sorted(texts(work)) == ["where is my refund?", "充值没有到账"]


async def test_a_lost_fence_stops_its_own_source_alone(community: Community, work: Workplace) -> None:
    community.forum.says("lin", "where is my refund?")
    community.telegram.says("mei", "充值没有到账")
    fences = {name: source.fence for name, source in work.poller.sources.items()}
    telegram = arrival(work, "telegram", await told_by(work, "telegram"), Move(fences["telegram"], {"kept": True}))
    forum = arrival(work, "forum", await told_by(work, "forum"), Move(fences["forum"] + 1, {"lost": True}))
    with groups_of(work) as groups:
        kept, lost = await at_once(work, [work.ingest.together.commit(each) for each in (telegram, forum)])
    assert groups == [["telegram", "forum"], ["telegram"], ["forum"]]
    assert isinstance(lost, FenceLostError)
    assert isinstance(kept, Outcome)
    assert work.db.query("SELECT p.text, p.source, a.handle FROM post AS p JOIN account AS a USING (account_id)") == [
        ("充值没有到账", "telegram", "mei")
    ]
    cursors = dict(work.db.query("SELECT source, cursor FROM source_state"))
    assert cursors == {"forum": None, "telegram": '{"kept":true}'}


async def test_what_was_noted_in_a_transaction_that_failed_at_its_very_end_does_not_hold(
    community: Community, work: Workplace
) -> None:
    """The accounts, and the first words of a phrase, were not stored: they are written, and blacked out, after all."""
    await mei_begins_a_phrase(community, work)
    community.telegram.says("mei", "wave sausage worth useful")
    community.telegram.says("mei", "legal winner thank yellow")
    community.forum.says("lin", "where is my refund?")
    pages = [await all_told(work, source) for source in ("forum", "telegram")]
    full = FullDisk(fails=1)
    work.db.teller = full
    with groups_of(work) as groups:
        outcomes = await at_once(work, [work.ingest.together.commit(each) for each in pages])
    assert [type(each) for each in outcomes] == [Outcome, Outcome]
    assert full.fails == 0
    assert groups == [["forum", "telegram"], ["forum"], ["telegram"]]
    assert work.db.query("FROM post ANTI JOIN account USING (account_id)") == []
    said = [text for (text,) in work.db.query("SELECT text FROM post WHERE source = 'telegram'")]
    assert [text for text in said if "legal" in text or "wave" in text] == []
    assert work.db.query("FROM record WHERE contains(body, 'winner') OR contains(body, 'sausage')") == []


async def mei_begins_a_phrase(community: Community, work: Workplace) -> None:
    """Its first four words are stored."""
    community.telegram.says("mei", "legal winner thank year")
    await work.db.write(partial(work.ingest.write_all, arrivals=[await all_told(work, "telegram")]))


@dataclass
class FullDisk:
    """Refuses the end of so many transactions, after all their statements."""

    fails: int

    def write(self, con: Connection, _: Changed) -> bool:
        if self.fails:
            self.fails -= 1
            con.execute("SELECT error('No space left on device')")
        return False

    def committed(self) -> None:
        raise AssertionError("nothing had to be told")


async def test_pieces_of_a_phrase_that_another_source_of_the_space_stored_are_blacked_out(
    community: Community, work: Workplace
) -> None:
    await mei_begins_a_phrase(community, work)
    community.telegram.says("mei", "legal winner thank year wave sausage worth useful legal winner thank yellow")
    community.telegram.says("mei", "wave sausage worth useful legal winner thank yellow")
    again = await all_told(work, "telegram")
    mirror = replace(again.origin, source="mirror")
    page = prepare((await told_by(work, "telegram"))[1:], mirror, work.clock())
    (outcome,) = await work.db.write(
        partial(work.ingest.write_all, arrivals=[Arrival(mirror, page, None, work.clock())])
    )
    assert outcome.new == 2
    assert work.db.query("FROM post WHERE contains(text, 'winner') OR contains(text, 'sausage')") == []


async def test_two_sources_of_one_space_which_may_tell_of_the_same_post_are_written_one_after_the_other(
    community: Community, work: Workplace
) -> None:
    said = community.forum.says("lin", "where is my refund?")
    first = arrival(work, "forum", await told_by(work, "forum"))
    community.clock.pass_(minutes=1)
    community.forum.edits(said, "where is my refund of last week?")
    mirror = replace(work.origins["forum"], source="mirror")
    newer = Arrival(mirror, prepare(await told_by(work, "forum"), mirror, work.clock()), None, work.clock())
    with groups_of(work) as groups:
        one, other = await at_once(work, [work.ingest.together.commit(each) for each in (first, newer)])
    assert isinstance(one, Outcome)
    assert isinstance(other, Outcome)
    assert groups == [["forum"], ["mirror"]]
    assert (one.new, one.edited, other.new, other.edited) == (1, 0, 0, 1)
    assert work.db.query("SELECT text, source, version FROM post") == [("where is my refund of last week?", "forum", 2)]
    assert work.db.query("SELECT version, source FROM record ORDER BY version") == [(1, "forum"), (2, "mirror")]
    assert work.db.query("SELECT source FROM sighting") == [("mirror",)]


async def test_together_everything_is_stored_as_if_one_page_came_after_the_other(
    community: Community, tmp_path: Path
) -> None:
    rounds = await a_morning(community)
    alone, together = [await stored_of(community, rounds, tmp_path, at_once=each) for each in (False, True)]
    assert alone == together
    outcomes, content = together
    assert [sum(one[name] for one in outcomes) for name in ("edited", "deleted", "rejected")] == [2, 1, 2]
    assert sum(one["hidden"] for one in outcomes) > 1
    assert len(content["post"]) > 12
    assert [table for table in TABLES if table != "sighting" and not content[table]] == []
    assert [row for row in content["post"] if "sausage" in str(row)] == []
    assert [row for row in content["source_state"] if '{"round":2}' not in row] == []


async def stored_of(
    community: Community, rounds: Sequence[Mapping[str, Sequence[Record]]], folder: Path, *, at_once: bool
) -> tuple[list[dict[str, int]], dict[str, list[tuple[Any, ...]]]]:
    """What comes of the rounds, and what stands in the tables afterwards."""
    community.moves_to(folder / ("together" if at_once else "alone"))
    community.clock.now = START + timedelta(hours=1)
    told: list[dict[str, int]] = []
    async with community.desk() as work:
        for number, pages in enumerate(rounds):
            arrivals = [
                arrival(work, source, records, Move(number, {"round": number})) for source, records in pages.items()
            ]
            changed = set[Id]()
            for some in [arrivals] if at_once else [[each] for each in arrivals]:
                for one in await work.db.write(partial(work.ingest.write_all, arrivals=some)):
                    told.append({name: figure_of(one, name) for name in FIGURES})
                    changed |= one.inquiries
            told.append(dict.fromkeys(FIGURES, 0) | {"changed": len(changed)})
        hidden = sum(one["hidden"] for one in told)
        told = [one | {"hidden": 0} for one in told] + [dict.fromkeys(FIGURES, 0) | {"hidden": hidden}]
        return told, {table: content(work, table) for table in TABLES}


FIGURES = ("records", "new", "edited", "deleted", "rejected", "hidden", "passed_over", "arrived", "asked", "lost")


def figure_of(outcome: Outcome, name: str) -> int:
    value = getattr(outcome, name)
    return value if isinstance(value, int) else len(value)


def content(work: Workplace, table: str) -> list[tuple[Any, ...]]:
    return sorted(work.db.query(f"FROM {table}"), key=repr)


async def a_morning(community: Community) -> list[dict[str, Sequence[Record]]]:
    """What both platforms told, page by page: questions, answers, an edit, a deletion, an impostor, a phrase in pieces,
    somebody who asks in both places, a record that cannot be read."""
    forum, telegram, clock = community.forum, community.telegram, community.clock
    rounds: list[dict[str, Sequence[Record]]] = []
    asked: list[int] = []
    async with community.desk() as work:
        for number in range(3):
            clock.pass_(minutes=3)
            asked.append(
                forum.says(f"ann{number}", f"my swap number {number} failed, tx 0x{number}{'ab' * 31}{number}")
            )
            forum.says("bo", f"where is my deposit? {TX}, that is attempt {number}")
            telegram.says("bo", f"nobody answers on the forum: {TX} did not arrive, attempt {number}")
            telegram.says("lin", PIECES[number])
            told = telegram.says("kim", f"is there news of ticket {number}?")
            telegram.admin_says("we look into it", reply_to=told)
            telegram.says("Wallet Support", "please send your recovery words to t.me/helper_now, we refund you")
            gone: list[Record] = []
            if number == 1:
                forum.edits(asked[0], "it works again, thank you")
                forum.breaks(forum.says("odd", "this one cannot be read"))
            if number == 2:
                forum.likes(asked[0], 7)
                forum.edits(asked[0], "no, it failed again")
                forum.deletes(asked[1])
                gone = [{"deleted_post": {"id": asked[1], "at": None}}]
            forum_told, telegram_told = await told_by(work, "forum"), await told_by(work, "telegram")
            rounds.append({"forum": [*forum_told, *gone], "telegram": telegram_told})
    return rounds


TX = f"0x{sha256(b'a deposit').hexdigest()}"
PIECES = ("legal winner thank year", "wave sausage worth useful", "legal winner thank yellow")
