"""Telegram: groups, channels and private chats that our bot can read. https://core.telegram.org/bots/api

A bot sees only what is delivered to it while it is in a chat: no history, no deletions, and what nobody
fetched within 24 hours is gone. Records are single `Update` objects, exactly as sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, HttpUrl, model_validator

from connectors.contract import (
    Author,
    Cursor,
    Finding,
    Item,
    Pace,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
    SourceConfig,
)
from connectors.errors import AuthError, CursorExpiredError, PushRefusedError, SourceGoneError, TransientError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.session import parse_json
from connectors.telegram import replies
from connectors.telegram.bot_api import BotApi, OtherPollerError, RefusedError, WebhookActiveError
from connectors.telegram.reading import Reader
from connectors.telegram.watch import Watch
from connectors.wording import worded

if TYPE_CHECKING:
    from connectors.session import Pacing

# Telegram remembers the last list for ever, so it is sent with every call. Reactions come only to admins.
ALLOWED_UPDATES = (
    *("message", "edited_message", "channel_post", "edited_channel_post"),
    *("message_reaction", "message_reaction_count", "my_chat_member"),
    *("business_connection", "business_message", "edited_business_message", "deleted_business_messages"),
)
FULL = 100  # updates in an answer, at most: with fewer there was nothing newer
PASSING_CONFLICTS = 5  # polls that another program ended; with their pauses a minute, in which it may be stopping
PRIVACY_MODE = (
    "privacy mode is on: in groups where the bot is no administrator it sees only commands and replies to "
    "it. Turn it off with BotFather (/setprivacy), then remove the bot from each group and add it again"
)


class Telegram(PullConnector, PushConnector, Replying):
    """Reads updates by long polling, or takes them as webhook calls where `webhook_secret` is set.

    Cursor: `{"bot": whose updates these are, "offset": next update_id, "moved": {old chat: new chat}, "left": [chats
    that removed the bot]}`; with `webhook_secret` also "complete": when nothing waited to be delivered, at last. Every
    bot numbers its updates for itself: another one's offset would confirm what was never read.
    """

    class Config(SourceConfig):
        token: Secret = Field(description="The bot's token, from BotFather. One bot for each environment.")
        chats: frozenset[int] = Field(
            min_length=1, description="Ids of the groups and channels to read (-100...); others are left alone."
        )
        private_chats: bool = Field(default=True, description="Messages that people send to the bot itself.")
        official_channels: frozenset[int] = Field(
            default=frozenset(), description="Ids of our own channels: what they post, we have said."
        )
        api: HttpUrl = Field(
            default=HttpUrl("https://api.telegram.org"), description="Or a Bot API server of your own."
        )
        long_poll: int = Field(
            default=50, ge=0, le=50, description="Seconds that Telegram may hold a poll until something comes."
        )
        owns_bot: bool = Field(default=False, description="true: delete a webhook that stands in the way of polling.")
        webhook_secret: Secret | None = Field(
            default=None, description="secret_token of setWebhook: Telegram then calls /hooks/<source>."
        )

        @model_validator(mode="after")
        def _one_way_in(self) -> Telegram.Config:
            if self.owns_bot and self.webhook_secret:
                raise ValueError("owns_bot would delete the webhook that webhook_secret is for; choose one")
            return self

    retention: ClassVar[timedelta | None] = timedelta(hours=24)
    tells_once = True  # asking for what follows confirms what was told
    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"deletions", "history"})
    config: Config

    @property
    def space(self) -> str:
        return "telegram"

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self._watch = Watch(config.chats, config.private_chats)  # of pushes; polls have their cursor's
        self._drained: int | None = None  # the offset that an empty answer confirmed
        self._conflicts = 0  # polls that another program ended, since one that nobody did
        self._told: tuple[str, ...] = ()
        self._all_delivered = False  # to the webhook, when it was last asked
        self._own_id: str | None = None

    async def open(self) -> None:
        self._api = BotApi(self.source, self.config.token, str(self.config.api))
        if self.config.webhook_secret:
            await self._learn_moves()

    async def close(self) -> None:
        await self._api.close()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield each answer of getUpdates; what it brought is confirmed when the next one is asked for.

        Ends after an empty answer. What is said in chats that are not configured is confirmed and dropped.
        A page without records brings changed warnings. With `webhook_secret` there is no other kind.

        Raises:
            CursorExpiredError: the token is another bot's than before.
            SourceGoneError: the bot was removed from every configured chat, and does not read private ones.
        """
        bot = self._bot()
        if cursor and cursor.get("bot", bot) != bot:
            raise CursorExpiredError(
                f"{self.source}: the token is another bot's now; what only the former one was told is not read"
            )
        watch = Watch(self.config.chats, self.config.private_chats, cursor)
        offset: int = cursor["offset"] if cursor else 0
        asked = self.clock()
        health = await self._health()
        if self.config.webhook_secret:
            kept = {"bot": bot, **watch.cursor(offset), "complete": self._delivered_to(cursor, asked).isoformat()}
            if kept != cursor or health + watch.warnings() != self._told:
                self._told = health + watch.warnings()
                yield Page((), kept, warnings=self._told)
            return
        if health + watch.warnings() != self._told:
            self._told = health + watch.warnings()
            yield Page((), {"bot": bot, **watch.cursor(offset)}, warnings=self._told)
        while updates := await self._updates(offset):
            self._drained = None  # if it had confirmed nothing, these would come again and again
            offset = updates[-1]["update_id"] + 1  # may be lower than before, see _updates()
            records = [update for update in updates if watch.wants(update)]
            self._told = health + watch.warnings()
            yield Page(
                records, {"bot": bot, **watch.cursor(offset)}, warnings=self._told, caught_up=len(updates) < FULL
            )
        self._drained = offset
        self._conflicts = 0
        if watch.abandoned():
            raise SourceGoneError(
                f"{self.source}: the bot was removed from every chat of this source. Add it again, or delete "
                "the source from connectors.yaml."
            )

    async def _updates(self, offset: int) -> list[Record]:
        # Asking from `offset` deletes everything below it on Telegram's side. An empty answer says that this
        # is done; from then on the offset could only do harm, for after a week without updates Telegram
        # draws the next id at random, and it may be lower.
        request = {
            "offset": None if offset in (0, self._drained) else offset,
            "limit": FULL,
            "timeout": self.config.long_poll if self.waits else 0,
            "allowed_updates": ALLOWED_UPDATES,
        }
        try:
            updates = await self._api.call("getUpdates", **request)
        except WebhookActiveError:
            if not self.config.owns_bot:
                raise
            await self._api.call("deleteWebhook", drop_pending_updates=False)
            updates = await self._api.call("getUpdates", **request)
        except OtherPollerError as conflict:
            # Whoever is started anew meets its predecessor. What was brought in between proves nothing: two that go on
            # for ever each get a part. Only an empty answer was waited for alone.
            self._conflicts += 1
            if self._conflicts <= PASSING_CONFLICTS:
                raise TransientError(str(conflict)) from conflict
            self._conflicts = 0
            raise
        if not _are_updates(updates):
            raise TransientError(f"{self.source}: Telegram's answer is no list of updates.")
        checked: list[Record] = updates
        return checked

    def _bot(self) -> str:
        """The bot's id, with which its token begins. Raises AuthError: there is no token to be had."""
        return self.config.token.reveal().partition(":")[0]

    async def _health(self) -> tuple[str, ...]:
        me = await self._api.call("getMe")
        troubles = [] if me.get("can_read_all_group_messages") else [PRIVACY_MODE]
        if self.config.webhook_secret:
            webhook = await self._api.call("getWebhookInfo")
            self._all_delivered = webhook.get("pending_update_count") == 0
            troubles += _webhook_troubles(webhook)
        return tuple(troubles)

    def _delivered_to(self, cursor: Cursor | None, asked: datetime) -> datetime:
        """Until when Telegram has delivered everything: it drops what waits for a day, and does not tell. Whoever has
        just begun was never told, and takes what may wait for delivered."""
        known = cursor.get("complete") if cursor else None
        self.complete_to = asked if self._all_delivered or known is None else datetime.fromisoformat(known)
        return self.complete_to

    async def _learn_moves(self) -> None:
        """Ask which basic groups became supergroups: a push has no cursor that could remember it."""
        for chat in self.config.chats:
            if not str(chat).startswith("-100"):
                try:
                    await self._api.call("getChat", chat_id=chat)
                except RefusedError as refused:
                    if refused.moved_to:
                        self._watch.moved[chat] = refused.moved_to

    def receive(self, push: Push) -> Received:
        """Take one update, as setWebhook delivers it. https://core.telegram.org/bots/api#setwebhook"""
        if self.config.webhook_secret is None:
            raise PushRefusedError(f"{self.source}: webhook_secret is not set; this source is polled.")
        if not self.config.webhook_secret.proves(push.headers.get("x-telegram-bot-api-secret-token", "")):
            raise PushRefusedError(f"{self.source}: a webhook call without the right secret token.")
        try:
            update = parse_json(push.body)
        except ValueError:
            update = None
        if not isinstance(update, dict):
            raise PushRefusedError(f"{self.source}: a webhook call that is no JSON object.", status=400)
        return Received([update] if self._watch.wants(update) else [])

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return self._reader.read(record)

    @property
    def _reader(self) -> Reader:
        return Reader(self.config.chats, self.config.official_channels)

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # Telegram has no deadline
        return Window(None if replies.place(asked) else "gone", longest=replies.LONGEST, unit="utf16")

    async def reply(self, outgoing: Outgoing) -> Sent:
        if self.pacing is not None:
            chat = outgoing.to.native_id.rpartition("/")[0]
            await self.pacing.turn(f"{self.config.api} {self.config.token} {chat}", Pace(*replies.PER_CHAT))
        return await replies.reply(self._api, self._reader, outgoing)

    async def find_sent(self, outgoing: Outgoing) -> CannotTell:  # noqa: ARG002  # a bot is never told what it said
        return CANNOT_TELL

    def is_own(self, author: Author) -> bool:
        if self._own_id is None:
            try:
                self._own_id = self._bot()
            except AuthError:
                return False
        return author.native_id == self._own_id

    async def check(self) -> Sequence[Finding]:
        me = await self._api.call("getMe")
        found = [Finding("ok", f"the bot is @{me.get('username')}")]
        privacy_mode = not me.get("can_read_all_group_messages")
        if privacy_mode:
            found.append(Finding("warning", PRIVACY_MODE))
        for chat in sorted(self.config.chats):
            found.append(await self._check_chat(chat, me["id"], privacy_mode))
        webhook = await self._api.call("getWebhookInfo")
        if self.config.webhook_secret:
            found += [Finding("failed", trouble) for trouble in _webhook_troubles(webhook)]
        elif webhook.get("url"):
            hint = worded("owns_bot deletes it" if self.config.owns_bot else "delete it, or set owns_bot: true")
            level: Literal["warning", "failed"] = "warning" if self.config.owns_bot else "failed"
            found.append(Finding(level, f"a webhook is set for this bot, so it cannot be polled: {hint}"))
        return found

    async def _check_chat(self, chat: int, bot: int, privacy_mode: bool) -> Finding:
        try:
            kind = (await self._api.call("getChat", chat_id=chat)).get("type")
            member = await self._api.call("getChatMember", chat_id=chat, user_id=bot)
        except RefusedError as refused:
            if refused.moved_to:
                return Finding("warning", f"chat {chat} became a supergroup: write {refused.moved_to} instead")
            return Finding("failed", f"chat {chat}: there is none, or the bot is not in it: add the bot")
        status = member.get("status")
        if status in ("left", "kicked"):
            return Finding("failed", f"chat {chat}: the bot is not in it ({status}): add it")
        if kind == "channel" and status != "administrator":
            return Finding("failed", f"chat {chat}: a bot reads a channel only as its administrator")
        if privacy_mode and status != "administrator":
            return Finding("warning", f"chat {chat}: only commands and replies can be read (privacy mode)")
        return Finding("ok", f"chat {chat} can be read")


def _are_updates(answer: Any) -> bool:
    return isinstance(answer, list) and all(
        isinstance(each, dict) and isinstance(each.get("update_id"), int) for each in answer
    )


def _webhook_troubles(info: Record) -> Iterable[str]:
    if not info.get("url"):
        yield worded("no webhook is set: call setWebhook with this source's address and webhook_secret")
    elif info.get("last_error_message"):
        waiting = info.get("pending_update_count")
        yield worded(f"Telegram cannot deliver to the webhook; {waiting} updates are waiting")
