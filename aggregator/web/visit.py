"""One request by one visitor: who it is, which language, and how pages are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from aggregator.answering.similar import Similar
from aggregator.store.desk import Role
from aggregator.store.inquiry_cache import InquiryCache
from aggregator.store.notifications import unread
from aggregator.web import compressing, pages
from aggregator.web.i18n import Lang, catalogue, choose
from aggregator.web.security import is_ours, same_secret

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.ingest.surfacing import Surfacing
    from aggregator.outbox import Outbox
    from aggregator.store.database import Database
    from aggregator.store.desk import Desk, Session, User
    from aggregator.store.source_reports import SourceReport
    from aggregator.web.sidebar import Counted
    from aggregator.web.stream import Stream


class Sources(Protocol):
    """What colleagues may do with the sources that are polled. Each raises KeyError: no such source."""

    async def pause(self, name: str, who: str) -> None:
        """Ask it nothing until it may go on."""

    async def go_on(self, name: str) -> None:
        """Poll it again, at once."""

    def poll_soon(self, name: str) -> None:
        """Look there now, if it is polled."""


Who = Literal["anyone"] | Role


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages share."""

    db: Database
    desk: Desk
    settings: Settings
    stream: Stream
    clock: Callable[[], datetime]
    health: Callable[[], list[SourceReport]]
    surfacing: Surfacing
    incidents: Incidents
    outbox: Outbox
    sources: Sources
    similar: Similar = field(default_factory=Similar)
    counted: dict[str, Counted] = field(default_factory=dict)  # figures beside the list, by person
    # Each password takes a thread for 50 ms, and 16 MB: a flood of them leaves the other threads to the pages.
    at_the_door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @property
    def cache(self) -> InquiryCache:
        """Rows of the list."""
        return self.stream.cache

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https."""
        public = self.settings.web.public_url
        return public is not None and public.scheme == "https"

    @property
    def cookie(self) -> str:
        return "__Host-session" if self.secure else "session"


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    site: Site
    lang: Lang
    token: str
    session: Session | None
    seq: int  # number of the newest live event when the request came: what follows it is not in the page
    told: int = 0  # how much this person was told and has not read

    @property
    def user(self) -> User:
        if self.session is None:
            raise HTTPException(401)
        return self.session.user

    def gettext(self, text: str) -> str:
        """A sentence in the visitor's language."""
        return catalogue(self.lang).gettext(text)

    @property
    def wants_json(self) -> bool:
        return "application/json" in self.request.headers.get("accept", "")

    def page(self, template: str, /, *, code: int = 200, **context: Any) -> Response:
        """A whole page; the templates know the visitor as `session`."""
        body, how = compressing.page(self.html(template, **context).encode(), self.request.headers)
        return HTMLResponse(body, code, how)

    def html(self, template: str, /, **context: Any) -> str:
        return pages.render(
            template,
            self.lang,
            self.site.settings,
            session=self.session,
            now=self.site.clock(),
            seq=self.seq,
            path=self.request.url.path,
            here=here(self.request),
            unsettled=self.site.outbox.unsettled_count,
            told_count=self.told,
            **context,
        )

    def with_session(self, token: str, to: str) -> Response:
        """Sign this browser in and lead on."""
        answer = RedirectResponse(to, 303)
        answer.set_cookie(
            self.site.cookie, token, max_age=7 * 86400, httponly=True, samesite="lax", secure=self.site.secure
        )
        return answer


Handler = Callable[[Visit], Awaitable[Response]]


def here(request: Request) -> str:
    """Path and query of this request, to come back to; of a form that was not taken, the page that it stands on."""
    path = request.url.path
    if request.method not in ("GET", "HEAD"):
        while path and not _is_shown(request, path):
            path = path.rpartition("/")[0]
    return (path or "/") + (f"?{request.url.query}" if request.url.query else "")


def _is_shown(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path}
    return any(each.matches(scope)[0] is Match.FULL for each in request.app.routes)


def local(path: str) -> str:
    """A path of ours to lead to; anything else becomes the feed."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def number(text: str) -> int | None:
    """What a form or an address means by it. None: it is none, or longer than any of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


async def visit(request: Request, *, by_itself: bool = False) -> Visit:
    """`by_itself`: a page asks, and nobody need be at it."""
    site: Site = request.app.state.site
    token = request.cookies.get(site.cookie, "")
    session, told = await asyncio.to_thread(_session, site, token, not by_itself) if token else (None, 0)
    lang = choose(
        session.user.lang if session else None,
        request.cookies.get("lang"),
        request.headers.get("accept-language"),
    )
    return Visit(request, site, lang, token, session, site.stream.number, told)


def _session(site: Site, token: str, used: bool) -> tuple[Session | None, int]:
    session = site.desk.session(token, site.clock(), used=used)
    return session, unread(site.desk, session.user.name) if session else 0


def route(path: str, handler: Handler, *, who: Who = "viewer", writes: bool = False, by_itself: bool = False) -> Route:
    """A route for signed-in people of at least this role (or `anyone`).

    Writes are POST, from our own pages, with the session's token. `by_itself`: open pages ask for it with nobody before
    them, which keeps nobody at work or signed in.
    """

    async def endpoint(request: Request) -> Response:
        visitor = await visit(request, by_itself=by_itself)
        if who != "anyone" and visitor.session is None:
            return _to_sign_in(visitor)
        if writes:
            await _refuse_forged(visitor)
        if who != "anyone" and not visitor.user.is_at_least(who):
            raise HTTPException(403)
        return await handler(visitor)

    return Route(path, endpoint, methods=["POST"] if writes else ["GET"])


def _to_sign_in(visitor: Visit) -> Response:
    """Raises HTTPException 401: whoever pressed a button after the session's end is told so by a page."""
    if visitor.wants_json or visitor.request.url.path == "/events":
        return JSONResponse({"error": "sign in"}, 401)
    if visitor.request.method != "GET":
        raise HTTPException(401)
    query = urlencode({"next": here(visitor.request)}, quote_via=quote)
    return RedirectResponse(f"/signin?{query}", 303)


async def _refuse_forged(visitor: Visit) -> None:
    """Raises HTTPException 403: another site sent this."""
    ours = is_ours(visitor.request.headers)
    if ours is False:
        raise HTTPException(403)
    form = await fields(visitor.request)
    expected = visitor.session.csrf if visitor.session else visitor.request.cookies.get("door", "")
    # Before signing in there is only the door's cookie, which browsers do not send for other sites.
    if visitor.session is None and ours:
        return
    given = visitor.request.headers.get("x-csrf") or form.get("csrf", "")
    if not same_secret(given, expected):
        raise HTTPException(403)


async def form_of(request: Request) -> FormData:
    """A form, where one name may have several values."""
    try:
        return await request.form(max_files=0, max_fields=1100)  # the most are those of a lot of answers
    except ClientDisconnect:
        raise HTTPException(400) from None  # nobody is there to read it


async def fields(request: Request) -> Mapping[str, str]:
    """The text fields of a form."""
    return {name: value for name, value in (await form_of(request)).items() if isinstance(value, str)}
