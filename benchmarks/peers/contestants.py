"""Who is measured: how each is started, where its rows are, and what it does with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aggregator.backup import DATABASE
from benchmarks.importing import PLAIN_LOAD
from benchmarks.peers import environment

HERE: Final = Path(__file__).parent
LOADED: Final = "loaded"
UNDERSTOOD: Final = "masked, analysed, folded into inquiries, ranked, stored; each record kept"


@dataclass(frozen=True, slots=True)
class Contestant:
    """environment: of environment.NAMES; None: ours. words: what follows its interpreter; DATABASE stands for the
    store. polls: the same for several files in one process. merges: a post that comes again is not stored again."""

    name: str
    environment: str | None
    words: Sequence[str]
    table: str
    merges: bool
    polls: Sequence[str] = ()
    database: str = "store.duckdb"
    did: str = LOADED
    floor: bool = False

    def command(self, folder: Path | None, store: Path, files: Sequence[Path], words: Sequence[str]) -> list[str]:
        """`folder`: its environment."""
        interpreter = environment.python(folder) if folder else sys.executable
        here = [str(store / self.database) if word == "DATABASE" else word for word in words]
        return [str(interpreter), *here, *map(str, files)]

    def variables(self, folder: Path | None, store: Path) -> dict[str, str]:
        """Its process's environment."""
        return environment.variables(folder, store) if folder else dict(os.environ)


def _script(name: str) -> str:
    return str(HERE / f"{name}.py")


def _dlt(name: str, variant: str, merges: bool) -> Contestant:
    words = (_script("with_dlt"), variant, "DATABASE")
    return Contestant(name, "loaders", words, "loaded.post", merges, words)


FLOOR: Final = Contestant("floor: DuckDB's read_json", None, ("-c", PLAIN_LOAD, "DATABASE"), "post", False, floor=True)
OURS: Final = Contestant(
    "aggregator import",
    None,
    ("-m", "aggregator", "import", "--source", "bench", "--config", "connectors.yaml", "--json"),
    "post",
    True,
    database=f"data/{DATABASE}",
    did=UNDERSTOOD,
)
PEERS: Final = (
    _dlt("dlt, as it comes", "append", merges=False),
    _dlt("dlt, Parquet", "parquet", merges=False),
    _dlt("dlt, Arrow", "arrow", merges=False),
    _dlt("dlt, merging", "merge", merges=True),
    _dlt("dlt, Arrow, merging", "merge-arrow", merges=True),
    Contestant(
        "Singer: tap-jsonl | target-duckdb",
        "loaders",
        (_script("with_singer"), "DATABASE"),
        "loaded.post",
        True,
        (_script("with_singer"), "--target", "DATABASE"),
    ),
    Contestant("sling", "loaders", (_script("with_sling"), "DATABASE"), "main.post", True),
    Contestant(
        "PyAirbyte",
        "airbyte",
        (_script("with_airbyte"), "DATABASE"),
        "loaded.post",
        True,
        (_script("with_airbyte"), "DATABASE"),
    ),
)  # fmt: skip


def prepare(store: Path) -> None:
    """What ours needs beside its command; the peers leave it alone."""
    (store / "connectors.yaml").write_text("data: data\nsources: {}\n", encoding="utf-8")
