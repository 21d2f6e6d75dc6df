"""The keys of the feed as data, and what a colleague may make of them. The table itself is that of static/keys.js."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import orjson

from aggregator.web.pages import STATIC

_LINE = re.compile(r'^  \{ name: "(\w+)", keys: (\[.*\]), group: "(\w+)"(, fixed: true)? \},$', re.MULTILINE)
_NAMED = "Enter|Home|End|PageUp|PageDown|Delete|Backspace|Insert|Arrow(?:Up|Down|Left|Right)|F(?:[1-9]|1[0-2])"
_ONE = r"[!-~]"  # what is seen, in ASCII
_KEY = re.compile(rf"(?:g )?(?:{_ONE}|{_NAMED}|Shift\+(?:[a-z]|{_NAMED}))")
PREFIX = "g"


class Key(NamedTuple):
    """Something that is done by a key. `fixed`: it cannot be another one."""

    name: str
    keys: tuple[str, ...]
    group: str
    fixed: bool


class Refused(NamedTuple):
    """Why a key cannot be had. `why`: taken (by `other`), form, prefix, fixed."""

    name: str
    key: str
    why: str
    other: str = ""


@cache
def keys() -> tuple[Key, ...]:
    """All of them, in the order of the table."""
    text = (STATIC / "keys.js").read_text(encoding="utf-8")
    return tuple(
        Key(name, tuple(orjson.loads(own)), group, bool(fixed)) for name, own, group, fixed in _LINE.findall(text)
    )


def spelled(typed: str) -> str:
    """A key as scripts name it: C is Shift+c, and g F is g f."""
    key = " ".join(typed.split())
    if key.lower().startswith("g ") and len(key) == 3:
        return f"g {key[2].lower()}"
    if len(key) == 1 and key.isascii() and key.isupper():
        return f"Shift+{key.lower()}"
    shift, plus, rest = key.partition("+")
    return f"Shift+{rest.lower() if len(rest) == 1 else rest}" if shift.lower() == "shift" and plus and rest else key


def bound(key: Key, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """What does it, with what a colleague chose: "" for no key at all."""
    if key.fixed or key.name not in chosen:
        return key.keys
    return (chosen[key.name],) if chosen[key.name] else ()


def refused(chosen: Mapping[str, str]) -> list[Refused]:
    """What cannot be had of these choices: each with the action that has the key already."""
    table = {key.name: key for key in keys()}
    wrong = []
    for name, key in chosen.items():
        if name not in table or table[name].fixed:
            wrong.append(Refused(name, key, "fixed"))
        elif not key:
            continue
        elif key == PREFIX:
            wrong.append(Refused(name, key, "prefix"))
        elif not _KEY.fullmatch(key):
            wrong.append(Refused(name, key, "form"))
        else:
            others = [other.name for other in table.values() if other.name != name and key in bound(other, chosen)]
            if others:
                wrong.append(Refused(name, key, "taken", others[0]))
    return wrong
