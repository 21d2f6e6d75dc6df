"""Operations as routes: who calls is checked, what was sent is read, what comes back is written."""

from __future__ import annotations

import logging
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from aggregator.store.desk import DeskFullError
from aggregator.web.api import problem
from aggregator.web.api.caller import Call, caller, must_have, wished
from aggregator.web.api.problem import Mistake, ProblemError
from aggregator.web.i18n import catalogue

if TYPE_CHECKING:
    from starlette.requests import Request

    from aggregator.web.api.operation import Operation

log = logging.getLogger(__name__)

LONGEST: Final = 512 * 1024
"""Bytes of a body: five thousand inquiries with their versions."""

AT_ONCE: Final = 8
"""Requests of one owner that are answered at the same time. Programs share threads and database with the pages."""

_UNPROCESSABLE = {400: "malformed", 404: "not-found", 405: "method"}


class Crowd:
    """How many requests each owner has under way."""

    def __init__(self) -> None:
        self._there: Counter[str] = Counter()

    @asynccontextmanager
    async def joined(self, call: Call) -> AsyncIterator[None]:
        """Raises ProblemError: this owner's programs have enough under way."""
        who = call.user.name
        if self._there[who] >= AT_ONCE:
            detail = call.gettext("%(n)s requests of %(who)s are under way; wait for them.")
            raise ProblemError("crowded", detail % {"n": AT_ONCE, "who": who}, {"retry-after": "1"})
        self._there[who] += 1
        try:
            yield
        finally:
            self._there[who] -= 1


def routes(operations: Iterable[Operation], crowd: Crowd) -> list[BaseRoute]:
    """One route for each path, so that a wrong method is told all that are right."""
    by_path: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations:
        by_path[operation.path][operation.method] = operation
    return [Route(path, _endpoint(methods, crowd), methods=[*methods]) for path, methods in by_path.items()]


def handlers() -> dict[int | type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    """Every error of the API as a problem."""
    return {ProblemError: _problem, HTTPException: _refused, DeskFullError: _full, 500: _broken}


def application(operations: Iterable[Operation], crowd: Crowd, *more: BaseRoute) -> Starlette:
    """The API, to be mounted. Its `state.site` is set by whoever mounts it."""
    return Starlette(routes=[*more, *routes(operations, crowd)], exception_handlers=handlers())


def _endpoint(methods: dict[str, Operation], crowd: Crowd) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        assert operation is not None
        call = await caller(request)
        must_have(call, operation.scope, operation.who)
        async with crowd.joined(call):
            told = await operation.handler(call, await _asked(call, operation))
        headers = {"content-language": call.lang, "vary": "authorization, accept-language"}
        if link := next_page(call, told):
            headers["link"] = link
        return Response(told.model_dump_json(), operation.status, headers=headers, media_type="application/json")

    return endpoint


def next_page(call: Call, told: BaseModel) -> str:
    """The next page as a link (RFC 8288), of an answer that has a `cursor`."""
    if not (cursor := getattr(told, "cursor", None)):
        return ""
    url = call.request.url
    query = call.request.query_params.multi_items()
    again = url.replace_query_params(**{**dict(query), "cursor": cursor})
    return f'<{again.path}?{again.query}>; rel="next"'


# -- what was sent ---------------------------------------------------------------------------------


async def _asked(call: Call, operation: Operation) -> BaseModel | None:
    query = read_query(call, operation.query)
    if operation.body is None:
        return query
    sent = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != "application/json":
        raise ProblemError("media-type", call.gettext("Send it with “Content-Type: application/json”."))
    body = await _body(call)
    try:
        return operation.body.model_validate_json(body, strict=True)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors()):
            raise ProblemError("malformed", str(error.errors()[0]["msg"])) from None
        raise problem.invalid(call.lang, *_mistakes(error, "body")) from None


def read_query(call: Call, model: type[BaseModel] | None) -> BaseModel | None:
    """The parameters of the address, each once.

    Raises:
        ProblemError: some are unknown, or cannot be.
    """
    pairs = call.request.query_params.multi_items()
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        said = call.gettext("It stands there twice; put commas between several values.")
        raise problem.invalid(call.lang, *(Mistake(place="query", path=name, said=said) for name in twice))
    if model is None:
        if pairs:
            said = call.gettext("There is no such parameter here.")
            raise problem.invalid(call.lang, *(Mistake(place="query", path=name, said=said) for name, _ in pairs))
        return None
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise problem.invalid(call.lang, *_mistakes(error, "query")) from None


async def _body(call: Call) -> bytes:
    """Raises ProblemError: it is longer than anything that makes sense."""
    read = bytearray()
    try:
        async for chunk in call.request.stream():
            read += chunk
            if len(read) > LONGEST:
                detail = call.gettext("At most %(n)s bytes.") % {"n": f"{LONGEST:,}"}
                raise ProblemError("too-large", detail)
    except ClientDisconnect:
        raise HTTPException(400) from None  # nobody is there to read it
    return bytes(read)


def _mistakes(error: ValidationError, place: str) -> Iterable[Mistake]:
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in each["loc"]]
        path = "/".join(["", *parts]) if place == "body" else "/".join(parts)
        yield Mistake.model_validate({"place": place, "path": path, "said": each["msg"]})


# -- what went wrong -------------------------------------------------------------------------------


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem.answer(error, wished(request))


async def _refused(request: Request, error: Exception) -> Response:
    """What functions of the pages raise, and the router."""
    assert isinstance(error, HTTPException)
    gettext = catalogue(wished(request)).gettext
    name = _UNPROCESSABLE.get(error.status_code, "malformed")
    detail = problem.titled(name, wished(request))
    if name == "method":
        detail = gettext("Here go: %(methods)s") % {"methods": (error.headers or {}).get("Allow", "")}
    return problem.answer(ProblemError(name, detail, error.headers), wished(request))


async def _full(request: Request, error: Exception) -> Response:
    log.error("desk.full", extra={"why": str(error)})
    return problem.answer(ProblemError("disk-full", str(error), {"retry-after": "60"}), wished(request))


async def _broken(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.error("api.failed", extra={"number": number, "path": request.url.path}, exc_info=error)
    detail = catalogue(wished(request)).gettext("Tell the operator this number: %(number)s") % {"number": number}
    return problem.answer(ProblemError("broken", detail, number=number), wished(request))
