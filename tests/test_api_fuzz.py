"""The API does what its document says, for requests that nobody thought of.

Schemathesis makes requests of the document, right ones and wrong ones, and holds every answer against it. It is used
as a library: one desk and one community serve all operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from aggregator.store.tokens import Scope
from tests.api_program import token_of
from tests.conftest import Community, poll
from tests.web_site import WebSite, open_site

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 5  # of each operation, mode and token


class Fuzzer:
    """Sends what the document allows, and what it forbids. Two of three requests name something that is there."""

    def __init__(self, url: str, names: dict[str, list[str]]) -> None:
        self.schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", config=SchemathesisConfig())
        self.url = f"{url}/api/v1"
        self.names = names
        self.session = requests.Session()
        self.session.trust_env = False
        self.seen: dict[int, int] = {}

    def operations(self) -> Iterator[Any]:
        for found in self.schema.get_all_operations():
            yield found.ok()

    def runs(self, token: str, mode: GenerationMode) -> None:
        for operation in self.operations():
            if mode is GenerationMode.NEGATIVE and not operation.body and not operation.query:
                continue  # nothing can be wrong
            self._run(operation, token, mode)

    def _run(self, operation: Any, token: str, mode: GenerationMode) -> None:
        numbers = iter(range(10_000))

        @hypothesis.seed(20260314)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def sends(case: Any) -> None:
            self._name_something(case, next(numbers))
            headers = {"authorization": f"Bearer {token}"}
            answer = case.call(base_url=self.url, session=self.session, headers=headers)
            self.seen[answer.status_code] = self.seen.get(answer.status_code, 0) + 1
            checks = CHECKS + [negative_data_rejection] * (mode is GenerationMode.NEGATIVE)
            case.validate_response(answer, checks=checks)

        sends()

    def _name_something(self, case: Any, number: int) -> None:
        """Random ids are found nowhere: two of three requests name what is there, at its version."""
        if number % 3 == 0:
            return
        for name in list(case.path_parameters or {}):
            known = self.names.get(name, [])
            if known:
                case.path_parameters[name] = known[number % len(known)]
        if number % 3 == 1 and isinstance(case.body, dict) and isinstance(case.body.get("ver"), int | float):
            case.body["ver"] = 1


async def test_every_answer_is_as_the_document_says(community: Community) -> None:
    async with open_site(community) as site:
        names = await seeded(site)
        fuzzer = await asyncio.to_thread(Fuzzer, site.url, names)
        everything: tuple[Scope, ...] = ("read", "act")
        tokens = [token_of(site, "lea", *everything), token_of(site, "amy", "read")]
        for token in tokens:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                await asyncio.to_thread(fuzzer.runs, token, mode)
    assert {200, 202, 403, 404, 409, 422} <= fuzzer.seen.keys()
    assert fuzzer.seen[200] > 100


async def seeded(site: WebSite) -> dict[str, list[str]]:
    """A small community with something of everything. Returns names by parameter of a path."""
    site.work.desk.add_user("lea", "lead")
    await site.says(*((f"user{number}", "swap fails on Arbitrum since v2.1.3, error 4001") for number in range(6)))
    await site.says(("fox", "is https://evil.example/claim yours? 我的币不见了"), ("owl", "how do I change the fee?"))
    site.community.forum.user("system").id = 77
    site.community.forum.says("lin", "My transfer has not arrived for three hours", title="Missing")
    await poll(site.work, "forum")
    codes = [code for (code,) in site.work.db.query("SELECT code FROM inquiry_open ORDER BY code")]
    return {"inquiry": codes, "incident": ["INC-1"], "source": ["telegram", "forum"]}
