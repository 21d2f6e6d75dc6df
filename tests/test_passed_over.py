"""Words of a source (`include`, `exclude`) decide what begins an inquiry; nothing is lost, and all is counted."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import pytest

from aggregator.ingest.origin import any_of
from aggregator.replay import replay
from aggregator.store.source_reports import source_reports
from aggregator.triage.language import search_text
from aggregator.workplace import Workplace
from tests.conftest import Community, open_inquiries, poll, texts
from tests.secret_maker import words


def desk(community: Community, source: str = "telegram", **chosen: Any) -> Workplace:
    """A desk that listens to one source, which has these words."""
    settings = community.settings(source)
    config = settings.sources[source].model_copy(update={name: frozenset(value) for name, value in chosen.items()})
    return Workplace(settings.model_copy(update={"sources": {source: config}}), clock=community.clock)


def excerpts(work: Workplace) -> list[str]:
    return sorted(inquiry["excerpt"] for inquiry in open_inquiries(work))


def passed_over(work: Workplace) -> int:
    (report,) = source_reports(work.db, work.settings, work.clock())
    return report.passed_over


async def test_what_holds_none_of_the_words_is_stored_and_counted_but_begins_no_inquiry(community: Community) -> None:
    async with desk(community, include=["lantern wallet", "灯笼"]) as work:
        community.telegram.says("fox", "my swap failed in LANTERN Wallet")
        community.telegram.says("lin", "灯笼钱包转账没到")
        community.telegram.says("owl", "anybody watching the match tonight?")
        await poll(work)
        assert excerpts(work) == ["my swap failed in LANTERN Wallet", "灯笼钱包转账没到"]
        assert len(texts(work)) == 3
        assert work.db.query("SELECT count(*) FROM record") == [(3,)]
        assert passed_over(work) == 1


async def test_what_holds_an_excluded_word_begins_none_even_beside_a_wanted_one(community: Community) -> None:
    async with desk(community, include=["wallet"], exclude=["airdrop code"]) as work:
        community.telegram.says("fox", "wallet users: my airdrop code is 7788")
        community.telegram.says("lin", "the wallet shows no balance")
        await poll(work)
        assert excerpts(work) == ["the wallet shows no balance"]


async def test_who_has_an_inquiry_may_go_on_without_the_words(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        community.telegram.says("fox", "the wallet shows no balance")
        await poll(work)
        community.clock.pass_(minutes=20)
        community.telegram.says("fox", "still nothing, hello?")
        await poll(work)
        (inquiry,) = open_inquiries(work)
        assert (inquiry["posts"], passed_over(work)) == (2, 0)


async def test_an_exposed_key_is_never_passed_over(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        community.telegram.says("fox", f"here: {' '.join(words(random.Random(5)))}")
        await poll(work)
        (inquiry,) = open_inquiries(work)
        assert inquiry["secret"]


async def test_an_edit_that_gives_a_key_away_or_holds_a_wanted_word_begins_an_inquiry(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        first, second, third = (community.telegram.says(who, "anybody there tonight?") for who in ("owl", "fox", "lin"))
        await poll(work)
        community.clock.pass_(minutes=1)
        community.telegram.edits(first, f"here: {' '.join(words(random.Random(5)))}")
        community.telegram.edits(second, "my wallet shows no balance")
        community.telegram.edits(third, "anybody here tonight?")
        await poll(work)
        begun = open_inquiries(work)
        assert sorted((row["secret"], row["posts"]) for row in begun) == [(False, 1), (True, 1)]
        assert {row["seen_at"] for row in begun} == {row["opened_at"] for row in begun}  # as it was read at first
        result = await replay(work.ingest, work.origins)
        assert (result.changed_inquiries, open_inquiries(work)) == (0, begun)


async def test_an_edit_joins_what_the_same_person_asked_beside_it(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        said = community.telegram.says("fox", "anybody there tonight?")
        await poll(work)
        community.clock.pass_(minutes=1)
        community.telegram.edits(said, "is my wallet safe?")
        community.telegram.says("fox", "my wallet shows no balance")
        await poll(work)
        (row,) = open_inquiries(work)
        assert row["posts"] == 2
        community.telegram.edits(said, "good evening")
        await poll(work)
        (row,) = open_inquiries(work)
        assert row["posts"] == 2  # decided once


async def test_an_edit_by_a_blocked_account_begins_nothing(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        said = community.telegram.says("fox", "anybody there tonight?")
        await poll(work)
        ((account,),) = work.db.query("SELECT account_id FROM account")
        blocked = (uuid4(), "account", str(account), uuid4(), work.clock(), "amy", "advertises", "blocked")
        await work.db.write(
            lambda con: con.execute(
                "INSERT INTO flag (flag_id, kind, target, inquiry_id, flagged_at, flagged_by, reason, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [*blocked],
            )
        )
        community.telegram.edits(said, "my wallet shows no balance")
        await poll(work)
        assert open_inquiries(work) == []


async def test_a_post_that_is_edited_is_counted_once(community: Community) -> None:
    async with desk(community, include=["wallet"]) as work:
        said = community.telegram.says("owl", "anybody watching the match tonight?")
        await poll(work)
        community.telegram.edits(said, "anybody watching the match tomorrow?")
        await poll(work)
        assert (passed_over(work), open_inquiries(work)) == (1, [])


async def test_the_title_of_a_topic_counts_as_said(community: Community) -> None:
    async with desk(community, "forum", include=["wallet"]) as work:
        community.forum.says("lin", "it shows nothing since noon", title="Wallet is empty")
        community.forum.says("owl", "who is watching?", title="The match")
        await poll(work)
        assert excerpts(work) == ["it shows nothing since noon"]


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("swap", "My SWAP failed", True),
        ("swap", "swapped it", False),
        ("swap", "转账swap失败", True),
        ("ﬁat", "FIAT gateway", True),
        ("提币", "我的提币没到", True),
        ("c++", "in c++ 11", True),
        ("(beta)", "the (beta) is broken", True),
    ],
)
def test_latin_words_are_found_whole_and_others_anywhere(word: str, text: str, found: bool) -> None:
    pattern = any_of([word])
    assert pattern is not None
    assert (pattern.search(search_text(text)) is not None) is found
