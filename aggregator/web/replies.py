"""Answering an inquiry from its page: send, undo, send again, say that it was sent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from aggregator.acting.compare_and_set import ChangedMeanwhileError
from aggregator.clocks import real_seconds
from aggregator.identity import code
from aggregator.outbox import Answer, Row, SaidMeanwhileError, TooLateError
from aggregator.store.desk import DeskFullError
from aggregator.store.drafts import Draft, draft_sent, put_back
from aggregator.store.reading import ThreadPost
from aggregator.triage.secrets import find
from aggregator.web import composing, inquiry_page, reply_words
from aggregator.web.doing import who_was_quicker
from aggregator.web.objections import Objection, objections
from aggregator.web.visit import fields, local, number
from connectors.errors import ReplyRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.identity import Id
    from aggregator.outbox.outbox import Outbox, Written
    from aggregator.store.rows import Connection
    from aggregator.web.stream import Stream
    from aggregator.web.visit import Visit

LONGEST = 50_000  # characters that a page may send; a platform takes far fewer
_MOST_CONFIRMED = 50


async def reply(visit: Visit) -> Response:
    """Take an answer. `text`; `seen`: the page's mark; `ver`: the version that the page showed; `key`: the box's, so
    that the same text sent again, by a second click or because nobody heard that it was taken, goes out once.

    202 {outbox, state, text, until, html}; 409 {said, html, seen, ver}: others were quicker; 422 {objections}.
    """
    form = await fields(visit.request)
    inquiry_id = await inquiry_page.wanted(visit)
    text, ver = form.get("text", "").replace("\r\n", "\n").strip(), form.get("ver", "")
    confirmed = form.get("confirmed", "").split("\n")[:_MOST_CONFIRMED]
    # A version that is no number is none that we know.
    seen = (number(ver) or 0) if ver else None
    given = _key(visit, form.get("key", ""), text)
    before, key = await visit.site.db.read(lambda con: _taken(con, visit.site.outbox, inquiry_id, given))
    if before:
        return await _answer(visit, before, 202, await draft_done(visit, inquiry_id, text, form.get("draft", "")))
    try:
        taken = await take(visit, inquiry_id, text, form.get("seen", ""), seen, confirmed, key)
    except ObjectedError as error:
        return await _objected(visit, inquiry_id, error.found, text)
    except ChangedMeanwhileError as error:
        said, _ = await who_was_quicker(visit, error)
        return await _stopped(visit, inquiry_id, said, (), text)
    except SaidMeanwhileError as error:
        return await _stopped(visit, inquiry_id, said_meanwhile(visit, error), error.answers, text)
    return await _answer(visit, taken, 202, await draft_done(visit, inquiry_id, text, form.get("draft", "")))


class ObjectedError(Exception):
    """It is not sent so; `found` says why."""

    def __init__(self, found: Sequence[Objection]) -> None:
        super().__init__(found[0]["name"])
        self.found = found


async def take(
    visit: Visit, inquiry_id: Id, text: str, mark: str, ver: int | None, confirmed: Sequence[str], key: str = ""
) -> Row:
    """Take an answer, to be sent once the time for taking it back has passed.

    Args:
        mark: the newest answer that was seen.
        ver: the version that was seen; None: it does not matter.
        confirmed: warnings that a colleague has read.
        key: as Outbox.send.

    Raises:
        ObjectedError: something speaks against it, or the platform takes none.
        ChangedMeanwhileError: it was closed since.
        SaidMeanwhileError: others have answered since.
        HTTPException: there is no such inquiry.
    """
    page = await inquiry_page.read(visit, inquiry_id)
    if found := _first_objections(visit, text) or await objections(visit, page, text, confirmed):
        raise ObjectedError(found)
    inquiry = page.row.inquiry
    if inquiry.state == "closed" and ver is not None and ver != inquiry.ver:
        raise ChangedMeanwhileError(inquiry, ver)
    try:
        return await visit.site.outbox.send(inquiry_id, visit.user.name, text, mark, key)
    except KeyError:
        raise HTTPException(404) from None
    except ReplyRefusedError as error:
        raise ObjectedError([refused(visit, error)]) from None


async def decide(visit: Visit) -> Response:
    """`undo`, `again`, `was-sent` or `dismiss` of one answer. 409: it is in another state by now."""
    try:
        outbox_id = UUID(visit.request.path_params["id"])
    except ValueError:
        raise HTTPException(404) from None
    try:
        done, draft = await settle(visit, outbox_id, visit.request.path_params["what"])
    except KeyError:
        raise HTTPException(404) from None
    except TooLateError as error:
        return await _stopped(visit, error.row.inquiry_id.bytes, too_late(visit, error), (), "")
    except SaidMeanwhileError as error:
        inquiry_id = await _inquiry_of(visit, outbox_id)
        return await _stopped(visit, inquiry_id, said_meanwhile(visit, error), error.answers, "")
    except ReplyRefusedError as error:
        return await _objected(visit, await _inquiry_of(visit, outbox_id), [refused(visit, error)], "")
    return await _answer(visit, done, 200, draft)


async def settle(visit: Visit, outbox_id: UUID, what: str) -> tuple[Row, Draft | None]:
    """`undo`, `again`, `was-sent` or `dismiss`; with what was taken back, as the draft that it is again.

    Raises:
        KeyError: there is no such answer, or nothing of the kind can be done to one.
        TooLateError, SaidMeanwhileError, ReplyRefusedError: as the outbox says.
    """
    outbox = visit.site.outbox
    verbs = {"undo": outbox.undo, "again": outbox.again, "was-sent": outbox.was_sent, "dismiss": outbox.dismiss}
    done = await verbs[what](outbox_id, visit.user.name)
    if done.state != "undone":
        return done, None
    draft = await _put_back(visit, done)
    if done.who != visit.user.name:
        await tell_writer(visit.site.stream, done, visit.user.name)
    return done, draft


async def outgoing(visit: Visit) -> Response:
    """What is on its way, as HTML, to be put into an open page."""
    inquiry_id = await inquiry_page.wanted(visit)
    return HTMLResponse(await _outgoing(visit, inquiry_id))


async def unsettled(visit: Visit) -> Response:
    """All answers that did not get there, or may not have, and that nobody has dealt with."""
    rows = await visit.site.outbox.unsettled()
    codes = {row.outbox_id: code(row.inquiry_id.bytes) for row in rows}
    return visit.page("outbox.html", rows=rows, codes=codes, left=lambda row: seconds_left(visit, row))


def in_thread(posts: Sequence[ThreadPost], written: Written) -> list[ThreadPost]:
    """A thread's posts, and our answers that the platform has, but never shows to us as posts."""
    alone = [
        ThreadPost(
            post_id=row.outbox_id.bytes,
            author=row.who,
            handle=None,
            role="staff",
            posted_at=row.ended_at or row.written_at,
            edited_at=None,
            deleted_at=None,
            seen_at=row.written_at,
            version=1,
            text=row.text,
            lang="",
            staff=True,
            suspect=False,
            ours=True,
            permalink=row.permalink,
            place=None,
        )
        for row in written.alone
    ]
    return sorted((*posts, *alone), key=lambda post: post.posted_at) if alone else list(posts)


async def tell_writer(stream: Stream, row: Row, who: str = "") -> None:
    """An answer did not get there, or may not have, or `who` took it back: its writer may be elsewhere by now."""
    inquiry = row.inquiry_id.bytes
    await stream.tell(
        {"to": row.who, "who": who or row.who, "what": row.state, "id": str(row.inquiry_id), "code": code(inquiry)}
    )


def seconds_left(visit: Visit, row: Row) -> float:
    """Real seconds until it is sent, or tried again."""
    left = (row.due_at - visit.site.clock()).total_seconds()
    return max(0.0, left / real_seconds(visit.site.clock, 1.0))


# -- answers -----------------------------------------------------------------------------------------


def _key(visit: Visit, given: str, text: str) -> str:
    """As the outbox keeps it: of this person and this text alone. Empty: none was sent."""
    named = "\0".join((visit.user.name, given, text))
    return blake2b(named.encode(), digest_size=16).hexdigest() if given else ""


def _taken(con: Connection, outbox: Outbox, inquiry_id: Id, key: str) -> tuple[Row | None, str]:
    """The answer that has this key, if it stands; and the key of the next one. What was taken back or put away since is
    meant to go out after all, and that, too, once."""
    before = outbox.taken(con, inquiry_id, key) if key else None
    while before and not (before.is_shown or before.state in ("sent", "unknown")):
        key = blake2b(f"{key}\0{before.outbox_id}".encode(), digest_size=16).hexdigest()
        before = outbox.taken(con, inquiry_id, key)
    return before, key


async def draft_done(visit: Visit, inquiry_id: Id, text: str, base: str) -> Draft | None:
    """The draft of what was taken; None: the desk's disk is full, which concerns no answer."""
    with suppress(DeskFullError):
        return await asyncio.to_thread(
            draft_sent, visit.site.desk, visit.user.name, inquiry_id, text, number(base), visit.site.clock()
        )
    return None


async def _put_back(visit: Visit, row: Row) -> Draft | None:
    """What was taken back is a draft again: of whoever did so, and of whoever wrote it."""
    desk, now, mine = visit.site.desk, visit.site.clock(), None
    with suppress(DeskFullError):
        for name in {row.who, visit.user.name} & {user.name for user in await asyncio.to_thread(desk.users)}:
            stored = await asyncio.to_thread(put_back, desk, name, row.inquiry_id.bytes, row.text, now)
            mine = stored if name == visit.user.name else mine
    return mine


async def _answer(visit: Visit, row: Row, status: int, draft: Draft | None = None) -> Response:
    inquiry_id = row.inquiry_id.bytes
    if not visit.wants_json:
        form = await fields(visit.request)
        return RedirectResponse(local(form.get("back") or f"/inquiry/{row.inquiry_id}"), 303)
    told: dict[str, object] = {
        "outbox": str(row.outbox_id),
        "state": row.state,
        "text": row.text,
        "until": row.due_at.timestamp(),
        "html": await _outgoing(visit, inquiry_id),
    }
    if draft is not None:
        told["draft"] = composing.draft_json(visit, draft)
    return JSONResponse(told, status)


async def _stopped(visit: Visit, inquiry_id: Id, said: str, others: Sequence[Answer], text: str) -> Response:
    if visit.wants_json:
        page = await inquiry_page.read(visit, inquiry_id)
        shown = {"seen": others[-1].name} if others else {}
        html = visit.html("meanwhile.html", others=others) if others else ""
        return JSONResponse({"said": said, "html": html, "ver": page.row.inquiry.ver, **shown}, 409)
    return await inquiry_page.again(visit, inquiry_id, 409, said, draft=text)


async def _objected(visit: Visit, inquiry_id: Id, found: Sequence[Objection], text: str) -> Response:
    if visit.wants_json:
        return JSONResponse({"objections": found}, 422)
    said, keys = (
        " ".join(each["said"] for each in found),
        [each["key"] for each in found if each.get("level") == "warn"],
    )
    return await inquiry_page.again(visit, inquiry_id, 422, said, draft=text, confirm=keys)


async def _outgoing(visit: Visit, inquiry_id: Id) -> str:
    outbox = visit.site.outbox
    try:
        written = await visit.site.db.read(lambda con: outbox.written(con, inquiry_id))
    except KeyError:
        raise HTTPException(404) from None
    return visit.html("outgoing.html", outgoing=written.shown, left=lambda row: seconds_left(visit, row))


async def _inquiry_of(visit: Visit, outbox_id: UUID) -> Id:
    found = await visit.site.outbox.find(outbox_id)
    return found.inquiry_id.bytes


def _first_objections(visit: Visit, text: str) -> list[Objection]:
    """What is never sent, whatever a colleague says."""
    name = _never_sent(text)
    if name is None:
        return []
    sentence = (reply_words.REFUSALS | reply_words.OBJECTIONS)[name]
    return [{"name": name, "said": visit.gettext(sentence)}]


def _never_sent(text: str) -> str | None:
    if not text:
        return "empty"
    if len(text) > LONGEST:
        return "too_long"
    return "secret" if any(not found.doubtful for found in find(text)) else None


def refused(visit: Visit, error: ReplyRefusedError) -> Objection:
    """What the platform says against it."""
    said = visit.gettext(reply_words.REFUSALS.get(error.why, reply_words.REFUSALS["other"]))
    more = visit.gettext(" (%(more)s)") % {"more": error.detail} if error.detail else ""
    return {"name": error.why, "said": f"{said}{more}"}


def said_meanwhile(visit: Visit, error: SaidMeanwhileError) -> str:
    """Who was quicker, in words."""
    who = error.answers[-1].who
    return visit.gettext("%(who)s has answered since you opened this; nothing was sent") % {"who": who}


def too_late(visit: Visit, error: TooLateError) -> str:
    """What has become of it, in words."""
    return visit.gettext(reply_words.TOO_LATE.get(error.row.state, reply_words.SETTLED))
