"""A forum that takes posts by its API: what it refuses, what it repeats, and answers that are lost on their way."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson

from aggregator.demo.forum_posts import rendered

if TYPE_CHECKING:
    from aggregator.demo.forum import ForumSimulator

Refusal = Literal["short", "similar", "closed", "forbidden", "read_only", "broken", "enqueued"]
Lost = Literal["timeout", "reset"]
REPEATED_FOR = timedelta(seconds=120)

_REFUSED: dict[Refusal, tuple[int, dict[str, Any]]] = {
    "short": (422, {"action": "create_post", "errors": ["Body is too short (minimum is 20 characters)"]}),
    "similar": (422, {"action": "create_post", "errors": ["Body is too similar to what you recently posted"]}),
    "closed": (403, {"errors": ["This topic is closed."], "error_type": "invalid_access"}),
    "forbidden": (403, {"errors": ["You are not permitted to do that."], "error_type": "invalid_access"}),
    "broken": (500, {}),
    "read_only": (503, {"errors": ["The site is in read only mode."], "error_type": "read_only"}),
}  # fmt: skip


@dataclass
class Writing:
    """What comes by `POST /posts.json`.

    refuses: how the next ones are refused, `broken` by a server that fails. waits: seconds that the next one is asked
    to wait. loses: the next ones are taken, but what says so never arrives. taken: how
    many posts were really made.
    """

    forum: ForumSimulator
    refuses: deque[Refusal] = field(default_factory=deque)
    loses: deque[Lost] = field(default_factory=deque)
    waits: int = 0
    taken: int = 0
    _repeated: dict[str, tuple[datetime, tuple[int, dict[str, Any]]]] = field(default_factory=dict)

    def create(self, user: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON. The same request within two minutes gets the first result again."""
        refusal = self.refuses.popleft() if self.refuses else None
        if refusal is not None and refusal in _REFUSED:
            return _REFUSED[refusal]
        sign, now = hashlib.sha256(user.encode() + body).hexdigest(), self.forum.clock()
        if sign in self._repeated and now - self._repeated[sign][0] < REPEATED_FOR:
            return self._repeated[sign][1]
        result = self._make(user, orjson.loads(body), held=refusal == "enqueued")
        self._repeated[sign] = (now, result)
        return result

    def _make(self, user: str, asked: dict[str, Any], *, held: bool) -> tuple[int, dict[str, Any]]:
        place = self.forum.find(asked["topic_id"], asked.get("reply_to_post_number"))
        if place is None:
            return 404, {"errors": ["The page does not exist or is private."], "error_type": "not_found"}
        self.taken += 1
        made = self.forum.says(user, asked["raw"], topic=asked["topic_id"], reply_to=place.id, held=held)
        if held:
            return 200, {"action": "enqueued", "success": True, "pending_post": {"id": self.taken, "raw": asked["raw"]}}
        return 200, rendered(self.forum.post(made), self.forum.subfolder)
