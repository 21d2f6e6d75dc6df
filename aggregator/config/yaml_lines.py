"""YAML read with the place of every key and item, so that a mistake can be shown where it stands.

Narrower than YAML on purpose: no aliases (nine lines of them can fill the memory), no tags, and only what
everybody expects is a number or a truth value. In YAML 1.1, `012345` is 5349, `1:30` is 90 and `no` is false,
which would change native ids in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connectors.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys of mappings and positions in lists, outermost first."""

_LARGEST = 1_000_000  # bytes
_DEEPEST = 20

_TAG = "tag:yaml.org,2002:"
_IMPLICIT = {
    "null": re.compile(r"(?:|~|null|Null|NULL)$"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"),
    "int": re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})$"),
    "float": re.compile(r"[-+]?(?:[0-9]{1,17}\.[0-9]*|\.[0-9]+|[0-9]{1,17}(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?$"),
}
_HINTS = {
    "'\\t'": "there is a tab here; indent with spaces",
    "mapping values are not allowed": 'a second ": " in one line; quote the text, or look at the indentation',
    "but found another document": "a second document begins here; remove the line ---",
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both counted from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to put right. Never quotes a value: it might be a secret in the wrong place."""

    place: Place
    path: KeyPath
    sentence: str

    def line(self, file: Path) -> str:
        """`file:line:column key.path: sentence`, on one line."""
        where = f"{file}:{self.place.line}:{self.place.column}"
        sentence = _printable(self.sentence)
        return f"{where} {spelled(self.path)}: {sentence}" if self.path else f"{where}: {sentence}"


@dataclass(frozen=True, slots=True)
class Document:
    """Plain dicts (keys are always text), lists and scalars; where each stands; what is wrong as YAML."""

    value: object
    places: Mapping[KeyPath, Place]
    mistakes: tuple[Mistake, ...]


def spelled(path: KeyPath) -> str:
    """`("team", 0, "name")` as `team[0].name`."""
    parts = (f"[{part}]" if isinstance(part, int) else "." + _shown(part) for part in path)
    return "".join(parts).lstrip(".")


def read(file: Path) -> Document:
    """Read one YAML document.

    Raises:
        ConfigError: the file cannot be read, or is not YAML.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except FileNotFoundError as error:
        first = "a first one may hold just the line `sources: {}`; the feed then says how to connect each channel"
        raise ConfigError(f"{file}: cannot be read: {error.strerror}; {first}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    if len(raw) > _LARGEST:
        raise ConfigError(f"{file}: larger than {_LARGEST:,} bytes; is this the right file?")
    node = _compose(file, _decode(file, raw))
    if node is None:
        raise ConfigError(Mistake(Place(), (), "the file is empty").line(file))
    places: dict[KeyPath, Place] = {(): Place()}
    mistakes: list[Mistake] = []
    value = _plain(node, (), places, mistakes)
    return Document(value, places, tuple(mistakes))


def read_words(file: Path) -> Document:
    """Read a file of our own package, all of whose scalars are text: `no` and `404` are words. Ten times faster.

    Raises:
        ConfigError: it is not YAML.
    """
    try:
        # It takes nothing for a number or a truth value.
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        raise ConfigError(Mistake(place, (), f"not valid YAML: {error.problem}").line(Path(file.name))) from None
    places: dict[KeyPath, Place] = {(): Place()}
    mistakes: list[Mistake] = []
    value = _plain(node, (), places, mistakes) if node else None
    return Document(value, places, tuple(mistakes))


class _Loader(yaml.SafeLoader):
    """Takes only what is in `_IMPLICIT` for anything but text."""


_Loader.yaml_implicit_resolvers = {}  # not those of SafeLoader
for _name, _pattern in _IMPLICIT.items():
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, None)


def _decode(file: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = _place_after(raw[: error.start].decode("utf-8"))
        raise ConfigError(Mistake(place, (), "not UTF-8; save the file so").line(file)) from None


def _refused(text: str) -> Mistake | None:
    """Looked for before anything is built: an alias, a tag, nesting deep enough to exhaust the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            sentence = "aliases (*name) are not used here; write it again"
        elif getattr(event, "tag", None) not in (None, "!"):
            sentence = "tags (!name) are not used here"
        elif depth > _DEEPEST:
            sentence = f"nested deeper than {_DEEPEST} levels"
        else:
            continue
        return Mistake(_place(event.start_mark), (), sentence)
    return None


def _compose(file: Path, text: str) -> yaml.Node | None:
    try:
        mistake = _refused(text)
        if mistake is None:
            return yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        sentence = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        mistake = Mistake(_place_after(text[: error.position]), (), sentence)
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "not understood"
        sentence = next((hint for sign, hint in _HINTS.items() if sign in problem), problem)
        mistake = Mistake(_place(error.problem_mark or error.context_mark), (), f"not valid YAML: {sentence}")
    raise ConfigError(mistake.line(file))


def _plain(node: yaml.Node, path: KeyPath, places: dict[KeyPath, Place], mistakes: list[Mistake]) -> object:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for position, item in enumerate(node.value):
            places[*path, position] = _place(item.start_mark)
            items.append(_plain(item, (*path, position), places, mistakes))
        return items
    mapping: dict[str, object] = {}
    for key, item in node.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            mistakes.append(Mistake(place, path, "a key should be a plain word"))
            continue
        inner = (*path, key.value)
        if key.value in mapping:
            mistakes.append(Mistake(place, inner, f"stands here a second time (first in line {places[inner].line})"))
            continue
        places[inner] = place
        mapping[key.value] = _plain(item, inner, places, mistakes)
    return mapping


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text


def _place(mark: Any) -> Place:  # of either of PyYAML's loaders, which have a class each
    return Place(mark.line + 1, mark.column + 1)


def _place_after(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _shown(key: str) -> str:
    """A key as a message may hold it: short enough to be no pasted text."""
    return _printable(key if len(key) <= 60 else key[:20] + "…")


def _printable(text: str) -> str:
    """On one line, and fit for every terminal: escapes in quoted YAML may name any character."""
    return text if text.isprintable() else ascii(text)[1:-1]
