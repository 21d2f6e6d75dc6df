"""The wallet app's backend, as it takes the answers that we write: signed as its own calls, each id once."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.demo.chat.faults import Answers, Faulty

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from aggregator.demo.chat import AppBackend


@dataclass
class AppAnswers:
    """Serve `app`; its address with `/answers` is the source's reply_url. taken: message ids, by the id we gave."""

    backend: AppBackend
    answers: Answers = field(default_factory=Answers)
    taken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        routes = [Route("/answers", self._take, methods=["POST"]), Route("/answers", self._tell)]
        self.app = Faulty(Starlette(routes=routes))

    async def _take(self, request: Request) -> Response | ASGIApp:
        raw = await request.body()
        if not self._is_genuine(request, raw):
            return Response(status_code=401)
        if told := self.answers.refuses():
            return JSONResponse({"status": "refused", "reason": told, "error": "the customer has left"}, 422)
        if self.answers.breaks():
            return Response(status_code=502)
        asked: dict[str, Any] = orjson.loads(raw)
        if asked["id"] not in self.taken:
            said = self.backend.replies(asked["author"]["name"], asked["text"], to=asked["reply_to"])
            self.taken[asked["id"]] = said
        return self.answers.told({"status": "accepted", "id": self.taken[asked["id"]]})

    async def _tell(self, request: Request) -> Response:
        if not self._is_genuine(request, request.url.query.encode()):
            return Response(status_code=401)
        known = self.taken.get(request.query_params["id"])
        return JSONResponse({"id": known}) if known else Response(status_code=404)

    def _is_genuine(self, request: Request, signed: bytes) -> bool:
        stamp = request.headers.get("x-inquiry-timestamp", "")
        digest = hmac.new(self.backend.secret.encode(), f"{stamp}.".encode() + signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(request.headers.get("x-inquiry-signature", ""), f"sha256={digest}")
