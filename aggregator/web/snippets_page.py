"""The page of snippets: everybody's own, and, for leads and admins, those that all share."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from aggregator.answering import safety
from aggregator.answering.snippets import (
    KINDS,
    LANGUAGES,
    LONGEST,
    VARIABLES,
    Snippet,
    shipped,
    snippets,
    unknown_variables,
)
from aggregator.store.snippets import Stored, remove_snippet, save_snippet, stored_snippets
from aggregator.web import composer_words, objections
from aggregator.web.i18n import catalogue
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

_FRESH = Snippet("", None, "", "", (), "")


def may_share(visit: Visit) -> bool:
    """Who keeps what all colleagues use."""
    return visit.user.is_at_least("lead")


async def listed(visit: Visit) -> Response:
    """`edit`: the one in the form; `copy`: the one of which an own one is made there; `gone`: the one that was just
    removed, with its way back."""
    stored = await asyncio.to_thread(stored_snippets, visit.site.desk, visit.user.name)
    found = snippets(stored)
    query = visit.request.query_params
    edited = next((one for one in found if one.snippet_id == query.get("edit")), None)
    if edited is not None and not _may_change(visit, edited):
        edited = None
    if model := next((one for one in found if one.snippet_id == query.get("copy")), None):
        edited = replace(model, snippet_id="", owner=visit.user.name, origin=None)
    gone = next((one for one in stored if one.snippet_id == query.get("gone") and not one.is_there), None)
    return _page(visit, found, edited or replace(_FRESH, owner=visit.user.name), gone=gone)


async def save(visit: Visit) -> Response:
    """A new one, or the changed one of the form. 400: with the reason, and what was written."""
    form = await fields(visit.request)
    stored = await asyncio.to_thread(stored_snippets, visit.site.desk, visit.user.name)
    found = snippets(stored)
    before = next((one for one in found if one.snippet_id == form.get("id")), None)
    if form.get("id") and (before is None or not _may_change(visit, before)):
        raise HTTPException(404 if before is None else 403)
    shared = form.get("shared") == "1" and may_share(visit)
    written = Snippet(
        before.snippet_id if before else "",
        None if shared else visit.user.name,
        form.get("name", "").strip(),
        form.get("lang", ""),
        tuple(kind for kind in KINDS if f"kind-{kind}" in form),
        form.get("text", "").replace("\r\n", "\n").strip(),
        before.origin if before and shared else None,
    )
    if wrong := _wrong(visit, written):
        return _page(visit, found, written, said=wrong, code=400)
    now = visit.site.clock().timestamp()
    number = "" if before is None or before.shipped else before.snippet_id
    await asyncio.to_thread(
        save_snippet,
        visit.site.desk,
        Stored(
            number,
            written.owner,
            written.origin,
            written.name,
            written.lang,
            written.kinds,
            written.text,
            now,
            visit.user.name,
            None,
        ),
    )
    return RedirectResponse("/snippets", 303)


async def change(visit: Visit) -> Response:
    """`remove` one, or bring it `back`."""
    what = visit.request.path_params["what"]
    if what not in ("remove", "back"):
        raise HTTPException(404)
    form = await fields(visit.request)
    desk, now, who = visit.site.desk, visit.site.clock(), visit.user.name
    stored = await asyncio.to_thread(stored_snippets, desk, who)
    row = next((one for one in stored if one.snippet_id == form.get("id")), None)
    plain = next((one for one in shipped() if one.snippet_id == form.get("id")), None)
    if row is None and plain is None:
        raise HTTPException(404)
    if not ((row and row.owner == who) or may_share(visit)):
        raise HTTPException(403)
    if row is None and plain is not None:  # a row stands for it from now on, which can be taken back
        row = await asyncio.to_thread(
            save_snippet,
            desk,
            Stored("", None, plain.origin, plain.name, plain.lang, plain.kinds, plain.text, now.timestamp(), who, None),
        )
    assert row is not None
    await asyncio.to_thread(remove_snippet, desk, row.snippet_id, who, now, back=what == "back")
    if visit.wants_json:
        return JSONResponse({"id": row.snippet_id, "name": row.name})
    query = urlencode({"gone": row.snippet_id}) if what == "remove" else ""
    return RedirectResponse(f"/snippets?{query}" if query else "/snippets", 303)


def _may_change(visit: Visit, one: Snippet) -> bool:
    return one.owner == visit.user.name or (one.owner is None and may_share(visit))


def _page(
    visit: Visit,
    found: list[Snippet],
    edited: Snippet,
    *,
    gone: Stored | None = None,
    said: str = "",
    code: int = 200,
) -> Response:
    mine = sorted((one for one in found if one.owner is not None), key=lambda one: one.name)
    shared = sorted(
        (one for one in found if one.owner is None),
        key=lambda one: (not visit.lang.startswith(one.lang), one.lang, one.name),
    )
    return visit.page(
        "snippets.html",
        code=code,
        mine=mine,
        shared=shared,
        edited=edited,
        gone=gone,
        said=said,
        languages=LANGUAGES,
        variables=VARIABLES,
        kinds=KINDS,
        longest=LONGEST,
        may_share=may_share(visit),
    )


def _wrong(visit: Visit, written: Snippet) -> str:
    """Why it cannot be kept; empty: it can."""
    gettext = catalogue(visit.lang).gettext
    if not written.name or not written.text or written.lang not in LANGUAGES:
        return gettext("Give it a name, a language and a text.")
    if len(written.name) > LONGEST["name"] or len(written.text) > LONGEST["text"]:
        return gettext("It is too long: a name has at most %(name)s characters, a text %(text)s.") % LONGEST
    if unknown := unknown_variables(written.text):
        return gettext("Nothing fills %(unknown)s. There are %(known)s.") % {
            "unknown": ", ".join(unknown),
            "known": ", ".join(f"{{{name}}}" for name in VARIABLES),
        }
    context = safety.Context(objections.our_domains(visit.site.settings), lang=written.lang)
    for one in safety.check(written.text, context):
        if one.level == "refuse" and one.rule != "variable":
            return gettext(composer_words.OBJECTIONS[one.rule]) % {"words": one.words}
    return ""
