"""The daily counts are kept, not counted when somebody asks; they say what counting says, whatever happens."""

from __future__ import annotations

from datetime import timedelta

from aggregator.acting.compare_and_set import act
from aggregator.commands import handlers
from aggregator.housekeeping import count_anew, keep_what_may_be_kept
from aggregator.store import daily
from aggregator.store.zone import keep_zone
from aggregator.workplace import Workplace
from tests.conftest import Community, poll
from tests.test_retention import close

COUNTED = (
    "SELECT day_of(opened_at, team_zone()), channel, source, kind, lang, backfill, count(*), count(first_answer_at), "
    "count(closed_at), count(*) FILTER (secret) FROM inquiry GROUP BY ALL ORDER BY ALL"
)


def total(work: Workplace) -> list[int]:
    """Inquiries, answered, closed, as the view says and as counting says."""
    assert work.db.query("FROM daily_counts ORDER BY ALL") == work.db.query(COUNTED)
    return [int(n) for n in work.db.query("SELECT sum(inquiries), sum(answered), sum(closed) FROM daily_counts")[0]]


async def test_the_counts_are_true_after_whatever_closes_reopens_or_deletes(community: Community) -> None:
    community.more["retention"] = {"default": timedelta(days=30)}
    async with community.desk() as work:
        said = community.telegram.says("fox", "my swordfish transfer is stuck")
        community.telegram.admin_says("it is on its way", reply_to=said)
        for number in range(3):
            community.telegram.says(f"owl{number}", f"I still wait for refund number {number}")
        community.forum.says("lin", "how do I raise the network fee?", title="The fee")
        await poll(work)
        assert total(work) == [5, 1, 0]
        for text in ("swordfish", "network fee", "refund number 1"):
            await close(work, text)
        assert total(work) == [5, 1, 3]
        (closed,) = work.db.query("SELECT inquiry_id, ver FROM inquiry_closed WHERE excerpt LIKE '%network fee%'")
        await act(work.db, work.settings, closed[0].bytes, closed[1], "amy", "reopen", work.clock(), {})
        assert total(work) == [5, 1, 2]
        community.telegram.says("owl1", "and now my refund number 1 again, please")  # opens it again
        await poll(work)
        assert total(work)[0] == 5
        community.clock.pass_(days=31)
        assert (await keep_what_may_be_kept(work)).inquiries >= 1
        before = total(work)
        arguments = {"person": "owl2", "dry_run": False, "logs": []}
        await handlers(work)["erase"](arguments, lambda _: None)
        assert total(work) == [before[0] - 1, *before[1:]]
        await work.db.write(lambda con: keep_zone(con, "Pacific/Apia"))
        assert total(work)[0] == before[0] - 1
        assert work.db.query("SELECT min(opened_on) FROM daily_counts") == work.db.query(
            "SELECT min((opened_at AT TIME ZONE 'Pacific/Apia')::DATE) FROM inquiry"
        )


async def test_a_wrong_count_is_found_in_the_night_and_put_right(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swordfish transfer is stuck")
        await poll(work)
        await close(work, "swordfish")
        assert await work.db.read(daily.checked) == (0, False)
        await work.db.write(lambda con: con.execute("UPDATE closed_count SET inquiries = 7").fetchall())
        assert await work.db.read(daily.checked) == (2, True)
        await count_anew(work)
        assert total(work) == [1, 0, 1]
        for sign in (1, -1, 1, -1):  # what adds up to nothing is swept together
            added = f"SELECT * REPLACE ({sign} AS inquiries, 0 AS answered, {sign} AS closed) FROM closed_by_day"
            await work.db.write(lambda con, said=added: con.execute(f"INSERT INTO closed_count {said}").fetchall())
        assert total(work) == [1, 0, 1]
        await count_anew(work)
        assert work.db.query("SELECT count(*) FROM closed_count") == [(1,)]
