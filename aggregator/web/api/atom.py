"""A feed as Atom (RFC 4287). All text is type="text": readers show it, and run nothing of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from aggregator.triage.language import told_language

if TYPE_CHECKING:
    from aggregator.web.api.entries import Entry, Subscribed

MEDIA: Final = "application/atom+xml"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def atom(feed: Subscribed) -> bytes:
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": feed.lang})
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(root, "updated", _time(feed.updated))
    _link(root, "self", feed.url)
    _link(root, "alternate", feed.home)
    for entry in feed.entries:
        # One that is none, of an older row, would make all of the feed unreadable.
        _entry(ET.SubElement(root, "entry", {"xml:lang": told_language(entry.lang) or "und"}), entry)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(node: ET.Element, entry: Entry) -> None:
    _text(node, "id", entry.id)
    _text(node, "title", entry.title, type="text")
    _text(node, "updated", _time(entry.updated))
    _text(node, "published", _time(entry.published))
    _text(ET.SubElement(node, "author"), "name", entry.author or "–")
    _link(node, "alternate", entry.url)
    if entry.original:
        _link(node, "related", entry.original)
    for tag in entry.tags:
        ET.SubElement(node, "category", {"term": tag})
    _text(node, "content", entry.text, type="text")


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _NO_XML.sub("\ufffd", text)


def _link(parent: ET.Element, rel: str, href: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "href": _NO_XML.sub("", href)})


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
