"""Whether somebody laughs over what he has lost: "u 全没了哈哈哈哈", "haha all my coins are gone, great".

In China above all such laughter is bitter. It is meant where the coins were spent, or went with the market. The words
are those of phrases/laughing.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import phrases

GROUPS = ("coins", "spent")

_LAUGHTER = re.compile(r"[哈呵]+|笑死|lol|lmao|(?:ha)+h?")
_NO_LOSS = frozenset({"resolved", "news", "hypothetical", "price_talk", "bait", "suggestion", "question"})
_LONGEST = 80  # a long text tells what it laughs at


def laughs_bitterly(text: str, hits: Mapping[str, Sequence[Hit]]) -> bool:
    """Whether coins are missing, and nothing but laughter makes light of it.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    if "noise" not in hits or "funds_missing" not in hits or len(text) > _LONGEST or not _NO_LOSS.isdisjoint(hits):
        return False
    if not all(_LAUGHTER.fullmatch(text, start, end) for start, end, _ in hits["noise"]):
        return False
    words = phrases("laughing", GROUPS)
    return words["coins"].search(text) is not None and words["spent"].search(text) is None
