"""Incidents from the posts of simulated platforms: in the page's transaction, over restarts, and by people's hands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from aggregator.identity import Id
from aggregator.incidents.acting import NotPossibleError, What, act, end_quiet
from aggregator.ingest import ingest
from aggregator.store.database import StoreError
from aggregator.store.incidents import incident_list, incident_page
from aggregator.store.reading import rows_by_id
from aggregator.workplace import Workplace
from tests.conftest import Community, open_inquiries, poll

SWAP = ("swap failed on Arbitrum, app v7.4.1", "arb链上兑换失败，版本7.4.1", "can't swap on arbitrum since v7.4.1")
CARD = ("my card is declined in every shop", "刷卡一直被拒", "card payment declined again")


async def say(community: Community, work: Workplace, *lines: tuple[str, str]) -> None:
    for author, text in lines:
        community.telegram.says(author, text)
        community.clock.pass_(minutes=2)
    await poll(work, "telegram")
    await work.ingest.group()


def three(texts: tuple[str, ...], *names: str) -> list[tuple[str, str]]:
    return list(zip(names or ("ann", "bob", "cai"), texts, strict=True))


def listed(work: Workplace) -> list[dict[str, Any]]:
    with work.db.reading() as cursor:
        found = incident_list(cursor, moment=work.clock())
    return [{"number": one.number, "state": one.state, "persons": one.persons, **one.fields} for one in found]


def only(work: Workplace, number: int = 1) -> Id:
    ((one,),) = work.db.query("SELECT incident_id FROM incident WHERE number = ?", [number])
    return bytes(one.bytes)


def members(work: Workplace, number: int = 1) -> dict[str, Id]:
    """Author -> inquiry, of those who are in it."""
    with work.db.reading() as cursor:
        page = incident_page(cursor, only(work, number), moment=work.clock())
    assert page
    return {member.author.lower(): member.inquiry_id for member in page.members if member.left_at is None}


async def does(work: Workplace, number: int, what: What, **how: Any) -> set[Id]:
    return await act(work.db, work.ingest.incidents, only(work, number), "amy", what, work.clock(), **how)


async def test_the_third_report_begins_an_incident_and_all_three_rows_say_so(community: Community) -> None:
    told: list[set[Id]] = []
    async with community.desk("telegram") as work:
        work.ingest.changed = lambda ids: told.append(set(ids))
        await say(community, work, *three(SWAP)[:2])
        before = listed(work)
        await say(community, work, *three(SWAP)[2:])
        assert (before, listed(work)) == (
            [],
            [
                {
                    "number": 1,
                    "state": "open",
                    "persons": 3,
                    "feature": "swap",
                    "chain": ["arbitrum"],
                    "version": ["7.4.1"],
                }
            ],
        )
        assert set(members(work).values()) == told[-1]
        with work.db.reading() as cursor:
            rows = rows_by_id(cursor, list(members(work).values()), moment=work.clock())
    assert [(row.incident.name, row.incident.persons) for row in rows if row.incident] == [("INC-1", 3)] * 3
    assert {round(term.points, 2) for row in rows for term in row.terms if term.rule == "incident_size"} == {6.34}
    assert [round(row.priority - sum(term.points for term in row.terms), 9) for row in rows] == [0, 0, 0]


async def test_the_feed_ranks_by_the_same_points_as_the_row_shows(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        with work.db.reading() as cursor:
            shown = {
                row.inquiry.inquiry_id: row.priority
                for row in rows_by_id(cursor, members(work).values(), moment=work.clock())
            }
        ranked = {row["inquiry_id"].bytes: row["priority"] for row in open_inquiries(work)}
    assert ranked == shown


async def test_a_new_report_rewrites_no_other_inquiry(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        before = work.db.query("FROM inquiry_open ORDER BY inquiry_id")
        await say(community, work, ("dan", "arbitrum swap failing here"))
        after = work.db.query("FROM inquiry_open ORDER BY inquiry_id")
        assert [one["persons"] for one in listed(work)] == [4]
    assert [row for row in after if row in before] == before


async def test_it_goes_on_after_a_restart(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[:2])
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[2:])
        assert [one["persons"] for one in listed(work)] == [3]
    async with community.desk("telegram") as work:
        reply = community.telegram.says("dan", "我也是")
        assert reply
        await poll(work)
        await work.ingest.group()
        assert [one["persons"] for one in listed(work)] == [4]


async def test_what_was_rolled_back_is_grouped_at_the_next_time(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[:2])
        take = work.ingest.incidents.take

        def fails(*args: Any) -> set[Id]:
            take(*args)
            raise StoreError("the disk is full")

        monkeypatch.setattr(work.ingest.incidents, "take", fails)
        community.telegram.says("cai", SWAP[2])
        await poll(work)
        with pytest.raises(StoreError):
            await work.ingest.group()
        monkeypatch.setattr(work.ingest.incidents, "take", take)
        before = listed(work)
        await work.ingest.group()
        assert (before, [one["persons"] for one in listed(work)]) == ([], [3])
        assert work.db.query("SELECT count(*) FROM incident_report") == [(3,)]


async def test_what_was_grouped_and_failed_at_its_commit_is_grouped_at_the_next_time(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "GROUP_AFTER", 60)  # only when it is asked to
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[:2])
        told = work.db._told

        def full(*args: Any) -> None:
            told(*args)
            raise duckdb.IOException("No space left on device")

        community.telegram.says("cai", SWAP[2])
        await poll(work)
        monkeypatch.setattr(work.db, "_told", full)
        with pytest.raises(StoreError):
            await work.ingest.group()
        monkeypatch.setattr(work.db, "_told", told)
        before = listed(work)
        await say(community, work, ("dan", SWAP[0]))
        assert (before, [one["persons"] for one in listed(work)]) == ([], [4])
        assert work.db.query("SELECT count(*) FROM incident_report") == [(4,)]
        assert work.db.query("SELECT count(*) FROM incident_member AS m ANTI JOIN incident USING (incident_id)") == [
            (0,)
        ]


async def test_what_a_killed_process_left_is_grouped_by_the_next_one(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[:2])
        monkeypatch.setattr(work.ingest, "hear", lambda *_: None)  # it ends between the page and its grouping
        community.telegram.says("cai", SWAP[2])
        await poll(work)
    async with community.desk("telegram") as work:
        before = listed(work)
        await work.ingest.group()
        assert (before, [one["persons"] for one in listed(work)]) == ([], [3])


async def test_what_was_left_of_one_source_is_grouped_however_long_others_were_grouped_since(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP)[:2])
        monkeypatch.setattr(work.ingest, "hear", lambda *_: None)
        community.telegram.says("cai", SWAP[2])
        await poll(work)
    async with community.desk("forum") as other:
        other.ingest.incidents._lost = False  # it had begun before, as a collector of another share over a lake
        community.clock.pass_(minutes=30)
        community.forum.says("dan", "the staking page is empty since today")
        await poll(other)
        await other.ingest.group()
        assert listed(other) == []
    async with community.desk("telegram") as work:
        await work.ingest.group()
        assert [one["persons"] for one in listed(work)] == [3]


async def test_grouping_the_same_posts_twice_changes_nothing(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), ("dan", "me too"))
        tables = ("incident", "incident_member", "incident_event", "incident_report")
        before = [work.db.query(f"FROM {table} ORDER BY ALL") for table in tables]
        work.ingest.incidents.forget(lost=True)
        await work.ingest.group()
        assert [work.db.query(f"FROM {table} ORDER BY ALL") for table in tables] == before


async def test_a_page_is_grouped_by_itself_soon_after_its_commit(community: Community) -> None:
    async with community.desk("telegram") as work:
        for author, text in three(SWAP):
            community.telegram.says(author, text)
        await poll(work)
        grouping = work.ingest._grouping
        assert grouping is not None
        await grouping
        assert [one["persons"] for one in listed(work)] == [3]


async def test_posts_older_than_a_day_form_none(community: Community) -> None:
    for author, text in three(SWAP):
        community.forum.says(author, text)
    community.clock.pass_(hours=25)
    async with community.desk("forum") as work:
        await poll(work)
        await work.ingest.group()
        assert len(open_inquiries(work)) == 3
        assert work.db.query("SELECT count(*) FROM incident_report") == [(0,)]


async def test_who_is_taken_out_stays_out_and_can_be_put_back(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), ("dan", "swap fails on arbitrum"))
        dan = members(work)["dan"]
        touched = await does(work, 1, "remove", inquiries=[dan])
        assert (sorted(members(work)), len(touched)) == (["ann", "bob", "cai"], 4)
        await say(community, work, ("dan", "arbitrum swap still failing"))
        assert "dan" not in members(work)
        await does(work, 1, "add", inquiries=[dan])
        assert sorted(members(work)) == ["ann", "bob", "cai", "dan"]
        with work.db.reading() as cursor:
            (row,) = rows_by_id(cursor, [dan], moment=work.clock())
    assert row.incident is not None


async def test_split_and_merge_undo_each_other(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), ("dan", "swap fails on arbitrum"))
        two = [members(work)[name] for name in ("cai", "dan")]
        await does(work, 1, "split", inquiries=two)
        assert (sorted(members(work, 1)), sorted(members(work, 2))) == (["ann", "bob"], ["cai", "dan"])
        await does(work, 2, "merge", into=only(work, 1))
        assert (sorted(members(work, 1)), members(work, 2)) == (["ann", "bob", "cai", "dan"], {})
        await does(work, 2, "unmerge")
        assert (sorted(members(work, 1)), sorted(members(work, 2))) == (["ann", "bob"], ["cai", "dan"])


async def test_a_merging_is_undone_also_once_the_other_has_gone_into_a_third(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), ("dan", "swap fails on arbitrum"), *three(CARD, "eve", "fay", "gus"))
        await does(work, 1, "split", inquiries=[members(work)[name] for name in ("cai", "dan")])
        await does(work, 3, "merge", into=only(work, 1))
        await does(work, 1, "merge", into=only(work, 2))
        await does(work, 3, "unmerge")
        assert (sorted(members(work, 2)), sorted(members(work, 3))) == (
            ["ann", "bob", "eve", "fay", "gus"],
            ["cai", "dan"],
        )
        await does(work, 1, "unmerge")
        told = [sorted(members(work, number)) for number in (1, 2, 3)]
    assert told == [["ann", "bob"], ["eve", "fay", "gus"], ["cai", "dan"]]


async def test_what_cannot_be_done_is_refused(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        with pytest.raises(NotPossibleError):
            await does(work, 1, "merge", into=only(work, 1))
        with pytest.raises(NotPossibleError):
            await does(work, 1, "split", inquiries=list(members(work).values()))
        with pytest.raises(NotPossibleError):
            await does(work, 1, "split", inquiries=[*members(work).values(), members(work)["ann"]])
        with pytest.raises(NotPossibleError):
            await does(work, 1, "unmerge")
        with pytest.raises(KeyError):
            await act(work.db, work.ingest.incidents, bytes(16), "amy", "end", work.clock())


async def test_an_incident_ends_when_it_is_quiet_or_somebody_ends_it(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), *three(CARD, "dan", "eve", "fay"))
        await does(work, 2, "end")
        assert {one["number"]: one["state"] for one in listed(work)} == {1: "open", 2: "ended"}
        await does(work, 2, "reopen")
        community.clock.pass_(hours=13)
        await end_quiet(work.db, work.ingest.incidents, work.clock)
        reasons = work.db.query("SELECT number, state, end_reason FROM incident ORDER BY number")
    assert reasons == [(1, "ended", "quiet"), (2, "ended", "quiet")]


async def test_what_somebody_reopens_stays_open_for_the_quiet_time_from_then_on(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        states = []
        for hours, deed in ((13, "reopen"), (1, None), (12, None)):
            community.clock.pass_(hours=hours)
            await end_quiet(work.db, work.ingest.incidents, work.clock)
            states.append(listed(work)[0]["state"])
            if deed:
                await does(work, 1, "reopen")
    assert states == ["ended", "open", "ended"]


async def test_accounts_of_one_person_count_once(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP), ("dan", "arbitrum swap failing"))
        work.db.submit(
            lambda con: con.execute(
                "UPDATE account SET person_id = (SELECT account_id FROM account WHERE lower(name) = 'ann') "
                "WHERE lower(name) = 'dan'"
            )
        ).result()
        assert [one["persons"] for one in listed(work)] == [3]


async def test_nothing_of_an_incident_is_an_orphan_and_nobody_is_in_it_twice(community: Community) -> None:
    async with community.desk() as work:
        for number in range(12):
            community.forum.says(f"user{number}", "swap failed on Arbitrum")
            community.telegram.says(f"user{number}", "card declined")
            community.clock.pass_(minutes=5)
        await poll(work)
        await work.ingest.group()
        await does(work, 1, "remove", inquiries=list(members(work).values())[:1])
        twice = work.db.query(
            "SELECT inquiry_id FROM incident_member WHERE left_at IS NULL GROUP BY inquiry_id HAVING count(*) > 1"
        )
        orphans = work.db.query("FROM incident_member ANTI JOIN incident USING (incident_id)")
        strangers = work.db.query("FROM incident_member ANTI JOIN inquiry USING (inquiry_id)")
        assert len(listed(work)) == 2
    assert (twice, orphans, strangers) == ([], [], [])


async def test_replay_changes_no_incident(community: Community) -> None:
    from aggregator.replay import replay

    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        tables = ("incident", "incident_member", "incident_event", "incident_report")
        before = [work.db.query(f"FROM {table} ORDER BY ALL") for table in tables]
        await replay(work.ingest, work.readers())
        assert [work.db.query(f"FROM {table} ORDER BY ALL") for table in tables] == before


def test_waiting_and_quiet_are_what_the_settings_say(community: Community) -> None:
    settings = community.settings()
    assert (settings.incidents.persons, timedelta(hours=settings.incidents.quiet_hours)) == (3, timedelta(hours=12))
