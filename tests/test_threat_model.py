"""The threat model names defences and proofs that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:aggregator|connectors|deploy|requirements)/[\w/.-]+\.[a-z]+)`")
ROWS = [
    line.strip("|").split(" | ")
    for section in MODEL.split("\n## ")[1:]
    if "| Threat | Defence | Proof |" in section
    for line in section.splitlines()
    if line.startswith("| ") and not line.startswith("| Threat ")
]


@cache
def named_in(file: str) -> frozenset[str]:
    return frozenset(re.findall(r"(?m)^\s*(?:async )?def (test_\w+)\(", (ROOT / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip()[:50])
def test_each_threat_has_a_defence_and_a_proof_that_exist(row: list[str]) -> None:
    _, defence, proof = row
    files, proofs = FILE.findall(defence), PROOF.findall(proof)
    assert files
    assert proofs
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert [f"{file}::{name}" for file, name in proofs if name not in named_in(file)] == []
    assert len(proofs) == proof.count("::")


def test_the_threats_that_every_desk_of_a_wallet_has_are_spoken_of() -> None:
    assert len(ROWS) > 40
    spoken = MODEL.lower()
    asked = (
        "phishing",
        "forged",
        "replayed",
        "stolen cookies",
        "csrf",
        "clickjacking",
        "insider",
        "analyst",
        "history",
    )
    more = ("ssrf", "apprise", "logs", "html", "formulas", "timing", "brute", "fixation", "package", "ports", "disk")
    assert [word for word in (*asked, *more) if word not in spoken] == []


def test_what_is_not_defended_has_a_reason() -> None:
    section = MODEL.split("\n## Not defended, and why\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 5
    assert [row[0] for row in rows if len(row) != 2 or len(row[1]) < 20] == []


def test_whoever_finds_a_weakness_reads_where_to_tell_it() -> None:
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "`<security contact of the operator>`" in told
    assert "docs/threat-model.md" in told
    assert not re.search(r"[\w.]+@[\w.]+", told)
