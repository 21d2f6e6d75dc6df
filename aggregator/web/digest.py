"""The digest: what came in on some days, what is open, what ran out, incidents, impostors, gaps. The same figures as
the dashboard, and neither texts nor names, so that nobody has to be erased from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.inquiry import shown
from aggregator.store.figures import Figures, Range, missed_clocks
from aggregator.store.filters import Filters
from aggregator.store.listing import feed_page
from aggregator.web import incident_words, pages, words
from aggregator.web.dashboard import figures_of, plots_of, spelled
from aggregator.web.i18n import N_, Lang, catalogue

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.database import Connection

LISTED = 10
_GAPS = {"lost": N_("lost"), "doubt": N_("unusual silence"), "gap": N_("may still be fetched")}


class Pressing(NamedTuple):
    """An inquiry without its words. `waits`, `late`: seconds, None: nobody waits, no clock ran out."""

    name: str  # its id, as it stands in addresses
    code: str
    band: str
    score: int
    kind: str
    channel: str
    waits: float | None
    late: float | None


@dataclass(frozen=True, slots=True)
class Digest:
    """missed: by clock, how many promised times have run out. incidents: that went on in these days. gaps: (source,
    state, seconds within these days)."""

    wanted: Range
    moment: datetime
    figures: Figures
    pressing: Sequence[Pressing]
    missed: Mapping[str, int]
    overdue: Sequence[Pressing]
    incidents: Sequence[tuple[int, Mapping[str, Any], str, int]]
    impostors: int
    gaps: Sequence[tuple[str, str, float]]


def gather(con: Connection, wanted: Range, settings: Settings, moment: datetime) -> Digest:
    """Read it all at this moment."""
    page = feed_page(con, Filters(), moment=moment, bands=settings.bands, limit=LISTED)
    late = feed_page(con, Filters(), moment=moment, bands=settings.bands, sort="due", limit=LISTED)
    incidents = con.execute(
        "SELECT number, fields, state, persons FROM incident JOIN incident_size USING (incident_id) "
        "WHERE state <> 'merged' AND began_at < $end AND coalesce(ended_at, $end) >= $start "
        "ORDER BY persons DESC, number",
        {"start": wanted.start, "end": wanted.end},
    ).fetchall()
    (impostors,) = con.execute("SELECT count(*) FROM impersonator").fetchone() or (0,)
    gaps = con.execute(
        'SELECT "source", state, sum(epoch(least(to_at, $end)) - epoch(greatest(from_at, $start))) FROM coverage '
        "WHERE state IN ('gap', 'doubt', 'lost') AND from_at < $end AND to_at > $start GROUP BY ALL ORDER BY ALL",
        {"start": wanted.start, "end": wanted.end},
    ).fetchall()

    def told(rows: Sequence[Any]) -> list[Pressing]:
        return [_pressing(row, moment, settings) for row in rows]

    return Digest(
        wanted,
        moment,
        figures_of(con, wanted, settings, moment),
        told(page.rows),
        missed_clocks(con, moment),
        told([row for row in late.rows if row.inquiry.due_at and row.inquiry.due_at < moment]),
        [(number, orjson.loads(fields), state, persons) for number, fields, state, persons in incidents],
        impostors,
        gaps,
    )


def _pressing(row: Any, moment: datetime, settings: Settings) -> Pressing:
    inquiry = row.inquiry
    score = shown(row.priority)
    # Not less than nothing, where the clock was set back.
    waits = max(0.0, (moment - inquiry.waiting_since).total_seconds()) if inquiry.waiting_since else None
    late = (moment - inquiry.due_at).total_seconds() if inquiry.due_at and inquiry.due_at < moment else None
    return Pressing(
        inquiry.name, inquiry.code, settings.bands.of(score), score, inquiry.kind, inquiry.channel, waits, late
    )


class Cell(NamedTuple):
    """What a table shows, and where it leads."""

    text: str
    link: str = ""


class Section(NamedTuple):
    """A heading, a sentence if there is nothing, and a table. The columns from `numbers` on are numbers. plot: which of
    the dashboard's stands above it."""

    heading: str
    nothing: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: int = 1
    plot: str = ""


def sections(digest: Digest, lang: Lang, url: str) -> list[Section]:
    """The digest in one language. `url`: of the feed, "" if nobody knows it."""
    return _Writer(digest, lang, url).sections()


class _Writer:
    def __init__(self, digest: Digest, lang: Lang, url: str) -> None:
        self._of, self._lang, self._url = digest, lang, url.rstrip("/")
        self._gettext = catalogue(lang).gettext
        self._spell = spelled(lang)

    def sections(self) -> list[Section]:
        gettext = self._gettext
        return [
            Section(gettext("In numbers"), "", (), self._numbers()),
            self._inquiries(gettext("Most pressing now"), gettext("nothing is open"), self._of.pressing),
            self._inquiries(gettext("Promised times that have run out"), gettext("none has run out"), self._of.overdue),
            self._incidents(),
            self._gaps(),
            self._arrivals(),
            self._answers(),
            self._kinds(),
        ]

    def _link(self, path: str) -> str:
        return f"{self._url}{path}" if self._url else ""

    def _word(self, table: str, name: str) -> str:
        known: Mapping[str, str] = getattr(words, table)
        return self._gettext(known[name]) if name in known else name.replace("_", " ")

    def _kind(self, name: str) -> str:
        return self._word("KINDS" if name in words.KINDS else "RULES", name)

    def _numbers(self) -> list[list[Cell]]:
        gettext, found = self._gettext, self._of.figures
        bands = gettext(", ").join(f"{band} {count:,}" for band, count in found.bands.items())
        kept = f"{found.kept:,} / {found.promised:,}" if found.promised else "–"
        half = f"{self._spell(found.overall.p50)} / {self._spell(found.overall.p90)}" if found.overall else "–"
        dashboard = f"/dashboard?since={self._of.wanted.first}&until={self._of.wanted.last}"
        rows = [
            (gettext("Began in this time"), f"{sum(found.arrivals.values()):,}", dashboard),
            (gettext("Open now"), f"{found.open:,}{gettext(' (%(more)s)') % {'more': bands}}", "/"),
            (gettext("First answer after: half, nine in ten"), half, dashboard),
            (gettext("Promises kept"), kept, dashboard),
            (gettext("Promised times that have run out"), f"{sum(self._of.missed.values()):,}", "/?sort=due"),
            (gettext("Customers approached by impostors"), f"{sum(found.approaches.values()):,}", "/impostors"),
            (gettext("Impostors known"), f"{self._of.impostors:,}", "/impostors"),
        ]
        return [[Cell(name), Cell(value, self._link(path))] for name, value, path in rows]

    def _inquiries(self, heading: str, nothing: str, found: Sequence[Pressing]) -> Section:
        gettext = self._gettext
        head = (
            gettext("Inquiry"),
            gettext("Kind"),
            gettext("Channel"),
            gettext("Priority"),
            gettext("waits"),
            gettext("late by"),
        )
        rows = [
            [
                Cell(each.code, self._link(f"/inquiry/{each.name}")),
                Cell(self._kind(each.kind)),
                Cell(self._word("CHANNELS", each.channel)),
                Cell(f"{each.band} {each.score}"),
                Cell(self._time(each.waits)),
                Cell(self._time(each.late)),
            ]
            for each in found
        ]
        return Section(heading, nothing, head, rows, 3)

    def _time(self, seconds: float | None) -> str:
        return "–" if seconds is None else self._spell(seconds)

    def _incidents(self) -> Section:
        gettext = self._gettext
        head = (gettext("Incident"), "", gettext("Persons"))
        rows = [self._incident(*each) for each in self._of.incidents]
        return Section(gettext("Incidents"), gettext("nobody reported the same"), head, rows, 2)

    def _gaps(self) -> Section:
        gettext = self._gettext
        head = (gettext("Source"), gettext("State"), gettext("how long"))
        rows = [self._gap(*each) for each in self._of.gaps]
        return Section(gettext("Times that miss posts"), gettext("every source is complete"), head, rows, 2)

    def _incident(self, number: int, fields: Mapping[str, Any], state: str, persons: int) -> list[Cell]:
        name = f"INC-{number} {incident_words.sentence(fields, self._lang)}"
        return [
            Cell(name, self._link("/incidents")),
            Cell(self._gettext(incident_words.STATES[state])),
            Cell(f"{persons:,}"),
        ]

    def _gap(self, source: str, state: str, seconds: float) -> list[Cell]:
        return [Cell(source, self._link("/connectors")), Cell(self._gettext(_GAPS[state])), Cell(self._spell(seconds))]

    def _arrivals(self) -> Section:
        gettext, found = self._gettext, self._of.figures
        channels = sorted({channel for _, channel in found.arrivals})
        rows = [
            [Cell(str(day)), *(Cell(f"{found.arrivals.get((day, channel), 0):,}") for channel in channels)]
            for day in self._of.wanted.days
        ]
        head = (gettext("Day"), *(self._word("CHANNELS", channel) for channel in channels))
        heading = gettext("Inquiries that began, by day and channel")
        return Section(heading, gettext("Nothing began in this time."), head, rows if channels else (), 1, "arrivals")

    def _answers(self) -> Section:
        gettext, found = self._gettext, self._of.figures.answers
        rows = [
            [Cell(str(day)), Cell(f"{one.answered:,}"), Cell(self._spell(one.p50)), Cell(self._spell(one.p90))]
            for day in self._of.wanted.days
            if (one := found.get(day))
        ]
        heading = gettext("Time to the first answer, by the day on which the inquiry began")
        head = (gettext("Day"), gettext("Answered"), gettext("half"), gettext("nine in ten"))
        return Section(heading, gettext("nothing was answered"), head, rows, 1, "answers")

    def _kinds(self) -> Section:
        kinds = sorted(self._of.figures.kinds.items(), key=lambda each: (-each[1], each[0]))
        rows = [[Cell(self._kind(kind)), Cell(f"{count:,}")] for kind, count in kinds]
        gettext = self._gettext
        return Section(gettext("Kinds"), gettext("Nothing began in this time."), (), rows)


def title(digest: Digest, lang: Lang) -> str:
    days = f"{digest.wanted.first} – {digest.wanted.last}"
    gettext = catalogue(lang).gettext
    return f"{gettext('Inquiries')} {days}"


def markdown(digest: Digest, lang: Lang, url: str) -> str:
    lines = [f"# {title(digest, lang)}"]
    for section in sections(digest, lang, url):
        lines += ["", f"## {section.heading}", ""]
        if not section.rows:
            lines.append(section.nothing)
            continue
        width = len(section.rows[0])
        head = [*section.head, *[""] * (width - len(section.head))]
        rule = ["---" if column < section.numbers else "--:" for column in range(width)]
        lines += [_line(head), _line(rule), *(_line([_linked(cell) for cell in row]) for row in section.rows)]
    return "\n".join([*lines, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _linked(cell: Cell) -> str:
    return f"[{cell.text}]({cell.link})" if cell.link else cell.text


def html(digest: Digest, lang: Lang, url: str, settings: Settings, *, plots: bool) -> str:
    """A page that stands for itself. `plots` False: for mail, whose readers draw none."""
    drawn = plots_of(lang, digest.figures, digest.wanted) if plots else {}
    return pages.render(
        "digest.html", lang, settings, title=title(digest, lang), sections=sections(digest, lang, url), plots=drawn
    )
