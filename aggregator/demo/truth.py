"""What a simulator knows to be so, for comparing with what was stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Truth:
    """One post as the platform holds it now, in the words of `connectors.contract.Post`."""

    native_id: str
    text: str  # as of now, plain, as a connector should read it
    author: str  # the author's native id
    thread: str
    published_at: datetime  # aware, UTC
    deleted: bool
