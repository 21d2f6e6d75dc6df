"""Words of a list that were written without spaces between them: EarthTogetherPond."""

from __future__ import annotations

from collections.abc import Collection

from aggregator.triage.secrets.wordlists import SCRIPTS, numbers

LONGEST_UNCUT = 23  # more letters than that in a row may be words without spaces
_LONGEST_GLUED = 400
_SHORTEST_WORD, _LONGEST_WORD = 3, 10
_LONGEST_SLIP = 11  # letters of one mistyped word


def unglue(letters: str) -> list[str] | None:
    """Cut letters into words of one list, or None. One piece may be a stranger, such as a mistyped word, the others
    are listed; the language that needs none decides, else the first."""
    letters = letters[:_LONGEST_GLUED]
    with_stranger: list[str] | None = None
    for language in SCRIPTS["letters"]:
        for strangers, cuts in _cut(letters, numbers(language)):
            if not strangers:
                return cuts
            with_stranger = with_stranger or cuts
    return with_stranger


def _cut(letters: str, listed: Collection[str]) -> list[tuple[int, list[str]]]:
    """How all letters can be cut: without a stranger, with one; empty when it cannot be done."""
    size = len(letters)
    # begins[s][end]: where the last piece begins, and how many strangers came before it, when s came up to `end`.
    begins: list[list[tuple[int, int] | None]] = [[None] * (size + 1) for _ in range(2)]
    begins[0][0] = (0, 0)
    reached = 0
    for end in range(2, size + 1):
        if end - reached > _LONGEST_SLIP + _LONGEST_WORD:
            return []
        for start in range(max(0, end - _LONGEST_WORD), end - _SHORTEST_WORD + 1):
            if letters[start:end] in listed:
                for strangers in range(2):
                    if begins[strangers][start] is not None:
                        begins[strangers][end] = (start, strangers)
                        reached = end
        if begins[1][end] is None:
            begins[1][end] = next(
                ((start, 0) for start in range(max(0, end - _LONGEST_SLIP), end - 1) if begins[0][start]), None
            )
    return [(strangers, _followed(letters, begins, strangers)) for strangers in range(2) if begins[strangers][size]]


def _followed(letters: str, begins: list[list[tuple[int, int] | None]], strangers: int) -> list[str]:
    cuts: list[str] = []
    end = len(letters)
    while end:
        step = begins[strangers][end]
        assert step is not None
        cuts.append(letters[step[0] : end])
        end, strangers = step
    return cuts[::-1]
