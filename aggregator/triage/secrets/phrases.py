"""Recovery phrases and pieces of them in a folded text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import itemgetter

from aggregator.triage.secrets import published
from aggregator.triage.secrets.found import MASK, Found, Kind
from aggregator.triage.secrets.letters import fold
from aggregator.triage.secrets.runs import CJK, POLITE, WORDS, Run, bare, parts, runs
from aggregator.triage.secrets.wordlists import LENGTHS, checksum_is_right, numbers

CUE = re.compile(
    r"seed|mnemonic|recovery|phrase|passphrase|backup|back up|\brestor|\bimport|(?:12|15|18|21|24)[ -]?words?\b"
    r"|助记|助記|注记词|助词|种子|種子|恢复|恢復|备份|備份|导入|導入|单词|單詞|私钥|私鑰|词组|短语|短語"
    r"|semilla|frase de|phrase de r|ニーモニック|リカバリー|フレーズ|復元|니모닉|복구|시드|"
    + "|".join(fold(word).text for word in ("мнемони", "сид-фраз", "сид фраз", "фраза", "фразу", "восстанов"))
)
# What announces a phrase on the line above it, or before a colon.
_HEADING = re.compile(
    r"(?:seed|mnemonic|recovery|phrase|助记|助記|记词|記詞|恢复|恢復|短语|短語)[^\n:：=]{0,30}(?:[:：=]|\n)[^\w\n]*\d{0,2}[^\w]*$"
)
_BORDER = re.compile(r"[\d\n.?!:。？！：]")
_MOST_BORDERS = 24
_LONGEST_HEADING = 3  # words
_SURELY_SHORTENED = 4  # words in a row of twelve
_FEWEST_SHORTENED_ALONE = 6  # in a text of nothing else
_OF_WALLETS = frozenset(("wallet", "secret", "key", "word", "private", "account", "this", "code"))
_ADDRESS = re.compile(r"(?<![^\s<,;:])[^\s<>@,;:]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+(?![^\s>,;:])")


def find_phrases(low: str) -> Iterator[Found]:
    """Phrases and fragments in a folded, lower-case text; runs of several languages may overlap."""
    cue, masked = CUE.search(low) is not None, MASK in low
    addresses = [match.span() for match in _ADDRESS.finditer(low)] if "@" in low else []
    for whole in runs(low, cue):
        run = bare(low, whole)
        if not cue and _is_list_of_another_matter(low, run):
            continue
        headed = cue and _HEADING.search(low, max(0, run.start - 80), run.start) is not None
        alone = _is_alone(low, run, headed)
        phrase = next((part for part in parts(low, run) if _is_phrase(low, part, cue, alone)), None)
        if phrase:
            # Five ids of one host are fifteen words, whose checksum may be right.
            if phrase.distinct_share >= 0.5 or not _are_addresses(phrase, addresses):
                yield _found("phrase", phrase)
        elif not masked and _is_fragment(run, cue, alone, headed) and not _are_addresses(run, addresses):
            yield _found("fragment", run)


def _is_list_of_another_matter(low: str, run: Run) -> bool:
    """Whether these are too few words for a phrase, with commas between them, behind a heading of list words that
    speak of no wallet: "Issue list: balance, camera, ..."."""
    gaps = [low[a.end : b.start].strip() for a, b in pairwise(run.words)]
    if len(run.words) >= LENGTHS[0] or ":" not in gaps[:_LONGEST_HEADING]:
        return False
    heading = gaps.index(":") + 1
    secret = any(word.text in _OF_WALLETS for word in run.words[:heading])
    return not secret and len(gaps) > heading and set(gaps[heading:]) <= {",", "，"}


def _is_alone(low: str, run: Run, headed: bool) -> bool:
    """Whether the text is this run and little else but its heading."""
    above = run.start
    if headed:
        end = run.start
        while end and low[end - 1] in " \n:：=":
            end -= 1
        line = low.rfind("\n", 0, end) + 1
        above = max(line - 1, 0) if end - line <= 60 else run.start
    around = (0, above), (run.end, len(low))
    if _are_more(len(run.words) // (5 if run.lined else 8), WORDS["letters"], low, around):
        return False
    return not _are_more(12, CJK, low, around)


def _are_more(most: int, pattern: re.Pattern[str], low: str, places: Sequence[tuple[int, int]]) -> bool:
    """Whether there are more than so many. They are not counted to the end: a text may hold thousands of runs, and for
    each of them the rest of it would be read."""
    found = chain.from_iterable(pattern.finditer(low, start, end) for start, end in places)
    return next(islice(found, most, None), None) is not None


def _is_phrase(low: str, run: Run, cue: bool, alone: bool) -> bool:
    known = len(run.listed)
    if known < 9 or (run.shortened and not cue and run.strict < LENGTHS[0]):
        return False
    sure = run.shortened >= _SURELY_SHORTENED and run.strict >= LENGTHS[0]
    if sure and run.distinct_share >= 0.5 and run.function_share < 0.5:
        return True
    if run.distinct_share < 0.5 or run.function_share >= (0.45 if cue else 1 / 3):
        return _has_exact_part(low, run) or _published(run) or (run.lined and run.distinct_share >= 0.5 and cue)
    if run.strict >= 12 or (run.strict >= 9 and run.function_share < 0.2):
        return True
    if run.strangers > max(1, len(run.words) // 5) or len(run.words) < 12:
        return False
    return cue or alone or (known >= 10 and run.function_share < 0.2)


def _has_exact_part(low: str, run: Run) -> bool:
    """Whether from one border (a line, a number, the end of a sentence) to another there is a phrase with the right
    checksum: no accident, for a row of that many words is rare."""
    words = run.words
    borders = [0, *(i for i in range(1, len(words)) if _BORDER.search(low, words[i - 1].end, words[i].start))]
    ends = {*borders, len(words)}
    return any(
        first + size in ends and checksum_is_right([word.text for word in words[first : first + size]], run.language)
        for first in borders[:_MOST_BORDERS]
        for size in LENGTHS
    )


def _is_fragment(run: Run, cue: bool, alone: bool, headed: bool) -> bool:
    known = len(run.listed)
    if known < 4 or len(set(run.listed)) < 3 or run.strangers > known // 8:
        return False
    if run.shortened and not cue and known < _FEWEST_SHORTENED_ALONE:
        return False
    if headed and alone:
        return run.function_share < 0.8
    if run.lined and run.function_share < 0.7:
        return alone or cue
    if alone:
        polite = known < 6 and not POLITE.isdisjoint(run.listed)
        return run.function_share < (0.5 if known < 8 else 1 / 3) and not polite
    return cue and known >= 6 and run.function_share < 0.25


def _are_addresses(run: Run, addresses: Sequence[tuple[int, int]]) -> bool:
    """Whether these are mail addresses or Message-IDs: `mail` and `example` are on the list. `addresses`: where they
    stand, in order."""
    before = (bisect_right(addresses, word.start, key=itemgetter(0)) for word in run.words)
    return all(n > 0 and word.end <= addresses[n - 1][1] for n, word in zip(before, run.words, strict=True))


def _published(run: Run) -> bool:
    """Whether the run is a published phrase with less than another phrase of sentences around it."""
    if run.language != "english":
        return False
    listed = [word.text for word in run.words if word.text in numbers("english")]
    shown = " ".join(listed)
    return any(
        phrase in shown and len(listed) - phrase.count(" ") - 1 < LENGTHS[0] - 3 for phrase in published.phrases()
    )


def _found(kind: Kind, run: Run) -> Found:
    texts = [word.text for word in run.words]
    checked = any(
        checksum_is_right(texts[at : at + size], run.language)
        for size in LENGTHS
        for at in range(min(4, len(texts) - size + 1))
    )
    return Found(kind, run.start, run.end, _published(run), checked)
