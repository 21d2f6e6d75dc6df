"""What a company sends through WeChat customer service, and who serves a customer there."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from aggregator.demo.wechat.protocol import ApiError, Json
from aggregator.demo.wechat.sending import Codes, Sending

if TYPE_CHECKING:
    from aggregator.demo.wechat_kf import WeChatKfSimulator

CODES: Final = Codes(over=95002, too_many=95001)
OURS: Final = frozenset({0, 1})  # session states in which the API may send


class Answers:
    """Of one company. What it sends is never told by sync_msg.

    msgids: as given, or made here. states: of sessions that are not new, by customer; with the colleague who serves it.
    """

    def __init__(self, kf: WeChatKfSimulator) -> None:
        self._kf = kf
        self.sending = Sending(kf.clock, CODES)
        self.msgids: list[str] = []
        self.states: dict[str, tuple[int, str]] = {}

    def takes(self, body: Json) -> Json:
        """kf/send_msg."""
        if not self._kf.is_open(body["open_kfid"]):
            raise ApiError(95000, "invalid open_kfid")
        if body["touser"] not in self._kf.nicknames:
            raise ApiError(40096, "invalid external_userid")
        msgid = body.get("msgid") or secrets.token_hex(9)
        if not re.fullmatch(r"[0-9a-zA-Z_-]{1,32}", msgid):
            raise ApiError(40058, "invalid msgid")
        if self.states.get(body["touser"], (0, ""))[0] not in OURS:
            raise ApiError(95018, "send msg session status invalid")
        self.sending.send(body["touser"], body["text"]["content"])
        self.msgids.append(msgid)
        return {"errcode": 0, "errmsg": "ok", "msgid": msgid}

    def state(self, body: Json) -> Json:
        """kf/service_state/get."""
        state, colleague = self.states.get(body["external_userid"], (0, ""))
        return {"errcode": 0, "errmsg": "ok", "service_state": state} | (
            {"servicer_userid": colleague} if colleague else {}
        )
