"""connectors.yaml at the root is a working example that holds every setting there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from aggregator.config import (
    Bands,
    Brand,
    ChannelClock,
    Colleague,
    Digests,
    Grouping,
    Hooks,
    MailServer,
    Settings,
    Sql,
    Web,
    load,
)
from aggregator.config.alert_settings import Alerts, Destination, Rule, Webhook
from aggregator.config.clock_settings import Calendar
from aggregator.config.lake_settings import S3, LakeSettings
from aggregator.config.yaml_lines import read
from connectors.contract import SourceConfig
from connectors.imap.smtp import Smtp
from connectors.imap.token import OAuth2
from connectors.registry import connector_class, known_connectors

EXAMPLE = Path(__file__).parent.parent / "connectors.yaml"


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """The example with every commented setting active."""
    path = tmp_path / "connectors.yaml"
    path.write_text(re.sub(r"(?m)^( *)#(?=[\w/.-]+:|- )", r"\1", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def test_the_example_is_valid_as_it_stands_and_with_every_setting_active(everything: Path) -> None:
    assert set(load(EXAMPLE).sources) == {"forum", "telegram"}
    assert load(everything).team


def test_the_example_shows_every_default_as_it_is(everything: Path) -> None:
    shown, default = load(everything), load(EXAMPLE)
    assert shown.bands == default.bands
    assert shown.clocks == default.clocks
    assert (shown.timezone, shown.web.port, shown.hooks.port) == (
        default.timezone,
        default.web.port,
        default.hooks.port,
    )


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ((), Settings),
        (("web",), Web),
        (("hooks",), Hooks),
        (("sql",), Sql),
        (("lake",), LakeSettings),
        (("lake", "s3"), S3),
        (("team", 0), Colleague),
        (("brand",), Brand),
        (("bands",), Bands),
        (("clocks", "default"), ChannelClock),
        (("clocks", "default", "calendar"), Calendar),
        (("incidents",), Grouping),
        (("digest",), Digests),
        (("digest", "smtp"), MailServer),
        (("sources", "mail", "smtp"), Smtp),
        (("sources", "mail", "oauth2"), OAuth2),
        (("webhooks", "ticket-system"), Webhook),
        (("alerts",), Alerts),
        (("alerts", "destinations", "on-call"), Destination),
        (("alerts", "rules", "urgent"), Rule),
    ],
)
def test_the_example_holds_every_setting(everything: Path, path: tuple[str | int, ...], model: type[BaseModel]) -> None:
    places = read(everything).places
    assert {p[-1] for p in places if len(p) == len(path) + 1 and p[:-1] == path} == set(model.model_fields)


@pytest.mark.parametrize("connector", known_connectors())
def test_the_example_holds_every_setting_of_every_connector(everything: Path, connector: str) -> None:
    document = read(everything)
    assert isinstance(document.value, dict)
    sources = [s for s in document.value["sources"].values() if s["connector"] == connector]
    known = set(connector_class(connector).Config.model_fields)
    assert known - set(SourceConfig.model_fields) <= set().union(*sources) <= known


def test_the_example_holds_every_setting_that_all_sources_have(everything: Path) -> None:
    document = read(everything)
    assert isinstance(document.value, dict)
    assert set(SourceConfig.model_fields) <= set(document.value["sources"]["forum"])


@pytest.mark.parametrize(
    "model", [Settings, Web, Hooks, Colleague, Brand, Bands, ChannelClock, Calendar, Webhook, Alerts, Destination, Rule]
)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("connector", known_connectors())
def test_the_example_shows_every_default_of_every_connector(everything: Path, connector: str) -> None:
    shown = [source for source in load(everything).sources.values() if source.connector == connector]
    no_default: tuple[object, ...] = (PydanticUndefined, None, frozenset())
    fields = connector_class(connector).Config.model_fields.items()
    defaults = {name: field.default for name, field in fields if field.default not in no_default}
    assert {name for name in defaults if defaults[name] not in [getattr(source, name) for source in shown]} == set()


@pytest.mark.parametrize("connector", known_connectors())
def test_every_setting_of_every_connector_is_described(connector: str) -> None:
    fields = connector_class(connector).Config.model_fields
    assert [name for name, field in fields.items() if not field.description] == []
