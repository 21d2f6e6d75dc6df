"""What is said to people: plain English here, in logs and in the API; pages say it in their reader's language."""

from __future__ import annotations

from typing import TypeVar

Sentences = TypeVar("Sentences")


def worded(what: Sentences) -> Sentences:
    """Mark a sentence, a part of one, or a table of them for translation, and give it back.

    Write the string or f-string itself into the call: it is read from the source. The message of an error, the reason
    of a `Gap` and the text of a `Finding` that stand in their own call need no mark.
    """
    return what
