"""What a source says of itself, and what it says to nobody."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from pydantic import ValidationError

from aggregator.demo.wechat import WeChatSimulator
from aggregator.demo.wechat.protocol import Fault
from connectors.contract import Finding, Page, Push
from connectors.errors import ConnectorError, PushRefusedError, TransientError
from connectors.wechat import ATTEMPT, WeChat
from tests.conftest import Hands
from tests.contract_suite import Drained
from tests.wechat_account import (
    CALLED,
    PLAIN,
    SINCE,
    Source,
    configured,
    poll,
)

# What the time without us costs


async def test_the_time_in_which_we_did_not_run_is_told_as_a_gap_once(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    done = Drained()
    async with source(**CALLED) as before:
        await poll(before, done)
        clock.pass_(minutes=10)
        still_running = await poll(before, done)
    stopped = clock.now
    clock.pass_(minutes=10)
    started = clock.now
    async with source(**CALLED) as after:
        wechat.fails_next("500")
        told: list[Page] = []
        with pytest.raises(TransientError):
            await poll(after, done, told)
        clock.pass_(minutes=1)
        again = await poll(after, done)
    gaps = [gap for page in told for gap in page.gaps]
    assert [(gap.start, gap.end) for gap in gaps] == [(stopped - ATTEMPT, started)]
    assert [gap for page in [*still_running, *again] for gap in page.gaps] == []


async def test_the_time_from_a_first_start_that_came_to_no_poll_is_told_as_a_gap(source: Source, clock: Hands) -> None:
    started = clock.now
    clock.pass_(seconds=30)  # it was killed, and started again
    done = Drained()
    async with source(**CALLED) as second:
        pages = await poll(second, done)
    assert [(gap.start, gap.end) for page in pages for gap in page.gaps] == [(started - ATTEMPT, clock.now)]


async def test_a_restart_within_the_three_attempts_of_wechat_misses_nothing(source: Source, clock: Hands) -> None:
    done = Drained()
    async with source(**CALLED) as before:
        await poll(before, done)
    clock.pass_(seconds=5)
    async with source(**CALLED) as after:
        pages = await poll(after, done)
    assert [gap for page in pages for gap in page.gaps] == []


async def test_short_outages_one_after_the_other_may_meet_all_three_attempts(source: Source, clock: Hands) -> None:
    done = Drained()
    async with source(**CALLED) as first:
        await poll(first, done)
    stopped = clock.now
    clock.pass_(seconds=5)
    async with source(**CALLED) as second:
        short = await poll(second, done)
    clock.pass_(seconds=5)
    async with source(**CALLED) as third:
        pages = await poll(third, done)
    gaps = [(gap.start, gap.end) for page in [*short, *pages] for gap in page.gaps]
    assert gaps == [(stopped - ATTEMPT, clock.now)]


async def test_a_poll_that_finds_nothing_to_do_commits_nothing(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=2))
    connector, done = source(), Drained()
    async with connector:
        first = await poll(connector, done)
        clock.pass_(seconds=30)
        second = await poll(connector, done)
    assert (len(first), second) == (1, [])


async def test_a_source_without_callbacks_misses_nothing_by_a_restart(source: Source, clock: Hands) -> None:
    done = Drained()
    async with source() as before:
        await poll(before, done)
    clock.pass_(hours=3)
    async with source() as after:
        pages = await poll(after, done)
    assert [gap for page in pages for gap in page.gaps] == []


# What nobody may be told


@hypothesis(max_examples=60, deadline=None)
@given(
    query=st.dictionaries(st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "echostr"]), st.text()),
    body=st.binary() | st.text().map(str.encode) | st.just(b'{"a":' * 900 + b"1" + b"}" * 900),
    method=st.sampled_from(["GET", "POST"]),
)
def test_a_stranger_is_refused_whatever_he_sends(query: dict[str, str], body: bytes, method: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTERN_WX_TOKEN", "a token")
        patch.setenv("LANTERN_WX_KEY", "k" * 43)
        config = configured(WeChatSimulator(), "http://127.0.0.1:9", **CALLED)
        connector = WeChat("wechat", config, since=SINCE)
        with pytest.raises(PushRefusedError):
            connector.receive(Push(method, {}, query, body))


@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "timeout", 40001, 45011, 99999])
async def test_no_access_token_stands_in_a_log_an_error_or_the_cursor(
    wechat: WeChatSimulator, source: Source, clock: Hands, caplog: pytest.LogCaptureFixture, fault: Fault | int
) -> None:
    caplog.set_level(logging.DEBUG)
    wechat.publishes("文章")
    connector, done = source(timeout=0.5 if fault == "timeout" else 10), Drained()
    async with connector:
        await poll(connector, done)
        token = wechat.tokens.stable()["access_token"]
        wechat.fails_next(fault, fault, path="comment/list")
        clock.pass_(minutes=5)
        with pytest.raises(ConnectorError) as told:
            await poll(connector, done)
    everything = "".join(traceback.format_exception(told.value)) + repr(told.value.args) + json.dumps(done.cursor)
    assert token not in everything + caplog.text


# What it says of itself


async def findings(connector: WeChat) -> dict[str, str]:
    async with connector:
        found: list[Finding] = list(await connector.check())
    return {finding.text: finding.level for finding in found}


async def test_the_check_says_what_may_be_read_and_what_is_left(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章", at=clock.now - timedelta(hours=1))
    wechat.comments("ann", "x", at=clock.now - timedelta(minutes=5))
    assert await findings(source(agent_chats="answers", **CALLED)) == {
        f"logged in as {wechat.appid}; the access token is good for 119 minutes and renews itself": "ok",
        "calls for comments left today: 5000 of 5000": "ok",
        "comments can be read: 1 under the newest of 1 articles, the newest of 2026-03-14T07:55:00+00:00": "ok",
        "agents' chats can be read: 0 rows in the last hour": "ok",
        "callbacks are expected encrypted": "ok",
    }


async def test_the_check_says_what_is_missing_and_where_to_ask_for_it(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden |= {
        "/cgi-bin/comment/list": 88000,
        "/customservice/msgrecord/getmsglist": 65400,
        "/cgi-bin/openapi/quota/get": 48001,
    }
    wechat.publishes("文章")
    found = await findings(source(agent_chats="answers"))
    assert [(level, text.partition(":")[0]) for text, level in found.items()][1:] == [
        ("failed", "comments cannot be read"),
        ("failed", "agents' chats cannot be read"),
        ("warning", "no callback_token"),
    ]


async def test_the_check_warns_of_the_plain_mode_and_of_a_key_that_is_none(
    wechat: WeChatSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = await findings(source(comments=False, **PLAIN))
    monkeypatch.setenv("LANTERN_WX_KEY", "too short")
    broken = await findings(source(comments=False, **CALLED))
    monkeypatch.delenv("LANTERN_WX_TOKEN")
    missing = await findings(source(comments=False, **CALLED))
    assert "use safe mode" in list(plain)[-1]
    assert list(broken)[-1] == "{env: LANTERN_WX_KEY} cannot be used: an EncodingAESKey has 43 letters and digits"
    assert "LANTERN_WX_TOKEN is not set" in list(missing)[-1]
    assert [list(found.values())[-1] for found in (plain, broken, missing)] == ["warning", "failed", "failed"]


@pytest.mark.parametrize("wrong", ["abc", "2247483789_0", "2247483789_x"])
def test_an_article_is_named_by_its_number_and_position(wechat: WeChatSimulator, wrong: str) -> None:
    with pytest.raises(ValidationError, match="articles are written as"):
        configured(wechat, "http://127.0.0.1:9", articles=[wrong])


def test_an_article_may_be_named_by_its_number_alone(wechat: WeChatSimulator) -> None:
    named = configured(wechat, "http://127.0.0.1:9", articles=[2247483789, "2247483790", "2247483790_2"])
    assert named.places() == {(2247483789, 0), (2247483790, 0), (2247483790, 1)}


def test_a_key_without_a_token_cannot_be_configured(wechat: WeChatSimulator) -> None:
    with pytest.raises(ValidationError, match="need callback_token too"):
        configured(wechat, "http://127.0.0.1:9", encoding_aes_key={"env": "LANTERN_WX_KEY"})
