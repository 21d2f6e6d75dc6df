"""The Bot API over HTTP, with its failures. https://core.telegram.org/bots/api#making-requests"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aggregator.demo.telegram.messages import Json

if TYPE_CHECKING:
    from aggregator.demo.telegram import TelegramSimulator

Fault = Literal[
    "timeout", "reset", "truncated", "500", "429", "409_poller", "409_webhook", "401", "403", "html", "empty"
]

LONGEST: Final = 4096  # UTF-16 units of a message
OTHER_POLLER: Final = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.answer: Json = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.answer["parameters"] = parameters


class BotApi:
    """Answers for the bot of a simulated Telegram."""

    def __init__(self, telegram: TelegramSimulator) -> None:
        self.most_per_answer = 100
        self.webhook: Json = {"url": "", "has_custom_certificate": False}
        self.calls: deque[tuple[str, Json]] = deque(maxlen=1000)
        self.route = Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"])
        self._telegram = telegram
        self._webhook_secret = ""

    async def push(self) -> int:
        """Call the webhook with what waits, in order, until one call is not answered with 2xx; how many were."""
        queue = self._telegram.queue
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._webhook_secret}
        done = 0
        async with httpx.AsyncClient() as client:
            while waiting := queue.first(1):
                answer = await client.post(self.webhook["url"], json=waiting[0], headers=headers)
                if not answer.is_success:
                    self.webhook["last_error_message"] = f"Wrong response from the webhook: {answer.status_code}"
                    return done
                queue.confirm(waiting[0]["update_id"] + 1)
                done += 1
        return done

    async def _answer(self, request: Request) -> Response:
        method = str(request.path_params["method"])
        parameters = await _parameters(request)
        self.calls.append((method, parameters))
        fault, retry_after = self._fault(method)
        try:
            if fault is not None and fault not in ("reset", "truncated"):
                return await _fail(fault, retry_after, request)
            if request.path_params["token"] != self._telegram.token or not self._telegram.token_is_good:
                raise ApiError(401, "Unauthorized")
            if method == "getUpdates":
                return _ok(await self._get_updates(parameters, request), fault)
            return _ok(self._result(method, parameters), fault)
        except ApiError as error:
            return JSONResponse(error.answer, error.status)

    def _fault(self, method: str) -> tuple[Fault | None, int]:
        faults = self._telegram.faults
        if faults and faults[0][1] in (None, method):
            fault, _, retry_after = faults.popleft()
            return fault, retry_after
        return None, 0

    def _result(self, method: str, parameters: Json) -> object:
        telegram = self._telegram
        match method:
            case "getMe":
                return telegram.bot | {
                    "can_join_groups": True,
                    "can_read_all_group_messages": not telegram.privacy_mode,
                }
            case "getWebhookInfo":
                return self.webhook | {"pending_update_count": len(telegram.queue)}
            case "setWebhook":
                telegram.queue.allow(parameters.get("allowed_updates"))
                self._webhook_secret = parameters.get("secret_token", "")
                self.webhook = {"url": parameters["url"], "has_custom_certificate": False}
                return True
            case "deleteWebhook":
                self.webhook = {"url": "", "has_custom_certificate": False}
                if parameters.get("drop_pending_updates"):
                    telegram.queue.clear()
                return True
            case "getChat":
                return self._chat(parameters)
            case "getChatMember":
                return {"user": telegram.bot, "status": telegram.bot_status[self._chat(parameters)["id"]]}
            case "sendMessage":
                return self._send_message(parameters)
        raise ApiError(404, "Not Found")

    async def _get_updates(self, parameters: Json, request: Request) -> list[Json]:
        if self.webhook["url"]:
            raise ApiError(409, WEBHOOK_ACTIVE)
        queue = self._telegram.queue
        queue.allow(parameters.get("allowed_updates"))
        queue.confirm(parameters.get("offset") or 0)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            if await queue.something(parameters.get("timeout") or 0, gone) == "conflict":
                raise ApiError(409, OTHER_POLLER)
        finally:
            gone.cancel()
        return queue.first(min(parameters.get("limit") or 100, 100, self.most_per_answer))

    def _chat(self, parameters: Json) -> Json:
        number = parameters["chat_id"]
        telegram = self._telegram
        if number in telegram.moved:
            why = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, why, migrate_to_chat_id=telegram.moved[number])
        if number not in telegram.chats:
            raise ApiError(400, "Bad Request: chat not found")
        if telegram.bot_status[number] == "kicked":
            raise ApiError(403, f"Forbidden: bot was kicked from the {telegram.chats[number]['type']} chat")
        return telegram.chats[number]

    def _send_message(self, parameters: Json) -> Json:
        chat = self._chat(parameters)["id"]
        if bool(self._telegram.chats[chat].get("is_direct_messages")) != ("direct_messages_topic_id" in parameters):
            raise ApiError(400, "Bad Request: DIRECT_MESSAGES_TOPIC_INVALID")
        if len(parameters["text"].encode("utf-16-le")) > 2 * LONGEST:
            raise ApiError(400, "Bad Request: message is too long")
        reply: Json = parameters.get("reply_parameters") or {}
        parent = f"{chat}/{reply['message_id']}" if reply else None
        if parent is not None and not self._telegram.holds(parent):
            if not reply.get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
            parent = None
        return self._telegram.bot_says(chat, parameters["text"], parent, parameters.get("message_thread_id"))


class _Dropped(Response):
    """An answer whose connection is dropped in the middle."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})


def _ok(result: object, fault: Fault | None = None) -> Response:
    """The answer; with a fault the call has taken effect, and half of its answer is lost."""
    whole = JSONResponse({"ok": True, "result": result})
    if fault == "reset":
        return _Dropped(whole.body, media_type="application/json")
    if fault == "truncated":
        return Response(whole.body[: len(whole.body) // 2], media_type="application/json")
    return whole


async def _fail(fault: Fault, retry_after: int, request: Request) -> Response:
    match fault:
        case "timeout":
            await _disconnected(request)
            return Response(status_code=500)
        case "html":
            return Response("<html><body>Bad gateway</body></html>", media_type="text/html")
        case "empty":
            return _ok([])
        case "429":
            raise ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
        case "401":
            raise ApiError(401, "Unauthorized")
        case "403":
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        case "409_poller":
            raise ApiError(409, OTHER_POLLER)
        case "409_webhook":
            raise ApiError(409, WEBHOOK_ACTIVE)
        case _:
            raise ApiError(500, "Internal Server Error")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _parameters(request: Request) -> Json:
    """Parameters from the query, a form or a JSON body; a form writes numbers, flags and lists as JSON."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(body))
    pairs = [*request.query_params.multi_items(), *parse_qsl(body.decode())]
    return {key: _value(key, value) for key, value in pairs}


def _value(key: str, value: str) -> Any:
    return value if key in ("text", "url", "secret_token") else json.loads(value)
