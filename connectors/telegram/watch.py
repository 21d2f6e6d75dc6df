"""Which chats a source reads, as the updates themselves change it: moves, removals, chats that nobody configured."""

from __future__ import annotations

from telegram import Chat

from connectors.contract import Cursor, Record
from connectors.telegram.reading import kind_of
from connectors.wording import worded


class Watch:
    """Begins as the cursor says; `wants()` each update in turn; `cursor()` is then what to commit."""

    def __init__(self, chats: frozenset[int], private_chats: bool, cursor: Cursor | None = None) -> None:
        self._chats = chats
        self._private_chats = private_chats
        known = cursor or {}
        self.moved: dict[int, int] = {int(old): new for old, new in known.get("moved", {}).items()}
        self.left: set[int] = set(known.get("left", ()))
        self._strangers: set[int] = set()

    def cursor(self, offset: int) -> Cursor:
        moved = {str(old): new for old, new in self.moved.items()}
        return {"offset": offset, "moved": moved, "left": sorted(self.left)}

    def abandoned(self) -> bool:
        """Whether the bot was removed from every chat, and there is none in which people could write to it alone."""
        return not self._private_chats and {self.moved.get(chat, chat) for chat in self._chats} <= self.left

    def warnings(self) -> tuple[str, ...]:
        """Chats are named by id alone: a title is anybody's text."""
        moves = [(old, new) for old, new in self.moved.items() if new not in self._chats]
        return (
            *(worded(f"the bot was removed from chat {chat}: add it again") for chat in sorted(self.left)),
            *(worded(f"chat {old} became chat {new}: write {new} in `chats`") for old, new in sorted(moves)),
            *(
                worded(f"the bot also sits in chat {chat}, which is not configured: nothing of it is kept")
                for chat in sorted(self._strangers)
            ),
        )

    def wants(self, update: Record) -> bool:
        """Whether it comes from a chat that we read, and note what it says of the chat. No chat named: yes."""
        content = update.get(kind_of(update))
        chat = content.get("chat") if isinstance(content, dict) else None
        number = chat.get("id") if isinstance(chat, dict) else None
        if not isinstance(content, dict) or not isinstance(chat, dict) or not isinstance(number, int):
            return True
        if chat.get("type") == Chat.PRIVATE:
            return self._private_chats
        # The two service messages of a migration, one in each chat, come in either order.
        if (old := content.get("migrate_from_chat_id")) in self._chats:
            self.moved[old] = number
        if number not in self._chats and number not in self.moved.values():
            self._strangers.add(number)
            return False
        if isinstance(new := content.get("migrate_to_chat_id"), int):
            self.moved[number] = new
        if kind_of(update) == "my_chat_member":
            self._note_membership(number, content.get("new_chat_member"))
        return True

    def _note_membership(self, chat: int, member: object) -> None:
        if not isinstance(member, dict):
            return
        if member.get("status") in ("left", "kicked") or member.get("is_member") is False:
            self.left.add(chat)
        else:
            self.left.discard(chat)
