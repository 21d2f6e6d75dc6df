"""Several pages as one, where a transaction may be large."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from aggregator.ingest.drafts import Prepared
from aggregator.store import rows


def joined(pages: Sequence[Prepared]) -> Prepared:
    """The pages in their order. They are used up: their drafts belong to what is returned."""
    if len(pages) == 1:
        return pages[0]
    posts = begun = 0
    for page in pages:
        for draft in page.drafts if posts else ():
            draft.at += posts
            if draft.begins is not None:
                draft.begins += begun
        posts, begun = posts + page.posts.num_rows, begun + page.begun.num_rows
    return Prepared(
        list(chain.from_iterable(page.drafts for page in pages)),
        rows.joined([page.posts for page in pages]),
        rows.joined([page.bodies for page in pages]),
        rows.joined([page.begun for page in pages]),
        list(chain.from_iterable(page.deleted for page in pages)),
        list(chain.from_iterable(page.counts for page in pages)),
        list(chain.from_iterable(page.moved for page in pages)),
        list(chain.from_iterable(page.rejected for page in pages)),
        sum(page.records for page in pages),
        list(chain.from_iterable(page.undelivered for page in pages)),
    )
