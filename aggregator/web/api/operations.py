"""All calls of the API."""

from __future__ import annotations

from typing import Final

from aggregator.web.api import acting, many, reading, replying

OPERATIONS: Final = (*reading.OPERATIONS, *acting.OPERATIONS, *many.OPERATIONS, *replying.OPERATIONS)
