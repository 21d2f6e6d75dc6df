"""What the feed shows of the current row beside the list: the page of an inquiry in short, as a fragment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.identity import as_written
from aggregator.store.reading import said_in
from aggregator.web import words
from aggregator.web.inquiry_page import shown_row
from aggregator.web.reasons import spans_of, why_of
from aggregator.web.safe_text import Target, pieces, target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.store.reading import ThreadPost
    from aggregator.web.visit import Visit

_POSTS = 8  # the newest of the inquiry
_EVENTS = 6
_LINKS = 6


async def preview(visit: Visit) -> Response:
    """Looking at it here is not yet reading it: the script says so after a second."""
    try:
        row = await shown_row(visit, as_written(visit.request.path_params["id"]))
    except ValueError:
        raise HTTPException(404) from None
    said = await visit.site.db.read(lambda cursor: said_in(cursor, row.inquiry))
    ours = [post for post in said.posts if post.ours]
    texts = {post.post_id: post.text for post in said.posts}
    return visit.page(
        "preview.html",
        row=row,
        posts=ours[-_POSTS:],
        left_out=len(said.posts) - len(ours[-_POSTS:]),
        events=said.events[-_EVENTS:],
        why=why_of(row, texts),
        spans=spans_of(row),
        links=_links(ours),
        reasons=words.CLOSE_REASONS,
    )


def _links(posts: Sequence[ThreadPost]) -> list[Target]:
    """Where the posts lead, each once."""
    found: dict[str, Target] = {}
    for post in posts:
        for piece in pieces(post.text):
            leads_to = target(piece.note) if piece.look == "link" else None
            if leads_to:
                found.setdefault(leads_to.url, leads_to)
    return list(found.values())[:_LINKS]
