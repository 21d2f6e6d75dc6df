"""The API of an official account over HTTP. Refuses what WeChat refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.demo.wechat.protocol import ApiError, Json, body_of, with_faults
from connectors.wechat.articles import CHINA

if TYPE_CHECKING:
    from aggregator.demo.wechat import WeChatSimulator

COMMENTS: Final = "/cgi-bin/comment/list"
PATHS: Final = (
    COMMENTS,
    "/cgi-bin/freepublish/batchget",
    "/datacube/getarticletotal",
    "/cgi-bin/openapi/quota/get",
    "/customservice/msgrecord/getmsglist",
    "/cgi-bin/message/custom/send",
    "/cgi-bin/comment/reply/add",
)


class Api:
    """Answers for one account. calls: path and body of each request that was let in."""

    def __init__(self, account: WeChatSimulator) -> None:
        self._account = account
        self.calls: list[tuple[str, Json]] = []
        self.routes = [
            Route("/cgi-bin/stable_token", self._token, methods=["POST"]),
            *(Route(path, self._business, methods=["POST"]) for path in PATHS),
        ]

    async def _token(self, request: Request) -> Response:
        async def answer() -> Json:
            body = await body_of(request)
            account = self._account
            if body.get("appid") != account.appid:
                raise ApiError(40013)
            if body.get("secret") != account.secret:
                raise ApiError(40125)
            if body.get("force_refresh"):
                account.tokens.revoke()
            return account.tokens.stable()

        return await with_faults(self._account.faults, request, answer)

    async def _business(self, request: Request) -> Response:
        async def answer() -> Json:
            self._account.tokens.check(request.query_params.get("access_token"))
            body, path = await body_of(request), request.url.path
            self.calls.append((path, body))
            if path in self._account.forbidden:
                raise ApiError(self._account.forbidden[path])
            match path.rpartition("/")[2]:
                case "list":
                    return self._comments(body)
                case "batchget":
                    return self._published(body)
                case "getarticletotal":
                    return self._read_on(body)
                case "get":
                    return self._quota(body)
                case "send":
                    return self._account.our.sends(body, await request.body())
                case "add":
                    return self._account.our.replies(body)
            return self._chats(body)

        return await with_faults(self._account.faults, request, answer)

    def _comments(self, body: Json) -> Json:
        account = self._account
        if account.comment_calls_left <= 0:
            raise ApiError(45009)
        account.comment_calls_left -= 1
        if not 0 < body["count"] < 50:
            raise ApiError(88010, "count range error. cout <= 0 or count > 50")
        article = account.articles.get(f"{body['msg_data_id']}/{body['index']}")
        if article is None or article.deleted:
            raise ApiError(88001, "msg_data is not exists")
        rows = [each for each in article.comments if not (each.deleted or account.lists_nothing)]
        if account.newest_first:
            rows.reverse()
        page = rows[body["begin"] : body["begin"] + body["count"]]
        told = [comment.told(replies_as_list=account.replies_as_list) for comment in page]
        account.after_page()
        return {"errcode": 0, "errmsg": "ok", "total": len(rows), "comment": told}

    def _published(self, body: Json) -> Json:
        if not 1 <= body["count"] <= 20:
            raise ApiError(40007, "invalid count")
        listed = [article for article in self._account.articles.values() if article.listed]
        listed.sort(key=lambda article: article.at, reverse=True)
        page = listed[body["offset"] : body["offset"] + body["count"]]
        items = [article.published() for article in page]
        return {"total_count": len(listed), "item_count": len(items), "item": items}

    def _read_on(self, body: Json) -> Json:
        day = body["begin_date"]
        today = self._account.clock().astimezone(CHINA).date().isoformat()
        if day != body["end_date"] or day >= today:
            raise ApiError(61501, "date range error")
        rows = [
            {
                "ref_date": day,
                "msgid": f"{article.msg_data_id}_{article.index + 1}",
                "title": article.title,
                "details": [],
            }
            for article in self._account.articles.values()
            if article.at.astimezone(CHINA).date().isoformat() == day
        ]
        return {"list": rows}

    def _quota(self, body: Json) -> Json:
        if body.get("cgi_path") != COMMENTS:
            raise ApiError(76021, "cgi_path not found")
        limit, left = self._account.comment_calls, self._account.comment_calls_left
        quota = {"daily_limit": limit, "used": limit - left, "remain": left}
        return {"errcode": 0, "errmsg": "ok", "quota": quota, "rate_limit": {"call_count": 1000, "refresh_second": 60}}

    def _chats(self, body: Json) -> Json:
        start, end = body["starttime"], body["endtime"]
        if start > end or not 1 <= body["number"] <= 10_000:
            raise ApiError(65416, "invalid parameter")
        if datetime.fromtimestamp(end, UTC) - datetime.fromtimestamp(start, UTC) > timedelta(days=1):
            raise ApiError(65417, "the window is longer than a day")
        rows = [
            (number, row)
            for number, row in enumerate(self._account.rows, start=20_165_267)
            if start <= row["time"] <= end and number >= body["msgid"]
        ][: body["number"]]
        moves = rows and not self._account.chats_stand_still
        following = rows[-1][0] + 1 if moves else body["msgid"]
        return {"recordlist": [row for _, row in rows], "number": len(rows), "msgid": following}
