"""The page of one's own keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from aggregator.web.remapping import bound, keys, refused, spelled
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.web.remapping import Refused
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    return _page(visit, visit.user.keys)


async def save(visit: Visit) -> Response:
    """`key-<name>`: another key (empty: its own); `off-<name>`: none; `reset`: all as they were."""
    form = await fields(visit.request)
    chosen: dict[str, str] = {}
    if "reset" not in form:
        for key in keys():
            typed = spelled(form.get(f"key-{key.name}", ""))
            if f"off-{key.name}" in form:
                chosen[key.name] = ""
            elif typed and (typed,) != key.keys[:1]:
                chosen[key.name] = typed
        if wrong := refused(chosen):
            return _page(visit, chosen, wrong=wrong, code=409)
    await asyncio.to_thread(visit.site.desk.set_preferences, visit.user.name, keys=chosen)
    return RedirectResponse("/settings/keys", 303)


def _page(visit: Visit, chosen: Mapping[str, str], *, wrong: list[Refused] | None = None, code: int = 200) -> Response:
    return visit.page(
        "settings_keys.html",
        code=code,
        keys=keys(),
        chosen=chosen,
        bound={key.name: bound(key, chosen) for key in keys()},
        wrong={each.name: each for each in wrong or ()},
    )
