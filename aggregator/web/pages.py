"""Turning values into HTML: one template environment per language, and the address of every static file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from aggregator.config import Bands
from aggregator.identity import Id
from aggregator.inquiry import shown
from aggregator.store.reading import FeedRow
from aggregator.web import connector_messages, incident_words, trouble_words, words
from aggregator.web.deed_words import DeedWords
from aggregator.web.i18n import LOCALE, Lang, catalogue
from aggregator.web.promise_words import Promises, Sentences, promises_of
from aggregator.web.safe_text import pieces, target

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.inquiry import Inquiry
    from aggregator.store.reading import Term
    from aggregator.web.search_hits import Found

_HERE = Path(__file__).parent
_KEPT = 5000  # rows of a language
STATIC = _HERE / "static"


def _build() -> str:
    """A hash of everything that reaches a browser: a changed one means that open pages are of yesterday."""
    digest = blake2b(digest_size=6)
    for folder in (STATIC, _HERE / "templates", LOCALE):
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".po"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


BUILD = _build()


def static_url(name: str) -> str:
    """The address of a static file; it changes with the build, so that browsers may keep it for ever."""
    return f"/static/{BUILD}/{name}"


@cache
def _environment(lang: Lang, timezone: str, p0: int, p1: int, p2: int, promises: Promises) -> Environment:
    """Everything that rows need is global here: so Jinja imports the macros once, not for each row."""
    bands, zone = Bands(P0=p0, P1=p1, P2=p2), ZoneInfo(timezone)
    env = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        auto_reload=False,  # it would look at every template's file for every page
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    translations = catalogue(lang)
    env.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it

    named = partial(word, lang=lang)

    def exact(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    clocks = {channel: (first, further) for channel, first, further in promises}
    clock_words = Sentences(translations, clocks, exact)

    def because(term: Term, inquiry: Inquiry) -> str:
        """A term of a priority in words."""
        if term.rule == "band_set" and inquiry.band_by:
            return translations.gettext("band set by %(who)s") % {"who": inquiry.band_by}
        return clock_words.broken(inquiry) if term.rule == "overdue" else named("RULES", term.rule)

    env.globals.update(clock_words=clock_words, reason_said=because, deeds=DeedWords(translations, exact))

    def incident_name(fields: Mapping[str, Any]) -> str:
        return incident_words.sentence(fields, lang)

    env.globals.update(incident_name=incident_name)
    env.globals.update(known=partial(connector_messages.known, lang=lang), next_step=trouble_words.next_step)
    env.globals.update(word=named, static=static_url, pieces=pieces, target=target, shown=shown, quote=quote)
    env.globals.update(lang=lang, build=BUILD, bands=bands, exact=exact, facts=facts)
    env.globals.update(moment=lambda seconds: datetime.fromtimestamp(seconds, UTC))
    env.globals.update(kind_word=lambda name: named("KINDS" if name in words.KINDS else "RULES", name))
    env.filters["points"] = written_points
    env.globals.update(inside=Insides(env).of)
    return env


def written_points(points: float) -> str:
    return f"{points:+.0f}" if abs(points) >= 0.5 else f"{points:+.1f}"


class Insides:
    """What stands in rows, kept with all that it depends on: rendering it takes ten times as long as all the rest."""

    def __init__(self, env: Environment) -> None:
        self._inside = env.get_template("row_inside.html")
        self._kept: OrderedDict[tuple[Id, bool, Found | None], tuple[object, Markup]] = OrderedDict()

    def of(self, row: FeedRow, unread: bool, seen: Found | None) -> Markup:
        """`seen`: what a search found in it; whoever comes back from an inquiry to the list finds the same again."""
        name = (row.inquiry.inquiry_id, unread, seen)
        words = [(term.rule, written_points(term.points)) for term in row.terms[:2]]
        shows = (row.inquiry, shown(row.priority), row.author, row.incident, words)
        kept, inside = self._kept.get(name, (None, Markup()))
        if kept != shows:
            inside = self._render(row, unread, seen)
            self._kept[name] = (shows, inside)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return inside

    def _render(self, row: FeedRow, unread: bool, seen: Found | None) -> Markup:
        return escape(self._inside.make_module({"row": row, "unread": unread, "seen": seen}))


def render(template: str, lang: Lang, settings: Settings, /, **context: Any) -> str:
    """One template in one language, with times in the team's zone."""
    return _environment_of(lang, settings).get_template(template).render(**context)


def deed_words(lang: Lang, settings: Settings) -> DeedWords:
    """The sentences of what people do, with times in the team's zone."""
    return cast("DeedWords", _environment_of(lang, settings).globals["deeds"])


def reason_words(lang: Lang, settings: Settings) -> Callable[[Term, Inquiry], str]:
    """What says a term of a priority in words."""
    return cast("Callable[[Term, Inquiry], str]", _environment_of(lang, settings).globals["reason_said"])


def word(table: str, name: str, lang: Lang) -> str:
    """What people call it; a name that no table of `words` knows stays readable."""
    known: Mapping[str, str] = getattr(words, table)
    return catalogue(lang).gettext(known[name]) if name in known else name.replace("_", " ")


def _environment_of(lang: Lang, settings: Settings) -> Environment:
    bands = settings.bands
    return _environment(lang, settings.timezone, bands.P0, bands.P1, bands.P2, promises_of(settings))


def row_html(
    row: FeedRow, lang: Lang, settings: Settings, *, unread: bool, found: Mapping[Id, Found] = MappingProxyType({})
) -> str:
    """One row, the same in a page, in its continuation and in a live event. `found`: what a search found in it."""
    return render("row.html", lang, settings, row=row, unread=unread, found=found)


def facts(row: FeedRow, bands: Bands) -> dict[str, str]:
    """What scripts need to place a row and to tell whether a view shows it. They become its data attributes."""
    inquiry = row.inquiry
    return {
        "id": inquiry.name,
        "ver": str(inquiry.ver),
        "code": inquiry.code,
        "priority": repr(row.priority),
        "state": inquiry.state,
        "channel": inquiry.channel,
        "lang": "zh" if inquiry.lang == "zh-Hans" else inquiry.lang,
        "kind": inquiry.kind,
        "band": bands.of(shown(row.priority)),
        "owner": inquiry.owner or "",
        "source": inquiry.source,
        "incident": f"{row.incident.number}/{row.incident.persons}" if row.incident else "",
        "seen": repr(inquiry.seen_at.timestamp()),
        "newest": repr(inquiry.last_post_at.timestamp()),
        "oldest": _falling(inquiry.waiting_since),
        "due": _falling(inquiry.due_at),
        "public": "yes" if inquiry.public else "no",
        "secret": "yes" if inquiry.secret else "no",
        "thanks": "yes" if inquiry.thanks else "no",
    }


def _falling(at: datetime | None) -> str:
    """As store.filters.SORTS: the sooner the higher, and what has no time comes last."""
    return repr(-(at.timestamp() if at else 1e12))


@cache
def script_strings(lang: Lang) -> bytes:
    """What scripts say, as JSON: the sentences of words.SCRIPT, states by `state_<name>`, keys by `key_<name>`."""
    gettext = catalogue(lang).gettext
    told = {name: gettext(text) for name, text in words.SCRIPT.items()}
    told |= {f"state_{name}": gettext(text) for name, text in words.STATES.items()}
    told |= {f"key_{name}": gettext(text) for name, text in words.KEYS.items()}
    return orjson.dumps(told)
