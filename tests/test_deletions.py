"""Deletions and recoveries of which a forum's calls tell, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.ingest.early_deletions import KEPT
from aggregator.workplace import Workplace
from connectors.contract import Push, Record
from tests.conftest import START, Community, open_inquiries, poll


@pytest.fixture
def community(community: Community) -> Community:
    community.forum.hooks.url, community.forum.hooks.secret = "http://127.0.0.1:9/unused", "hook-secret-for-tests"
    return community


def newest_call(community: Community, work: Workplace) -> Record:
    """What the forum's newest call brings."""
    headers, body = community.forum.hooks.pending[-1]
    push = Push("POST", {name.lower(): value for name, value in headers.items()}, {}, body)
    (record,) = work.connectors["forum"].receive(push).records
    return record


async def take(work: Workplace, *calls: Record) -> None:
    for call in calls:
        await work.ingest.pushed(work.origins["forum"], [call])


async def take_together(work: Workplace, *calls: Record) -> None:
    """Calls that come while another one is being committed."""
    await work.ingest.pushed(work.origins["forum"], calls)


def deleted(work: Workplace) -> list[object]:
    return [at for (at,) in work.db.query("SELECT deleted_at FROM post ORDER BY posted_at, native_order")]


async def created_and_destroyed(community: Community, work: Workplace) -> tuple[int, Record, Record]:
    """A post that is gone after five minutes, and what was told of it."""
    said = community.forum.says("lin", "my funds were stolen from the wallet!")
    created = newest_call(community, work)
    community.clock.pass_(minutes=5)
    community.forum.deletes(said)
    return said, created, newest_call(community, work)


async def test_a_deletion_that_is_told_before_its_post_is_kept_for_it(community: Community) -> None:
    async with community.desk("forum") as work:
        _, created, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed, created)
        (row,) = open_inquiries(work)
        left = work.db.query("FROM early_deletion")
    assert (row["deleted"], row["points"], row["waiting_since"]) == (1, 0, None)
    assert left == []


async def test_it_is_kept_over_a_restart(community: Community) -> None:
    async with community.desk("forum") as work:
        _, created, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed)
    async with community.desk("forum") as work:
        await take(work, created)
        assert deleted(work) == [START + timedelta(minutes=5)]


async def test_what_was_edited_after_a_deletion_that_came_before_it_stands(community: Community) -> None:
    async with community.desk("forum") as work:
        said, _, destroyed = await created_and_destroyed(community, work)
        community.clock.pass_(minutes=5)
        community.forum.recovers(said)
        community.forum.edits(said, "it is solved")
        await take(work, destroyed, newest_call(community, work))
        assert deleted(work) == [None]


async def test_a_listing_shows_what_stands_whatever_was_told_before(community: Community) -> None:
    async with community.desk("forum") as work:
        said, _, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed)
        community.forum.recovers(said)
        await poll(work)
        assert deleted(work) == [None]


async def test_deletions_of_what_never_came_are_forgotten(community: Community) -> None:
    async with community.desk("forum") as work:
        _, created, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed)
        community.clock.now += KEPT + timedelta(minutes=1)
        _, _, other = await created_and_destroyed(community, work)
        await take(work, other)
        assert len(work.db.query("FROM early_deletion")) == 1
        await take(work, created)
        assert deleted(work) == [None]


async def test_pages_without_deletions_look_for_none(community: Community) -> None:
    async with community.desk("forum") as work:
        community.forum.says("lin", "where is order 1?")
        await take(work, newest_call(community, work))
        work.db.submit(lambda con: con.execute("DROP TABLE early_deletion")).result()
        community.forum.says("lin", "where is order 2?")
        await take(work, newest_call(community, work))
        await poll(work)
        assert deleted(work) == [None, None]


async def test_a_deletion_of_what_was_erased_is_not_noted(community: Community) -> None:
    async with community.desk("forum") as work:
        _, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created)
        ((post,),) = work.db.query("SELECT post_id FROM post")
        work.db.submit(lambda con: con.execute("INSERT INTO erased VALUES (?, 'post', now())", [post])).result()
        work.db.submit(lambda con: con.execute("DELETE FROM post")).result()
        work.db.submit(lambda _: work.ingest.forget_all()).result()
        await take(work, destroyed)
        assert work.db.query("FROM early_deletion") == []


async def recovered_later(community: Community, work: Workplace, said: int) -> Record:
    community.clock.pass_(minutes=5)
    community.forum.recovers(said)
    return newest_call(community, work)


async def test_a_recovered_post_is_back(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created)
        (before,) = open_inquiries(work)
        await take(work, destroyed, await recovered_later(community, work, said))
        (after,) = open_inquiries(work)
        assert deleted(work) == [None]
    assert (after["deleted"], after["points"]) == (0, before["points"])


async def test_a_recovered_post_is_back_where_its_deletion_comes_with_its_recovery(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created)
        await take_together(work, destroyed, await recovered_later(community, work, said))
        assert deleted(work) == [None]


async def test_a_new_post_stands_where_all_that_befell_it_comes_together(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take_together(work, created, destroyed, await recovered_later(community, work, said))
        assert deleted(work) == [None]


async def test_an_edit_that_comes_with_an_earlier_deletion_tells_that_the_post_is_back(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created)
        await recovered_later(community, work, said)  # that call is lost
        community.clock.pass_(minutes=1)
        community.forum.edits(said, "all is well")
        await take_together(work, destroyed, newest_call(community, work))
        assert deleted(work) == [None]


async def test_a_post_that_is_deleted_after_a_recovery_that_comes_with_it_is_gone(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created)
        recovered = await recovered_later(community, work, said)
        community.clock.pass_(minutes=5)
        community.forum.deletes(said)
        await take_together(work, destroyed, recovered, newest_call(community, work))
        assert deleted(work) == [START + timedelta(minutes=15)]


async def test_a_post_that_comes_with_its_recovery_after_its_deletion_was_told_stands(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed)
        await take_together(work, created, await recovered_later(community, work, said))
        assert deleted(work) == [None]


def repeated(work: Workplace, call: tuple[dict[str, str], bytes]) -> list[Record]:
    """What the same call brings once more."""
    headers, body = call
    push = Push("POST", {name.lower(): value for name, value in headers.items()}, {}, body)
    return list(work.connectors["forum"].receive(push).records)


async def test_a_deletion_that_is_told_after_the_recovery_undoes_nothing(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        call = community.forum.hooks.pending[-1]
        await take(work, created, destroyed, await recovered_later(community, work, said))
        community.clock.pass_(minutes=5)
        assert repeated(work, call) == []
        assert deleted(work) == [None]


async def test_a_post_that_is_deleted_once_more_after_its_recovery_is_gone(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, created, destroyed, await recovered_later(community, work, said))
        community.clock.pass_(minutes=5)
        community.forum.deletes(said)
        await take(work, *repeated(work, community.forum.hooks.pending[-1]))
        assert deleted(work) == [START + timedelta(minutes=15)]


async def test_a_post_whose_recovery_is_told_before_itself_stands(community: Community) -> None:
    async with community.desk("forum") as work:
        said, created, destroyed = await created_and_destroyed(community, work)
        await take(work, destroyed, await recovered_later(community, work, said), created)
        assert deleted(work) == [None]


async def test_an_edit_after_a_deletion_tells_that_the_post_is_back_and_an_earlier_one_does_not(
    community: Community,
) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my funds were stolen from the wallet!")
        created = newest_call(community, work)
        community.clock.pass_(minutes=1)
        community.forum.edits(said, "my funds were stolen!")
        edited = newest_call(community, work)
        community.clock.pass_(minutes=4)
        community.forum.deletes(said)
        await take(work, created, newest_call(community, work), edited)
        assert deleted(work) == [START + timedelta(minutes=5)]
        await recovered_later(community, work, said)  # that call is lost
        community.clock.pass_(minutes=1)
        community.forum.edits(said, "all is well")
        await take(work, newest_call(community, work))
        assert deleted(work) == [None]
