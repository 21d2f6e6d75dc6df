"""What helps to write a good and safe answer (docs/answering.md): the safety check, snippets, similar answers."""

from __future__ import annotations

from aggregator.answering import asking, promising, snippets


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in one of the files, with its line.
    """
    asking.get_ready()
    promising.get_ready()
    snippets.get_ready()
