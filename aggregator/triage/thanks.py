"""Whether a post is nothing but an acknowledgement, and whether it says that the matter is over.

Such a post wakes nobody and proposes closing, so in doubt it is none: "thanks, but it has not arrived" is none, and a
lone "谢谢啊" may be meant the other way. The words are those of phrases/thanks.yaml.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import FOLDER, AnyOf, phrases, read

GROUPS = ("thanks", "heard", "solved", "filler", "doubtful", "objection")
Acknowledged = Literal["", "thanks", "solved"]

_SHORT = 60  # characters that may consist of these words alone
_LONG = 140
_CLAUSE_LONGEST = 40  # its letters in Chinese, and twice as many in Latin ones
_CLAUSE = re.compile(r"[,.!;:~。、\n]+|(?<=[\u3040-\u30ff\u4e00-\u9fff])\s+|\s+(?=[\u4e00-\u9fff])")
# 解决了没 asks. 谁说到账了, 等解决了再说, "it says resolved", "supposedly fixed": what somebody else holds for true.
_ASKED = re.compile(
    r"[了好过過完](?:没有?|沒有?|不|么|嘛)[啊呀呢呐吧~!\s]*(?:$|[,.;。、\n]|多?[谢謝]|感[谢謝]|麻[烦煩])"
)
_TOLD = re.compile(
    r"谁说|誰說|[别別][说說]|(?<!终于)等(?![了到])[^,]{0,4}$|显示|顯示|标记|標記|"
    r"(?:[你他她您]们?|客服)(?:都|又|就|还|非)?[说說]|"
    r"\b(?:says?|said|marked|supposedly|allegedly|apparently|claims?|claimed|closed my|told me|tells me)\b"
)
_GREETING = re.compile(
    r"[你您妳大][们們家]?好(?![了的])|[早晚]上好|[上中下]午好|\bgood (?:morning|day|afternoon|evening)\b"
)
_SCORNED = re.compile(r"了?个(?:寂寞|鬼|屁|锤子|毛|啥)")
_CONTRAST = re.compile(r"但|可是|不过|不過|然而|却|卻|又|另外|顺便|順便|\b(?:but|however|still|yet|except)\b")


def acknowledged(text: str, hits: Mapping[str, Sequence[Hit]]) -> Acknowledged:
    """What the post acknowledges: "solved" if it says that it is over, "" if it is more than an acknowledgement.

    Args:
        text: as `search_text` gives it.
        hits: what the lexicons find in it. Whether it speaks of a trouble is not looked at.
    """
    if len(text) > _LONG or "?" in text:
        return ""
    if len(text) <= _SHORT and _only_these().fills(text):
        return _meaning(text)
    if "thanks" in hits or "resolved" in hits:
        return _clause_by_clause(text, hits)
    return ""


def in_doubt(text: str, over: Sequence[Hit]) -> bool:
    """Whether what says that it is over asks for it, scorns it, or tells who says so. The last such word counts."""
    start, end, _ = over[-1]
    clause = max((match.end() for match in _CLAUSE.finditer(text, 0, start)), default=0)
    return bool(_ASKED.search(text, start) or _TOLD.search(text, clause, start) or _SCORNED.match(text, end))


def greets(text: str) -> bool:
    """Whether it says hello, and nothing else."""
    return _GREETING.search(text) is not None and _only_these().fills(text) and not _meaning(text)


def objects(text: str) -> bool:
    """Whether it asks, asks for, or finds fault with anything."""
    return "?" in text or _objects(text, phrases("thanks", GROUPS))


def ends_well(text: str, over: Sequence[Hit]) -> bool:
    """Whether nothing behind the word that it is over takes it back."""
    return _CONTRAST.search(text, over[-1][1]) is None


def _meaning(text: str) -> Acknowledged:
    words = phrases("thanks", GROUPS)
    text = _GREETING.sub("", text)
    if words["solved"].search(text):
        return "solved"
    rest = words["doubtful"].sub("", text)
    if rest != text and not words["thanks"].search(rest) and not words["heard"].search(rest):
        return ""
    return "thanks" if words["thanks"].search(text) or words["heard"].search(text) else ""


def _clause_by_clause(text: str, hits: Mapping[str, Sequence[Hit]]) -> Acknowledged:
    """Each clause thanks, praises or says that it is over; what comes before that is the story of it."""
    words = phrases("thanks", GROUPS)
    over = hits["resolved"][-1] if "resolved" in hits else None
    if over and _CONTRAST.search(text, over[1]):
        return ""
    praise = hits.get("praise", ())
    said = False
    start = 0
    for match in [*_CLAUSE.finditer(text), None]:
        end = match.start() if match else len(text)
        clause = text[start:end].strip()
        told = over is not None and start <= over[0] < end
        if told or not clause or (over and end <= over[0]):
            said = said or told
        elif not _only_these().fills(clause):
            thanked = words["thanks"].search(clause) is not None
            praised = any(start <= hit[0] < end for hit in praise)
            if not (thanked or praised) or _is_long(clause) or _objects(clause, words):
                return ""
            said = said or thanked
        else:
            said = said or _meaning(clause) != ""
        start = match.end() if match else end
    if not said or (words["doubtful"].search(text) and not over):
        return ""
    return "solved" if over or words["solved"].search(text) else "thanks"


def _is_long(clause: str) -> bool:
    return len(clause) > _CLAUSE_LONGEST * (2 if clause.isascii() else 1)


def _objects(clause: str, words: Mapping[str, AnyOf]) -> bool:
    calm = words["heard"].sub(" ", words["solved"].sub(" ", clause))
    return words["objection"].search(calm) is not None


@functools.cache
def _only_these() -> AnyOf:
    """Acknowledgements and fillers."""
    lists = read(FOLDER / "thanks.yaml", GROUPS)
    return AnyOf([word for group in ("thanks", "heard", "solved", "filler", "doubtful") for word in lists[group]])


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in them, with file and group.
    """
    phrases("thanks", GROUPS)
    _only_these()
