"""The word lists beside this file: groups of phrases per language, as patterns for a text that `search_text` gives."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from itertools import groupby
from pathlib import Path

import yaml

from aggregator.triage.language import search_text, traditional
from connectors.errors import ConfigError

FOLDER = Path(__file__).parent
# Letters of scripts that put spaces between words: there a word matches whole only.
_LETTERS = r"[a-z\u00df-\u024f\u0400-\u04ff\u1e00-\u1eff]"
_LETTER = re.compile(_LETTERS)
_NO_LETTER = f"(?!{_LETTERS})"
_NO_WORDS = re.compile(r"(?!)")


@functools.cache
def phrases(name: str, groups: tuple[str, ...]) -> Mapping[str, re.Pattern[str]]:
    """Group -> a pattern that finds any of its phrases, Latin and Cyrillic ones as whole words only.

    Raises:
        ConfigError: all mistakes of the list, one `file: group: what` per line.
    """
    return {group: any_of(words) for group, words in read(FOLDER / f"{name}.yaml", groups).items()}


def read(file: Path, groups: Collection[str]) -> dict[str, list[str]]:
    """The phrases of each group, all languages together, as they are searched.

    Raises:
        ConfigError: see `phrases`.
    """
    try:
        # The loader that knows text only: "no" is a word here.
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 -- it makes strings only
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file.name}:{line}: not YAML: {error.problem}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file.name}: should hold the groups {', '.join(groups)}")
    mistakes = [f"{group}: missing" for group in groups if group not in content]
    mistakes += [f"{group}: unknown; known are {', '.join(groups)}" for group in content if group not in groups]
    found: dict[str, list[str]] = {}
    for group, languages in content.items():
        found[group] = []
        if not isinstance(languages, dict):
            mistakes.append(f"{group}: should be `language: [phrases]`")
            continue
        for language, words in languages.items():
            if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
                mistakes.append(f"{group}: {language}: should be a list of phrases")
                continue
            found[group] += _searched(words)
    if mistakes:
        raise ConfigError("\n".join(f"{file.name}: {mistake}" for mistake in mistakes))
    return found


def _searched(words: list[str]) -> list[str]:
    """In all spellings."""
    plain = [search_text(word).strip() for word in words]
    plain += [form for word in plain for form in traditional(word)]
    plain += [word.replace("'", sign) for word in plain if "'" in word for sign in ("’", "")]
    return list(dict.fromkeys(word for word in plain if len(word) > 0))


def any_of(words: list[str]) -> re.Pattern[str]:
    """A pattern for any of these; of several that begin alike, the longest.

    They are grouped by their first letter, and each group begins with it: a search then passes over all places where no
    group begins in one loop. What may not stand before a Latin letter is looked at behind it, for a pattern that begins
    by looking back is tried at every place, which took three times as long (7 us instead of 2 for a post of 50).
    """
    if not words:
        return _NO_WORDS
    groups: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        groups.setdefault(word[0], []).append(word)
    return re.compile("|".join(_group(first, some) for first, some in groups.items()))


def _group(first: str, words: list[str]) -> str:
    """Words that begin alike. Where no letter may follow is said once for all that stand side by side: compiling it for
    each took ten times as long."""
    parts = []
    for whole, some in groupby(words, key=lambda word: _LETTER.match(word[-1]) is not None):
        rest = "|".join(re.escape(word[1:]) for word in some)
        parts.append(f"(?:{rest}){_NO_LETTER}" if whole else rest)
    begins = re.escape(first)
    before = f"(?<!{_LETTERS}{begins})" if _LETTER.match(first) else ""
    return f"{begins}{before}(?:{'|'.join(parts)})"
