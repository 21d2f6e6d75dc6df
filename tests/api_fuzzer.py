"""Sends an API what its document allows, and what it forbids, and holds every answer against the document.

    python -m tests.api_fuzzer < ASKED

A program of its own: Hypothesis and Schemathesis parse much source, and Python 3.11 mixes up the depth of two threads
that do so at once (gh-106905), as a thread beside the server that is asked would.

ASKED is JSON: `url` of the server, `names` of what is there, by parameter of a path, and `tokens`, each with whether it
may act. Prints how many answers had each status, as JSON; ends with 1 and a traceback at an answer that is not as the
document says.
"""

from __future__ import annotations

import json
import sys
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

    def runs(self, token: str, mode: GenerationMode, *, acts: bool) -> None:
        """`acts`: whether the token may; else doing something is refused, and that is soon seen."""
        for operation in self.operations():
            if mode is GenerationMode.NEGATIVE and not operation.body and not operation.query:
                continue  # nothing can be wrong
            self._run(operation, token, mode, EXAMPLES if acts or operation.method.upper() == "GET" else 1)

    def _run(self, operation: Any, token: str, mode: GenerationMode, examples: int) -> None:
        numbers = iter(range(10_000))

        @hypothesis.seed(20260314)
        @hypothesis.settings(
            max_examples=examples,
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


def main() -> None:
    asked = json.load(sys.stdin)
    fuzzer = Fuzzer(asked["url"], asked["names"])
    for token, acts in asked["tokens"]:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            fuzzer.runs(token, mode, acts=acts)
    json.dump(fuzzer.seen, sys.stdout)


if __name__ == "__main__":
    main()
