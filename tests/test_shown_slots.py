"""What a person has told, over all channels, and how an inquiry's page shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.store.reading import Told, told_by
from aggregator.triage.slots import SLOTS
from aggregator.workplace import Workplace
from tests.conftest import START, Community, poll
from tests.web_site import open_site

TX = "0x" + "9f3c" * 16
MISTYPED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"


def told(work: Workplace, since: datetime = START) -> Told:
    """By whoever wrote in the Telegram group."""
    ((person,),) = work.db.query("SELECT DISTINCT person_id FROM account WHERE space = 'telegram'")
    with work.db.reading() as cursor:
        return told_by(cursor, person.bytes, since)


async def make_one_person(work: Workplace) -> None:
    """As if a verified link had joined all accounts."""
    joined = "UPDATE account SET person_id = (SELECT min(person_id) FROM account WHERE space = 'telegram')"
    await work.db.write(lambda con: con.execute(joined).fetchall())


async def test_what_was_told_in_another_channel_counts_once_the_accounts_are_one_person(community: Community) -> None:
    async with community.desk() as work:
        community.telegram.says("fox", "转账一直没到账")
        community.forum.says("fox", f"哈希 {TX}，昨晚转的", title="没到账")
        await poll(work)
        apart = told(work).slots
        await make_one_person(work)
        together = told(work)
    assert apart == {"problem"}
    assert together.slots == {"problem", "tx", "time"}
    assert together.values["tx"] == (TX,)


async def test_an_address_is_remembered_and_an_old_transaction_is_not(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", f"my address 0x{'ab12' * 10}, hash {TX}, crashed yesterday on iPhone 14")
        await poll(work)
        community.clock.pass_(days=40)
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        assert told(work).slots == set(SLOTS) - {"screenshot", "version"}
        assert told(work, START + timedelta(days=26)).slots == {"account", "device", "problem"}


async def test_a_bare_transaction_id_is_not_asked_for_again_though_its_middle_is_masked(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "my swap failed")
        await poll(work)
        community.telegram.says("fox", TX)
        await poll(work)
        assert told(work).slots == {"problem", "tx"}
        assert work.db.query("SELECT count(*) FROM post WHERE contains(text, ?)", [TX]) == [(0,)]


async def test_what_may_be_a_key_is_no_transaction_that_is_given(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", f"my swap failed. is it a private key or a tx hash? {TX}")
        community.telegram.says("owl", f"my swap failed. private key: {TX}")
        await poll(work)
        assert work.db.query("SELECT count(*) FROM post WHERE (facts ->> 'given') LIKE '%tx%'") == [(0,)]


async def test_a_post_that_gives_nothing_stores_nothing(community: Community) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "hello everybody")
        await poll(work)
        assert work.db.query("SELECT facts -> 'given' FROM post") == [(None,)]


async def test_the_page_shows_what_is_given_and_missing_and_asks_in_the_customers_language(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        await site.says(("lin", f"昨天转账没到账，我的地址 {MISTYPED}"))
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
        chinese = (await sam.get(f"/inquiry/{site.only_id()}")).text
    known = page[page.index('class="known"') :].partition("</section>")[0]
    assert f"<code>{MISTYPED}</code>" in known
    assert "checksum wrong: mistyped?" in known
    given, _, missing = known.partition("Still missing")
    assert "what goes wrong" in given
    assert "<dd>transaction ID</dd>" in missing
    assert "<dd>time</dd>" not in missing
    assert "请补充完整的交易哈希。" in missing
    assert "请补充完整的交易哈希。" in chinese
    assert "还缺" in chinese


async def test_a_question_is_asked_for_nothing(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "how do I change the network fee?"))
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
    assert 'id="ask"' not in page
