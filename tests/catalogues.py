"""Bring the message catalogues up to date: `python -m tests.catalogues` (needs Babel, which only developers have).

Extracts all strings of the pages and what connectors say, merges them into the .po files, fills English with itself,
and compiles.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from aggregator.web.connector_messages import CONTEXT
from aggregator.web.i18n import DOMAIN, LOCALE
from tests.sentences import msgids

WEB = Path(LOCALE).parent
KEYWORDS = {"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")]
OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
LOCALES = ("zh_CN", "en")
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)  # the same sources give the same file


def extracted() -> Catalog:
    """Every string that a person may see."""
    found = Catalog(domain=DOMAIN, project="inquiry-aggregator", charset="utf-8")
    for file, _, message, _, context in extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS):
        found.add(message, None, [(file, 0)], context=context)
    for message in msgids():
        found.add(message, None, context=CONTEXT)
    return found


def po_file(locale: str) -> Path:
    return LOCALE / locale / "LC_MESSAGES" / f"{DOMAIN}.po"


def mo_file(locale: str) -> Path:
    return po_file(locale).with_suffix(".mo")


def read(locale: str) -> Catalog:
    with po_file(locale).open("rb") as file:
        return read_po(file, locale=locale, domain=DOMAIN)


def compiled(catalog: Catalog) -> bytes:
    catalog.creation_date = catalog.revision_date = WRITTEN
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def update(locale: str) -> list[str]:
    """Merge, compile, and return the strings that still want a translation."""
    catalog = read(locale) if po_file(locale).exists() else Catalog(locale=locale, domain=DOMAIN, charset="utf-8")
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    if locale == "en":
        for message in catalog:
            if message.id and not message.string:
                message.string = message.id
    with po_file(locale).open("wb") as file:
        write_po(file, catalog, width=110, omit_header=True, sort_output=True, no_location=True)
    mo_file(locale).write_bytes(compiled(read(locale)))
    return [str(message.id) for message in catalog if message.id and not message.string]


if __name__ == "__main__":
    missing = {locale: update(locale) for locale in LOCALES}
    for locale, strings in missing.items():
        for string in strings:
            sys.stdout.write(f"{locale}: {string}\n")
    sys.exit(any(missing.values()))
