"""Where links of posts lead: as browsers read them."""

from __future__ import annotations

import pytest

from aggregator.web.safe_text import target


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://evil.example\\@wallet.example/x", "evil.example"),
        ("https://evil.example\\.wallet.example/", "evil.example"),
        ("http://a\\b/@c.example", "a"),
    ],
)
def test_a_link_leads_where_browsers_end_its_host(url: str, host: str) -> None:
    leads_to = target(url)
    assert leads_to
    assert leads_to.host == host


def test_a_backslash_behind_the_host_changes_nothing() -> None:
    leads_to = target("https://help.wallet.example/a\\b?c=\\d")
    assert leads_to
    assert (leads_to.host, leads_to.domain) == ("help.wallet.example", "wallet.example")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://a.claim-wallet.github.io/x", "claim-wallet.github.io"),
        ("https://help.wallet.com.cn/", "wallet.com.cn"),
        ("http://10.0.0.7/", "10.0.0.7"),
    ],
)
def test_whose_site_it_is_counts_common_endings_as_one(url: str, domain: str) -> None:
    leads_to = target(url)
    assert leads_to
    assert leads_to.domain == domain
