"""What speaks against sending a text, before it is taken. The one place where a safety check is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from aggregator.inquiry import Inquiry
    from aggregator.web.visit import Visit


class Objection(TypedDict):
    """`name`: for scripts and tests; `said`: the sentence, in the visitor's language."""

    name: str
    said: str


async def objections(_visit: Visit, _inquiry: Inquiry, _text: str) -> list[Objection]:
    """Nothing speaks against it."""
    return []
