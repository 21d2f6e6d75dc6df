"""What is installed with us: locked by hashes, under licences that go with ours, and built into nothing else."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements/runtime.txt", "requirements/dev.txt")
COMPATIBLE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
    | {"LGPL-3.0-only"}
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def locked(name: str) -> dict[str, str]:
    """Package -> what stands behind it in the lock."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", read(name))
    return {part.partition("==")[0]: part for part in parts if part.strip()}


def licences() -> dict[str, str]:
    lines = [line for line in read("requirements/licences.txt").splitlines() if not line.startswith("#")]
    return {package: licence for package, _, licence in (line.partition(" ") for line in lines)}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_locked_to_a_version_with_hashes(name: str) -> None:
    packages = locked(name)
    assert len(packages) > 40
    assert [each for each, told in packages.items() if "--hash=sha256:" not in told or "==" not in told] == []
    assert "://" not in read(name)


def test_whatever_installs_the_locks_demands_their_hashes() -> None:
    installs = [
        line
        for name in ("Makefile", "deploy/Dockerfile")
        for line in read(name).splitlines()
        if re.search(r"-r requirements/", line) and "install" in line
    ]
    assert len(installs) == 4
    assert all("--require-hashes" in line for line in installs)


def test_every_licence_of_what_is_installed_goes_with_ours() -> None:
    known = licences()
    assert set(known) == {name.strip() for name in locked("requirements/runtime.txt")}
    odd = {
        package: licence
        for package, licence in known.items()
        if not set(re.split(r" (?:AND|OR) ", licence.replace("(", "").replace(")", ""))) <= COMPATIBLE
    }
    assert odd == {}
    assert [package for package, licence in known.items() if "LGPL" in licence] == ["python-telegram-bot"]


def test_the_licences_are_those_that_the_packages_declare() -> None:
    said = {package: _declared(package) for package in licences()}
    assert sum(map(bool, said.values())) > 30
    assert {package: licence for package, licence in said.items() if licence not in ("", licences()[package])} == {}


def _declared(package: str) -> str:
    """The SPDX expression in what is installed; empty: it declares none, or is not for this Python."""
    try:
        return metadata(package).get("License-Expression") or ""
    except PackageNotFoundError:
        return ""


def test_nothing_of_the_tests_or_tools_is_installed_with_us() -> None:
    ours = locked("requirements/runtime.txt")
    assert {"pytest", "playwright", "hypothesis", "mypy", "cyclonedx-bom", "pip-audit"} & set(ours) == set()


def test_the_bill_of_materials_is_made_of_the_lock_by_a_tool_with_an_environment_of_its_own() -> None:
    recipe = re.search(r"(?m)^sbom:.*\n((?:\t.*\n)+)", read("Makefile"))
    assert recipe
    assert "build/sbom/bin/cyclonedx-py requirements requirements/runtime.txt" in recipe[1]
    assert "$(BIN)" not in recipe[1]
