"""Which class a source's `connector:` names: an installed one by its name, or any by `module:Class`."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from connectors.contract import Connector
from connectors.errors import ConfigError

GROUP = "aggregator.connectors"


def known_connectors() -> tuple[str, ...]:
    """The names that installed packages register, sorted."""
    return tuple(sorted(_installed()))


@cache
def _installed() -> dict[str, str]:
    """`module:Class` by name, of two the first on the path. Whoever looks reads the notes of all installed packages: 10
    ms each time."""
    found: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return found


def connector_class(name: str) -> type[Connector]:
    """The class behind `name`; loads only that one module.

    Raises:
        ConfigError: nothing has this name, it cannot be imported, or it is no connector.
    """
    target = name if ":" in name else _registered(name)
    module, _, attribute = target.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"connector {name} cannot be loaded: {error}; install its package, or name its folder in PYTHONPATH"
        ) from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"connector {name} cannot be loaded: {error}") from error
    if not isinstance(found, type) or not issubclass(found, Connector):
        raise ConfigError(f"connector {name} is no connector: it must be a class derived from Connector")
    return found


def _registered(name: str) -> str:
    if (installed := _installed().get(name)) is not None:
        return installed
    known = known_connectors()
    close = get_close_matches(name.lower(), known, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    raise ConfigError(
        f"unknown connector {name}; {guess}known are {', '.join(known)}, or write module:Class; a new name"
        " counts once its package is installed again"
    )
