"""The page of the API for people: each call with its scope and fields, and each kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aggregator.web.api import problem
from aggregator.web.api.document import PREFIX
from aggregator.web.api.operations import OPERATIONS

if TYPE_CHECKING:
    from starlette.responses import Response

    from aggregator.web.api.operation import Operation
    from aggregator.web.visit import Visit


async def guide(visit: Visit) -> Response:
    parts = [[each for each in OPERATIONS if each.method == method] for method in ("GET", "POST")]
    return visit.page("api.html", parts=parts, kinds=problem.KINDS, prefix=PREFIX, fields_of=_fields)


def _fields(operation: Operation) -> Iterator[tuple[str, bool]]:
    """What goes into its query or body, and whether it must."""
    model = operation.body or operation.query
    for name, field in model.model_fields.items() if model else ():
        yield name, field.is_required()
