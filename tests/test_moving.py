"""Posts that a moderator moves to another topic."""

from __future__ import annotations

from typing import Any

from aggregator.outbox.asked import stored_post
from aggregator.workplace import Workplace
from connectors.discourse import DEEP_EVERY
from connectors.discourse.replies import place
from tests.conftest import Community, open_inquiries, poll


async def a_moved_question(community: Community, work: Workplace) -> tuple[int, int]:
    """A question that was read in one topic and then moved into another: its id, and that topic's."""
    community.forum.user("mod_mei").moderator = True
    opener = community.forum.says("mod_mei", "All about fees is discussed here.", title="Fees")
    other = community.forum.says("mod_mei", "All about deposits is discussed here.", title="Deposits")
    said = community.forum.says("lin", "my deposit has not arrived", reply_to=opener)
    await poll(work)
    community.clock.pass_(minutes=5)
    topic = community.forum.moves(said, community.forum.post(other).topic.id)
    community.clock.pass_(minutes=5)
    return said, topic


async def polled_with_a_deep_look(work: Workplace) -> None:
    for _ in range(DEEP_EVERY):
        await poll(work)


def of_lin(work: Workplace) -> dict[str, Any]:
    (row,) = [each for each in open_inquiries(work) if "deposit" in each["excerpt"]]
    return row


async def test_a_post_that_was_moved_to_another_topic_is_linked_and_answered_there(community: Community) -> None:
    async with community.desk("forum") as work:
        said, topic = await a_moved_question(community, work)
        await polled_with_a_deep_look(work)
        ((post, version, permalink),) = work.db.query(
            "SELECT post_id, version, permalink FROM post WHERE native_id = ?", [f"p{said}"]
        )
        with work.db.reading() as con:
            asked = stored_post(con, post.bytes)
        assert asked is not None
        assert place(asked) == (topic, 2)
        assert (version, permalink.endswith(f"/{topic}/2")) == (2, True)
        assert of_lin(work)["permalink"] == permalink


async def test_an_older_version_that_comes_late_moves_nothing_back(community: Community) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my deposit has not arrived")
        listed = await anext(aiter(work.connectors["forum"].pages(None)))
        await poll(work)
        community.clock.pass_(minutes=5)
        topic = community.forum.moves(said)
        await polled_with_a_deep_look(work)
        await work.ingest.pushed(work.origins["forum"], listed.records)
        ((version, permalink),) = work.db.query("SELECT version, permalink FROM post")
    assert (version, permalink.endswith(f"/{topic}/1")) == (2, True)


async def test_an_answer_in_the_topic_that_a_question_was_moved_to_stops_its_clock(community: Community) -> None:
    async with community.desk("forum") as work:
        _, topic = await a_moved_question(community, work)
        await polled_with_a_deep_look(work)
        community.forum.says("mod_mei", "We are looking at it.", topic=topic)
        await poll(work)
        assert of_lin(work)["state"] == "answered"


async def test_an_answer_that_is_read_before_the_question_is_known_to_be_moved_finds_it(community: Community) -> None:
    async with community.desk("forum") as work:
        said, _ = await a_moved_question(community, work)
        answer = community.forum.says("mod_mei", "We are looking at it.", reply_to=said)
        page = await anext(aiter(work.connectors["forum"].pages(None)))
        told = {record["id"]: record for record in page.records}
        await work.ingest.pushed(work.origins["forum"], [told[answer]])
        assert of_lin(work)["state"] == "new"
        await work.ingest.pushed(work.origins["forum"], [told[said]])
        assert of_lin(work)["state"] == "answered"


async def test_an_answer_on_the_page_that_tells_of_the_move_finds_its_question(community: Community) -> None:
    async with community.desk("forum") as work:
        said, _ = await a_moved_question(community, work)
        community.forum.says("mod_mei", "We are looking at it.", reply_to=said)
        await poll(work)
        assert of_lin(work)["state"] == "answered"


async def test_an_inquiry_follows_its_posts_once_none_of_them_stays_behind(community: Community) -> None:
    async with community.desk("forum") as work:
        said = community.forum.says("lin", "my deposit has not arrived")
        more = community.forum.says("lin", "it is about 300 USDT", reply_to=said)
        await poll(work)
        community.clock.pass_(minutes=5)
        topic = community.forum.moves(more)
        await polled_with_a_deep_look(work)
        threads = dict(work.db.query("SELECT native_id, thread_id FROM post"))
        assert of_lin(work)["thread_id"] == threads[f"p{said}"] != threads[f"p{more}"]
        community.clock.pass_(minutes=5)
        community.forum.moves(said, topic)
        await polled_with_a_deep_look(work)
        threads = dict(work.db.query("SELECT native_id, thread_id FROM post"))
        assert of_lin(work)["thread_id"] == threads[f"p{said}"]
