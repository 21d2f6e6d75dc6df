"""The rows of an answer of WeChat's."""

from __future__ import annotations

from connectors.contract import Record
from connectors.errors import TransientError
from connectors.session import Json


def rows_of(answer: Json, name: str) -> list[Record]:
    """What an answer lists under a name; nothing, if it does not have it.

    Raises:
        TransientError: something else stands there.
    """
    rows = answer.get(name, [])
    if not isinstance(rows, list):
        raise TransientError(f"WeChat's answer holds no list of {name}")
    return [row if isinstance(row, dict) else {"unknown": row} for row in rows]
