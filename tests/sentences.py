"""What connectors say to people, read from their source: the messages of errors, reasons of gaps, warnings, findings.

A message is a plain string or an f-string, and English at run time. Here each becomes an entry of the catalogue, with
`%(name)s` for what an f-string puts in, by which the page recognises and translates it
(aggregator/web/connector_messages.py).
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ALSO = (
    *("aggregator/poller.py", "aggregator/checking.py", "aggregator/store/sources.py"),
    *(f"aggregator/alerting/{name}.py" for name in ("apprising", "endpoints", "sender")),
)
"""Outside connectors/, where something is said of a source, or of a target of alerts."""
MARKER = "worded"
WHERE_IT_STANDS = {"Gap": 2, "Finding": 1, "Outcome": 0}  # which argument is for people
_EMPTY = frozenset({"", "self", "name", "len", "sorted", "join", "or", "utc", "total_seconds", "worded"})
"""Names that say nothing of a value."""
TO_OTHERS = frozenset({"RecordError", "PushRefusedError", "ReplyRefusedError"})
"""Errors whose message goes to a log, to the platform that called us, or to whoever answers; no page of sources."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """msgid None: no sentence can be read out of the `source` there, an expression of Python."""

    msgid: str | None
    where: str
    source: str


@cache
def _by_another() -> dict[str, list[Any]]:
    """Read by a process of its own: Python 3.11 counts a tree's depth for all threads together, and of two that read
    at the same time one is refused ("AST constructor recursion depth mismatch")."""
    read = subprocess.run(
        [sys.executable, "-m", "tests.sentences"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return dict(json.loads(read.stdout))


def sentences() -> tuple[Sentence, ...]:
    return tuple(Sentence(**each) for each in _by_another()["sentences"])


def unmarked() -> list[str]:
    """Sentences without a mark in the methods that make warnings."""
    return _by_another()["unmarked"]


def _read() -> Iterator[Sentence]:
    files = [*sorted((ROOT / "connectors").rglob("*.py")), *(ROOT / each for each in ALSO)]
    trees = {str(file.relative_to(ROOT)): ast.parse(file.read_text("utf-8")) for file in files}
    errors = _errors(trees.values())
    constants = {name: _constants(tree) for name, tree in trees.items()}
    for name, tree in trees.items():
        yield from _of_module(name, tree, errors, constants)


def msgids() -> list[str]:
    return sorted({one.msgid for one in sentences() if one.msgid is not None and _says_something(one.msgid)})


def _errors(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of all classes of errors whose message is for people."""
    bases = {
        node.name: [ast.unparse(base) for base in node.bases]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def is_one(name: str) -> bool:
        return name == "ConnectorError" or (name not in TO_OTHERS and any(map(is_one, bases.get(name, ()))))

    return frozenset(filter(is_one, bases))


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What a module's own names stand for."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = _bare(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = _bare(value)
    return found


def _bare(value: ast.expr) -> ast.expr:
    """Without the mark."""
    match value:
        case ast.Call(func=ast.Name(id=called), args=[marked]) if called == MARKER:
            return marked
    return value


def _of_module(
    name: str, tree: ast.Module, errors: frozenset[str], constants: Mapping[str, Mapping[str, ast.expr]]
) -> Iterator[Sentence]:
    own = dict(constants[name])
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            there = constants.get(node.module.replace(".", "/") + ".py", {})
            own |= {each.asname or each.name: there[each.name] for each in node.names if each.name in there}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        at = WHERE_IT_STANDS.get(called, 0)
        if (called in errors or called == MARKER or called in WHERE_IT_STANDS) and len(node.args) > at:
            yield from _said(node.args[at], own, f"{name}:{node.lineno}")


def _said(node: ast.expr, own: Mapping[str, ast.expr], where: str) -> Iterator[Sentence]:
    match node:
        case ast.Constant(value=str() as text):
            yield Sentence(text.replace("%", "%%"), where, ast.unparse(node))
        case ast.JoinedStr():
            yield Sentence(_template(node, own), where, ast.unparse(node))
        case ast.IfExp(body=one, orelse=other):
            yield from _said(one, own, where)
            yield from _said(other, own, where)
        case ast.Dict(values=several) | ast.Tuple(elts=several) | ast.BoolOp(values=several):
            for each in several:
                yield from _said(each, own, where)
        case ast.Call(func=ast.Name(id=called)) if called == MARKER:
            return  # met by itself
        case ast.Subscript(value=ast.Name(id=name)) | ast.Name(id=name) if name in own:
            yield from _said(own[name], own, where)
        case _:
            yield Sentence(None, where, ast.unparse(node))


def _template(node: ast.JoinedStr, own: Mapping[str, ast.expr]) -> str:
    names: dict[str, str] = {}
    return "".join(_part(each, own, names) for each in node.values).removeprefix("%(source)s: ")


def _part(node: ast.expr, own: Mapping[str, ast.expr], names: dict[str, str]) -> str:
    """names: of the values put in so far, by their expression."""
    if isinstance(node, ast.Constant):
        return str(node.value).replace("%", "%%")
    assert isinstance(node, ast.FormattedValue)
    value = node.value
    match own.get(value.id) if isinstance(value, ast.Name) else None:
        case ast.Constant(value=str() as text):
            return text.replace("%", "%%")
        case ast.JoinedStr() as inner:
            return _template(inner, own)
    said = ast.unparse(node)
    if said not in names:
        names[said] = _name(value, set(names.values()))
    return f"%({names[said]})s"


def _name(value: ast.expr, taken: set[str]) -> str:
    """What a translator knows the value by: the last name in its expression that says something."""
    said = ast.unparse(value)
    if key := re.search(r"(?:\.get\(|\[)'(\w+)'", said):
        words = [key[1]]
    elif table := re.match(r"([A-Z_]{3,})\[", said):
        words = [table[1]]
    else:
        words = re.findall(r"[A-Za-z_]+", re.sub(r"'[^']*'", "", said))
    names = [each for word in words if (each := word.strip("_").lower()) not in _EMPTY or word == said]
    name = "error" if said.startswith("type(") else (names or ["value"])[-1]
    while name in taken:
        name += "_"
    return name


def _says_something(msgid: str) -> bool:
    """Whether there is anything to translate beside what is put in."""
    return bool(re.search(r"[A-Za-z]{2}", re.sub(r"%\(\w+\)s", "", msgid)))


def _unmarked() -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / "connectors").rglob("*.py"))
        for made in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(made, ast.FunctionDef) and made.name.strip("_") in ("warnings", "expiry")
        for node in _bare_sentences(made.body)
    ]


def _bare_sentences(nodes: Iterable[ast.AST]) -> Iterator[ast.Constant | ast.JoinedStr]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=called)) if called == MARKER:
                continue
            case ast.Expr(value=ast.Constant()):  # the method's own description
                continue
            case ast.Constant(value=str()) | ast.JoinedStr() if re.search(r"[a-z] [a-z]", ast.unparse(node)):
                yield node
            case _:
                yield from _bare_sentences(ast.iter_child_nodes(node))


if __name__ == "__main__":
    json.dump({"sentences": [asdict(one) for one in _read()], "unmarked": _unmarked()}, sys.stdout)
