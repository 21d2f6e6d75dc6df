"""Recovery phrases in texts: whole, in fragments, of two wallets, published ones, and over several messages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.secret_generator import bip39, prose
from tests.secret_generator.arrangements import ARRANGEMENTS, WRAPPINGS, Arrangement, around_each, joined
from tests.secret_generator.planted import Hidden, Planted, Run, Secret, leaked, plant
from tests.secret_generator.spelling import SPELLINGS, TYPO_LANGUAGES, mistyped

WINDOW = 600  # seconds in which one person's pieces belong together
_SIMPLE = ("spaces", "lines", "commas", "numbered_dot", "numbered_paren", "numbered_colon", "bullets")


@dataclass(frozen=True)
class Look:
    """What was chosen for one phrase; `name` goes into `Planted.layout`."""

    arrangement: str
    spelling: str = ""
    wrapping: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        return "+".join(filter(None, (self.arrangement, self.spelling, self.wrapping, self.fault)))

    @property
    def rule(self) -> Arrangement:
        return ARRANGEMENTS[self.arrangement]

    @property
    def needs_cue(self) -> bool:
        """Whether a finder could not be blamed without one: no valid checksum in reading order, or no clear borders."""
        return self.rule.cue or bool(self.fault) or self.wrapping == "json_string"


def planted_phrase(rng: random.Random) -> Planted:
    """One phrase in any list, length, layout and company. A failing checksum or a typo comes only with a cue."""
    language = rng.choice(bip39.LANGUAGES)
    look = _look(rng, language)
    phrase = bip39.invent_phrase(rng, language)
    if look.fault == "bad_checksum":
        phrase = bip39.spoil_checksum(rng, phrase, language)
    cue = look.needs_cue or rng.random() < (0.5 if look.rule.certain else 0.7)
    runs = _in_company(rng, _shown(rng, phrase, language, look), language, look, cue)
    return plant(runs, [Hidden("phrase", phrase, True)], layout=look.name, language=language, cue=cue)


def two_wallets(rng: random.Random) -> Planted:
    """Two phrases in one text, each of which is whole."""
    language = rng.choice(bip39.LANGUAGES)
    look = replace(_look(rng, language, _SIMPLE), fault="")
    phrases = [bip39.invent_phrase(rng, language) for _ in range(2)]
    cue = look.needs_cue or rng.random() < 0.6
    speech = prose.speech_around(rng, language)
    label = {"english": ("old wallet", "new wallet")}.get(speech, ("钱包一", "钱包二"))
    parts = [
        [Run(f"{label[n]}:\n"), *_shown(rng, phrase, language, look, secret=n)] for n, phrase in enumerate(phrases)
    ]
    head = [Run(rng.choice(prose.PHRASE_CUES[speech]))] if cue else []
    hidden = [Hidden("phrase", phrase, True) for phrase in phrases]
    layout = f"{look.name}+two_wallets"
    return plant(prose.lines(head, *parts), hidden, layout=layout, language=language, cue=cue)


def fragment(rng: random.Random) -> Planted:
    """4 to 11 words of a phrase and little else. A few spaced Chinese characters may be emphasis: from 6 on."""
    language = rng.choice(bip39.LANGUAGES)
    cue = rng.random() < 0.4
    length = rng.randint(6 if language in bip39.CHINESE and not cue else 4, 11)
    start = rng.randint(0, 12 - length)
    words = bip39.invent_phrase(rng, language, 12)[start : start + length]
    look = replace(_look(rng, language, _SIMPLE), wrapping="", fault="")
    shown = _shown(rng, words, language, look)
    head = [Run(rng.choice(prose.PHRASE_CUES[prose.speech_around(rng, language)]))] if cue else []
    hidden = [Hidden("fragment", words, None)]
    return plant(prose.lines(head, shown), hidden, layout=f"{look.name}+fragment", language=language, cue=cue)


def published_phrase(rng: random.Random) -> Planted:
    """A test vector: masked, but no reason to wake anybody."""
    phrase = rng.choice(bip39.published_phrases())
    look = replace(_look(rng, "english", _SIMPLE), fault="")
    cue = look.needs_cue or rng.random() < 0.6
    runs = _in_company(rng, _shown(rng, phrase, "english", look), "english", look, cue)
    layout = f"{look.name}+published"
    return plant(runs, [Hidden("test_vector", phrase, False)], layout=layout, language="english", cue=cue)


@dataclass(frozen=True)
class SplitPhrase:
    """One person's phrase in several messages of one thread; `seconds` counts from the first, all within 10 minutes.

    Only together must they alarm: each message's own secret leaves that open.
    """

    phrase: tuple[str, ...]
    language: str
    messages: tuple[Planted, ...]
    seconds: tuple[int, ...]


def split_over_messages(rng: random.Random) -> SplitPhrase:
    """Pieces of 1 to 6 words, at times with small talk between; the last message completes the phrase."""
    language = rng.choice(bip39.LANGUAGES)
    phrase = bip39.invent_phrase(rng, language)
    style = rng.choice(("spaces", "lines", "commas", "numbered"))
    messages: list[Planted] = []
    at = 0
    while at < len(phrase):
        # A single Chinese character is too often a whole message of its own.
        size = rng.randint(2 if language in bip39.CHINESE else 1, 6)
        if at == 0 and rng.random() < 0.3:
            messages.append(_said(rng.choice(prose.PHRASE_CUES[prose.speech_around(rng, language)]), language))
        elif rng.random() < 0.15:
            messages.append(_said(rng.choice(("wait", "ok next", "hold on please...", "还有", "稍等")), language))
        words = phrase[at : at + size]
        runs = _piece(words, at, style)
        messages.append(plant(runs, [Hidden("fragment", words, None)], layout=f"{style}+split", language=language))
        at += size
    moments = (0, *sorted(rng.randint(1, WINDOW - 20) for _ in messages[1:]))
    return SplitPhrase(phrase, language, tuple(messages), moments)


def leaked_over_messages(split: SplitPhrase, masked: Sequence[str]) -> list[str]:
    """What leaks once all messages are there: the quarter counts over the whole phrase."""
    spans: list[tuple[int, int]] = []
    at = 0
    for message in split.messages:
        spans += [(start + at, end + at) for secret in message.secrets for start, end in secret.spans]
        at += len(message.text) + 1
    whole = Secret("phrase", split.phrase, True, tuple(spans))
    text = "\n".join(message.text for message in split.messages)
    return leaked(Planted(text, (whole,), "split", split.language), "\n".join(masked))


def _said(text: str, language: str) -> Planted:
    return plant([Run(text)], [], layout="small_talk", language=language)


def _piece(words: Sequence[str], start: int, style: str) -> list[Run]:
    runs = [Run(word, 0, n) for n, word in enumerate(words)]
    if style == "numbered":
        return around_each(runs, "{n}. ", "\n", first=start + 1)[:-1]
    return joined(runs, {"spaces": " ", "lines": "\n", "commas": ", "}[style])


def _look(rng: random.Random, language: str, among: Sequence[str] = ()) -> Look:
    names = [
        name for name, rule in ARRANGEMENTS.items() if language in rule.languages and name in (among or ARRANGEMENTS)
    ]
    arrangement = rng.choice(names)
    fits = [name for name, spelling in SPELLINGS.items() if language in spelling.languages]
    spelling = rng.choice(fits) if arrangement != "camel" and rng.random() < 0.45 else ""
    wrapping = rng.choice(list(WRAPPINGS)) if rng.random() < 0.3 else ""
    faults = ["bad_checksum", *(["typo"] if language in TYPO_LANGUAGES and not spelling else [])]
    fault = rng.choice(faults) if rng.random() < 0.2 else ""
    return Look(arrangement, spelling, wrapping, fault)


def _shown(rng: random.Random, phrase: Sequence[str], language: str, look: Look, secret: int = 0) -> list[Run]:
    """The phrase spelled, lined up and wrapped."""
    written = list(phrase)
    if look.fault == "typo":
        at = rng.randrange(len(written))
        written[at] = mistyped(rng, written[at], language)
    if look.spelling:
        written = [SPELLINGS[look.spelling].spell(rng, word, language) for word in written]
    runs = look.rule.arrange(rng, [Run(word, secret, place) for place, word in enumerate(written)])
    return WRAPPINGS[look.wrapping](rng, runs) if look.wrapping else runs


def _in_company(rng: random.Random, shown: list[Run], language: str, look: Look, cue: bool) -> list[Run]:
    """The phrase with a cue beside it, and at times with sentences and ids before and behind."""
    speech = prose.speech_around(rng, language)
    tight = language not in bip39.CHINESE and not any("\n" in run.text for run in shown) and rng.random() < 0.5
    gap = " " if tight else "\n"
    if cue and (look.needs_cue or rng.random() < 0.8):
        words = rng.choice(prose.PHRASE_CUES[speech])
        shown = [Run(words + ("" if words.endswith("：") and rng.random() < 0.6 else gap)), *shown]
    elif cue:
        shown = [*shown, Run(gap + rng.choice(prose.PHRASE_CUES_BEHIND[speech]))]
    before = [Run(prose.sentence(rng, language, speech))] if rng.random() < 0.4 else []
    behind = [Run(prose.sentence(rng, language, speech))] if rng.random() < 0.4 else []
    if before and tight and rng.random() < 0.5:
        shown, before = [*before, Run(" "), *shown], []
    kept = prose.kept_line(rng, speech) if rng.random() < 0.2 else []
    return prose.lines(kept, before, shown, behind) if rng.random() < 0.5 else prose.lines(before, shown, behind, kept)
