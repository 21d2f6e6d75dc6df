"""What a forum, or what stands before it, answers when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Fault = Literal["timeout", "reset", "truncated", "500", "503", "429_json", "429_text", "html", "403", "latin1", "empty"]

_FIXED: dict[str, tuple[int, bytes, str]] = {
    "truncated": (200, b'{"latest_posts":[{"id":1001,"raw":"my wal', "application/json; charset=utf-8"),
    "500": (500, b"<html><body>Oops</body></html>", "text/html"),
    "503": (503, b'{"errors":["read only"]}', "application/json"),
    "html": (403, b"<html><title>Just a moment...</title></html>", "text/html; charset=UTF-8"),
    "403": (403, b'{"errors":["no"],"error_type":"invalid_access"}', "application/json"),
    "latin1": (200, '{"latest_posts":[{"id":1001,"name":"Jörg"}]}'.encode("latin-1"), "application/json"),
    "empty": (200, b'{"latest_posts":[],"private_posts":[]}', "application/json; charset=utf-8"),
}


async def answer_with_fault(fault: Fault, wait: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request so. `wait`: seconds, for the two kinds of 429."""
    if fault == "timeout":
        while (await receive())["type"] != "http.disconnect":
            pass
    elif fault == "reset":
        # A body that stays shorter than announced: the server drops the connection.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
        await send({"type": "http.response.body", "body": b'{"latest_', "more_body": True})
    elif fault in ("429_json", "429_text"):
        await throttled("json" if fault == "429_json" else "text", wait)(scope, receive, send)
    else:
        status, body, media_type = _FIXED[fault]
        await Response(body, status, media_type=media_type)(scope, receive, send)


def throttled(limiter: Literal["json", "text"], wait: int) -> Response:
    """The application's own limiter answers in JSON, the one before it in plain text."""
    headers = {"Retry-After": str(wait)}
    if limiter == "text":
        body = f"Slow down, too many requests.\nPlease retry again in {wait} seconds.\n"
        return Response(
            body, 429, headers | {"Discourse-Rate-Limit-Error-Code": "ip_10_secs_limit"}, media_type="text/plain"
        )
    told = {
        "errors": ["Too often, please try again later."],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": wait, "time_left": f"{wait} seconds"},
    }
    return Response(orjson.dumps(told), 429, headers, media_type="application/json; charset=utf-8")
