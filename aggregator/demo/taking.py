"""What becomes of the next answers that a simulated platform is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from aggregator.demo.chat.faults import Answers
from aggregator.demo.forum_faults import throttled

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


@dataclass
class Taking(Answers):
    """waits: seconds that the next one is asked to wait."""

    waits: int = 0

    def hindered(self) -> Response | None:
        """What is answered before anything is taken; None: nothing stands in the way."""
        if self.waits:
            waits, self.waits = self.waits, 0
            return throttled("text", waits)
        return Response(status_code=502) if self.breaks() else None

    async def tell(self, made: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer to one that was taken, or half of it."""
        losing = self.losing > 0
        told = self.told({})
        await (told if losing else made)(scope, receive, send)
