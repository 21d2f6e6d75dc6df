"""Where links of posts lead: as browsers read them, or nowhere."""

from __future__ import annotations

import pytest

from aggregator.web.safe_text import target


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\\@wallet.example/x",
        "https://evil.example\\.wallet.example/",
        "http://a\\b/@c.example",
    ],
)
def test_a_link_whose_host_a_browser_would_end_earlier_leads_nowhere(url: str) -> None:
    assert target(url) is None


def test_a_backslash_behind_the_host_changes_nothing() -> None:
    leads_to = target("https://help.wallet.example/a\\b?c=\\d")
    assert leads_to
    assert (leads_to.host, leads_to.domain) == ("help.wallet.example", "wallet.example")
