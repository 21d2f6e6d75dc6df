from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aggregator.demo.forum import ForumSimulator
from aggregator.demo.forum_faults import Fault
from aggregator.demo.forum_writing import Refusal
from aggregator.listener import serve
from connectors.contract import Deleted, Page, Push
from connectors.discourse import Discourse
from connectors.discourse.walk import Place
from connectors.errors import AuthError, ReplyRefusedError, ThrottledError, TransientError
from connectors.replying import CANNOT_TELL, Asked, Sent
from connectors.secret import Secret
from connectors.session import Pacing
from tests.contract_suite import Drained, Patience, PullContract, PushContract, drain, items, posts, refused, texts
from tests.reply_contract import TEXT, ReplyContract, an_answer, asked_in

KEY = "k-5f1e0d9c8b7a6f5e4d3c2b1a"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class ForumStage:
    """The forum's simulator, as the suite plays it."""

    secret = KEY
    credential = "FORUM_KEY"
    many = 130

    def __init__(self, forum: ForumSimulator, url: str) -> None:
        self.forum = forum
        self.url = url
        self.patience = Patience()
        self._connectors: list[Discourse] = []

    async def aclose(self) -> None:
        for connector in self._connectors:
            await connector.close()

    def connector(self, **settings: Any) -> Discourse:
        since = settings.pop("since", SINCE)
        config = Discourse.Config(
            **{
                "connector": "discourse",
                "url": self.url,
                "api_key": Secret(env="FORUM_KEY"),
                "webhook_secret": Secret(env="HOOK_SECRET"),
                "calls_per_minute": 100_000,
                "timeout": self.patience.taken(),
                **settings,
            }
        )
        self._connectors.append(Discourse("forum", config, since=since))
        return self._connectors[-1]

    def says(self, *said: str) -> None:
        for text in said:
            self.forum.says("lin", text)

    def says_something_unreadable(self) -> None:
        self.forum.breaks(self.forum.says("lin", "odd"))

    def fails_next(self, fault: Fault) -> None:
        self.patience.expects(fault)
        self.forum.fail_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.forum.fail_next("429_json", wait=seconds)

    def refuses_login(self) -> None:
        self.forum.api_key = "another"

    def push(self, text: str) -> Push:
        post = self.forum.says("lin", text)
        return self.event("post_created", post)

    def forged(self, text: str) -> Push:
        push = self.push(text)
        return Push(push.method, push.headers, push.query, push.body.replace(b"lin", b"lim"))

    def event(self, event: str, post: int) -> Push:
        self.forum.hooks.url = "http://127.0.0.1:9/unused"
        self.forum._tell(event, self.forum._posts[post])
        headers, body = self.forum.hooks.pending[-1]
        return Push("POST", {name.lower(): value for name, value in headers.items()}, {}, body)


@pytest.fixture
def forum(monkeypatch: pytest.MonkeyPatch) -> ForumSimulator:
    simulator = ForumSimulator(api_key=KEY, clock=lambda: NOW)
    monkeypatch.setenv("FORUM_KEY", KEY)
    monkeypatch.setenv("HOOK_SECRET", simulator.hooks.secret)
    return simulator


@pytest.fixture(params=["current", "legacy"])
async def stage(forum: ForumSimulator, request: pytest.FixtureRequest) -> AsyncIterator[ForumStage]:
    forum.dialect = request.param
    async with serve(forum.app) as url:
        stage = ForumStage(forum, url)
        yield stage
        await stage.aclose()


@pytest.fixture
async def current(forum: ForumSimulator) -> AsyncIterator[ForumStage]:
    async with serve(forum.app) as url:
        stage = ForumStage(forum, url)
        yield stage
        await stage.aclose()


@pytest.fixture
async def legacy(forum: ForumSimulator) -> AsyncIterator[ForumStage]:
    forum.dialect = "legacy"
    async with serve(forum.app) as url:
        stage = ForumStage(forum, url)
        yield stage
        await stage.aclose()


@pytest.fixture
def push_stage(current: ForumStage) -> ForumStage:
    return current


class TestForumContract(PullContract):
    pass


class TestForumPushContract(PushContract):
    pass


def deletions(connector: Discourse, done: Drained) -> list[str]:
    return [item.native_id for item in items(connector, done.records) if isinstance(item, Deleted)]


def ids(done: Drained) -> list[int]:
    return [record["id"] for record in done.records]


async def poll(connector: Discourse, done: Drained) -> list[Page]:
    """One poll of a connector that goes on living; what it brings is committed to `done`."""
    pages = [page async for page in connector.pages(done.cursor)]
    done.records.extend(record for page in pages for record in page.records)
    done.cursor = pages[-1].cursor if pages else done.cursor
    return pages


async def polled(connector: Discourse, done: Drained, times: int) -> None:
    for _ in range(times):
        await poll(connector, done)


async def test_no_post_is_delivered_twice_by_one_walk(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(180)))
    done = await drain(stage.connector())
    assert len(ids(done)) == len(set(ids(done))) == 180


async def test_each_page_is_oldest_first(current: ForumStage) -> None:
    current.says("one", "two", "three")
    assert ids(await drain(current.connector())) == [1001, 1002, 1003]


async def test_windows_without_a_visible_post_are_not_the_end(stage: ForumStage) -> None:
    stage.says("before the silence")
    stage.forum.writes_elsewhere(430)
    stage.says("after it")
    connector = stage.connector()
    assert texts(connector, (await drain(connector)).records) == ["before the silence", "after it"]


async def test_a_short_page_is_not_the_end(legacy: ForumStage) -> None:
    for _ in range(6):
        legacy.says("one of few")
        legacy.forum.writes_elsewhere(30)
    assert len(ids(await drain(legacy.connector()))) == 6


async def test_a_newest_window_full_of_hidden_posts_hides_nothing(legacy: ForumStage) -> None:
    legacy.says("seen")
    first = await drain(legacy.connector())
    legacy.says("news")
    legacy.forum.writes_elsewhere(120)
    connector = legacy.connector()
    assert texts(connector, (await drain(connector, first)).records) == ["seen", "news"]


async def test_a_pinned_topic_does_not_hide_the_newest_post(legacy: ForumStage) -> None:
    rules = legacy.forum.says("admin", "house rules")
    legacy.forum._posts[rules].topic.pinned = True
    legacy.forum.says("lin", "news", at=NOW + timedelta(minutes=1))
    legacy.forum.writes_elsewhere(60)
    connector = legacy.connector()
    assert texts(connector, (await drain(connector)).records)[-1] == "news"


async def test_a_quiet_poll_costs_one_request_and_yields_nothing(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(120)))
    connector, done = stage.connector(), Drained()
    await polled(connector, done, 1)
    before = len(stage.forum.requests)
    assert await poll(connector, done) == []
    assert len(stage.forum.requests) == before + 1


async def test_looking_again_at_the_overlap_stays_cheap_and_yields_nothing(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(400)))
    done = await drain(stage.connector())
    before = len(stage.forum.requests)
    again = await drain(stage.connector(), Drained(done.cursor))
    assert again.records == []
    assert len(stage.forum.requests) - before <= 6


async def test_a_low_id_that_becomes_visible_late_is_found(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(60)))
    held = stage.forum.says("mei", "held back for approval", held=True)
    stage.says(*(f"later {number}" for number in range(120)))
    connector, done = stage.connector(), Drained()
    await polled(connector, done, 1)
    stage.forum.approves(held)
    await polled(connector, done, 5)
    assert f"p{held}" in posts(connector, done.records)


async def test_an_edit_is_read_again_whether_or_not_it_raised_the_version(stage: ForumStage) -> None:
    first = stage.forum.says("lin", "my swop failed")
    second = stage.forum.says("mei", "mine too")
    done = await drain(stage.connector())
    stage.forum.edits(first, "my swap failed", at=NOW + timedelta(hours=1))
    stage.forum.edits(second, "mine too, on BNB", at=NOW + timedelta(minutes=2), in_grace=True)
    connector = stage.connector()
    done = await drain(connector, done)
    assert texts(connector, done.records) == ["my swap failed", "mine too, on BNB"]
    assert posts(connector, done.records)[f"p{second}"].edited_at == NOW + timedelta(minutes=2)


async def test_likes_bring_a_post_again_without_an_edit_and_views_do_not(current: ForumStage) -> None:
    liked = current.forum.says("lin", "great release")
    viewed = current.forum.says("mei", "indeed")
    done = await drain(current.connector())
    current.forum.likes(liked, 5)
    current.forum.views(viewed, 90)
    connector = current.connector()
    news = await drain(connector, Drained(done.cursor))
    assert [(post.likes, post.edited_at) for post in posts(connector, news.records).values()] == [(5, None)]


async def test_a_removed_post_is_told_as_deleted_once(stage: ForumStage) -> None:
    stage.says("one", "two", "three")
    done = await drain(stage.connector())
    stage.forum.deletes(1002)
    stage.forum.deletes(1003)
    second = await drain(stage.connector(), Drained(done.cursor))
    third = await drain(stage.connector(), Drained(second.cursor))
    assert deletions(stage.connector(), second) == ["p1002", "p1003"]
    assert third.records == []


async def test_staff_is_told_when_a_post_was_removed(current: ForumStage) -> None:
    current.says("one", "two")
    done = await drain(current.connector())
    current.forum.shows_deleted = True
    current.forum.deletes(1001, at=NOW + timedelta(hours=2))
    connector = current.connector()
    found = items(connector, (await drain(connector, Drained(done.cursor))).records)
    assert found == [Deleted("p1001", NOW + timedelta(hours=2))]


async def test_a_post_that_its_author_withdrew_is_deleted_and_its_notice_is_no_text(current: ForumStage) -> None:
    current.says("my phrase is ...")
    done = await drain(current.connector())
    current.forum.withdraws(1001, at=NOW + timedelta(minutes=9))
    connector = current.connector()
    found = items(connector, (await drain(connector, Drained(done.cursor))).records)
    assert found == [Deleted("p1001", NOW + timedelta(minutes=9))]


async def test_a_recovered_post_comes_back(stage: ForumStage) -> None:
    stage.says("one", "two")
    done = await drain(stage.connector())
    stage.forum.deletes(1001)
    done = await drain(stage.connector(), done)
    stage.forum.recovers(1001)
    connector = stage.connector()
    done = await drain(connector, done)
    assert [type(item).__name__ for item in items(connector, done.records)][-2:] == ["Deleted", "Post"]


async def test_many_removals_are_asked_for_a_few_at_a_time_and_none_is_forgotten(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(40)))
    connector, done = stage.connector(), Drained()
    await polled(connector, done, 1)
    spam = range(1005, 1030)
    for post_id in spam:
        stage.forum.deletes(post_id)
    before = len(stage.forum.requests)
    await polled(connector, done, 1)
    assert len(stage.forum.requests) - before <= 12
    await polled(connector, done, 2)
    assert deletions(connector, done) == [f"p{post_id}" for post_id in spam]


async def test_a_flagged_post_is_not_taken_for_deleted(current: ForumStage) -> None:
    current.says("one", "two")
    done = await drain(current.connector())
    current.forum.hides(1001)
    connector = current.connector()
    news = await drain(connector, Drained(done.cursor))
    assert [(post.text, post.public) for post in posts(connector, news.records).values()] == [("one", False)]


async def test_the_first_poll_stops_at_the_backfill_point(stage: ForumStage) -> None:
    for days in range(300, 0, -1):
        stage.forum.says("lin", f"{days} days ago", at=NOW - timedelta(days=days))
    connector = stage.connector(since=NOW - timedelta(days=60, hours=1))
    found = texts(connector, (await drain(connector)).records)
    assert (len(found), found[0]) == (60, "60 days ago")
    assert len(stage.forum.requests) <= 6


async def test_an_old_forum_does_not_yield_older_posts_at_the_next_poll(current: ForumStage) -> None:
    for days in range(90, 0, -1):
        current.forum.says("lin", f"{days} days ago", at=NOW - timedelta(days=days))
    done = await drain(current.connector())
    assert len(done.records) == 7
    assert (await drain(current.connector(), Drained(done.cursor))).records == []


async def test_a_storm_while_we_read_is_not_lost(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(130)))
    connector, done = stage.connector(), Drained()
    pages = connector.pages(None)
    done.records.extend((await anext(pages)).records)
    stage.says(*(f"storm {number}" for number in range(230)))
    async for page in pages:
        done.records.extend(page.records)
        done.cursor = page.cursor
    await polled(connector, done, 1)
    assert set(posts(connector, done.records)) == set(stage.forum.truth())


async def test_a_walk_that_fails_halfway_goes_on_where_it_was(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(200)))
    connector, done = stage.connector(), Drained()
    pages = connector.pages(None)
    page = await anext(pages)
    done.records.extend(page.records)
    done.cursor = page.cursor
    stage.forum.fail_next("reset")
    with pytest.raises(TransientError):
        await anext(pages)
    stage.says(*(f"meanwhile {number}" for number in range(70)))
    await polled(connector, done, 1)
    assert set(posts(connector, done.records)) == set(stage.forum.truth())
    assert len(ids(done)) == 270


class OddListing:
    """A forum whose listing holds these rows on its first page, and nothing below."""

    def __init__(self, *rows: object) -> None:
        self.rows = rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        rows = [] if int(request.query_params.get("before", 2**31)) < 1000 else self.rows
        await JSONResponse({"latest_posts": rows, "errors": []})(scope, receive, send)


def row(post_id: int) -> dict[str, Any]:
    user = {"user_id": 1, "username": "lin"}
    return {"id": post_id, "topic_id": 1, "post_number": 1, "raw": f"text {post_id}", "created_at": str(NOW)} | user


async def test_rows_without_an_id_are_refused_alone_and_brought_once(forum: ForumSimulator) -> None:
    async with serve(OddListing(row(1002), {"raw": "no id"}, 7, row(1001))) as url:
        connector = ForumStage(forum, url).connector()
        done = await drain(connector)
        again = await drain(ForumStage(forum, url).connector(), Drained(done.cursor))
    assert texts(connector, done.records) == ["text 1001", "text 1002"]
    assert refused(connector, done.records) == 2
    assert again.records == []


@pytest.mark.parametrize("listing", [OddListing({"raw": "no id"}), OddListing([1], None)])
async def test_a_listing_without_any_id_moves_nothing(forum: ForumSimulator, listing: OddListing) -> None:
    async with serve(listing) as url:
        with pytest.raises(TransientError, match="changed its format"):
            await drain(ForumStage(forum, url).connector())


async def test_json_that_is_no_listing_is_said_to_be_none(forum: ForumSimulator) -> None:
    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"status": "ok"})(scope, receive, send)

    async with serve(other) as url:
        with pytest.raises(TransientError, match="that of a Discourse forum"):
            await drain(ForumStage(forum, url).connector())


async def test_an_empty_answer_in_the_middle_of_a_walk_is_not_taken_for_its_end(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(200)))
    connector, done = stage.connector(), Drained()
    pages = connector.pages(None)
    done.records.extend((await anext(pages)).records)
    stage.forum.fail_next("empty")
    done.records.extend([record async for page in pages for record in page.records])
    assert len(ids(done)) == 200


async def test_an_empty_answer_that_looks_fine_moves_nothing_and_is_said(current: ForumStage) -> None:
    current.says("one", "two")
    connector, done = current.connector(), Drained()
    await polled(connector, done, 1)
    current.forum.fail_next("empty")
    with pytest.raises(TransientError, match="lists no post any more"):
        await poll(connector, done)
    current.says("three")
    await poll(connector, done)
    assert texts(connector, done.records) == ["one", "two", "three"]
    assert deletions(connector, done) == []


@pytest.mark.parametrize("fault", ["503", "latin1", "500"])
async def test_an_answer_that_is_no_good_is_asked_for_again(stage: ForumStage, fault: Fault) -> None:
    stage.says("one")
    stage.forum.fail_next(fault)
    with pytest.raises(TransientError):
        await drain(stage.connector())
    connector = stage.connector()
    assert texts(connector, (await drain(connector)).records) == ["one"]


@pytest.mark.parametrize("fault", ["429_json", "429_text"])
async def test_both_kinds_of_429_are_understood(current: ForumStage, fault: Fault) -> None:
    current.forum.fail_next(fault, wait=23)
    with pytest.raises(ThrottledError) as told:
        await drain(current.connector())
    assert told.value.retry_after == 24


async def test_a_bot_filter_is_reported_as_such(current: ForumStage) -> None:
    current.forum.fail_next("html")
    with pytest.raises(AuthError, match="blocks us"):
        await drain(current.connector())


async def test_a_forum_that_wants_a_login_asks_for_a_key(current: ForumStage) -> None:
    current.forum.login_required = True
    with pytest.raises(AuthError, match="guests"):
        await drain(current.connector(api_key=None))


async def test_a_guest_reads_an_open_forum(stage: ForumStage) -> None:
    stage.says("open to all")
    connector = stage.connector(api_key=None)
    assert texts(connector, (await drain(connector)).records) == ["open to all"]


async def test_the_key_stands_in_no_url(current: ForumStage) -> None:
    current.says("one")
    await drain(current.connector())
    assert KEY not in " ".join(current.forum.requests)


async def test_a_renewed_key_is_taken_up_without_a_restart(
    current: ForumStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    current.says("one")
    connector, done = current.connector(), Drained()
    current.forum.api_key = "renewed-key"
    with pytest.raises(AuthError):
        await poll(connector, done)
    monkeypatch.setenv("FORUM_KEY", "renewed-key")
    await poll(connector, done)
    assert texts(connector, done.records) == ["one"]


async def test_a_forum_in_a_subfolder_is_read_and_linked(forum: ForumSimulator) -> None:
    forum.subfolder = "/community"
    forum.__post_init__()
    async with serve(forum.app) as url:
        stage = ForumStage(forum, url + "/community/")
        forum.says("lin", "hello", title="First steps")
        connector = stage.connector()
        (post,) = posts(connector, (await drain(connector)).records).values()
    assert post.permalink == f"{url}/community/t/first-steps/501/1"
    assert connector.space == f"discourse/{url.removeprefix('http://')}/community"
    assert connector.channel == "forum"


async def test_private_messages_are_read_only_if_wanted_and_never_public(stage: ForumStage) -> None:
    stage.says("public question")
    stage.forum.writes_elsewhere(70)
    stage.forum.says("lin", "private question", private=True)
    stage.forum.writes_elsewhere(70)
    stage.says("another public question")
    closed, opened = stage.connector(), stage.connector(private_messages=True)
    without = posts(closed, (await drain(closed)).records).values()
    including = posts(opened, (await drain(opened)).records).values()
    assert {post.text for post in without} == {"public question", "another public question"}
    assert {post.text for post in including if not post.public} == {"private question"}


async def test_private_messages_that_never_came_cost_one_request(current: ForumStage) -> None:
    current.says(*(f"text {number}" for number in range(200)))
    done = await drain(current.connector(private_messages=True))
    before = current.forum.requests.count("/private-posts.json")
    await drain(current.connector(private_messages=True), done)
    assert current.forum.requests.count("/private-posts.json") == before + 1


async def test_check_says_as_whom_we_read_and_what_is_missing(current: ForumStage) -> None:
    current.says("one")
    async with current.connector(private_messages=True, webhook_secret=None) as connector:
        findings = await connector.check()
    assert [(finding.level, finding.text.split(":")[0]) for finding in findings] == [
        ("ok", "acting for the user system"),
        ("ok", "the newest post was written at 2026-03-14T08"),
        ("warning", "answers would be written as system, whose posts are never listed"),
        ("ok", "private messages can be read"),
        ("warning", "no webhook_secret"),
    ]


async def test_the_cursor_stays_small(stage: ForumStage) -> None:
    stage.says(*(f"text {number}" for number in range(600)))
    done = await drain(stage.connector())
    assert done.cursor is not None
    assert len(Place.of(done.cursor["public"]).seen) <= 200
    assert len(str(done.cursor)) < 6000


@pytest.mark.parametrize("limiter", ["json", "text"])
async def test_a_forum_that_allows_few_calls_is_read_whole_in_several_polls(
    current: ForumStage, limiter: Literal["json", "text"]
) -> None:
    current.says(*(f"text {number}" for number in range(200)))
    current.forum.budget, current.forum.limiter = 4, limiter
    done = Drained()
    waits = await patiently(current, done, polls=8)
    connector = current.connector()
    assert set(posts(connector, done.records)) == set(current.forum.truth())
    assert len(ids(done)) == 200
    assert 55 <= waits[0] <= 62


async def patiently(stage: ForumStage, done: Drained, *, polls: int) -> list[float]:
    """Poll, and wait as long as we are told; pages before a failure count as committed. Returns the waits."""
    waits = [0.0]
    stage.forum.monotonic = lambda: sum(waits)
    for _ in range(polls):
        try:
            async for page in stage.connector().pages(done.cursor):
                done.records.extend(page.records)
                done.cursor = page.cursor
        except ThrottledError as told:
            waits.append(told.retry_after)
    return waits[1:]


async def test_two_sources_with_one_key_keep_its_pace_together(current: ForumStage) -> None:
    current.says(*(f"text {number}" for number in range(120)))
    slept: list[float] = []

    async def no_time(seconds: float) -> None:
        slept.append(seconds)

    pacing = Pacing(clock=lambda: 0.0, sleep=no_time)
    config = current.connector(calls_per_minute=4).config
    for name in ("forum", "forum-again"):
        async with Discourse(name, config, since=SINCE, pacing=pacing) as connector:
            await poll(connector, Drained())
    assert len(current.forum.requests) > 4
    assert slept[0] == 60


async def test_a_webhook_call_is_sent_again_until_it_is_taken(forum: ForumSimulator) -> None:
    taken: list[bytes] = []

    async def desk(request: Request) -> Response:
        taken.append(await request.body())
        return Response(status_code=503 if len(taken) == 1 else 200)

    connector = ForumStage(forum, "http://127.0.0.1:9").connector()
    async with serve(Starlette(routes=[Route("/hooks/forum", desk, methods=["POST"])])) as url:
        forum.hooks.url = f"{url}/hooks/forum"
        forum.says("lin", "私钥丢了 😡")
        (headers, body) = forum.hooks.pending[0]
        async with httpx.AsyncClient() as client:
            await forum.hooks.deliver(client)
            await forum.hooks.deliver(client)
    assert taken == [body, body]
    assert forum.hooks.pending == []
    push = Push("POST", {name.lower(): value for name, value in headers.items()}, {}, taken[1])
    assert texts(connector, connector.receive(push).records) == ["私钥丢了 😡"]


async def test_a_webhook_and_a_poll_give_the_same_post(current: ForumStage) -> None:
    connector = current.connector()
    pushed = posts(connector, connector.receive(current.push("the same")).records)
    assert pushed == posts(connector, (await drain(connector)).records)


class ForumReplyStage(ForumStage):
    """The forum as the suite of answers plays it."""

    comes_back = True
    now = NOW

    async def asked(self) -> Asked:
        self.says("转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[dict[str, Any]]:
        return (await drain(self.connector())).records

    def connector(self, **settings: Any) -> Discourse:
        return super().connector(api_user="helper", **settings)

    def unreachable(self) -> Discourse:
        return self.connector(url="http://127.0.0.1:9")

    def said(self) -> list[str]:
        return [post.text for post in self.forum._posts.values() if post.user.username == "helper"]

    def loses_receipt(self) -> None:
        self.forum.writing.loses.append("reset")

    def fails_next(self) -> None:
        self.forum.writing.refuses.append("broken")

    def refuses(self) -> None:
        self.forum.writing.refuses.append("similar")

    def asks_to_wait(self, seconds: int) -> None:
        self.forum.writing.waits = seconds


class TestForumReplies(ReplyContract):
    @pytest.fixture
    async def reply_stage(self, forum: ForumSimulator) -> AsyncIterator[ForumReplyStage]:
        async with serve(forum.app) as url:
            stage = ForumReplyStage(forum, url)
            yield stage
            await stage.aclose()


@pytest.mark.parametrize(
    ("refusal", "why"),
    [("short", "too_short"), ("similar", "repeated"), ("closed", "closed"), ("forbidden", "no_right")],
)
async def test_a_forums_refusal_is_named_by_what_to_do(forum: ForumSimulator, refusal: Refusal, why: str) -> None:
    forum.writing.refuses.append(refusal)
    async with serve(forum.app) as url:
        stage = ForumReplyStage(forum, url)
        async with an_answer(stage) as (connector, outgoing):
            with pytest.raises(ReplyRefusedError) as told:
                await connector.reply(outgoing)
        await stage.aclose()
    assert told.value.why == why


@pytest.mark.parametrize(("since", "tells"), [(75, None), (85, CANNOT_TELL)])
async def test_an_answer_is_not_there_only_where_the_topic_was_read_back_to_the_question(
    forum: ForumSimulator, since: int, tells: str | None
) -> None:
    """In the topic of an incident much is said until a service is back."""
    async with serve(forum.app) as url:
        stage = ForumReplyStage(forum, url)
        async with an_answer(stage) as (connector, outgoing):
            for number in range(since):
                forum.says("omar", f"me too, {number}", reply_to=1001)
            assert await connector.find_sent(outgoing) == tells
        await stage.aclose()


async def test_an_answer_is_found_below_which_much_was_said(forum: ForumSimulator) -> None:
    async with serve(forum.app) as url:
        stage = ForumReplyStage(forum, url)
        async with an_answer(stage) as (connector, outgoing):
            sent = await connector.reply(outgoing)
            for number in range(25):
                forum.says("omar", f"me too, {number}", reply_to=1001)
            assert await connector.find_sent(outgoing) == sent
        await stage.aclose()


async def test_the_same_words_to_somebody_else_are_not_taken_for_this_answer(forum: ForumSimulator) -> None:
    async with serve(forum.app) as url:
        stage = ForumReplyStage(forum, url)
        async with an_answer(stage) as (connector, outgoing):
            forum.says("helper", TEXT, reply_to=forum.says("omar", "me too", reply_to=1001))
            assert await connector.find_sent(outgoing) is None
            sent = await connector.reply(outgoing)
            forum.says("helper", TEXT, reply_to=1002)
            assert await connector.find_sent(outgoing) == sent
        await stage.aclose()


@pytest.mark.parametrize(("number", "tells"), [(1, Sent), (2, str)])
async def test_the_same_words_to_nobody_by_name_answer_the_first_post_and_may_answer_another(
    forum: ForumSimulator, number: int, tells: type
) -> None:
    async with serve(forum.app) as url:
        stage = ForumReplyStage(forum, url)
        async with an_answer(stage) as (connector, outgoing):
            forum.says("helper", TEXT, topic=outgoing.to.record["topic_id"])
            to = replace(outgoing.to, record=outgoing.to.record | {"post_number": number})
            assert isinstance(await connector.find_sent(replace(outgoing, to=to)), tells)
        await stage.aclose()


async def test_a_guest_is_told_before_writing_that_the_forum_takes_nothing_from_here(current: ForumStage) -> None:
    current.says("转账没到")
    guest = current.connector(api_key=None)
    asked = asked_in(guest, (await drain(guest)).records)
    assert guest.reply_window(asked, NOW).why == "no_credential"


async def test_check_says_that_what_system_answers_is_never_listed(current: ForumStage) -> None:
    async def told(user: str) -> bool:
        findings = await current.connector(api_user=user).check()
        return any("written as system" in finding.text for finding in findings)

    assert (await told("system"), await told("helper")) == (True, False)
