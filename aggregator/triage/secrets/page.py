"""The cheap look at a page of records at once: which texts of which records the finders must look at.

All texts are joined, and each pass over them is one call; what it shows is led back to records and texts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate

from aggregator.triage.secrets import screen
from aggregator.triage.secrets.chinese import LATER_BYTES, SIGNS, may_hold_chinese, may_hold_phrase
from aggregator.triage.secrets.keys import SHORTEST_KEY
from aggregator.triage.secrets.letters import FOLDED, fold
from aggregator.triage.secrets.screen import RECORD_END, SHORTEST, TEXT_END, Suspicion
from aggregator.triage.secrets.spread import TECHNICAL
from aggregator.triage.secrets.wordlists import LENGTHS

_GAP, _END = f" {TEXT_END} ", f" {RECORD_END} "
_MARK = RECORD_END.encode()
_COUNTING = "第".encode()
_GROUPS = re.compile(r"[一-鿿 \t\r\n,，、]+")  # what `chinese.py` takes for groups
# What asks for a closer look: something to fold, or the first character (the last one of 记词) of a Chinese cue.
_CLOSER = re.compile(
    FOLDED.pattern.replace(r"\u309b-\u9fff", r"\u309b-\u52a8\u52aa-\u6061\u6063-\u8a5d\u8a5f-\u8bcc\u8bce-\u9fff")
)
_CHINESE_CUE = re.compile("[助记記恢][记記词詞复復]")
_LATIN_CUES = (b"seed", b"mnemonic", b"recovery", b"phrase")


@dataclass(slots=True)
class Suspects:
    """What must be looked at in a record: some of its texts, or (`spread`) several of them as one."""

    texts: dict[str, Suspicion] = field(default_factory=dict)
    spread: bool = False


def suspects(records: Sequence[Sequence[str]]) -> dict[int, Suspects]:
    """By a record's number what must be looked at in it; a record that is not named holds nothing."""
    page = _Page(*_shown(records))
    words, long_rows = page.with_words()
    keys = page.with_keys()
    chinese, spread = page.with_chinese()
    spread |= long_rows
    found: dict[int, Suspects] = {}
    for i in words | keys | chinese:
        texts = dict(_looked(records[i], page.shown[i].split(_GAP), i in words, i in keys, i in chinese))
        if texts or i in spread:
            found[i] = Suspects(texts, i in spread)
    return found


def _looked(
    texts: Sequence[str], shown: Sequence[str], words: bool, keys: bool, chinese: bool
) -> Iterator[tuple[str, Suspicion]]:
    """The cheap look at the single texts of a record, at what the record is suspected of."""
    for text, seen in zip(texts, shown, strict=True):
        size = len(text)
        if size < SHORTEST or not (words or (keys and size >= SHORTEST_KEY) or (chinese and not seen.isascii())):
            continue
        data = seen.encode("utf-8", "surrogatepass")
        with_words = words and screen.has_words(seen, data)
        with_keys = keys and size >= SHORTEST_KEY and screen.has_keys(seen, data)
        with_chinese = chinese and may_hold_chinese(seen, data.translate(SIGNS, LATER_BYTES))
        if with_words or with_keys or with_chinese:
            yield text, Suspicion(with_words, with_keys, with_chinese)


def _shown(records: Sequence[Sequence[str]]) -> tuple[list[str], list[int]]:
    """The texts of each record as the eye reads them, joined; and the records in which there may be a Chinese cue."""
    joined = [_GAP.join(texts) for texts in records]
    page = _END.join(joined)
    if page.count(RECORD_END) != len(records) - 1 or page.count(TEXT_END) != sum(
        len(one) - 1 for one in records if one
    ):
        joined = [_GAP.join([text.translate(screen.MARKS) for text in texts]) for texts in records]
        page = _END.join(joined)
    if _CLOSER.search(page) is None:
        return joined, []
    starts = [0, *accumulate([len(one) + len(_END) for one in joined])]
    closer = list(_found(starts, partial(_place, _CLOSER.search, page)))
    for i in closer:
        if FOLDED.search(joined[i]):
            folded = fold(joined[i]).text
            if folded.count(TEXT_END) != len(records[i]) - 1 or RECORD_END in folded:
                # What looked like a mark of HTML reaches over two texts, or an entity stands for one of our marks.
                folded = _GAP.join([fold(text).text.translate(screen.MARKS) for text in records[i]])
            joined[i] = folded
    return joined, closer


def _place(search: Callable[[str, int], re.Match[str] | None], page: str, at: int) -> int:
    match = search(page, at)
    return -1 if match is None else match.start()


def _found(starts: Sequence[int], search: Callable[[int], int]) -> Iterator[int]:
    """The records in which `search` finds something; it searches their page from a place on, -1: nothing."""
    at = search(0)
    while at >= 0:
        i = bisect_right(starts, at) - 1
        yield i
        at = search(starts[i + 1])


class _Page:
    """Folded records, each of them joined, and what passes over all of them show: numbers of records."""

    def __init__(self, shown: Sequence[str], closer: Sequence[int]) -> None:
        self.shown = shown
        self._closer = closer
        # Blanks at the ends, so that every record has one on each side.
        self._data = f" {_END.join(shown)} ".encode("utf-8", "surrogatepass")
        self._lower = self._data.translate(screen.LOWER)
        self._kinds = screen.kinds_of(self._lower)
        self._records = self._data.split(_MARK)
        self._starts = [0, *accumulate([len(record) + 1 for record in self._records])]

    def _having(self, page: bytes, wanted: bytes) -> Iterator[int]:
        """The records that hold some bytes, which are rare, after a translation that left all in its place."""
        return _found(self._starts, partial(page.find, wanted))

    def _foreign(self) -> dict[str, list[int]]:
        """Records with Russian, Japanese or Korean letters."""
        some = set(self._having(self._data.translate(screen.RARE_LEADS), b"f"))
        for lead in screen.LEADS["kana"]:
            some.update(self._having(self._data, lead))
        return {
            script: [i for i in some if any(lead in self._records[i] for lead in leads)]
            for script, leads in screen.LEADS.items()
        }

    def with_words(self) -> tuple[set[int], set[int]]:
        """Records with list words in a row, and those in which a phrase may be spread over several texts."""
        rows = screen.row_of(self._kinds).split(screen.END_OF_RECORD)
        words = {i for i, row in enumerate(rows) if screen.FOUR in row}
        spread = {i for i, row in enumerate(rows) if len(row) >= 9 and screen.has_long_row(row)}
        for i, kinds in enumerate(self._kinds.split(screen.END_OF_RECORD)):
            if screen.may_be_shortened(kinds):
                words.add(i)
                if screen.has_long_row(screen.row_of(screen.made_whole(kinds))):
                    spread.add(i)
        words |= spread
        spread = {i for i in spread if self._has_row_of_words(i)}
        counting = self._kinds.translate(None, screen.NO_COUNTING).split(screen.END_OF_RECORD)
        spread.update(i for i, one in enumerate(counting) if len(one) >= 6 and screen.counts(one))
        spread.update(self._having(self._data.translate(screen.LATIN), screen.GLUED))
        for script, there in self._foreign().items():
            if there:
                kinds, is_glued = screen.other_kinds(script, _END.join([self.shown[i] for i in there]).lower())
                for i, one in zip(there, kinds.split(screen.END_OF_RECORD), strict=True):
                    row = screen.row_of(one)
                    if is_glued or screen.FOUR in row:
                        words.add(i)
                    if is_glued or screen.counts(one) or screen.has_long_row(row):
                        spread.add(i)
        return words | spread, spread

    def _has_row_of_words(self, i: int) -> bool:
        """Whether there is still a row without ids and times."""
        texts = [text for text in self.shown[i].split(_GAP) if not TECHNICAL.fullmatch(text)]
        lower = " ".join(texts).encode("utf-8", "surrogatepass").translate(screen.LOWER)
        kinds = screen.made_whole(screen.kinds_of(lower))
        return len(texts) > 1 and screen.has_long_row(screen.row_of(kinds))

    def with_keys(self) -> set[int]:
        pieces = self._data.translate(screen.HEX, screen.PARTS)
        keys: set[int] = set()
        if screen.DIGITS in pieces:
            few = [(i, one) for i, one in enumerate(pieces.split(_MARK)) if screen.DIGITS in one]
            keys.update(i for i, one in few if screen.has_pieces(one, self.shown[i]))
        keys.update(self._having(self._data.translate(screen.ALNUM), screen.BASE58))
        for mark in (screen.EXTENDED, *screen.EOS):
            keys.update(self._having(self._lower, mark))
        if screen.may_be_store(self._lower):
            keys.update(i for i, one in enumerate(self._lower.split(_MARK)) if screen.may_be_store(one))
        return keys

    def with_chinese(self) -> tuple[set[int], set[int]]:
        """Records in which Chinese characters stand alone, or many beside a cue; and those in which that is so over
        several texts."""
        signs = self._data.translate(SIGNS, LATER_BYTES).split(_MARK)
        alone = {i for i, one in enumerate(signs) if b" h " in one and one.count(b" h ") >= 2}
        alone.update(i for i in self._having(self._data, _COUNTING) if self._records[i].count(_COUNTING) >= 3)
        beside = {i for i in self._closer if _CHINESE_CUE.search(self.shown[i])}
        beside.update(i for cue in _LATIN_CUES for i in self._having(self._lower, cue))
        beside = {i for i in beside if signs[i].count(b"h") >= LENGTHS[0]}
        spread = {i for i in alone | beside if self._is_chinese_spread(i, signs[i])}
        return alone | beside, spread

    def _is_chinese_spread(self, i: int, signs: bytes) -> bool:
        """Whether characters stand alone, or a text is nothing but some, while there is a cue in the record."""
        shown = self.shown[i]
        if may_hold_phrase(shown, signs.split().count(b"h"), 0):
            return True
        return signs.count(b"h") >= LENGTHS[0] and any(map(_GROUPS.fullmatch, shown.split(_GAP)))
