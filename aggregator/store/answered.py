"""Inquiries that one of us has answered, and topics that one of us has written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.identity import Id, as_uuid, written
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.database import Connection

_SHOWN = 600  # characters of a question that are compared
_ABOUT = timedelta(days=1)
_COLUMNS = "inquiry_id, lead_post_id, lang, kind, opened_at, answered_at"


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asked, as it is compared. `named`: entities and incident fields, by kind."""

    key: Id  # of the inquiry, or, of a topic, of its first post
    lang: str
    kind: str
    searched: str
    named: Mapping[str, Sequence[str]]
    at: datetime
    topic: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """An answered inquiry, or a topic of ours, with all that is needed to quote its answer."""

    key: Id
    code: str
    channel: str
    lang: str
    question: str
    answers: tuple[str, ...]  # ours, the oldest first
    staff: tuple[str, ...]
    names: tuple[str, ...]  # of the customer
    said: str  # by the customer
    person_id: Id | None
    thread_id: Id | None
    opened_at: datetime
    at: datetime
    permalink: str | None
    thanks: bool
    topic: bool = False

    @property
    def inquiry(self) -> str:
        return written(self.key)


def answered_questions(
    cursor: Connection, limit: int, *, since: datetime | None = None, before: datetime | None = None
) -> list[Question]:
    """Questions that were answered, the latest answer first, in `since < answered_at < before`."""
    bounds = {"since": since, "before": before, "limit": limit}
    picked = " UNION ALL ".join(
        f"SELECT {_COLUMNS} FROM {table} WHERE answered_at IS NOT NULL AND NOT secret "
        "AND ($since IS NULL OR answered_at > $since) AND ($before IS NULL OR answered_at < $before)"
        for table in ("inquiry_open", "inquiry_closed")
    )
    newest = cursor.execute(f"SELECT * FROM ({picked}) ORDER BY answered_at DESC LIMIT $limit", bounds).fetchall()
    if not newest:
        return []
    oldest = min(row[4] for row in newest)
    leads = [row[1].bytes for row in newest]
    posts = {
        post: (title or "", searched[:_SHOWN], orjson.loads(entities or "{}"))
        for post, title, searched, entities in rows.fetch(
            cursor, "post", "post_id, title, search_text, facts -> 'entities'", "post_id", leads,
            "posted_at >= ? AND deleted_at IS NULL", [oldest],
        )
    }  # fmt: skip
    inquiries = [row[0].bytes for row in newest]
    reports = dict(rows.fetch(cursor, "incident_report", "inquiry_id, fields", "inquiry_id", inquiries))
    found = []
    for inquiry, lead, lang, kind, _, answered in newest:
        if lead.bytes not in posts:
            continue
        title, searched, entities = posts[lead.bytes]
        named = entities | _fields(reports.get(inquiry.bytes))
        found.append(Question(inquiry.bytes, lang, kind, f"{title.lower()}\n{searched}".strip(), named, answered))
    return found


def question_of(cursor: Connection, inquiry_id: Id, lead_post: Id, lang: str, kind: str, at: datetime) -> Question:
    """What this inquiry asks."""
    posts = rows.fetch(
        cursor, "post", "title, search_text, facts -> 'entities'", "post_id", [lead_post], "posted_at >= ?", [at]
    )
    reports = rows.fetch(cursor, "incident_report", "fields", "inquiry_id", [inquiry_id])
    title, searched, entities = posts[0] if posts else ("", "", None)
    named = orjson.loads(entities or "{}") | _fields(reports[0][0] if reports else None)
    return Question(inquiry_id, lang, kind, f"{(title or '').lower()}\n{searched[:_SHOWN]}".strip(), named, at)


def _fields(stored: str | None) -> dict[str, list[str]]:
    said: dict[str, Any] = orjson.loads(stored) if stored else {}
    return {"feature": [said["feature"]]} if said.get("feature") else {}


def own_topics(cursor: Connection, limit: int) -> list[Question]:
    """Topics that we have opened for all to read, the newest first."""
    found = cursor.execute(
        """
        SELECT post_id, lang, title, left(search_text, $shown), facts -> 'entities', posted_at
        FROM post
        WHERE staff AND public AND title IS NOT NULL AND reply_to IS NULL AND deleted_at IS NULL
        ORDER BY posted_at DESC LIMIT $limit
        """,
        {"limit": limit, "shown": _SHOWN},
    ).fetchall()
    return [
        Question(post.bytes, lang, "topic", f"{title.lower()}\n{searched}", orjson.loads(named or "{}"), at, topic=True)
        for post, lang, title, searched, named, at in found
    ]


_INQUIRY = (
    "inquiry_id, code, channel, lang, thread_id, person_id, title, excerpt, opened_at, answered_at, permalink, thanks"
)


def answered_inquiries(cursor: Connection, ids: Collection[Id]) -> list[Answered]:
    """Those of these that hold a text of ours."""
    inquiries = [
        row
        for table in ("inquiry_open", "inquiry_closed")
        for row in rows.fetch(cursor, table, _INQUIRY, "inquiry_id", ids)
    ]
    if not inquiries:
        return []
    wanted = [written(row[0]) for row in inquiries]
    posts = cursor.execute(
        """
        SELECT p.inquiry_id, p.staff, p.text, coalesce(a.name, ''), a.handle
        FROM post AS p LEFT JOIN account AS a USING (account_id)
        WHERE p.rowid IN (
            SELECT rowid FROM post WHERE inquiry_id IN (SELECT unnest($ids)::UUID) AND posted_at >= $since
        ) AND p.deleted_at IS NULL
        ORDER BY p.posted_at, p.native_order
        """,
        {"ids": wanted, "since": min(row[8] for row in inquiries)},
    ).fetchall()
    sent = cursor.execute(  # what the platform has, and never shows to us as a post
        "SELECT inquiry_id, true, text, who, NULL FROM outbox WHERE state = 'sent' AND arrived_at IS NULL "
        "AND inquiry_id IN (SELECT unnest(?)::UUID) ORDER BY written_at",
        [wanted],
    ).fetchall()
    found = (_answered(row, [post for post in (*posts, *sent) if post[0].bytes == row[0]]) for row in inquiries)
    return [one for one in found if one.answers]


def _answered(row: tuple[Any, ...], posts: Sequence[tuple[Any, ...]]) -> Answered:
    inquiry, code, channel, lang, thread, person, title, excerpt, opened, answered, permalink, thanks = row
    ours = [post for post in posts if post[1]]
    theirs = [post for post in posts if not post[1]]
    return Answered(
        key=inquiry,
        code=code,
        channel=channel,
        lang=lang,
        question=title or excerpt,
        answers=tuple(post[2] for post in ours if post[2].strip()),
        staff=_named(ours),
        names=_named(theirs),
        said="\n".join(post[2] for post in theirs),
        person_id=person,
        thread_id=thread,
        opened_at=opened,
        at=answered or opened,
        permalink=permalink,
        thanks=bool(thanks),
    )


def _named(posts: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for post in posts for name in (post[3], post[4]) if name))


def bystanders(cursor: Connection, source: Answered, most: int = 200) -> tuple[str, ...]:
    """Who else wrote in the thread about then."""
    if source.thread_id is None:
        return ()
    found = cursor.execute(
        "SELECT DISTINCT a.name, a.handle FROM account AS a WHERE a.account_id IN "
        "(SELECT account_id FROM post WHERE thread_id = $thread AND posted_at BETWEEN $since AND $until) LIMIT $most",
        {
            "thread": as_uuid(source.thread_id),
            "since": source.opened_at - _ABOUT,
            "until": source.at + _ABOUT,
            "most": most,
        },
    ).fetchall()
    names = {name for pair in found for name in pair if name}
    return tuple(sorted(names - {*source.names, *source.staff}))


def topics(cursor: Connection, ids: Collection[Id]) -> list[Answered]:
    """Topics of ours with their text."""
    if not ids:
        return []
    found = cursor.execute(
        """
        SELECT p.post_id, p.lang, p.title, p.text, coalesce(a.name, ''), p.posted_at, p.permalink
        FROM post AS p LEFT JOIN account AS a USING (account_id)
        WHERE p.rowid IN (SELECT rowid FROM post WHERE post_id IN (SELECT unnest(?)::UUID)) AND p.deleted_at IS NULL
        """,
        [[written(one) for one in ids]],
    ).fetchall()
    return [
        Answered(
            post.bytes, "", "forum", lang, title, (text,), (name,) if name else (), (), "", None, None, at, at,
            permalink, thanks=False, topic=True,
        )
        for post, lang, title, text, name, at, permalink in found
    ]  # fmt: skip
