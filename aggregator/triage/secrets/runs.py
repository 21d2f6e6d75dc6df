"""Runs of list words in a text: the raw matter of which phrases are made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from aggregator.triage.secrets.glued import LONGEST_UNCUT, unglue
from aggregator.triage.secrets.wordlists import LENGTHS, SCRIPTS, nearly, numbers, shortened

WORDS = {
    "letters": re.compile(r"[a-z\u0430-\u045f]+"),
    "kana": re.compile(r"[\u3041-\u3096\u30fc]+"),
    "hangul": re.compile(r"[\uac00-\ud7a3]+"),
}
CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
COUNTER = re.compile(r"第\d{1,2} ?[个個]?[词詞字]?[是为為]?|\d{1,2}(?:번째?|番目?)")
FILLERS = frozenset(("and", "then", "st", "nd", "rd", "th", "no", "nr", "und", "et", "y", "e", "번", "번째"))
ORDINALS = frozenset(
    (
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
    )
)
_HEADINGS = frozenset(("phrase", "seed", "word", "words", "secret", "key", "is", "are", "this", "mnemonic"))
# Words of the lists that carry a sentence rather than a meaning. A drawn phrase has one in thirty of them.
_FUNCTION_WORDS = (
    "about above after again ahead all almost alone already also always another any around away because become "
    "before behind below between beyond can come could during each either else enough even ever every from give "
    "have hello help into just keep kind know later like little make many maybe more most much must need neither "
    "never next nothing now off often once one only other over own please quick same say should since some soon "
    "still such sure tell than thank that then there they this today together tomorrow tonight toward try two "
    "under until update upon use used very want way welcome what when where will wish you your"
)
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
_ADDRESS = re.compile(r"\d[\da-z]{8}")
_LINK = re.compile("[a-z]+://")
_BLANK = re.compile(r"\s")
FEWEST_SHORTENED = 2  # fewer are strangers, as others are
_MOST_CUT = 6  # strangers before or behind a phrase that are tried as its border
POLITE = frozenset(("please", "thank", "hello", "welcome", "happy", "sorry", "love", "good", "great", "best"))


@dataclass(frozen=True, slots=True)
class Word:
    """`text`: the whole word, of which the first four letters alone may be written."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """List words that follow each other. `words` are all tokens from first to last, `listed` those on the list
    of `language`, as they are written; `strict`: the longest stretch without a stranger; `lined`: they stand as a list
    (numbers, commas, lines), not as a sentence; `fillers`: words that are not counted."""

    language: str
    words: Sequence[Word]
    listed: Sequence[str]
    strict: int
    strangers: int
    lined: bool
    start: int
    end: int
    fillers: frozenset[str]

    @property
    def function_share(self) -> float:
        return sum(word in FUNCTION_WORDS for word in self.listed) / len(self.listed)

    @property
    def shortened(self) -> int:
        """Of how many words only the first letters are written."""
        return sum(word.end - word.start < len(word.text) for word in self.words)

    @property
    def distinct_share(self) -> float:
        return len(set(self.listed)) / len(self.listed)


def words_of(low: str, script: str = "letters") -> list[Word]:
    """Words of one script in a folded, lower-case text; glued ones are cut apart where that can be done."""
    words: list[Word] = []
    for match in WORDS[script].finditer(low):
        long = script == "letters" and match.end() - match.start() > LONGEST_UNCUT
        if long and (cuts := unglue(match.group())):
            at = match.start()
            for piece in cuts:
                words.append(Word(at, at + len(piece), piece))
                at += len(piece)
        else:
            words.append(Word(match.start(), match.end(), match.group()))
    return words


def runs(low: str, near_cue: bool) -> Iterator[Run]:
    """Every run of four or more list words, per language, in order; then those in which some are cut to their first
    letters. `near_cue`: a stranger may stand between."""
    for script, languages in SCRIPTS.items():
        words = words_of(low, script)
        if len(words) >= 4:
            yield from _runs_of(low, words, languages, near_cue)
            for language in languages:
                cut = shortened(language)
                if any(word.text in cut for word in words):
                    whole = [Word(word.start, word.end, cut[word.text]) if word.text in cut else word for word in words]
                    found = _runs_of(low, whole, (language,), near_cue)
                    yield from (
                        run for run in found if run.shortened >= (1 if run.strict >= LENGTHS[0] else FEWEST_SHORTENED)
                    )


def _runs_of(low: str, words: Sequence[Word], languages: Sequence[str], near_cue: bool) -> Iterator[Run]:
    fillers = FILLERS | _counting(words)
    for language in languages:
        listed = numbers(language)
        known = [word.text in listed and word.text not in fillers for word in words]
        if sum(known) < 4:
            continue
        may_be_slip = partial(_is_slip, words, known, fillers, language=language, near_cue=near_cue)
        for first, last in _stretches(low, words, known, fillers, may_be_slip):
            if sum(known[first : last + 1]) >= 4:
                yield _run(low, words[first : last + 1], known[first : last + 1], language, fillers)


def _counting(words: Sequence[Word]) -> frozenset[str]:
    """Words that only count others in this text: "first word is ... second word is ..."."""
    often = Counter(word.text for word in words)
    if len(ORDINALS & often.keys()) >= 6:
        return ORDINALS | {"word", "is", "the"}
    if often["word"] >= 8:
        return frozenset(("word", "is", "number"))
    return frozenset()


def _stretches(
    low: str,
    words: Sequence[Word],
    known: Sequence[bool],
    fillers: frozenset[str],
    may_be_slip: Callable[[int], bool],
) -> Iterator[tuple[int, int]]:
    """First and last index of words that belong together: fillers never part them, one stranger seldom does."""
    first = last = -1
    for i, word in enumerate(words):
        if first >= 0 and not _close(low, words[i - 1], word):
            yield first, last
            first = -1
        if known[i]:
            first, last = (i if first < 0 else first), i
        elif first >= 0 and word.text not in fillers and not may_be_slip(i):
            yield first, last
            first = -1
    if first >= 0:
        yield first, last


def _is_slip(
    words: Sequence[Word], known: Sequence[bool], fillers: frozenset[str], at: int, *, language: str, near_cue: bool
) -> bool:
    """Whether a stranger may be a mistyped word: it stands between list words, and a cue is near or one letter
    would put it right."""
    before, behind = at - 1, at + 1
    while before > 0 and words[before].text in fillers:
        before -= 1
    while behind < len(words) and words[behind].text in fillers:
        behind += 1
    if before < 0 or behind >= len(words) or not (known[before] and known[behind]):
        return False
    return near_cue or (len(known) >= 12 and nearly(words[at].text, language))


def _close(low: str, left: Word, right: Word) -> bool:
    """Whether what stands between two words is only a separator. The name of a JSON field is no word of a phrase,
    and a masked one would no longer parse."""
    if low.startswith('":', left.end):
        return False
    size = right.start - left.end
    if left.text >= "\u3000":
        return size <= 32 and CJK.search(COUNTER.sub("", low[left.end : right.start])) is None
    return size <= 4 or (size <= 32 and len(CJK.findall(low, left.end, right.start)) <= 8)


def _run(low: str, words: Sequence[Word], known: Sequence[bool], language: str, fillers: frozenset[str]) -> Run:
    longest = length = strangers = 0
    for word, is_known in zip(words, known, strict=True):
        length = length + 1 if is_known else (length if word.text in fillers else 0)
        strangers += not is_known and word.text not in fillers
        longest = max(longest, length)
    marked = sum(low[a.end : b.start].strip(" ") != "" for a, b in pairwise(words))
    listed = [low[word.start : word.end] for word, is_known in zip(words, known, strict=True) if is_known]
    lined = marked >= 0.8 * (len(words) - 1)
    return Run(language, words, listed, longest, strangers, lined, words[0].start, words[-1].end, fillers)


def bare(low: str, run: Run) -> Run:
    """The run without list words that belong to what stands around it: the last ones of a heading ("my seed
    phrase:"), unless they stand alone in their line, and the beginning of an address (cosmos1jkxep8...)."""
    first = _after_id(low, run) or _after_heading(low, run)
    last = _before_id(low, run)
    if (first, last) == (0, len(run.words)):
        return run
    words = run.words[first:last]
    known = [word.text in numbers(run.language) and word.text not in run.fillers for word in words]
    return _run(low, words, known, run.language, run.fillers)


def parts(low: str, run: Run) -> Iterator[Run]:
    """The run, then without what stands before one of its first strangers, or behind one of its last, the longest
    first: sentences around a phrase may run into it."""
    yield run
    if run.strangers < 2 or len(run.listed) < 9:
        return
    listed = numbers(run.language)
    known = [word.text in listed and word.text not in run.fillers for word in run.words]
    strangers = [i for i, word in enumerate(run.words) if not known[i] and word.text not in run.fillers]
    firsts = [0, *(i + 1 for i in strangers[:_MOST_CUT])]
    lasts = [len(run.words), *reversed(strangers[-_MOST_CUT:])]
    spans = sorted(((a, b) for a in firsts for b in lasts if b - a >= 9), key=lambda span: span[0] - span[1])
    for first, last in spans[1:]:
        yield _run(low, run.words[first:last], known[first:last], run.language, run.fillers)


def _after_id(low: str, run: Run) -> int:
    """Over words that end an id or a link, up to the next word of the list."""
    token = low[max(low.rfind(" ", 0, run.start), low.rfind("\n", 0, run.start)) + 1 : run.start]
    before = token[-9:]
    end = run.words[0].end
    if "://" in token:
        blank = _BLANK.search(low, run.start)
        end = blank.start() if blank else len(low)
    elif len(before) < 9 or not (before.isascii() and before.isalnum()) or before.isalpha():
        return 0
    listed = numbers(run.language)
    return next((i for i, word in enumerate(run.words) if word.start >= end and word.text in listed), 0)


def _before_id(low: str, run: Run) -> int:
    """Up to the words that begin an address or a link."""
    if _ADDRESS.match(low, run.end):
        return len(run.words) - 1
    link = _LINK.search(low, run.start, run.end)
    if link is None or _BLANK.search(low, link.end(), run.end):
        return len(run.words)
    return next(i for i, word in enumerate(run.words) if word.end > link.start()) or len(run.words)


def _after_heading(low: str, run: Run) -> int:
    for skip in range(1, min(4, len(run.words) - 3)):
        last, first = run.words[skip - 1], run.words[skip]
        parted = set(low[last.end : first.start]) & {":", "\n", "="}
        if not parted or last.text not in _HEADINGS or any(word.text == last.text for word in run.words[skip:]):
            continue
        line = low[low.rfind("\n", 0, last.start) + 1 : last.start]
        if len(run.words) - skip in LENGTHS or (len(run.listed) < LENGTHS[0] and WORDS["letters"].search(line)):
            return skip
    return 0
