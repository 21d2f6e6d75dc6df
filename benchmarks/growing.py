"""Time against size: whatever reads a text that strangers wrote takes about twice the time for twice the text.

`python -m benchmarks.growing [--only NAME]` prints a JSON line for each function: the shape of text that grows fastest, the
exponent of time against size, and the time at the largest size. Sizes are those at which it matters: up to what a
platform lets through, or what we read of it. An exponent above 1.3 where it takes more than 20 ms ends it with 1.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aggregator.answering import quoting, safety
from aggregator.answering.linking import official
from aggregator.config import Settings
from aggregator.incidents.extract import fields_of
from aggregator.ingest.origin import any_of
from aggregator.triage import get_ready, judge, search_text, understand
from aggregator.triage.entities import look
from aggregator.triage.impersonation import OurNames
from aggregator.triage.language import language_of
from aggregator.triage.promises import promised_until
from aggregator.triage.secrets import gate, mask, mask_record
from aggregator.web.safe_text import pieces
from aggregator.web.view import View, terms_of
from connectors.discourse import markdown
from connectors.feed.document import parse
from connectors.imap.charsets import header_text
from connectors.imap.markup import text_of_html
from connectors.imap.mime import mail_of
from connectors.imap.quotes import own_words
from connectors.qq.segments import read_message
from connectors.session import parse_json
from connectors.text import html_to_text
from connectors.wechat_api.message import parsed

NOON: Final = datetime(2026, 3, 14, 12, tzinfo=UTC)
STEEPEST: Final = 1.3
MATTERS: Final = 0.02  # seconds; below, constants and the clock decide
SHAPES: Final[dict[str, str]] = {
    "one letter": "a", "digits": "7", "spaces": " ", "line breaks": "\n", "brackets": "[", "tags": "<", "equals": "=",
    "ampersands": "&", "quotes": '"', "backslashes": "\\", "stars": "*", "ticks": "`", "hex": "0123456789abcdef",
    "base58": "5KJvsngHeMpm884wtkJNzQGaCErckhHJBGFsvd3VyK5qMZXj3hS", "list words": "earth together pond inhale main camp ",
    "one list word": "abandon ", "Chinese": "我的助记词是", "Chinese words apart": "的 一 是 在 ", "marks": "e\u0301", "zero width": "a\u200b",
    "opened lists": "- ", "quoted lines": "> a\n", "nested quotes": "> ", "opened divs": "<div>", "links": "http://a.b/ ",
    "half links": "[a](", "bbcode": "[quote]", "addresses": "0x41c8a1 ", "at signs": "@a ", "mails": "a@", "dots": "a.", "dashes": "-a",
    "times": "in 2 hours ", "sentences": "we will. ", "amounts": "5 usdt, ", "encoded words": "=?utf-8?q?a?= ", "unclosed": "=?utf-8?b?",
    "CQ codes": "[CQ:at,qq=1", "percent": "%41", "escapes": "\\u0061", "greetings": "hi a ", "blank lines": "\n \n",
    "emoji": "😡", "parentheses": "(", "colons": ":", "commas": ", ", "entities": "&#x", "comments": "<!--",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reads:
    """`largest`: characters that it may get. `bound`: by what it may get no more."""

    does: Callable[[str], object]
    largest: int
    bound: str


def readers() -> dict[str, Reads]:
    settings = Settings(sources={})
    working = settings.clocks["default"].working_time
    names = OurNames(["Lantern Wallet"], ["Mia"], ["lantern.example"])
    context = safety.Context(official(names, (), ()), lang="zh", public=True, now=NOON)
    other = quoting.Other(("Mira Okafor", "小河"), ("bo",), ("Mia",), "my swap 0x12 failed", "ABCDEFG")
    words = any_of(["swap", "stuck funds", "提现", "a b"])
    assert words is not None
    post, answer = 64_000, 50_000

    def meaning(text: str) -> object:
        (grade,) = judge([search_text(text)])
        return understand(
            text, grade, lang=None, public=True, followers=1, secrets=(), staff=False, points=settings.points
        )

    return {
        "mask": Reads(mask, post, "a mail's part: 300,000 characters; a body: 1 MiB"),
        "mask_record": Reads(lambda text: mask_record({"text": text, "more": [text[:99]]}), post, "as mask"),
        "gate": Reads(lambda text: gate(text.encode()), post, "a body: 1 MiB"),
        "search_text": Reads(search_text, post, "as mask"),
        "language": Reads(lambda text: language_of(text, search_text(text)), post, "as mask"),
        "model, lexicon, entities": Reads(meaning, post, "as mask"),
        "entities": Reads(lambda text: look(text, search_text(text)), post, "as mask"),
        "incident fields": Reads(lambda text: fields_of(search_text(text), text, {}), post, "as mask"),
        "promises": Reads(lambda text: promised_until(text, NOON, working), post, "2,000 characters are read"),
        "impersonation": Reads(
            lambda text: (names.judge(text), names.lures(text, ())), 4_000, "a name as platforms have it"
        ),
        "include, exclude": Reads(words.search, post, "as mask"),
        "safety": Reads(lambda text: safety.check(text, context), answer, "LONGEST_ANSWER"),
        "quoting": Reads(lambda text: quoting.quotable(text, other), quoting.LONGEST, "LONGEST of quoting.py"),
        "pieces": Reads(pieces, 20_000, "LONGEST of a page"),
        "html": Reads(html_to_text, post, "as mask"),
        "mail html": Reads(text_of_html, post, "LONGEST_TEXT"),
        "mail quotes": Reads(own_words, post, "LONGEST_TEXT"),
        "mail header": Reads(header_text, 8_000, "LONGEST_HEADER"),
        "mail": Reads(lambda text: mail_of(f"Subject: x\n\n{text}".encode()), post, "LARGEST, MOST_COMPARISONS"),
        "mail headers": Reads(lambda text: mail_of(f"From: {text}\n\nx".encode()), post, "LONGEST_HEADER"),
        "markdown": Reads(markdown.said, post, "a forum's post: 32,000 by default"),
        "QQ codes": Reads(read_message, post, "an answer: 8 MB"),
        "feed": Reads(_feed, post, "an answer: 8 MB"),
        "callback": Reads(
            _or_refuses(lambda text: parsed(f"<xml><a>{text}</a></xml>".encode())), post, "a body: 1 MiB"
        ),
        "json": Reads(_or_refuses(lambda text: parse_json(text.encode())), post, "a body: 1 MiB"),
        "query": Reads(lambda text: View.of_address("q=" + text).filters("amy", "UTC"), post, "headers: 64 KiB"),
        "search words": Reads(terms_of, 300, "_LONGEST of a filter"),
    }


def _or_refuses(does: Callable[[str], object]) -> Callable[[str], object]:
    def tried(text: str) -> object:
        try:
            return does(text)
        except ValueError:
            return None

    return tried


def _feed(text: str) -> object:
    item = f"<item><title>x</title><description>{text}</description></item>"
    try:
        return parse(
            f"<rss version='2.0'><channel>{item}</channel></rss>".encode(), "application/xml", "https://a.example/"
        )
    except Exception:
        return None


def seconds(does: Callable[[str], object], text: str) -> float:
    """The least of two, of processor time."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        does(text)
        taken.append(time.process_time() - began)
        if taken[0] > 1:
            break
    return min(taken)


def measured(name: str, reads: Reads) -> dict[str, object]:
    """The shape that grows fastest among those that take time, over n, 2n, 4n."""
    worst: tuple[float, str, float] = (0.0, "", 0.0)
    slowest = ("", 0.0)
    for shape, unit in SHAPES.items():
        sizes = [reads.largest // 4, reads.largest // 2, reads.largest]
        taken = [seconds(reads.does, (unit * (size // len(unit) + 1))[:size]) for size in sizes]
        slowest = max(slowest, (shape, taken[-1]), key=lambda one: one[1])
        if taken[-1] >= MATTERS:
            exponent = math.log2(max(taken[-1], 1e-9) / max(taken[0], 1e-9)) / 2
            worst = max(worst, (exponent, shape, taken[-1]))
    exponent, shape, last = worst
    return {
        "function": name,
        "largest": reads.largest,
        "bound": reads.bound,
        "slowest_shape": slowest[0],
        "slowest_ms": round(slowest[1] * 1000, 2),
        "exponent": round(exponent, 2) if shape else None,
        "of": shape or None,
        "ms": round(last * 1000, 1),
        "ok": exponent <= STEEPEST,
    }


def lines(only: str | None) -> Iterator[dict[str, object]]:
    get_ready()
    for name, reads in readers().items():
        if only is None or name == only:
            reads.does("warm up, 提现 0x12 ")
            yield measured(name, reads)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--only")
    good = True
    for line in lines(told.parse_args().only):
        print(json.dumps(line, ensure_ascii=False), flush=True)
        good = good and bool(line["ok"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
