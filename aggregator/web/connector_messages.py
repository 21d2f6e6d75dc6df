"""What connectors say, in the reader's language: messages of errors, reasons of gaps, warnings, findings.

They are stored and logged as the English that the connector wrote (connectors/wording.py). The catalogue holds all of
them under a context of their own, with `%(name)s` for a value, so each is known again by its pattern: those of earlier
versions, too, and one within another ("support: Weibo lets us read nothing; ..."). What nobody knows stays as it is:
what a platform said itself, and what a connector of somebody else says.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import islice
from typing import Final, NamedTuple

from aggregator.web.i18n import ENGLISH, Lang, entries

CONTEXT: Final = "connector"
LONGEST: Final = 2000  # characters; what is longer is none of ours
DEEPEST: Final = 4  # sentences within one another
MOST_NAMES: Final = 5  # before a sentence
_PLACE = re.compile(r"%\((\w+)\)s|%%")
_VALUE = r"\{\w+: [^{}]*\}|.*?"  # a credential is named {env: NAME}, which holds what else ends a value
_SHAPES: Final = {"host": r"\S+", "status": r"\d{3}", "status_code": r"\d{3}", "seconds": r"[\d.e+]+"}
_NAME = re.compile(r"[\w.-]+")  # of a source
_MARKED = re.compile(r"(.+) \(([^()]*)\)", re.DOTALL)


def said(message: str, lang: Lang) -> str:
    """A message in this language, as far as it is known in it."""
    return known(message, lang) or message


@lru_cache(maxsize=2048)
def known(message: str, lang: Lang) -> str | None:
    """The same; None: it is not known."""
    if lang == ENGLISH:
        return message
    return _translated(message, lang, DEEPEST) if len(message) <= LONGEST else None


class _Template(NamedTuple):
    """weight: how many characters of it are not values: the more, the surer."""

    pattern: re.Pattern[str]
    translation: str
    weight: int


class _Found(NamedTuple):
    text: str
    weight: int


@cache
def _templates(lang: Lang) -> list[_Template]:
    """Those with values, the most telling first."""
    found = [
        _Template(_pattern(original), said, len(_PLACE.sub("", original)))
        for original, said in entries(lang, CONTEXT).items()
        if "%(" in original
    ]
    return sorted(found, key=lambda each: (-each.weight, each.pattern.pattern))


@cache
def _plain(lang: Lang) -> dict[str, str]:
    found = entries(lang, CONTEXT).items()
    return {original.replace("%%", "%"): said.replace("%%", "%") for original, said in found if "%(" not in original}


def _pattern(original: str) -> re.Pattern[str]:
    parts, at = [], 0
    names: set[str] = set()
    for place in _PLACE.finditer(original):
        parts.append(re.escape(original[at : place.start()]))
        name, at = place[1], place.end()
        if name is None:
            parts.append("%")
        elif name in names:
            parts.append(f"(?P={name})")
        else:
            names.add(name)
            parts.append(f"(?P<{name}>{_SHAPES.get(name, _VALUE)})")
    return re.compile("".join([*parts, re.escape(original[at:])]), re.DOTALL)


def _translated(message: str, lang: Lang, depth: int) -> str | None:
    """A whole message, or one after the names of a source, a group, a setting."""
    if not depth or not message:
        return None
    found = _whole(message, lang, depth)
    colons = list(islice(re.finditer(": ", message), MOST_NAMES))
    if colons and (found is None or _NAME.fullmatch(message, 0, colons[0].start())):
        for colon in colons if found is None else colons[:1]:
            rest = _whole(message[colon.end() :], lang, depth)
            if rest is not None and (found is None or rest.weight >= found.weight):
                return f"{message[: colon.start()]}：{rest.text}"
    return found.text if found else None


def _whole(message: str, lang: Lang, depth: int) -> _Found | None:
    if (plain := _plain(lang).get(message)) is not None:
        return _Found(plain, len(message))
    for template in _templates(lang):
        if match := template.pattern.fullmatch(message):
            values = match.groupdict().items()
            told = {name: _translated(each, lang, depth - 1) or each for name, each in values}
            return _Found(template.translation % told, template.weight)
    if (marked := _MARKED.fullmatch(message)) and (head := _plain(lang).get(marked[1])):
        return _Found(f"{head}（{marked[2]}）", len(marked[1]))
    return None
