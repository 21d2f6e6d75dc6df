"""What goes wrong between each platform of the demo's day and us, at every step: nothing is lost, nothing is there
twice, no other source notices, and until it is over a person can see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import reduce
from itertools import product
from pathlib import Path

import httpx
import pytest

from aggregator.demo.scene import Scene
from aggregator.demo.scenes import SCENES
from aggregator.demo.scenes.chat import ChatScene
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.mail import MailScene
from aggregator.demo.scenes.qq import QQScene
from aggregator.demo.scenes.qq_bot import QQBotScene
from aggregator.demo.scenes.reviews import ReviewsScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.scenes.wechat import WeChatScene
from aggregator.demo.scenes.wechat_kf import WeChatKfScene
from aggregator.demo.scenes.weibo import WeiboScene
from aggregator.demo.wechat import callbacks
from aggregator.listener import serve
from aggregator.service import receiver
from aggregator.store.database import StoreError
from aggregator.web.hooks import create_hooks
from aggregator.workplace import Workplace
from connectors.imap import connection
from connectors.telegram import bot_api
from tests.channels import Pair, paired
from tests.conftest import poll
from tests.wire import OF_CALLS, Wire

ASKED = [scene for scene in SCENES if scene is not ChatScene]  # the app calls us, and is asked nothing
LIES = ("schema", "emptied", "charset")  # what a platform may say: that there is nothing, or nothing new
PATIENCE = 0.4  # seconds, with an answer that does not come
CALLS_END = 2.0  # seconds; the platform's patience with us
LOST = "SELECT DISTINCT source, reason FROM coverage WHERE state = 'lost' ORDER BY ALL"
MOST_STEPS = 6  # of a poll: a mailbox has more, which are these once more in other folders

# What lasts until a person does something: on which platform, what is otherwise, and how.
LASTING: tuple[tuple[type[Scene], str, object], ...] = (
    (ForumScene, "simulator.api_key", "another"),
    (TelegramScene, "simulator.token_is_good", False),
    (WeiboScene, "simulator.token_is_good", False),
    (WeiboScene, "simulator.api.lists_nothing", True),
    (WeChatScene, "simulator.secret", "another"),
    (WeChatScene, "simulator.lists_nothing", True),
    (WeChatKfScene, "simulator.secret", "another"),
    (QQScene, "simulator.token_is_good", False),
    (QQScene, "simulator.online", False),
    (QQScene, "simulator.lists_nothing", True),
    (QQBotScene, "simulator.api.secret_is_good", False),
    (MailScene, "simulator.credential_is_good", False),
    (ReviewsScene, "simulator.keeps", 0),
)


def named(kind: type[Scene]) -> str:
    return kind.channel


@contextmanager
def impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot_api, "ANSWER_WITHIN", PATIENCE)
        patch.setattr(connection, "ANSWER_WITHIN", PATIENCE)
        yield


async def suffers(pair: Pair, work: Workplace, fault: str, step: int) -> bool:
    """One poll meets the fault at that step, and the next ones find everything. False: it has fewer steps."""
    pair.people_talk()
    pair.trouble.strikes(fault, step)
    with impatient() if fault == "timeout" else nullcontext():
        if fault == "timeout" or step == 1:
            await pair.take_up_anew(work, **({"timeout": PATIENCE} if fault == "timeout" else {}))
        await poll(work, pair.scene.source)
    struck = pair.trouble.has_struck
    pair.trouble.calms()
    assert not pair.missing(work) or pair.is_shown(work) or fault in LIES, pair.source(work)
    if step == 1:
        await pair.the_other_is_well(work)
    if fault == "timeout":
        await pair.take_up_anew(work, timeout=5)
    await pair.recovers(work)
    return struck


async def suffers_everything(pair: Pair, work: Workplace) -> Counter[str]:
    """Each fault at each step of a poll: how many steps it struck."""
    steps = Counter[str]()
    for fault in pair.trouble.faults:
        while steps[fault] < MOST_STEPS and await suffers(pair, work, fault, steps[fault] + 1):
            steps[fault] += 1
    return steps


@pytest.mark.parametrize("kind", ASKED, ids=named)
async def test_whatever_goes_wrong_at_any_step_of_a_poll_loses_and_doubles_nothing(
    kind: type[Scene], tmp_path: Path
) -> None:
    async with paired(kind, tmp_path) as pair, pair.desk() as work:
        pair.people_talk(3)
        await poll(work)
        lost = work.db.query(LOST)
        steps = await suffers_everything(pair, work)
        await poll(work)
        pair.assert_all_is_there(work)
        assert work.db.query(LOST) == lost
    assert min(steps[fault] for fault in pair.trouble.faults) > 0


@pytest.mark.parametrize(
    ("kind", "what", "otherwise"), LASTING, ids=lambda each: named(each) if isinstance(each, type) else str(each)
)
async def test_what_lasts_is_shown_within_two_polls_and_closed_when_it_is_over(
    kind: type[Scene], what: str, otherwise: object, tmp_path: Path
) -> None:
    async with paired(kind, tmp_path) as pair, pair.desk() as work:
        pair.people_talk(12)  # of so many, nobody believes that they vanish
        await poll(work)
        *path, last = what.split(".")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reduce(getattr, path, pair.scene), last, otherwise)
            await pair.take_up_anew(work)
            for _ in range(2):
                pair.people_talk()
                await poll(work, pair.scene.source)
            assert pair.is_shown(work)
            await pair.the_other_is_well(work)
        pair.people_talk()
        await poll(work)
        await pair.recovers(work)
        pair.assert_all_is_there(work)


@pytest.mark.parametrize("kind", ASKED, ids=named)
async def test_a_page_that_the_database_refuses_is_there_once_after_the_next_start(
    kind: type[Scene], tmp_path: Path
) -> None:
    async with paired(kind, tmp_path) as pair:
        async with pair.desk() as work:
            pair.people_talk(3)
            await poll(work)
            pair.people_talk()
            with work.db.reading() as other:
                other.execute("BEGIN")
                other.execute("ALTER TABLE post ADD COLUMN another VARCHAR")
                with pytest.raises(StoreError, match="onflict"):
                    await poll(work, pair.scene.source)
                other.execute("ROLLBACK")
            assert pair.missing(work)
        async with pair.desk() as work:
            await poll(work)
            await pair.recovers(work)
            pair.assert_all_is_there(work)


@pytest.mark.parametrize("kind", ASKED, ids=named)
async def test_a_clock_of_ours_that_jumps_and_comes_back_loses_and_doubles_nothing(
    kind: type[Scene], tmp_path: Path
) -> None:
    wrong = timedelta()

    def ours() -> datetime:
        return pair.clock() + wrong

    async with paired(kind, tmp_path) as pair, pair.desk(ours) as work:
        for jump in (0, 48, 0, -5, 0):
            wrong = timedelta(hours=jump)
            for _ in range(2):
                pair.people_talk()
                await poll(work)
        await pair.recovers(work)
        assert pair.held(work) == pair.said()


# -- where the platform calls us ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [WeChatScene, QQScene, ChatScene], ids=named)
async def test_whatever_goes_wrong_with_a_call_loses_and_doubles_nothing(
    kind: type[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "PATIENCE", CALLS_END)
    async with (
        paired(kind, tmp_path) as pair,
        pair.desk() as work,
        serve(door := Wire(create_hooks(receiver(work)))) as hooks_url,
        httpx.AsyncClient(timeout=CALLS_END) as platform,
    ):
        pair.is_called_at(hooks_url)
        for fault, step in (("timeout", 1), *product(OF_CALLS, (1, 2))):
            pair.people_talk(2)
            door.strikes(fault, step)
            await pair.scene.delivers(platform)
            assert door.has_struck
            door.calms()
            await pair.scene.delivers(platform)
        await poll(work)
        await pair.recovers(work)
        pair.assert_all_is_there(work)
