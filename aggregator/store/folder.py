"""The data directory: made where it is not there, and looked at before anything is written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import structlog

log = structlog.get_logger()


class FolderError(OSError):
    """It cannot be used; the message names it."""


def make(folder: Path) -> None:
    """For its owner alone. Raises FolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"the data directory {folder} cannot be created: {error.strerror}") from error


def open_to_others(data: Path) -> str | None:
    """What to tell, if others on this machine may look into the data directory; None: they may not."""
    if not data.is_dir() or not data.stat().st_mode & 0o077:
        return None
    return f"{data}: other users of this machine may look into it, and it holds customers' texts: chmod 700 {data}"


def warn_if_open_to_others(data: Path) -> None:
    """For what goes on for long, at its start."""
    if seen := open_to_others(data):
        log.warning("data.open_to_others", message=seen)


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
