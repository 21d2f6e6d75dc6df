"""Which reports are about the same thing: the pure core, on single cases and on whole labelled days."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.identity import Id, stable_id
from aggregator.incidents import waiting
from aggregator.incidents.extract import LEXICONS, categories, fields_of
from aggregator.incidents.fields import FEATURES, Fields
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.reports import Changes, Report, Said
from aggregator.incidents.sketch import alike, all_alike, sketch_of
from aggregator.incidents.spikes import ALPHA, Rates, tail
from aggregator.triage import search_text
from aggregator.triage.entities import find_entities
from aggregator.triage.lexicon import read as terms_of
from tests.incident_day import grouped, judged
from tests.sets.incidents import stream

START = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


def read(text: str, kind: str = "other") -> Fields | None:
    searchable = search_text(text)
    return fields_of(searchable, text, {"kind": kind, "entities": find_entities(text, searchable)})


def told(text: str, kind: str = "other") -> Fields:
    said = read(text, kind)
    assert said is not None
    return said


class Room:
    """One thread in which people speak, a minute apart."""

    def __init__(self) -> None:
        self.grouper = Grouper(persons=3, quiet=timedelta(hours=12))
        self.now = START
        self.incident_of: dict[str, Id] = {}
        self.began: list[int] = []  # after how many posts
        self.spoken = 0
        self.grouper.heard(START - timedelta(days=7))

    def says(self, who: str, text: str, *, to: str | None = None, thread: str = "room", minutes: float = 1) -> None:
        self.now += timedelta(minutes=minutes)
        self.spoken += 1
        fields = read(text)
        if fields is None:
            return
        said = Said(
            self.of(who, thread), stable_id("post", who, str(self.spoken)), stable_id("latest", who, thread),
            stable_id(who), stable_id(thread), stable_id("latest", to, thread) if to else None, self.now, fields,
            sketch_of(search_text(text)),
        )  # fmt: skip
        self._note(self.grouper.take([said]))

    def of(self, who: str, thread: str = "room") -> Id:
        return stable_id("inquiry", who, thread)

    def _note(self, changes: Changes) -> None:
        self.began += [self.spoken] * len(changes.began)
        for incident, inquiry in changes.left:
            self.incident_of = {who: one for who, one in self.incident_of.items() if self.of(who) != inquiry}
            assert incident
        for incident, inquiry in changes.joined:
            who = next((who for who in PEOPLE if self.of(who) == inquiry), inquiry.hex())
            self.incident_of[who] = incident
        for young, old in changes.merged.items():
            self.incident_of = {who: old if one == young else one for who, one in self.incident_of.items()}

    def groups(self) -> set[frozenset[str]]:
        return {
            frozenset(who for who, one in self.incident_of.items() if one == incident)
            for incident in self.incident_of.values()
        }


PEOPLE = ("ann", "bob", "cai", "dan", "eve", "fay", "gus", "hua")


@pytest.fixture
def room() -> Room:
    return Room()


def test_three_persons_who_name_the_same_fault_within_an_hour_are_an_incident(room: Room) -> None:
    room.says("ann", "swap failed on Arbitrum")
    room.says("bob", "兑换一直失败，arb链")
    assert room.groups() == set()
    room.says("cai", "スワップがエラーになります、アービトラム")
    assert room.groups() == {frozenset({"ann", "bob", "cai"})}


def test_one_person_who_repeats_himself_is_none(room: Room) -> None:
    for _ in range(6):
        room.says("ann", "swap failed on Arbitrum")
    assert room.groups() == set()


def test_another_chain_is_another_incident(room: Room) -> None:
    for who, chain in zip(PEOPLE[:6], ("Arbitrum", "Base", "Arbitrum", "Base", "Arbitrum", "Base"), strict=True):
        room.says(who, f"my swap on {chain} failed")
    assert room.groups() == {frozenset({"ann", "cai", "eve"}), frozenset({"bob", "dan", "fay"})}


def test_another_feature_is_another_incident(room: Room) -> None:
    for who, what in zip(PEOPLE[:6], ("card declined", "login code never came") * 3, strict=True):
        room.says(who, what)
    assert room.groups() == {frozenset({"ann", "cai", "eve"}), frozenset({"bob", "dan", "fay"})}


def test_me_too_goes_with_the_post_that_it_answers(room: Room) -> None:
    room.says("ann", "swap failed on Arbitrum")
    room.says("bob", "card declined at the till", minutes=20)
    room.says("cai", "me too", to="ann")
    room.says("dan", "我也是", to="ann", minutes=20)
    assert room.groups() == {frozenset({"ann", "cai", "dan"})}


def test_me_too_without_an_answered_post_goes_with_the_only_incident_in_its_thread(room: Room) -> None:
    for who in PEOPLE[:3]:
        room.says(who, "swap failed on Arbitrum")
    room.says("dan", "same here")
    room.says("eve", "same here", thread="elsewhere")
    assert room.groups() == {frozenset({"ann", "bob", "cai", "dan"})}


def test_me_too_between_two_incidents_goes_with_neither(room: Room) -> None:
    for who in PEOPLE[:3]:
        room.says(who, "swap failed on Arbitrum", minutes=0.2)
    for who in PEOPLE[3:6]:
        room.says(who, "card declined", minutes=0.2)
    room.says("gus", "same here", minutes=0.2)
    assert "gus" not in room.incident_of


def test_who_names_another_chain_later_leaves(room: Room) -> None:
    for who in PEOPLE[:4]:
        room.says(who, "swap failed" if who == "dan" else "swap failed on Arbitrum")
    assert room.groups() == {frozenset(PEOPLE[:4])}
    room.says("dan", "it is on Solana, swap still failing")
    assert room.groups() == {frozenset(PEOPLE[:3])}


def test_whoever_fits_several_makes_one_more_that_says_no_more_and_never_a_second_such(room: Room) -> None:
    for number in range(9):
        room.says(f"with a chain {number}", f"swap failed on {('Arbitrum', 'Solana', 'Polygon')[number % 3]}")
    assert len(room.began) == 3
    words = (  # differing, so that none is nearer to one incident by its wording
        "swap failed", "兑换一直失败", "スワップがエラーになります", "cannot swap anything, error", "闪兑报错",
        "swapping is broken", "the conversion gives an error", "换币失败了", "el swap falla", "обмен не работает",
        "hoán đổi bị lỗi", "스왑 오류",
    )  # fmt: skip
    assert {told(text).feature for text in words} == {"swap"}
    for number, text in enumerate(words):
        room.says(f"without one {number}", text, thread=f"thread {number}")
    assert len(room.began) == 4
    assert len(room.incident_of) == 9 + len(words)


def test_what_nobody_can_name_is_one_in_whatever_number_it_is_told_alike(room: Room) -> None:
    assert told("the purple screen is broken again and nothing works").feature is None
    for number in range(9):
        room.says(f"somebody {number}", f"the purple screen is broken again and nothing works {number}")
    room.says("else", "error after error, whatever I touch in here does not respond at all", minutes=2)
    assert len(room.began) == 1
    assert len(room.incident_of) == 9


def test_what_has_been_quiet_for_long_is_not_joined_any_more(room: Room) -> None:
    for who in PEOPLE[:3]:
        room.says(who, "swap failed on Arbitrum")
    room.says("dan", "swap failed on Arbitrum", minutes=13 * 60)
    assert "dan" not in room.incident_of


def test_what_is_usual_is_no_incident() -> None:
    rates, key = Rates(), ("withdraw", None, None)
    rates.heard(START)
    for hour in range(7 * 24):  # one an hour, for a week
        rates.add([key], START + timedelta(hours=hour))
    now, hour = START + timedelta(days=7), timedelta(hours=1)
    assert rates.surprise(key, 3, now, hour) > ALPHA > rates.surprise(key, 7, now, hour)
    assert rates.surprise(("swap", None, None), 3, now, hour) < ALPHA


def test_of_what_thousands_report_the_newest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST", 3)
    some, fields = waiting.Waiting(3), told("my swap on arbitrum failed")
    for number in range(5):
        one = bytes([number]) * 16
        some.add(Report(one, one, b"thread", START + timedelta(minutes=number), fields, sketch_of("")))
    assert [report.inquiry_id[0] for report in some.since(START)] == [2, 3, 4]


def test_how_to_and_thanks_and_what_works_again_report_nothing() -> None:
    for text in ("how do I swap on Arbitrum?", "怎么操作兑换", "swap works again, thanks", "已经好了，能兑换了"):
        assert read(text) is None, text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("swap fails on BSC, SWAP-1234, v2.1.3", {"feature": "swap", "chain": ["bsc"], "version": ["2.1.3"]}),
        ("安卓一打开就闪退", {"feature": "app_start", "os": ["android"]}),
        ("crypto-gift.example/claim asks for my 12 words", {"feature": "phishing", "domain": ["crypto-gift.example"]}),
        ("user @team_helper_01 poses as support", {"feature": "impostor", "handle": ["team_helper_01"]}),
        ("code 51 when I pay with my card, declined", {"feature": "card", "error": ["51"]}),
        ("Вывод USDT завис в сети TRON", {"feature": "withdraw", "chain": ["tron"], "token": ["usdt"]}),
        ("không rút được USDC", {"feature": "withdraw", "token": ["usdc"]}),
    ],
)
def test_fields_are_read_in_many_languages(text: str, told: dict[str, object]) -> None:
    fields = read(text)
    assert fields is not None
    said = fields.as_json()
    assert {name: said.get(name) for name in told} == told
    assert fields.fault


def test_fields_survive_their_way_through_json() -> None:
    fields = read("swap fails on BSC, SWAP-1234, v2.1.3, me too")
    assert fields is not None
    assert Fields.from_json(fields.as_json()) == fields


def test_every_feature_has_words_in_chinese_and_english() -> None:
    terms = terms_of(LEXICONS, categories())
    for language in ("en", "zh"):
        told = {term.category.removesuffix("_fails") for term in terms if term.language == language}
        assert set(FEATURES) - told == set()


@given(st.integers(1, 20), st.integers(0, 200), st.floats(0, 168), st.floats(0.5, 24), st.booleans())
def test_more_reports_are_rarer_and_a_busier_past_makes_them_less_so(
    count: int, seen: int, hours: float, window: float, close: bool
) -> None:
    rare = tail(count, seen=seen, hours=hours, window=window, close=close)
    assert 0 <= rare <= 1
    assert tail(count + 1, seen=seen, hours=hours, window=window, close=close) <= rare + 1e-12
    assert tail(count, seen=seen + 5, hours=hours, window=window, close=close) >= rare - 1e-12


def test_the_tail_is_that_of_the_negative_binomial() -> None:
    # size 0.5 + 3, probability (24 + 168) / (24 + 168 + 6): the sum of its first three terms, by hand
    size, miss = 3.5, 6 / 198
    first = (1 - miss) ** size
    expected = 1 - first * (1 + size * miss + size * (size + 1) / 2 * miss**2)
    assert tail(3, seen=3, hours=168, window=6, close=False) == pytest.approx(expected)


def test_a_sketch_tells_the_like_from_the_unlike() -> None:
    one, other, third = map(
        sketch_of,
        ("the ledger will not pair over bluetooth", "ledger does not pair over bluetooth", "good morning all"),
    )
    assert alike(one, one) == 1
    assert alike(one, other) > 0.4 > 0.1 > alike(one, third)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_labelled_day_is_told_apart(seed: int) -> None:
    verdict = judged(stream(seed))
    assert verdict.f1 >= 0.93
    assert {label: number for label, number in verdict.alerts.items() if number > 5} == {}
    assert verdict.mixed == []


@pytest.mark.parametrize(("phrases", "least"), [("later", 0.84), ("apart", 0.77)])
def test_a_day_in_the_words_of_a_later_hand_is_noticed_in_time(phrases: str, least: float) -> None:
    verdict = judged(stream(1, f"incident_phrases_{phrases}.tsv"))
    assert verdict.f1 >= least
    assert sum(number <= 5 for number in verdict.alerts.values()) >= 11


def test_of_a_day_told_in_irony_and_half_sentences_most_is_noticed() -> None:
    verdict = judged(stream(1, "incident_phrases_oblique.tsv"))
    assert verdict.f1 >= 0.68
    assert sum(number <= 5 for number in verdict.alerts.values()) >= 10


@pytest.mark.parametrize(
    ("text", "feature", "error"),
    [
        ("2041是个啥错误啊，点兑换就跳这个", "swap", {"2041"}),
        ("swap 2077 again, failed three times", "swap", {"2077"}),
        ("兑换2026年的活动失败", "swap", set()),
        ("收到短信说周年领取奖励，链接是heron-claim.example，一看就不对劲", "phishing", set()),
        ("did not get the sms code for login", "code", set()),
    ],
)
def test_numbers_alone_are_codes_and_a_site_that_lures_is_what_is_reported(
    text: str, feature: str, error: set[str]
) -> None:
    fields = fields_of(search_text(text), text, {})
    assert fields is not None
    assert (fields.feature, fields.error) == (feature, error)


def test_the_same_posts_give_the_same_incidents() -> None:
    assert grouped(stream(7)) == grouped(stream(7))


# -- what was told wrongly once --------------------------------------------------------------------


def test_a_code_is_one_however_it_is_spelled_and_named_as_most_spell_it(room: Room) -> None:
    for who, code in zip(PEOPLE, ("SWAP-2041", "2041", "SWAP2041", "SWAP-2041"), strict=False):
        room.says(who, f"swap failed with error {code}")
    room.says("eve", "swap failed with error 2077")
    assert room.groups() == {frozenset({"ann", "bob", "cai", "dan"})}
    (incident,) = room.grouper.incidents.values()
    assert incident.names()["error"] == ["SWAP-2041"]


def test_a_number_that_nobody_spells_out_names_itself(room: Room) -> None:
    for who, code in zip(PEOPLE, ("77124", "77124", "77124"), strict=False):
        room.says(who, f"withdrawal failed with error {code}")
    (incident,) = room.grouper.incidents.values()
    assert incident.names()["error"] == ["77124"]


def test_a_missing_code_is_told_by_those_who_only_say_that_they_cannot_log_in(room: Room) -> None:
    for who, words in zip(PEOPLE, ("login fails", "cannot log in, it fails", "login failed again"), strict=False):
        room.says(who, words)
    room.says("dan", "the verification code never came")
    room.says("eve", "fingerprint fails")
    assert room.groups() == {frozenset({"ann", "bob", "cai", "dan"})}


def test_a_version_with_and_without_its_last_zero_is_one(room: Room) -> None:
    for who, version in zip(PEOPLE, ("5.14", "5.14.0", "5.14", "5.14.0"), strict=False):
        room.says(who, f"{version} crashes as soon as I open it, Android")
    assert room.groups() == {frozenset(PEOPLE[:4])}
    assert told("5.14.0 crashes as soon as I open it").version == {"5.14"}


def test_notifications_of_transfers_are_no_transfers_that_fail(room: Room) -> None:
    for who in ("ann", "bob", "cai"):
        room.says(who, "transfers fail since 4.8.2 on Android")
    room.says("dan", "после обновления не приходят уведомления о переводах, Android, 4.8.2")
    assert room.groups() == {frozenset({"ann", "bob", "cai"})}


@pytest.mark.parametrize(
    "text",
    [
        "转账备注真有意思，可以写「别乱花」",
        "two taps and the transfer is done, no drama",
        "别慌，右上角点开就能看到",
    ],
)
def test_a_no_in_small_talk_is_no_fault(text: str) -> None:
    said = read(text)
    assert said is None or not said.fault


@pytest.mark.parametrize(
    "text", ["闪兑没有失败", "我闪兑没问题啊", "swap didn't fail for me", "no errors with swaps here"]
)
def test_who_says_that_there_is_no_fault_reports_none(text: str) -> None:
    found = read(text, "complaint")
    assert found is None or not found.fault


@pytest.mark.parametrize(
    "text", ["7.3.9没问题，7.4.1闪兑失败", "swap fails on 7.4.1, no problems before", "没报错，但闪兑卡住了"]
)
def test_a_fault_beside_what_is_well_is_one(text: str) -> None:
    found = read(text, "complaint")
    assert found
    assert (found.feature, found.fault) == ("swap", True)


def test_who_lures_customers_away_reports_nothing() -> None:
    text = "claim your refund at lantern-refund.example, swap failed users only"
    searchable = search_text(text)
    assert (
        fields_of(searchable, text, {"kind": "noise", "lures": True, "entities": find_entities(text, searchable)})
        is None
    )


def test_what_is_gone_was_not_on_its_way() -> None:
    assert told("我的代币不见了，首页少了一个", "complaint").feature == "balance"
    assert told("转账三小时没到账", "complaint").feature == "transfer"


def test_whatever_is_alike_enough_is_found_without_weighing_each_pair() -> None:
    rng = random.Random(7)
    words = ["swap", "wallet", "fails", "again", "提现", "没到账", "客服", "没人", "network", "fee", "since"]
    texts = [" ".join(rng.choices(words, k=rng.randrange(40))) for _ in range(120)]
    sketches = [sketch_of(text) for text in texts]
    for one in sketches[:20]:
        for least in (0.05, 0.3, 0.6, 1.0):
            assert list(all_alike(one, sketches, least)) == [alike(one, other) >= least for other in sketches]
