"""A desk without platforms: posts by accounts in spaces, committed as live ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from aggregator.config import Settings
from aggregator.identity import Id, account_id
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.origin import Origin
from aggregator.ingest.prepare import prepare
from aggregator.people.links import link_again, unlink
from aggregator.store import sources
from aggregator.store.database import Database
from connectors.contract import Author, Connector, Item, Post, Record, SourceConfig
from tests.conftest import START, Hands

BEFORE = START - timedelta(days=30)
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
OTHER = "0x8617E340B3D01FA5F11F6f49F2d4Ad5b1f31e5a1"


class Said(Connector):
    """Reads records that are posts already."""

    @property
    def space(self) -> str:
        return self.source

    def post(self, record: Record) -> Item:
        told = dict(record)
        author = Author(**{**told.pop("author"), "vouched": tuple(map(tuple, told.pop("vouched", ())))})
        told["posted_at"] = datetime.fromisoformat(told["posted_at"])
        told["mentions"] = tuple(told.get("mentions", ()))
        return Post(author=author, **told)


@dataclass
class Stage:
    db: Database
    ingest: Ingest
    clock: Hands
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def origin(self, space: str) -> Origin:
        connector = Said(space, SourceConfig(connector="said"), since=BEFORE)
        return replace(self.ingest.origin(connector, None), live_since=BEFORE)

    def says(self, space: str, who: str, text: str, **more: Any) -> str:
        """One post, alone on its page; returns its native id."""
        record = self.record(who, text, **more)
        self.page(space, record)
        return str(record["native_id"])

    def record(self, who: str, text: str, *, handle: str | None = None, name: str = "", **more: Any) -> Record:
        return {
            "native_id": f"{next(self.numbers)}",
            "text": text,
            "posted_at": self.clock().isoformat(),
            "author": {"native_id": who, "name": name or who, "handle": handle},
            "thread": f"talk of {who}",
            **more,
        }

    def page(self, space: str, *records: Record) -> set[Id]:
        origin, now = self.origin(space), self.clock()
        prepared = prepare(records, origin, now)
        assert not prepared.rejected, prepared.rejected
        job = self.db.submit(lambda con: self.ingest.write(con, origin, prepared, None, now))
        return job.result().inquiries

    def contacts(self) -> set[frozenset[str]]:
        """Names of the accounts that count as one."""
        return self._groups("SELECT contact_id, name FROM contact JOIN account USING (account_id)")

    def persons(self) -> set[frozenset[str]]:
        return self._groups("SELECT person_id, name FROM account")

    def _groups(self, sql: str) -> set[frozenset[str]]:
        groups: dict[Any, set[str]] = {}
        for group, name in self.db.query(sql):
            groups.setdefault(group, set()).add(name)
        return {frozenset(names) for names in groups.values() if len(names) > 1}

    def feed(self) -> dict[str, dict[str, Any]]:
        """Open inquiries by their first author's name and thread."""
        with self.db.reading() as cursor:
            found = cursor.execute(
                "SELECT f.*, a.name FROM feed_at(?) AS f JOIN account AS a ON a.account_id = f.person_id",
                [self.clock()],
            )
            columns = [column[0] for column in found.description]
            rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        return {row["name"]: row for row in rows}

    def priorities(self) -> dict[str, float]:
        return {name: row["priority"] for name, row in self.feed().items()}

    def unlinks(self, mine: Id, theirs: Id) -> set[Id]:
        return self.db.submit(lambda con: unlink(con, mine, theirs, "amy", self.clock())).result()

    def links_again(self, mine: Id, theirs: Id) -> set[Id]:
        return self.db.submit(lambda con: link_again(con, mine, theirs, self.clock())).result()


def account(space: str, who: str) -> Id:
    return account_id(space, who)


def new_store() -> Database:
    """An empty one; with STORE=lake that of a lake (conftest.py)."""
    return Database(None)


@contextmanager
def stage(spaces: Sequence[str] = ("telegram", "weibo", "email"), **settings: Any) -> Iterator[Stage]:
    clock, db = Hands(), new_store()
    for space in spaces:
        db.submit(lambda con, of=space: sources.start(con, of, of, of, BEFORE, timedelta(days=1))).result()
    try:
        yield Stage(db, Ingest(db, Settings(sources={}, **settings), clock), clock)
    finally:
        db.close()
