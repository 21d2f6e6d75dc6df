"""Calls that come in a storm: committed together, in their order, and each answered for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from aggregator.ingest.arrivals import Outcome
from aggregator.ingest.calls import MOST, Calls
from aggregator.ingest.origin import Origin
from aggregator.store.database import StoreError
from connectors.contract import Record
from tests.conftest import Community, texts


async def test_calls_that_wait_for_the_writer_are_one_page(community: Community) -> None:
    async with community.desk("forum") as work:
        said = [community.forum.says(f"user{number}", f"where is order {number}?") for number in range(30)]
        page = await anext(aiter(work.connectors["forum"].pages(None)))
        by_id = {record["id"]: record for record in page.records}
        free = threading.Event()
        busy = work.db.submit(lambda _: free.wait(20))
        origin = work.origins["forum"]
        with capture_logs() as told:
            calls = [asyncio.create_task(work.ingest.pushed(origin, [by_id[post]])) for post in said]
            await asyncio.sleep(0)  # all of them have been heard
            free.set()
            outcomes = await asyncio.gather(*calls)
        assert busy.result()
        assert texts(work) == [f"where is order {number}?" for number in range(30)]
    assert [one["posts"] for one in told if one["event"] == "page.committed"] == [30]
    assert sum(len(outcome.arrived) for outcome in outcomes) == 30
    assert [outcome.records for outcome in outcomes] == [30, *[1] * 29]


class Pages:
    """What is committed, held up until `free`; a page with a bad record is refused."""

    def __init__(self) -> None:
        self.committed: list[list[Record]] = []
        self.free = asyncio.Event()

    async def commit(self, _origin: Origin, records: Sequence[Record]) -> Outcome:
        await self.free.wait()
        if any(record.get("bad") for record in records):
            raise StoreError("refused")
        self.committed.append(list(records))
        return Outcome(records=len(records))


@pytest.fixture
async def origin(community: Community) -> Origin:
    async with community.desk("forum") as work:
        return work.origins["forum"]


async def test_one_that_is_refused_harms_no_other(origin: Origin) -> None:
    pages = Pages()
    calls = Calls(pages.commit)
    sent: list[Record] = [{"n": 0}, {"n": 1}, {"n": 2, "bad": True}, {"n": 3}]
    tasks = [asyncio.create_task(calls.commit(origin, [record])) for record in sent]
    await asyncio.sleep(0)
    pages.free.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in done] == [Outcome, Outcome, StoreError, Outcome]
    assert [record["n"] for page in pages.committed for record in page] == [0, 1, 3]


async def test_a_caller_who_leaves_does_not_take_its_post_along(origin: Origin) -> None:
    pages = Pages()
    calls = Calls(pages.commit)
    tasks = [asyncio.create_task(calls.commit(origin, [{"n": number}])) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    pages.free.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [record["n"] for page in pages.committed for record in page] == [0, 1, 2]


async def test_a_page_grows_to_its_limit_and_no_further(origin: Origin) -> None:
    pages = Pages()
    calls = Calls(pages.commit)
    sizes = [1, MOST - 10, 10, 1, 3 * MOST, 2]
    tasks = [asyncio.create_task(calls.commit(origin, [{"n": 0}] * size)) for size in sizes]
    await asyncio.sleep(0)
    pages.free.set()
    await asyncio.gather(*tasks)
    assert [len(page) for page in pages.committed] == [MOST - 9, 11, 3 * MOST, 2]
