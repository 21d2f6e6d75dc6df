"""The slots of a trouble that a customer's post gives: which account, when, on what device.

What is still missing, and how it is asked for, stands in aggregator/triage/followup.py.

What counts as given is strict: a shortened hash, "the newest version" or "it does not work" help nobody to look.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aggregator.triage.entities import NAME, Seen, ids
from aggregator.triage.entities.lists import always, beside_ids, beside_versions
from aggregator.triage.entities.words import Hit
from aggregator.triage.secrets.context import speaks_of_keys
from aggregator.triage.secrets.found import MASK

SLOTS = ("problem", "account", "tx", "time", "device", "version", "screenshot")
"""In the order in which people are asked for them."""

_NEAR = 40  # characters before an address in which its owner is named
_BEHIND = 24  # and behind it, in which it is asked whose it is
# Times that were promised to all, not lived through: "within 24 hours", 24小时内.
_PROMISED = re.compile(
    r"(?:within|takes?|up to|usually|normally|allow|in about|in under|at most|"
    r"最多|最长|最迟|通常|一般|需要|预计|大概要|要等|"
    r"hasta|dentro de|en menos de|trong vòng|в течение|до)\s?(?:about|up to|长达|大约|around)?\s?"
    r"[0-9一二两三四五六七八九十a-z]+(?:\s?[-~–到至]\s?[0-9一二两三四五六七八九十]+)?\s?(?:个)?\s?[^\W\d_]*"
    r"|[0-9一二两三四五六七八九十]+\s?个?多?(?:小时|分钟|天|周|工作日|月)(?:之|以)?(?:内|到账|客服|在线)"
    r"|[0-9]+\s?(?:時間|分|日|営業日)以内|[0-9]+\s?(?:시간|분|일|영업일)\s?(?:이내|안에)|24/7"
)
_IN_DOUBT = re.compile(rf"(?<![0-9a-z{MASK}])(?:0x)?[0-9a-f]{{8}}{MASK}{{48}}[0-9a-f]{{8}}(?![0-9a-z{MASK}])")
# Whoever takes money out of an exchange sends it to himself.
_FROM_EXCHANGE = re.compile(
    r"(?:从|從|在|由|\bfrom|\bdesde|\bс|\btừ)\s?(?:我的?|my)?\s?"
    r"(?:交易所|币安|幣安|欧易|歐易|火币|火幣|抹茶|库币|芝麻|binance|okx|bybit|gate|kucoin|bitget|coinbase|kraken|htx|mexc|huobi|upbit|bithumb)"
    r"[^,.;!?。、\n]{0,24}(?:提|转|轉|打|\bto|\ba|\bна|\bđến|\bvề)[^,.;!?。、\n]{0,12}$"
)
_OTHERS = re.compile(r"朋友|对方|對方|他|她|别人|friend|his|her|their|someone|scam|骗")
_IS_MINE = re.compile(r"\s?(?:这|這|这个|这就|就)?(?:是我|是本人|is my|is mine|it's mine|it's my)")
_STOPS = frozenset(",;!?。、\n")
_TEAM_MAIL = re.compile(
    r"^(?:support|help|helpdesk|info|service|services|no-?reply|admin|team|contact|security|official|hello|care|kefu|customer\w*|cs)[@._-]"
)
# What holds digits is an id, a version or a date, and no word.
_HAN = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_WORD = re.compile(r"\b[^\W\d_\u3040-\u30ff\u3400-\u9fff]{2,20}\b")
_ENOUGH = 16  # Chinese characters, or half as many words of others


def given(searchable: str, seen: Seen, *, pictures: bool = False, troubled: bool = False) -> tuple[str, ...]:
    """The slots that one post gives, in the order of `SLOTS`.

    Args:
        searchable: as `search_text` gives it.
        seen: what `entities.look` found in it.
        pictures: whether images are attached.
        troubled: the model reads a trouble. Then the problem is told, too, where no list has its words, if enough is
            said besides names, times and devices: faults come in more words than any list holds.
    """
    entities, hits = seen.entities, seen.hits
    answers = MASK in searchable and _answers_with_one(searchable)
    if not entities and not hits and not pictures and not troubled and not answers:
        return ()
    slots = []
    if (
        ("problem" in hits and always().any_stands(searchable, hits["problem"]))
        or ("code" in hits and (entities.get("error") or any(name == "problem" for name, _, _ in hits["code"])))
        or (troubled and _says_enough(searchable, seen))
    ):
        slots.append("problem")
    if (
        _own_account(searchable, entities)
        or _own_mail(entities)
        or _own_address(searchable, seen)
        or _own_phone(searchable, entities)
    ):
        slots.append("account")
    if "tx" in entities or answers:
        slots.append("tx")
    if "time" in entities and ("promise" not in hits or _is_lived(searchable, entities["time"])):
        slots.append("time")
    if "device" in hits:
        slots.append("device")
    if "os" in entities or ("version" in entities and _is_current(searchable, seen)):
        slots.append("version")
    if pictures or "screenshot" in hits:
        slots.append("screenshot")
    return tuple(slots)


def _answers_with_one(searchable: str) -> bool:
    """Whether it holds 64 digits that are masked in doubt, and no word of keys: a bare transaction id, as it comes when
    we ask for one, looks so. Its ends stay readable, and asking again brings the same."""
    return _IN_DOUBT.search(searchable) is not None and not speaks_of_keys(searchable)


def _says_enough(searchable: str, seen: Seen) -> bool:
    """Whether there are words enough besides those of the lists."""
    said = [(start, end) for hits in seen.hits.values() for _, start, end in hits]
    left = _much(searchable) - _ENOUGH
    if left < 0 or left >= sum(end - start for start, end in said):
        return left >= 0
    rest = list(searchable)
    for start, end in said:
        rest[start:end] = " " * (end - start)
    return _much("".join(rest)) >= _ENOUGH


def _much(text: str) -> int:
    return len(_HAN.findall(text)) + 2 * len(_WORD.findall(text))


def _own_mail(entities: dict[str, list[str]]) -> bool:
    return any(not _TEAM_MAIL.match(mail.lower()) for mail in entities.get("email", ()))


def _own_phone(searchable: str, entities: dict[str, list[str]]) -> bool:
    """In China many an account is known by its telephone number."""
    numbers = entities.get("phone", ())
    return _is_own(searchable, [(at, at + len(one)) for one in numbers if (at := searchable.find(one)) >= 0])


def _is_lived(searchable: str, times: list[str]) -> bool:
    rest = _PROMISED.sub(" ", searchable)
    return any(time in rest for time in times)


def _own_account(searchable: str, entities: dict[str, list[str]]) -> bool:
    """A name such as `reed.eth` is an address, and may be somebody else's; a user id is the writer's."""
    accounts = entities.get("account", ())
    names = list(NAME.finditer(searchable)) if accounts else []
    return len(accounts) > len({name[0] for name in names}) or _is_own(searchable, [name.span() for name in names])


def _own_address(searchable: str, seen: Seen) -> bool:
    if "address" not in seen.entities:
        return False
    has_tx = "tx" in seen.entities
    return _is_own(searchable, [(at, end) for form, at, end in seen.ids if not (has_tx and ids.is_transaction(form))])


def _is_own(searchable: str, places: Sequence[tuple[int, int]]) -> bool:
    """Whether one of these is the writer's. Of the words that give it to somebody, the nearest counts."""
    if not places:
        return False
    said = beside_ids().hits(searchable)
    mine, other = said.get("my_side", ()), said.get("other_side", ())
    for start, end in places:
        if _IS_MINE.match(searchable, end) or _comes_from_exchange(searchable[max(0, start - 2 * _NEAR) : start]):
            return True
        own, foreign = _nearest(mine, start), _nearest(other, start)
        if own >= foreign and not (
            own < 0 and any(name == "behind" and 0 <= left - end <= _BEHIND for name, left, _ in other)
        ):
            return True
    return False


def _comes_from_exchange(before: str) -> bool:
    found = _FROM_EXCHANGE.search(before)
    return found is not None and not _OTHERS.search(found[0])


def _nearest(hits: Sequence[Hit], start: int) -> int:
    """Where the last of these before a place ends; -1: none is near."""
    return max((end for _, _, end in hits if start - _NEAR <= end <= start), default=-1)


def _is_current(searchable: str, seen: Seen) -> bool:
    """Whether one of the versions is the one in use: not one that was left, or that still worked."""
    old = beside_versions().hits(searchable).get("old", ())
    return not old or any(_is_in_use(searchable, version, old) for version in seen.entities["version"])


def _is_in_use(searchable: str, version: str, old: Sequence[Hit]) -> bool:
    start = searchable.find(version)
    end = start + len(version)
    return not any(
        (right <= start and _same_clause(searchable[right:start]))
        or (end <= left and _same_clause(searchable[end:left]))
        for _, left, right in old
    )


def _same_clause(between: str) -> bool:
    return len(between) <= 8 and _STOPS.isdisjoint(between)
