"""The shape of a message, which differs from one OneBot implementation to another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]
App = Literal["NapCat.Onebot", "Lagrange.OneBot", "LLOneBot", "SomeBot"]
"""The last is none that the connector knows."""
VERSIONS: Final[dict[str, str]] = {"NapCat.Onebot": "4.9.21", "Lagrange.OneBot": "0.0.3", "LLOneBot": "7.2.0"}


@dataclass(slots=True)
class Said:
    """A message as QQ itself keeps it. `seq`: its place in its chat."""

    seq: int
    peer: int  # the group, or the user at the other end
    private: bool
    user: int
    name: str
    card: str
    time: int  # seconds since 1970
    segments: list[Json]
    text: str  # as a connector should read it
    recalled: bool = False
    malformed: bool = False

    def message_id(self, app: str) -> int:
        """The short id that an implementation makes of it: for all of them a hash of 31 or 32 bits."""
        digest = hashlib.md5(f"{self.seq}|{1 if self.private else 2}|{self.peer}".encode(), usedforsecurity=False)
        return int.from_bytes(digest.digest()[:4], "big", signed=app != "NapCat.Onebot") & (
            0x7FFFFFFF if app == "NapCat.Onebot" else -1
        )

    def native_id(self, app: str) -> str:
        number = self.seq if app == "NapCat.Onebot" else self.message_id(app)
        return f"{'u' if self.private else 'g'}{self.peer}/{number}/{self.time}"


def shown(said: Said, app: str, account: int, group_name: str, *, coded: bool) -> Json:
    """The message as `app` tells it; `coded`: with CQ codes instead of segments."""
    number = said.message_id(app)
    ours = said.user == account
    told: Json = {
        "self_id": account,
        "user_id": said.user,
        "time": said.time,
        "message_id": number,
        "message_type": "private" if said.private else "group",
        "sub_type": "friend" if said.private else "normal",
        "sender": {"user_id": said.user, "nickname": said.name, "card": said.card, "role": "member"},
        "message": in_codes(said.segments) if coded else said.segments,
        "raw_message": in_codes(said.segments),
        "font": 14,
        "post_type": "message_sent" if ours else "message",
    }
    if not said.private:
        told["group_id"] = said.peer
    if app == "NapCat.Onebot":
        told |= {"message_seq": number, "real_id": number, "real_seq": str(said.seq)}
        told |= {"target_id": said.peer} if said.private and ours else {"group_name": group_name}
    elif app != "Lagrange.OneBot":
        told["message_seq"] = said.seq
    if app != "Lagrange.OneBot":
        told["message_format"] = "string" if coded else "array"
    if said.malformed:
        told["message"] = {"what": "shape is this"}
    return told


def in_codes(segments: list[Json]) -> str:
    """Segments as text with CQ codes."""
    return "".join(_code(segment["type"], segment["data"]) for segment in segments)


def _code(kind: str, data: Json) -> str:
    if kind == "text":
        return _escaped(data["text"])
    pairs = "".join(f",{key}={_escaped(str(value)).replace(',', '&#44;')}" for key, value in data.items())
    return f"[CQ:{kind}{pairs}]"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("[", "&#91;").replace("]", "&#93;")
