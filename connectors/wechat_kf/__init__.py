"""WeChat customer service (微信客服): its accounts' conversations, fetched when a callback says that there is news.

API: https://developer.work.weixin.qq.com/document/path/94638
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from pydantic import Field, HttpUrl, model_validator

from connectors.contract import (
    Author,
    Cursor,
    Duration,
    Finding,
    Item,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
    SourceConfig,
)
from connectors.errors import NotSentError, PushRefusedError, SourceGoneError, ThrottledError, TransientError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.session import Pacing
from connectors.wechat_api.callback import Callbacks
from connectors.wechat_api.errcode import NoSuchItemError, NotPermittedError
from connectors.wechat_kf import reading, replies
from connectors.wechat_kf.desk import Desk
from connectors.wechat_kf.nicknames import Nicknames
from connectors.wording import worded

TOKEN_LASTS: Final = timedelta(minutes=10)
UNASKED_FOR: Final = timedelta(minutes=2)  # without a token calls are strictly counted
LISTED_EVERY: Final = timedelta(hours=1)
NO_ACCOUNT: Final = "the secret sees no customer-service account: let it manage them (微信客服, API)"


@dataclass(slots=True)
class Place:
    """How far an account is read, and how many messages of the last second there were: WeChat numbers none."""

    cursor: str = ""
    second: int = 0
    count: int = 0

    def number(self, second: object) -> int:
        """The number of a message within its second, from 1."""
        self.count = self.count + 1 if second == self.second else 1
        self.second = second if isinstance(second, int) else 0
        return self.count


class WeChatKf(PullConnector, PushConnector, Replying):
    """A callback holds no message, only a token with which to fetch at once; without one we ask every few minutes.

    Cursor: `{"accounts": {open_kfid: [next_cursor, second of the last message, its number in that second]}}`.
    """

    class Config(SourceConfig):
        corpid: str = Field(pattern=r"^w[0-9A-Za-z]+$", description="The company's id (ww...).")
        secret: Secret = Field(description="The secret of 微信客服, not of another application.")
        callback_token: Secret | None = Field(
            default=None, description="Token of the callback; without one no callback is accepted."
        )
        encoding_aes_key: Secret | None = Field(default=None, description="EncodingAESKey of the callback.")
        accounts: frozenset[str] = Field(
            default=frozenset(), description="Read only these customer-service accounts, by open_kfid (wk...)."
        )
        api: HttpUrl = Field(
            default=HttpUrl("https://qyapi.weixin.qq.com"), description="Or a relay with a fixed address."
        )
        timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")
        poll_every: Duration = Field(
            default=timedelta(minutes=5),
            gt=timedelta(0),
            description="Time between two polls that no callback asked for.",
        )

        @model_validator(mode="after")
        def _fits(self) -> WeChatKf.Config:
            if (self.callback_token is None) != (self.encoding_aes_key is None):
                raise ValueError("callback_token and encoding_aes_key belong together: these callbacks are encrypted")
            return self

    retention: ClassVar[timedelta | None] = timedelta(days=3)
    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"history"})
    config: Config

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        api = str(config.api).rstrip("/")
        self._desk = Desk(api, config.corpid, config.secret, pacing=pacing, timeout=config.timeout)
        self._nicknames = Nicknames(self._desk)
        self._names: dict[str, str] = {}  # of the accounts, by open_kfid
        self._listed_at: datetime | None = None
        self._tokens: dict[str, tuple[str, datetime]] = {}  # by open_kfid: what the last callback brought, and when
        self._asked_at: dict[str, datetime] = {}
        self._gone: set[str] = set()
        self._unread: dict[str, NotPermittedError | TransientError] = {}  # why these could not be read
        self._refused_at: dict[str, datetime] = {}
        self._told: tuple[str, ...] = ()  # the warnings of the last page

    @property
    def space(self) -> str:
        return f"wechat_kf/{self.config.corpid}"

    @property
    def channel(self) -> str:
        return "wechat"

    async def close(self) -> None:
        await self._desk.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Those accounts first that a callback named; each as long as WeChat says that there is more.

        One that fails does not keep the others from being read; the poll fails after them, but where it may not be
        read while others may: that is a warning.

        Raises:
            SourceGoneError: none of the accounts exists any more.
            NotPermittedError: none that exists may be read.
            TransientError: the secret sees none, or the last account that failed.
        """
        places = {account: Place(*place) for account, place in (cursor or {}).get("accounts", {}).items()}
        now = self.clock()
        await self._list_accounts(now)
        trouble: TransientError | None = None
        for account in sorted(self._names, key=lambda each: (each not in self._tokens, each)):
            token = self._token(account, now)
            last = self._refused_at.get(account) or self._asked_at.get(account, now - UNASKED_FOR)
            # Asked in the future: the clock was wrong then.
            if not token and timedelta(0) <= now - last < UNASKED_FOR:
                continue
            self._refused_at.pop(account, None)
            try:
                async for records in self._news(account, places.setdefault(account, Place()), token):
                    yield self._page(places, records)
                self._gone.discard(account)
            except NoSuchItemError:
                self._gone.add(account)
            except NotPermittedError as error:
                self._unread[account], self._refused_at[account] = error, now
                continue
            except (ThrottledError, NotSentError):
                raise  # the others would meet with the same
            except TransientError as error:
                self._unread[account] = trouble = error
                continue
            self._unread.pop(account, None)
            self._asked_at[account] = now
        if self._told != self._warnings():
            yield self._page(places)
        self.complete_to = min((self._asked_at.get(each, self.since) for each in self._names), default=None)
        if self._names and self._gone >= self._names.keys():
            raise SourceGoneError(f"{self.source}: none of the customer-service accounts exists: correct `accounts`")
        if trouble is not None:
            raise trouble
        if self._names and self._gone | self._unread.keys() >= self._names.keys():
            raise next(error for account, error in self._unread.items() if account in self._names)

    def _page(self, places: Mapping[str, Place], records: Sequence[Record] = ()) -> Page:
        self._told = self._warnings()
        stored = {account: list(astuple(place)) for account, place in places.items()}
        return Page(records, {"accounts": stored}, warnings=self._told)

    async def _news(self, account: str, place: Place, token: str) -> AsyncGenerator[Sequence[Record], None]:
        more = True
        while more:
            before = place.cursor
            try:
                batch = await self._desk.synced(account, before, token)
            except TransientError:
                self._tokens.pop(account, None)  # it may be what WeChat dislikes; without one we only come later
                raise
            if batch.more and batch.cursor == before:
                raise TransientError("WeChat says that there is more, but its cursor does not move")
            await self._nicknames.learn(
                str(message["external_userid"]) for message in batch.messages if message.get("external_userid")
            )
            # An empty answer is not the end: more may follow.
            more, place.cursor = batch.more, batch.cursor
            if batch.messages or batch.cursor != before:
                yield [self._record(account, place, message) for message in batch.messages]

    def _record(self, account: str, place: Place, message: Record) -> Record:
        return {
            "message": message,
            "account": self._names.get(account, ""),
            "nickname": self._nicknames.of(str(message.get("external_userid"))),
            "order": place.number(message.get("send_time")),
        }

    def _token(self, account: str, now: datetime) -> str:
        token, at = self._tokens.get(account, ("", now))
        return token if now - at < TOKEN_LASTS else ""

    async def _list_accounts(self, now: datetime) -> None:
        is_new = bool(set(self._tokens) - self._names.keys())  # it was opened since we asked
        if not is_new and self._listed_at is not None and timedelta(0) <= now - self._listed_at < LISTED_EVERY:
            return
        wanted = self.config.accounts
        try:
            listed = await self._desk.accounts()
        except NotPermittedError:
            if not wanted:
                raise
            listed = {}  # only their names are missing
        if not (wanted or listed):
            raise TransientError(f"{self.source}: {NO_ACCOUNT}")
        # One that was named and is not listed is asked for all the same: then WeChat says what is wrong.
        self._names = {each: listed.get(each, "") for each in wanted} if wanted else listed
        self._listed_at = now

    def _warnings(self) -> tuple[str, ...]:
        told = [worded(f"the customer-service account {account} does not exist") for account in sorted(self._gone)]
        if len(self._names) > 1:
            told += [
                worded(f"the customer-service account {account} cannot be read: may the secret manage it?")
                for account in sorted(self._unread)
            ]
        if not self._nicknames.allowed:
            told.append(
                worded("customers' nicknames may not be read: give the secret the right to customers' basic data")
            )
        return tuple(told)

    def receive(self, push: Push) -> Received:
        """https://developer.work.weixin.qq.com/document/path/94670"""
        door = self._door()
        if door is None:
            raise PushRefusedError("a callback came, but callback_token is not configured: nothing is accepted")
        if push.method == "GET":
            return Received((), body=door.echo(push))
        fields = door.message(push)
        account, token = fields.get("OpenKfId"), fields.get("Token")
        if fields.get("Event") != "kf_msg_or_event" or not isinstance(account, str):
            return Received((), body=b"success")
        if self.config.accounts and account not in self.config.accounts:
            return Received((), body=b"success")
        self._tokens[account] = str(token or ""), self.clock()
        return Received((), body=b"success", poll=True)

    def _door(self) -> Callbacks | None:
        config = self.config
        if config.callback_token is None:
            return None
        return Callbacks(config.callback_token, config.encoding_aes_key, config.corpid, self.clock, encrypted_echo=True)

    def post(self, record: Record) -> Item | None:
        return reading.item(record)

    def reply_window(self, asked: Asked, now: datetime) -> Window:
        return replies.window(asked, now)

    async def reply(self, outgoing: Outgoing) -> Sent:
        return await replies.reply(self._desk, outgoing)

    async def find_sent(self, outgoing: Outgoing) -> CannotTell:  # noqa: ARG002  # what the API sends is never told
        return CANNOT_TELL

    def is_own(self, author: Author) -> bool:  # noqa: ARG002  # WeChat tells who is an agent
        return False

    async def check(self) -> Sequence[Finding]:
        listed = await self._desk.accounts()
        minutes = int(self._desk.token.good_for // 60)
        found = [Finding("ok", f"logged in as {self.config.corpid}; the access token is good for {minutes} minutes")]
        if not listed:
            found.append(Finding("failed", NO_ACCOUNT))
        for account in sorted(self.config.accounts or listed):
            if account in listed:
                found.append(Finding("ok", f"{account} ({listed[account]}) can be read"))
            else:
                found.append(Finding("failed", f"{account}: there is none, or the secret may not manage it"))
        door = self._door()
        if door is None:
            found.append(Finding("warning", "no callback_token: messages are seen minutes late"))
        else:
            found += door.findings()
        return found
