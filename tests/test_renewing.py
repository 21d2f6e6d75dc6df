"""A secret in a file is renewed while the service runs: no restart, and no post is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import connectors.secret
from aggregator.alerting.endpoints import Endpoint
from aggregator.config import Settings
from aggregator.config.alert_settings import Webhook
from aggregator.listener import serve
from aggregator.renewing import FIRST_WAIT, Renewal
from aggregator.service import Running, running
from aggregator.workplace import Workplace
from connectors.contract import Push
from connectors.errors import AuthError, PushRefusedError
from connectors.secret import GRACE, Renewals, Secret
from connectors.wechat_api.callback import Callbacks
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.message import composed
from tests.conftest import START, Community, poll, texts
from tests.test_poller import hasty, until

ROOM = "a room with a view"


@pytest.fixture
def secrets(community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the secrets of both platforms, in files."""
    monkeypatch.setattr(connectors.secret, "_renewals", Renewals(lambda: community.clock().timestamp()))
    (tmp_path / "telegram").write_text(community.telegram.token)
    (tmp_path / "forum").write_text(community.forum.api_key)
    (tmp_path / "hook").write_text(community.forum.hooks.secret)
    return tmp_path


def with_files(community: Community, secrets: Path, *names: str) -> Settings:
    held = {
        "telegram": {"token": Secret(file=secrets / "telegram")},
        "forum": {"api_key": Secret(file=secrets / "forum"), "webhook_secret": Secret(file=secrets / "hook")},
    }
    settings = hasty(community.settings(*names))
    sources = {name: config.model_copy(update=held[name]) for name, config in settings.sources.items()}
    return settings.model_copy(update={"sources": sources})


@asynccontextmanager
async def service(community: Community, secrets: Path) -> AsyncIterator[Running]:
    settings = with_files(community, secrets)
    async with running(settings, clock=community.clock, port=0, hooks_port=0) as running_:
        yield running_


async def test_a_token_that_is_renewed_at_the_platform_first_stops_its_source_until_the_file_holds_it(
    community: Community, secrets: Path
) -> None:
    async with service(community, secrets) as live:
        sources, work = live.work.poller.sources, live.work
        community.telegram.says("fox", "before")
        await until(lambda: texts(work) == ["before"])
        community.telegram.token, community.forum.api_key = "1000:a-new-one", "a-new-key"
        community.telegram.says("fox", "between")
        await until(lambda: sources["telegram"].state == sources["forum"].state == "stopped")
        asked = len(community.telegram.api.calls)
        (secrets / "telegram").write_text("1000:a-new-one")
        await until(lambda: texts(work) == ["before", "between"])
        await until(lambda: sources["telegram"].state == "ok")
        community.telegram.says("fox", "after")
        await until(lambda: len(texts(work)) == 3)
        assert sources["forum"].state == "stopped"  # its own file is as it was
    assert texts_of(community) == ["before", "between", "after"]
    assert len(community.telegram.api.calls) > asked


async def test_a_token_that_is_renewed_in_the_file_first_is_tried_again_until_the_platform_knows_it(
    community: Community, secrets: Path
) -> None:
    async with Workplace(with_files(community, secrets, "telegram"), clock=community.clock) as work:
        source = work.poller.sources["telegram"]
        await poll(work)
        (secrets / "telegram").write_text("1000:a-new-one")
        community.telegram.says("fox", "between")
        assert await work.poller.poll(source) == FIRST_WAIT
        assert (source.state, texts(work)) == ("failing", [])
        community.clock.pass_(seconds=FIRST_WAIT)
        assert await work.poller.poll(source) == 2 * FIRST_WAIT
        community.telegram.token = "1000:a-new-one"
        community.clock.pass_(seconds=2 * FIRST_WAIT)
        assert await work.poller.poll(source) == 0
        assert (source.state, texts(work)) == ("ok", ["between"])


async def test_a_webhook_by_the_former_secret_is_taken_for_ten_minutes_after_the_renewal(
    community: Community, secrets: Path
) -> None:
    hooks = community.forum.hooks
    async with service(community, secrets) as live, httpx.AsyncClient(trust_env=False) as client:
        await until(lambda: live.work.poller.sources["forum"].state == "ok")

        async def called(secret: str) -> int:
            hooks.secret = secret
            headers, body = hooks.signed("post_created", {"post": {"id": 7}})
            answer = await client.post(f"{live.hooks_url}/hooks/forum", headers=headers, content=body)
            return answer.status_code

        former = hooks.secret
        assert await called(former) == 200
        (secrets / "hook").write_text(ROOM)
        assert [await called(each) for each in (former, ROOM, "another")] == [200, 200, 403]
        community.clock.pass_(seconds=GRACE)
        assert [await called(each) for each in (former, ROOM)] == [403, 200]


def test_wechat_s_token_and_key_are_changed_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors.secret, "_renewals", Renewals(lambda: 0.0))
    token, key = Secret(file=tmp_path / "token"), Secret(file=tmp_path / "key")
    door = Callbacks(token, key, "wx1", lambda: START)

    def call(token: str, key: str) -> Push:
        sealed, stamp = Envelope(key, "wx1").sealed(b"<xml><MsgType>text</MsgType></xml>"), str(int(START.timestamp()))
        signed = signature(token, stamp, "n", sealed)
        query = {"timestamp": stamp, "nonce": "n", "msg_signature": signed}
        return Push("POST", {}, query, composed(Encrypt=sealed))

    (tmp_path / "token").write_text("one")
    (tmp_path / "key").write_text("a" * 43)
    assert door.message(call("one", "a" * 43)) == {"MsgType": "text"}
    (tmp_path / "token").write_text("two")
    (tmp_path / "key").write_text("b" * 43)
    taken = [door.message(call(*each)) for each in (("one", "a" * 43), ("two", "b" * 43), ("one", "b" * 43))]
    assert taken == [{"MsgType": "text"}] * 3
    with pytest.raises(PushRefusedError, match="cannot be decrypted"):
        door.message(call("two", "c" * 43))


async def test_our_own_webhooks_bear_both_signatures_while_the_receiver_learns_the_new_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors.secret, "_renewals", Renewals(lambda: 0.0))
    signatures: list[list[str]] = []

    async def hear(request: Request) -> Response:
        signatures.append(request.headers["webhook-signature"].split())
        return Response()

    async with serve(Starlette(routes=[Route("/", hear, methods=["POST"])])) as url:
        hook = {"url": url, "secret": Secret(file=tmp_path / "hook"), "events": ["inquiry.new"]}
        endpoint = Endpoint("x", Webhook.model_validate(hook), lambda: START)
        for secret in ("QUJD" * 8, "REVG" * 8):
            (tmp_path / "hook").write_text(f"whsec_{secret}")
            await endpoint.post("msg_1", b"{}")
        await endpoint.close()
    before, after = signatures
    assert len(before) == 1
    assert (len(after), after[1]) == (2, before[0])


def test_a_secret_proves_itself_and_the_one_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors.secret, "_renewals", Renewals(lambda: 0.0))
    secret = Secret(file=tmp_path / "it")
    (tmp_path / "it").write_text("first\n")
    assert (secret.accepted(), secret.proves("first"), secret.proves("")) == (("first",), True, False)
    (tmp_path / "it").write_text("second")
    assert secret.accepted() == ("second", "first")
    assert [secret.proves(given) for given in ("second", "first", "third", "", "\udc80")] == [True, True] + [False] * 3
    (tmp_path / "it").write_text("third")
    assert secret.accepted() == ("third", "second")


def test_a_file_that_is_just_being_written_is_no_empty_secret(tmp_path: Path) -> None:
    secret = Secret(file=tmp_path / "it")
    (tmp_path / "it").write_text("")
    with pytest.raises(AuthError, match="is empty"):
        secret.proves("")
    assert secret.missing() == f"{tmp_path}/it is empty"


def test_patience_with_a_new_secret_ends_and_an_old_one_has_none(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("first")
    renewal = Renewal([Secret(file=tmp_path / "it"), Secret(env="NOT_THERE")])
    assert (renewal.look(START), renewal.patience(START)) == (False, None)
    (tmp_path / "it").write_text("second one")
    assert (renewal.look(START), renewal.look(START)) == (True, False)
    assert [renewal.patience(START + timedelta(seconds=after)) for after in (0, 60, 180, 420)] == [60, 120, 240, 480]
    assert renewal.patience(START + timedelta(seconds=GRACE)) is None


def texts_of(community: Community) -> list[str]:
    """What is stored after the service has ended."""
    from aggregator.store.database import Database

    db = Database(community.data / "inquiries.duckdb")
    try:
        return [text for (text,) in db.query("SELECT text FROM post ORDER BY posted_at, native_order")]
    finally:
        db.close()
