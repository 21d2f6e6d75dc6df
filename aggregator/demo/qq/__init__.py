"""A QQ account behind a OneBot v11 implementation: verbs for what people do, HTTP actions, events.

https://github.com/botuniverse/onebot-11. Verbs act at once and return native ids, as the connector writes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final

from starlette.applications import Starlette

from aggregator.demo.forum_faults import Fault
from aggregator.demo.qq.actions import Actions
from aggregator.demo.qq.answers import Answers
from aggregator.demo.qq.events import Events
from aggregator.demo.qq.messages import App, Json, Said, shown
from aggregator.demo.truth import Truth

ACCOUNT: Final = 2_990_000_001


@dataclass
class _Chat:
    name: str
    said: list[Said] = field(default_factory=list)
    joined: bool = True
    held: int | None = None  # how many messages an account that is cut off goes on showing


class OneBotSimulator:
    """One account in one group, of the kind that `app` names; more groups can be added."""

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        app: App = "NapCat.Onebot",
        group: str = "Harbor Wallet 交流群",
    ) -> None:
        self.app_name = app
        self.account = ACCOUNT
        self.token = token_hex()
        self.token_is_good = True
        self.online = True
        self.lists_nothing = False  # a host that has lost its account and says that all is well
        self.coded = False  # messages as text with CQ codes
        self.groups: dict[int, _Chat] = {}
        self.contacts: dict[int, _Chat] = {}
        self.faults: deque[tuple[Fault, int]] = deque()
        self._clock = clock
        self._users: dict[str, tuple[int, str, str]] = {}  # number, nickname, card
        self.group = self.adds_group(group)
        self.our = Answers(qq=self)
        self.actions = Actions(self)
        self.events = Events(self)
        self.app = Starlette(routes=[self.events.route, self.actions.route])

    # What there is

    def adds_group(self, name: str) -> int:
        number = 710_000_001 + len(self.groups)
        self.groups[number] = _Chat(name)
        return number

    def leaves(self, group: int) -> None:
        """The account is no longer in it."""
        self.groups[group].joined = False

    def user(self, handle: str, name: str | None = None, card: str = "") -> int:
        """The number of a user, who is made at first mention."""
        if handle not in self._users:
            self._users[handle] = (3_000_000_001 + len(self._users), name or handle, card)
        return self._users[handle][0]

    # What people do

    def says(
        self,
        user: str,
        text: str,
        group: int | None = None,
        reply_to: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """A user writes; `group` None: in the first one."""
        segments: list[Json] = [{"type": "text", "data": {"text": text}}] if text else []
        if reply_to is not None:
            segments.insert(0, {"type": "reply", "data": {"id": str(self.message_id(reply_to))}})
        return self.sends(user, segments, text, group, at)

    def sends(
        self, user: str, segments: list[Json], text: str, group: int | None = None, at: datetime | None = None
    ) -> str:
        """A user sends whatever there is; `text`: how a connector should read it."""
        peer = self.group if group is None else group
        return self._keep(self.groups[peer], peer, False, user, segments, text, at)

    def whispers(self, user: str, text: str, at: datetime | None = None) -> str:
        """A user writes to the account itself."""
        peer = self.user(user)
        chat = self.contacts.setdefault(peer, _Chat(user))
        return self._keep(chat, peer, True, user, [{"type": "text", "data": {"text": text}}], text, at)

    def answers(self, text: str, group: int | None = None, to: str | None = None) -> str:
        """The account itself writes, in a group or in private to a user."""
        segments: list[Json] = [{"type": "text", "data": {"text": text}}]
        if to is not None:
            return self.sends_itself(segments, text, self.user(to), private=True)
        return self.sends_itself(segments, text, self.group if group is None else group, private=False)

    def sends_itself(self, segments: list[Json], text: str, peer: int, *, private: bool) -> str:
        """The same, whatever it is, to a group or a user by number."""
        self._users.setdefault("", (self.account, "Harbor 助手", ""))
        chat = self.contacts.setdefault(peer, _Chat(str(peer))) if private else self.groups[peer]
        return self._keep(chat, peer, private, "", segments, text, None)

    def knows(self, message_id: str, peer: int) -> bool:
        """Whether a reply may name this message."""
        said = [each for chat in self._chats() for each in chat.said if each.peer == peer]
        return any(str(each.message_id(self.app_name)) == message_id for each in said)

    def recalls(self, native_id: str) -> None:
        """The message disappears."""
        said = self._find(native_id)
        said.recalled = True
        self.events.tell(self.recall_of(native_id))

    def recall_of(self, native_id: str) -> Json:
        """The notice that tells of it."""
        said = self._find(native_id)
        where = {"user_id": said.user} if said.private else {"group_id": said.peer, "user_id": said.user}
        kind = "friend_recall" if said.private else "group_recall"
        told = {"post_type": "notice", "notice_type": kind, "self_id": self.account, "operator_id": said.user}
        return told | where | {"message_id": said.message_id(self.app_name), "time": int(self._clock().timestamp())}

    def unrecalls(self, native_id: str) -> None:
        """It was missing from one answer only."""
        self._find(native_id).recalled = False

    def malformed(self) -> str:
        """A message of a shape that nobody documented."""
        peer = self.group
        return self._keep(self.groups[peer], peer, False, "harbor_import", [], "?", None, malformed=True)

    # What goes wrong

    def restarts(self) -> None:
        """The implementation forgets which message each short id was given to."""
        self.actions.forget()

    def goes_offline(self) -> None:
        """The account is logged out; what is known is still answered with."""
        self.online = False
        for chat in self._chats():
            chat.held = len(chat.said)

    def comes_back(self) -> None:
        self.online = True
        for chat in self._chats():
            chat.held = None

    def fail_next(self, *faults: Fault, wait: int = 14) -> None:
        """The next requests fail, one after the other."""
        self.faults.extend((fault, wait) for fault in faults)

    # What is so

    def truth(self) -> dict[str, Truth]:
        """What was said in all groups and in private."""
        return {
            said.native_id(self.app_name): Truth(
                said.native_id(self.app_name),
                said.text,
                str(said.user),
                f"{'u' if said.private else 'g'}{said.peer}",
                datetime.fromtimestamp(said.time, UTC),
                deleted=said.recalled,
            )
            for chat in self._chats()
            for said in chat.said
        }

    def message_id(self, native_id: str) -> int:
        return self._find(native_id).message_id(self.app_name)

    def times(self, group: int | None = None) -> list[datetime]:
        """When each message of a group was said."""
        said = self.groups[self.group if group is None else group].said
        return [datetime.fromtimestamp(each.time, UTC) for each in said]

    def readable(self, peer: int, *, private: bool) -> list[Said]:
        """What the implementation has of a chat now, oldest first."""
        chat = self.contacts.get(peer) if private else self.groups.get(peer)
        if chat is None or not chat.joined or self.lists_nothing:
            return []
        return [said for said in chat.said[: chat.held] if not said.recalled]

    def shown(self, said: Said) -> Json:
        name = "" if said.private else self.groups[said.peer].name
        return shown(said, self.app_name, self.account, name, coded=self.coded)

    def _chats(self) -> list[_Chat]:
        return [*self.groups.values(), *self.contacts.values()]

    def _find(self, native_id: str) -> Said:
        return next(said for chat in self._chats() for said in chat.said if said.native_id(self.app_name) == native_id)

    def _keep(
        self,
        chat: _Chat,
        peer: int,
        private: bool,
        user: str,
        segments: list[Json],
        text: str,
        at: datetime | None,
        *,
        malformed: bool = False,
    ) -> str:
        self.user(user)
        number, name, card = self._users[user]
        time = int((at or self._clock()).timestamp())
        seq = chat.said[-1].seq + 1 if chat.said else 20_001
        said = Said(seq, peer, private, number, name, card, time, segments, text, malformed=malformed)
        chat.said.append(said)
        self.events.tell(self.shown(said))
        return said.native_id(self.app_name)
