"""The desks that the chat connector reads, as the contract suites play them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.responses import JSONResponse

from aggregator.config import Settings
from aggregator.demo.chat import AppBackend
from aggregator.demo.chat.chatwoot import ChatwootSimulator
from aggregator.demo.chat.faults import Fault
from aggregator.demo.chat.intercom import IntercomSimulator
from aggregator.listener import serve
from aggregator.service import running
from connectors.chat import Chat
from connectors.chat.signature import signed_at
from connectors.contract import Deleted, Page, Post, Push
from connectors.errors import AuthError, PushRefusedError, TransientError
from connectors.secret import Secret
from tests.contract_suite import Drained, Patience, PullContract, PushContract, drain, items, posts, texts

TOKEN = "tok-5c4d3e2f1a0b9c8d"
HOOK_SECRET = "hook-secret-of-nobody"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class Hands:
    """The clock of a simulated desk: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def chat(service: str, **settings: Any) -> Chat:
    config = Chat.Config.model_validate(
        {"connector": "chat", "service": service, "secret": Secret(env="CHAT_SECRET"), **settings}
    )
    return Chat("support-chat", config, since=SINCE)


def push(headers: dict[str, str], body: bytes, **query: str) -> Push:
    return Push("POST", {name.lower(): value for name, value in headers.items()}, query, body)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET", HOOK_SECRET)
    monkeypatch.setenv("CHAT_TOKEN", TOKEN)


class DeskStage:
    """What both desks with a REST interface share."""

    secret = TOKEN
    credential = "CHAT_TOKEN"
    desk: ChatwootSimulator | IntercomSimulator

    url: str

    def __init__(self) -> None:
        self.patience = Patience()

    def reached(self, account: str) -> dict[str, Any]:
        """The settings that lead there."""
        token = Secret(env="CHAT_TOKEN")
        return {"url": self.url, "account": account, "token": token, "timeout": self.patience.taken()}

    def fails_next(self, fault: str) -> None:
        self.patience.expects(fault)
        self.desk.fail_next(cast("Fault", fault))

    def asks_to_wait(self, seconds: int) -> None:
        self.desk.fail_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.desk.token = "another"

    def tick(self) -> None:
        cast("Hands", self.desk.clock).pass_(seconds=1)


class ChatwootStage(DeskStage):
    many = 130

    def __init__(self, desk: ChatwootSimulator, url: str) -> None:
        super().__init__()
        self.desk: ChatwootSimulator = desk
        self.url = url

    def connector(self, **settings: Any) -> Chat:
        how = {
            "url": self.url,
            "account": "1",
            "token": Secret(env="CHAT_TOKEN"),
            "timeout": self.patience.taken(),
            **settings,
        }
        return chat("chatwoot", **how)

    def says(self, *said: str) -> None:
        for number, text in enumerate(said):
            self.tick()
            self.desk.says(f"visitor-{number % 3}", text)

    def says_something_unreadable(self) -> None:
        self.desk.breaks(self.desk.says("visitor-0", "odd"))

    def push(self, text: str) -> Push:
        return push(*self.desk.called(self.desk.payload("message_created", self.desk.says("visitor-0", text))))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"visitor", b"villain"))


class IntercomStage(DeskStage):
    many = 130

    def __init__(self, desk: IntercomSimulator, url: str) -> None:
        super().__init__()
        self.desk: IntercomSimulator = desk
        self.url = url
        self._conversation = ""

    def connector(self, **settings: Any) -> Chat:
        how = {
            "url": self.url,
            "account": "abc123",
            "token": Secret(env="CHAT_TOKEN"),
            "timeout": self.patience.taken(),
            **settings,
        }
        return chat("intercom", **how)

    def says(self, *said: str) -> None:
        for text in said:
            self.tick()
            self.desk.says("mei", text, conversation=self._conversation)
            self._conversation = next(iter(self.desk.conversations))

    def says_something_unreadable(self) -> None:
        self.desk.breaks(self.desk.says("mei", "odd", conversation=self._conversation))

    def push(self, text: str) -> Push:
        return push(*self.desk.called(self.desk.notification(self.desk.says("mei", text))))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"mei", b"moi"))


class IntakeStage:
    def __init__(self) -> None:
        self.app = AppBackend(secret=HOOK_SECRET)

    def connector(self) -> Chat:
        return chat("intake")

    def push(self, text: str) -> Push:
        self.app.says("mei", text)
        return push(*self.app.signed(self.app.pending.pop()))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"mei", b"moi"))


@pytest.fixture
async def chatwoot() -> AsyncIterator[ChatwootStage]:
    desk = ChatwootSimulator(clock=Hands(), token=TOKEN)
    desk.hook_secret = HOOK_SECRET
    async with serve(desk) as url:
        yield ChatwootStage(desk, url)


@pytest.fixture
async def intercom() -> AsyncIterator[IntercomStage]:
    desk = IntercomSimulator(clock=Hands(), token=TOKEN)
    desk.client_secret = HOOK_SECRET
    async with serve(desk) as url:
        yield IntercomStage(desk, url)


class TestChatwootContract(PullContract):
    @pytest.fixture
    def stage(self, chatwoot: ChatwootStage) -> ChatwootStage:
        return chatwoot


class TestChatwootPushContract(PushContract):
    @pytest.fixture
    def push_stage(self, chatwoot: ChatwootStage) -> ChatwootStage:
        return chatwoot


class TestIntercomContract(PullContract):
    @pytest.fixture
    def stage(self, intercom: IntercomStage) -> IntercomStage:
        return intercom


class TestIntercomPushContract(PushContract):
    @pytest.fixture
    def push_stage(self, intercom: IntercomStage) -> IntercomStage:
        return intercom


class TestIntakePushContract(PushContract):
    @pytest.fixture
    def push_stage(self) -> IntakeStage:
        return IntakeStage()


async def committed(connector: Chat, cursor: Any = None) -> list[Page]:
    """Every page of one poll."""
    async with connector, aclosing(connector.pages(cursor)) as pages:
        return [page async for page in pages]


async def found(connector: Chat) -> list[tuple[str, str]]:
    async with connector:
        return [(finding.level, finding.text) for finding in await connector.check()]


# -- Chatwoot: who calls -------------------------------------------------------------------------


def test_chatwoots_test_vector_is_genuine(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"event":"message_created","id":101,"content":"refund please","message_type":"incoming"}'
    given = "sha256=368ffa48d9092c2e527cabaa0aff507395618d1f0a36d7f9828f3145aa2be0ec"
    monkeypatch.setenv("CHAT_SECRET", "chatwoot-secret")
    headers = {"x-chatwoot-timestamp": "1771000000", "x-chatwoot-signature": given}
    signed_at(Push("POST", headers, {}, body), [Secret(env="CHAT_SECRET")], prefix="x-chatwoot", now=1771000000)


async def test_an_unsigned_call_is_refused_where_there_is_a_secret(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.signs = False
    with pytest.raises(PushRefusedError):
        chatwoot.connector().receive(chatwoot.push("hello"))


async def test_a_server_that_signs_nothing_is_known_by_the_token_in_the_address(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.signs = False
    connector = chatwoot.connector(secret=None, url_token=Secret(env="CHAT_SECRET"))
    called = chatwoot.push("hello")
    genuine = Push("POST", called.headers, {"token": HOOK_SECRET}, called.body)
    assert texts(connector, connector.receive(genuine).records) == ["hello"]
    for query in ({}, {"token": ""}, {"token": "guessed"}):
        with pytest.raises(PushRefusedError):
            connector.receive(Push("POST", called.headers, query, called.body))


async def test_without_any_secret_no_call_is_taken(chatwoot: ChatwootStage) -> None:
    with pytest.raises(PushRefusedError, match="neither secret nor url_token"):
        chatwoot.connector(secret=None).receive(chatwoot.push("hello"))


@pytest.mark.parametrize(
    "change",
    [
        {"event": "conversation_status_changed"},
        {"event": "webwidget_triggered"},
        {"account": {"id": 2}},
        {"inbox": {"id": 4}},
    ],
)
async def test_calls_about_other_things_bring_nothing(chatwoot: ChatwootStage, change: dict[str, Any]) -> None:
    payload = chatwoot.desk.payload("message_created", chatwoot.desk.says("lin", "hello")) | change
    connector = chatwoot.connector(inboxes=frozenset({3}))
    assert connector.receive(push(*chatwoot.desk.called(payload))).records == ()


async def test_a_genuine_call_that_is_no_json_is_refused(chatwoot: ChatwootStage) -> None:
    headers, _ = chatwoot.desk.called({})
    stamp = headers["X-Chatwoot-Timestamp"]
    digest = hmac.new(HOOK_SECRET.encode(), f"{stamp}.{{".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(PushRefusedError) as refused:
        chatwoot.connector().receive(push(headers | {"X-Chatwoot-Signature": f"sha256={digest}"}, b"{"))
    assert refused.value.status == 400


# -- Chatwoot: what REST brings ------------------------------------------------------------------


async def test_the_webhook_and_rest_give_the_same_posts(chatwoot: ChatwootStage) -> None:
    asked = chatwoot.desk.says("lin", "hello", reply_to=99)
    connector = chatwoot.connector()
    [called] = items(
        connector,
        connector.receive(push(*chatwoot.desk.called(chatwoot.desk.payload("message_created", asked)))).records,
    )
    [polled] = items(connector, (await drain(connector)).records)
    assert called == polled


async def test_resolved_conversations_are_read_too_and_only_by_what_the_interface_describes(
    chatwoot: ChatwootStage,
) -> None:
    chatwoot.desk.says("lin", "hello")
    chatwoot.desk.resolves(12)
    connector = chatwoot.connector()
    assert texts(connector, (await drain(connector)).records) == ["hello"]
    listing = next(each for each in chatwoot.desk.requests if each.url.path.endswith("/conversations"))
    # https://github.com/chatwoot/chatwoot/blob/develop/swagger/paths/application/conversation/index.yml; sort_by
    # is what its servers sort by anyway.
    assert dict(listing.query_params) == {
        "status": "all",
        "assignee_type": "all",
        "sort_by": "last_activity_at_desc",
        "page": "1",
    }


async def test_a_new_message_in_an_old_conversation_costs_two_requests(chatwoot: ChatwootStage) -> None:
    for number in range(5):
        chatwoot.tick()
        chatwoot.desk.says(f"visitor-{number}", "hello")
    first = await drain(chatwoot.connector())
    chatwoot.tick()
    chatwoot.desk.says("visitor-2", "still there?")
    chatwoot.desk.requests.clear()
    connector = chatwoot.connector()
    second = await drain(connector, Drained(first.cursor))
    assert texts(connector, second.records) == ["still there?"]
    assert len(chatwoot.desk.requests) == 2
    chatwoot.desk.requests.clear()
    assert (await drain(chatwoot.connector(), second)).records == second.records
    assert len(chatwoot.desk.requests) == 1


async def test_more_conversations_than_a_page_lists_are_all_read(chatwoot: ChatwootStage) -> None:
    for number in range(60):
        chatwoot.tick()
        chatwoot.desk.says(f"visitor-{number}", f"question {number}")
    connector = chatwoot.connector()
    assert len(texts(connector, (await drain(connector)).records)) == 60


async def test_more_news_in_one_conversation_than_an_answer_holds_are_all_read(chatwoot: ChatwootStage) -> None:
    chatwoot.says("one")
    first = await drain(chatwoot.connector())
    for number in range(250):
        chatwoot.tick()
        chatwoot.desk.says("visitor-0", f"line {number}")
    connector = chatwoot.connector()
    assert len(texts(connector, (await drain(connector, first)).records)) == 251


async def test_a_long_history_is_read_back_to_the_backfill_point_only(chatwoot: ChatwootStage) -> None:
    for number in range(100):
        chatwoot.desk.says("lin", f"{number}", at=SINCE - timedelta(minutes=50 - number))
    connector = chatwoot.connector()
    done = await drain(connector)
    assert texts(connector, done.records) == [f"{number}" for number in range(50, 100)]
    assert len(chatwoot.desk.requests) == 5  # the list until it is empty, and 20 messages thrice


async def test_a_crash_between_two_conversations_forgets_neither(chatwoot: ChatwootStage) -> None:
    said = [f"question {number}" for number in range(6)]
    for number, text in enumerate(said):
        chatwoot.tick()
        chatwoot.desk.says(f"visitor-{number}", text)
    for page in range(1, 6):
        first = await drain(chatwoot.connector(), pages=page)
        chatwoot.desk.says("visitor-0", f"more after {page}", at=NOW + timedelta(minutes=page))
        said.append(f"more after {page}")
        second = await drain(chatwoot.connector(), first)
        assert set(texts(chatwoot.connector(), second.records)) == set(said)


async def test_a_conversation_that_does_not_tell_its_time_does_not_hide_the_others(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.says("lin", "one")
    chatwoot.desk.untold = set(chatwoot.desk.conversations)
    first = await drain(chatwoot.connector())
    chatwoot.tick()
    chatwoot.desk.says("mei", "two")
    connector = chatwoot.connector()
    second = await drain(connector, first)
    assert set(texts(connector, second.records)) == {"one", "two"}


async def test_only_the_wished_inboxes_are_read(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.says("lin", "on the website", inbox=3)
    chatwoot.desk.says("lin", "by the bridge", inbox=4)
    connector = chatwoot.connector(inboxes=frozenset({4}))
    assert texts(connector, (await drain(connector)).records) == ["by the bridge"]


async def test_what_is_no_list_of_conversations_backs_off(chatwoot: ChatwootStage) -> None:
    async with serve(JSONResponse({"data": {"payload": [{"name": "no id"}]}})) as url:
        with pytest.raises(TransientError, match="no list of what was asked for"):
            await drain(chatwoot.connector(url=url))


async def test_notes_bots_and_what_the_desk_writes_itself_are_no_inquiries(chatwoot: ChatwootStage) -> None:
    asked = chatwoot.desk.says("lin", "hello")
    chatwoot.desk.bot_says("Have you tried our help pages?", to=asked)
    chatwoot.desk.replies("mo", "old bug, I think", to=asked, private=True)
    chatwoot.desk.replies("mo", "We are looking", to=asked)
    chatwoot.desk.resolves(12)
    connector = chatwoot.connector()
    found = posts(connector, (await drain(connector)).records).values()
    assert [(post.text, post.author.role if post.author else "") for post in found] == [
        ("hello", "customer"),
        ("Have you tried our help pages?", "bot"),
        ("We are looking", "staff"),
    ]


# -- Chatwoot: check -----------------------------------------------------------------------------


async def test_check_says_as_whom_chatwoot_is_read_and_what(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.says("lin", "hello")
    assert await found(chatwoot.connector()) == [
        ("ok", "signed calls are taken at /hooks/support-chat"),
        ("ok", "acting for Reader (administrator): sees every inbox"),
        ("ok", "inboxes: 3 Website, 4 Telegram bridge"),
        ("ok", "the newest message is of 2026-03-14 08:00 UTC"),
    ]


async def test_check_says_what_is_missing_for_chatwoot(
    chatwoot: ChatwootStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    chatwoot.desk.role = "agent"
    monkeypatch.delenv("CHAT_SECRET")
    told = await found(chatwoot.connector(inboxes=frozenset({3, 8})))
    assert ("failed", "calls cannot be checked: the environment variable CHAT_SECRET is not set") in told
    assert ("warning", "acting for Reader (agent): sees only the inboxes that this colleague was added to") in told
    assert ("failed", "inbox 8 cannot be read: add this colleague to it, or correct its id") in told
    assert ("warning", "no conversation is listed") in told


async def test_check_names_the_other_accounts_of_the_token(chatwoot: ChatwootStage) -> None:
    assert ("failed", "account 7 is not one of Reader's: [1]") in await found(chatwoot.connector(account="7"))


async def test_check_says_that_a_proxy_may_have_dropped_the_header(chatwoot: ChatwootStage) -> None:
    chatwoot.desk.token = "another"
    with pytest.raises(AuthError, match="underscores_in_headers"):
        await found(chatwoot.connector())


async def test_check_says_what_a_desk_without_token_or_signature_loses(chatwoot: ChatwootStage) -> None:
    told = await found(chatwoot.connector(token=None, secret=None, url_token=Secret(env="CHAT_SECRET")))
    assert [level for level, _ in told] == ["warning", "warning"]
    assert "calls are not signed" in told[0][1]
    assert "no token" in told[1][1]


async def test_check_of_the_intake_names_its_door() -> None:
    assert await found(chat("intake")) == [("ok", "signed calls are taken at /intake/chat/support-chat")]


# -- Intercom ------------------------------------------------------------------------------------


def test_intercoms_test_vector_is_genuine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET", "intercom-client-secret")
    body = b'{"type":"notification_event","topic":"conversation.user.created"}'
    given = {"x-hub-signature": "sha1=2a5169d6640c1e953bb0102d004186efb644750f"}
    assert chat("intercom").receive(Push("POST", given, {}, body)).records == ()


def test_intercom_first_asks_whether_anybody_is_there() -> None:
    received = chat("intercom").receive(Push("HEAD", {}, {}, b""))
    assert (received.status, received.records) == (200, ())


async def test_the_notification_and_rest_give_the_same_posts(intercom: IntercomStage) -> None:
    asked = intercom.desk.says("mei", "hello\nagain & <again>")
    place = next(iter(intercom.desk.conversations))
    intercom.tick()
    more = intercom.desk.says("mei", "still there?", conversation=place)
    connector = intercom.connector()
    told = [
        item
        for native_id in (asked, more)
        for item in items(
            connector, connector.receive(push(*intercom.desk.called(intercom.desk.notification(native_id)))).records
        )
    ]
    polled = items(connector, (await drain(connector)).records)
    assert {item for item in told if isinstance(item, Post)} == {item for item in polled if isinstance(item, Post)}
    assert [post.text for post in polled if isinstance(post, Post)] == ["hello\nagain & <again>", "still there?"]


async def test_more_conversations_than_a_search_shows_are_all_read(intercom: IntercomStage) -> None:
    intercom.desk.per_page = 2
    for number in range(7):
        intercom.tick()
        intercom.desk.says(f"visitor-{number}", f"question {number}")
    connector = intercom.connector()
    assert len(texts(connector, (await drain(connector)).records)) == 7


async def test_what_was_said_before_the_mark_in_a_conversation_that_was_not_read_yet_is_not_forgotten(
    intercom: IntercomStage,
) -> None:
    early = intercom.desk.says("mei", "early")
    place = intercom.desk.truth()[early].thread
    intercom.tick()
    intercom.desk.says("lin", "in between")
    cast("Hands", intercom.desk.clock).pass_(minutes=30)
    intercom.desk.says("lin", "another", conversation=list(intercom.desk.conversations)[1])
    intercom.tick()
    intercom.desk.says("mei", "late", conversation=place)
    first = await drain(intercom.connector(), pages=1)
    assert texts(intercom.connector(), first.records) == ["in between", "another"]
    second = await drain(intercom.connector(), first)
    assert texts(intercom.connector(), second.records) == ["early", "in between", "another", "late"]


async def test_a_conversation_that_has_not_changed_is_read_again_once(intercom: IntercomStage) -> None:
    intercom.says("one", "two")
    first = await drain(intercom.connector())
    second = await drain(intercom.connector(), Drained(first.cursor))
    intercom.desk.requests.clear()
    third = await drain(intercom.connector(), Drained(second.cursor))
    assert (second.records, third.records, third.cursors) == ([], [], [])
    assert [path for path, _ in intercom.desk.requests] == ["/conversations/search"]


async def test_what_is_said_within_the_second_in_which_a_conversation_was_read_is_not_missed(
    intercom: IntercomStage,
) -> None:
    intercom.says("my withdrawal is stuck")
    first = await drain(intercom.connector())
    intercom.desk.says("mei", "and my funds are gone", conversation=next(iter(intercom.desk.conversations)))
    connector = intercom.connector()
    second = await drain(connector, Drained(first.cursor))
    assert "and my funds are gone" in texts(connector, second.records)


async def test_of_several_conversations_that_have_not_changed_only_the_newest_is_read_again(
    intercom: IntercomStage,
) -> None:
    for number in range(3):
        intercom.tick()
        intercom.desk.says(f"visitor-{number}", f"question {number}")
    first = await drain(intercom.connector())
    intercom.desk.requests.clear()
    await drain(intercom.connector(), Drained(first.cursor))
    newest = list(intercom.desk.conversations)[-1]
    assert [path for path, _ in intercom.desk.requests] == ["/conversations/search", f"/conversations/{newest}"]


async def test_the_search_asks_for_what_changed_after_the_mark_in_ascending_order(intercom: IntercomStage) -> None:
    await drain(intercom.connector())
    [(_, asked)] = intercom.desk.requests
    assert asked == {
        "query": {
            "operator": "AND",
            "value": [{"field": "updated_at", "operator": ">", "value": int(SINCE.timestamp()) - 60}],
        },
        "sort": {"field": "updated_at", "order": "ascending"},
        "pagination": {"per_page": 50},
    }


async def test_a_redaction_is_seen_by_polling(intercom: IntercomStage) -> None:
    intercom.says("hello", "my phone is 555")
    first = await drain(intercom.connector())
    cast("Hands", intercom.desk.clock).pass_(hours=1)
    intercom.desk.redacts(list(intercom.desk.truth())[1])
    connector = intercom.connector()
    second = await drain(connector, Drained(first.cursor))
    gone = Deleted(list(intercom.desk.truth())[1], NOW + timedelta(hours=1, seconds=2))
    assert items(connector, second.records)[-1] == gone


async def test_a_conversation_that_is_shown_in_part_is_warned_of(intercom: IntercomStage) -> None:
    intercom.says(*(f"line {number}" for number in range(502)))
    warned = [page.warnings for page in await committed(intercom.connector()) if page.warnings]
    assert "has 501 parts, of which only 500 are shown" in warned[0][0]


async def test_check_says_as_whom_intercom_is_read(intercom: IntercomStage) -> None:
    intercom.says("hello")
    assert await found(intercom.connector(secret=None)) == [
        ("warning", "nobody may call us: new messages, edits and deletions are seen by polling, or not at all"),
        ("ok", "acting for Reader in Lantern Wallet (app id abc123)"),
        ("ok", "the newest message is of 2026-03-14 08:00 UTC"),
    ]


# -- through the service -------------------------------------------------------------------------


async def test_the_door_answers_intercoms_first_question_and_takes_what_follows(tmp_path: Path) -> None:
    desk = IntercomSimulator(clock=Hands(), token=TOKEN)
    desk.client_secret = HOOK_SECRET
    settings = Settings(sources={"desk": chat("intercom").config}, data=tmp_path)
    async with (
        running(settings, clock=desk.clock, port=0, hooks_port=0) as service,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        desk.hook_url = f"{service.hooks_url}/hooks/desk"
        assert (await client.head(desk.hook_url)).status_code == 200
        first = desk.says("mei", "my wallet is empty")
        desk.replies("mo", "We look into it", conversation=desk.truth()[first].thread)
        await desk.deliver(client)
        stored = service.work.db.query("SELECT native_id, text, staff FROM post ORDER BY posted_at, native_order")
    assert stored == [(first, "my wallet is empty", False), (list(desk.truth())[1], "We look into it", True)]


@pytest.mark.parametrize("repeats", [True, False])
async def test_what_a_webhook_misses_a_poll_brings_and_nothing_is_there_twice(
    chatwoot: ChatwootStage, tmp_path: Path, repeats: bool
) -> None:
    desk = chatwoot.desk
    desk.repeats = repeats
    config = chatwoot.connector(poll_every=timedelta(hours=1)).config
    settings = Settings(sources={"website": config}, data=tmp_path)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        async with running(settings, clock=desk.clock, port=0, hooks_port=0) as service:
            desk.hook_url = f"{service.hooks_url}/hooks/website"
            asked = desk.says("lin", "my swap is stuck")
            await desk.deliver(client)
        desk.replies("mo", "We are looking", to=asked)
        desk.says("lin", "thank you")
        desk.deletes(desk.says("fox", "wrong window"))
        await desk.deliver(client)  # nobody is there
        chatwoot.tick()
        async with running(settings, clock=desk.clock, port=0, hooks_port=0) as service:
            desk.hook_url = f"{service.hooks_url}/hooks/website"
            await service.work.poller.poll(service.work.poller.sources["website"])
            await desk.deliver(client)
            stored = service.work.db.query(
                "SELECT native_id, text, deleted_at IS NOT NULL FROM post ORDER BY native_id"
            )
    truth = [(each.native_id, each.text, each.deleted) for each in desk.truth().values()]
    assert [row for row in stored if not row[2]] == [row for row in truth if not row[2]]
    assert len(stored) == len({row[0] for row in stored})
