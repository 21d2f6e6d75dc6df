"""How far a replay has come, so that one that was stopped goes on there: only with the same code and configuration."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from pydantic import BaseModel

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.rows import Connection
    from connectors.contract import Connector

_KEY = "replay:"
_OF_A_HOST = ("data", "lake", "web", "hooks", "sql")
_APART = ("web", "demo", "__pycache__")  # nothing that is read, or understood, hangs on these


def code_and_settings(settings: Settings, connectors: Iterable[Connector]) -> str:
    """One word for all that what is read may hang on: another one if a byte of it is another."""
    wanted = {name: value for name, value in settings if name not in _OF_A_HOST}
    said = blake2b(repr(_told(wanted)).encode(), digest_size=16)
    for package in ("aggregator", "connectors"):
        _add(said, resources.files(package))
    for source in sorted({inspect.getsourcefile(type(connector)) or "" for connector in connectors}):
        said.update(Path(source).read_bytes() if source else b"")
    return said.hexdigest()


def _told(value: object) -> object:
    """The same in every process: a set has another order in each."""
    if isinstance(value, BaseModel):
        return [(name, _told(each)) for name, each in value]
    if isinstance(value, Mapping):
        return sorted((str(key), repr(_told(each))) for key, each in value.items())
    if isinstance(value, set | frozenset):
        return sorted(repr(_told(each)) for each in value)
    return [_told(each) for each in value] if isinstance(value, list | tuple) else repr(value)


def _add(said: blake2b, folder: Traversable) -> None:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir() and entry.name not in _APART:
            _add(said, entry)
        elif entry.is_file():
            said.update(entry.name.encode() + entry.read_bytes())


def begun(con: Connection, share: tuple[int, int], by: str | None) -> UUID | None:
    """The last post that was done; None: it is to begin anew."""
    found = con.execute("SELECT value FROM meta WHERE key = ?", [_key(share)]).fetchall()
    told = orjson.loads(found[0][0]) if found and by is not None else {}
    return UUID(told["after"]) if told.get("by") == by and told else None


def note(con: Connection, share: tuple[int, int], by: str, after: UUID) -> None:
    forget(con, share)
    con.execute("INSERT INTO meta VALUES (?, ?)", [_key(share), orjson.dumps({"by": by, "after": after}).decode()])


def forget(con: Connection, share: tuple[int, int]) -> None:
    con.execute("DELETE FROM meta WHERE key = ?", [_key(share)])


def _key(share: tuple[int, int]) -> str:
    return f"{_KEY}{share[0]}/{share[1]}"
