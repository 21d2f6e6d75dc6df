"""Imports that bring no more along than is used."""

from __future__ import annotations

import sys
from importlib import import_module


class _NoRich:
    """Says that there is no rich."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == "rich":
            raise ModuleNotFoundError("No module named 'rich'", name=name)


def import_without_rich(*names: str) -> None:
    """Import these now, which else load rich where it is installed, for colours that nobody sees: 75 modules, 4 MB."""
    sys.meta_path.insert(0, _NoRich)
    try:
        for name in names:
            import_module(name)
    finally:
        sys.meta_path.remove(_NoRich)
