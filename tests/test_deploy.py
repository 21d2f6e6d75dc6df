"""The files for systemd, containers, Kubernetes, Prometheus and Grafana name what exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from aggregator.cli import main
from connectors.addresses import METADATA
from connectors.secret import Secret
from tests.conftest import Community, poll
from tests.test_docs import parsed
from tests.test_metrics import families
from tests.web_site import open_site

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
NAME = re.compile(r"\baggregator_[a-z_]+\b")


class _Unit(ConfigParser):
    """Names of settings are small and capital letters."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(path: Path) -> ConfigParser:
    parser = _Unit(strict=False, interpolation=None)
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def commands() -> dict[str, list[str]]:
    """Every command line in these files, without the program."""
    found = {path.name: shlex.split(unit(path)["Service"]["ExecStart"]) for path in UNITS}
    for document in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")):
        if document["kind"] == "CronJob":
            found[document["metadata"]["name"]] = container(document)["command"]
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    given = [orjson.loads(line) for line in re.findall(r"(?m)^(?:ENTRYPOINT|CMD) (\[.*\])$", dockerfile)]
    return {**found, "Dockerfile": [word for words in given for word in words]}


def container(job: dict[str, Any]) -> dict[str, Any]:
    (one,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(one)


@pytest.mark.parametrize("name", commands())
def test_every_command_that_is_started_can_be_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = commands()[name]
    assert Path(program).name == "aggregator"
    assert parsed(shlex.join(["aggregator", *words]), monkeypatch).command.name in main.commands


def test_every_timer_has_its_service_and_is_a_time_that_systemd_knows() -> None:
    for timer in DEPLOY.glob("*.timer"):
        assert timer.with_suffix(".service") in UNITS
        when = unit(timer)["Timer"]["OnCalendar"]
        if shutil.which("systemd-analyze"):
            assert (
                subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=False).returncode == 0
            )


@pytest.mark.parametrize("path", [*UNITS, *sorted(DEPLOY.glob("*.timer"))], ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_but_that_it_is_not_installed_here(path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        assert unit(path).sections()
        return
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False, cwd=DEPLOY
    )
    ours = [line for line in done.stderr.splitlines() if path.stem in line]
    assert [line for line in ours if "is not executable: No such file" not in line] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_no_unit_may_do_what_it_need_not(path: Path) -> None:
    service = unit(path)["Service"]
    assert (service["User"], service["CapabilityBoundingSet"], service["NoNewPrivileges"]) == ("inquiries", "", "true")
    assert (service["ProtectSystem"], service["ReadWritePaths"]) == ("strict", "/srv/inquiries/.data")
    if shutil.which("systemd-analyze"):
        judge = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", path]
        done = subprocess.run(judge, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_closed_to_every_address_of_a_cloud_that_we_know(path: Path) -> None:
    lines = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines()]
    denied = [ip_network(each) for name, _, told in lines if name == "IPAddressDeny" for each in told.split()]
    assert set(denied) == set(METADATA)


def test_in_a_cluster_jobs_are_nobody_and_speak_to_no_address_of_the_cloud() -> None:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    pods = [each["spec"]["jobTemplate"]["spec"]["template"] for each in documents if each["kind"] == "CronJob"]
    policy = yaml.safe_load((DEPLOY / "network-policy.yaml").read_text(encoding="utf-8"))["spec"]
    assert len(pods) == 2
    for pod in pods:
        assert pod["metadata"]["labels"] == policy["podSelector"]["matchLabels"]
        assert (pod["spec"]["automountServiceAccountToken"], pod["spec"]["securityContext"]["runAsNonRoot"]) == (
            False,
            True,
        )
        assert pod["spec"]["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    (outside,) = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
    assert policy["ingress"] == []
    closed = [IPv4Network(each) for each in outside["except"]]
    clouds = [each for each in METADATA if isinstance(each, IPv4Network)]
    assert [each for each in clouds if not any(each.subnet_of(one) for one in closed)] == []


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [name for line in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", dockerfile) for name in line.split()]
    assert copied
    assert all((ROOT / name).exists() and name in kept for name in copied)


def test_compose_and_kubernetes_use_the_image_s_paths_and_lock_it_down() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["service"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    home = re.search(r"(?m)^WORKDIR (/srv/inquiries)$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert home
    mounts = [each.split(":")[1] for each in service["volumes"]]
    jobs = [each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
            if each["kind"] == "CronJob"]  # fmt: skip
    for job in jobs:
        mounts += [each["mountPath"] for each in container(job)["volumeMounts"]]
        assert container(job)["securityContext"]["readOnlyRootFilesystem"]
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert len(jobs) == 2
    assert set(mounts) == {f"{home[1]}/data", f"{home[1]}/connectors.yaml", "/tmp"}


async def test_every_metric_that_is_drawn_or_alerted_on_is_told(community: Community) -> None:
    drawn = orjson.loads((DEPLOY / "grafana-dashboard.json").read_bytes())
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked = [target["expr"] for panel in drawn["panels"] for target in panel["targets"]] + [
        each["expr"] for each in rules
    ]
    kept = 'UPDATE source_state SET quota = \'{"left": 1, "limit": 9, "resets_at": "2026-03-15T00:00:00Z"}\''
    hook = {"url": "http://127.0.0.1:1/", "secret": Secret(env="TOLD_SECRET"), "events": ["inquiry.new"]}
    community.more["webhooks"] = {"x": hook}
    async with open_site(community) as site:
        community.telegram.says("fox", "my swap failed")
        await poll(site.work)
        await site.work.db.write(lambda con: con.execute(kept).fetchall())
        copy = "INSERT INTO copy_made VALUES ('/b', 'backup', '2026-03-14 08:00:00+00')"
        await site.work.db.write(lambda con: con.execute(copy).fetchall())
        kinds = {sample.name: family.type for family in await families(site) for sample in family.samples}
    names = kinds.keys()
    # What may fall (records are read after all, retention deletes) would count as much as is left when it does.
    grows = {name for each in asked for name in re.findall(r"(?:rate|increase)\((aggregator_[a-z_]+)", each)}
    assert {name for name in grows if kinds[name] not in ("counter", "histogram")} == set()
    assert kinds["aggregator_posts_total"] == "gauge"  # by its name it would be one: it has had it for long
    assert {name for each in asked for name in NAME.findall(each)} - names == set()
    documented = set(
        re.findall(r"`([a-z_]+)(?:\{[^`]*\})?`", (ROOT / "docs/operations.md").read_text(encoding="utf-8"))
    )
    bare = {re.sub(r"^aggregator_|_(bucket|sum|count|created)$", "", name) for name in names}
    assert {name for name in bare if name not in documented and name.removesuffix("_total") not in documented} == set()
