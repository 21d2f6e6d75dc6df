"""Which ids are stored, in memory, so that a new post needs no look at a table of millions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import duckdb
import numpy as np
from numpy.typing import NDArray

from aggregator.identity import Id
from aggregator.store.database import beside

MOST_LOOSE = 50_000  # ids that are kept apart before they are sorted in
MOST_ACCOUNTS = 10_000  # that were lately stored: about 0.5 kB each
_FIRST = 8  # bytes of an id


class KnownIds:
    """The posts' ids and aliases, by their first eight bytes: 8 MB for a million.

    It never misses an id that is stored. It may know one that is not: of a page that was rolled back, of a post that
    was deleted, or (once in 10^12 looks, beside ten million posts) by chance. So a yes is to be looked up, a no is
    certain. There is one writer, and all that it writes is added here.
    """

    def __init__(self) -> None:
        self.early_answers = EarlyAnswers()
        self._sorted: NDArray[np.uint64] | None = None
        self._loose: set[bytes] = set()

    def among(self, con: duckdb.DuckDBPyConnection, wanted: Iterable[Id]) -> set[Id]:
        """Those that may be stored; the others are not."""
        known = self._sorted if self._sorted is not None else self._load(con)
        asked = list(wanted)
        found = {each for each in asked if each[:_FIRST] in self._loose}
        if asked and len(known):
            numbers = _numbers(each[:_FIRST] for each in asked)
            places = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
            found.update(asked[place] for place in np.flatnonzero(known[places] == numbers))
        return found

    def add(self, ids: Iterable[Id]) -> None:
        """These are stored from now on."""
        self._loose.update(each[:_FIRST] for each in ids)
        if len(self._loose) > MOST_LOOSE and self._sorted is not None:
            self._sorted = np.sort(np.concatenate([self._sorted, _numbers(self._loose)]), kind="stable")
            self._loose.clear()

    def hear_of_others(self, con: duckdb.DuckDBPyConnection, since: int) -> None:
        """Other processes have written into the lake after this snapshot (-1: nobody knows since when)."""
        self.early_answers.forget()
        if self._sorted is None:
            return
        if since < 0:
            self._sorted = None
            self._loose.clear()
            return
        (newest,) = con.execute("FROM lake.current_snapshot()").fetchone() or (since,)
        if newest > since:
            found = con.execute(
                "SELECT post_id, alias_id FROM lake.table_insertions('post', ?, ?)", [since + 1, newest]
            ).fetchall()
            self.add(each.bytes for row in found for each in row if each is not None)

    def _load(self, con: duckdb.DuckDBPyConnection) -> NDArray[np.uint64]:
        cursor = beside(con)  # of what is committed; what this transaction writes is added
        try:
            found = cursor.execute(
                "SELECT CAST(CAST((CAST(id AS BLOB))[1:8] AS BIT) AS UBIGINT) AS half FROM ("
                "SELECT post_id AS id FROM post UNION ALL SELECT alias_id FROM post WHERE alias_id IS NOT NULL)"
            ).fetchnumpy()
        finally:
            cursor.close()
        self._sorted = np.sort(found["half"].astype(np.uint64))
        return self._sorted


class EarlyAnswers:
    """Threads in which an answer of ours may wait for its question, so that questions elsewhere need not look for one.

    Like `KnownIds` it may name a thread in which none waits any more, and never misses one.
    """

    def __init__(self) -> None:
        self._threads: set[Id] | None = None

    def among(self, con: duckdb.DuckDBPyConnection, threads: Iterable[Id]) -> set[Id]:
        """Those in which an answer may wait."""
        if self._threads is None:
            found = con.execute("SELECT DISTINCT thread_id FROM post WHERE staff AND inquiry_id IS NULL").fetchall()
            self._threads = {thread.bytes for (thread,) in found}
        return self._threads.intersection(threads)

    def add(self, threads: Iterable[Id]) -> None:
        """An answer waits there from now on."""
        if self._threads is not None:
            self._threads.update(threads)

    def forget(self) -> None:
        """Threads got other ids."""
        self._threads = None


class Distinct:
    """How many different ids were added, in 8 bytes each: a set of a million takes 130 MB. `keep`: the ids as well."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._halves: list[NDArray[np.uint64]] = []
        self.ids: set[Id] = set()

    def add(self, ids: Collection[Id]) -> None:
        if self._keep:
            self.ids.update(ids)
        self._halves.append(_numbers(each[:_FIRST] for each in ids))

    def __len__(self) -> int:
        return len(np.unique(np.concatenate(self._halves))) if self._halves else 0


class SeenAccounts:
    """Accounts that were lately stored as a platform told them, so that each of their posts need not look."""

    def __init__(self) -> None:
        self._seen: dict[Id, object] = {}

    def has(self, key: Id, account: object) -> bool:
        """Whether exactly this is stored."""
        return self._seen.get(key) == account

    def add(self, accounts: Mapping[Id, object]) -> None:
        """This transaction stores them."""
        if len(self._seen) > MOST_ACCOUNTS:
            self._seen.clear()
        self._seen.update(accounts)

    def forget(self) -> None:
        """What was added was rolled back, or something else has written accounts."""
        self._seen.clear()


def _numbers(halves: Iterable[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(halves), ">u8").astype(np.uint64)
