"""Errors as application/problem+json (RFC 9457). `type` leads to the page that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from aggregator.web.api.shapes import Finding, Inquiry
from aggregator.web.i18n import N_, Lang, catalogue

MEDIA: Final = "application/problem+json"


class Kind(NamedTuple):
    """A kind of error: its status, and what people call it."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "malformed": Kind(400, N_("This is not JSON")),
        "token": Kind(401, N_("A token is needed")),
        "scope": Kind(403, N_("The token lacks a scope")),
        "too-mighty": Kind(403, N_("This token may do too much to stand in an address")),
        "role": Kind(403, N_("The token's owner may not do this")),
        "at-work": Kind(403, N_("A colleague is at work on it")),
        "not-found": Kind(404, N_("There is no such thing here")),
        "method": Kind(405, N_("This method is not for this address")),
        "changed": Kind(409, N_("It has changed meanwhile")),
        "answered": Kind(409, N_("Somebody has answered meanwhile")),
        "settled": Kind(409, N_("It is in another state by now")),
        "not-possible": Kind(409, N_("This cannot be done to it as it is")),
        "begin-again": Kind(410, N_("That is too long ago: begin again")),
        "too-large": Kind(413, N_("The body is too large")),
        "media-type": Kind(415, N_("The body must be application/json")),
        "invalid": Kind(422, N_("Some values cannot be")),
        "confirm": Kind(422, N_("So many want a yes")),
        "objections": Kind(422, N_("Something speaks against sending this")),
        "key-used": Kind(422, N_("This key was used for something else")),
        "crowded": Kind(429, N_("Too many requests at once")),
        "broken": Kind(500, N_("Something went wrong on our side")),
        "disk-full": Kind(507, N_("The disk is full")),
    }
)


class Mistake(BaseModel):
    """One value that cannot be. `path` is a JSON Pointer into the body, or the name of a query parameter."""

    place: Literal["body", "query", "header"]
    path: str
    said: str


class Problem(BaseModel):
    """What went wrong, for people (`title`, `detail`) and for programs (`type`, `status`)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="A reference to the page that explains it; it never changes.")
    title: str
    status: int
    detail: str = Field(description="In the language of Accept-Language.")


class Invalid(Problem):
    errors: tuple[Mistake, ...]


class Conflict(Problem):
    """Somebody was quicker. `inquiry`: as it is now. `take`: whether it may be taken over."""

    inquiry: Inquiry
    take: bool = False


class Unconfirmed(Problem):
    """`count` inquiries match: send the same again with `sure` set to it."""

    count: int


class Objected(Problem):
    """What the safety check found. Warnings can be confirmed by their keys, in `confirmed`."""

    findings: tuple[Finding, ...]


class Broken(Problem):
    """`number` stands in the log, too."""

    number: str


MODELS: Final[Mapping[str, type[Problem]]] = MappingProxyType(
    {
        "invalid": Invalid,
        "changed": Conflict,
        "at-work": Conflict,
        "answered": Conflict,
        "confirm": Unconfirmed,
        "objections": Objected,
        "broken": Broken,
    }
)
"""Kinds that tell more than the rest."""


class ProblemError(Exception):
    """Ends a call. `more`: the members that its kind has besides."""

    def __init__(self, name: str, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def invalid(lang: Lang, *mistakes: Mistake) -> ProblemError:
    """The values that are at fault, all of them."""
    detail = catalogue(lang).gettext("See errors for each of them.")
    return ProblemError("invalid", detail, errors=mistakes)


def not_found(lang: Lang) -> ProblemError:
    return ProblemError("not-found", titled("not-found", lang))


def titled(name: str, lang: Lang) -> str:
    """What people call this kind of error."""
    return catalogue(lang).gettext(KINDS[name].title)


def answer(error: ProblemError, lang: Lang) -> Response:
    kind = KINDS[error.name]
    problem = MODELS.get(error.name, Problem).model_validate(
        {
            "type": f"/api#{error.name}",
            "title": titled(error.name, lang),
            "status": kind.status,
            "detail": error.detail,
            **error.more,
        }
    )
    headers = {"content-language": lang, **error.headers}
    return Response(problem.model_dump_json(), kind.status, headers=headers, media_type=MEDIA)
