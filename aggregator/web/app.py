"""The desk: every page of the feed as one Starlette application."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.store.desk import DeskFullError
from aggregator.store.notifications import remember
from aggregator.web import (
    answering_all,
    audit,
    auth,
    bulk,
    composing,
    compressing,
    connectors,
    dashboard,
    dialogs,
    feed,
    flags,
    handover,
    health,
    impostors,
    incident_notice,
    incidents,
    inquiry_page,
    metrics,
    notifications,
    pages,
    person_page,
    presence,
    preview,
    replies,
    saved,
    settings_hours,
    settings_keys,
    settings_own,
    settings_weights,
    snippets_page,
    starting,
    team,
    token_pages,
    why,
)
from aggregator.web.api import mounting as api
from aggregator.web.api.guide import guide
from aggregator.web.i18n import LANGS
from aggregator.web.security import Guard
from aggregator.web.visit import Site, Sources, Visit, route, visit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.ingest.surfacing import Surfacing
    from aggregator.outbox import Outbox
    from aggregator.store.database import Database
    from aggregator.store.desk import Desk
    from aggregator.store.source_reports import SourceReport
    from aggregator.web.stream import Stream

log = logging.getLogger(__name__)


def create_app(
    db: Database,
    desk: Desk,
    *,
    settings: Settings,
    stream: Stream,
    clock: Callable[[], datetime],
    health: Callable[[], list[SourceReport]],
    surfacing: Surfacing,
    grouping: Incidents,
    outbox: Outbox,
    sources: Sources,
) -> Starlette:
    """All pages. The stream runs as long as the application does. Raises ConfigError: a word list cannot be read.

    Args:
        health: the report on each source; called in a thread.
        surfacing: how long posts take to the feed.
        grouping: the incidents that the writer keeps, to be told when a colleague changes one.
        outbox: where colleagues' answers go.
        sources: who polls, to be told when a colleague stops a source or wants it asked at once.
    """

    stream.remember = lambda message: remember(desk, message, clock())
    stream.looks_too = outbox.count_unsettled

    @asynccontextmanager
    async def streaming(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(stream.run())
        yield
        stream.stop()
        await running

    site = Site(db, desk, settings, stream, clock, health, surfacing, grouping, outbox, sources)
    app = Starlette(
        routes=[*_routes(), *api.routes(site)],
        middleware=[Middleware(Guard, web=settings.web)],
        exception_handlers={HTTPException: _refused, DeskFullError: _full, 500: _broken},
        lifespan=streaming,
    )
    app.state.site = site
    return app


def _routes() -> list[Route]:
    return [
        route("/", feed.feed),
        route("/rows", feed.some_rows, by_itself=True),
        route("/counts", feed.counts, by_itself=True),
        route("/banner", feed.banner, by_itself=True),
        route("/presence", presence.present, writes=True),
        route("/views", saved.save, writes=True),
        route("/views/{number}/drop", saved.drop, writes=True),
        route("/inquiry/{id}", inquiry_page.show),
        route("/inquiry/{id}/preview", preview.preview),
        route("/inquiry/{id}/read", inquiry_page.mark_read, writes=True),
        route("/inquiry/{id}/account/{what}", person_page.change_from_inquiry, who="agent", writes=True),
        route("/inquiry/{id}/reply", replies.reply, who="agent", writes=True),
        route("/inquiry/{id}/outgoing", replies.outgoing, by_itself=True),
        route("/inquiry/{id}/draft", composing.draft, who="agent", writes=True),
        route("/keepable", composing.keepable, who="agent", writes=True),
        route("/inquiry/{id}/texts", composing.picking),
        route("/inquiry/{id}/suggested", composing.suggested),
        route("/snippets", snippets_page.listed),
        route("/snippets", snippets_page.save, who="agent", writes=True),
        route("/snippets/{what}", snippets_page.change, who="agent", writes=True),
        route("/outbox", replies.unsettled),
        route("/outbox/{id}/{what}", replies.decide, who="agent", writes=True),
        route("/inquiry/{id}/{what}", inquiry_page.change, who="agent", writes=True),
        route("/incidents", incidents.listed),
        route("/incidents/{id}", incidents.show),
        route("/incidents/{id}/answer", answering_all.show, who="agent"),
        route("/incidents/{id}/answer", answering_all.answer, who="agent", writes=True),
        route("/incidents/{id}/answer/{lot}", answering_all.result, who="agent"),
        route("/incidents/{id}/answer/{lot}/undo", answering_all.undo, who="agent", writes=True),
        route("/incidents/{id}/notice", incident_notice.save, who="agent", writes=True),
        route("/incidents/{id}/{what}", incidents.back),
        route("/incidents/{id}/{what}", incidents.change, who="agent", writes=True),
        route("/inquiry/{id}/do/{what}", dialogs.one, who="agent"),
        route("/bulk/do/{what}", dialogs.many, who="agent"),
        route("/bulk", bulk.bulk, who="agent", writes=True),
        route("/undo", bulk.undo, who="agent", writes=True),
        route("/recent", bulk.recent_page, who="agent"),
        route("/told", notifications.show),
        route("/handover", handover.show),
        route("/handover.txt", handover.as_text),
        route("/handover/note", handover.leave_note, who="agent", writes=True),
        route("/handover/note/{id}/done", handover.done_note, who="agent", writes=True),
        route("/flags", flags.listed),
        route("/flags", flags.decided, who="agent", writes=True),
        route("/audit", audit.show, who="lead"),
        route("/out", inquiry_page.out),
        route("/why", why.page),
        route("/dashboard", dashboard.show),
        route("/start", starting.show),
        route("/start", starting.check, who="lead", writes=True),
        route("/connectors", connectors.listed),
        route("/connectors/{what}", connectors.change, who="lead", writes=True),
        route("/impostors", impostors.show),
        route("/impostors/{what}", impostors.judge, who="agent", writes=True),
        route("/people", person_page.search),
        route("/people/{id}", person_page.show),
        route("/people/{id}/{what}", person_page.change, who="agent", writes=True),
        route("/api", guide, who="anyone"),
        route("/events", _events, by_itself=True),
        route("/settings", settings_own.show),
        route("/settings", settings_own.save, writes=True),
        route("/settings/password", settings_own.save_password, writes=True),
        route("/settings/sessions", settings_own.end_session, writes=True),
        route("/settings/keys", settings_keys.show),
        route("/settings/keys", settings_keys.save, writes=True),
        route("/settings/hours", settings_hours.show),
        route("/settings/weights", settings_weights.show, who="lead"),
        route("/settings/weights", settings_weights.preview, who="lead", writes=True),
        route("/settings/tokens", token_pages.listed, who="agent"),
        route("/settings/tokens", token_pages.make, who="agent", writes=True),
        route("/settings/tokens/revoke", token_pages.revoke, who="agent", writes=True),
        route("/settings/team", team.listed, who="lead"),
        route("/settings/team", team.add, who="admin", writes=True),
        route("/settings/team/{what}", team.change, who="admin", writes=True),
        route("/language", auth.switch_language, who="anyone", writes=True),
        route("/signin", auth.sign_in_page, who="anyone"),
        route("/signin", auth.sign_in, who="anyone", writes=True),
        route("/signout", auth.sign_out, writes=True),
        route("/enter", auth.enter_page, who="anyone"),
        route("/enter", auth.enter, who="anyone", writes=True),
        Route("/static/{build}/{name:path}", _static),
        Route("/metrics", metrics.metrics),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
    ]


_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


async def _static(request: Request) -> Response:
    """Files of the package, and what scripts say as `strings.<lang>.json`. The build is in the address."""
    name = request.path_params["name"]
    if request.path_params["build"] != pages.BUILD:
        raise HTTPException(404)
    forever = {"cache-control": "public, max-age=31536000, immutable"}
    for lang in LANGS:
        if name == f"strings.{lang}.json":
            body, how = compressing.text(pages.script_strings(lang), request.headers)
            return Response(body, media_type="application/json", headers=forever | how)
    if name not in {file.name for file in pages.STATIC.iterdir()}:
        raise HTTPException(404)
    path = pages.STATIC / name
    body, how = compressing.text(path.read_bytes(), request.headers)
    return Response(body, media_type=_TYPES[path.suffix], headers=forever | how)


async def _events(visit: Visit) -> Response:
    return _Events(visit)


class _Events(Response):
    """The stream as an answer."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.background = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        visit = self._visit
        site = visit.site
        last = visit.request.headers.get("last-event-id") or visit.request.query_params.get("after", "")
        await site.stream.listen(
            receive,
            send,
            lang=next((lang for lang in LANGS if lang == visit.request.query_params.get("lang")), visit.lang),
            last=int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None,
            still_valid=lambda: site.desk.session(visit.token, site.clock(), used=False) is not None,
        )


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    visitor = await visit(request)
    if visitor.wants_json:
        return JSONResponse({"error": status}, status)
    return visitor.page("error.html", code=status, status=status, number="")


async def _full(request: Request, error: Exception) -> Response:
    log.error("desk.full", extra={"why": str(error)})
    visitor = await visit(request)
    if visitor.wants_json:
        return JSONResponse({"error": 507, "why": str(error)}, 507)
    return visitor.page("error.html", code=507, status=507, number="")


async def _broken(request: Request, error: Exception) -> Response:
    """An id that people can quote stands in the log, too."""
    number = secrets.token_hex(4)
    log.error("page.failed", extra={"number": number, "path": request.url.path}, exc_info=error)
    visitor = await visit(request)
    if visitor.wants_json:
        return JSONResponse({"error": 500, "number": number}, 500)
    return visitor.page("error.html", code=500, status=500, number=number)
