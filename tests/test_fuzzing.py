"""Hostile input, in short: some inputs of each target, and everything that was ever found. `make fuzz` goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from tests.fuzzing.running import unguided
from tests.fuzzing.targets import TARGETS

SLOW = {
    "stored": 25,
    "pages": 60,
    "api": 100,
    "answers-forum": 25,
    "answers-feed": 25,
}  # each input is a transaction, or a page
INPUTS = 60


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Targets keep the log quiet, and answer in place of the network."""
    disabled, configured = logging.root.manager.disable, structlog.get_config()
    transport = httpx.AsyncHTTPTransport
    monkeypatch.setattr(transport, "handle_async_request", transport.handle_async_request)
    yield
    logging.disable(disabled)
    structlog.configure(**configured)


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_taken_or_refused_as_it_should_be(name: str) -> None:
    runs = SLOW.get(name, INPUTS)
    assert unguided(TARGETS[name], runs).inputs == runs
