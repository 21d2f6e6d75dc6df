"""Several pages as one, where a transaction may be large."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import pyarrow as pa

from aggregator.ingest.drafts import Prepared


def joined(pages: Sequence[Prepared]) -> Prepared:
    """The pages in their order. They are used up: their drafts belong to what is returned."""
    if len(pages) == 1:
        return pages[0]
    rows = begun = 0
    for page in pages:
        for draft in page.drafts if rows else ():
            draft.at += rows
            if draft.begins is not None:
                draft.begins += begun
        rows, begun = rows + len(page.posts), begun + len(page.begun)
    return Prepared(
        list(chain.from_iterable(page.drafts for page in pages)),
        pa.concat_tables([page.posts for page in pages]),
        pa.concat_tables([page.bodies for page in pages]),
        pa.concat_tables([page.begun for page in pages]),
        list(chain.from_iterable(page.deleted for page in pages)),
        list(chain.from_iterable(page.counts for page in pages)),
        list(chain.from_iterable(page.moved for page in pages)),
        list(chain.from_iterable(page.rejected for page in pages)),
        sum(page.records for page in pages),
        list(chain.from_iterable(page.undelivered for page in pages)),
    )
