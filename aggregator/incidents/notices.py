"""The status notice of an incident, in Chinese and English: what everybody who is in it should be told.

Every version is kept, and each change stands in the incident's history with what was there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, cast

from aggregator.identity import Id, as_uuid
from aggregator.incidents.keeping import note

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

NoticeLang = Literal["zh", "en"]
LANGS: Final[tuple[NoticeLang, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Notice:
    """One version in one language. `text` empty: there is none any more."""

    lang: NoticeLang
    version: int
    text: str
    written_at: datetime
    written_by: str


class NoticeChangedError(Exception):
    """A colleague has changed it meanwhile; `notice` is how it stands."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(f"{notice.written_by} has changed the notice meanwhile")
        self.notice = notice


def notice_lang(lang: str) -> NoticeLang:
    """In which of the two somebody is told who writes this language."""
    return "zh" if lang.startswith("zh") else "en"


def notices(con: Connection, incident: Id) -> dict[NoticeLang, Notice]:
    """As they stand; a language without one is absent."""
    return {lang: one for lang, one in _newest(con, incident).items() if one.text}


def versions(con: Connection, incident: Id) -> Mapping[NoticeLang, int]:
    """The newest version of each language, 0 where none was ever written."""
    newest = _newest(con, incident)
    return {lang: newest[lang].version if lang in newest else 0 for lang in LANGS}


def write_notice(
    con: Connection, incident: Id, lang: NoticeLang, text: str, seen: int, who: str, now: datetime
) -> bool:
    """Write it, inside of a transaction; whether anything changed. `seen`: the version that the writer saw.

    Raises:
        NoticeChangedError: it is at another version, which says something else.
        KeyError: there is no such incident.
    """
    if con.execute("SELECT 1 FROM incident WHERE incident_id = ?", [as_uuid(incident)]).fetchone() is None:
        raise KeyError(incident.hex())
    stands = _newest(con, incident).get(lang)
    version, before = (stands.version, stands.text) if stands else (0, "")
    if text == before:
        return False
    if stands and version != seen:
        raise NoticeChangedError(stands)
    con.execute(
        "INSERT INTO incident_notice VALUES (?, ?, ?, ?, ?, ?)", [as_uuid(incident), lang, version + 1, text, now, who]
    )
    note(con, incident, who, "notice", now, {"lang": lang, "version": version + 1, "before": before, "after": text})
    return True


def _newest(con: Connection, incident: Id) -> dict[NoticeLang, Notice]:
    found = con.execute(
        "SELECT lang, version, text, written_at, written_by FROM incident_notice "
        "WHERE incident_id = ? ORDER BY version",
        [as_uuid(incident)],
    ).fetchall()
    return {cast("NoticeLang", row[0]): Notice(*row) for row in found}
