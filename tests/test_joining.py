"""Pages of an import that are written together, and what an import takes of its process meanwhile."""

from __future__ import annotations

import gc
import pickle
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import orjson

from aggregator.config import Settings
from aggregator.importer.files import Rows
from aggregator.importer.job import Job
from aggregator.importer.room import room_for
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.ingest.joining import joined
from aggregator.store import rows
from aggregator.store.database import Database
from aggregator.store.known_ids import Distinct

LINES = [
    orjson.dumps({"native_id": str(number), "text": text, "author_id": f"u{number % 3}", "thread_id": thread})
    for number, (text, thread) in enumerate([
        ("my swap failed, and nobody answers", "a"), ("提现三天没到账", None), ("love the new version", "b"),
        ("which network do I pick?", None), ("still nothing, please look", "a"), ("thanks, solved", "b"),
    ])
] + [b"[no object]"]  # fmt: skip


def told(page: Prepared, draft: Draft) -> tuple[Any, ...]:
    """All that a page says of a post."""
    begins = rows.values_of(page.begun, draft.begins) if draft.begins is not None else None
    return page.row(draft), page.body(draft), begins, draft.person_id, draft.opens


def test_joined_pages_say_what_one_page_says() -> None:
    job = Job("old", "0011223344556677", datetime(2026, 3, 1, tzinfo=UTC), clocks=Settings(sources={}).clocks)
    whole = job.prepare(Rows(LINES), 0, job.origin())
    parts = [job.prepare(Rows(LINES[start:end]), start, job.origin()) for start, end in ((0, 2), (2, 3), (3, 7))]
    together = joined(parts)
    assert [told(together, draft) for draft in together.drafts] == [told(whole, draft) for draft in whole.drafts]
    assert (together.records, together.rejected) == (whole.records, whole.rejected)
    assert (together.posts.num_rows, len(together.rejected)) == (6, 1)


async def test_an_import_gives_back_what_it_took() -> None:
    database = Database(None, memory_limit="2GiB")
    settings = "SELECT current_setting('checkpoint_threshold'), current_setting('memory_limit')"
    try:
        before = database.query(settings), gc.get_threshold()
        async with room_for(database, alone=True):
            meanwhile = database.query(settings), gc.get_threshold()
        assert (database.query(settings), gc.get_threshold()) == before
        async with room_for(database, alone=False):
            assert database.query(settings) == before[0]  # a service has others to think of
    finally:
        database.close()
    assert all(one != other for one, other in zip(before, meanwhile, strict=True))


async def test_imports_that_overlap_give_back_what_was_there_before_the_first() -> None:
    database, before = Database(None), gc.get_threshold()
    first, second = (room_for(database, alone=False) for _ in range(2))
    async with AsyncExitStack() as later:
        async with first:
            await later.enter_async_context(second)
            meanwhile = gc.get_threshold()
        assert gc.get_threshold() == meanwhile  # the second has not ended
    assert gc.get_threshold() == before != meanwhile
    database.close()


def test_different_ids_are_counted_once_across_pages() -> None:
    ids = [bytes([number]) * 16 for number in range(5)]
    counted, kept = Distinct(keep=False), Distinct(keep=True)
    for some in (ids[:3], ids[2:], []):
        counted.add(some)
        kept.add(some)
    assert (len(counted), counted.ids) == (5, set())
    assert (len(kept), kept.ids) == (5, set(ids))
    assert len(Distinct(keep=False)) == 0


def test_a_page_passes_to_another_process_as_it_lies() -> None:
    job = Job("old", "0011223344556677", datetime(2026, 3, 1, tzinfo=UTC), clocks=Settings(sources={}).clocks)
    for page in (job.prepare(Rows(LINES), 0, job.origin()), job.prepare(Rows([]), 0, job.origin())):
        pieces: list[pickle.PickleBuffer] = []
        said = pickle.dumps(page, 5, buffer_callback=pieces.append)
        assert len(pieces) == 3  # posts, bodies, inquiries
        again = pickle.loads(said, buffers=[bytes(piece.raw()) for piece in pieces])
        assert [told(again, draft) for draft in again.drafts] == [told(page, draft) for draft in page.drafts]
        assert (again.posts.schema, again.rejected) == (page.posts.schema, page.rejected)
