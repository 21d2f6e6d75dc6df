"""A lead stops the polling of a source, tests it, and lets it go on; nothing is lost by it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from aggregator.store import sources
from tests.conftest import Community, poll, texts
from tests.test_poller import until
from tests.web_site import WebSite, csrf, open_site


async def _press(site: WebSite, what: str, source: str, who: str = "lea") -> tuple[int, str]:
    if "lea" not in {user.name for user in site.work.desk.users()}:
        site.work.desk.add_user("lea", "lead")
    async with site.visitor(who) as visitor:
        token = csrf((await visitor.get("/connectors")).text)
        answer = await visitor.post(f"/connectors/{what}", data={"csrf": token, "name": source}, follow_redirects=True)
    return answer.status_code, answer.text


async def test_a_paused_source_is_asked_nothing_and_then_catches_up(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(("Mia", "my swap failed"))
        await _press(site, "pause", "telegram")
        await site.says(("Mia", "and the second one, too"))
        assert texts(site.work) == ["my swap failed"]
        await _press(site, "resume", "telegram")
        await poll(site.work, "telegram")
        assert texts(site.work) == ["my swap failed", "and the second one, too"]
        assert site.work.poller.sources["telegram"].state == "ok"


async def test_a_pause_outlives_a_restart_and_names_who_made_it(community: Community) -> None:
    async with open_site(community) as site:
        await _press(site, "pause", "telegram")
    async with open_site(community) as site:
        await site.says(("Mia", "my swap failed"))
        assert texts(site.work) == []
        _, page = await _press(site, "look", "telegram")
        assert "Paused by lea: it is asked nothing" in page
        async with site.visitor("amy", lang="zh-CN") as amy:
            assert "已由 lea 暂停" in (await amy.get("/connectors")).text
        assert texts(site.work) == []


async def test_a_pause_outlives_a_change_of_the_process_that_polls(community: Community) -> None:
    async with open_site(community) as site:
        poller, space = site.work.poller, site.work.connectors["telegram"].space
        poller.start()
        await poller.pause("telegram", "lea")
        await poller.let_go("telegram")
        state = await site.work.db.write(
            lambda con: sources.start(con, "telegram", space, "telegram", community.clock(), timedelta(days=1))
        )
        poller.take_up("telegram", state)
        await site.says(("Mia", "my swap failed"))
        assert texts(site.work) == []
        assert poller.sources["telegram"].state == "paused"
        await poller.stop()


async def test_the_time_of_a_pause_is_not_vouched_for_until_it_is_fetched(community: Community) -> None:
    def complete_to(site: WebSite) -> object:
        return site.work.db.query("SELECT max(to_at) FROM coverage WHERE source = 'telegram' AND state = 'complete'")[
            0
        ][0]

    async with open_site(community) as site:
        await site.says(("Mia", "my swap failed"))
        before = complete_to(site)
        await _press(site, "pause", "telegram")
        community.clock.pass_(minutes=30)
        await poll(site.work, "telegram")
        assert complete_to(site) == before
        await _press(site, "resume", "telegram")
        await poll(site.work, "telegram")
        assert complete_to(site) == community.clock()


async def test_a_poll_that_listens_ends_when_it_is_paused(community: Community) -> None:
    async with open_site(community) as site:
        poller = site.work.poller
        poller.start()
        await poller.pause("telegram", "lea")
        source = poller.sources["telegram"]
        assert source.job is None
        assert not source.lock.locked()
        assert source.state == "paused"
        await poller.stop()


async def test_a_page_that_is_committed_while_its_poll_is_stopped_moves_the_source_on(community: Community) -> None:
    async with open_site(community) as site:
        poller, free = site.work.poller, threading.Event()
        community.telegram.says("Mia", "my swap failed")
        busy = site.work.db.submit(lambda _: free.wait(20))
        poller.start()
        await until(lambda: site.work.ingest.together._unanswered)
        pausing = asyncio.create_task(poller.pause("telegram", "lea"))
        await asyncio.sleep(0)  # its poll is cancelled
        free.set()
        await pausing
        assert busy.result()
        assert texts(site.work) == ["my swap failed"]
        await poller.stop()
        await poller.go_on("telegram")
        await site.says(("Mia", "and the second one, too"))  # its fence is not lost
        assert texts(site.work) == ["my swap failed", "and the second one, too"]


async def test_a_poll_by_hand_under_way_does_not_undo_a_pause(community: Community) -> None:
    async with open_site(community) as site:
        poller, free = site.work.poller, threading.Event()
        source = poller.sources["telegram"]
        community.telegram.says("Mia", "my swap failed")
        busy = site.work.db.submit(lambda _: free.wait(20))
        by_hand = asyncio.create_task(poller.poll(source, once=True))
        await until(lambda: site.work.ingest.together._unanswered)
        pausing = asyncio.create_task(poller.pause("telegram", "lea"))
        await asyncio.sleep(0)  # it is paused
        free.set()
        await asyncio.gather(pausing, by_hand)
        assert busy.result()
        assert (source.state, source.message.split(":")[0]) == ("paused", "paused by lea")
        await site.says(("Mia", "and the second one, too"))
        assert texts(site.work) == ["my swap failed"]
        await _press(site, "resume", "telegram")
        await poll(site.work, "telegram")
        assert texts(site.work) == ["my swap failed", "and the second one, too"]
        assert source.state == "ok"


async def test_a_poll_by_hand_that_fails_does_not_undo_a_pause(community: Community) -> None:
    async with open_site(community) as site:
        poller, asked = site.work.poller, community.forum.requests
        source = poller.sources["forum"]
        community.forum.fail_next("timeout")
        asked.clear()
        by_hand = asyncio.create_task(poller.poll(source, once=True))
        await until(lambda: asked)
        await poller.pause("forum", "lea")
        await by_hand
        assert source.state == "paused"
        assert site.work.db.query("SELECT state FROM source_health WHERE source = 'forum'") == [("paused",)]


async def test_a_test_says_what_the_login_may_read(community: Community) -> None:
    async with open_site(community) as site:
        code, page = await _press(site, "test", "forum")
        assert code == 200
        assert '<ul class="findings"' in page


@pytest.mark.parametrize("what", ["pause", "resume", "look", "test"])
async def test_agents_may_not_and_unknown_sources_are_none(community: Community, what: str) -> None:
    async with open_site(community) as site:
        assert (await _press(site, what, "telegram", who="amy"))[0] == 403
        assert (await _press(site, what, "nowhere"))[0] == 404
    assert (await _unknown_verb(community))[0] == 404


async def _unknown_verb(community: Community) -> tuple[int, str]:
    async with open_site(community) as site:
        return await _press(site, "explode", "telegram")
