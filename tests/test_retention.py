"""What has been kept long enough goes, and is counted; what is open stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from aggregator import housekeeping
from aggregator.acting.compare_and_set import act
from aggregator.acting.flags import Verdict, decide, flag, flags
from aggregator.commands import handlers
from aggregator.housekeeping import keep_what_may_be_kept, retain_if_missed
from aggregator.identity import Id
from aggregator.importer.files import File
from aggregator.importer.importing import import_file
from aggregator.incidents.acting import end_quiet
from aggregator.incidents.notices import write_notice
from aggregator.keeping import retention
from aggregator.keeping.deleting import tables_with
from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from aggregator.store.database import Connection
from aggregator.store.desk import Desk
from aggregator.store.drafts import Draft, draft_of, save_draft
from aggregator.store.first_looks import looked, looks_at
from aggregator.store.known_ids import KnownIds
from aggregator.workplace import Workplace
from tests.conftest import START, Community, open_inquiries, poll, texts
from tests.test_erasing import erase
from tests.test_import import jsonl


async def close(work: Workplace, text: str, inquiry: UUID | None = None) -> None:
    """Somebody closed the inquiry of this post, as of now. `inquiry`: which, of several."""
    (row,) = [
        each for each in open_inquiries(work) if text in each["excerpt"] and inquiry in (None, each["inquiry_id"])
    ]
    await act(
        work.db, work.settings, row["inquiry_id"].bytes, row["ver"], "amy", "close", work.clock(), {"reason": "person"}
    )


async def retain(work: Workplace) -> dict[str, Any]:
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


async def test_an_answer_that_is_on_its_way_to_an_old_inquiry_is_sent_first(community: Community) -> None:
    community.more["retention"] = {"forum": timedelta(days=30)}
    async with community.desk("forum") as work:
        community.forum.says("lin", "how do I raise the network fee?", title="The fee")
        await poll(work)
        await close(work, "network fee")
        community.clock.pass_(days=31)
        ((inquiry,),) = work.db.query("SELECT inquiry_id FROM inquiry")
        await work.outbox.send(inquiry.bytes, "amy", "There is a new version that lets you.", "")
        assert (await retain(work))["inquiries"] == 0
        community.clock.pass_(seconds=HOLD)
        await Sender(work.outbox).send_due(until_done=True)
        assert community.forum.writing.taken == 1
        assert (await retain(work))["inquiries"] == 1


async def test_an_answer_that_was_refused_keeps_its_old_inquiry_until_somebody_has_dealt_with_it(
    community: Community,
) -> None:
    community.more["retention"] = {"forum": timedelta(days=30)}
    async with community.desk("forum") as work:
        community.forum.says("lin", "how do I raise the network fee?", title="The fee")
        await poll(work)
        ((inquiry,),) = work.db.query("SELECT inquiry_id FROM inquiry")
        community.forum.writing.refuses.append("closed")
        answer = await work.outbox.send(inquiry.bytes, "amy", "There is a new version that lets you.", "")
        community.clock.pass_(seconds=HOLD)
        await Sender(work.outbox).send_due(until_done=True)
        assert [row.state for row in await work.outbox.unsettled()] == ["refused"]
        await close(work, "network fee")
        community.clock.pass_(days=31)
        assert (await retain(work))["inquiries"] == 0
        await work.outbox.dismiss(answer.outbox_id, "amy")
        assert (await retain(work))["inquiries"] == 1


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


async def test_where_nobody_was_at_work_at_that_hour_it_is_done_later(community: Community) -> None:
    community.more["retention"] = {"telegram": timedelta(days=30)}
    async with community.desk("telegram") as work:
        await keep_what_may_be_kept(work)
        community.telegram.says("fox", "my swordfish transfer is stuck")
        await poll(work)
        await close(work, "swordfish")
    community.clock.pass_(days=31)
    async with community.desk("telegram") as work:
        await retain_if_missed(work)
        assert texts(work) == []
        community.telegram.says("owl", "my marlin transfer is stuck")
        await poll(work)
        await close(work, "marlin")
        kept_at = "SELECT value FROM meta WHERE key = 'retained_at'"
        before = work.db.query(kept_at)
        community.clock.pass_(hours=25)
        await retain_if_missed(work)  # its hour is not over yet
        assert work.db.query(kept_at) == before != []
        community.clock.pass_(hours=2)
        await retain_if_missed(work)
        assert work.db.query(kept_at) != before


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


async def test_what_colleagues_keep_about_it_goes_with_it(community: Community) -> None:
    community.more["retention"] = {"telegram": timedelta(days=30)}
    async with community.desk("telegram") as work:
        desk, gone, stays = await two_with_drafts(community, work)
        told = await retain(work)
        assert told["deleted"].items() >= {"draft": 1, "draft_kept": 1, "read_mark": 1, "first_look": 1}.items()
        assert draft_of(desk, "amy", gone) == Draft()
        assert (desk.read_marks("amy", [gone, stays]), looks_at(desk, gone)) == ({stays: START.timestamp()}, [])
        assert draft_of(desk, "amy", stays).text == "about your marlin transfer"
        stored = b"".join(path.read_bytes() for path in community.data.iterdir() if path.is_file())
    assert b"swordfish" not in stored


async def test_a_kill_between_the_two_databases_leaves_nothing_at_the_desk_for_ever(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    community.more["retention"] = {"telegram": timedelta(days=30)}
    async with community.desk("telegram") as work:
        desk, gone, _ = await two_with_drafts(community, work)
        with monkeypatch.context() as patch:
            patch.setattr(housekeeping, "forget_inquiries", killed)
            with pytest.raises(KilledError):
                await retain(work)
        assert (len(texts(work)), draft_of(desk, "amy", gone).text) == (2, "about your swordfish transfer")
        assert (await retain(work))["inquiries"] == 1
        assert (len(texts(work)), draft_of(desk, "amy", gone)) == (1, Draft())


class KilledError(Exception):
    """The service ends here."""


def killed(*_: object) -> None:
    raise KilledError


async def two_with_drafts(community: Community, work: Workplace) -> tuple[Desk, Id, Id]:
    """A closed inquiry of long ago and an open one, with all that a colleague may keep about either."""
    work.desk.add_user("amy", "agent")
    found: list[Id] = []
    for who, fish in (("fox", "swordfish"), ("owl", "marlin")):
        community.telegram.says(who, f"my {fish} transfer is stuck")
        await poll(work)
        (row,) = [each for each in open_inquiries(work) if fish in each["excerpt"]]
        inquiry = row["inquiry_id"].bytes
        save_draft(work.desk, "amy", inquiry, f"about the {fish} again", 0, START)
        save_draft(work.desk, "amy", inquiry, f"about your {fish} transfer", 0, START)
        work.desk.mark_read("amy", inquiry, START)
        looked(work.desk, "amy", inquiry, START)
        found.append(inquiry)
    await close(work, "swordfish")
    community.clock.pass_(days=40)
    return work.desk, found[0], found[1]


async def test_people_are_looked_through_once_and_who_writes_again_meanwhile_stays(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    community.more["retention"] = {"telegram": timedelta(days=30)}
    looks: list[int] = []

    def looks_and_is_written_to(con: Connection, **settings: Any) -> list[Id]:
        found = retention.nobody(con, **settings)
        looks.append(len(found))
        community.telegram.says("elk", "my tuna transfer is stuck, too")
        asyncio.run_coroutine_threadsafe(poll(work), loop).result(timeout=30)
        return found

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(housekeeping, "nobody", looks_and_is_written_to)
    async with community.desk("telegram") as work:
        for who, fish in (("fox", "swordfish"), ("owl", "marlin"), ("elk", "halibut")):
            community.telegram.says(who, f"my {fish} transfer is stuck")
            await poll(work)
            await close(work, fish)
        community.clock.pass_(days=40)
        told = await retain(work)
        left = work.db.query("SELECT name FROM account WHERE role = 'customer'")
    assert (told["inquiries"], told["deleted"]["account"], looks) == (3, 2, [3])
    assert [name for (name,) in left] == ["Elk"]


async def test_what_was_deleted_and_is_imported_again_is_stored_once_though_its_id_is_still_known(
    community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    community.more["retention"] = {"default": timedelta(days=30)}
    loads: list[KnownIds] = []
    load = KnownIds._load
    monkeypatch.setattr(KnownIds, "_load", lambda ids, con: loads.append(ids) or load(ids, con))
    said = [
        {"native_id": name, "text": f"my {name} transfer is stuck", "author_id": "fox", "posted_at": START}
        for name in ("swordfish", "marlin", "halibut")
    ]

    async def imports(*rows: object) -> object:
        file = jsonl(tmp_path / "old.jsonl", *rows)
        asked = {"files": [str(file)], "source": "old", "map": {}, "encoding": "utf-8-sig"}
        return (await handlers(work)["import"](asked, lambda *_: None))["new"]

    async with community.desk("telegram") as work:
        community.telegram.says("owl", "I still wait for my refund")
        await poll(work)
        assert await imports(*said[:2]) == 2
        for text in ("swordfish", "marlin"):
            await close(work, text)
        community.clock.pass_(days=40)
        await work.db.write(deletes_a_part(work))
        assert texts(work) == ["I still wait for my refund"]
        assert [await imports(*said[1:]), await imports(*said)] == [2, 1]
        assert work.db.query("SELECT count(*), count(DISTINCT native_id) FROM post") == [(4, 4)]
    assert len(loads) == 1


async def test_ids_of_what_was_deleted_take_no_room_and_are_read_anew_once(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    community.more["retention"] = {"telegram": timedelta(days=30)}
    loads: list[KnownIds] = []
    load = KnownIds._load
    monkeypatch.setattr(KnownIds, "_load", lambda ids, con: loads.append(ids) or load(ids, con))
    async with community.desk("telegram") as work:
        for fish in ("swordfish", "marlin", "halibut"):
            community.telegram.says("fox", f"my {fish} transfer is stuck")
            await poll(work)
            await close(work, fish)
            community.clock.pass_(days=20)
        community.clock.pass_(days=20)
        community.telegram.says("owl", "I still wait for my refund")
        told = await retain(work)
        await poll(work)
    assert (told["inquiries"], len(loads), len(loads[-1]._sorted)) == (3, 2, 0)


def deletes_a_part(work: Workplace) -> Callable[[Connection], object]:
    """What `retain` does again and again."""
    settings = work.settings

    def part(con: Connection) -> object:
        return retention.keep_to_retention(
            con, settings.retention, work.clock(), settings.timezone, work.ingest.forget_all
        )

    return part


async def test_channels_that_only_imported_rows_name_are_kept_no_longer_than_others(
    community: Community, tmp_path: Path
) -> None:
    community.more["retention"] = {"appstore": timedelta(days=30)}
    old = {"native_id": "1", "created_at": "2024-01-01T00:00:00Z", "author_id": "a1", "author_name": "Bob"}
    rows = [
        old | {"text": "my swordfish transfer is stuck, please help", "channel": "appstore"},
        old | {"native_id": "2", "author_id": "a2", "text": "my marlin transfer is stuck, please help"},
    ]
    async with community.desk("telegram") as work:
        await import_file(work.ingest, File(jsonl(tmp_path / "old.jsonl", *rows), {}), "oldtool")
        await close(work, "swordfish")
        await close(work, "marlin")
        community.clock.pass_(days=31)
        told = await retain(work)
        left = work.db.query("SELECT channel FROM inquiry"), work.db.query("SELECT name FROM account")
    assert (told["inquiries"], told["deleted"]["account"]) == (1, 1)
    assert left == ([("import",)], [("Bob",)])


async def test_nothing_of_an_incident_is_left_but_that_its_number_was_taken(community: Community) -> None:
    community.more["retention"] = {"default": timedelta(days=30)}
    async with community.desk("telegram") as work:
        await reported(work, community, "withdraw of USDT fails with error SWAP-2041 since an hour")
        ((this,),) = work.db.query("SELECT incident_id FROM incident")
        await work.db.write(lambda con: write_notice(con, this.bytes, "en", "We know", 0, "amy", work.clock()))
        await work.db.write(partial(_lot_of, this))
        for row in open_inquiries(work):
            await close(work, row["excerpt"], row["inquiry_id"])
        community.clock.pass_(days=60)
        await end_quiet(work.db, work.ingest.incidents, work.clock)
        told = await retain(work)
        tables = await work.db.read(lambda con: tables_with(con, "incident_id"))
        left = {table: work.db.query(f"SELECT count(*) FROM {table}") for table in tables}
        await reported(work, community, "the card payment is declined with CARD-77001 again and again")
        numbers = work.db.query("SELECT number FROM incident")
    assert (told["deleted"]["incident_notice"], told["deleted"]["answer_lot"]) == (1, 1)
    assert left == {table: [(0,)] for table in tables}
    assert numbers == [(2,)]


async def reported(work: Workplace, community: Community, text: str) -> None:
    for who in ("fox", "owl", "elk"):
        community.telegram.says(who, text)
    await poll(work)
    await work.ingest.group()


def _lot_of(incident: UUID, con: Connection) -> None:
    con.execute("INSERT INTO answer_lot VALUES (uuid(), ?, 'amy', TIMESTAMPTZ '2026-03-14', 3)", [incident])


async def scammer_blocked(work: Workplace, community: Community) -> None:
    """A lead blocks an account, and a link, that were seen in somebody's inquiry."""
    said = community.telegram.says("fox", "my swordfish transfer is stuck")
    community.telegram.says("scammer", "write to me, evil.example/claim helps", reply_to=said)
    await poll(work)
    (row,) = [each for each in open_inquiries(work) if "swordfish" in each["excerpt"]]
    ((account,),) = work.db.query("SELECT account_id FROM account WHERE handle = 'scammer'")
    for kind, target in (("account", str(account)), ("link", "evil.example/claim")):
        await work.db.write(
            partial(flag, settings=work.settings, inquiry_id=row["inquiry_id"].bytes, kind=kind, target=target,
                    who="amy", now=work.clock(), reason="a scam")
        )  # fmt: skip
    await all_flags_are(work, "blocked")


async def all_flags_are(work: Workplace, verdict: Verdict) -> None:
    for each in await work.db.read(flags):
        await work.db.write(partial(decide, settings=work.settings, flag_id=each.flag_id, who="lea", now=work.clock(),
                                    verdict=verdict))  # fmt: skip


async def retained(work: Workplace, community: Community) -> None:
    await close(work, "swordfish")
    community.clock.pass_(days=31)
    await retain(work)
    await retain(work)


async def victim_erased(work: Workplace, community: Community) -> None:
    await erase(work, "fox")


@pytest.mark.parametrize("goes", [retained, victim_erased])
async def test_what_a_lead_has_blocked_stays_so_when_the_inquiry_goes_where_it_was_seen(
    community: Community, goes: Callable[[Workplace, Community], Awaitable[None]]
) -> None:
    community.more["retention"] = {"default": timedelta(days=30)}
    async with community.desk("telegram") as work:
        await scammer_blocked(work, community)
        await goes(work, community)
        assert work.db.query("SELECT count(*) FROM inquiry WHERE excerpt LIKE '%swordfish%'") == [(0,)]
        blocked = {(each.kind, each.name, each.state) for each in await work.db.read(flags)}
        community.telegram.says("scammer", "Where is my money? I cannot withdraw")
        await poll(work)
        begun = len(open_inquiries(work))
        await all_flags_are(work, "harmless")
        now_begun = [each["excerpt"] for each in open_inquiries(work)]
    assert blocked == {("account", "Scammer", "blocked"), ("link", "evil.example/claim", "blocked")}
    assert (begun, now_begun) == (0, ["Where is my money? I cannot withdraw"])
