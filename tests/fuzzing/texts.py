"""All that is asked of a text: masking, language, words, entities, promises, links, safety, quotes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import aggregator.triage
from aggregator.answering import quoting, safety, snippets
from aggregator.answering.asking import asked_secrets, asked_slots
from aggregator.answering.linking import official
from aggregator.answering.sentences import clauses, sentences
from aggregator.answering.strangers import others_named, private_in
from aggregator.config import Settings
from aggregator.folding.fold import excerpt
from aggregator.incidents.extract import fields_of
from aggregator.incidents.sketch import sketch_of
from aggregator.triage import get_ready, judge, search_text, understand
from aggregator.triage.entities import look
from aggregator.triage.evidence import evidence_of
from aggregator.triage.impersonation import OurNames
from aggregator.triage.promises import promised_until
from aggregator.triage.secrets import PhraseWindow, gate, mask, mask_record, may_be_piece
from aggregator.triage.slots import given
from aggregator.web.safe_text import in_plain, pieces, target
from aggregator.web.view import View, terms_of
from connectors.discourse import markdown
from connectors.imap.markup import text_of_html
from connectors.imap.quotes import bare_subject, is_reply_subject, own_words
from connectors.qq.segments import read_message
from connectors.text import html_to_text
from tests.fuzzing.target import NOON, SAMPLES, Feed, Target

_MOST: Final = 120  # seeds


def said_in(value: Any) -> Iterator[str]:
    """Strings of a sample that somebody may have written."""
    if isinstance(value, str) and (len(value) > 12 or not value.isascii()):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from said_in(each)


@cache
def samples() -> list[str]:
    """Texts of the samples, and words of our lists."""
    found: list[str] = []
    for file in sorted(SAMPLES.glob("*/*.json")):
        try:
            found += said_in(json.loads(file.read_text(encoding="utf-8")))
        except ValueError:
            continue
    lists = sorted((Path(aggregator.triage.__file__).parent).rglob("*.yaml"))
    words = [line.strip() for file in lists for line in file.read_text(encoding="utf-8").splitlines()]
    step = max(1, len(words) // _MOST)
    return list(dict.fromkeys(found))[:_MOST] + [" ".join(words[at : at + 4]) for at in range(0, len(words), step)]


def _seeds() -> list[bytes]:
    return [text.encode()[:2000] for text in samples()]


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _meaning() -> Feed:
    settings = Settings(sources={})
    names = OurNames(["Lantern Wallet"], ["Mia"], ["lantern.example"])
    working = settings.clocks["default"].working_time
    get_ready()

    def feed(data: bytes) -> None:
        text = _text_of(data)
        searched = search_text(text)
        (grade,) = judge([searched])
        masked, found = mask(text)
        assert len(masked.encode("utf-16-le", "surrogatepass")) == len(text.encode("utf-16-le", "surrogatepass"))
        said = understand(
            text, grade, lang=None, public=True, followers=9, secrets=found, staff=False, points=settings.points
        )
        for reason in said.reasons:
            assert reason.start is None or 0 <= reason.start <= (reason.end or 0) <= len(text)
        json.dumps(said.entities).encode()
        evidence_of((), said.entities)
        given(searched, look(text, searched), pictures=True)
        promised_until(text, NOON, working)
        fields_of(searched, text, {"entities": said.entities, "kind": said.kind})
        sketch_of(searched)
        excerpt(text).encode("utf-8", "surrogatepass")
        names.judge(text[:64], text[:32])
        names.lures(searched, said.entities.get("link", ()))

    return feed


def _answering() -> Feed:
    get_ready()
    names = OurNames(["Lantern Wallet"], ["Mia"], ["lantern.example"])
    context = safety.Context(
        official(names, ["lantern.example/help"], ["lanterndesk"]), lang="zh", public=True, now=NOON
    )
    other = quoting.Other(("Mira Okafor", "小河"), ("bo",), ("Mia",), "my swap 0x12 failed", "ABCDEFG")

    def feed(data: bytes) -> None:
        text = _text_of(data)
        searched = search_text(text)
        for objection in safety.check(text, context):
            assert objection.start is None or 0 <= objection.start <= (objection.end or 0) <= len(text)
        asked_secrets(searched)
        asked_slots(searched)
        for sentence in sentences(searched):
            clauses(sentence)
        private_in(text, searched)
        others_named(text, [text[:8], "小河", "Mira Okafor"], ["us"])
        snippets.fill(text, {"name": text[:10], "名字": "x"})
        quoting.quotable(text, other)
        assert "".join(piece.text for piece in pieces(text[:20_000]))
        in_plain(text)
        target(text)

    return feed


def _markup() -> Feed:
    def feed(data: bytes) -> None:
        text = _text_of(data)
        for said in (html_to_text(text), markdown.said(text), text_of_html(text)[0], own_words(text)):
            said.encode()
        markdown.pictures_and_files(text)
        markdown.names(text)
        bare_subject(text)
        is_reply_subject(text)
        read_message(text)

    return feed


def _masking() -> Feed:
    def feed(data: bytes) -> None:
        gate(data)
        text = _text_of(data)
        may_be_piece(text)
        masked, _ = mask_record({"text": text, text[:20]: [*text.split()]})
        json.dumps(masked)
        window = PhraseWindow()
        for number, line in enumerate(text.splitlines()[:50]):
            window.add("mia", NOON, number, line)

    return feed


def _searching() -> Feed:
    def feed(data: bytes) -> None:
        query = _text_of(data)
        view = View.of_address(query)
        view.filters("amy", "Asia/Shanghai")
        assert View.of_address(view.query()).query() == view.query()
        terms_of(query)

    return feed


def _queries() -> list[bytes]:
    return [
        b"state=claimed,new&owner=me&band=P0&sla=overdue,30m&q=%40lin+0x41&sort=due&since=2026-03-14",
        "q=提现 ABCDEFG&incident=3,any&until=2026-03-14&touched=2026-03-14T08:00:00Z&public=yes&lang=zh".encode(),
        b"wrote=2026-03-14T08:00:00+08:00&due=today&channel=telegram&kind=question&thanks=no&secret=yes&source=forum",
    ]


TEXTS = [
    Target("meaning", _seeds, _meaning),
    Target("answering", _seeds, _answering),
    Target("markup", _seeds, _markup),
    Target("masking", _seeds, _masking),
    Target("searching", _queries, _searching),
]
