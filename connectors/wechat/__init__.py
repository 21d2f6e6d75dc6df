"""A WeChat official account (微信公众号): what people write to it, its articles' comments, its agents' chats.

API: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Overview.html
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Final, Literal, NoReturn

from connectors.contract import (
    Author,
    Cursor,
    Finding,
    Gap,
    Item,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
)
from connectors.errors import ConnectorError, PushRefusedError, ThrottledError, TransientError
from connectors.replying import Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.session import Pacing
from connectors.wechat import checking, comments, reading, replies
from connectors.wechat.account import Account
from connectors.wechat.articles import LONGEST_PAUSE, Shelf
from connectors.wechat.budget import Budget, midnight_after
from connectors.wechat.chats import Chats
from connectors.wechat.comments import NothingListedError
from connectors.wechat.config import WeChatConfig
from connectors.wechat.passive_replies import PassiveReplies
from connectors.wechat_api.callback import Callbacks
from connectors.wechat_api.errcode import NoSuchItemError, NotPermittedError, QuotaSpentError
from connectors.wording import worded

ATTEMPT: Final = timedelta(seconds=5)
CALLED_FOR: Final = timedelta(seconds=15)  # WeChat makes three attempts of five seconds, then drops a message
SPARED: Final = ATTEMPT  # the last two are so far apart, and the first may be cut off in its fifth second
ASKED_AGAIN: Final = 3600.0  # seconds after which an API that we may not call is tried again
NEW_ARTICLE: Final = frozenset({"PUBLISHJOBFINISH", "MASSSENDJOBFINISH"})
DAY: Final = 24 * 3600

Pages = AsyncGenerator[Page, None]


class WeChat(PullConnector, PushConnector, Replying):
    """Messages come as callbacks only; comments and agents' chats are polled.

    Cursor: `{"alive_at", "outage": the last time in which we did not run, "complete_to", "shelf": articles and how far
    each is read, "quota", "chats_to"}`, times in Unix seconds.
    """

    Config = WeChatConfig
    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"deletions", "history"})
    paces_itself: ClassVar[bool] = True  # what is counted are calls for comments; chats go on without them
    config: WeChatConfig

    def __init__(self, source: str, config: WeChatConfig, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        api = str(config.api).rstrip("/")
        self._account = Account(api, config.appid, config.secret, pacing=pacing, timeout=config.timeout)
        self._shelf = Shelf(config.places(), config.comments_for)
        self._budget = Budget()
        self._chats = Chats(self._account, customers_too=config.agent_chats == "all")
        self._chats_to = 0
        self._alive_at: float | None = None
        self._outage: list[float] = []  # from, to
        self._paused: dict[str, tuple[float, ConnectorError]] = {}  # part -> when to try again, and why not before
        self._passive_replies = PassiveReplies(config.passive_reply)
        self._is_first_poll = True
        self._is_known = False  # it was polled before this start
        self._good_at: datetime | None = None  # the last poll in which nothing was paused
        self._told: tuple[Cursor, tuple[str, ...]] | None = None  # what the last page of the last poll said
        self._look_for_articles = False

    @property
    def space(self) -> str:
        return f"wechat/{self.config.appid}"

    async def close(self) -> None:
        await self._account.aclose()

    # What we ask for

    async def pages(self, cursor: Cursor | None) -> Pages:
        """Comments of the newest article first, then chats; what the account may not read is a warning.

        Raises:
            NotPermittedError: nothing at all may be read.
            TransientError: a part could not be read; the others were.
            ThrottledError: nothing more may be read today.
        """
        now = self.clock()
        self._take_up(cursor or {})
        self._is_known = cursor is not None
        if self.config.callback_token:
            gaps = self._missed(now)
            self._alive_at = now.timestamp()
            if gaps:
                yield self._page((), *gaps)
        self._is_first_poll = False
        parts, trouble = self._parts(), None
        for name, part in parts.items():
            if now.timestamp() < self._paused.get(name, (0.0, None))[0] <= now.timestamp() + DAY:
                continue
            self._paused.pop(name, None)
            try:
                async for page in part(now):
                    yield page
            except NotPermittedError as error:
                self._paused[name] = now.timestamp() + ASKED_AGAIN, error
            except QuotaSpentError as error:
                self._paused[name] = midnight_after(now), error
            except ThrottledError:
                raise
            except TransientError as error:
                trouble = trouble or error
        if trouble is None:
            self._vouch(now)
        last = self._page(())
        if (last.cursor, last.warnings) != self._told:
            yield last
            self._told = last.cursor, last.warnings
        if trouble is not None:
            raise trouble
        if parts.keys() == self._paused.keys() != set() and not self.config.callback_token:
            self._give_up(now)

    def _give_up(self, now: datetime) -> NoReturn:
        """Every part is paused, and nothing comes by itself."""
        until, error = min(self._paused.values(), key=lambda paused: paused[0])
        self._paused.clear()  # whoever starts the source again wants it tried
        if isinstance(error, QuotaSpentError):
            raise ThrottledError(f"{self.source}: {error}", retry_after=until - now.timestamp())
        raise error

    def _parts(self) -> dict[str, Callable[[datetime], Pages]]:
        parts: dict[str, Callable[[datetime], Pages]] = {}
        if self.config.comments:
            parts["comments"] = self._comments
        if self.config.agent_chats != "none":
            parts["agent_chats"] = self._agent_chats
        return parts

    async def _comments(self, now: datetime) -> Pages:
        at = now.timestamp()
        await self._budget.ask(self._account, now)
        try:
            await self._shelf.restock(self._account, now)
        except QuotaSpentError:
            self._shelf.listed_at = at + LONGEST_PAUSE  # the articles that we know can still be read
        trouble = None
        for article in self._shelf.due(at):
            if self._budget.is_low and (article.published or 0.0) < at - DAY:
                continue

            listed = partial(self._listed, article.msg_data_id, article.index)
            try:
                async for records in comments.news(article, listed, self.since.timestamp(), at):
                    yield self._page(records)
            except NoSuchItemError:
                article.looked_at, article.next_at = at, at + LONGEST_PAUSE
            except NothingListedError as error:
                trouble = trouble or error
        if trouble is not None:
            raise trouble

    async def _listed(self, msg_data_id: int, index: int, begin: int) -> tuple[list[Record], int]:
        now = self.clock()
        self._budget.spend(now)
        try:
            return await self._account.comments(msg_data_id, index, begin)
        except QuotaSpentError:
            self._budget.is_spent(now)
            raise

    async def _agent_chats(self, now: datetime) -> Pages:
        if self._chats_to > now.timestamp():  # the clock was wrong then
            self._chats_to = int(self.since.timestamp())
        async for records, to in self._chats.news(self._chats_to, int(now.timestamp())):
            self._chats_to = to
            yield self._page(records)

    def _take_up(self, cursor: Cursor) -> None:
        self._shelf.load(cursor.get("shelf", {}))
        self._budget.load(cursor.get("quota", ()))
        self._chats_to = cursor.get("chats_to", int(self.since.timestamp()))
        self._alive_at, self._outage = cursor.get("alive_at"), cursor.get("outage", [])
        if (complete_to := cursor.get("complete_to")) is not None:
            self.complete_to = datetime.fromtimestamp(complete_to, UTC)
        if self._look_for_articles:
            self._look_for_articles, self._shelf.listed_at = False, 0.0

    def _vouch(self, now: datetime) -> None:
        """Articles are looked at in turn; while a part is paused we vouch for nothing further."""
        if not self._paused:
            to = self._shelf.complete_to(self.since.timestamp()) if self.config.comments else None
            self._good_at = now
            self.complete_to = None if to is None else datetime.fromtimestamp(to, UTC)
        elif self.complete_to is None:
            self.complete_to = self._good_at or (self._read_to(now) if self._is_known else self.since)

    def _read_to(self, now: datetime) -> datetime:
        """Until when everything had been read before this start."""
        read = [now.timestamp()]
        if self.config.comments:
            looked = self._shelf.complete_to(self.since.timestamp())
            read.append(self._shelf.listed_at if looked is None else looked)
        if self.config.agent_chats != "none":
            read.append(self._chats_to)
        return max(self.since, datetime.fromtimestamp(min(read), UTC))

    def _missed(self, now: datetime) -> tuple[Gap, ...]:
        """The time in which we may not have run: no message of it is sent again."""
        if not self._is_first_poll:
            return ()
        # Where no poll was ever committed, we ran last when the source was first started.
        started = self.since + self.config.backfill
        before = datetime.fromtimestamp(self._alive_at, UTC) if self._alive_at else min(started, now)
        # The attempts may meet one short outage after the other.
        if self._outage and before.timestamp() - self._outage[1] <= CALLED_FOR.total_seconds():
            before = datetime.fromtimestamp(self._outage[0], UTC)
        self._outage = [before.timestamp(), now.timestamp()]
        if now - before <= SPARED:
            return ()
        began = before - ATTEMPT  # whose answer we did not live to give
        return (Gap(began, now, "messages to the account that came while we did not run are not sent again"),)

    def _page(self, records: Sequence[Record], *gaps: Gap) -> Page:
        cursor = {
            "alive_at": self._alive_at,
            "outage": self._outage,
            "complete_to": self.complete_to and self.complete_to.timestamp(),
            "shelf": self._shelf.stored(),
            "quota": self._budget.stored(),
            "chats_to": self._chats_to,
        }
        return Page(records, cursor, gaps=gaps, warnings=self._warnings(), quota=self._budget.quota())

    def _warnings(self) -> tuple[str, ...]:
        told = [f"{name}: {error}" for name, (_, error) in self._paused.items()]
        if self._shelf.unplaced:
            told.append(
                worded(
                    f"{self._shelf.unplaced} articles have a short address, which does not say how to ask for their "
                    "comments: tomorrow's statistics do, or name them under `articles`"
                )
            )
        return tuple(told)

    # What calls us

    def receive(self, push: Push) -> Received:
        """https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html"""
        door = self._door()
        if door is None:
            raise PushRefusedError("a callback came, but callback_token is not configured: nothing is accepted")
        if push.method == "GET":
            return Received((), body=door.echo(push))
        message = door.message(push)
        self._look_for_articles = new = str(message.get("Event")) in NEW_ARTICLE or self._look_for_articles
        records = [message if "unreadable" in message else {"message": message}]
        reply = self._passive_replies.to(message, self.clock())
        if reply is None or push.body.lstrip().startswith(b"{"):  # replies are documented in XML only
            return Received(records, body=b"success", poll=new)
        return Received(records, body=door.reply(**reply), content_type="application/xml; charset=utf-8", poll=new)

    def _door(self) -> Callbacks | None:
        config = self.config
        if config.callback_token is None:
            return None
        return Callbacks(config.callback_token, config.encoding_aes_key, config.appid, self.clock)

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return reading.item(record)

    # Answering

    @property
    def _agents_are_read(self) -> bool:
        return self.config.agent_chats != "none"

    def reply_window(self, asked: Asked, now: datetime) -> Window:
        return replies.window(asked, now, agents_are_read=self._agents_are_read)

    async def reply(self, outgoing: Outgoing) -> Sent:
        return await replies.reply(self._account, outgoing, self._listed, self.clock())

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        now = self.clock()
        return await replies.find(self._account, outgoing, self._listed, now, agents_are_read=self._agents_are_read)

    def is_own(self, author: Author) -> bool:  # noqa: ARG002  # our replies and agents' rows are told as such
        return False

    async def check(self) -> Sequence[Finding]:
        now = self.clock()
        found = await checking.login(self._account, self.config.appid, self._budget, now)
        if self.config.comments:
            found.append(await checking.comments(self._account, self._shelf, now))
        if self.config.agent_chats != "none":
            found.append(await checking.agent_chats(self._account, int(now.timestamp())))
        door = self._door()
        if door is None:
            found.append(Finding("warning", "no callback_token: what people write to the account is not received"))
        else:
            found += door.findings()
        return found
