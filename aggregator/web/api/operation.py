"""One call of the API: what it takes, what it answers, who may make it. Routes and document are both made of this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from aggregator.store.desk import Role
from aggregator.store.tokens import Scope
from aggregator.web.api.caller import Call

Handler = Callable[[Call, Any], Awaitable[BaseModel]]
"""Gets the call, and the model of its query or body (None: it takes neither)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is its operationId; `summary` stands untranslated, for gettext. `problems`: kinds of problem.KINDS that
    only it has, besides those of its scope, path, query and body."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    handler: Handler
    answer: type[BaseModel]
    scope: Scope = "read"
    who: Role = "viewer"
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    once: bool = False  # takes an Idempotency-Key

    @property
    def all_problems(self) -> tuple[str, ...]:
        """Every kind that it can be answered with, but for what concerns no operation."""
        of_path = ("not-found",) if "{" in self.path else ()
        of_body = ("malformed", "too-large", "media-type") if self.body else ()
        of_key = ("key-used",) if self.once else ()
        common = ("token", "scope", "role", "invalid", "crowded", "disk-full")
        return tuple(dict.fromkeys((*common, *of_path, *of_body, *of_key, *self.problems)))


def reads(
    name: str,
    path: str,
    summary: str,
    handler: Handler,
    answer: type[BaseModel],
    *,
    query: type[BaseModel] | None = None,
    problems: tuple[str, ...] = (),
) -> Operation:
    """Looks, for whoever has the scope `read`."""
    return Operation(name, "GET", path, summary, handler, answer, query=query, problems=problems)


def acts(
    name: str,
    path: str,
    summary: str,
    handler: Handler,
    answer: type[BaseModel],
    *,
    body: type[BaseModel] | None = None,
    problems: tuple[str, ...] = (),
    status: int = 200,
    who: Role = "agent",
    once: bool = False,
) -> Operation:
    """Does something, for an agent (or higher) whose token has the scope `act`."""
    return Operation(
        name, "POST", path, summary, handler, answer, "act", who, status, body=body, problems=problems, once=once
    )
