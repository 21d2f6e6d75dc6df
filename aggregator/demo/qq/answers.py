"""What the account itself sends by OneBot's actions, and how QQ refuses it.

https://github.com/botuniverse/onebot-11/blob/master/api/public.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aggregator.demo.qq.failing import ActionError
from aggregator.demo.qq.messages import Json
from aggregator.demo.taking import Taking

if TYPE_CHECKING:
    from aggregator.demo.qq import OneBotSimulator

WHOM: Final = {"send_group_msg": "group_id", "send_private_msg": "user_id"}
MUTED, NOT_IN_IT = 120, 110  # what QQ's own code calls them


@dataclass
class Answers(Taking):
    """`refusals`: messages of failures. muted: groups in which the account may not speak. sent: parameters of what was
    taken, in order."""

    qq: OneBotSimulator = field(kw_only=True)
    muted: set[int] = field(default_factory=set)
    sent: list[Json] = field(default_factory=list)

    def takes(self, action: str, parameters: Json) -> Json:
        """Raises ActionError: it is not taken."""
        whom = parameters[WHOM[action]]
        if not isinstance(whom, str if self.qq.app_name == "NapCat.Onebot" else int):
            raise ActionError(400, f"wrong: {WHOM[action]}")
        if (told := self.refuses()) is not None:
            raise ActionError(200, told)
        peer, private = int(whom), action == "send_private_msg"
        if not private and peer in self.muted:
            raise ActionError(200, kernel(MUTED))
        if not private and not self.qq.groups[peer].joined:
            raise ActionError(200, kernel(NOT_IN_IT))
        # Text instead of segments would be read for CQ codes.
        segments = parameters["message"]
        if not isinstance(segments, list):
            raise ActionError(400, "wrong: message")
        said = "".join(each["data"]["text"] for each in segments if each["type"] == "text")
        known = [each for each in segments if each["type"] != "reply" or self.qq.knows(each["data"]["id"], peer)]
        self.sent.append(parameters)
        return {"message_id": self.qq.message_id(self.qq.sends_itself(known, said, peer, private=private))}


def kernel(result: int) -> str:
    """How NapCat reports what QQ's own code says."""
    told = f'{{\n    "result": {result},\n    "errMsg": ""\n}}'
    return f"EventChecker Failed: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg EventRet:\n{told}\n"
