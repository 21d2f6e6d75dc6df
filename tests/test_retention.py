"""What has been kept long enough goes, and is counted; what is open stays."""

from __future__ import annotations

from datetime import time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from aggregator.actions import act
from aggregator.commands import handlers
from aggregator.housekeeping import keep_what_may_be_kept
from aggregator.keeping import retention
from aggregator.workplace import Workplace
from tests.conftest import START, Community, open_inquiries, poll, texts


async def close(work: Workplace, text: str) -> None:
    """Somebody closed the inquiry of this post, as of now."""
    (row,) = [each for each in open_inquiries(work) if text in each["excerpt"]]
    await act(
        work.db, work.settings, row["inquiry_id"].bytes, row["ver"], "amy", "close", work.clock(), {"reason": "person"}
    )


async def retain(work: Workplace) -> dict[str, object]:
    return await handlers(work)["retain"]({}, lambda _: None)


async def test_closed_inquiries_go_and_are_counted_and_open_ones_stay(community: Community) -> None:
    community.more["retention"] = {"default": timedelta(days=365), "forum": timedelta(days=30)}
    async with community.desk() as work:
        said = community.telegram.says("fox", "my swordfish transfer is stuck")
        community.telegram.admin_says("it is on its way", reply_to=said)
        community.telegram.says("owl", "I still wait for my refund")
        old = community.forum.says("lin", "how do I raise the network fee?", title="The fee")
        community.forum.says("kim", "where is my turquoise parcel?", title="A parcel")
        await poll(work)
        await close(work, "swordfish")
        await close(work, "network fee")
        community.clock.pass_(days=31)
        first = await retain(work)
        assert sorted(texts(work)) == sorted(
            [
                "my swordfish transfer is stuck",
                "it is on its way",
                "I still wait for my refund",
                "where is my turquoise parcel?",
            ]
        )
        community.forum.edits(old, "how do I raise the network fee today?")
        await poll(work)
        assert not any("network fee" in text for text in texts(work))  # listed again, and older than what is kept
        community.clock.pass_(days=340)
        second = await retain(work)
        assert sorted(texts(work)) == ["I still wait for my refund", "where is my turquoise parcel?"]
        counted = work.db.query("FROM inquiry_count ORDER BY channel")
        names = [name for (name,) in work.db.query("SELECT name FROM account WHERE role = 'customer' ORDER BY 1")]
        nothing = await retain(work)
    assert (first["inquiries"], second["inquiries"], nothing["deleted"]) == (1, 1, {})
    assert [(row[1], row[3], row[4]) for row in counted] == [("forum", 1, 0), ("telegram", 1, 1)]
    assert counted[0][0] == (START + timedelta(hours=8)).date()
    assert len(names) == 2
    stored = b"".join(path.read_bytes() for path in community.data.iterdir() if path.is_file())
    assert b"swordfish" not in stored


async def test_all_that_is_old_goes_though_one_transaction_takes_a_part(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    community.more["retention"] = {"telegram": timedelta(days=30)}
    async with community.desk("telegram") as work:
        for who, fish in (("fox", "swordfish"), ("owl", "marlin"), ("elk", "halibut")):
            community.telegram.says(who, f"my {fish} transfer is stuck")
            await poll(work)
            await close(work, fish)
        community.clock.pass_(days=40)
        assert ((await retain(work))["inquiries"], texts(work)) == (3, [])


async def test_what_is_done_once_a_day_is_done_at_its_hour_there(community: Community) -> None:
    async with community.desk("telegram") as work:
        work.poller.daily(partial(keep_what_may_be_kept, work), time(3, 30), "Asia/Shanghai")
        work.poller.start()
        (job,) = [each for each in work.poller._scheduler.get_jobs() if each.id not in work.poller.sources]
        at = job.next_run_time.astimezone(ZoneInfo("Asia/Shanghai"))
        await work.poller.stop()
    assert (at.hour, at.minute) == (3, 30)


async def test_without_a_setting_nothing_ever_goes(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swordfish transfer is stuck")
        await poll(work)
        await close(work, "swordfish")
        community.clock.pass_(days=3000)
        assert (await keep_what_may_be_kept(work)).deleted == {}


async def test_the_same_day_and_kind_are_summed(community: Community) -> None:
    community.more["retention"] = {"telegram": timedelta(days=30)}
    async with community.desk("telegram") as work:
        says = partial(community.telegram.says, "fox")
        for text in ("my swordfish transfer is stuck", "my marlin transfer is stuck"):
            says(text, at=community.clock())
            await poll(work)
            await close(work, text.split()[1])
            community.clock.pass_(days=40)
            await retain(work)
            community.clock.now = START
        assert [row[3:5] for row in work.db.query("FROM inquiry_count")] == [(2, 0)]
