"""`/metrics`: what the health page shows, for Prometheus. Asked by this machine itself, or with a token."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, get_args

from starlette.responses import PlainTextResponse, Response

from aggregator.config.alert_settings import targets_of
from aggregator.store import deliveries, runaways
from aggregator.store.sources import HealthState
from aggregator.web.metrics_desk import Desk, desk_families, read_desk
from aggregator.web.security import same_secret
from connectors.errors import AuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import Metric
    from starlette.requests import Request

    from aggregator.config import Settings, Web
    from aggregator.ingest.surfacing import Times
    from aggregator.store.database import Connection
    from aggregator.store.deliveries import TargetReport
    from aggregator.store.source_reports import SourceReport
    from aggregator.web.visit import Site

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def metrics(request: Request) -> Response:
    """The text format that Prometheus scrapes."""
    site: Site = request.app.state.site
    if not _may_ask(request, site.settings.web):
        return PlainTextResponse(
            "Metrics are told to this machine itself, where no proxy stands before it (web.public_url), or with\n"
            "Authorization: Bearer <web.metrics_token>\n",
            403,
        )
    reports = await asyncio.to_thread(site.health)
    now = site.clock()
    stored = await site.db.read(lambda cursor: _stored(cursor, now, site.settings))
    desk = await site.db.read(lambda cursor: read_desk(cursor, site.db, now))
    told = _Told(reports, stored, desk, site.surfacing.times(), now)
    body = await asyncio.to_thread(_written, told)
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def _may_ask(request: Request, web: Web) -> bool:
    """A proxy on this machine makes every caller look local: then only the token counts."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and web.metrics_token is not None:
        try:
            return same_secret(given.strip(), web.metrics_token.reveal())
        except AuthError:
            return False
    if web.public_url is not None or any(name in request.headers for name in _FORWARDED):
        return False
    return request.client is not None and ip_address(request.client.host).is_loopback


@dataclass(frozen=True, slots=True)
class _Stored:
    """gaps: (source, state, how many, seconds in all). bands: open inquiries by band."""

    gaps: Sequence[tuple[str, str, int, float]]
    bands: Mapping[str, int]
    targets: Sequence[TargetReport]
    runaways: int


@dataclass(frozen=True, slots=True)
class _Told:
    reports: Sequence[SourceReport]
    stored: _Stored
    desk: Desk
    times: Mapping[str, Times]
    now: datetime


def _stored(cursor: Connection, now: datetime, settings: Settings) -> _Stored:
    bands = settings.bands
    gaps = cursor.execute(
        "SELECT c.source, state, count(*), sum(epoch(to_at) - epoch(from_at)) FROM coverage AS c "
        "WHERE state IN ('gap', 'doubt', 'lost') GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    floors = {"now": now, "P0": bands.P0, "P1": bands.P1, "P2": bands.P2}
    counted = cursor.execute(
        "SELECT CASE WHEN priority >= $P0 THEN 'P0' WHEN priority >= $P1 THEN 'P1' WHEN priority >= $P2 THEN 'P2' "
        "ELSE 'P3' END AS band, count(*) FROM feed_at($now) GROUP BY 1",
        floors,
    ).fetchall()
    told = deliveries.reports(cursor, targets_of(settings.webhooks, settings.alerts))
    return _Stored(gaps, dict.fromkeys(("P0", "P1", "P2", "P3"), 0) | dict(counted), told, runaways.running(cursor))


def _written(told: _Told) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    class Collected:
        def collect(self) -> Iterable[Metric]:
            return _families(told)

    registry = CollectorRegistry()
    registry.register(Collected())
    body: bytes = generate_latest(registry)
    return body


def _families(told: _Told) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    def gauge(name: str, text: str, rows: Iterable[tuple[str, float | None]]) -> Any:
        return _filled(GaugeMetricFamily(f"aggregator_{name}", text, labels=["source"]), rows)

    def counter(name: str, text: str, rows: Iterable[tuple[str, float | None]]) -> Any:
        return _filled(CounterMetricFamily(f"aggregator_{name}", text, labels=["source"]), rows)

    reports, now = told.reports, told.now
    state = GaugeMetricFamily(
        "aggregator_source_state", "1 for the state in which a source is.", labels=["source", "channel", "state"]
    )
    for each in reports:
        for name in get_args(HealthState):
            state.add_metric([each.source, each.channel, name], float(each.state == name))
    yield state
    yield gauge(
        "source_lag_seconds",
        "Since when nobody vouches that everything is stored.",
        (
            (each.source, max(0.0, (now - each.complete_to).total_seconds()) if each.complete_to else None)
            for each in reports
        ),
    )
    yield gauge(
        "source_newest_post_timestamp_seconds",
        "When its newest post was posted.",
        ((each.source, each.last_post_at.timestamp() if each.last_post_at else None) for each in reports),
    )
    stored = ((each.source, each.posts) for each in reports)
    yield gauge("posts_total", "Posts that are stored; fewer once some were deleted.", stored)
    passed_over = ((each.source, each.passed_over) for each in reports)
    yield counter("passed_over", "Posts without an inquiry, by include and exclude.", passed_over)
    yield gauge(
        "rejected_records", "Records that could not be read.", ((each.source, each.rejected) for each in reports)
    )
    counted = [(each.source, each.quota) for each in reports if each.quota]
    yield gauge("source_quota_left", "Calls that the platform still allows.", ((name, q.left) for name, q in counted))
    yield gauge("source_quota_limit", "Calls that it allows in all.", ((name, q.limit) for name, q in counted))
    yield gauge(
        "source_quota_resets_timestamp_seconds",
        "When they begin anew.",
        ((name, quota.resets_at.timestamp()) for name, quota in counted),
    )
    yield from _gaps(told)
    bands = GaugeMetricFamily("aggregator_inquiries_open", "Open inquiries by priority band.", labels=["band"])
    for band, count in told.stored.bands.items():
        bands.add_metric([band], count)
    yield bands
    yield from desk_families(told.desk)
    yield from _targets(told)
    runs = "Queries of analysts that run for longer than sql.longest."
    yield GaugeMetricFamily("aggregator_sql_runaways", runs, value=told.stored.runaways)
    surfaced = HistogramMetricFamily(
        "aggregator_time_to_surface_seconds",
        "From being posted to standing in the feed.",
        labels=["source"],
    )
    for source, times in told.times.items():
        surfaced.add_metric([source], times.up_to(), times.seconds)
    yield surfaced


def _targets(told: _Told) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    def gauge(name: str, text: str) -> Any:
        return GaugeMetricFamily(f"aggregator_deliveries_{name}", text, labels=["target"])

    waiting = gauge("waiting", "What a webhook or a destination of alerts has not taken yet.")
    oldest = gauge("waiting_seconds", "For how long the oldest of it that failed has waited.")
    given_up = gauge("given_up", "What was given up within the last 7 days.")
    for each in told.stored.targets:
        waiting.add_metric([each.target], each.waiting)
        oldest.add_metric([each.target], max(0.0, (told.now - each.since).total_seconds()) if each.since else 0.0)
        given_up.add_metric([each.target], each.given_up)
    return waiting, oldest, given_up


def _gaps(told: _Told) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    gaps = GaugeMetricFamily(
        "aggregator_source_gaps", "Times for which posts may be missing, by state.", labels=["source", "state"]
    )
    lengths = GaugeMetricFamily("aggregator_source_gap_seconds", "How long these are.", labels=["source", "state"])
    found = {(source, state): (count, seconds) for source, state, count, seconds in told.stored.gaps}
    for each in told.reports:
        for state in ("gap", "doubt", "lost"):  # 0, too: an alert needs something to compare with
            count, seconds = found.get((each.source, state), (0, 0.0))
            gaps.add_metric([each.source, state], count)
            lengths.add_metric([each.source, state], seconds)
    return gaps, lengths


def _filled(family: Any, rows: Iterable[tuple[str, float | None]]) -> Any:
    """What is not known is left out."""
    for source, value in rows:
        if value is not None:
            family.add_metric([source], value)
    return family
