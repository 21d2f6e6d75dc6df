"""What happened to inquiries, incidents and accounts: the history of one, and the audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson

from aggregator.identity import Id, as_uuid, as_written, written
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """What somebody did with an inquiry."""

    happened_at: datetime
    who: str
    what: str
    details: Mapping[str, str]
    event_id: Id
    ver: int | None = None  # of the inquiry after it; None: written before versions were kept
    undone: bool = False  # it was taken back


def history_of(cursor: Connection, inquiry_id: Id, opened_at: datetime) -> tuple[HistoryEvent, ...]:
    """All of it, oldest first. Nothing happens to an inquiry before it is opened: what is older need not be read."""
    return histories_of(cursor, {inquiry_id: opened_at})[inquiry_id]


def histories_of(cursor: Connection, opened: Mapping[Id, datetime]) -> dict[Id, tuple[HistoryEvent, ...]]:
    """The histories of inquiries, by id and when each was opened."""
    found = rows.fetch(
        cursor,
        "inquiry_event",
        "inquiry_id, happened_at, who, what, details, event_id, ver",
        "inquiry_id",
        opened,
        "happened_at >= ?",
        [min(opened.values(), default=None)],
    )
    events: dict[Id, list[HistoryEvent]] = {inquiry: [] for inquiry in opened}
    for inquiry, at, who, what, details, event, ver in sorted(found, key=lambda row: (row[1], row[5])):
        if at >= opened[inquiry]:
            events[inquiry].append(HistoryEvent(at, who, what, orjson.loads(details), event, ver))
    return {inquiry: _marked(these) for inquiry, these in events.items()}


def _marked(events: Sequence[HistoryEvent]) -> tuple[HistoryEvent, ...]:
    undone = {as_written(event.details["event"]) for event in events if event.what == "undo"}
    return tuple(replace(event, undone=event.event_id in undone) for event in events)


def last_events(cursor: Connection, inquiries: Collection[Id]) -> dict[Id, datetime]:
    """When something was last done with each of these; those with which nothing was are left out."""
    found = cursor.execute(
        "SELECT inquiry_id, max(happened_at) FROM inquiry_event "
        "WHERE inquiry_id IN (SELECT unnest(?::UUID[])) GROUP BY inquiry_id",
        [[written(one) for one in inquiries]],
    ).fetchall()
    return {inquiry.bytes: at for inquiry, at in found}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events to show; what is None or "" does not count. Without `system` only people's."""

    who: str = ""
    what: str = ""
    inquiry: Id | None = None
    since: datetime | None = None
    until: datetime | None = None
    system: bool = False


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event, with what it changed. `name`: an inquiry's code, INC-7, an account's name, or a colleague's."""

    event: HistoryEvent
    on: Literal["inquiry", "incident", "account", "team", "handover"]
    subject: Id
    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


Key = tuple[datetime, Id]


def audit(
    cursor: Connection,
    wanted: AuditFilter,
    *,
    after: Key | None = None,
    limit: int = 50,
    beside: Sequence[AuditEvent] = (),
) -> tuple[list[AuditEvent], bool]:
    """Events of all colleagues, the latest first, and whether there are older ones.

    Args:
        after: of the last one of the page before.
        beside: what is kept elsewhere, by the same filter and as many.
    """
    keys = _newest(cursor, "inquiry_event", "inquiry_id", wanted, after, limit)
    if wanted.inquiry is None:
        keys += _newest(cursor, "incident_event", "incident_id", wanted, after, limit)
        keys += _newest(cursor, "account_event", "account_id", wanted, after, limit)
        keys += _newest(cursor, _NOTES, "note_id", wanted, after, limit)
    keys += [(each.event.happened_at, each.event.event_id) for each in beside]
    keys = sorted(keys, reverse=True)[: limit + 1]
    page = keys[:limit]
    read = (
        *beside,
        *_inquiries(cursor, page).values(),
        *_incidents(cursor, page).values(),
        *_accounts(cursor, page).values(),
        *_notes(cursor, page),
    )
    found = {(each.event.happened_at, each.event.event_id): each for each in read}
    return [found[key] for key in page if key in found], len(keys) > limit


def _newest(
    cursor: Connection, table: str, subject: str, wanted: AuditFilter, after: Key | None, limit: int
) -> list[Key]:
    """The keys only: what is wide is read of one page alone."""
    where, bound = ["true"], dict[str, object]()
    for condition, name, value in (
        ("who = $who", "who", wanted.who),
        ("what = $what", "what", wanted.what),
        (f"{subject} = $subject", "subject", as_uuid(wanted.inquiry) if wanted.inquiry else None),
        ("happened_at >= $since", "since", wanted.since),
        ("happened_at < $until", "until", wanted.until),
    ):
        if value:
            where.append(condition)
            bound[name] = value
    if not wanted.system and not wanted.who:
        where.append("who <> 'system'")
    if after:
        where.append("(happened_at, event_id) < ($at, $event)")
        bound |= {"at": after[0], "event": as_uuid(after[1])}
    found = cursor.execute(
        f"SELECT happened_at, event_id FROM {table} WHERE {' AND '.join(where)} "
        f"ORDER BY happened_at DESC, event_id DESC LIMIT {limit + 1}",
        bound,
    ).fetchall()
    return [(at, event.bytes) for at, event in found]


def _of_page(cursor: Connection, keys: Sequence[Key], columns: str, table: str) -> list[tuple[Any, ...]]:
    """What every event has, and these columns, of the events `e` of one table that stand on a page."""
    if not keys:
        return []
    return cursor.execute(
        f"SELECT e.event_id, e.happened_at, e.who, e.what, e.details, {columns} FROM {table} "
        "WHERE e.happened_at BETWEEN ? AND ? AND e.event_id IN (SELECT unnest(?::UUID[]))",
        [keys[-1][0], keys[0][0], [written(event) for _, event in keys]],
    ).fetchall()


def _inquiries(cursor: Connection, keys: Sequence[Key]) -> dict[Id, AuditEvent]:
    found = _of_page(
        cursor,
        keys,
        "e.ver, e.before, e.after, e.inquiry_id, i.code",
        "inquiry_event AS e LEFT JOIN inquiry AS i USING (inquiry_id)",
    )
    return {
        event.bytes: AuditEvent(
            HistoryEvent(at, who, what, orjson.loads(details), event.bytes, ver),
            "inquiry",
            inquiry.bytes,
            code or "",
            orjson.loads(before or "{}"),
            orjson.loads(after or "{}"),
        )
        for event, at, who, what, details, ver, before, after, inquiry, code in found
    }


def _incidents(cursor: Connection, keys: Sequence[Key]) -> dict[Id, AuditEvent]:
    found = _of_page(
        cursor, keys, "e.incident_id, i.number", "incident_event AS e JOIN incident AS i USING (incident_id)"
    )
    return {
        event.bytes: AuditEvent(
            HistoryEvent(at, who, what, orjson.loads(details), event.bytes),
            "incident",
            incident.bytes,
            f"INC-{number}",
            *_notice(what, orjson.loads(details)),
        )
        for event, at, who, what, details, incident, number in found
    }


def _accounts(cursor: Connection, keys: Sequence[Key]) -> dict[Id, AuditEvent]:
    found = _of_page(
        cursor,
        keys,
        "e.account_id, a.name, a.native_id",
        "account_event AS e LEFT JOIN account AS a USING (account_id)",
    )
    return {
        event.bytes: AuditEvent(
            HistoryEvent(at, who, what, orjson.loads(details), event.bytes),
            "account",
            account.bytes,
            name or native or "",
            {},
            {},
        )
        for event, at, who, what, details, account, name, native in found
    }


_NOTES = (
    "(SELECT note_id AS event_id, written_at AS happened_at, written_by AS who, 'handover_note' AS what, text "
    "FROM handover_note UNION ALL SELECT note_id, done_at, done_by, 'handover_done', text "
    "FROM handover_note WHERE done_at IS NOT NULL) AS e"
)
"""Notes to whoever comes next, as events: that they were left, and put away."""


def _notes(cursor: Connection, keys: Sequence[Key]) -> list[AuditEvent]:
    if not keys:
        return []
    found = cursor.execute(
        f"SELECT event_id, happened_at, who, what, text FROM {_NOTES} "
        "WHERE happened_at BETWEEN ? AND ? AND event_id IN (SELECT unnest(?::UUID[]))",
        [keys[-1][0], keys[0][0], [written(event) for _, event in keys]],
    ).fetchall()
    return [
        AuditEvent(HistoryEvent(at, who, what, {"text": text}, note.bytes), "handover", note.bytes, "", {}, {})
        for note, at, who, what, text in found
    ]


def _notice(what: str, details: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """What a notice said before, and what it says since."""
    if what != "notice":
        return {}, {}
    return {"notice": details["before"]}, {"notice": details["after"]}


def people_of_audit(cursor: Connection) -> list[str]:
    """Whose events there are; colleagues who have left among them."""
    found = cursor.execute(
        "SELECT who FROM inquiry_event UNION SELECT who FROM incident_event UNION SELECT who FROM account_event "
        f"UNION SELECT who FROM {_NOTES} "
        "EXCEPT SELECT 'system' ORDER BY 1"
    ).fetchall()
    return [who for (who,) in found]
