"""Calls to a OneBot v11 implementation over HTTP, and how the implementations differ.

https://github.com/botuniverse/onebot-11/blob/master/communication/http.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.contract import Pace, Record
from connectors.errors import ConnectorError, TransientError
from connectors.secret import Secret
from connectors.session import Json, Pacing, SecretHeader, Session
from connectors.wording import worded

NEVER_AGAIN = frozenset({400, 1400, 1404})
"""retcodes of a call that the implementation does not take: it will not take it the next time either."""


class ActionFailedError(TransientError):
    """`status` is not ok. NapCat says so, with retcode 200, for any trouble at all, an empty history included.

    `said`: its own words.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class ActionRefusedError(ConnectorError):
    """The implementation does not know the call, or not in this form. Stops the source until a person has looked."""


class AccountOfflineError(TransientError):
    """The account is logged out or cut off, while the implementation goes on answering with what it remembers.

    It may come back by itself, so the source is tried again; until then nobody vouches for what it says.
    """


@dataclass(frozen=True, slots=True)
class Chat:
    """A group, or the private chat with one user."""

    kind: Literal["group", "private"]
    number: int

    @property
    def thread(self) -> str:
        """`g<group number>` or `u<user number>`."""
        return f"{'g' if self.kind == 'group' else 'u'}{self.number}"


@dataclass(frozen=True, slots=True)
class Spot:
    """A message, as a history is asked to begin at it. `number`: its identity in our native ids."""

    number: str
    time: int  # seconds since 1970
    message_id: int
    message_seq: int

    @property
    def name(self) -> str:
        return f"{self.number}/{self.time}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one implementation wants to be asked for history. Names are those of get_version_info's app_name.

    words: NapCat's schema has ids as text, the others' as numbers.
    cursor: by what the older messages are asked for. NapCat calls it message_seq and means the message_id.
    remembers_only: its history is its own database, which begins when it was started first.
    """

    name: str
    words: bool
    cursor: Literal["message_id as message_seq", "message_id", "message_seq"]
    remembers_only: bool = False
    lists_contacts: bool = False
    known: bool = True

    def history(self, chat: Chat, count: int, before: Spot | None) -> tuple[str, dict[str, Json]]:
        """Action and parameters for the newest `count` messages, or for `before` and what is older."""
        whom = "group_id" if chat.kind == "group" else "user_id"
        asked: dict[str, Json] = {whom: str(chat.number) if self.words else chat.number, "count": count}
        if before is not None:
            asked |= self._from(before)
        return f"get_{'group' if chat.kind == 'group' else 'friend'}_msg_history", asked

    def sending(self, chat: Chat, segments: Json, from_group: int | None) -> tuple[str, dict[str, Json]]:
        """Action and parameters for a message. `from_group`: a private one, to somebody who is no friend."""
        whom = {"group_id" if chat.kind == "group" else "user_id": chat.number}
        whom |= {"group_id": from_group} if from_group else {}
        named = {key: str(number) if self.words else number for key, number in whom.items()}
        return f"send_{chat.kind}_msg", {**named, "message": segments}

    def _from(self, before: Spot) -> dict[str, Json]:
        match self.cursor:
            case "message_id as message_seq":
                # Without the flag it would be this message and the newer ones. The flag's older name is reverseOrder.
                return {"message_seq": str(before.message_id), "reverse_order": True, "reverseOrder": True}
            case "message_id":
                return {"message_id": before.message_id}
            case "message_seq":
                return {"message_seq": before.message_seq}


NAPCAT = Dialect("NapCat", words=True, cursor="message_id as message_seq", lists_contacts=True)
LAGRANGE = Dialect("Lagrange.OneBot", words=False, cursor="message_id", remembers_only=True)
LLONEBOT = Dialect("LLOneBot", words=False, cursor="message_seq")
UNKNOWN = Dialect(worded("an unknown implementation"), words=False, cursor="message_seq", known=False)
_BY_APP_NAME = {"napcat": NAPCAT, "lagrange": LAGRANGE, "llonebot": LLONEBOT, "llbot": LLONEBOT}


def dialect_of(app_name: str) -> Dialect:
    """`NapCat.Onebot`, `Lagrange.OneBot`, `LLOneBot`, `LLBot`; everything else is UNKNOWN."""
    told = app_name.casefold()
    return next((dialect for word, dialect in _BY_APP_NAME.items() if told.startswith(word)), UNKNOWN)


def as_number(value: object) -> int | None:
    """A number that may come as text, as all of OneBot's may; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


class OneBot:
    """The actions that reading and answering need. Each raises as `Session.post_json`, ActionFailedError or
    ActionRefusedError."""

    def __init__(
        self, source: str, url: str, token: Secret, *, calls_per_minute: int, timeout: float, pacing: Pacing | None
    ) -> None:
        self._source = source
        self._session = Session(
            url,
            auth=SecretHeader(token),
            credential=str(token),
            pace=Pace(calls_per_minute),
            pacing=pacing,
            timeout=timeout,
        )

    async def aclose(self) -> None:
        await self._session.aclose()

    async def object(self, action: str, **parameters: Json) -> Record:
        """An action whose data is an object."""
        data = await self._call(action, parameters)
        if not isinstance(data, dict):
            raise TransientError(f"{self._source}: {action} was answered with something else than an object")
        return data

    async def objects(self, action: str, **parameters: Json) -> list[Record]:
        """An action whose data is a list of objects."""
        data = await self._call(action, parameters)
        if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
            raise TransientError(f"{self._source}: {action} was answered with something else than a list")
        return data

    async def history(self, dialect: Dialect, chat: Chat, count: int, before: Spot | None = None) -> list[Record]:
        """Messages in the order of their times. `before` itself is among them, for cursors are inclusive."""
        action, asked = dialect.history(chat, count, before)
        messages = (await self.object(action, **asked)).get("messages")
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            raise TransientError(f"{self._source}: {action} was answered without a list of messages")
        return sorted(messages, key=lambda message: as_number(message.get("time")) or 0)

    async def _call(self, action: str, parameters: dict[str, Json]) -> Json:
        answer = await self._session.post_json(f"/{action}", parameters)
        if not isinstance(answer, dict) or "retcode" not in answer:
            raise TransientError(f"{self._source}: the answer is not OneBot's. Is `url` its HTTP server?")
        retcode = as_number(answer["retcode"])
        # Both: NapCat's retcode 200 is a failure.
        if answer.get("status") == "ok" and retcode == 0:
            return answer.get("data")
        if retcode in NEVER_AGAIN:
            raise ActionRefusedError(
                f"{self._source}: the OneBot implementation does not take {action} (retcode {retcode}). Update it; "
                "if it is new, update this program."
            )
        said = str(answer.get("message") or answer.get("wording") or answer.get("msg") or "")
        raise ActionFailedError(f"{self._source}: OneBot could not carry out {action} (retcode {retcode})", said)


def check_online(source: str, status: object) -> None:
    """Look at what get_status or a heartbeat tells.

    Raises:
        AccountOfflineError: `online` or `good` is false.
    """
    if isinstance(status, dict) and (status.get("online") is False or status.get("good") is False):
        raise AccountOfflineError(
            f"{source}: the QQ account is offline, though OneBot goes on answering. Log it in again where it runs "
            "(its console or web page shows a QR code)."
        )
