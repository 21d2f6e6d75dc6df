"""Who calls: the owner of the token in `Authorization`, with the scopes that the token has.

A session's cookie is not taken. A browser sends it by itself, also when another site makes it ask, and the pages ward
that off by a token in each form; a program has no form. Where no cookie counts, nothing can be forged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggregator.store.tokens import Scope, holder
from aggregator.web.api.problem import ProblemError
from aggregator.web.i18n import Lang, catalogue, choose
from aggregator.web.visit import Site, Visit

if TYPE_CHECKING:
    from starlette.requests import Request

    from aggregator.store.desk import Role, User

REALM = 'Bearer realm="inquiries"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Visit):
    """A visit by a program: there is no session, and its user is the token's owner."""

    holder: User
    scopes: frozenset[Scope]

    @property
    def user(self) -> User:
        return self.holder


def wished(request: Request, of_owner: str = "") -> Lang:
    """The language of the answer. A program says what it wants; else it is that of the token's owner."""
    return choose(request.headers.get("accept-language"), of_owner)


async def caller(request: Request, token: str | None = None) -> Call:
    """Whose request this is. `token`: one that came otherwise than in `Authorization`.

    Raises:
        ProblemError: there is no token that counts.
    """
    site: Site = request.app.state.site
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = token or (given.strip() if scheme.lower() == "bearer" else "")
    found = await asyncio.to_thread(holder, site.desk, token, site.clock()) if token else None
    if found is None:
        raise _unknown(request, site, token)
    user, scopes = found
    return Call(request, site, wished(request, user.lang), "", None, site.stream.number, holder=user, scopes=scopes)


def must_have(call: Call, scope: Scope, who: Role) -> None:
    """Raises ProblemError: the token lacks the scope, or its owner the role."""
    if scope not in call.scopes:
        detail = call.gettext("The scope %(scope)s is missing: make a token that has it.") % {"scope": scope}
        raise ProblemError(
            "scope", detail, {"www-authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'}
        )
    if not call.user.is_at_least(who):
        detail = call.gettext("This wants the role %(role)s; %(who)s has the role %(has)s.")
        raise ProblemError("role", detail % {"role": who, "who": call.user.name, "has": call.user.role})


def _unknown(request: Request, site: Site, token: str) -> ProblemError:
    gettext = catalogue(wished(request)).gettext
    if token:
        detail = gettext("This token is unknown, was revoked, or has ended.")
        return ProblemError("token", detail, {"www-authenticate": f'{REALM}, error="invalid_token"'})
    detail = gettext("Send it as “Authorization: Bearer …”; Settings, Tokens makes one.")
    if site.cookie in request.cookies:
        detail = gettext("A session's cookie is not taken here: another site could act with it.") + " " + detail
    return ProblemError("token", detail, {"www-authenticate": REALM})
