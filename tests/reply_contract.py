"""What every connector owes that can answer. Its tests subclass `ReplyContract` and give a `reply_stage`.

class TestForumReplies(ReplyContract):
    @pytest.fixture
    async def reply_stage(self): ...    # yields a ReplyStage: the simulator, served, and a connector for it
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from aggregator.config import Settings
from aggregator.outbox import Row, Sender
from aggregator.outbox.outbox import HOLD
from aggregator.outbox.row import of_inquiry
from aggregator.workplace import Workplace
from connectors.contract import Connector, Post, Record
from connectors.errors import AuthError, ConnectorError, NotSentError, ReplyRefusedError, ThrottledError
from connectors.replying import CANNOT_TELL, WHYS, Asked, Outgoing, Replying, Sent
from tests.conftest import open_inquiries
from tests.contract_suite import items

TEXT = "请把交易哈希发给我们 🙏 we look at it at once."
KEY = "3f2a9c1e7b5d4860a1c2e3f405162738"
SURELY_NOT = (ReplyRefusedError, AuthError, NotSentError, ThrottledError)


class ReplyStage(Protocol):
    """A platform's simulator as this suite plays it."""

    secret: str  # the credential's value, which may stand nowhere
    credential: str  # what a person looks for when it must be renewed
    comes_back: bool  # whether what we send is brought by `fetched`
    now: datetime  # of the platform

    def connector(self) -> Replying:
        """A new, unopened connector of the same source, as after a restart; with a short time-out."""

    def unreachable(self) -> Replying:
        """The same where nothing listens."""

    async def asked(self) -> Asked:
        """A customer writes, and it was fetched. See `asked_in`."""

    async def fetched(self) -> Sequence[Record]:
        """All records that the platform brings now, by polling or by its calls."""

    def said(self) -> list[str]:
        """The texts of ours that the platform has, in order."""

    def loses_receipt(self) -> None:
        """The next answer is taken, but what says so never comes."""

    def fails_next(self) -> None:
        """The connection breaks while the next answer is sent, which is not taken."""

    def refuses(self) -> None:
        """The next answer is refused, in the platform's words."""

    def asks_to_wait(self, seconds: int) -> None:
        """The next answer is refused because there are too many."""

    def refuses_login(self) -> None:
        """From now on the credential is no longer good."""


def asked_in(connector: Connector, records: Sequence[Record], **more: object) -> Asked:
    """The newest customer's post of these records, as the store would give it."""
    said = [(item, record) for record in records for item in items(connector, [record]) if isinstance(item, Post)]
    post, record = max(said, key=lambda each: (each[0].posted_at or datetime.min.replace(tzinfo=UTC), each[0].order))
    return Asked(
        native_id=post.native_id,
        posted_at=post.posted_at or datetime.min.replace(tzinfo=UTC),
        record=record,
        author=post.author.native_id if post.author else None,
        title=post.title,
        text=post.text,
        public=post.public,
        can_reply_until=post.can_reply_until,
    )


def thread_of(connector: Connector, asked: Asked) -> str | None:
    said = items(connector, [asked.record])
    return next(item.thread for item in said if isinstance(item, Post) and item.native_id == asked.native_id)


class Later:
    """The platform's clock, and what passes at the desk besides."""

    def __init__(self, stage: ReplyStage) -> None:
        self._stage = stage
        self._passed = timedelta(0)

    def __call__(self) -> datetime:
        return self._stage.now + self._passed

    def passes(self, seconds: float) -> None:
        self._passed += timedelta(seconds=seconds)


@dataclass
class Desk:
    """A workplace that has nothing but the stage's source."""

    stage: ReplyStage
    work: Workplace
    clock: Later
    source: str

    async def reads(self) -> None:
        """All that the platform tells now, be it for the first time or again."""
        await self.work.ingest.pushed(self.work.origins[self.source], await self.stage.fetched())

    async def answers(self, text: str = TEXT) -> None:
        """A colleague writes, and it is sent."""
        ((inquiry,),) = self.work.db.query("SELECT inquiry_id FROM inquiry")
        await self.work.outbox.send(inquiry.bytes, "amy", text, "")
        self.clock.passes(HOLD)
        await Sender(self.work.outbox).send_due(until_done=True)

    def row(self) -> Row:
        ((inquiry,),) = self.work.db.query("SELECT inquiry_id FROM inquiry")
        with self.work.db.reading() as con:
            (row,) = of_inquiry(con, inquiry.bytes)
        return row

    def ours(self) -> list[tuple[bool]]:
        """Whether each stored post that says what we answered counts as ours."""
        posts = self.work.db.query("SELECT text, staff FROM post")
        return [(staff,) for text, staff in posts if text.split() == TEXT.split()]


@asynccontextmanager
async def a_desk(stage: ReplyStage, data: Path):
    """A customer has asked, and it was read."""
    connector, clock = stage.connector(), Later(stage)
    settings = Settings(sources={connector.source: connector.config}, data=data)
    async with Workplace(settings, clock=clock) as work:
        await stage.asked()
        desk = Desk(stage, work, clock, connector.source)
        await desk.reads()
        yield desk


@asynccontextmanager
async def an_answer(stage: ReplyStage, connector: Replying | None = None):
    """An open connector, and an answer to what was asked."""
    asked = await stage.asked()
    async with connector or stage.connector() as replying:
        yield replying, Outgoing(KEY, TEXT, asked, "amy", stage.now)


class ReplyContract:
    """What a connector owes that can answer."""

    async def test_an_answer_is_sent_once_and_named(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            assert connector.reply_window(outgoing.to, reply_stage.now).why is None
            sent = await connector.reply(outgoing)
        assert isinstance(sent, Sent)
        assert reply_stage.said() == [TEXT]

    async def test_an_answer_that_comes_back_is_known_as_ours(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            sent = await connector.reply(outgoing)
            back = [
                item
                for item in items(connector, await reply_stage.fetched())
                if isinstance(item, Post) and item.text.split() == TEXT.split()
            ]
            assert bool(back) is reply_stage.comes_back
            # By its id, else by thread, author and text.
            assert all(sent.native_id in (None, post.native_id) for post in back)
            assert {post.thread for post in back} <= {thread_of(connector, outgoing.to)}
            assert all(post.author and (post.author.role == "staff" or connector.is_own(post.author)) for post in back)

    async def test_it_is_counted_once_whenever_it_comes_back(self, reply_stage: ReplyStage, tmp_path: Path) -> None:
        async with a_desk(reply_stage, tmp_path) as desk:
            await desk.answers()
            assert (desk.row().state, reply_stage.said()) == ("sent", [TEXT])
            await desk.reads()
            await desk.reads()
            assert desk.ours() == [(True,)] * reply_stage.comes_back
            assert (desk.row().arrived_at is not None) is reply_stage.comes_back
            assert [each["state"] for each in open_inquiries(desk.work)] == ["answered"]

    async def test_it_is_counted_once_though_its_receipt_was_lost(
        self, reply_stage: ReplyStage, tmp_path: Path
    ) -> None:
        async with a_desk(reply_stage, tmp_path) as desk:
            reply_stage.loses_receipt()
            await desk.answers()
            assert desk.row().state in ("sent", "unknown")
            await desk.reads()
            await desk.reads()
            assert desk.ours() == [(True,)] * reply_stage.comes_back
            assert desk.row().state in ("sent", "sent" if reply_stage.comes_back else "unknown")
            assert reply_stage.said() == [TEXT]

    async def test_a_customer_is_not_taken_for_us(self, reply_stage: ReplyStage) -> None:
        await reply_stage.asked()
        connector = reply_stage.connector()
        said = [item for item in items(connector, await reply_stage.fetched()) if isinstance(item, Post)]
        assert [post.text for post in said if post.author and connector.is_own(post.author)] == []

    async def test_a_lost_receipt_leaves_it_open_and_is_found_where_the_platform_can_tell(
        self, reply_stage: ReplyStage
    ) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            reply_stage.loses_receipt()
            with pytest.raises(Exception) as told:  # whatever it is, it says nothing for sure
                await connector.reply(outgoing)
            assert not isinstance(told.value, SURELY_NOT)
            assert reply_stage.said() == [TEXT]
        async with reply_stage.connector() as after:
            found = await after.find_sent(outgoing)
        assert isinstance(found, Sent) or found == CANNOT_TELL
        assert reply_stage.said() == [TEXT]

    async def test_what_was_never_sent_is_not_found(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            assert await connector.find_sent(outgoing) in (None, CANNOT_TELL)
        assert reply_stage.said() == []

    async def test_a_break_before_it_is_taken_says_nothing_for_sure_that_is_not_so(
        self, reply_stage: ReplyStage
    ) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            reply_stage.fails_next()
            with pytest.raises(ConnectorError) as told:
                await connector.reply(outgoing)
            assert not isinstance(told.value, ReplyRefusedError | AuthError)
        assert reply_stage.said() == []

    async def test_a_refusal_is_named(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            reply_stage.refuses()
            with pytest.raises(ReplyRefusedError) as told:
                await connector.reply(outgoing)
        assert told.value.why in WHYS
        assert reply_stage.said() == []

    async def test_a_platform_that_asks_to_wait_has_taken_nothing(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            reply_stage.asks_to_wait(17)
            with pytest.raises(ThrottledError) as told:
                await connector.reply(outgoing)
        assert told.value.retry_after >= 17
        assert reply_stage.said() == []

    async def test_a_refused_login_asks_a_person_to_renew_it(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage) as (connector, outgoing):
            reply_stage.refuses_login()
            with pytest.raises(AuthError) as told:
                await connector.reply(outgoing)
        assert reply_stage.credential in str(told.value)
        assert reply_stage.said() == []

    async def test_where_nothing_listens_nothing_was_sent(self, reply_stage: ReplyStage) -> None:
        async with an_answer(reply_stage, reply_stage.unreachable()) as (connector, outgoing):
            with pytest.raises(NotSentError):
                await connector.reply(outgoing)

    async def test_neither_the_secret_nor_the_text_stands_in_a_log_or_an_error(
        self, reply_stage: ReplyStage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        told = []
        async with an_answer(reply_stage) as (connector, outgoing):
            for trouble in (reply_stage.refuses, reply_stage.loses_receipt, reply_stage.refuses_login):
                trouble()
                try:
                    await connector.reply(outgoing)
                except Exception as error:
                    told += traceback.format_exception(error)
        said = "".join(told) + caplog.text
        assert told
        assert reply_stage.secret not in said
        assert "we look at it" not in said
