"""Which ids are stored, in memory, so that a new post needs no look at a table of millions."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST_LOOSE = 50_000  # ids that are kept apart before they are sorted in
BATCH = 200_000  # rows


class KnownIds:
    """The posts' ids and aliases, by their first eight bytes: 8 MB for a million.

    It never misses an id that is stored. It may know one that is not: of a page that was rolled back, or (once in
    10^12 looks, beside ten million posts) by chance. So a yes is to be looked up, a no is certain. There is one
    writer, and all that it writes is added here.
    """

    def __init__(self) -> None:
        self._sorted: NDArray[np.uint64] | None = None
        self._loose: set[int] = set()

    def among(self, con: duckdb.DuckDBPyConnection, wanted: Iterable[UUID]) -> set[UUID]:
        """Those that may be stored; the others are not."""
        known = self._sorted if self._sorted is not None else self._load(con)
        asked = list(wanted)
        found = {each for each in asked if each.int >> 64 in self._loose}
        if asked and len(known):
            numbers = np.fromiter((each.int >> 64 for each in asked), np.uint64, len(asked))
            places = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
            found.update(asked[place] for place in np.flatnonzero(known[places] == numbers))
        return found

    def add(self, ids: Iterable[UUID]) -> None:
        """These are stored from now on."""
        self._loose.update(each.int >> 64 for each in ids)
        if len(self._loose) > MOST_LOOSE and self._sorted is not None:
            loose = np.fromiter(self._loose, np.uint64, len(self._loose))
            self._sorted = np.sort(np.concatenate([self._sorted, loose]), kind="stable")
            self._loose.clear()

    def _load(self, con: duckdb.DuckDBPyConnection) -> NDArray[np.uint64]:
        cursor = con.cursor()  # of what is committed; what this transaction writes is added
        try:
            cursor.execute("SET arrow_lossless_conversion = true")  # ids as 16 bytes, big end first
            reader = cursor.execute(
                "SELECT post_id FROM post UNION ALL SELECT alias_id FROM post WHERE alias_id IS NOT NULL"
            ).to_arrow_reader(BATCH)
            parts = [_first_halves(batch.column(0)) for batch in reader]
        finally:
            cursor.close()
        self._sorted = np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
        return self._sorted


def _first_halves(ids: pa.UuidArray) -> NDArray[np.uint64]:
    halves = np.frombuffer(ids.storage.buffers()[1], ">u8")
    return halves[2 * ids.offset : 2 * (ids.offset + len(ids)) : 2].astype(np.uint64)
