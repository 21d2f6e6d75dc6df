"""Which kinds of words are looked for, and when; the lists, loaded at first need."""

from __future__ import annotations

import functools

from aggregator.triage.entities.words import FOLDER, Words, load

ALWAYS = frozenset(
    {"chain", "token", "currency", "device", "os", "version", "time", "unit", "screenshot", "problem", "vague"}
    | {"code", "order", "account", "contact", "promise"}
)
"""Kinds of words that are looked for in each post."""

BESIDE_IDS = frozenset({"other_side", "my_side", "transaction"})
"""Kinds that are looked for only where a post holds an id."""

BESIDE_VERSIONS = frozenset({"old"})
"""Kinds that are looked for only where a post holds a version."""


@functools.cache
def _all_lists() -> list[Words]:
    return load(FOLDER, ALWAYS, BESIDE_IDS, BESIDE_VERSIONS)


@functools.cache
def always() -> Words:
    return _all_lists()[0]


def beside_ids() -> Words:
    return _all_lists()[1]


def beside_versions() -> Words:
    return _all_lists()[2]


def get_ready() -> None:
    """Load the word lists now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    always()
