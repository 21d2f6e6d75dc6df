"""A callback's body, XML or JSON, as an object whose leaves are all text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from connectors.contract import Record
from connectors.session import parse_json

if TYPE_CHECKING:
    from lxml import etree

# XML allows no such character, even in CDATA, but people can paste it.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def parsed(body: bytes) -> Record:
    """The fields by name. Numbers become text: a MsgId is larger than a float holds exactly.

    Raises:
        ValueError: it is neither XML nor a JSON object, or bears a DOCTYPE, which no platform sends.
    """
    text = body.decode("utf-8", "replace")
    try:
        fields = _as_text(parse_json(text.encode())) if text.lstrip().startswith("{") else _from_xml(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("it holds no fields")
    return fields


def composed(**fields: str | int) -> bytes:
    """XML with these fields, text in CDATA."""
    from lxml import etree

    root = etree.Element("xml")
    for name, value in fields.items():
        child = etree.SubElement(root, name)
        child.text = str(value) if isinstance(value, int) else etree.CDATA(_UNPRINTABLE.sub("", value))
    written: bytes = etree.tostring(root, encoding="utf-8")
    return written


def _from_xml(text: str) -> object:
    from lxml import etree  # with the first call

    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(_UNPRINTABLE.sub("", text).strip().encode(), parser)
    except etree.XMLSyntaxError:
        raise ValueError("it is no XML") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("it bears a DOCTYPE")
    return _value(root)


def _value(element: etree._Element) -> object:
    if not len(element):
        return element.text or ""
    fields: dict[str, object] = {}
    for child in element:
        name, value = str(child.tag), _value(child)
        before = fields.get(name)
        fields[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return fields


def _as_text(value: object) -> object:
    if isinstance(value, dict):
        return {str(name): _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return value if isinstance(value, str) else "" if value is None else str(value)
