"""The comments of one article, new or changed since the last look, and those that have disappeared."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from connectors.contract import Record
from connectors.errors import TransientError
from connectors.wechat.articles import Article
from connectors.wechat.reading import replies

TOO_MANY_TO_VANISH: Final = 3  # comments, at once
SWEPT_EVERY: Final = 6 * 3600.0  # seconds; what only a whole walk shows: our replies, and what was deleted


class NothingListedError(TransientError):
    """An answer that looks fine and holds nothing, though there must be something."""


Listed = Callable[[int], Awaitable[tuple[list[Record], int]]]


async def news(article: Article, listed: Listed, since: float, now: float) -> AsyncGenerator[list[Record], None]:
    """Yield pages of records and note in `article` what they hold; each list is to be committed before the next.

    `listed(begin)` gives a page and how many comments there are. Their order is nowhere documented, so that only a
    first page without news, and as many comments as before, ends a look early; a whole walk comes from time to time.

    Raises:
        NothingListedError: not even the comments that stood there; after some hours it is believed.
    """
    whole = article.total < 0 or now - article.swept_at >= SWEPT_EVERY
    rows, total = await listed(0)
    if not rows and len(article.seen) >= TOO_MANY_TO_VANISH:
        article.empty_since = article.empty_since or now
        if now - article.empty_since < SWEPT_EVERY:
            yield []  # so that a restart does not forget since when
            raise NothingListedError(
                f"WeChat lists nothing under article {article.key}, though {len(article.seen)} comments stood there: "
                "look whether they are still shown there"
            )
    article.empty_since = 0.0
    fresh = _fresh(article, rows, since)
    if not whole and not fresh and total == article.total:
        article.was_looked_at(now, lively=False)
        return
    article.total = -1  # a crash before the walk is over begins it again
    if fresh:
        yield fresh
    lively = any(_number(record["comment"]) is not None for record in fresh)
    present, begin, first_total = _ids(rows), len(rows), total
    while rows and begin < total:
        rows, total = await listed(begin)
        present |= _ids(rows)
        begin += len(rows)
        if fresh := _fresh(article, rows, since):
            lively = True
            yield fresh
    article.was_looked_at(now, lively=lively)
    # Comments that came or went meanwhile have shifted the pages: walk again before anything is called gone.
    if total != first_total or len(present) != total:
        return
    article.total, article.swept_at = total, now
    if gone := sorted(article.seen - present):
        article.seen -= set(gone)
        yield [_gone(article, number) for number in gone]


def _gone(article: Article, number: int) -> Record:
    record: Record = {"comment_gone": {**article.context(), "user_comment_id": number}}
    if (replied := article.answered.pop(number, None)) is not None:
        record["reply_before"] = replied
    return record


def _fresh(article: Article, rows: list[Record], since: float) -> list[Record]:
    """Records of new comments, and of those whose reply came, changed or went; oldest first."""
    records = []
    for row in sorted(rows, key=_written):
        number, replied = _number(row), _replied(row)
        if number is None:
            records.append({"comment": row, "article": article.context()})
            continue
        before = article.answered.get(number)
        if number in article.seen:
            if replied == before:
                continue
        elif _written(row)[0] < since:
            continue
        article.seen.add(number)
        record: Record = {"comment": row, "article": article.context()}
        if before is not None and before != replied:
            record["reply_before"] = before
        if replied is None:
            article.answered.pop(number, None)
        else:
            article.answered[number] = replied
        records.append(record)
    return records


def _replied(row: Record) -> int | None:
    """When we replied last."""
    times = (reply.get("create_time") for reply in replies(row))
    return max((at for at in times if isinstance(at, int)), default=None)


def _written(row: Record) -> tuple[float, int]:
    """What cannot be told comes last, so that it is looked at."""
    at = row.get("create_time")
    return (float(at) if isinstance(at, int) else float("inf"), _number(row) or 0)


def _ids(rows: list[Record]) -> set[int]:
    return {number for row in rows if (number := _number(row)) is not None}


def _number(row: Record) -> int | None:
    number = row.get("user_comment_id")
    return number if isinstance(number, int) else None
