"""The HTTP actions that reading needs, with what each implementation takes, and how it refuses.

https://github.com/botuniverse/onebot-11/blob/master/api/public.md
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aggregator.demo.forum_faults import answer_with_fault
from aggregator.demo.qq.answers import WHOM
from aggregator.demo.qq.failing import ActionError
from aggregator.demo.qq.messages import VERSIONS, Json, Said

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from aggregator.demo.qq import OneBotSimulator

MOST: Final = 100  # messages that one answer holds
SHORT_IDS: Final = 5000  # that NapCat remembers

# What each takes, by name: the types of its published schema. Whatever else is sent is refused.
_PAGED: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "NapCat.Onebot": {"count": int, "message_seq": str, "reverse_order": bool, "reverseOrder": bool},
    "Lagrange.OneBot": {"count": int, "message_id": int},
    "LLOneBot": {"count": (int, str), "message_seq": (int, str), "reverse_order": bool},
}
_WHOM: Final = {"get_group_msg_history": "group_id", "get_friend_msg_history": "user_id"}


class Actions:
    """Answers at `/<action>`."""

    def __init__(self, simulator: OneBotSimulator) -> None:
        self._simulator = simulator
        self._short_ids: OrderedDict[int, Said] = OrderedDict()
        self.calls: list[tuple[str, Json]] = []
        self.most = MOST
        self.refuses: set[str] = set()  # actions that a version does not have
        self.fails_for: set[int] = set()  # groups whose history cannot be had
        self.passed_on: dict[str, list[Json]] = {}  # messages of the chats that somebody passes on, by id
        self.loses_older = False  # no message is known as a cursor
        self.remembers_from: dict[int, int] = {}  # group -> seq at which Lagrange's own database begins
        self.route = Route("/{action}", self, methods=["POST"])

    def forget(self) -> None:
        self._short_ids.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        simulator = self._simulator
        if simulator.faults:
            await answer_with_fault(*simulator.faults.popleft(), scope, receive, send)
            return
        if scope["path"].strip("/") not in WHOM:
            await (await self._answer(Request(scope, receive)))(scope, receive, send)
        elif hindered := simulator.our.hindered():
            await hindered(scope, receive, send)
        else:
            await simulator.our.tell(await self._answer(Request(scope, receive)), scope, receive, send)

    async def _answer(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        try:
            parameters = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return JSONResponse({"status": "failed", "retcode": 400}, 400)
        action = request.path_params["action"]
        self.calls.append((action, parameters))
        try:
            return JSONResponse(_told("ok", 0, self._carried_out(action, parameters)))
        except ActionError as error:
            return JSONResponse(_told("failed", error.retcode, None, str(error)))

    def _refused(self, request: Request) -> JSONResponse | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._simulator.token_is_good and hmac.compare_digest(given.encode(), self._simulator.token.encode()):
            return None
        napcat = self._simulator.app_name == "NapCat.Onebot"
        return JSONResponse({"message": "token verify failed!"}, 403 if given or napcat else 401)

    def _carried_out(self, action: str, parameters: Json) -> Any:
        simulator = self._simulator
        if action in self.refuses:
            raise ActionError(1404, "不支持的Api")
        match action:
            case "get_version_info":
                app = simulator.app_name
                return {"app_name": app, "app_version": VERSIONS.get(app, "0.1"), "protocol_version": "v11"}
            case "get_login_info":
                return {"user_id": simulator.account, "nickname": "Harbor 助手"}
            case "get_status":
                return {"online": simulator.online, "good": True, "stat": {}}
            case "get_group_list":
                return [] if simulator.lists_nothing else self._groups()
            case "get_recent_contact" if simulator.app_name == "NapCat.Onebot":
                return self._contacts(parameters)
            case "send_group_msg" | "send_private_msg":
                return simulator.our.takes(action, parameters)
            case "get_forward_msg" if parameters["id"] in self.passed_on:
                # The standard's name, which Lagrange has, and the name that the others use.
                name = "message" if simulator.app_name == "Lagrange.OneBot" else "messages"
                return {name: self.passed_on[parameters["id"]]}
            case "get_forward_msg":
                raise ActionError(200, "消息已过期或者为内层消息，无法获取转发消息")
            case "get_group_msg_history" | "get_friend_msg_history":
                return {"messages": [simulator.shown(said) for said in self._history(action, parameters)]}
        raise ActionError(200 if simulator.app_name == "NapCat.Onebot" else 1404, "不支持的Api")

    def _groups(self) -> list[Json]:
        return [
            {"group_id": number, "group_name": group.name, "member_count": 1987, "max_member_count": 2000}
            for number, group in self._simulator.groups.items()
            if group.joined
        ]

    def _contacts(self, parameters: Json) -> list[Json]:
        """Private chats and groups together, the latest first."""
        chats = [(1, number, chat.name, chat.said) for number, chat in self._simulator.contacts.items()]
        chats += [(2, number, group.name, group.said) for number, group in self._simulator.groups.items()]
        chats.sort(key=lambda chat: chat[3][-1].time if chat[3] else 0, reverse=True)
        return [
            {"peerUin": str(number), "chatType": kind, "msgTime": str(said[-1].time if said else 0), "peerName": name}
            for kind, number, name, said in chats[: parameters["count"]]
        ]

    def _history(self, action: str, parameters: Json) -> list[Said]:
        self._check(action, parameters)
        peer = int(parameters[_WHOM[action]])
        there = self._simulator.readable(peer, private=action == "get_friend_msg_history")
        there = [said for said in there if said.seq >= self.remembers_from.get(peer, 0)]
        if peer in self.fails_for or (self.loses_older and len(parameters) > len(("whom", "count"))):
            raise ActionError(200, "timeout")
        count = min(int(parameters["count"]), self.most)
        found = self._asked(there, parameters, count)
        if not found and self._simulator.app_name in ("NapCat.Onebot", "Lagrange.OneBot"):
            raise ActionError(200, f"消息{parameters.get('message_seq', 'undefined')}不存在")
        for said in found:
            self._short_ids[said.message_id(self._simulator.app_name)] = said
        while len(self._short_ids) > SHORT_IDS:
            self._short_ids.popitem(last=False)
        return found

    def _asked(self, there: list[Said], parameters: Json, count: int) -> list[Said]:
        """The newest, or those from the cursor on; the message at the cursor is always among them."""
        match self._simulator.app_name:
            case "NapCat.Onebot":
                return self._asked_of_napcat(there, parameters, count)
            case "Lagrange.OneBot":
                number = parameters.get("message_id") or 0
                cursor = next((said for said in there if said.message_id("Lagrange.OneBot") == number), None)
                if number and cursor is None:
                    raise ActionError(200, "message not found")
                return [said for said in there if cursor is None or said.seq <= cursor.seq][-count:]
            case _:
                seq = int(parameters.get("message_seq") or 0)
                return [said for said in there if not seq or said.seq <= seq][-count:]

    def _asked_of_napcat(self, there: list[Said], parameters: Json, count: int) -> list[Said]:
        given = parameters.get("message_seq")
        if not given or given == "0":
            return there[-count:]
        cursor = self._short_ids.get(int(given))  # what it does not remember it takes for the kernel's own id
        if cursor is None:
            return []
        if parameters.get("reverse_order") or parameters.get("reverseOrder"):
            return [said for said in there if said.seq <= cursor.seq][-count:]
        return [said for said in there if said.seq >= cursor.seq][:count]

    def _check(self, action: str, parameters: Json) -> None:
        """Refuse what the implementation's schema does not hold."""
        whom: type | tuple[type, ...] = {"NapCat.Onebot": str, "Lagrange.OneBot": int}.get(
            self._simulator.app_name, (int, str)
        )
        taken = _PAGED.get(self._simulator.app_name, _PAGED["LLOneBot"]) | {_WHOM[action]: whom}
        wrong = [key for key, value in parameters.items() if key not in taken or not isinstance(value, taken[key])]
        if wrong or _WHOM[action] not in parameters:
            raise ActionError(400, f"wrong: {wrong}")


def _told(status: str, retcode: int, data: Any, message: str = "") -> Json:
    return {"status": status, "retcode": retcode, "data": data, "message": message, "wording": message, "echo": None}
