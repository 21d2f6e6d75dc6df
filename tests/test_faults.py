"""What can go wrong at every step between a platform and the database: nothing is lost, nothing is there twice, and no
other source is disturbed."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.backup import DATABASE
from aggregator.listener import serve
from aggregator.store.database import Database, StoreError
from aggregator.unread import TOLD_OF
from aggregator.workplace import Workplace
from connectors import telegram
from connectors.discourse import DEEP_EVERY
from connectors.telegram import bot_api
from tests.conftest import Community, Hands, poll

Change = Callable[[str, dict[str, Any]], None]

POSTS = 55  # two pages of the forum, three of the group
STEPS = (1, 2, 3)  # requests of a first poll
POLLS = 3  # until a fault must be forgotten
# What happens everywhere strikes in tests/test_faults_of_channels.py, too.
FORUM_FAULTS = ("reset", "503", "429_text", "html", "403", "latin1", "empty")
TELEGRAM_FAULTS = ("reset", "429", "409_poller", "401", "html")


@dataclass
class Between:
    """Stands between a platform and its clients: `happens` at the request number `at`; `changes` every answer."""

    platform: ASGIApp
    at: int = 0
    happens: Callable[[], None] = lambda: None
    changes: Callable[[Any], Any] | None = None
    requests: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests += 1
            if self.requests == self.at:
                self.happens()
        await self.platform(scope, receive, self._changed(send) if self.changes else send)

    def _changed(self, send: Send) -> Send:
        change, begun = self.changes, Counter[str]()
        start: list[Message] = []

        async def changing(message: Message) -> None:
            assert change is not None
            if message["type"] == "http.response.start":
                start.append(message)
                return
            begun["bodies"] += 1
            body = orjson.dumps(change(orjson.loads(message["body"])))
            headers = [(name, value) for name, value in start[0]["headers"] if name != b"content-length"]
            headers.append((b"content-length", str(len(body)).encode()))
            await send({**start[0], "headers": headers})
            await send({**message, "body": body})

        return changing


def people_talk(community: Community, posts: int = POSTS) -> None:
    """On both platforms, with answers and edits."""
    for number in range(posts):
        community.clock.pass_(seconds=7)
        community.forum.says(f"user{number % 9}", f"转账 {number} 失败 my swap {number} failed")
        said = community.telegram.says(f"user{number % 5}", f"提现 {number} 没到账 deposit {number} is missing")
        if number % 10 == 3:
            community.telegram.edits(said, f"deposit {number} is still missing")


async def recovered(work: Workplace) -> None:
    """As many polls as it takes; a person has renewed what was expired."""
    for _ in range(POLLS):
        await poll(work)


def assert_all_is_there(community: Community, work: Workplace, *, vouched: bool = True) -> None:
    """Every post of both platforms exactly once, with its words, and both sources in good health; and, but for
    `vouched`, no time is left for which we cannot vouch."""
    for source, truth in (("forum", community.forum.truth()), ("telegram", community.telegram.truth())):
        rows = work.db.query(
            "SELECT native_id, text FROM post WHERE source = ? AND deleted_at IS NULL ORDER BY native_id", [source]
        )
        assert rows == sorted((post.native_id, post.text) for post in truth.values())
    assert [source.state for source in work.poller.sources.values()] == ["ok", "ok"]
    if vouched:
        assert work.db.query("SELECT source FROM coverage WHERE state NOT IN ('complete', 'refetched')") == []
    assert work.db.query("FROM post ANTI JOIN record USING (post_id, version)") == []
    assert work.db.query("FROM post ANTI JOIN inquiry USING (inquiry_id)") == []
    assert work.db.query("SELECT post_id FROM record GROUP BY post_id, version HAVING count(*) > 1") == []


@asynccontextmanager
async def interposed(community: Community, forum: Between, telegram: Between) -> AsyncIterator[None]:
    async with serve(forum) as forum_url, serve(telegram) as telegram_url:
        community.forum_url, community.telegram_url = forum_url, telegram_url
        yield


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging answer is given up after a third of a second; Telegram is asked for twenty updates at a time."""
    monkeypatch.setattr(telegram, "FULL", 20)
    monkeypatch.setattr(bot_api, "ANSWER_WITHIN", 0.3)


# -- on the way -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FORUM_FAULTS)
async def test_a_fault_of_the_forum_loses_and_doubles_nothing(community: Community, fault: Any, step: int) -> None:
    forum = Between(community.forum.app, step, lambda: community.forum.fail_next(fault, wait=0))
    people_talk(community)
    async with interposed(community, forum, Between(community.telegram.app)), community.desk() as work:
        _, telegram = await poll(work)
        assert (telegram.state, telegram.failures) == ("ok", 0)
        assert work.db.query("SELECT count(*) FROM post WHERE source = 'telegram'") == [(POSTS,)]
        await recovered(work)
        assert forum.requests > step
        assert_all_is_there(community, work)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", TELEGRAM_FAULTS)
async def test_a_fault_of_telegram_loses_and_doubles_nothing(community: Community, fault: Any, step: int) -> None:
    telegram = Between(community.telegram.app, step, lambda: community.telegram.fail_next(fault, retry_after=1))
    people_talk(community)
    async with interposed(community, Between(community.forum.app), telegram), community.desk() as work:
        forum, _ = await poll(work)
        assert (forum.state, forum.failures) == ("ok", 0)
        assert work.db.query("SELECT count(*) FROM post WHERE source = 'forum'") == [(POSTS,)]
        await recovered(work)
        assert telegram.requests > step
        assert_all_is_there(community, work)


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of somebody who takes no calls: connections wait in a queue that is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("address", ["mute", "closed"])
async def test_a_platform_that_cannot_be_called_is_read_once_it_can(
    community: Community, address: str, request: pytest.FixtureRequest
) -> None:
    people_talk(community)
    telegram_url, community.telegram_url = community.telegram_url, request.getfixturevalue(address)
    async with community.desk() as work:
        forum, telegram = await poll(work)
        assert (forum.state, telegram.state) == ("ok", "failing")
        assert "cannot be reached" in telegram.message
        assert work.db.query("SELECT source FROM coverage WHERE state = 'gap'") == [("telegram",)]
    community.telegram_url = telegram_url
    async with community.desk() as work:
        await recovered(work)
        assert_all_is_there(community, work)


async def test_a_forum_that_takes_no_calls_keeps_nobody_else_waiting(community: Community, mute: str) -> None:
    people_talk(community)
    community.forum_url = mute
    async with community.desk() as work:
        forum, telegram = await poll(work)
        assert (forum.state, telegram.state) == ("failing", "ok")
        assert "did not answer within 2 s" in forum.message
        assert work.db.query("SELECT count(*) FROM post") == [(POSTS,)]


async def test_an_empty_answer_that_looks_fine_deletes_nothing_and_is_told(community: Community) -> None:
    people_talk(community)
    async with community.desk("forum") as work:
        await poll(work)
        community.forum.fail_next("empty")
        (source,) = await poll(work)
        assert "lists no post any more" in source.message
        await recovered(work)
        assert source.state == "ok"
        assert work.db.query("SELECT count(*), count(deleted_at) FROM post") == [(POSTS, 0)]


# -- in what is sent ------------------------------------------------------------------------------


def without(field: str, record: dict[str, Any]) -> None:
    record.pop(field, None)


def otherwise(field: str, record: dict[str, Any]) -> None:
    record[field] = {"was": record.get(field)}


def as_text(field: str, record: dict[str, Any]) -> None:
    record[field] = f"{record.get(field)}"


def with_more(field: str, record: dict[str, Any]) -> None:
    record[f"new_{field}"] = {"as": [field, 1, None]}


def in_listing(change: Change, field: str) -> Callable[[Any], Any]:
    """The change in each post that the forum lists."""

    def changed(answer: Any) -> Any:
        for post in answer.get("latest_posts", ()) if isinstance(answer, dict) else ():
            change(field, post)
        return answer

    return changed


def in_updates(change: Change, field: str) -> Callable[[Any], Any]:
    """The change in each message that Telegram delivers."""

    def changed(answer: Any) -> Any:
        for update in answer["result"] if isinstance(answer["result"], list) else ():
            change(field, update if field == "update_id" else update["message"])
        return answer

    return changed


def kept(work: Workplace, said: set[str]) -> Counter[str]:
    """How often each text is kept: as a post, or in a record that could not be read."""
    posts = [text for (text,) in work.db.query("SELECT text FROM post")]
    rejected = [body for (body,) in work.db.query("SELECT body FROM rejected_record")]
    return (
        Counter(posts)
        + Counter(dict.fromkeys(said, 0))
        + Counter(text for text in said.difference(posts) if any(text in body for body in rejected))
    )


FORUM_FIELDS = (
    "id", "name", "username", "created_at", "cooked", "post_number", "post_type", "updated_at", "reply_count",
    "reply_to_post_number", "reads", "topic_id", "topic_slug", "topic_title", "category_id", "primary_group_name",
    "version", "raw", "actions_summary", "moderator", "user_id", "hidden", "deleted_at", "user_deleted", "post_url",
)  # fmt: skip


@pytest.mark.parametrize("change", [without, otherwise, as_text, with_more])
async def test_whatever_the_forum_changes_in_its_posts_each_is_kept_once(community: Community, change: Change) -> None:
    forum, said = Between(community.forum.app), set()
    async with interposed(community, forum, Between(community.telegram.app)), community.desk() as work:
        for field in FORUM_FIELDS:
            forum.changes = in_listing(change, field)
            text = f"said when {field} was another"
            community.forum.says("lin", text)
            said.add(text)
            await poll(work)
        forum.changes = None
        await recovered(work)
        assert kept(work, said) == dict.fromkeys(said, 1)
        assert [source.state for source in work.poller.sources.values()] == ["ok", "ok"]


@pytest.mark.parametrize("change", [otherwise, as_text])
@pytest.mark.parametrize("field", ["created_at", "topic_id", "raw"])
async def test_what_a_passing_glitch_of_the_forum_made_unreadable_is_read_once_it_is_over(
    community: Community, change: Change, field: str
) -> None:
    forum = Between(community.forum.app)
    async with interposed(community, forum, Between(community.telegram.app)), community.desk("forum") as work:
        community.forum.says("lin", "before")
        await poll(work)
        forum.changes = in_listing(change, field)
        community.forum.says("lin", "said during the glitch")
        await poll(work)
        unreadable = work.db.query("SELECT count(*) FROM rejected_record WHERE resolved_at IS NULL")
        forum.changes = None
        for _ in range(DEEP_EVERY):
            await poll(work)
        texts = [text for (text,) in work.db.query("SELECT text FROM post ORDER BY native_id")]
        assert texts == ["before", "said during the glitch"]
        assert work.db.query("FROM rejected_record WHERE resolved_at IS NULL") == []
        assert unreadable in ([(0,)], [(1,)])
        assert work.poller.sources["forum"].state == "ok"


async def test_records_that_stay_unreadable_are_not_brought_again_and_again(community: Community) -> None:
    forum = Between(community.forum.app)
    async with interposed(community, forum, Between(community.telegram.app)), community.desk("forum") as work:
        forum.changes = in_listing(otherwise, "created_at")
        for number in range(TOLD_OF + 1):
            community.forum.says("lin", f"number {number}")
        await poll(work)
        (source,) = work.poller.sources.values()
        assert (source.state, len(source.unread)) == ("ok", TOLD_OF + 1)
        fetched = work.db.query("SELECT max(fetched_at), count(*) FROM rejected_record")
        community.clock.pass_(hours=1)
        for _ in range(2 * DEEP_EVERY):
            await poll(work)
        assert (source.state, len(source.unread)) == ("ok", TOLD_OF + 1)
        assert work.db.query("SELECT max(fetched_at), count(*) FROM rejected_record") == fetched


TELEGRAM_FIELDS = ("update_id", "message_id", "from", "chat", "date", "text")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (without, TELEGRAM_FIELDS[:-1]),  # who leaves out the text has said nothing
        (otherwise, TELEGRAM_FIELDS),
        (as_text, TELEGRAM_FIELDS),
        (with_more, TELEGRAM_FIELDS),
    ],
)
async def test_whatever_telegram_changes_in_its_messages_each_is_kept_once(
    community: Community, change: Change, fields: tuple[str, ...]
) -> None:
    telegram, said = Between(community.telegram.app), set()
    async with interposed(community, Between(community.forum.app), telegram), community.desk() as work:
        for field in fields:
            telegram.changes = in_updates(change, field)
            text = f"said when {field} was another"
            community.telegram.says("fox", text)
            said.add(text)
            await poll(work)
            telegram.changes = None
            await poll(work)
        await recovered(work)
        assert kept(work, said) == dict.fromkeys(said, 1)
        assert [source.state for source in work.poller.sources.values()] == ["ok", "ok"]


# -- in the clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(hours=-5), timedelta(days=-400)])
async def test_a_clock_that_jumps_and_comes_back_loses_and_doubles_nothing(
    community: Community, jump: timedelta
) -> None:
    ours = Hands()
    async with Workplace(community.settings(), clock=ours) as work:
        people_talk(community, 20)
        await poll(work)
        ours.now += jump
        people_talk(community, 20)
        await poll(work)
        ours.now -= jump
        people_talk(community, 20)
        await recovered(work)
        truth = [*community.forum.truth().values(), *community.telegram.truth().values()]
        assert sorted(work.db.query("SELECT native_id, text FROM post")) == sorted(
            (post.native_id, post.text) for post in truth
        )


# -- in the database ------------------------------------------------------------------------------


def rows(work: Workplace) -> list[list[tuple[Any, ...]]]:
    tables = ("record", "post", "account", "inquiry", "post_count", "rejected_record", "source_state")
    return [work.db.query(f"FROM {table} ORDER BY ALL") for table in tables]


@pytest.mark.parametrize("source", ["forum", "telegram"])
async def test_a_commit_that_the_database_refuses_leaves_no_half_page(community: Community, source: str) -> None:
    async with community.desk() as work:
        people_talk(community, 20)
        await poll(work)
        people_talk(community, 20)
        before = rows(work)
        with work.db.reading() as other:
            other.execute("BEGIN")
            other.execute("ALTER TABLE post ADD COLUMN another VARCHAR")
            with pytest.raises(StoreError, match="onflict"):
                await poll(work, source)
            other.execute("ROLLBACK")
        assert rows(work) == before
        await recovered(work)
        assert_all_is_there(community, work)


async def test_a_database_that_was_closed_says_so_and_the_next_desk_goes_on(community: Community) -> None:
    async with community.desk() as work:
        people_talk(community, 20)
        work.db.close()
        with pytest.raises(StoreError, match="the database is closed"):
            await poll(work)
    async with community.desk() as work:
        await recovered(work)
        assert_all_is_there(community, work)


def configured(community: Community) -> Path:
    """The community's sources as a file, for commands in a process of their own."""
    config = community.data.with_name("connectors.yaml")
    config.write_text(
        f"""\
data: {community.data}
web: {{port: 0}}
hooks: {{port: 0}}
sources:
  forum: {{connector: discourse, url: "{community.forum_url}", api_key: {{env: FORUM_KEY}}, calls_per_minute: 100000}}
  telegram:
    connector: telegram
    token: {{env: TELEGRAM_TOKEN}}
    api: {community.telegram_url}
    chats: [{community.telegram.group}]
    long_poll: 0
"""
    )
    return config


async def command(config: Path, *words: str, room: int) -> tuple[int, str]:
    """Run a command with no file longer than `room` bytes: how it ended, and what it told."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aggregator", *words, "--config", str(config)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    _, told = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode is not None
    return child.returncode, told.decode()


@pytest.mark.parametrize("room", [60_000, 150_000, 400_000])
@pytest.mark.parametrize("words", [("poll",), ("run",)])
async def test_a_disk_that_is_full_ends_a_command_in_words_and_loses_nothing(
    community: Community, words: tuple[str, ...], room: int
) -> None:
    async with community.desk() as work:
        await poll(work)
    people_talk(community, 400)
    ended, told = await command(configured(community), *words, room=room)
    assert ended == 1
    assert "the disk is full" in told
    assert "Traceback" not in told
    async with community.desk() as work:
        await recovered(work)
        # The command was told today's time, months after what it had read: for Telegram that is an outage.
        assert_all_is_there(community, work, vouched=False)


async def test_what_must_leave_the_disk_is_still_due_after_a_compaction_that_failed(community: Community) -> None:
    async with community.desk() as work:
        people_talk(community, 20)
        await poll(work)
        await work.db.write(lambda con: con.execute("INSERT INTO meta VALUES ('compact_due', '')").fetchall())
    ended, told = await command(configured(community), "compact", room=100_000)
    assert (ended, "could not be copied" in told) == (1, True)
    database = Database(community.data / DATABASE)
    assert database.query("SELECT key FROM meta WHERE key = 'compact_due'") == [("compact_due",)]
    database.compact()
    assert database.query("SELECT key FROM meta WHERE key = 'compact_due'") == []
    database.close()
