"""Who writes within fourteen days after a closing reopens what was closed; whatever is in hand is joined later, too."""

from __future__ import annotations

import pytest

from aggregator.acting.compare_and_set import What, act
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


@pytest.mark.parametrize(
    ("what", "details", "owner", "posts"),
    [
        ("claim", {}, "amy", [2]),
        ("wait", {}, None, [2]),
        ("snooze", {"until": "2026-05-14T10:00:00+00:00"}, None, [2]),
        ("label", {"kind": "question"}, None, [1, 1]),  # nobody has it in hand
    ],
)
async def test_what_a_colleague_has_in_hand_is_joined_however_late(
    community: Community, what: What, details: dict[str, str], owner: str | None, posts: list[int]
) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        (row,) = open_inquiries(work)
        inquiry, now = row["inquiry_id"].bytes, community.clock()
        await act(work.db, work.settings, inquiry, row["ver"], "amy", what, now, details)
        community.clock.pass_(hours=20 * 24)
        community.telegram.says("fox", "here is the hash you asked for: the swap failed")
        await poll(work)
        rows = open_inquiries(work)
    assert [row["posts"] for row in rows] == posts
    assert {(row["state"], row["owner"]) for row in rows} == {("claimed" if owner else "new", owner)}
