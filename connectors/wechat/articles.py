"""Which articles have comments to read, and what is known of each.

Comments are asked for by `msg_data_id` and position. The list of publications tells neither: only the long form of an
article's address holds them (`mid=`, `idx=` from 1). Yesterday's statistics tell both for every article; the operator
may name some. https://developers.weixin.qq.com/doc/offiaccount/Publish/Get_publication_records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from connectors.contract import Record
from connectors.wechat.account import ARTICLES_PER_PAGE, Account
from connectors.wechat_api.errcode import NotPermittedError, NotReadyError, QuotaSpentError

CHINA: Final = timezone(timedelta(hours=8))
COUNTED_BY: Final = timedelta(hours=8)  # a day's statistics are there at 08:00 of the next
LISTED_EVERY: Final = 300  # seconds
LOOKS: Final = 48  # an article where nothing happened for a day is looked at every 30 minutes
LONGEST_PAUSE: Final = 3600.0  # seconds
UNKNOWN_AGE: Final = 8 * 3600.0  # seconds; of an article that the operator named


@dataclass
class Article:
    """An article, and how far its comments are read. Times are Unix seconds.

    index: its position in its message, from 0. seen: the comments delivered. answered: when we replied to which.
    total: how many comments a whole walk found, -1: the next look must be one. empty_since: when nothing was listed
    for the first time, though comments had been; 0: something is.
    """

    msg_data_id: int
    index: int
    title: str = ""
    url: str = ""
    published: float | None = None  # None: named by the operator
    open: bool = True
    looked_at: float | None = None
    lively_at: float = 0.0
    next_at: float = 0.0
    swept_at: float = 0.0
    empty_since: float = 0.0
    total: int = -1
    seen: set[int] = field(default_factory=set)
    answered: dict[int, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.msg_data_id}/{self.index}"

    def context(self) -> Record:
        """What a comment's record says of its article."""
        return {"msg_data_id": self.msg_data_id, "index": self.index, "title": self.title, "url": self.url}

    def was_looked_at(self, now: float, *, lively: bool) -> None:
        """Note when to look again: the sooner, the later it came out or somebody wrote there. Where people have just
        written, answers are due too."""
        self.looked_at = now
        if lively:
            self.lively_at = now
        happened = max(now - UNKNOWN_AGE if self.published is None else self.published, self.lively_at)
        self.next_at = now + min(max(now - happened, 0.0) / LOOKS, LONGEST_PAUSE)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Article:
        known = dict(stored)
        known["seen"] = {number for low, high in known.get("seen", ()) for number in range(low, high + 1)}
        known["answered"] = {int(number): at for number, at in known.get("answered", {}).items()}
        return cls(**known)

    def stored(self) -> dict[str, Any]:
        answered = {str(number): at for number, at in self.answered.items()}
        return {**vars(self), "seen": list(_ranges(self.seen)), "answered": answered}


def _ranges(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Runs of numbers, each as its first and last: comments are numbered 1, 2, 3."""
    run: list[int] = []
    for number in sorted(numbers):
        if run and number == run[1] + 1:
            run[1] = number
            continue
        if run:
            yield run
        run = [number, number]
    if run:
        yield run


@dataclass
class Shelf:
    """The articles of one account, the newest first.

    named: those that the operator wrote down, as `(msg_data_id, index)`. kept_for: for how long after it was
    published an article is watched. unplaced: how many cannot be asked about yet.
    """

    named: frozenset[tuple[int, int]]
    kept_for: timedelta
    articles: dict[str, Article] = field(default_factory=dict)
    listed_at: float = 0.0
    counted_to: str = ""  # the last day whose statistics were read
    unplaced: int = 0

    def load(self, stored: Mapping[str, Any]) -> None:
        self.articles = {each.key: each for each in map(Article.of, stored.get("articles", ()))}
        self.listed_at, self.counted_to = stored.get("listed_at", 0.0), stored.get("counted_to", "")
        self.unplaced = stored.get("unplaced", 0)

    def stored(self) -> dict[str, Any]:
        articles = [article.stored() for article in self.articles.values()]
        return {
            "articles": articles,
            "listed_at": self.listed_at,
            "counted_to": self.counted_to,
            "unplaced": self.unplaced,
        }

    def due(self, now: float) -> list[Article]:
        """Those to look at, the newest first."""
        # Looked at in the future: the clock was wrong then.
        waiting = [
            each
            for each in self.articles.values()
            if each.open and (each.next_at <= now or (each.looked_at or 0.0) > now)
        ]
        return sorted(waiting, key=lambda each: each.published or 0.0, reverse=True)

    def complete_to(self, since: float) -> float | None:
        """Until when every article has been looked at; None: there is none. `since`: what was before is not asked."""
        looks = [each.looked_at or max(each.published or 0.0, since) for each in self.articles.values() if each.open]
        return min(looks, default=None)

    async def restock(self, account: Account, now: datetime) -> None:
        """Find new articles and drop old ones, if that was not done lately.

        Raises:
            NotPermittedError: the account may look for articles in no way, and none is known.
        """
        if -LONGEST_PAUSE <= now.timestamp() - self.listed_at < LISTED_EVERY:
            return
        for number, index in self.named:
            self._add(Article(number, index))
        refusals = []
        for search in (self._count, self._list):
            try:
                await search(account, now)
            except NotPermittedError as error:
                refusals.append(error)
        oldest = (now - self.kept_for).timestamp()
        self.articles = {
            key: article
            for key, article in self.articles.items()
            if article.published is None or article.published >= oldest
        }
        if len(refusals) == 2 and not self.articles:
            raise refusals[0]
        self.listed_at = now.timestamp()

    async def _list(self, account: Account, now: datetime) -> None:
        """Take in what was published; a short address gets its ids by the title that the statistics know."""
        published = _published(account, (now - self.kept_for).timestamp())
        short = [item async for item in published if not self._place(item)]
        unnamed = [article for article in self.articles.values() if not article.url]
        self.unplaced = 0
        for item in short:
            called = [article for article in unnamed if article.title == item["title"] != ""]
            if called:  # several may bear one title: then their days tell them apart
                article = min(called, key=lambda each: abs((each.published or 0.0) - item["at"]))
                article.url, article.open = item["url"], item["open"]
                unnamed.remove(article)
            else:
                self.unplaced += item["open"]

    def _place(self, item: Record) -> bool:
        """Note a published article; False: its address does not say how to ask for its comments."""
        known = next((article for article in self.articles.values() if article.url == item["url"]), None)
        place = (known.msg_data_id, known.index) if known else _place_in(item["url"])
        if place is None:
            return bool(item["deleted"])
        if item["deleted"]:
            self.articles.pop(f"{place[0]}/{place[1]}", None)
            return True
        article = self._add(Article(*place, published=item["at"]))
        article.title, article.url, article.open = item["title"], item["url"], item["open"]
        return True

    def _add(self, article: Article) -> Article:
        return self.articles.setdefault(article.key, article)

    async def _count(self, account: Account, now: datetime) -> None:
        """Read the statistics of each day that is complete and not yet read."""
        last = (now.astimezone(CHINA) - COUNTED_BY).date() - timedelta(days=1)
        first = (now - self.kept_for).astimezone(CHINA).date()
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        for day in (day.isoformat() for day in days):
            if day <= self.counted_to:
                continue
            try:
                rows = await account.read_on(day)
            except (NotReadyError, QuotaSpentError):
                return
            for row in rows:
                self._count_in(row)
            self.counted_to = day

    def _count_in(self, row: Record) -> None:
        number, _, position = str(row.get("msgid", "")).partition("_")
        if not (number.isdecimal() and position.isdecimal()) or position == "0":
            return
        try:
            sent = datetime.fromisoformat(str(row.get("ref_date"))).replace(tzinfo=CHINA).timestamp()
        except ValueError:
            return
        article = self._add(Article(int(number), int(position) - 1, published=sent))
        article.title = article.title or str(row.get("title") or "")


async def _published(account: Account, oldest: float) -> Any:
    """Every article of the publications since `oldest`, as title, url, at, open, deleted."""
    offset, total = 0, 1
    while offset < total:
        items, total = await account.published(offset)
        times = [_seconds(item.get("update_time")) for item in items]
        for item, at in zip(items, times, strict=True):
            content = item.get("content")
            news = content.get("news_item") if isinstance(content, dict) else None
            for each in news if isinstance(news, list) else ():
                yield {
                    "title": str(each.get("title") or ""),
                    "url": str(each.get("url") or ""),
                    "at": at,
                    "open": bool(each.get("need_open_comment")),
                    "deleted": bool(each.get("is_deleted")),
                }
        if not items or max(times) < oldest:
            return
        offset += ARTICLES_PER_PAGE


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _place_in(url: str) -> tuple[int, int] | None:
    """msg_data_id and index out of an article's address; None: it is a short one."""
    query = parse_qs(urlsplit(url).query)
    number, position = query.get("mid", [""])[0], query.get("idx", ["1"])[0]
    if not (number.isdecimal() and position.isdecimal()) or position == "0":
        return None
    return int(number), int(position) - 1
