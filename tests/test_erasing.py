"""Erasing a person: nothing of texts, names and handles is left, anywhere, and nobody else loses anything."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest

from aggregator.acting.compare_and_set import act
from aggregator.backup import back_up
from aggregator.commands import handlers
from aggregator.control import RefusedError
from aggregator.identity import as_uuid
from aggregator.incidents.fields import FEATURES, NAMES
from aggregator.inquiry import DueClock, EventKind, Kind, State
from aggregator.keeping import sweep
from aggregator.keeping.black import Black, Words
from aggregator.store import team
from aggregator.store.desk_erasing import erase_from_desk
from aggregator.store.drafts import save_draft
from aggregator.triage.terms import RULES
from aggregator.workplace import Workplace
from tests.conftest import START, Community, open_inquiries, poll, texts
from tests.console import Console
from tests.test_control import desk as desk
from tests.test_control import serving
from tests.test_deletions import deleted, newest_call, take
from tests.test_import import jsonl

SAYS = "my swordfish ledger account vanished after the update"
LATER = "please look at the turquoise umbrella transfer again"
UNREADABLE = "what the heron said cannot be read"
TOLD = (
    "INSERT INTO delivery BY NAME SELECT uuid() AS delivery_id, 'alert:x' AS target, 'e' AS event, $1 AS subject, "
    "$2 AS body, false AS unless_taken, 'due' AS state, TIMESTAMPTZ '2026-03-14' AS written_at, "
    "TIMESTAMPTZ '2026-03-14' AS due_at, 0 AS tries"
)
NAME = "Quillon Thackeray"
HANDLE = "quillon_thk"


async def erase(work: Workplace, person: str, *, dry_run: bool = False, logs: tuple[Path, ...] = ()) -> dict:
    arguments = {"person": person, "dry_run": dry_run, "logs": [str(each) for each in logs]}
    return await handlers(work)["erase"](arguments, lambda _: None)


def traces(data: Path, *words: str) -> dict[str, list[str]]:
    """In which files of the data directory these words stand, looked for by nothing of ours."""
    files = [path for path in data.rglob("*") if path.is_file()]
    found = {
        word: [path.name for path in files if word.lower().encode() in path.read_bytes().lower()] for word in words
    }
    return {word: names for word, names in found.items() if names}


async def conversation(community: Community, work: Workplace) -> None:
    """One who is to be erased writes on both platforms; others answer, quote and call by name."""
    group, forum = community.telegram, community.forum
    group.user(HANDLE, name=NAME)
    said = group.says(HANDLE, SAYS)
    group.says("rivka", f"@{HANDLE} the same happened to me, you wrote: {SAYS}", reply_to=said)
    odd = {"message_id": 90_001, "from": group.user(HANDLE), "chat": group.chats[group.group], "date": {"was": "today"}}
    group.queue.put("message", odd | {"text": UNREADABLE})
    group.says("rivka", "I only want to know the network fee")
    group.admin_says(f"Dear {NAME}, we look into it", reply_to=said)
    topic = forum.says(HANDLE, LATER, title="Umbrella transfer gone since Monday")
    forum.says("oskar", "could somebody help here, please", reply_to=topic, quoting=topic)
    await poll(work)
    community.clock.pass_(minutes=1)
    forum.edits(topic, f"{LATER}, and the violet receipt of yesterday too")
    await poll(work)
    await work.ingest.group()


async def test_who_is_named_by_a_number_in_somebody_elses_record_is_gone_from_it(community: Community) -> None:
    async with community.desk("telegram") as work:
        await conversation(community, work)
        ((native,),) = work.db.query("SELECT native_id FROM account WHERE handle = ?", [HANDLE])
        assert traces(community.data, native)
        told = await erase(work, HANDLE)
        assert told["proof"]["holds"], told
        assert traces(community.data, native) == {}
        again = await handlers(work)["replay"]({}, lambda _: None)
        assert (again["changed_posts"], again["rejected"]) == (0, 0)


async def test_a_person_is_gone_and_the_proof_agrees_with_the_bytes(community: Community, tmp_path: Path) -> None:
    words = (
        SAYS,
        LATER,
        UNREADABLE,
        "violet receipt of yesterday",
        NAME,
        HANDLE,
        "Thackeray",
        "Umbrella transfer gone",
    )
    async with community.desk() as work:
        await conversation(community, work)
        inquiry = next(row for row in open_inquiries(work) if row["title"] == "Umbrella transfer gone since Monday")
        work.desk.add_user("amy", "agent")
        save_draft(work.desk, "amy", inquiry["inquiry_id"].bytes, f"Hello {NAME}, we are on it", 0, community.clock())
        assert traces(community.data, UNREADABLE)  # it is there
        await work.db.write(lambda con: con.execute(TOLD, [str(inquiry["inquiry_id"]), LATER]).fetchall())
        back_up(work.db, work.desk, tmp_path / "silent", community.clock())
        await handlers(work)["backup"]({"target": str(tmp_path / "before")}, lambda _: None)
        of_all = {"target": str(tmp_path / "earlier"), "personal": True, "csv": False}
        await handlers(work)["export"](of_all, lambda _: None)
        log = tmp_path / "run.log"
        log.write_text(f"somebody printed {SAYS}\n")
        for space in ("telegram", "forum"):
            person = next(
                f"{row[0]}:{row[1]}"
                for row in work.db.query("SELECT a.space, native_id FROM account AS a JOIN source_state USING (space) "
                                         "WHERE handle = ? AND channel = ?", [HANDLE, space])
            )  # fmt: skip
            told = await erase(work, person, logs=(log,) if space == "telegram" else ())
        assert told["proof"]["holds"], told
        assert [(Path(each["path"]).name, each["kind"], each["holds"]) for each in told["copies"]] == [
            ("before", "backup", True),
            ("earlier", "export", True),
        ]
        assert (told["deleted"]["delivery"], told["deleted"]["draft"]) == (1, 1)
        assert traces(community.data, *words) == {}
        kept = texts(work)
        await handlers(work)["backup"]({"target": str(tmp_path / "after")}, lambda _: None)
        assert traces(tmp_path / "after", *words) == {}
        await handlers(work)["export"](
            {"target": str(tmp_path / "exported"), "personal": True, "csv": True}, lambda _: None
        )
        assert traces(tmp_path / "exported", *words) == {}
        assert len(list((tmp_path / "exported").rglob("*.csv"))) > 5
        for _ in range(3):  # the forum lists its newest posts again and again
            community.clock.pass_(minutes=1)
            await poll(work)
        assert texts(work) == kept
        community.telegram.says(HANDLE, "hello again")
        await poll(work)
        assert texts(work)[-1] == "hello again"
    assert "I only want to know the network fee" in kept
    assert "could somebody help here, please" in kept
    assert len(kept) == 3  # rivka's two and oskar's
    assert traces(community.data, SAYS, LATER) == {}


async def test_what_is_left_in_a_log_is_told_and_is_no_proof(community: Community, tmp_path: Path) -> None:
    (tmp_path / "run.log").write_bytes(b"x" * (1 << 22) + SAYS.upper().encode())
    async with community.desk("telegram") as work:
        await conversation(community, work)
        told = await erase(work, HANDLE, logs=(tmp_path / "run.log",))
    assert not told["proof"]["holds"]
    assert [file["found"] for file in told["proof"]["files"] if file["path"].endswith("run.log")] == [1]


async def test_a_file_that_goes_while_others_are_looked_through_costs_no_proof(
    community: Community, tmp_path: Path
) -> None:
    rotated = tmp_path / "run.log.1"
    rotated.write_text("nothing of theirs")
    async with community.desk("telegram") as work:
        community.telegram.says(HANDLE, SAYS)
        await poll(work)
        work.db.before_swap = partial(rotated.unlink, missing_ok=True)  # between the check of it and the proof
        told = await erase(work, HANDLE, logs=(rotated,))
    assert told["proof"]["holds"]
    assert [(file["size"], file["found"]) for file in told["proof"]["files"] if file["path"] == str(rotated)] == [
        (0, 0)
    ]


async def test_a_dry_run_tells_and_changes_nothing(community: Community) -> None:
    async with community.desk("telegram") as work:
        await conversation(community, work)
        before = [work.db.query(f"FROM {table} ORDER BY ALL") for table in ("post", "record", "inquiry", "erased")]
        would = await erase(work, HANDLE, dry_run=True)
        after = [work.db.query(f"FROM {table} ORDER BY ALL") for table in ("post", "record", "inquiry", "erased")]
        done = await erase(work, HANDLE)
    assert before == after
    assert (would["deleted"], would["blacked_out"]) == (done["deleted"], done["blacked_out"])
    assert would["accounts"] == [f"telegram:{community.telegram.user(HANDLE)['id']}"]


@pytest.mark.parametrize("person", ["nobody-at-all", "AAAAAAA", ""])
async def test_nobody_is_erased_by_mistake(community: Community, person: str) -> None:
    async with community.desk("telegram") as work:
        await conversation(community, work)
        with pytest.raises(RefusedError, match="is nobody here"):
            await erase(work, person)


@pytest.mark.parametrize("person", ["", " ", "@", " @ "])
def test_who_has_no_name_is_not_whom_an_empty_person_means(console: Console, tmp_path: Path, person: str) -> None:
    """An import may tell authors by their ids alone."""
    said = {"text": "my swap failed, where is my money?", "author_id": "u1"}
    console.ok("import", jsonl(tmp_path / "old.jsonl", said), "--source", "old")
    refused = console.run("erase", "--person", person)
    assert (refused.exit_code, "--person is empty; " in refused.stderr) == (2, True)
    assert console.query("SELECT text FROM post") == [(said["text"],)]


async def test_a_name_that_two_bear_erases_neither_and_says_how_to_name_one(community: Community) -> None:
    async with community.desk("telegram") as work:
        for handle in ("first_one", "second_one"):
            community.telegram.user(handle, name=NAME)
            community.telegram.says(handle, f"{handle.partition('_')[0]} of all: my parcel of tokens is gone")
        await poll(work)
        with pytest.raises(RefusedError, match=f"telegram:{community.telegram.user('second_one')['id']}"):
            await erase(work, NAME)
        told = await erase(work, "@first_one")
        assert told["not_looked_for"]["names that other accounts bear, too"] == 1
        assert texts(work) == ["second of all: my parcel of tokens is gone"]
        assert work.db.query("SELECT name FROM account WHERE handle = 'second_one'") == [(NAME,)]


async def test_words_that_others_say_too_stay_theirs(community: Community) -> None:
    common = "how long does a withdrawal take"
    async with community.desk("telegram") as work:
        for who in ("moon", "ida", "per", "uwe"):
            text = common if who in ("moon", "ida") else f"to the moon with {who}"
            community.telegram.says(who, text, at=START - timedelta(hours=who != "moon"))
        community.telegram.says("ida", "we went to the moon", at=START - timedelta(hours=1))
        await poll(work)
        told = await erase(work, "moon")
        kept = texts(work)
    assert sorted(kept) == sorted([common, "we went to the moon", "to the moon with per", "to the moon with uwe"])
    assert told["not_looked_for"]["sentences that others wrote, too, word for word"] == 1


async def work_of_colleagues(community: Community, work: Workplace) -> None:
    """An incident, an answer that promises, and what colleagues do with inquiries and with one another."""
    for name in ("amy", "lea"):
        work.desk.add_user(name, "admin")
    team.set_role(work.desk, "amy", "lead", who="lea", now=work.clock())
    for who in ("owl", "elk", "cat"):
        said = community.telegram.says(who, "my ADA withdraw on tron is stuck for days, error SWAP-2041")
    community.telegram.admin_says("We look into it and answer within 2 hours", reply_to=said)
    await poll(work)
    await work.ingest.group()
    first, second, third = (row["inquiry_id"].bytes for row in open_inquiries(work))
    for inquiry, what, details in (
        (first, "assign", {"owner": "amy"}),
        (first, "band", {"band": "P0", "reason": "it is urgent", "at_least": "80"}),
        (second, "label", {"kind": "question"}),
        (third, "close", {"reason": "duplicate"}),
    ):
        ((ver,),) = work.db.query("SELECT ver FROM inquiry WHERE inquiry_id = ?", [as_uuid(inquiry)])
        await act(work.db, work.settings, inquiry, ver, "lea", what, work.clock(), details)


def stored(work: Workplace) -> dict[str, list[tuple[Any, ...]]]:
    """What others wrote, what was done with it, and what is known of colleagues."""
    tables = ("post", "record", "inquiry", "inquiry_event", "incident", "incident_event", "incident_report",
              "incident_member")  # fmt: skip
    with work.desk.reading() as con:
        desk = con.execute("SELECT * FROM desk_event").fetchall()
    return {table: work.db.query(f"FROM {table} ORDER BY ALL") for table in tables} | {"desk_event": desk}


@pytest.mark.parametrize("name", ["Claim", "Close", "Amy", "Promise", "Role", "Ada", "Lead", "Tron", "Duplicate"])
async def test_whoever_is_called_by_a_word_of_ours_or_as_a_colleague_takes_nothing_of_others_along(
    community: Community, name: str
) -> None:
    async with community.desk("telegram") as work:
        await work_of_colleagues(community, work)
        before = stored(work)
        community.clock.pass_(minutes=1)
        community.telegram.user("zz_customer", name=name)
        community.telegram.says("zz_customer", "a turquoise parcel of mine never came")
        await poll(work)
        told = await erase(work, "zz_customer")
        assert stored(work) == before
    assert told["blacked_out"] == {}


async def test_no_word_of_ours_is_blacked_out_where_we_wrote_it(community: Community) -> None:
    said = {
        *get_args(EventKind), *get_args(Kind), *get_args(State), *get_args(DueClock), *RULES, *FEATURES,
        *chain(*NAMES.values()), "amy", "lea", "owner", "before", "quiet", "first_name",
    }  # fmt: skip
    words = Black(Words(frozenset(), frozenset(said), frozenset(), frozenset()))
    async with community.desk("telegram") as work:
        await work_of_colleagues(community, work)
        columns = await work.db.read(sweep.to_black_out)
        changed = await work.db.read(
            lambda con: {f"{each.table}.{each.name}" for each in columns if list(sweep.changes(con, words, each))}
        )
        desk = erase_from_desk(work.desk, (), words, dry_run=True)
    assert changed == {"post.text", "post.search_text", "post.facts", "record.body", "inquiry_open.excerpt",
                       "inquiry_closed.excerpt"}  # fmt: skip
    assert desk == {}


async def test_an_inquiry_that_stays_is_folded_as_its_posts_say(community: Community) -> None:
    async with community.desk("telegram") as work:
        await conversation(community, work)
        await erase(work, HANDLE)
        rows = open_inquiries(work)
        assert all(HANDLE not in row["excerpt"] and "swordfish" not in row["excerpt"] for row in rows)
        assert any("█" in row["excerpt"] for row in rows)
        again = await handlers(work)["replay"]({}, lambda _: None)
        assert again["changed_posts"] == 0
        assert open_inquiries(work) == rows


async def test_what_platforms_list_of_the_time_before_is_not_taken_later_either(community: Community) -> None:
    async with community.desk("telegram") as work:
        await conversation(community, work)
        await erase(work, HANDLE)
        community.telegram.says(HANDLE, "written long before", at=community.clock() - timedelta(days=2))
        await poll(work)
        assert "written long before" not in texts(work)


async def test_beside_a_running_service_it_is_told_in_words_that_hold_none_of_theirs(
    desk: Console, community: Community
) -> None:
    community.telegram.user(HANDLE, name=NAME)
    community.telegram.says(HANDLE, SAYS)
    person = f"telegram:{community.telegram.user(HANDLE)['id']}"
    async with serving(desk) as service:
        await poll(service.work)
        would = await asyncio.to_thread(desk.ok, "erase", "--person", person, "--dry-run")
        told = await asyncio.to_thread(desk.ok, "erase", "--person", person)
        nobody = await asyncio.to_thread(desk.run, "erase", "--person", person)
        community.telegram.says("owl", "the service goes on")
        await poll(service.work)
        assert texts(service.work) == ["the service goes on"]
        assert traces(desk.data, SAYS, NAME, HANDLE) == {}
    assert would.startswith(f"Nothing was changed. These accounts would be erased:\n  {person}\n")
    assert "Nothing is left." in told
    assert "inquiries.duckdb: 0 places in " in told
    assert [word for word in (SAYS, NAME, HANDLE) if word in told] == []
    assert (nobody.exit_code, "is nobody here" in nobody.stderr) == (1, True)


async def test_a_post_of_another_that_quoted_them_is_gone_once_it_is_deleted(community: Community) -> None:
    forum = community.forum
    forum.hooks.url, forum.hooks.secret = "http://127.0.0.1:9/unused", "hook-secret-for-tests"
    async with community.desk("forum") as work:
        forum.says(HANDLE, SAYS)
        await take(work, newest_call(community, work))
        quoting = forum.says("oskar", f"where is my order? you wrote: {SAYS}")
        await take(work, newest_call(community, work))
        await erase(work, HANDLE)
        (before,) = open_inquiries(work)
        community.clock.pass_(minutes=1)
        forum.deletes(quoting)
        await take(work, newest_call(community, work))
        (after,) = open_inquiries(work)
        assert deleted(work) == [community.clock()]
    assert (before["deleted"], before["waiting_since"]) == (0, START)
    assert (after["deleted"], after["waiting_since"]) == (1, None)
