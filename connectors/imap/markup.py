"""A mail's HTML as the text that its author wrote: nothing hidden, no quoted history."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from connectors.text import rendered

if TYPE_CHECKING:
    from lxml.html import HtmlElement

DEEPEST: Final = 200  # elements; beyond, the structure means nothing and the walkers would recurse too deeply
_NOTHING_SAID: Final = frozenset({"style", "script", "head", "title", "noscript", "template", "object"})
_HIDDEN: Final = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|opacity:0(?:\.0+)?(?:;|$)|font-size:0(?:px|pt|em|%)?(?:!|;|$)"
)
# What mail programs put around the mail that is answered.
_QUOTES: Final = (
    "//blockquote[@type='cite']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' gmail_quote ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' yahoo_quoted ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' moz-cite-prefix ')]",
    "//*[@id='isReplyContent' or @id='appendonsend' or @id='mail-editor-reference-message-container']",
)


def text_of_html(html: str) -> tuple[str, tuple[str, ...]]:
    """Plain text, and the targets of links that the text does not show.

    Quotes go where they are marked as such, but not if nothing else was written (a mail passed on).
    """
    tree = _tree(html)
    if tree is None:
        return _stripped(html), ()
    whole = _rendered(tree)
    for path in _QUOTES:
        for element in tree.xpath(path):
            if element.getparent() is not None:
                element.drop_tree()
    said = _rendered(tree)
    return (said, _hidden_targets(tree, said)) if said else (whole, ())


def _tree(html: str) -> HtmlElement | None:
    """None: it cannot be parsed, or not to its end."""
    from lxml.etree import Comment, LxmlError
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(huge_tree=True)  # else it stops at 256 elements within one another
    try:
        tree = document_fromstring(f"<div>{html}</div>", parser=parser)
    except (LxmlError, ValueError):
        return None
    if any("Excessive depth" in error.message for error in parser.error_log):
        return None
    deep = []
    waiting = [(tree, 0)]
    while waiting:
        element, depth = waiting.pop()
        if element.tag is Comment or element.tag in _NOTHING_SAID or _is_hidden(element):
            if element.getparent() is not None:
                element.drop_tree()
            continue
        if depth > DEEPEST:
            deep.append(element)
        else:
            waiting += [(child, depth + 1) for child in element]
    for element in deep:
        _flatten(element)
    return tree


def _stripped(html: str) -> str:
    """Without a parser: better too much than nothing of what a customer wrote."""
    bare = re.sub(r"<[^<>]{0,4000}>", " ", html)
    return " ".join(unescape(bare).split())


def _flatten(element: HtmlElement) -> None:
    text = " ".join(element.itertext())
    for child in list(element):
        element.remove(child)
    element.text = text


def _is_hidden(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str):
        return False
    style = re.sub(r"\s", "", element.get("style") or "").lower()
    return element.get("hidden") is not None or bool(style and _HIDDEN.search(style))


def _rendered(tree: HtmlElement) -> str:
    lines = (line.rstrip() for line in rendered(tree).replace("\xa0", " ").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _hidden_targets(tree: HtmlElement, text: str) -> tuple[str, ...]:
    """A link that says one address and leads to another is what phishing looks like."""
    targets = (str(link.get("href") or "").strip() for link in tree.xpath("//a[@href]"))
    web = (target[:2000] for target in targets if re.match(r"(?i)https?://", target))
    return tuple(dict.fromkeys(target for target in web if target.rstrip("/") not in text))
