"""What the bot answers: within minutes of a message, five times, each number once.

https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse

from aggregator.demo.taking import Taking

if TYPE_CHECKING:
    from aggregator.demo.qq_bot import QQBotSimulator

Json = dict[str, Any]
LASTS: Final = {
    "group": timedelta(minutes=5),
    "c2c": timedelta(minutes=60),
    "guild": timedelta(minutes=5),
    "dm": timedelta(minutes=5),
}
MOST: Final = 5
KINDS: Final = {"groups": "group", "users": "c2c", "channels": "guild", "dms": "dm"}
PATHS: Final = (
    "/v2/groups/{openid}/messages",
    "/v2/users/{openid}/messages",
    "/channels/{number}/messages",
    "/dms/{number}/messages",
)


@dataclass
class Answers(Taking):
    """`refusals`: codes. audited: the next ones are looked at first. sent: path and body of what was taken."""

    bot: QQBotSimulator = field(kw_only=True)
    audited: bool = False
    sent: list[tuple[str, Json]] = field(default_factory=list)

    def takes(self, path: str, body: Json) -> JSONResponse:
        kind = KINDS[path.removeprefix("/v2").split("/")[1]]
        code = self._refusal(kind, body)
        if code is not None:
            return JSONResponse({"code": code, "message": "no", "trace_id": "0"}, 400)
        self.sent.append((path, body))
        if self.audited:
            told = {"code": 304023, "message": "push message is waiting for audit now"}
            return JSONResponse(told | {"data": {"message_audit": {"audit_id": "1"}}}, 202)
        at = self.bot.clock().isoformat()
        return JSONResponse({"id": f"ROBOT1.0_{len(self.sent)}.ours!", "timestamp": at})

    def _refusal(self, kind: str, body: Json) -> int | None:
        if (told := self.refuses()) is not None:
            return int(told)
        said = self.bot.said(f"{kind}:{body.get('msg_id')}")
        if said is None:
            return 40034024
        if self.bot.clock() >= datetime.fromisoformat(said["timestamp"]) + LASTS[kind]:
            return 40034005
        if kind not in ("group", "c2c"):
            return None
        numbers = [each.get("msg_seq", 1) for _, each in self.sent if each["msg_id"] == body["msg_id"]]
        if body.get("msg_seq", 1) in numbers:
            return 40054005
        return 40034128 if len(numbers) >= MOST else None
