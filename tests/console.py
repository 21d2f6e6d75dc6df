"""The command line as a person uses it: a configuration, commands, what they print and how they end."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner, Result

from aggregator.cli import main
from aggregator.config import Settings, load
from aggregator.store.database import Database

AGGREGATOR = (sys.executable, "-m", "aggregator")


@dataclass
class Console:
    """Runs commands with the configuration `config`; `run` in this process, `begin` in one of its own."""

    config: Path

    @property
    def data(self) -> Path:
        return self.settings().data

    def settings(self) -> Settings:
        return load(self.config)

    def run(self, *words: str | Path, typed: bytes | None = None) -> Result:
        return CliRunner().invoke(main, self._words(words), input=typed)

    def ok(self, *words: str | Path, code: int = 0) -> str:
        """What a command prints that must end so: well, unless told otherwise."""
        result = self.run(*words)
        assert result.exit_code == code, result.output
        return result.stdout

    def result(self, *words: str | Path, code: int = 0) -> Any:
        """The JSON result of a command that must end so."""
        return orjson.loads(self.ok(*words, "--json", code=code))

    def begin(self, *words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen([*AGGREGATOR, *self._words(words)], env=environment, **pipes)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database; no service may hold it."""
        db = Database(self.data / "inquiries.duckdb")
        try:
            return db.query(sql)
        finally:
            db.close()

    def feed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.result("feed")["inquiries"]
        return found

    def _words(self, words: Sequence[str | Path]) -> list[str]:
        return [*map(str, words), "--config", str(self.config)]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A desk without sources in a directory of its own; afterwards logging is as it was."""
    config = tmp_path / "desk" / "connectors.yaml"
    config.parent.mkdir()
    config.write_text("data: data\nsources: {}\n")
    root, level = logging.getLogger(), logging.getLogger().level
    yield Console(config)
    for handler in [each for each in root.handlers if each.name == "aggregator"]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()
