"""A platform's HTML as the plain text that its author wrote.

What reads it is imported with the first that comes: 8 MB that a desk of chats never needs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inscriptis.model.config import ParserConfig
    from lxml.html import HtmlElement

# What stands in a post without being its author's words: quotes of others, previews of linked pages, the file
# name and size beneath a picture.
_NOT_SAID = (
    "//aside[contains(concat(' ', normalize-space(@class), ' '), ' quote ')]",
    "//aside[contains(concat(' ', normalize-space(@class), ' '), ' onebox ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' lightbox-wrapper ')]//*[@class='meta']",
)

# Forums give their emoji a class; Chinese platforms write the name of theirs in brackets.
_EMOJI = "//img[contains(concat(' ', normalize-space(@class), ' '), ' emoji ') or starts-with(@alt, '[')]"


def html_tree(html: str) -> HtmlElement | None:
    """The document without what its author did not say; None: nothing is left."""
    # A NUL or another control character makes lxml refuse the whole text.
    from lxml.etree import ParserError
    from lxml.html import document_fromstring

    cleaned = "".join(char for char in html if char in "\n\r\t" or char >= " ")
    try:
        tree = document_fromstring(f"<div>{cleaned}</div>")
    except ParserError:
        return None
    for path in _NOT_SAID:
        for element in tree.xpath(path):
            element.drop_tree()
    return tree


def html_to_text(html: str) -> str:
    """Plain text: a line per paragraph or `<br>`, an emoji as its name (`:rage:`, `[怒]`), a link as its label."""
    tree = html_tree(html)
    if tree is None:
        return ""
    for image in tree.xpath(_EMOJI):
        image.tail = (image.get("title") or image.get("alt") or "") + (image.tail or "")
        image.drop_tree()
    for code in tree.xpath("//pre/code"):
        code.drop_tag()  # inscriptis keeps line breaks of <pre>, but not of an element inside it
    lines = (line.rstrip() for line in rendered(tree).splitlines())
    return "\n".join(lines).strip()


def rendered(tree: HtmlElement) -> str:
    """As a browser that shows text alone lays it out."""
    from inscriptis.html_engine import Inscriptis

    text: str = Inscriptis(tree, _plain()).get_text()
    return text


@cache
def _plain() -> ParserConfig:
    """The strict profile: the relaxed one indents each div and pads each span, which nobody wrote."""
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig

    return ParserConfig(css=CSS_PROFILES["strict"])
