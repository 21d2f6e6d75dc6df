"""What the feed shows of the current row beside the list: the page of an inquiry in short, as a fragment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.identity import as_written
from aggregator.store.reading import inquiry_page
from aggregator.web import words
from aggregator.web.reasons import spans_of, why_of
from aggregator.web.visible import Target, pieces, target

if TYPE_CHECKING:
    from aggregator.store.reading import InquiryPage
    from aggregator.web.visit import Visit

_POSTS = 8  # the newest of the inquiry
_EVENTS = 6
_LINKS = 6


async def preview(visit: Visit) -> Response:
    """Looking at it here is not yet reading it: the script says so after a second."""
    try:
        inquiry, moment = as_written(visit.request.path_params["id"]), visit.site.clock()
    except ValueError:
        raise HTTPException(404) from None
    page = await visit.site.db.read(lambda cursor: inquiry_page(cursor, inquiry, moment=moment))
    if page is None:
        raise HTTPException(404)
    ours = [post for post in page.posts if post.ours]
    texts = {post.post_id: post.text for post in page.posts}
    return visit.page(
        "preview.html",
        row=page.row,
        posts=ours[-_POSTS:],
        left_out=len(page.posts) - len(ours[-_POSTS:]),
        events=page.events[-_EVENTS:],
        why=why_of(page.row, texts),
        spans=spans_of(page.row),
        links=_links(page),
        reasons=words.CLOSE_REASONS,
    )


def _links(page: InquiryPage) -> list[Target]:
    """Where the posts lead, each once."""
    found: dict[str, Target] = {}
    for post in page.posts:
        if not post.ours:
            continue
        for piece in pieces(post.text):
            leads_to = target(piece.note) if piece.look == "link" else None
            if leads_to:
                found.setdefault(leads_to.url, leads_to)
    return list(found.values())[:_LINKS]
