"""Recovery phrases and pieces of them in a folded text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aggregator.triage.secrets import published
from aggregator.triage.secrets.found import Found
from aggregator.triage.secrets.runs import POLITE, Run, Word, runs, trimmed, words_of
from aggregator.triage.secrets.wordlists import LENGTHS, checksum_is_right

CUE = re.compile(
    r"seed|mnemonic|recovery|phrase|passphrase|backup|back up|\brestor|\bimport|(?:12|15|18|21|24)[ -]?words?\b"
    r"|助记|助記|注记词|助词|种子|種子|恢复|恢復|备份|備份|导入|導入|单词|單詞|私钥|私鑰|词组|短语"
)
_ADDRESS = re.compile(r"(?<![^\s<,;:])[^\s<>@,;:]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+(?![^\s>,;:])")
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")


def find_phrases(low: str) -> Iterator[Found]:
    """Phrases and fragments in a folded, lower-case text; runs of several languages may overlap."""
    words = words_of(low)
    cue = CUE.search(low) is not None
    for run in runs(low, words, cue):
        alone = _is_alone(low, words, run)
        if _is_phrase(run, cue, alone):
            # Five ids of one host are fifteen words, whose checksum may be right.
            if run.distinct_share >= 0.5 or not _is_addresses(low, run):
                yield _found("phrase", low, run)
        elif _is_fragment(run, cue, alone) and not _is_addresses(low, run):
            yield _found("fragment", low, run)


def _is_alone(low: str, words: Sequence[Word], run: Run) -> bool:
    """Whether the text is this run and little else."""
    others = len(words) - len(run.words)
    if others > (len(run.words) // 5 if run.lined else len(run.words) // 8):
        return False
    return len(_CJK.findall(low)) - len(_CJK.findall(low, run.start, run.end)) <= 12


def _is_phrase(run: Run, cue: bool, alone: bool) -> bool:
    known = len(run.listed)
    if known < 9:
        return False
    if run.distinct_share < 0.5 or run.function_share >= (0.45 if cue else 1 / 3):
        return _is_exact(run) or _published(run.listed) or (run.lined and run.distinct_share >= 0.5 and cue)
    if run.strict >= 12 or (run.strict >= 9 and run.function_share < 0.2):
        return True
    if run.strangers > max(1, len(run.words) // 5) or len(run.words) < 12:
        return False
    return cue or alone or (known >= 10 and run.function_share < 0.2)


def _is_exact(run: Run) -> bool:
    return not run.strangers and checksum_is_right(run.listed, run.language)


def _is_fragment(run: Run, cue: bool, alone: bool) -> bool:
    known = len(run.listed)
    if known < 4 or len(set(run.listed)) < 3 or run.strangers > known // 8:
        return False
    if run.lined and run.function_share < 0.7:
        return alone or cue
    if alone:
        polite = known < 6 and not POLITE.isdisjoint(run.listed)
        return run.function_share < (0.5 if known < 8 else 1 / 3) and not polite
    return cue and known >= 6 and run.function_share < 0.25


def _is_addresses(low: str, run: Run) -> bool:
    """Whether these are mail addresses or Message-IDs: `mail` and `example` are on the list."""
    spans = [match.span() for match in _ADDRESS.finditer(low)]
    return all(any(begin <= word.start and word.end <= end for begin, end in spans) for word in run.words)


def _published(listed: Sequence[str]) -> bool:
    """Whether the run is a published phrase, give or take a heading."""
    if len(listed) > 28:
        return False
    shown = " ".join(listed)
    return any(phrase in shown and len(listed) - phrase.count(" ") <= 4 for phrase in published.phrases())


def _found(kind: str, low: str, run: Run) -> Found:
    known = run.language == "english" and _published(run.listed)
    words = trimmed(low, run.words)
    texts = [word.text for word in words]
    checked = any(
        checksum_is_right(texts[at : at + size], run.language)
        for size in LENGTHS
        for at in range(min(4, len(texts) - size + 1))
    )
    return Found("phrase" if kind == "phrase" else "fragment", words[0].start, words[-1].end, known, checked)
