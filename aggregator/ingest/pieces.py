"""Recovery phrases sent word by word: once twelve words are together, the messages that held them are blacked out.

The words of the earlier messages are on disk by then, so they are rewritten in the same transaction, and a
compaction is due: DuckDB keeps overwritten bytes in freed blocks until the file is copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.identity import Id, as_uuid
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.prepare import read_again
from aggregator.ingest.reading import Reading, ReadPage
from aggregator.store.meta import note
from aggregator.triage.secrets import LONGEST, PhraseWindow, may_be_piece

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

Row = dict[str, Any]

SPAN = timedelta(minutes=15)
MASK = "█"
COMPACT_DUE = "compact_due"
SECRETS = '[{"kind":"phrase","published":false}]'
_WORD = re.compile(r"[^\W\d_]{2,}")


class Pieces:
    """Who sent which few words of the recovery lists in the last minutes. Lives on the writer's thread."""

    def __init__(self) -> None:
        self._window: PhraseWindow | None = None

    def forget(self) -> None:
        """What was noted was rolled back: read it from the database again, when it is needed."""
        self._window = None

    def complete(self, con: Connection, fresh: Iterable[Draft], now: datetime) -> set[Id]:
        """Take note of new posts. Returns the posts, new or stored, that make up a phrase together."""
        if self._window is None:
            self._window = _remembered(con, now)
        due: set[Id] = set()
        small = [draft for draft in fresh if draft.piece is not None]
        for draft in sorted(small, key=lambda each: (each.posted_at, each.order)):
            assert draft.piece is not None
            person = (draft.person_id, draft.thread_id)
            due.update(_id(key) for key in self._window.add(person, draft.posted_at, draft.post_id, draft.piece))
        return due


def _id(key: object) -> Id:
    assert isinstance(key, bytes)
    return key


def _remembered(con: Connection, now: datetime) -> PhraseWindow:
    window = PhraseWindow()
    for person, thread, posted_at, post, text in con.execute(
        "SELECT coalesce(account_id, post_id), thread_id, posted_at, post_id, text FROM post "
        "WHERE posted_at > ? AND NOT staff AND length(text) <= ? AND deleted_at IS NULL "
        "ORDER BY posted_at, native_order",
        [now - SPAN, LONGEST],
    ).fetchall():
        if may_be_piece(text):
            window.add((person.bytes, thread.bytes), posted_at, post.bytes, text)
    return window


def hide_draft(page: Prepared, number: int, origin: Origin, now: datetime) -> None:
    """Put the post again in its place, read from its record without the words."""
    draft = page.drafts[number]
    if (said := _without_words(page.body(draft), draft.post_id, page.text(draft), origin, now)) is not None:
        said.thread_id = draft.thread_id  # its record does not tell that the thread has moved
        page.put(number, pack(ReadPage([said]), origin, now))


def is_hidden(text: str, stored: str) -> bool:
    """Whether what is stored is this text, blacked out: the platform delivers it again as it was."""
    return MASK in stored and text != stored and _covered(text, text) == stored


def hide_stored(con: Connection, row: Row, origin: Origin) -> None:
    """Black out a stored post: its row (changed in place, written by the caller) and all its records."""
    text, post = row["text"], row["post_id"]
    for version, body in con.execute("SELECT version, body FROM record WHERE post_id = ?", [as_uuid(post)]).fetchall():
        con.execute(
            "UPDATE record SET body = ?, secrets = ? WHERE post_id = ? AND version = ?",
            [black_out(body, text), SECRETS, as_uuid(post), version],
        )
        if version == row["version"] and (said := _without_words(body, post, text, origin, row["seen_at"])):
            row["facts"] = said.facts
            row["lang"] = said.lang
    row["text"] = row["search_text"] = _covered(text, text)
    if row["title"]:
        row["title"] = _covered(row["title"], text)


def _without_words(body: str, post: Id, text: str, origin: Origin, seen_at: datetime) -> Reading | None:
    page = read_again([(black_out(body, text), SECRETS, seen_at)], origin)
    return next((said for said in page.readings if said.post_id == post), None)


def black_out(body: str, text: str) -> str:
    """A record without the words of `text`, wherever they stand in it: markup may have parted them."""
    return orjson.dumps(_blacked(orjson.loads(body), text)).decode()


def _blacked(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return _covered(value, text)
    if isinstance(value, dict):
        return {key: _blacked(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blacked(inner, text) for inner in value]
    return value


def _covered(value: str, text: str) -> str:
    """`value` with the words of `text` in black, as long as they were in UTF-16 units."""
    words = sorted({re.escape(word) for word in _WORD.findall(text)}, key=len, reverse=True)
    if not words:
        return value
    found = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(words)})(?![^\W\d_])", re.IGNORECASE)
    return found.sub(lambda match: MASK * (len(match[0].encode("utf-16-le")) // 2), value)


def note_compaction(con: Connection, now: datetime) -> None:
    """Overwritten words are still in the file: it has to be copied."""
    note(con, COMPACT_DUE, now.isoformat())
