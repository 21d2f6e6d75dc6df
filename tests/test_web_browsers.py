"""Which browser a session is, by what it says of itself."""

from __future__ import annotations

import pytest

from aggregator.web.browsers import named

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT}"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{_WINDOWS} Chrome/144.0.0.0 Safari/537.36", "Chrome · Windows"),
        (f"{_WINDOWS} Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
        (f"{_MAC} {_APPLE} Version/26.0 Safari/605.1.15", "Safari · macOS"),
        (f"{_IPHONE} {_APPLE} CriOS/144.0 Mobile/15E148 Safari/604.1", "Chrome · iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15; K) {_KIT} Chrome/120.0 Mobile MicroMessenger/8.0", "WeChat · Android"),
        ("python-httpx/0.28.1", "python-httpx/0.28.1"),
        ("<script>" + "x" * 5000, "<script>" + "x" * 52),
        ("", ""),
    ],
)  # fmt: skip
def test_two_words_say_which_browser_it_is(said: str, shown: str) -> None:
    assert named(said) == shown
