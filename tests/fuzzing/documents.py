"""Whole documents that we read: feeds, the configuration, files to import, lines to score, JSON."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
import orjson

from aggregator.config import Settings, load
from aggregator.identity import as_written, written
from aggregator.importer.connector import FileConnector
from aggregator.importer.files import File, ImportFileError
from aggregator.scoring import score_lines
from connectors.errors import ConfigError, TransientError
from connectors.session import parse_json, told_wait
from connectors.wechat_api.message import parsed
from tests.fuzzing.draw import Draw
from tests.fuzzing.reading import reader
from tests.fuzzing.records import entries_of
from tests.fuzzing.sources import source
from tests.fuzzing.target import NOON, SAMPLES, Feed, Target

ROOT = Path(__file__).parents[2]


def _feeds() -> list[bytes]:
    return [b"\0" + file.read_bytes()[:4000] for file in sorted((SAMPLES / "feed").iterdir())] + [
        b'\1{"version":"https://jsonfeed.org/version/1.1","title":"x","next_url":"/2","items":[{"id":"1","url":"http://[",'
        b'"content_text":"a","date_published":"2026-03-14T08:00:00Z","authors":[{"name":"n"}],"language":"zh"}]}',
        b'\2<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><link rel="next" href="?p=2"/><entry><id>a</id>'
        b'<title type="html">&lt;b&gt;x</title><updated>2026-03-14T08:00:00Z</updated><content type="xhtml"><div>y</div>'
        b"</content></entry></feed>",
        b"\3<rss><channel><ttl>99999</ttl><item><guid>7</guid><pubDate>Sat, 14 Mar 2026 08:00:00 +0800</pubDate>"
        b"<description><![CDATA[<p>x]]></description></item></channel></rss>",
    ]


def _feed() -> Feed:
    takes = [reader(source(name)) for name in ("feed", "feed_reviews", "feed_weibo")]
    kinds = ("application/xml", "text/html; charset=gb2312", "application/json", 'text/xml; charset="utf-7"', "\0", "")

    def feed(data: bytes) -> None:
        draw = Draw(data)
        take, kind = takes[draw.number(3)], draw.one_of(kinds)
        try:
            records = entries_of(draw.rest(), kind)
        except TransientError:
            return
        take(json.loads(json.dumps(records)))

    return feed


def _configurations() -> list[bytes]:
    text = (ROOT / "connectors.yaml").read_bytes()
    parts = text.split(b"\n\n")
    return [
        *[text[:4000], *(part for part in parts if b":" in part)][:60],
        b"sources:\n  a: &a {connector: feed, url: 'http://x.example', include: [x]}\n  b: *a\n",
        b"points: {asks: 1e400}\nbands: [1, 2]\nclocks: {default: {first_answer: 99999999d}}\n",
        b"timezone: Mars/Base\nteam: [{name: x, handles: {telegram: [5]}}]\n",
        b"a: !!python/object:os.system x\n? [1, 2]\n: y\n",
    ]


def _configuration() -> Feed:
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "connectors.yaml"

    def feed(data: bytes) -> None:
        assert folder
        file.write_bytes(data)
        try:
            load(file, known_rules=frozenset({"asks"}))
        except ConfigError as error:
            str(error).encode("utf-8", "backslashreplace")

    return feed


def _rows() -> list[bytes]:
    row = {
        "text": "提现 stuck, who helps?", "native_id": "a1", "created_at": "2026-03-14T08:00:00+08:00", "thread_id": "t",
        "author_id": 5, "author_name": "Lin", "channel": "forum", "lang": "zh", "url": "https://x.example", "public": "no",
        "reply_to": "a0", "followers": "1e3", "likes": "12", "replies": 0.5, "shares": None,
    }  # fmt: skip
    names = ",".join(row)
    cells = ",".join(f'"{value}"' for value in row.values())
    line = json.dumps(row, ensure_ascii=False)
    return [
        b"\0" + line.encode() + b"\n" + b'{"text": 5}\nnot json\n[]\n',
        b"\1" + f"{names}\n{cells}\n".encode(),
        b"\2text\tcreated_at\tlikes\nhello\t1773475200000\t9e9\textra\n",
        b"\0\xef\xbb\xbf" + line.encode(),
    ]


def _imports() -> Feed:
    folder = tempfile.TemporaryDirectory()
    take = reader(FileConnector("history"))
    files = [Path(folder.name) / f"rows.{ending}" for ending in ("jsonl", "csv", "tsv", "parquet")]

    def feed(data: bytes) -> None:
        assert folder
        draw = Draw(data)
        path = files[draw.number(len(files))]
        path.write_bytes(draw.rest())
        file = File(path, {})
        try:
            for page in file.pages(0):
                records = page.records()
                for number, record in enumerate(records):
                    record["row"] = str(number)
                take(records)
        except ImportFileError:
            pass

    return feed


def _scores() -> Feed:
    settings = Settings(sources={})

    def feed(data: bytes) -> None:
        answers = io.BytesIO()
        score_lines(io.BytesIO(data), answers, settings, clock=lambda: NOON)
        told = answers.getvalue().splitlines()
        asked = [line for line in data.split(b"\n") if line and not line.isspace()]
        assert len(told) == len(asked)
        for line in told:
            orjson.loads(line)

    return feed


def _lines() -> list[bytes]:
    return [row[1:] for row in _rows() if row[0] == 0] + [
        b'{"id": 1, "thread": "a", "author": "b", "text": "my coins are gone!!"}\n{"id": "x", "thread": "a", "author": "b", '
        b'"text": "hello?", "created_at": "2026-03-14T08:00:00Z"}\n'
    ]


def _json() -> Feed:
    """What is read must be storable as it is; headers of an answer must give a time to wait, or none."""

    def feed(data: bytes) -> None:
        for read in (parse_json, parsed):
            try:
                value: Any = read(data)
            except ValueError:
                continue
            orjson.dumps(value)
        head, _, rest = data.decode("latin-1").partition("\n")
        names = ("retry-after", "x-ratelimit-reset", "date")
        headers = {name: part.strip() for name, part in zip(names, head.split("|"), strict=False)}
        wait = told_wait(
            httpx.Response(
                429,
                headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
                content=rest.encode("latin-1"),
            )
        )
        assert wait is None or 0 <= wait < 1e9
        try:
            one = as_written(head)
        except ValueError:
            return
        assert as_written(written(one)) == one

    return feed


def _values() -> list[bytes]:
    return [
        b'120|2026-03-14T08:00:00Z|Sat, 14 Mar 2026 08:00:00 GMT\n{"extras": {"wait_seconds": 9}}',
        b'{"a": [1, 2.5e3, "\\ud83d", "\\u0000", null, true, 123456789012345678901234567890]}',
        b"<xml><ToUserName><![CDATA[gh]]></ToUserName><a><b>1</b><b>2</b></a></xml>",
        b"9" * 400 + b"||Sat, 14 Mar 2026 08:00:00 +9999999",
        b"018e3f2a-0000-7000-8000-000000000000",
        b"[" * 300,
    ]


DOCUMENTS = [
    Target("feed", _feeds, _feed),
    Target("configuration", _configurations, _configuration),
    Target("import", _rows, _imports),
    Target("score", _lines, _scores),
    Target("json", _values, _json),
]
