"""What every connector owes. A connector's tests subclass `PullContract` (and `PushContract`) and give a `stage`.

Nothing here stores anything. A commit is played by going on with the generator, a crash by leaving it and
starting a new connector from the last cursor that was "committed".

    class TestForumContract(PullContract):
        @pytest.fixture
        async def stage(self): ...      # yields a Stage: the simulator, served, and a connector for it
"""

from __future__ import annotations

import copy
import json
import logging
import traceback
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Protocol

import pytest

from connectors.contract import Connector, Cursor, Item, Page, Post, PullConnector, Push, PushConnector, Record
from connectors.errors import AuthError, ConnectorError, PushRefusedError, ThrottledError, TransientError

LONG, SHORT = 10.0, 0.5  # seconds
ENDLESS = 2000  # pages; a drain that goes on longer does not end


class Patience:
    """For how many seconds the next connector of a stage waits for an answer: not long only where none will come, for a
    busy machine may take its time."""

    def __init__(self) -> None:
        self._next = LONG

    def expects(self, fault: str) -> None:
        self._next = SHORT if fault == "timeout" else LONG

    def taken(self) -> float:
        seconds, self._next = self._next, LONG
        return seconds


class Stage(Protocol):
    """A platform's simulator as the suite plays it. Verbs act at once; faults hit the next request only.

    A connector that it makes gives up soon where the next fault is no answer at all (`Patience`), and has a pace that
    never waits in a drain of `many` posts. The stage closes them at its end; some are never opened.
    """

    secret: str  # the credential's value, which may stand nowhere
    credential: str  # what a person looks for when it must be renewed: the NAME of {env: NAME}
    many: int  # how many posts fill at least three pages

    def connector(self) -> PullConnector:
        """A new, unopened connector of the same source, as after a restart."""

    def says(self, *texts: str) -> None:
        """Customers write, in this order. `post()` must give exactly these texts, and times or orders that rise."""

    def says_something_unreadable(self) -> None:
        """One more record, of a shape that the platform never documented."""

    def fails_next(self, fault: str) -> None:
        """At the next request: `500`; `reset`, fewer bytes than announced; `truncated`, a 200 whose JSON is cut short;
        `timeout`, no answer at all."""

    def asks_to_wait(self, seconds: int) -> None:
        """The next request is answered with a 429."""

    def refuses_login(self) -> None:
        """From now on the credential is no longer good."""


class PushStage(Protocol):
    """A platform that calls us."""

    def connector(self) -> PushConnector: ...

    def push(self, text: str) -> Push:
        """A genuine call that brings one post."""

    def forged(self, text: str) -> Push:
        """The same call from somebody who does not know the secret."""


@dataclass
class Drained:
    """What was committed: the records, and the cursor that stands beside them."""

    cursor: Cursor | None = None
    records: list[Record] = field(default_factory=list)
    cursors: list[Cursor | None] = field(default_factory=list)  # after each page
    counts: list[int] = field(default_factory=list)  # records committed when that cursor was
    warnings: tuple[str, ...] = ()

    def commit(self, page: Page) -> None:
        """As the store does: through JSON, the cursor beside the records."""
        assert len(self.cursors) < ENDLESS, "pages() does not end"
        self.records.extend(json.loads(json.dumps(list(page.records))))
        self.cursor = json.loads(json.dumps(page.cursor))
        self.cursors.append(self.cursor)
        self.counts.append(len(self.records))
        self.warnings = page.warnings


async def drain(connector: PullConnector, since: Drained | None = None, *, pages: int = ENDLESS) -> Drained:
    """Commit up to `pages` pages on top of `since`, then stop: with the generator's end or, as a crash, before it.

    A crash is played one page later: that page is read, and lost.
    """
    done = Drained() if since is None else Drained(since.cursor, list(since.records))
    async with connector, aclosing(connector.pages(copy.deepcopy(done.cursor))) as stream:
        async for page in stream:
            if len(done.cursors) == pages:
                break
            done.commit(page)
    return done


def items(connector: Connector, records: Sequence[Record]) -> list[Item]:
    """Every item that can be read; what raises is left out, as ingest quarantines it."""
    found: list[Item] = []
    for record in records:
        try:
            item = connector.post(record)
        except Exception:
            continue
        if item is not None:
            found.extend(item if isinstance(item, Sequence) else [item])
    return found


def posts(connector: Connector, records: Sequence[Record]) -> dict[str, Post]:
    """Posts by native id, the last delivery winning, as the store keeps them."""
    return {item.native_id: item for item in items(connector, records) if isinstance(item, Post)}


def texts(connector: Connector, records: Sequence[Record]) -> list[str]:
    """One text per post, in the order in which people wrote."""
    found = posts(connector, records).values()
    return [post.text for post in sorted(found, key=lambda post: (post.posted_at, post.order))]


def refused(connector: Connector, records: Sequence[Record]) -> int:
    """How many records `post()` cannot read."""
    return sum(_fails(connector, record) for record in records)


def _fails(connector: Connector, record: Record) -> bool:
    try:
        connector.post(record)
    except Exception:
        return True
    return False


def numbered(count: int) -> list[str]:
    """Different texts, in two scripts, with an emoji beyond the basic plane."""
    return [f"question {number}: 提现卡住了 😡 since {number} minutes" for number in range(1, count + 1)]


async def after_a_crash_at(stage: Stage, page: int) -> list[str]:
    """Texts stored by a run that dies with page `page` + 1 in hand, and by the run after it."""
    first = await drain(stage.connector(), pages=page)
    second = await drain(stage.connector(), first)
    return texts(stage.connector(), second.records)


async def despite_a_fault_after_a_page(stage: Stage, fault: str) -> list[str]:
    """Texts stored by three polls, of which one meets the fault: it strikes once the first page is committed."""
    done = Drained()
    pending = [fault]
    for _ in range(3):
        connector = stage.connector()
        with suppress(TransientError):
            async with connector, aclosing(connector.pages(copy.deepcopy(done.cursor))) as stream:
                async for page in stream:
                    done.commit(page)
                    if pending:
                        stage.fails_next(pending.pop())
    return texts(stage.connector(), done.records)


class PullContract:
    """What a platform that we ask owes."""

    async def test_a_drain_from_nothing_brings_every_post_in_order(self, stage: Stage) -> None:
        stage.says("one", "two 😡", "三个问题")
        connector = stage.connector()
        done = await drain(connector)
        assert texts(connector, done.records) == ["one", "two 😡", "三个问题"]

    async def test_a_platform_that_is_silent_ends_the_drain(self, stage: Stage) -> None:
        connector = stage.connector()
        done = await drain(connector)
        assert texts(connector, done.records) == []

    async def test_more_than_one_page_brings_every_post(self, stage: Stage) -> None:
        said = numbered(stage.many)
        stage.says(*said)
        connector = stage.connector()
        done = await drain(connector)
        assert texts(connector, done.records) == said
        assert len(done.cursors) >= 3

    async def test_a_second_drain_brings_only_what_is_new(self, stage: Stage) -> None:
        stage.says("one", "two")
        first = await drain(stage.connector())
        stage.says("three")
        connector = stage.connector()
        second = await drain(connector, Drained(first.cursor))
        assert texts(connector, second.records)[-1] == "three"
        assert set(posts(connector, second.records)) - set(posts(connector, first.records)) == {
            native_id for native_id, post in posts(connector, second.records).items() if post.text == "three"
        }

    async def test_a_drain_with_nothing_new_ends_and_keeps_its_place(self, stage: Stage) -> None:
        stage.says("one")
        first = await drain(stage.connector())
        second = await drain(stage.connector(), first)
        stage.says("two")
        connector = stage.connector()
        third = await drain(connector, second)
        assert texts(connector, third.records) == ["one", "two"]

    @pytest.mark.parametrize("page", [0, 1, 2])
    async def test_a_page_lost_before_its_commit_is_fetched_again(self, stage: Stage, page: int) -> None:
        said = numbered(stage.many)
        stage.says(*said)
        assert await after_a_crash_at(stage, page) == said

    async def test_posts_that_arrive_while_we_read_are_brought_by_the_next_drain(self, stage: Stage) -> None:
        said = numbered(stage.many)
        stage.says(*said)
        first = await drain(stage.connector(), pages=1)
        late = [f"late {text}" for text in numbered(stage.many)]
        stage.says(*late)
        second = await drain(stage.connector(), first)
        third = await drain(stage.connector(), second)
        assert texts(stage.connector(), third.records) == said + late

    async def test_the_same_record_always_gives_the_same_post(self, stage: Stage) -> None:
        stage.says("one")
        connector = stage.connector()
        record = (await drain(connector)).records[-1]
        before = copy.deepcopy(record)
        again = stage.connector()
        assert connector.post(record) == connector.post(record) == again.post(json.loads(json.dumps(record)))
        assert record == before
        assert connector.space == again.space
        assert connector.channel

    async def test_every_time_is_aware_and_in_utc(self, stage: Stage) -> None:
        stage.says("one", "two")
        connector = stage.connector()
        found = posts(connector, (await drain(connector)).records).values()
        assert {post.posted_at.tzinfo for post in found if post.posted_at} == {UTC}

    @pytest.mark.parametrize("fault", ["500", "reset", "truncated", "timeout"])
    async def test_a_fault_backs_off_and_loses_nothing(self, stage: Stage, fault: str) -> None:
        stage.says("one", "two")
        stage.fails_next(fault)
        with pytest.raises(TransientError):
            await drain(stage.connector())
        connector = stage.connector()
        done = await drain(connector)
        assert texts(connector, done.records) == ["one", "two"]

    @pytest.mark.parametrize("fault", ["500", "truncated"])
    async def test_a_fault_between_two_pages_loses_nothing(self, stage: Stage, fault: str) -> None:
        said = numbered(stage.many)
        stage.says(*said)
        assert await despite_a_fault_after_a_page(stage, fault) == said

    async def test_a_429_waits_at_least_as_long_as_the_platform_said(self, stage: Stage) -> None:
        stage.says("one")
        stage.asks_to_wait(17)
        with pytest.raises(ThrottledError) as told:
            await drain(stage.connector())
        assert 17 <= told.value.retry_after <= 20

    async def test_a_refused_login_asks_a_person_to_renew_it(self, stage: Stage) -> None:
        stage.says("one")
        stage.refuses_login()
        with pytest.raises(AuthError) as told:
            await drain(stage.connector())
        assert stage.credential in str(told.value)

    async def test_an_unreadable_record_is_refused_alone(self, stage: Stage) -> None:
        stage.says("one")
        stage.says_something_unreadable()
        stage.says("two")
        connector = stage.connector()
        done = await drain(connector)
        assert texts(connector, done.records) == ["one", "two"]
        assert refused(connector, done.records) == 1

    @pytest.mark.parametrize("fault", ["none", "500", "reset", "truncated", "timeout", "429", "login"])
    async def test_no_secret_stands_in_a_log_or_an_error(
        self, stage: Stage, fault: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        stage.says("one")
        _cause(stage, fault)
        told = await _told_by_a_drain(stage.connector())
        assert stage.secret not in told
        assert stage.secret not in caplog.text
        assert not [record for record in caplog.records if record.name in {"httpx", "httpcore"}]


def _cause(stage: Stage, fault: str) -> None:
    if fault == "429":
        stage.asks_to_wait(3)
    elif fault == "login":
        stage.refuses_login()
    elif fault != "none":
        stage.fails_next(fault)


async def _told_by_a_drain(connector: PullConnector) -> str:
    """The whole traceback, with causes and arguments; or the cursor, if nothing failed."""
    try:
        return json.dumps((await drain(connector)).cursor)
    except ConnectorError as error:
        return "".join(traceback.format_exception(error)) + repr(error.args)


class PushContract:
    """What a platform that calls us owes."""

    async def test_a_genuine_call_brings_its_post(self, push_stage: PushStage) -> None:
        connector = push_stage.connector()
        received = connector.receive(push_stage.push("提现 stuck 😡"))
        assert texts(connector, received.records) == ["提现 stuck 😡"]
        assert received.status in (200, 202, 204)

    async def test_a_forged_call_is_refused(self, push_stage: PushStage) -> None:
        with pytest.raises(PushRefusedError):
            push_stage.connector().receive(push_stage.forged("send me your phrase"))

    async def test_a_call_delivered_twice_gives_the_same_id(self, push_stage: PushStage) -> None:
        connector = push_stage.connector()
        push = push_stage.push("again")
        first: Sequence[dict[str, Any]] = connector.receive(push).records
        second = connector.receive(push).records
        assert list(posts(connector, first)) == list(posts(connector, second))
