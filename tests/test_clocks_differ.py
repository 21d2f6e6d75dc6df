"""A platform's clock may be a little ahead of ours: what is done with an inquiry counts nevertheless."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from aggregator.acting.compare_and_set import note
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id
from aggregator.inquiry import EventKind, State
from aggregator.store.database import Connection
from aggregator.workplace import Workplace
from tests.conftest import Community, open_inquiries, poll


async def _does(work: Workplace, community: Community, what: EventKind) -> None:
    ((inquiry,),) = work.db.query("SELECT inquiry_id FROM inquiry")
    until = (community.clock() + timedelta(days=2)).isoformat()
    details = {"close": {"reason": "resolved"}, "snooze": {"until": until}}.get(what, {})

    def do(this: Id, con: Connection) -> None:
        note(con, work.settings, inquiries_by_id(con, [this])[this], "amy", what, community.clock(), details)

    await work.db.write(partial(do, inquiry.bytes))


@pytest.mark.parametrize(
    ("what", "state"), [("close", "closed"), ("wait", "waiting"), ("snooze", "snoozed"), ("reply", "answered")]
)
async def test_what_is_done_with_a_post_whose_clock_is_ahead_counts(
    community: Community, what: EventKind, state: State
) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        community.clock.pass_(minutes=24)
        community.telegram.says("fox", "hello? my swap failed, still no money")
        community.clock.pass_(minutes=-4)
        await poll(work)
        (row,) = open_inquiries(work)
        assert row["last_post_at"] > community.clock()
        community.clock.pass_(minutes=1)
        await _does(work, community, what)
        assert work.db.query("SELECT state FROM inquiry") == [(state,)]
        community.clock.pass_(minutes=60)
        community.telegram.says("fox", "my swap failed again")
        await poll(work)
        (row,) = open_inquiries(work)
        assert (row["state"], row["posts"]) == ("claimed" if what == "reply" else "new", 3)


async def test_we_wait_for_the_customer_though_our_own_answers_clock_is_ahead(community: Community) -> None:
    async with community.desk("forum") as work:
        community.forum.user("mod_mei").moderator = True
        asked = community.forum.says("lin", "转账三小时未到账", title="转账没到")
        await poll(work, "forum")
        community.clock.pass_(minutes=24)
        community.forum.says("mod_mei", "Which wallet?", reply_to=asked)
        community.clock.pass_(minutes=-4)
        await poll(work, "forum")
        (row,) = open_inquiries(work)
        assert (row["state"], row["answered_at"] > community.clock()) == ("answered", True)
        await _does(work, community, "wait")
        (row,) = open_inquiries(work)
        assert row["state"] == "waiting"
