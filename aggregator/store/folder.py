"""The data directory: made where it is not there, and looked at before anything is written."""

from __future__ import annotations

import tempfile
from pathlib import Path


class FolderError(OSError):
    """It cannot be used; the message names it."""


def make(folder: Path) -> None:
    """For its owner alone. Raises FolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"the data directory {folder} cannot be created: {error.strerror}") from error


def unusable(folder: Path) -> str | None:
    """Why nothing can be written there, or it cannot be made; None: it can. Nothing is left behind."""
    there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)
    if not there.is_dir():
        return f"{there} is no directory"
    try:
        tempfile.TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        return f"nothing can be written into {there}: {error.strerror}"
    return None
