"""What we ask the account's OneBot implementation for (who it is, which chats there are, what was said in them), and
what we have it say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.contract import Record
from connectors.errors import AuthError, ConnectorError, SourceGoneError, TransientError
from connectors.qq.onebot import ActionFailedError, Chat, Dialect, OneBot, as_number, check_online, dialect_of
from connectors.qq.segments import from_codes, passed_on
from connectors.qq.walk import Hole
from connectors.session import Json

PAGE = 50  # messages of one answer; beyond 100 answers are unreliable
PRIVATE = 1  # chatType of a private chat
CONTACTS = 50  # chats, those with the latest messages, that are asked for at first ...
MOST_CONTACTS = 6400  # ... and at last: more than an account may have friends


HasNews = Callable[[Chat, int], bool]
"""Whether a chat that was last written in at that second may hold what was not read."""


@dataclass(frozen=True, slots=True)
class Host:
    """Who answers."""

    dialect: Dialect
    version: str
    groups: dict[int, str]  # that the account is in: number -> name


class Account:
    """The QQ account `number` of the source `source`, read through `onebot`."""

    def __init__(self, source: str, number: int, onebot: OneBot) -> None:
        self._source = source
        self._number = number
        self._onebot = onebot
        self.names: dict[int, str] = {}  # of groups, as last told
        self._unfolds = True  # chats that are passed on, in this poll

    async def meet(self) -> Host:
        """Ask who answers.

        Raises:
            AccountOfflineError: the account is not online.
            AuthError: another account is logged in.
            TransientError: it is in no group at all, as a host says that has lost its account.
        """
        self._unfolds = True
        told = await self._onebot.object("get_version_info")
        login = await self._onebot.object("get_login_info")
        check_online(self._source, await self._onebot.object("get_status"))
        if as_number(login.get("user_id")) != self._number:
            raise AuthError(
                f"{self._source}: OneBot is logged in with another account than {self._number}. Log that one in, "
                "or write the other number under `account`."
            )
        listed = await self._onebot.objects("get_group_list")
        named = ((as_number(group.get("group_id")), str(group.get("group_name") or "")) for group in listed)
        self.names = {number: name for number, name in named if number}
        if not self.names:
            raise TransientError(
                f"{self._source}: OneBot lists no group at all. Is the account really online? Look where it runs."
            )
        version = f"{told.get('app_name')} {told.get('app_version')}"
        return Host(dialect_of(str(told.get("app_name"))), version, self.names)

    async def chats(
        self, host: Host, groups: frozenset[int], *, private: bool, has_news: HasNews
    ) -> list[tuple[Chat, int]]:
        """What to read, and when each was last written in (seconds since 1970); 0: not told.

        Of private chats the one that has waited longest comes first: whatever ends a poll, what is left of it are those
        that are listed first in the next one.

        Raises:
            SourceGoneError: there is nothing to read: the account is in none of the groups.
        """
        found = [(Chat("group", number), 0) for number in sorted(groups & host.groups.keys())]
        if not found and not private:
            raise SourceGoneError(
                f"{self._source}: the account is in none of the groups of this source. Let it join them, or delete "
                "the source from connectors.yaml."
            )
        if private and host.dialect.lists_contacts:
            found += reversed(await self._contacts(has_news))
        return found

    async def _contacts(self, has_news: HasNews) -> list[tuple[Chat, int]]:
        """Private chats, the latest first, down to one without news. Groups stand among them."""
        count = CONTACTS
        while True:
            listed = await self._onebot.objects("get_recent_contact", count=count)
            found = [
                (Chat("private", user), as_number(contact.get("msgTime")) or 0)
                for contact in listed
                if as_number(contact.get("chatType")) == PRIVATE and (user := as_number(contact.get("peerUin")))
            ]
            if len(listed) < count or count >= MOST_CONTACTS or (found and not has_news(*found[-1])):
                return found[:CONTACTS] + [each for each in found[CONTACTS:] if has_news(*each)]
            count *= 2

    async def history(self, dialect: Dialect, chat: Chat, hole: Hole | None = None) -> list[Record]:
        """The newest messages of a chat, or those from a hole's edge on; each with all that `post()` needs."""
        messages = await self._onebot.history(dialect, chat, PAGE, hole.at if hole else None)
        return [self.completed(message, chat) for message in messages]

    async def unfolded(self, message: Record) -> Record:
        """With what was said in the chats that it passes on, where OneBot tells only their ids."""
        said = message.get("message")
        segments = from_codes(said) if isinstance(said, str) else said
        if not isinstance(segments, list) or not any(map(passed_on, segments)):
            return message
        return message | {"message": [await self._unfolded(each) for each in segments]}

    async def _unfolded(self, segment: Json) -> Json:
        number = passed_on(segment)
        if number is None or not self._unfolds:
            return segment
        try:
            told = await self._onebot.object("get_forward_msg", id=number)
        except ActionFailedError:  # it is too old: that something was passed on is shown all the same
            return segment
        except ConnectorError:  # it takes too long, or is not known there: no other is waited for
            self._unfolds = False
            return segment
        inside = told.get("messages") or told.get("message")  # the latter is the standard's
        return segment | {"data": segment["data"] | {"content": inside}} if isinstance(inside, list) else segment

    async def send(self, dialect: Dialect, chat: Chat, segments: Json, from_group: int | None) -> Record:
        """Raises ActionFailedError: it may have been sent all the same, unless its words say no."""
        action, asked = dialect.sending(chat, segments, from_group)
        return await self._onebot.object(action, **asked)

    def completed(self, message: Record, chat: Chat) -> Record:
        """Say where it was said, if the implementation leaves that out."""
        if chat.kind == "private":
            return {"message_type": "private", "target_id": chat.number} | message
        name = self.names.get(chat.number)
        return {"group_id": chat.number} | ({"group_name": name} if name else {}) | message
