"""First use: what to do while nothing has come in yet. It stands in the feed in place of the list, and at /start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from aggregator.checking import check_sources
from aggregator.web.guides import Guide, in_order
from aggregator.web.i18n import CHINESE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.store.database import Connection
    from aggregator.store.source_reports import SourceReport
    from aggregator.web.visit import Visit
    from connectors.contract import Finding


@dataclass(frozen=True, slots=True)
class Start:
    """What the page shows. found: what the check said of each source; empty: it was not run.

    waiting: no post of any source has come in yet.
    """

    sources: Sequence[SourceReport]
    guides: Sequence[Guide]
    found: Mapping[str, Sequence[Finding]]
    colleagues: int
    waiting: bool
    chinese: bool

    def names(self, guide: Guide) -> list[str]:
        """The sources that use a guide's connector."""
        return [one.source for one in self.sources if one.connector == guide.connector]


async def show(visit: Visit) -> Response:
    """The page; with `part=steps` only its steps."""
    return await _page(visit, {})


async def check(visit: Visit) -> Response:
    """`aggregator check --connect`, from here: try every login, and say what each may read."""
    return await _page(visit, await check_sources(visit.site.settings))


async def _page(visit: Visit, found: Mapping[str, Sequence[Finding]]) -> Response:
    part = visit.request.query_params.get("part") == "steps"
    return visit.page("start_steps.html" if part else "start.html", start=await start(visit, found=found))


async def start(visit: Visit, *, found: Mapping[str, Sequence[Finding]] | None = None) -> Start:
    site = visit.site
    sources = await asyncio.to_thread(site.health)
    return Start(
        sources=sources,
        guides=in_order(one.connector for one in sources),
        found=found or {},
        colleagues=len(await asyncio.to_thread(site.desk.users)) - 1,
        waiting=await site.db.read(nothing_yet),
        chinese=visit.lang == CHINESE,
    )


def nothing_yet(cursor: Connection) -> bool:
    """Whether no post has ever come in."""
    return cursor.execute("SELECT 1 FROM post LIMIT 1").fetchone() is None
