"""How an operator tries a webhook and an alert, and sees how they fare."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aggregator.alerting.sender import Sender
from aggregator.alerting.serving import carriers_of, deliver_once
from aggregator.alerting.signing import headers, key_of
from aggregator.commands import DELIVERIES, handlers
from tests.alert_receiver import SECRET, Place, a_place
from tests.conftest import Community, poll
from tests.console import Console
from tests.test_alerts import PHRASE
from tests.test_import import jsonl
from tests.test_webhooks import webhook
from tests.web_site import open_site

DOCS = Path(__file__).parents[1] / "docs/alerts.md"


@contextmanager
def a_place_elsewhere() -> Iterator[Place]:
    """A place on an event loop of its own: a command has one, too."""
    found: list[Place] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with a_place() as place:
            found.append(place)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(30)
    try:
        yield found[0]
    finally:
        over.set()
        thread.join()


def configure(console: Console, place: Place, monkeypatch: pytest.MonkeyPatch, secret: str = SECRET) -> None:
    monkeypatch.setenv("TOLD_SECRET", secret)
    monkeypatch.setenv("DUTY_URL", place.url.replace("http", "json", 1))
    hook = {"url": place.url, "secret": {"env": "TOLD_SECRET"}, "events": ["inquiry.new"]}
    alerts = {
        "destinations": {"duty": {"url": {"env": "DUTY_URL"}, "language": "en"}},
        "rules": {"keys": {"events": ["inquiry.key_exposed"], "to": ["duty"]}},
    }
    told = {"data": "data", "sources": {}, "webhooks": {"tickets": hook}, "alerts": alerts}
    console.config.write_text(yaml.safe_dump(told), encoding="utf-8")


def test_a_test_shows_what_came_back(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_place_elsewhere() as place:
        configure(console, place, monkeypatch)
        place.says = b"thank you"
        place.answers.extend([202, 500, (301, {"location": "/elsewhere"})])
        assert re.fullmatch(r"tickets: 202 in \d+\.\d\d s: thank you\n", console.ok("webhook", "test", "tickets"))
        assert "500" in console.ok("webhook", "test", "tickets", code=1)
        assert "redirects are not followed" in console.ok("webhook", "test", "tickets", code=1)
        assert console.ok("alert", "test", "duty").startswith("duty: taken in ")
        place.answers.append(403)
        assert console.result("alert", "test", "duty", code=1)["why"] == "the service answered 403"
        assert [each.told["type"] for each in place.came[:3]] == ["test"] * 3
        assert place.came[0].is_signed_by(SECRET)
        assert place.came[3].told["title"] == "Test"
        unknown = console.run("webhook", "test", "ticket")
        assert (unknown.exit_code, "there is no ticket; there are tickets" in unknown.output) == (2, True)
        for words, name in ((("webhook", "test", "tickets"), "TOLD_SECRET"), (("alert", "test", "duty"), "DUTY_URL")):
            monkeypatch.delenv(name)
            missing = console.run(*words)
            assert (missing.exit_code, f"the environment variable {name}" in missing.output) == (2, True)


def test_a_poll_without_a_service_sends_what_is_due_and_says_what_was_not_taken(
    console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with a_place_elsewhere() as place:
        configure(console, place, monkeypatch)
        assert console.result("poll") == {DELIVERIES: {"ok": True, "message": "0 delivered"}}
        rows = [
            {"native_id": str(number), "author_id": f"u{number}", "text": f"my phrase: {PHRASE}"} for number in (1, 2)
        ]
        console.ok("import", jsonl(tmp_path / "one.jsonl", rows[0]), "--source", "old")
        assert place.came == []  # noted only
        assert console.result("poll")[DELIVERIES]["message"] == "1 delivered"
        assert [each.told["title"].partition(":")[0] for each in place.came] == ["Key or phrase exposed"]
        place.answers.append(503)
        console.ok("import", jsonl(tmp_path / "two.jsonl", rows[1]), "--source", "old")
        told = console.result("poll", code=1)[DELIVERIES]  # nothing else was to be done
        assert (told["ok"], told["message"].partition(":")[0]) == (False, "0 delivered, 1 not")
        assert console.result("poll", code=1)[DELIVERIES]["ok"] is False  # it waits for its next try
        assert len(place.came) == 2


async def test_what_is_not_sent_in_time_is_sent_by_the_next_poll(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    async with a_place() as place:
        community.more["webhooks"] = {"program": webhook(place, events=("inquiry.new",))}
        async with community.desk("telegram") as work:
            community.telegram.says("fox", "my swordfish transfer is stuck")
            do = handlers(work, alone=True)["poll"]
            told = await do({"sources": []}, lambda _: None)
            assert told == {
                "telegram": {"ok": True, "message": ""}, DELIVERIES: {"ok": True, "message": "1 delivered"}
            }  # fmt: skip
            community.telegram.says("owl", "how do I raise the network fee?")
            await poll(work)
            late = await deliver_once(work.db, work.settings, community.clock, work.alerting, within=0)
            assert (late.done, late.left, late.why) == (0, 1, "broken off after 0 s")
            assert (await deliver_once(work.db, work.settings, community.clock, work.alerting)).done == 1
        assert len(place.came) == 2


def test_secrets_that_are_none_are_found_before_the_start(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_place_elsewhere() as place:
        configure(console, place, monkeypatch, secret="short-and-secret")
        monkeypatch.setenv("DUTY_URL", "nonsense://token-of-somebody")
        told = console.run("check")
    assert told.exit_code == 2
    assert re.search(r":\d+:\d+ webhooks.tickets.secret: should hold whsec_", told.output)
    assert re.search(r":\d+:\d+ alerts.destinations.duty.url: holds no address that Apprise knows", told.output)
    assert not re.search("short-and-secret|token-of-somebody", told.output)


async def test_the_connectors_page_and_the_metrics_say_how_targets_fare(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    async with a_place() as place:
        community.more["webhooks"] = {"tickets": webhook(place)}
        place.answers.append(503)
        async with open_site(community, "telegram") as site, site.visitor("amy") as amy:
            await site.says(("lin", "how do I change the network fee?"))
            sender = Sender(site.work.db, community.clock, carriers_of(site.work.settings))
            await sender.deliver_due(until_done=True)
            community.clock.pass_(minutes=3)
            page = (await amy.get("/connectors")).text
            async with httpx.AsyncClient(trust_env=False) as client:
                metrics = (await client.get(f"{site.url}/metrics")).text
            await sender.stop()
    assert "tickets" in page
    assert "it answered 503" in page
    assert 'aggregator_deliveries_waiting{target="webhook:tickets"} 1.0' in metrics
    assert 'aggregator_deliveries_waiting_seconds{target="webhook:tickets"} 180.0' in metrics


def test_the_verification_that_the_guide_shows_takes_ours_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    scope: dict[str, Any] = {}
    exec(shown, scope)
    key, body = key_of(SECRET), b'{"type":"test"}'
    assert key is not None
    now = datetime.now(UTC)
    ours = headers("msg_1", body, now, [b"x" * 32, key])
    old = headers("msg_1", body, datetime.fromtimestamp(now.timestamp() - 900, UTC), [key])
    assert scope["verified"](ours, body, SECRET)
    assert not scope["verified"](ours, body + b" ", SECRET)
    assert not scope["verified"](ours | {"webhook-id": "msg_2"}, body, SECRET)
    assert not scope["verified"](old, body, SECRET)
