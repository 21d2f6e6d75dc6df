"""The open platform over HTTP. https://open.weibo.com/wiki/

It refuses what Weibo refuses: a token that is missing, unknown or at its end, calls beyond the day's, endpoints that
the app may not use.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.demo.weibo.answers import WRITES, ApiError
from aggregator.demo.weibo.blog import CHINA, Comment, Json, Status

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from aggregator.demo.weibo import WeiboSimulator

R = TypeVar("R", Status, Comment)
Fault = Literal["500", "reset", "truncated", "timeout", "429", "html", "nothing"]

_SENTENCES = {
    10006: "Source paramter (appkey) is missing",
    10008: "Param error, see doc for more info",
    10014: "Insufficient app permissions!",
    10020: "The requested API not found!",
    10023: "User requests out of rate limit!",
    10024: "User requests for this API out of rate limit!",
    20008: "Content is null or not accepted",
    20101: "Target weibo does not exist!",
    21327: "expired_token",
    21332: "invalid_access_token",
}


class OpenApi:
    """Answers for one app and one account.

    asked: path of each call that counts, in order; recognised: how often somebody asked whose token it is. denied:
    paths that the app may not use. fails: error codes for the next calls of a path. calls_per_day: of our account.
    status_of_errors: 200 on hosts that report errors so.
    """

    def __init__(self, weibo: WeiboSimulator) -> None:
        self._weibo = weibo
        self.asked: list[str] = []
        self.queries: list[str] = []
        self.recognised = 0
        self.denied: set[str] = set()
        self.fails: defaultdict[str, deque[int]] = defaultdict(deque)
        self.faults: deque[tuple[Fault, int]] = deque()
        self.calls_per_day = 100
        self.deepest = 2000  # rows of a list that can be reached
        self.lists_nothing = False  # a login wall
        self.status_of_errors: int | None = None
        self._spent: Counter[str] = Counter()
        lists: dict[str, Callable[[Request], JSONResponse]] = {
            "statuses/mentions": self._mentions,
            "statuses/user_timeline": self._our_posts,
            "statuses/show": self._one_status,
            "comments/timeline": self._our_comments,
            "comments/mentions": self._comment_mentions,
            "comments/show": self._comments_of_post,
            "search/statuses/limited": self._search,
        }
        self.routes = [
            Route("/oauth2/get_token_info", self._answers(self._token_info), methods=["POST"]),
            Route("/2/account/rate_limit_status.json", self._answers(self._limits)),
            *(Route(f"/2/{path}.json", self._answers(call, path)) for path, call in lists.items()),
            *(Route(f"/2/{path}.json", self._takes(path), methods=["POST"]) for path in WRITES),
        ]

    def spent_today(self) -> int:
        return self._spent[self._today()]

    def spends(self, calls: int) -> None:
        """Somebody else uses the account's calls."""
        self._spent[self._today()] += calls

    # What stands before every call

    def _answers(self, call: Callable[[Request], JSONResponse], path: str | None = None) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            self.queries.append(request.url.query)
            if self.faults:
                return await _fail(*self.faults.popleft(), request)
            try:
                form = await request.form()
                self._let_in(request, str(form.get("access_token", "")))
                if path is not None:
                    self._count(path)
                return call(request)
            except ApiError as error:
                told = {"request": request.url.path, "error_code": error.code, "error": _SENTENCES.get(error.code, "")}
                return JSONResponse(told, self.status_of_errors or error.status)

        return answer

    def _takes(self, path: str) -> Callable[[Request], object]:
        """A call that writes. What it makes is there before anything is said of it."""

        async def answer(request: Request) -> Response | ASGIApp:
            our = self._weibo.our
            if hindered := our.hindered():
                return hindered
            try:
                form = {name: str(value) for name, value in (await request.form()).items()}
                self._let_in(request, form.get("access_token", ""))
                self._count(path)
                made = self._weibo.blog.comment(our.takes(path, form))
            except ApiError as error:
                said = error.said or _SENTENCES.get(error.code, "")
                told = {"request": request.url.path, "error_code": error.code, "error": said}
                return JSONResponse(told, self.status_of_errors or error.status)
            return our.told(made)

        return answer

    def _let_in(self, request: Request, in_form: str) -> None:
        kind, _, in_header = request.headers.get("authorization", "").partition(" ")
        token = in_form or (in_header if kind == "OAuth2" else "") or request.query_params.get("access_token", "")
        if not token:
            raise ApiError(10006)
        if token != self._weibo.token:
            raise ApiError(21332)
        if not self._weibo.token_is_good or self._weibo.seconds_left() <= 0:
            raise ApiError(21327)

    def _count(self, path: str) -> None:
        self.asked.append(path)
        if self.spent_today() >= self.calls_per_day:
            raise ApiError(10023)
        self._spent[self._today()] += 1
        if path in self.denied:
            raise ApiError(10014)
        if codes := self.fails[path]:
            raise ApiError(codes.popleft(), 400)

    def _today(self) -> str:
        return self._weibo.clock().astimezone(CHINA).date().isoformat()

    # Answers

    def _token_info(self, _: Request) -> JSONResponse:
        self.recognised += 1
        account, left = self._weibo.us.id, int(self._weibo.seconds_left())
        return JSONResponse({"uid": account, "appkey": "1234567890", "scope": None, "expire_in": left})

    def _limits(self, _: Request) -> JSONResponse:
        left = max(0, self.calls_per_day - self.spent_today())
        return JSONResponse({"remaining_user_hits": left, "user_limit": self.calls_per_day, "remaining_ip_hits": 15000})

    def _mentions(self, request: Request) -> JSONResponse:
        return self._statuses(request, self._weibo.mentions(), 200)

    def _our_posts(self, request: Request) -> JSONResponse:
        if request.query_params.get("uid") or request.query_params.get("screen_name"):
            raise ApiError(10014)
        return self._statuses(request, self._weibo.our_posts()[-5:], 100)

    def _one_status(self, request: Request) -> JSONResponse:
        status = self._weibo.blog.statuses.get(_number(request, "id"))
        if status is None or status.deleted:
            raise ApiError(20101, 400)
        return JSONResponse(self._weibo.blog.status(status, whole=request.query_params.get("isGetLongText") == "1"))

    def _our_comments(self, request: Request) -> JSONResponse:
        return self._comments(request, self._weibo.comments_with_us())

    def _comment_mentions(self, request: Request) -> JSONResponse:
        return self._comments(request, self._weibo.comment_mentions())

    def _comments_of_post(self, request: Request) -> JSONResponse:
        status = self._weibo.blog.statuses.get(_number(request, "id"))
        if status is None or status.deleted:
            raise ApiError(20101, 400)
        return self._comments(request, self._weibo.comments_under(status))

    def _search(self, request: Request) -> JSONResponse:
        if not self._weibo.has_search:
            raise ApiError(10014)
        word = request.query_params.get("q", "")
        if not word or set(word) & set('{}"'):
            raise ApiError(20008, 400)
        start, end = _number(request, "starttime"), _number(request, "endtime")
        before = end + self._weibo.search_includes_end if end else float("inf")
        matching = [status for status in self._weibo.searchable(word) if start <= status.at.timestamp() < before]
        newest = sorted(matching, key=lambda status: (status.at, status.id), reverse=True)
        count, page = min(_number(request, "count") or 10, 50), _number(request, "page") or 1
        shown = newest[(page - 1) * count : page * count]
        rows = [self._weibo.blog.status(each) for each in shown if not (each.hidden or self.lists_nothing)]
        return JSONResponse({"statuses": rows, "total_number": len(matching)})

    def _statuses(self, request: Request, held: Sequence[Status], most: int) -> JSONResponse:
        rows = [self._weibo.blog.status(row) for row in self._page(request, held, most)]
        return self._listed(request, "statuses", rows, len(held))

    def _comments(self, request: Request, held: Sequence[Comment]) -> JSONResponse:
        rows = [self._weibo.blog.comment(row) for row in self._page(request, held, 200)]
        return self._listed(request, "comments", rows, len(held))

    def _listed(self, request: Request, key: str, rows: list[Json], total: int) -> JSONResponse:
        since, upto = _number(request, "since_id"), _number(request, "max_id")
        strange = self._weibo.malformed.get(request.url.path, [])
        odd = [row for row in strange if row["id"] > since and (not upto or row["id"] <= upto)]
        shown = [] if self.lists_nothing else sorted(odd + rows, key=lambda row: int(row["id"]), reverse=True)
        return JSONResponse(
            {key: shown, "hasvisible": False, "previous_cursor": 0, "next_cursor": 0, "total_number": total}
        )

    def _page(self, request: Request, held: Sequence[R], most: int) -> list[R]:
        """The newest rows above since_id, up to and with max_id. Hidden ones make the page shorter."""
        since, upto = _number(request, "since_id"), _number(request, "max_id")
        reachable = sorted(held, key=lambda row: row.id, reverse=True)[: self.deepest]
        within = [row for row in reachable if row.id > since and (not upto or row.id <= upto)]
        count, page = min(_number(request, "count") or 20, most, self._weibo.per_page), _number(request, "page") or 1
        return [row for row in within[(page - 1) * count : page * count] if not row.hidden]


class _Dropped(Response):
    """An answer whose connection is dropped in the middle."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
        await send({"type": "http.response.body", "body": b'{"statuses":[', "more_body": True})


async def _fail(fault: Fault, wait: int, request: Request) -> Response:
    match fault:
        case "timeout":
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response(status_code=500)
        case "reset":
            return _Dropped()
        case "truncated":
            return Response(b'{"statuses":[{"id":51,"text":"my wal', media_type="application/json")
        case "429":
            return Response("slow down", 429, {"Retry-After": str(wait)})
        case "html":
            return Response("<html><body>502</body></html>", 502, media_type="text/html")
        case "nothing":
            return Response(b"", media_type="application/json")
        case _:
            return JSONResponse({"error_code": 10001, "error": "System error!"}, 500)


def _number(request: Request, name: str) -> int:
    value = request.query_params.get(name, "0")
    if not value.isdecimal():
        raise ApiError(10008, 400)
    return int(value)
