"""A program that calls the API of a running feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from aggregator.store import tokens
from aggregator.store.tokens import Scope
from tests.web_site import WebSite


def token_of(site: WebSite, owner: str, *scopes: Scope) -> str:
    """A new token of this colleague."""
    desk = site.work.desk
    name = f"{owner} {len(tokens.tokens(desk))}"
    return tokens.make(desk, name, owner, scopes, who="test", now=site.work.clock(), until=None)


@asynccontextmanager
async def program(
    site: WebSite, owner: str = "amy", *scopes: Scope, lang: str = "en"
) -> AsyncIterator[httpx.AsyncClient]:
    """Its client, with the scopes `read` and `act` unless others are named."""
    token = token_of(site, owner, *(scopes or ("read", "act")))
    headers = {"authorization": f"Bearer {token}", "accept-language": lang}
    async with httpx.AsyncClient(base_url=f"{site.url}/api/v1", headers=headers, trust_env=False) as client:
        yield client
