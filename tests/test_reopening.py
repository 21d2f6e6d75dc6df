"""Who writes within fourteen days after an inquiry was closed reopens it; later, a new one begins."""

from __future__ import annotations

import pytest

from aggregator.acting.compare_and_set import act
from aggregator.replay import replay
from aggregator.workplace import Workplace
from tests.conftest import Community, open_inquiries, poll


async def _closed_late(community: Community, work: Workplace) -> None:
    """amy closes it ten days after the customer's last word."""
    community.telegram.says("fox", "my swap failed")
    await poll(work)
    (row,) = open_inquiries(work)
    inquiry, settings, clock = row["inquiry_id"].bytes, work.settings, community.clock
    claimed = await act(work.db, settings, inquiry, row["ver"], "amy", "claim", clock(), {})
    clock.pass_(hours=240)
    ver, why = claimed.inquiry.ver, {"reason": "resolved"}
    await act(work.db, settings, inquiry, ver, "amy", "close", clock(), why)


@pytest.mark.parametrize(
    ("hours", "becomes", "posts"),
    [(13 * 24, ("claimed", "amy"), 2), (14 * 24, ("claimed", "amy"), 2), (14 * 24 + 1, ("new", None), 1)],
)
async def test_the_days_count_from_the_closing_and_not_from_the_last_post(
    community: Community, hours: int, becomes: tuple[str, str | None], posts: int
) -> None:
    async with community.desk("telegram") as work:
        await _closed_late(community, work)
        community.clock.pass_(hours=hours)
        community.telegram.says("fox", "no, it fails again")
        await poll(work)
        (row,) = open_inquiries(work)
    assert ((row["state"], row["owner"]), row["posts"]) == (becomes, posts)


async def test_a_replay_leaves_what_was_reopened_as_it_is(community: Community) -> None:
    async with community.desk("telegram") as work:
        await _closed_late(community, work)
        community.clock.pass_(hours=13 * 24)
        community.telegram.says("fox", "no, it fails again")
        await poll(work)
        before = work.db.query("FROM inquiry")
        result = await replay(work.ingest, work.origins)
        assert (result.changed_inquiries, work.db.query("FROM inquiry")) == (0, before)


async def test_a_late_post_from_before_the_closing_belongs_to_what_was_open_then(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        (row,) = open_inquiries(work)
        community.clock.pass_(hours=15 * 24)
        community.telegram.says("fox", "and it is still not there")  # read only after the closing
        community.clock.pass_(minutes=5)
        inquiry, now, why = row["inquiry_id"].bytes, community.clock(), {"reason": "resolved"}
        await act(work.db, work.settings, inquiry, row["ver"], "amy", "close", now, why)
        community.clock.pass_(minutes=5)
        await poll(work)
        (row,) = open_inquiries(work)
    assert (row["posts"], row["state"]) == (2, "new")
