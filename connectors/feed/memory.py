"""What we know of a feed from one poll to the next: the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.contract import Cursor, Gap, Record
from connectors.feed.document import Document
from connectors.feed.entry import entry_of
from connectors.feed.identity import Mark, Names, keys, nameless, names

ROLLED_OVER = "the feed went on faster than we asked: what it no longer lists is lost; poll more often"
REMEMBERED = 500  # entries, besides those that the feed lists now
FEWEST = 10  # a feed in use keeps at least so many: a shorter list has dropped none
TOLD_IN = timedelta(seconds=1)  # times are told in whole ones, so an entry may be later than it says


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of one answer: who it is, when it was written, and its record without a key."""

    names: Names
    at: datetime | None
    record: Record


def listed(document: Document, *, host: str, place: str) -> list[Listed]:
    """The entries of an answer. place: names the feed, see `identity.py`."""
    return [_listed(document, entry, host, place) for entry in document.entries]


def _listed(document: Document, entry: Record, host: str, place: str) -> Listed:
    record = {document.shape: entry, "host": host, "from": document.title}
    try:
        read = entry_of(record)
        known = names(read, place=place, home=document.home)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        return Listed(nameless(entry, place=place), None, record)
    return Listed(known, read.at, record | {"made_up": True} if known.made_up else record)


def in_parts(news: Sequence[tuple[Listed, str]], size: int) -> list[Sequence[tuple[Listed, str]]]:
    """At least one part, which may be empty."""
    return [news[start : start + size] for start in range(0, len(news), size)] or [()]


@dataclass(frozen=True, slots=True)
class Memory:
    """etag, modified: what the feed calls its present state. at: when we last saw that state, or until when we have all
    of the next one. known: by key, the newest last. count: of entries ever met, which orders those of one minute."""

    etag: str = ""
    modified: str = ""
    at: datetime | None = None
    known: Mapping[str, Mark] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def of(cls, cursor: Cursor | None) -> Memory:
        if cursor is None:
            return cls()
        return cls(
            etag=cursor["etag"],
            modified=cursor["modified"],
            at=datetime.fromisoformat(cursor["at"]) if cursor["at"] else None,
            known={key: Mark(*mark) for key, mark in cursor["known"].items()},
            count=cursor["count"],
        )

    def cursor(self) -> Cursor:
        return {
            "etag": self.etag,
            "modified": self.modified,
            "at": self.at.isoformat() if self.at else None,
            "known": {key: list(mark) for key, mark in self.known.items()},
            "count": self.count,
        }

    def knows_any(self, listed: Sequence[Listed]) -> bool:
        found = keys([each.names for each in listed], self.known)
        return any(key in self.known for key in found)

    def news(self, listed: Sequence[Listed]) -> list[tuple[Listed, str]]:
        """What is new or says something else, with its key, oldest first.

        listed: as the feed has it, the newest first; ordered by time if all of them tell it.
        """
        found = list(zip(listed, keys([each.names for each in listed], self.known), strict=True))
        found.reverse()
        if all(each.at for each, _ in found):
            found.sort(key=lambda pair: str(pair[0].at))
        newest = {key: number for number, (_, key) in enumerate(found)}  # of an id that is listed twice
        return [
            (each, key)
            for number, (each, key) in enumerate(found)
            if newest[key] == number and self._says_more(key, each)
        ]

    def _says_more(self, key: str, each: Listed) -> bool:
        return key not in self.known or self.known[key].look != each.names.look

    def records(self, news: Sequence[tuple[Listed, str]]) -> list[Record]:
        """What is stored of them; `with_news` is the memory after that."""
        return [
            each.record | {"id": key, "order": self._order(key, number)}
            for number, (each, key) in enumerate(news, start=1)
        ]

    def _order(self, key: str, number: int) -> int:
        """The place of an entry among all, the `number`th new one of a page."""
        return self.known[key].order if key in self.known else self.count + number

    def with_news(self, news: Sequence[tuple[Listed, str]]) -> Memory:
        known = dict(self.known)
        for number, (each, key) in enumerate(news, start=1):
            order = self._order(key, number)
            known.pop(key, None)
            told = each.names
            known[key] = Mark(told.look, told.by_title, told.by_time, order, told.author)
        return replace(self, known=known, count=self.count + len(news))

    def in_part(self, part: Sequence[tuple[Listed, str]], now: datetime) -> Memory:
        """These are committed, the oldest of an answer; the newer ones may be listed no more when we ask again."""
        times = [min(each.at, now) for each, _ in part if each.at]
        return replace(self.with_news(part), at=max(filter(None, (self.at, *times)), default=None))

    def at_rest(self, listed: Sequence[Listed], *, etag: str, modified: str, at: datetime) -> Memory:
        """Everything of an answer is committed."""
        present = set(keys([each.names for each in listed], self.known))
        others = [key for key in self.known if key not in present]
        forgotten = set(others[: max(0, len(others) - REMEMBERED)])
        known = {key: mark for key, mark in self.known.items() if key not in forgotten}
        return replace(self, etag=etag, modified=modified, at=at, known=known)

    def gap(self, listed: Sequence[Listed], at: datetime, now: datetime) -> Gap | None:
        """What may have come and gone since we last looked (`at`), or since the source was set up, if the feed lists
        nothing that we know and does not reach back to then."""
        if not listed or self.knows_any(listed) or (not self.known and len(listed) < FEWEST):
            return None
        oldest = min((each.at for each in listed if each.at), default=now)
        if oldest <= at:
            return None
        return Gap(at, min(oldest, now) + TOLD_IN, ROLLED_OVER)
