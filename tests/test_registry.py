from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from connectors.discourse import Discourse
from connectors.errors import ConfigError
from connectors.registry import GROUP, connector_class, known_connectors

ROOT = Path(__file__).parents[1]


def test_an_installed_connector_is_found_by_its_name() -> None:
    assert connector_class("discourse") is Discourse
    assert {"discourse", "telegram"} <= set(known_connectors())


def test_a_connector_that_is_not_installed_is_found_by_module_and_class() -> None:
    assert connector_class("connectors.discourse:Discourse") is Discourse


def test_a_misspelt_name_gets_a_guess_and_the_list() -> None:
    with pytest.raises(ConfigError, match=r"unknown connector discorse; did you mean discourse\?.*telegram"):
        connector_class("discorse")


def test_a_name_like_none_gets_the_list_alone() -> None:
    with pytest.raises(ConfigError, match="unknown connector zzz; known are") as told:
        connector_class("zzz")
    assert "did you mean" not in str(told.value)


@pytest.mark.parametrize("name", ["no_such_module:Thing", "connectors.discourse:Nothing", ":X", "connectors.errors:"])
def test_a_place_that_holds_nothing_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        connector_class(name)


def test_a_module_that_is_not_found_comes_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"No module named 'bulletin'; install its package, or .* PYTHONPATH"):
        connector_class("bulletin:Bulletin")


def test_every_connector_is_kept_from_importing_the_others() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    modules = {where.partition(":")[0] for where in settings["project"]["entry-points"][GROUP].values()}
    [kept] = [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "independence"]
    assert modules - set(kept["modules"]) == set()


def test_a_class_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="no connector"):
        connector_class("connectors.errors:AuthError")
