from __future__ import annotations

from time import process_time

import pytest

from connectors.discourse.markdown import names, pictures_and_files, said
from connectors.text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<p>我的提现卡住了<br>三天了</p><p>please help &amp; hurry</p>",
            "我的提现卡住了\n三天了\n\nplease help & hurry",
        ),
        ('<aside class="quote no-group"><blockquote><p>it is lost</p></blockquote></aside><p>mine too</p>', "mine too"),
        ('<p>see</p><aside class="onebox allowlistedgeneric"><h3>A page</h3></aside>', "see"),
        (
            '<div class="lightbox-wrapper"><a class="lightbox" href="/b.png"><img src="/a.png">'
            '<div class="meta"><span class="filename">shot.png</span> 690x400</div></a></div><p>look</p>',
            "look",
        ),
        ('<p>so <img class="emoji only" title=":rage:" alt=":rage:"> now</p>', "so :rage: now"),
        ('<p><a class="mention" href="/u/mei">@mei</a> 在吗</p>', "@mei 在吗"),
        ('<p>use <a href="https://example.org/x">this page</a></p>', "use this page"),
        ("<pre><code>error 0x12 &lt;\n  at swap\n</code></pre>", "error 0x12 <\n  at swap"),
        ("<p>مرحبا بالعالم</p>", "مرحبا بالعالم"),
        ("just words", "just words"),
        ("<p>cut <b>short", "cut short"),
        ("a\x00b\x08c", "abc"),
        ("<script>alert(1)</script><style>p{}</style>", ""),
        ("<!-- nothing -->", ""),
        ("", ""),
    ],
)
def test_html_becomes_what_its_author_said(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('[quote="mei, post:1, topic:9"]\nit is lost\n[/quote]\n\nmine too', "mine too"),
        ('[quote="a"]x [quote="b"]y[/quote] z[/quote]kept', "kept"),
        ("before [quote]x[/quote] after", "before  after"),
        ('[quote="mei"]\nnever closed, so it is my own', '[quote="mei"]\nnever closed, so it is my own'),
        ("log:\n```text\ntx <b> &amp; [quote]\n```\nend", "log:\n\ntx <b> &amp; [quote]\n\nend"),
        ("~~~\n```\ninside\n~~~\nend", "```\ninside\n\nend"),
        ("```\nnever closed &lt;", "never closed &lt;"),
        ('[quote="a"]\n```\ncode of another\n```\n[/quote]\nmine', "mine"),
        ("hash `0xabc` is mine", "hash 0xabc is mine"),
        ("![shot|690x400](upload://abc.png) look", "look"),
        ("[report.txt|attachment](upload://abc.txt) (3 KB)", "(3 KB)"),
        ("read [this page](https://example.org/a_(b)) first", "read this page first"),
        ("one<br>two &lt;3", "one\ntwo <3"),
        ('[details="More"]\nhidden words\n[/details]', "hidden words"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("  \n ", ""),
    ],
)
def test_markdown_becomes_what_its_author_said(raw: str, text: str) -> None:
    assert said(raw) == text


@pytest.mark.parametrize(
    "piece", ["[quote=", "[quote]", "[a](", "![", "`", "[/quote]", "```\n", "[x](y(", "\n \n", "@a."]
)
def test_odd_text_takes_no_more_than_linear_time(piece: str) -> None:
    began = process_time()
    said(piece * 20_000)
    names(piece * 20_000)
    assert process_time() - began < 5  # seconds; quadratic ones take minutes


def test_names_are_told_once_and_addresses_are_no_names() -> None:
    assert names("@mei, ask @lin.wei. mail a@example.org @mei") == ("mei", "lin.wei")


def test_pictures_and_files_are_counted() -> None:
    assert pictures_and_files("![a](upload://1) and [f|attachment](upload://2) and [l](https://example.org)") == 2
