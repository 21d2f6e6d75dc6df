"""What a monitoring system is told, and whom it is told."""

from __future__ import annotations

from datetime import timedelta

import httpx
import orjson
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from aggregator.config import Web
from aggregator.ingest.surfacing import Surfacing
from aggregator.outbox import Sender
from aggregator.outbox.outbox import HOLD
from connectors.secret import Secret
from tests.conftest import START, Community, poll
from tests.web_site import WebSite, open_site

LABELS = ("source", "channel", "state", "band", "le")
TOKEN = "a-token-for-the-monitoring-of-tests"


async def families(site: WebSite) -> list[Metric]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{site.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return list(text_string_to_metric_families(answer.text))


async def told(site: WebSite) -> dict[tuple[str, ...], float]:
    """Name and label values -> value."""
    return {
        (each.name, *(each.labels[name] for name in LABELS if name in each.labels)): each.value
        for family in await families(site)
        for each in family.samples
    }


async def test_metrics_say_of_each_source_what_the_health_page_says(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(("fox", "my funds are gone and support ignores me"), ("lin", "how do I change the fee?"))
        await poll(site.work)
        community.clock.pass_(minutes=10)
        community.forum.fail_next("500")
        await poll(site.work)
        community.telegram.malformed()
        await poll(site.work, "telegram")
        kept = "UPDATE source_state SET passed_over = 3, quota = ? WHERE source = 'telegram'"
        quota = {"left": 240, "limit": 1000, "resets_at": (START + timedelta(hours=16)).isoformat()}
        await site.work.db.write(lambda con: con.execute(kept, [orjson.dumps(quota).decode()]).fetchall())
        community.clock.pass_(minutes=1)
        found = await told(site)
    assert found["aggregator_source_state", "forum", "forum", "failing"] == 1
    assert found["aggregator_source_state", "telegram", "telegram", "ok"] == 1
    assert found["aggregator_source_state", "telegram", "telegram", "failing"] == 0
    assert found["aggregator_source_lag_seconds", "forum"] == 11 * 60
    assert found["aggregator_source_lag_seconds", "telegram"] == 60
    assert found["aggregator_source_gaps", "forum", "gap"] == 1
    assert found["aggregator_source_gap_seconds", "forum", "gap"] == 600
    assert found["aggregator_source_gaps", "telegram", "lost"] == 0
    assert found["aggregator_posts_total", "telegram"] == 2
    assert found["aggregator_passed_over_total", "telegram"] == 3
    assert found["aggregator_rejected_records", "telegram"] == 1
    assert found["aggregator_source_quota_left", "telegram"] == 240
    assert found["aggregator_source_quota_limit", "telegram"] == 1000
    assert ("aggregator_source_quota_left", "forum") not in found
    bands = [found["aggregator_inquiries_open", band] for band in ("P0", "P1", "P2", "P3")]
    assert (sum(bands), bands[3]) == (2, 1)


async def test_posts_are_counted_as_they_come_and_go_and_those_that_stay_only_once(community: Community) -> None:
    posts, newest = (
        ("aggregator_posts_total", "telegram"),
        ("aggregator_source_newest_post_timestamp_seconds", "telegram"),
    )
    moved = "UPDATE post SET source = 'elsewhere' WHERE text = 'my swap failed'"  # only who counts it anew can know
    gone = "DELETE FROM post WHERE text = 'hello?'"
    async with open_site(community) as site:
        await site.says(("fox", "my swap failed"), ("lin", "how do I change the fee?"))
        first = await told(site)
        await site.work.db.write(lambda con: con.execute(moved).fetchall())
        await site.says(("fox", "hello?"))
        second = await told(site)
        await site.work.db.write(lambda con: con.execute(gone).fetchall())
        third = await told(site)
    assert (first[posts], second[posts], third[posts]) == (2, 3, 1)
    assert second[newest] > first[newest] == third[newest]


async def test_an_answer_of_which_nobody_knew_is_in_doubt_until_a_colleague_has_dealt_with_it(
    community: Community,
) -> None:
    async with open_site(community, "forum") as site:
        community.forum.says("lin", "转账三小时未到账", title="转账没到")
        await poll(site.work, "forum")
        outbox = site.work.outbox
        await outbox.send(bytes.fromhex(site.only_id().replace("-", "")), "amy", "We look at it at once.", "")
        community.forum.fail_next("reset")
        community.clock.pass_(seconds=HOLD)
        await Sender(outbox).send_due(until_done=True)
        before = await told(site)
        (unknown,) = await outbox.unsettled()
        await outbox.again(unknown.outbox_id, "amy")
        after = await told(site)
    assert [before["aggregator_outbox", state] for state in ("unknown", "settled", "held")] == [1, 0, 0]
    assert [after["aggregator_outbox", state] for state in ("unknown", "settled", "held")] == [0, 1, 1]


async def test_the_time_to_the_feed_is_counted_for_live_posts(community: Community) -> None:
    community.telegram.says("owl", "said before we listened", at=START - timedelta(hours=1))
    async with open_site(community) as site:
        await poll(site.work)
        community.telegram.says("fox", "my swap failed")
        community.clock.pass_(seconds=20)
        await poll(site.work)
        found = await told(site)
    bucket = "aggregator_time_to_surface_seconds_bucket"
    assert (found[bucket, "telegram", "10.0"], found[bucket, "telegram", "30.0"]) == (0, 1)
    assert found["aggregator_time_to_surface_seconds_count", "telegram"] == 1
    assert found["aggregator_time_to_surface_seconds_sum", "telegram"] == 20


@pytest.mark.parametrize(
    ("web", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"x-forwarded-for": "203.0.113.7"}, 403),
        ({"public_url": "https://desk.example.com"}, {"host": "desk.example.com"}, 403),
        ({"public_url": "https://desk.example.com", "metrics_token": True}, {"authorization": f"Bearer {TOKEN}"}, 200),
        ({"public_url": "https://desk.example.com", "metrics_token": True}, {"authorization": "Bearer another"}, 403),
        ({"metrics_token": True}, {"authorization": "Bearer another"}, 403),
        ({"metrics_token": True}, {}, 200),
    ],
)
async def test_metrics_are_for_this_machine_or_for_who_has_the_token(
    community: Community, monkeypatch: pytest.MonkeyPatch, web: dict[str, object], headers: dict[str, str], status: int
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    chosen = {name: Secret(env="METRICS_TOKEN") if value is True else value for name, value in web.items()}
    community.more["web"] = Web.model_validate(chosen)
    async with open_site(community) as site, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{site.url}/metrics", headers=headers)
    assert answer.status_code == status


async def test_a_token_that_is_gone_opens_nothing(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    community.more["web"] = Web(metrics_token=Secret(env="METRICS_TOKEN"))
    async with open_site(community) as site, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{site.url}/metrics", headers={"authorization": "Bearer x"})
    assert answer.status_code == 403


def test_what_took_longer_than_all_buckets_is_counted_in_the_last() -> None:
    surfacing = Surfacing()
    for seconds in (0.5, 1.0, 3.0, 1e6, -5.0):
        surfacing.took("forum", seconds)
    buckets = dict(surfacing.times()["forum"].up_to())
    assert (buckets["1.0"], buckets["5.0"], buckets["86400.0"], buckets["+Inf"]) == (3, 4, 4, 5)
