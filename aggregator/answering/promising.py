"""Whether an answer of ours promises money: "we will refund you", "您的损失由我们赔偿"."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from aggregator.answering.sentences import sentences, without_idioms
from aggregator.triage.phrases import AnyOf, read

GROUPS = ("money", "ours", "ahead", "others", "negation")
_CHINESE = re.compile("[一-鿿]")


def promised_money(said: str) -> tuple[int, int] | None:
    """Where a text, as `search_text` gives it, promises money; None: it promises none."""
    words = _words()
    for sentence in sentences(without_idioms(said)):
        found = words["money"].search(sentence.text)
        if found is None or sentence.text.rstrip().endswith(("?", "吗", "嗎")):
            continue
        if words["negation"].search(sentence.text) or words["others"].search(sentence.text):
            continue
        chinese = _CHINESE.search(found.text) is not None
        if words["ours" if chinese else "ahead"].search(sentence.text):
            return sentence.start + found.start, sentence.start + found.end
    return None


@functools.cache
def _words() -> Mapping[str, AnyOf]:
    return {name: AnyOf(words) for name, words in read(Path(__file__).with_name("promising.yaml"), GROUPS).items()}


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in them.
    """
    _words()
