"""One pass over the histories of all chats."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from connectors.contract import Cursor, Gap, Page, Record
from connectors.errors import TransientError
from connectors.qq.account import Account, Host
from connectors.qq.onebot import ActionFailedError, Chat
from connectors.qq.walk import ChatWalk, Hole, shortened
from connectors.wording import worded

STEPS = 5  # pages down a hole before the newest messages of all chats are looked at again


class Poll:
    """Begins as the cursor says: `{"chats": {thread: state of its ChatWalk}}`.

    Of a chat that is not read now only what is needed to go on is kept: private chats grow many.
    """

    def __init__(self, account: Account, since: datetime, cursor: Cursor | None) -> None:
        self._account = account
        self._since = since
        self._states: dict[str, Cursor] = dict((cursor or {}).get("chats", {}))
        self._idle: dict[str, Cursor] = {}
        self._walks: list[ChatWalk] = []
        self._resting: list[ChatWalk] = []  # a step failed; the next poll tries again
        self._silent: list[Chat] = []
        self._trouble: TransientError | None = None
        self._host: Host | None = None
        self._begun = 0  # the newest second of which the host told before

    @property
    def cursor(self) -> Cursor:
        return {"chats": self._idle | {walk.chat.thread: walk.state() for walk in self._walks}}

    def warnings(self) -> tuple[str, ...]:
        """What cannot be read, though the poll goes on."""
        return tuple(
            worded(f"group {chat.number} gives no history yet") for chat in self._silent if chat.kind == "group"
        )

    def may_have_news(self, chat: Chat, told: int) -> bool:
        """Whether a chat that was last written in at the second `told` may hold what was not read."""
        walk = ChatWalk(chat, self._since, self._states.get(chat.thread))
        return told >= int(self._since.timestamp()) and walk.may_have_news(told)

    async def pages(self, host: Host, chats: Sequence[tuple[Chat, int]]) -> AsyncGenerator[Page, None]:
        """Yield the newest messages of every chat, then what fills the holes.

        A chat that fails does not keep the others from being read; the poll fails after them.

        Raises:
            TransientError: of the last chat that failed.
        """
        self._host = host
        self._walks = [ChatWalk(chat, self._since, self._states.get(chat.thread)) for chat, _ in chats]
        read = {chat.thread for chat, _ in chats}
        self._idle = {thread: shortened(state) for thread, state in self._states.items() if thread not in read}
        written = dict(chats)
        self._begun = max(written.values(), default=0)
        waiting = [walk for walk in self._walks if walk.may_have_news(written[walk.chat])]
        while waiting:
            for walk in waiting:
                if page := await self._newest(walk):
                    yield page
            waiting = [walk for walk in self._walks if walk.holes and walk not in self._resting]
            for walk in waiting:
                async for page in self._down(walk):
                    yield page
        if self._trouble is not None:
            raise self._trouble

    async def _newest(self, walk: ChatWalk) -> Page | None:
        assert self._host is not None
        try:
            messages = await self._account.history(self._host.dialect, walk.chat)
        except ActionFailedError as failed:
            if walk.is_known:
                self._fail(walk, failed)
            elif walk.chat not in self._silent:
                self._silent.append(walk.chat)  # an empty history is a failure for some
            return None
        if not messages and walk.is_known:
            # Nobody recalls a whole page: this is a host that has lost its account and does not know it yet.
            self._fail(walk, TransientError(f"OneBot says that {walk.chat.thread} is empty, which it was not before"))
            return None
        before = walk.state()
        records = walk.newest(messages, self._begun)
        return await self._page(records) if records or walk.state() != before else None

    async def _down(self, walk: ChatWalk) -> AsyncGenerator[Page, None]:
        for hole in list(walk.holes):
            for _ in range(STEPS):
                yield await self._step(walk, hole)
                if hole not in walk.holes or walk in self._resting:
                    break

    async def _step(self, walk: ChatWalk, hole: Hole) -> Page:
        assert self._host is not None
        dialect = self._host.dialect
        try:
            messages = await self._account.history(dialect, walk.chat, hole)
        except ActionFailedError as failed:
            before = hole.tries
            gap = walk.failed(hole)
            if hole.tries > before and gap is None:
                self._fail(walk, failed)
            return await self._page((), gap)
        return await self._page(*walk.older(hole, messages, remembers_only=dialect.remembers_only))

    def _fail(self, walk: ChatWalk, trouble: TransientError) -> None:
        self._trouble = trouble
        self._resting.append(walk)

    async def _page(self, records: Sequence[Record], gap: Gap | None = None) -> Page:
        told = [await self._account.unfolded(each) for each in records]
        return Page(told, self.cursor, gaps=(gap,) if gap else ())
