"""QQ's official bot: groups, private talks and guild channels in which a bot of ours sits.

https://bot.q.qq.com/wiki/develop/api-v2/

There is no history: what is not delivered is not told again. In groups a bot hears what mentions it, and everything
only where QQ has granted that. Records are whole payloads, `{"op": 0, "t", "d", ...}`, as QQ sends them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, HttpUrl

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
    SourceConfig,
)
from connectors.errors import AuthError, CursorExpiredError, PushRefusedError, TransientError
from connectors.qq_bot import replies
from connectors.qq_bot.api import BotApi
from connectors.qq_bot.gateway import Listening
from connectors.qq_bot.reading import RECALLED, SAID, place_of, read
from connectors.qq_bot.webhook import receive
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.websocket import open_socket
from connectors.wording import worded

if TYPE_CHECKING:
    from connectors.session import Pacing

Hears = Literal["groups", "mentions_in_guilds", "guilds", "guild_direct"]
INTENTS: Mapping[Hears, int] = {
    "groups": 1 << 25,  # and private talks
    "mentions_in_guilds": 1 << 30,
    "guilds": 1 << 9,
    "guild_direct": 1 << 12,
}


# How long a session can be resumed, and calls are repeated, QQ does not say: it is not long.
KEPT = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(seconds=1)
UNHEARD = "QQ tells nothing of what was said while no session of ours was there to hear it"
NOT_ALL_KEPT = "we were away for so long that QQ may not have kept all for us"
NOT_CALLED_AGAIN = "what QQ called us for while we did not run may not be called again"


class QQBot(PullConnector, PushConnector, Replying):
    """Takes signed calls, or listens at the gateway and resumes its session there.

    Cursor at the gateway: see `Listening`; without a session `{"unheard_since"}`. By webhook `{"alive_at",
    "heard_to"}`: when we last ran, and the last genuine call. All times are Unix seconds.
    """

    class Config(SourceConfig):
        app_id: str = Field(pattern=r"^\d+$", description="The bot's AppID, from q.qq.com.")
        secret: Secret = Field(description="Its AppSecret.")
        way: Literal["webhook", "gateway"] = Field(
            default="webhook", description="QQ calls /hooks/<source>, or we listen at its gateway."
        )
        hears: frozenset[Hears] = Field(
            default=frozenset({"groups"}), min_length=1, description="What to ask the gateway for."
        )
        places: dict[str, str] = Field(
            default_factory=dict,
            description="Ids of groups, channels and direct sessions to read, with the name to show; empty: all.",
        )
        api: HttpUrl = Field(
            default=HttpUrl("https://api.sgroup.qq.com"), description="Or https://sandbox.api.sgroup.qq.com."
        )
        token_url: HttpUrl = Field(default=HttpUrl("https://bots.qq.com"), description="Where access tokens come from.")
        timeout: float = Field(default=30, gt=0, le=300, description="Seconds to wait for an answer.")

    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"deletions", "history"})
    config: Config

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self._left: set[str] = set()  # groups that have removed the bot
        self._was_polled = False
        self._api = BotApi(
            source,
            config.app_id,
            config.secret,
            api=str(config.api),
            tokens=str(config.token_url),
            timeout=config.timeout,
            pacing=pacing,
        )

    @property
    def space(self) -> str:
        return f"qqbot/{self.config.app_id}"  # openids differ from bot to bot

    @property
    def channel(self) -> str:
        return "qq"

    async def close(self) -> None:
        await self._api.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield what the gateway tells, without end. By webhook: that we can be called, and how long ago we were.

        Raises:
            SourceGoneError: the bot was banned.
        """
        if self.config.way == "webhook":
            yield self._waiting(cursor or {})
            await self._api.me()
            return
        if cursor is None:  # noted first: what is said until we listen is not told
            cursor = {"unheard_since": self.clock().timestamp()}
            yield Page((), cursor)
        while True:
            async with aclosing(self._session(cursor)) as pages:
                async for page in pages:
                    cursor = page.cursor
                    yield page

    async def _session(self, cursor: Cursor) -> AsyncGenerator[Page, None]:
        """One connection to the gateway, as long as it lasts."""
        url = (await self._api.gateway())["url"]
        async with open_socket(worded(f"{self.source}: QQ's gateway"), url, timeout=self.config.timeout) as socket:
            intents = sum(INTENTS[each] for each in self.config.hears)
            listening = Listening(self.source, self.config.secret, socket, intents, self._wants, self.clock)
            begun, caught_up = cursor, False
            try:
                async with aclosing(listening.pages(self._api.token.header, cursor)) as pages:
                    async for page in pages:
                        gaps: tuple[Gap, ...] = ()
                        if not caught_up and page.cursor["heard_to"] != begun.get("heard_to"):
                            gaps, caught_up = self._missed(begun), True
                        cursor = page.cursor
                        self.complete_to = datetime.fromtimestamp(cursor["heard_to"], UTC)
                        yield replace(page, gaps=gaps, warnings=self._warnings())
            except CursorExpiredError as lost:
                if "session_id" in cursor:
                    yield Page((), {"unheard_since": cursor["heard_to"]}, warnings=self._warnings())
                if "session_id" not in begun:  # a new one: no use in hurrying
                    raise TransientError(str(lost)) from None
            except AuthError:
                self._api.token.forget()
                raise

    def _missed(self, before: Cursor) -> tuple[Gap, ...]:
        """What a connection says of the time before it: a new session is told nothing, an old one perhaps not all."""
        now = self.clock()
        if "unheard_since" in before:
            since = datetime.fromtimestamp(before["unheard_since"], UTC)
            return (Gap(since - CLOCKS_DIFFER, now + CLOCKS_DIFFER, UNHEARD),)
        since = datetime.fromtimestamp(before["heard_to"], UTC)
        return (Gap(since - CLOCKS_DIFFER, now - KEPT, NOT_ALL_KEPT),) if now - since > KEPT else ()

    def _waiting(self, cursor: Cursor) -> Page:
        """QQ calls us, and nobody can be asked whether its calls arrive: what it told before the last one has come."""
        now, gaps = self.clock(), list[Gap]()
        started = self.since + self.config.backfill  # for the first time
        alive_at = datetime.fromtimestamp(cursor.get("alive_at", started.timestamp()), UTC)
        if not self._was_polled and now - alive_at > KEPT:
            gaps.append(Gap(alive_at - CLOCKS_DIFFER, now, NOT_CALLED_AGAIN))
        self._was_polled = True
        committed = datetime.fromtimestamp(cursor.get("heard_to", self.since.timestamp()), UTC)
        self.complete_to = max(committed, self.heard_at or committed)
        kept = {"alive_at": now.timestamp(), "heard_to": self.complete_to.timestamp()}
        return Page((), kept, gaps=tuple(gaps), warnings=self._warnings())

    def receive(self, push: Push) -> Received:
        if self.config.way != "webhook":
            raise PushRefusedError(f"{self.source}: this source listens at the gateway (`way`).")
        event, answer = receive(self.source, push, self.config.app_id, self.config.secret.reveal())
        return replace(answer, records=[event] if event is not None and self._wants(event) else [])

    def _wants(self, event: Record) -> bool:
        """Whether it says something, in a place that we read. What cannot be read is kept, to be quarantined."""
        kind = event.get("t")
        if not isinstance(kind, str) or kind not in SAID.keys() | RECALLED.keys():
            self._note_membership(event)
            return False
        try:
            place = place_of(event)
        except (KeyError, TypeError):
            return True
        return place is None or not self.config.places or place in self.config.places

    def _note_membership(self, event: Record) -> None:
        group = event["d"].get("group_openid") if isinstance(event.get("d"), dict) else None
        if isinstance(group, str) and (not self.config.places or group in self.config.places):
            if event.get("t") == "GROUP_DEL_ROBOT":
                self._left.add(group)
            elif event.get("t") == "GROUP_ADD_ROBOT":
                self._left.discard(group)

    def _warnings(self) -> tuple[str, ...]:
        return tuple(worded(f"the bot was removed from group {group}: add it again") for group in sorted(self._left))

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return read(record, self.config.places)

    def reply_window(self, asked: Asked, now: datetime) -> Window:
        return replies.window(asked, now)

    async def reply(self, outgoing: Outgoing) -> Sent:
        return await replies.reply(self._api, outgoing, self.clock())

    async def find_sent(self, outgoing: Outgoing) -> CannotTell:  # noqa: ARG002  # QQ keeps no history for bots
        return CANNOT_TELL

    def is_own(self, author: Author) -> bool:  # noqa: ARG002  # a bot is not told what it said itself
        return False

    async def check(self) -> Sequence[Finding]:
        me = await self._api.me()
        found = [Finding("ok", f"the bot is {me.get('username')} ({self.config.app_id})")]
        if self.config.way == "webhook":
            hint = worded(f"QQ must call /hooks/{self.source}: set that address at q.qq.com, where QQ tries it at once")
            return [*found, Finding("warning", hint), *_LIMITS]
        limit = (await self._api.gateway()).get("session_start_limit") or {}
        left = worded(f"{limit.get('remaining')} of {limit.get('total')} connections are left today")
        return [*found, Finding("ok" if limit.get("remaining") else "warning", left), *_LIMITS]


_LIMITS = (
    Finding("ok", "no history; in groups what mentions the bot, unless QQ has granted it all messages of the group"),
)
