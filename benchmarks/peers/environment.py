"""The peers' own virtual environments, under .data/bench/peers: nothing of theirs touches ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
NAMES: Final = ("loaders", "airbyte")  # Airbyte's pins exclude the others'


class NotInstalledError(Exception):
    """A peer's environment cannot be made; its own message stands above."""


def installed(name: str, root: Path) -> Path:
    """The environment's folder; made at its first use, and again when its requirements change.

    Raises:
        NotInstalledError: pip did not end well.
    """
    wanted = HERE / f"{name}.txt"
    folder = (root / name).resolve()
    stamp, digest = folder / "installed", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {name} into {folder} (some minutes) ...", file=sys.stderr)
    venv.create(folder, with_pip=True)
    pip = (python(folder), "-m", "pip", "install", "-q", "--disable-pip-version-check")
    # To stderr: stdout is for figures.
    ended = subprocess.run((*pip, "--no-deps", "--require-hashes", "-r", wanted), stdout=sys.stderr, check=False)
    if ended.returncode:
        raise NotInstalledError(f"{name}: pip ended with {ended.returncode}")
    _give_extensions(folder)
    stamp.write_text(digest, encoding="ascii")
    return folder


def python(folder: Path) -> Path:
    """Its interpreter."""
    return folder / "bin" / "python"


def home(folder: Path) -> Path:
    """What the peers take for the user's home."""
    return folder / "home"


def variables(folder: Path, store: Path) -> dict[str, str]:
    """The environment of a peer's process: whatever it keeps, it keeps beside the store, and it phones nobody."""
    return {
        "PATH": os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", ""))),
        "HOME": str(home(folder)),
        "TMPDIR": str(store),
        "LANG": "C.UTF-8",
        "DLT_DATA_DIR": str(store / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "SLING_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "AIRBYTE_OFFLINE_MODE": "1",
    }


def _give_extensions(folder: Path) -> None:
    """DuckDB's extensions from wheels, where DuckDB's own program looks for them."""
    home(folder).mkdir(exist_ok=True)
    for file in folder.glob("lib/*/site-packages/duckdb_extension_*/extensions/*/*.duckdb_extension"):
        place = home(folder) / ".duckdb" / "extensions" / file.parent.name / "linux_amd64"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
