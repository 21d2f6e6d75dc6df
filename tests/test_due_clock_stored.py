"""The clock that runs is stored with its inquiry, and files of the version before learn of it."""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources

import duckdb
import pytest

from aggregator.acting import closing_quiet
from aggregator.acting.closing_quiet import close_quiet
from aggregator.identity import Id, stable_id
from aggregator.inquiry import Inquiry
from aggregator.store import rows
from aggregator.store.database import migrate
from tests.conftest import Community, open_inquiries, poll
from tests.test_due import folded, ours, post

LATER = {"due_clock", "snoozed_until", "tags", "at_least", "at_most", "band_by"}
WITHOUT = tuple(name for name in rows.INQUIRY if name not in LATER)


def test_a_file_of_the_version_before_tells_which_clock_runs() -> None:
    con = duckdb.connect(":memory:")
    con.execute("SET TimeZone = 'UTC'")
    for name in ("0001_init.sql", "0002_sources.sql", "0003_priority.sql"):
        con.execute(resources.files("aggregator.sql").joinpath(name).read_text(encoding="utf-8"))
    con.execute("INSERT INTO meta VALUES ('schema_version', '3')")
    _store(con, folded(post(0)), folded(post(0), ours(10), post(40)), folded(post(0), ours(10)))
    migrate(con, "old")
    found = con.execute("SELECT due_clock FROM inquiry ORDER BY due_at NULLS LAST").fetchall()
    assert found == [("first_answer",), ("next_answer",), (None,)]
    assert con.execute("SELECT count(due_clock) FROM feed").fetchone() == (2,)


def _store(con: duckdb.DuckDBPyConnection, *inquiries: Inquiry) -> None:
    told = [each._replace(inquiry_id=stable_id(str(number))) for number, each in enumerate(inquiries)]
    rows.append(con, "inquiry_open", rows.table(rows.INQUIRY, [rows.of_inquiry(each) for each in told]).select(WITHOUT))


async def test_what_we_promised_to_come_back_to_is_not_closed_for_being_quiet(community: Community) -> None:
    community.more |= {"team": [{"name": "Mei", "handles": {"telegram": [str(community.telegram.user("mei")["id"])]}}]}
    async with community.desk("telegram") as work:
        for author, answer in (("fox", "we will get back to you by Friday"), ("kim", "it needs one more block")):
            asked = community.telegram.says(author, "my deposit has not arrived")
            community.telegram.says("mei", answer, reply_to=asked)
        await poll(work)
        community.clock.pass_(hours=24 * 8)
        await close_quiet(work.db, work.settings, community.clock, lambda _: None)
        (kept,) = open_inquiries(work)
    assert (kept["due_clock"], kept["state"]) == ("promise", "answered")
    assert kept["due_at"] < community.clock.now


async def test_what_is_quiet_is_closed_a_part_at_a_time(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing_quiet, "QUIET_AT_ONCE", 2)
    told: list[Collection[Id]] = []
    async with community.desk("telegram") as work:
        for author in ("fox", "kim", "owl", "elk", "bee"):
            asked = community.telegram.says(author, "my deposit has not arrived")
            community.telegram.admin_says("it needs one more block", reply_to=asked)
        await poll(work)
        community.clock.pass_(days=4)
        await close_quiet(work.db, work.settings, community.clock, told.append)
        assert (open_inquiries(work), [len(part) for part in told]) == ([], [2, 2, 1])


async def test_a_promise_that_is_edited_away_ends_its_clock_and_one_that_is_edited_in_starts_it(
    community: Community,
) -> None:
    async with community.desk("forum") as work:
        asked = community.forum.says("lin", "my withdrawal is stuck since yesterday")
        community.forum.user("mod_mei").moderator = True
        answer = community.forum.says("mod_mei", "We will answer by tomorrow.", reply_to=asked)
        await poll(work)
        (promised,) = open_inquiries(work)
        community.forum.edits(answer, "It is fixed in version 2.4.1.")
        community.clock.pass_(minutes=1)
        for _ in range(6):
            await poll(work)
        (fixed,) = open_inquiries(work)
    assert promised["due_clock"] == "promise"
    assert (fixed["due_clock"], fixed["due_at"]) == (None, None)
