"""Which facts a trouble needs, and a short text in the customer's language that asks for those which are missing."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.config.yaml_lines import Document, KeyPath, Mistake, Place, read_words
from aggregator.triage.slots import SLOTS
from aggregator.triage.terms import STAKES
from connectors.errors import ConfigError

FILE = Path(__file__).with_name("followups.yaml")
LANGUAGES = ("zh-Hans", "zh-Hant", "en", "ja", "ko", "vi", "ru", "es")

NEEDS: dict[str, tuple[str, ...]] = {
    "funds_missing": ("account", "tx", "time"),
    "pending": ("account", "tx"),
    "funds_stolen": ("account", "tx", "time"),
    "fee_problem": ("tx", "time"),
    "app_down": ("device", "version", "time"),
    "defect": ("device", "version", "screenshot"),
    "account_locked": ("account", "device", "version", "screenshot"),
    "impersonation_report": ("screenshot",),
    "secret_asked": ("screenshot",),
    "complaint": ("account",),
    "accusation": ("account",),
    # Nobody in danger is asked for papers; who asks how to do something, or proposes something, needs none.
    "key_exposed": (),
    "key_given": (),
    "danger_to_life": (),
    "security_report": (),
    "worried": (),
    "question": (),
    "suggestion": (),
}
"""What is at stake -> what is needed to look into it, besides what goes wrong."""

_BY_KIND: dict[str, tuple[str, ...]] = {"emergency": ("account", "time"), "complaint": ("account",)}


def needed(kind: str, rules: Collection[str]) -> tuple[str, ...]:
    """The slots that an inquiry needs, by what is at stake, else by its kind; in the order of `SLOTS`.

    What goes wrong is one of them wherever anything is needed.
    """
    wanted = next((NEEDS[rule] for rule in ("key_exposed", *STAKES) if rule in rules), _BY_KIND.get(kind, ()))
    return tuple(slot for slot in SLOTS if slot in wanted or (wanted and slot == "problem"))


def follow_up(lang: str, missing: Sequence[str]) -> tuple[str, str]:
    """A message that asks for these slots, and the language that it is written in: the customer's, else English. With
    nothing missing, nothing is asked: ("", language)."""
    spoken = "zh-Hans" if lang == "zh" else lang if lang in LANGUAGES else "en"
    if not missing:
        return "", spoken
    return _wordings()[spoken].text.replace("{items}", listed(spoken, missing)), spoken


def listed(lang: str, missing: Sequence[str]) -> str:
    """What these slots are called in a language of `LANGUAGES`, as part of a sentence; nothing of nothing."""
    wording = _wordings()[lang]
    items = [wording.items[slot] for slot in missing]
    return wording.comma.join(items[:-1]) + wording.last + items[-1] if len(items) > 1 else "".join(items)


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language asks. `last` stands before the last of several items."""

    text: str
    comma: str
    last: str
    items: Mapping[str, str]


@functools.cache
def _wordings() -> dict[str, Wording]:
    return load(FILE)


def get_ready() -> None:
    """Load the texts now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    _wordings()


def load(file: Path) -> dict[str, Wording]:
    """Read the texts of all languages.

    Raises:
        ConfigError: all mistakes, one `file:line:column key: what` per line.
    """
    document = read_words(file)
    mistakes = [*document.mistakes, *_missing_parts(document)]
    if mistakes:
        raise ConfigError("\n".join(mistake.line(Path(file.name)) for mistake in mistakes))
    assert isinstance(document.value, dict)
    return {
        lang: Wording(said["text"], said["comma"], said["and"], said["items"]) for lang, said in document.value.items()
    }


def _missing_parts(document: Document) -> Iterator[Mistake]:
    def wrong(path: KeyPath, sentence: str) -> Mistake:
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in document.places)
        return Mistake(document.places.get(known, Place()), path, sentence)

    every = document.value if isinstance(document.value, dict) else {}
    for lang in every.keys() - set(LANGUAGES):
        yield wrong((lang,), f"unknown language; known are {', '.join(LANGUAGES)}")
    for lang in LANGUAGES:
        said = every.get(lang)
        said = said if isinstance(said, dict) else {}
        items = said.get("items")
        items = items if isinstance(items, dict) else {}
        for path, text in (
            *(((lang, part), said.get(part)) for part in ("text", "comma", "and")),
            *(((lang, "items", slot), items.get(slot)) for slot in SLOTS),
        ):
            if not isinstance(text, str) or not text.strip(" "):
                yield wrong(path, "a text is missing here")
        for slot in items.keys() - set(SLOTS):
            yield wrong((lang, "items", slot), f"unknown; known are {', '.join(SLOTS)}")
        if isinstance(said.get("text"), str) and said["text"].count("{items}") != 1:
            yield wrong((lang, "text"), "should hold {items} once")
