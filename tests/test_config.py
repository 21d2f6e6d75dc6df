"""connectors.yaml is read whole, or every mistake in it is shown where it stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import ChannelClock, Settings, clock_of, load, missing_secrets, official_of, staff_of
from aggregator.working_time import WorkingDays
from connectors.contract import SourceConfig
from connectors.errors import ConfigError
from connectors.secret import Secret

GROUP = """\
sources:
  support-group:
    connector: telegram
    token: {env: TEST_TELEGRAM_TOKEN}
    chats: [-1001]
"""


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "connectors.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def mistakes(directory: Path, text: str | bytes, **options: Any) -> list[str]:
    """The lines of the error, without the directory."""
    path = written(directory, text)
    with pytest.raises(ConfigError) as caught:
        load(path, **options)
    return [line.removeprefix(f"{directory}/") for line in str(caught.value).splitlines()]


def test_every_mistake_is_shown_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = """\
web: {port: 99999}
timezone: Asia/Shangai
sources:
  support-group:
    connector: telegram
    token: 123456:not-a-place
    pol_every: 30s
    chats: []
  Second Group:
    connector: telegram
    token: {env: A}
    chats: [-1001]
  forum:
    connector: discurse
  nameless: {enabled: yes}
bands: {P1: 90}
clocks:
  telegram: {first_anser: 3m, next_answer: 0}
officail: {telegram: [1]}
"""
    found = mistakes(tmp_path, text)
    assert [line for line in found if ":14:" not in line] == [
        "connectors.yaml:1:7 web.port: should be less than or equal to 65535",
        "connectors.yaml:2:1 timezone: not an IANA time zone; did you mean Asia/Shanghai?",
        "connectors.yaml:6:5 sources.support-group.token: "
        "write {env: NAME} or {file: PATH}; a secret may not stand in this file",
        "connectors.yaml:7:5 sources.support-group.pol_every: unknown setting; did you mean poll_every?",
        "connectors.yaml:8:5 sources.support-group.chats: should hold at least 1",
        "connectors.yaml:9:3 sources.Second Group: "
        "a source's name is made of a-z, 0-9 and hyphens, 41 at most, no hyphen first",
        "connectors.yaml:15:3 sources.nameless.connector: "
        "missing; Which connector speaks to this source, by name or as module:Class.",
        "connectors.yaml:16:1 bands: should fall from P0 to P2, but are 80, 90, 30",
        "connectors.yaml:18:14 clocks.telegram.first_anser: unknown setting; did you mean first_answer?",
        "connectors.yaml:18:31 clocks.telegram.next_answer: should be greater than 0 seconds",
        "connectors.yaml:19:1 officail: unknown setting; did you mean official?",
    ]
    assert any(
        line.startswith("connectors.yaml:14:5 sources.forum.connector: ") and "telegram" in line for line in found
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "connectors.yaml:1:1: the file is empty"),
        ("# nothing\n", "connectors.yaml:1:1: the file is empty"),
        ("- telegram\n", "connectors.yaml:1:1: should be a list of names and values (name: value)"),
        ("telegram\n", "connectors.yaml:1:1: should be a list of names and values (name: value)"),
        ("sources: []\n", "connectors.yaml:1:1 sources: should be a list of names and values (name: value)"),
        (
            "sources:\n",
            "connectors.yaml:1:1 sources: missing; What to listen to, by a name of your choice; {} for nothing yet.",
        ),
        (
            "sources:\n  a: telegram\n",
            "connectors.yaml:2:3 sources.a: should be the settings of a source, connector: first",
        ),
        ("web:\n\tport: 1\n", "connectors.yaml:2:1: not valid YAML: there is a tab here; indent with spaces"),
        (
            "data: a: b\n",
            "connectors.yaml:1:8: not valid YAML: "
            'a second ": " in one line; quote the text, or look at the indentation',
        ),
        (
            "data: a\n---\ndata: b\n",
            "connectors.yaml:2:1: not valid YAML: a second document begins here; remove the line ---",
        ),
        ("data: [a\n", "connectors.yaml:2:1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("data: \x07\n", "connectors.yaml:1:7: the character U+0007 may not stand in YAML"),
        ("web: &w {port: 1}\nhooks: *w\n", "connectors.yaml:2:8: aliases (*name) are not used here; write it again"),
        ("data: !!python/name:os.system x\n", "connectors.yaml:1:7: tags (!name) are not used here"),
        ("data: " + "[" * 5000 + "\n", "connectors.yaml:1:26: nested deeper than 20 levels"),
        ("timezone: 中\n".encode("gbk"), "connectors.yaml:1:11: not UTF-8; save the file so"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path: Path, text: str | bytes, line: str) -> None:
    assert mistakes(tmp_path, text) == [line]


def test_a_file_that_is_absent_or_far_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file.*`sources: {}`"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="larger than 1,000,000 bytes"):
        load(written(tmp_path, "#" * 1_000_001))


@pytest.mark.parametrize(
    ("addition", "where", "sentence"),
    [
        ("data: a\ndata: b\n", "7:1 data", "stands here a second time (first in line 6)"),
        ("? [a, b]\n: 1\n", "6:3", "a key should be a plain word"),
        ("web: {port: 8081}\n", "1:1 hooks", "the feed listens on port 8081 already; give one of the two another port"),
        (
            "hooks: {port: 8080}\n",
            "6:1 hooks",
            "the feed listens on port 8080 already; give one of the two another port",
        ),
        (
            "hooks: {trusted_proxies: [10.0.0.1]}\n",
            "6:9 hooks.trusted_proxies",
            "unknown setting; known here: host, port",
        ),
        ("web: {public_url: feed}\n", "6:7 web.public_url", "should be an address such as https://www.example.org"),
        ("timezone: Asia\n", "6:1 timezone", "not an IANA time zone; did you mean Asia/Oral?"),
        ("timezone: ../etc\n", "6:1 timezone", "not an IANA time zone; write one such as Asia/Shanghai"),
        ("timezone: 8\n", "6:1 timezone", "should be text"),
        ("data: ~nobody-here/x\n", "6:1 data", "names a home directory (~) that this machine does not have"),
        ("bands: {P0: 100}\n", "6:9 bands.P0", "should be less than or equal to 99"),
        ("bands: {PO: 90}\n", "6:9 bands.PO", "unknown setting; known here: P0, P1, P2"),
        (
            "web: {colour: red}\n",
            "6:7 web.colour",
            "unknown setting; known here: host, port, public_url, metrics_token",
        ),
        ("points: {asks: .inf}\n", "6:10 points.asks", "should be a number"),
        ("points: {asks: lots}\n", "6:10 points.asks", "should be a number"),
        ("points: {aks: 1}\n", "6:10 points.aks", "unknown rule; did you mean asks?"),
        (
            "official: {telegram: ['@wallet']}\n",
            "6:23 official.telegram[0]",
            "should be the account's id; an @name can pass to somebody else",
        ),
        (
            "official: {telegram: [true]}\n",
            "6:23 official.telegram[0]",
            "should be an account's id on its platform, in quotes",
        ),
        ("official: {telegram: 5}\n", "6:12 official.telegram", "should be a list such as [one, two]"),
        ("team: [{user: bo}]\n", "6:8 team[0].name", "missing; Name that the feed shows."),
        (
            "team: [{name: Bo, handles: {telegram: [5]}}, {name: Li, handles: {telegram: ['5']}}]\n",
            "6:1 team",
            "Bo and Li have the same account in telegram",
        ),
        ('timezone: "\\ud800"\n', "6:1 timezone", "not an IANA time zone; write one such as Asia/Shanghai"),
        ("clocks: {chat: soon}\n", "6:10 clocks.chat", "should be a list of names and values (name: value)"),
        (
            '"two\\nlines": 1\n',
            "6:1 two\\nlines",
            "unknown setting; known here: data, lake, timezone, web, hooks, sources, team, official, brand, "
            "official_domains, bands, clocks, retention, digest, incidents, webhooks, alerts, sql, points",
        ),
    ],
)
def test_a_mistake_stands_with_its_place_and_remedy(tmp_path: Path, addition: str, where: str, sentence: str) -> None:
    found = mistakes(tmp_path, GROUP + addition, known_rules=frozenset({"asks"}))
    assert found == [f"connectors.yaml:{where}: {sentence}"]


@pytest.mark.parametrize("wrong", ["soon", "true", "5 weeks", "1:30", "-1d", "99999999d", "1.0e+300", "''", "[1]"])
def test_a_time_that_cannot_be_meant_is_refused(tmp_path: Path, wrong: str) -> None:
    assert mistakes(tmp_path, GROUP + f"    backfill: {wrong}\n")[0].startswith(
        "connectors.yaml:6:5 sources.support-group.backfill: should be "
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("4h", 14400), ("2d", 172800), ("45", 45), ("1.5", 1.5), ("PT30S", 30)],
)
def test_a_time_is_written_as_people_or_machines_write_it(tmp_path: Path, text: str, seconds: float) -> None:
    settings = load(written(tmp_path, GROUP + f"    poll_every: {text}\nclocks: {{weibo: {{next_answer: {text}}}}}\n"))
    assert settings.sources["support-group"].poll_every == timedelta(seconds=seconds)
    assert settings.clocks["weibo"].next_answer == timedelta(seconds=seconds)


def test_a_secret_in_the_wrong_place_is_not_repeated_by_the_error(tmp_path: Path) -> None:
    text = GROUP.replace("{env: TEST_TELEGRAM_TOKEN}", "987654:hushhush") + "    api: 987654:hushhush\n"
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert "hushhush" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_secret_that_is_not_there_is_named_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_TELEGRAM_TOKEN", raising=False)
    off = GROUP.partition("\n")[2].replace("support-group", "resting") + "    enabled: false\n"
    path = written(tmp_path, GROUP + f"    webhook_secret: {{file: {tmp_path}/hook}}\n" + off)
    assert missing_secrets(load(path)) == [
        f"{path}:4:5 sources.support-group.token: the environment variable TEST_TELEGRAM_TOKEN is not set",
        f"{path}:6:5 sources.support-group.webhook_secret: {tmp_path}/hook cannot be read: No such file or directory",
    ]
    monkeypatch.setenv("TEST_TELEGRAM_TOKEN", "1:a")
    (tmp_path / "hook").write_text("b\n")
    assert missing_secrets(load(path)) == []


def test_a_secret_that_stands_deep_in_a_setting_is_looked_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Boxes(SourceConfig):
        passwords: dict[str, Secret]
        spare: list[Secret]

    monkeypatch.delenv("TEST_PASSWORD", raising=False)
    absent = {"env": "TEST_PASSWORD"}
    boxes = Boxes.model_validate({"connector": "boxes", "passwords": {"help": absent}, "spare": [absent]})
    assert missing_secrets(Settings(sources={"mail": boxes})) == [
        "sources.mail.passwords.help: the environment variable TEST_PASSWORD is not set",
        "sources.mail.spare[0]: the environment variable TEST_PASSWORD is not set",
    ]


def test_what_the_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "\ufeff" + GROUP + "web:\nteam:\n"))
    assert settings.data == tmp_path / ".data"
    assert settings.timezone == "Asia/Shanghai"
    assert (settings.web.host, settings.web.port, settings.hooks.port) == ("127.0.0.1", 8080, 8081)
    assert (settings.bands.P0, settings.bands.P1, settings.bands.P2) == (80, 60, 30)
    assert clock_of(settings, "forum").next_answer == timedelta(hours=8)
    assert clock_of(settings, "mastodon").first_answer == timedelta(hours=4)


def test_a_clock_keeps_the_default_of_the_time_that_is_not_given(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GROUP + "clocks: {telegram: {first_answer: 5m}, default: {first_answer: 1d}}\n"))
    assert clock_of(settings, "telegram") == ChannelClock(
        first_answer=timedelta(minutes=5), next_answer=timedelta(minutes=30)
    )
    assert clock_of(settings, "email").first_answer == WorkingDays(1)
    assert clock_of(settings, "mastodon").first_answer == timedelta(days=1)


def test_native_ids_keep_every_character(tmp_path: Path) -> None:
    text = "team: [{name: 林悦, handles: {telegram: [7000000001, 0123, '42', -100]}}]\nofficial: {telegram: [9]}\n"
    settings = load(written(tmp_path, GROUP + text))
    assert staff_of(settings, "telegram") == dict.fromkeys(["7000000001", "0123", "42", "-100"], "林悦")
    assert official_of(settings, "telegram") == frozenset({"9"})
    assert staff_of(settings, "weibo") == {}
    assert official_of(settings, "weibo") == frozenset()
