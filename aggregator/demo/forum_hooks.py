"""The forum's webhook: events queue up, are signed, and are sent again until they are taken."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import httpx
import orjson


@dataclass
class HookSender:
    """Set `url` to switch it on. Events wait in `pending` until `deliver` gets a 2xx for them."""

    url: str = ""
    secret: str = field(default_factory=token_hex)
    pending: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    sent: int = 0

    def tell(self, event: str, post: dict[str, Any]) -> None:
        if self.url:
            self.sent += 1
            self.pending.append(self.signed(event, {"post": post}))

    def signed(self, event: str, body: dict[str, Any]) -> tuple[dict[str, str], bytes]:
        """Headers and body of one call, as the forum makes it."""
        raw = orjson.dumps(body)
        return {
            "Content-Type": "application/json",
            "X-Discourse-Event-Id": str(self.sent),
            "X-Discourse-Event-Type": "post",
            "X-Discourse-Event": event,
            "X-Discourse-Event-Signature": "sha256=" + hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest(),
        }, raw

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Send what is pending, in order; from the first that is not taken on, it stays for the next time."""
        while self.pending:
            headers, body = self.pending[0]
            try:
                taken = (await client.post(self.url, headers=headers, content=body)).is_success
            except httpx.HTTPError:
                taken = False
            if not taken:
                return
            del self.pending[0]
