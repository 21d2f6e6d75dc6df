"""Our answers that were sent from here, when they come back: known by their id, else by thread, text and time.

So an answer counts once, whether the platform names our account as ours or not. Everything here runs on the writer's
connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from aggregator.folding.noting import note_all
from aggregator.folding.refold import inquiries_by_id
from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR
from aggregator.store import rows
from aggregator.store.changed import gathered
from connectors.replying import same_words

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.ingest.drafts import Draft, Prepared
    from aggregator.store.rows import Connection

CLOCKS_DIFFER = timedelta(minutes=2)
COMES_BACK = timedelta(days=1)  # by its text alone an answer is known for so long


class Awaited(NamedTuple):
    """An answer that the platform has, or may have, and that has not come back."""

    outbox_id: UUID
    inquiry_id: Id
    thread_id: Id
    asked_id: Id  # the post that it answers
    post_id: Id | None  # None: the platform did not say
    who: str
    text: str
    began_at: datetime
    state: str

    def is_said_by(self, thread: Id, text: str, posted_at: datetime) -> bool:
        """Whether a post of ours is this answer, as far as its words tell."""
        return (
            self.post_id is None
            and thread == self.thread_id
            and -CLOCKS_DIFFER <= posted_at - self.began_at <= COMES_BACK
            and same_words(self.text, text)
        )


class OwnAnswers:
    """The answers that are awaited, in memory: a page has many posts, and hardly ever one of these."""

    def __init__(self) -> None:
        self._awaited: list[Awaited] | None = None

    def forget(self) -> None:
        """The outbox has changed, or what was added was rolled back."""
        self._awaited = None

    def among(self, con: Connection, page: Prepared, fresh: Sequence[Draft], now: datetime) -> dict[Id, Awaited]:
        """The new posts that are answers of ours, by their id. They become ours, whoever wrote them."""
        if self._awaited is None:
            self._awaited = _load(con, now)
        if not self._awaited or not fresh:
            return {}
        by_id = {each.post_id: each for each in self._awaited if each.post_id is not None}
        loose = [each for each in self._awaited if each.post_id is None]
        found: dict[Id, Awaited] = {}
        for draft in sorted(fresh, key=lambda draft: draft.posted_at):
            answer = by_id.get(draft.post_id)
            if answer is None and loose and draft.staff:
                said = page.text(draft)
                answer = next(
                    (each for each in loose if _is(con, each, draft.thread_id, said, draft.posted_at, draft.reply_to)),
                    None,
                )
                if answer is not None:
                    loose.remove(answer)
            if answer is not None:
                found[draft.post_id] = answer
                draft.staff, draft.asks, draft.begins, draft.piece = True, False, None, None
        return found

    def arrived(
        self,
        con: Connection,
        found: Mapping[Id, Awaited],
        now: datetime,
        clock_of: Callable[[str], ChannelClock],
        points: Mapping[str, float],
    ) -> set[Id]:
        """Note that they came back; the posts are stored. Returns their inquiries."""
        for post, answer in found.items():
            con.execute(
                "UPDATE outbox SET arrived_at = ?, sent_post_id = ?, state = 'sent', why = NULL, looked = NULL "
                "WHERE outbox_id = ?",
                [now, as_uuid(post), answer.outbox_id],
            )
            if answer.state == "unknown":  # nobody had written down that it was answered
                inquiry = inquiries_by_id(con, [answer.inquiry_id])[answer.inquiry_id]
                told = [(inquiry, reply_details(post, None, answer.began_at))]
                note_all(con, clock_of, points, told, answer.who, "reply", now)
                if (changed := gathered()) is not None:
                    changed.replies.add(answer.outbox_id)
        if found:
            self.forget()
        return {answer.inquiry_id for answer in found.values()}


def reply_details(post: Id | None, promise: datetime | None, written_at: datetime) -> dict[str, str]:
    """Of an event `reply`. Once its post is there, the post tells when the answer was given; what was seen after it was
    written, it does not answer."""
    told = {"written": written_at.isoformat()} | ({"post": written(post)} if post is not None else {})
    return told | ({"promise": promise.isoformat()} if promise is not None else {})


def stored_answer(con: Connection, answer: Awaited) -> Id | None:
    """The post of ours that is this answer, if it came back before we knew that it was sent; else None."""
    found = rows.fetch(
        con,
        "post",
        "post_id, text, posted_at, reply_to",
        "thread_id",
        [answer.thread_id],
        "staff AND deleted_at IS NULL AND posted_at >= ? "
        "AND post_id NOT IN (SELECT sent_post_id FROM outbox WHERE sent_post_id IS NOT NULL)",
        [answer.began_at - CLOCKS_DIFFER],
    )
    return next((post for post, *said in found if _is(con, answer, answer.thread_id, *said)), None)


def _is(con: Connection, answer: Awaited, thread: Id, text: str, posted_at: datetime, reply_to: Id | None) -> bool:
    """Whether a post of ours is this answer. One that says the same to somebody else is not: `reply_to`, if told."""
    if not answer.is_said_by(thread, text, posted_at):
        return False
    if reply_to is None or reply_to == answer.asked_id:
        return True
    return (reply_to,) in rows.fetch(con, "post", "alias_id", "post_id", [answer.asked_id])


def _load(con: Connection, now: datetime) -> list[Awaited]:
    found = con.execute(
        "SELECT outbox_id, inquiry_id, thread_id, post_id, sent_post_id, who, text, began_at, state FROM outbox "
        "WHERE arrived_at IS NULL AND ended_at >= ? "
        "AND (state = 'sent' OR (state = 'unknown' AND settled_at IS NULL)) ORDER BY outbox_id",
        [now - NEAR],
    ).fetchall()
    return [
        Awaited(outbox, inquiry.bytes, thread.bytes, asked.bytes, post.bytes if post else None, who, text, began, state)
        for outbox, inquiry, thread, asked, post, who, text, began, state in found
    ]
