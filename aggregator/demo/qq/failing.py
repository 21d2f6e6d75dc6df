"""How a OneBot action fails."""

from __future__ import annotations


class ActionError(Exception):
    """An action fails, with this retcode."""

    def __init__(self, retcode: int, message: str) -> None:
        super().__init__(message)
        self.retcode = retcode
