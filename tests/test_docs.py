"""What the documents say is so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from aggregator.analysts.export import Export
from aggregator.cli import main
from aggregator.config import Bands, Settings
from aggregator.folding import fold
from aggregator.store.database import Database
from aggregator.triage import terms
from aggregator.web import words
from aggregator.web.view import NAMES
from connectors.registry import known_connectors
from tests.conftest import Community, poll

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SHELL = frozenset({">", ">>", "2>>", "<", "#"})


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(read(path)) if name == language]


def command_lines(path: Path) -> list[str]:
    """Every `aggregator ...`, in blocks and in running text; the words up to a comment or to the shell's own signs."""
    text = read(path)
    blocked = "\n".join(body for name, body in BLOCK.findall(text) if name in ("console", "cron"))
    inline = re.findall(r"`(aggregator [^`]+)`", BLOCK.sub("", text))
    lines = re.findall(r"(?:^|/|\s)(aggregator .*)$", blocked, re.MULTILINE)
    return [_up_to_the_shell(line) for line in [*lines, *inline]]


def _up_to_the_shell(line: str) -> str:
    words = line.split()
    return " ".join(words[: next((number for number, word in enumerate(words) if word in SHELL), len(words))])


def table(path: Path, heading: str) -> dict[str, list[str]]:
    """The rows of all tables under a heading: first cell without its backticks -> the other cells."""
    section = read(path).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {first.strip("`"): rest for first, *rest in rows if not first.startswith("---")}


def points(heading: str) -> dict[str, float]:
    rows = table(ROOT / "docs/scoring.md", heading)
    return {rule: float(cells[0]) for rule, cells in rows.items() if re.fullmatch(r"[+-][\d.]+", cells[0])}


def parsed(line: str, monkeypatch: pytest.MonkeyPatch) -> click.Context:
    """The context of a command line's command, parsed but not run. Its files need not exist."""
    words = shlex.split(line)[1:]
    at = next(number for number, word in enumerate(words) if word in main.commands)
    command = main.commands[words[at]]
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            monkeypatch.setattr(parameter.type, "exists", False)
    whole = main.make_context("aggregator", words[: at + 1])
    return command.make_context(command.name, words[at + 1 :], parent=whole)


# -- the README ----------------------------------------------------------------------------------


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_the_readme_names_every_connector_command_and_setting(readme: Path) -> None:
    text = read(readme)
    assert [name for name in known_connectors() if f"| `{name}` |" not in text] == []
    assert [name for name in main.commands if f"| `aggregator {name}" not in text] == []
    assert [name for name in Settings.model_fields if f"`{name}`" not in text] == []


def test_both_languages_have_the_same_headings_commands_and_links() -> None:
    assert outline(ENGLISH) == outline(CHINESE)
    assert command_lines(ENGLISH) == command_lines(CHINESE)
    assert linked(ENGLISH) == linked(CHINESE)


def outline(path: Path) -> list[tuple[str, int, int]]:
    """Each section's depth, how many table rows and how many list items it has."""
    sections = re.split(r"^(#+) .*$", BLOCK.sub("", read(path)), flags=re.MULTILINE)[1:]
    return [
        (depth, len(re.findall(r"^\|", body, re.MULTILINE)), len(re.findall(r"^(?:-|\d+\.) ", body, re.MULTILINE)))
        for depth, body in zip(sections[::2], sections[1::2], strict=True)
    ]


def linked(path: Path) -> list[str]:
    """Link targets in order; to the other language and its pictures count as the same."""
    return [re.sub(r"README(\.zh-CN)?\.md|-(zh|en)\.png", "OTHER", target) for target in LINK.findall(read(path))]


def test_pictures_are_wide_enough_to_read_and_small_enough_to_load() -> None:
    pictures = sorted((ROOT / "docs/images").glob("*.png"))
    names = [f"{screen}-{lang}.png" for screen in ("dashboard", "feed", "incident", "inquiry") for lang in ("en", "zh")]
    assert [path.name for path in pictures] == names
    assert {int.from_bytes(path.read_bytes()[16:20], "big") for path in pictures} == {1280}
    assert [path.name for path in pictures if path.stat().st_size >= 200_000] == []


# -- all documents -------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_into_the_repository_leads_somewhere(document: Path) -> None:
    inside = [target for target in LINK.findall(read(document)) if not re.match(r"https?:|#", target)]
    assert [target for target in inside if not (document.parent / target.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_is_named_exists(document: Path) -> None:
    named = [line.split()[1] for line in command_lines(document) if len(line.split()) == 2]
    assert [name for name in named if name not in main.commands] == []


@pytest.mark.parametrize(
    "line", sorted({line for path in DOCUMENTS for line in command_lines(path) if len(line.split()) > 2})
)
def test_every_command_line_that_is_shown_can_be_given(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(line, monkeypatch).command.name in main.commands


def test_every_document_that_code_names_is_there() -> None:
    inside = [path for folder in ("aggregator", "connectors") for path in (ROOT / folder).rglob("*.*")]
    named = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in inside
        if path.suffix in (".py", ".sql", ".yaml")
        for name in re.findall(r"(?<![\w./-])(?:docs/)?[\w-]+\.md\b", read(path))
    }
    assert len(named) > 30
    gone = [(file, name) for file, name in named if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists()]
    assert sorted(gone) == []


def test_the_list_of_tables_is_that_of_the_schema() -> None:
    db = Database(None)
    schema = {name for (name,) in db.query("SELECT table_name FROM information_schema.tables")}
    db.close()
    listed = set(table(ROOT / "docs/architecture.md", "Tables")) - {"Table or view"}
    assert listed == schema


def test_the_macros_that_are_named_are_those_of_the_schema() -> None:
    db = Database(None)
    macros = {name for (name,) in db.query("SELECT function_name FROM duckdb_functions() WHERE NOT internal")}
    db.close()
    section = read(ROOT / "docs/architecture.md").split("\nMacros: ", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(\w+?)(?:\(\w*\))?`", section)) - {"feed"} == macros


def test_every_rule_and_its_points_are_listed() -> None:
    listed = points("What is at stake") | points("What makes it weigh more") | points("What sinks")
    assert listed == terms.RULES
    assert points("What has become of it") == fold.STATE_RULES


def test_bands_and_waiting_are_listed() -> None:
    bands, waiting = table(ROOT / "docs/scoring.md", "Bands"), table(ROOT / "docs/scoring.md", "Waiting")
    assert {band: int(bands[band][0]) for band in Bands.model_fields} == Bands().model_dump()
    assert {kind: tuple(map(float, waiting[kind])) for kind in fold.WAITING} == fold.WAITING


def test_every_message_that_operators_look_up_is_one_that_can_come() -> None:
    sources = [*ROOT.glob("connectors/**/*.py"), *ROOT.glob("aggregator/**/*.py")]
    code = "\n".join(re.sub(r'"\s*\n\s*f?"', "", read(path)) for path in sources)
    listed = {
        **table(ROOT / "docs/operations.md", "What the Connectors page says, and what to do"),
        **table(ROOT / "docs/operations.md", "What ends the service, and what to do"),
    }
    fragments = [part.strip(" :") for message in listed if message != "Message" for part in message.split("…")]
    assert len(fragments) > 20
    assert [part for part in fragments if part not in code] == []


def test_every_event_of_the_log_is_explained_and_no_other() -> None:
    first = re.compile(r"(?:\blog\.\w+|\bDueWork|\b_patiently)\((.*?)(?:,\s*\w+=|\))", re.DOTALL)
    sources = [*ROOT.glob("connectors/**/*.py"), *ROOT.glob("aggregator/**/*.py")]
    given = " ".join(said for path in sources for said in first.findall(read(path)))
    events = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', given))
    assert len(events) > 60
    explained = re.findall(r"`([a-z_]+\.[a-z_]+)`", read(ROOT / "docs/operations.md") + read(ROOT / "docs/lake.md"))
    assert sorted(events - set(explained)) == []
    logs = table(ROOT / "docs/operations.md", "Logs")
    listed = {event for named in logs for event in re.findall(r"[a-z_]+\.[a-z_]+", named)}
    assert sorted(listed - events) == []


# -- what the documents teach --------------------------------------------------------------------


def test_the_connector_of_the_guide_passes_the_contract_suite_as_the_guide_shows_it(tmp_path: Path) -> None:
    connector, tests = blocks(ROOT / "docs/writing-a-connector.md", "python")
    (tmp_path / "bulletin.py").write_text(connector, encoding="utf-8")
    (tmp_path / "test_bulletin.py").write_text(tests, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-c", "pyproject.toml", tmp_path / "test_bulletin.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^\d+ passed in ", run.stdout, re.MULTILINE), run.stdout + run.stderr
    assert run.returncode == 0


async def test_the_python_that_opens_an_export_is_shown_as_it_works(
    community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with community.desk() as work:
        community.telegram.says("fox", "how do I change the network fee?")
        await poll(work)
        Export(work.db, tmp_path / "export", community.clock()).run(lambda *_: None)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(blocks(ROOT / "notebooks/README.md", "python")[0], scope)
    scope["con"].close()
    assert "telegram" in capsys.readouterr().out


# -- the feed ------------------------------------------------------------------------------------


def test_every_filter_of_an_address_is_listed() -> None:
    assert list(table(ROOT / "docs/feed.md", "Views")) == ["Name", *NAMES]


def test_every_key_is_listed_and_has_words() -> None:
    script = read(ROOT / "aggregator/web/static/keys.js")
    keys = {
        name: re.findall(r'"([^"]+)"', given)
        for name, given in re.findall(r'name: "(\w+)", keys: \[(.*?)\], group', script)
    }
    shown = {"ArrowDown": "↓", "ArrowUp": "↑", "Escape": "Esc"}
    written = {
        name: [re.sub("Mod", "Ctrl", re.sub(r"\w+", lambda word: shown.get(word[0], word[0]), key)) for key in given]
        for name, given in keys.items()
    }
    listed = {name: re.findall("`([^`]+)`", cells[0]) for name, cells in table(ROOT / "docs/feed.md", "Keys").items()}
    assert listed.pop("Name") == []
    assert listed == written
    assert list(words.KEYS) == list(keys)


# -- what must stand nowhere ---------------------------------------------------------------------


FOLDERS = (".ci", "aggregator", "benchmarks", "connectors", "docs", "notebooks", "requirements", "tests")


def files() -> Iterator[tuple[str, str]]:
    """Name and text of every file of the project."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    for path in [*inside, *ROOT.glob("*.*"), ROOT / "Makefile", ROOT / ".gitignore"]:
        if path.is_file() and path.name != ".git":  # in a linked worktree that is a file, and names its home
            yield path.relative_to(ROOT).as_posix(), path.read_bytes().decode("utf-8", "replace")


def test_no_file_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    # Put together here, so that this file does not hold them itself.
    words = ("pypi" + ".org", "python" + "hosted", "--index" + "-url", "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/")
    assert [(name, word) for name, text in files() for word in words if word in text] == []
