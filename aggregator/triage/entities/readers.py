"""What is read at the numbers and at the words of a post."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aggregator.triage.entities import after, numbers
from aggregator.triage.entities.lists import always
from aggregator.triage.entities.words import SHORT_TOKENS, TIME, Hit

_COUNTED = re.compile(
    r"(?:"
    r"\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|several|"
    r"half an?)"
    r"(?:\sand a half|\sfull|\swhole|\slong|\sstraight|\ssolid|\sworking|\sbusiness)?"
    r"|[0-9]\+?(?:st|nd|rd|th)?"
    r"|[一二两兩俩三仨四五六七八九十百半]{1,3}"
    r"|(?:один|одну|два|две|три|четыре|пять|шесть|семь|восемь|девять|десять)"
    r"|(?:una?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)"
    r"|(?:một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười)"
    r"|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇십)"
    r")\s{0,2}[个多整来余個]{0,2}$"
)
# 快一点, 一点消息: no hour, unless a part of the day stands before it.
_A_BIT = re.compile(r"(?<![十早午晚晨夜天])一$")
_DAY = re.compile(r"\s?[0-9]{1,2}(?:st|nd|rd|th)?(?![0-9.:])")

# 8 giờ. Elsewhere it is a network, or memory: 5g, 256g.
_GIO = re.compile(r"lúc\s?[0-9]{1,2}g\b|\b[0-9]{1,2}g(?:[0-9]{2}\b|\s?(?:sáng|trưa|chiều|tối|đêm|khuya|rưỡi|kém))")


def _is_of_twelve(_: str, written: str) -> bool:
    """iPhone 15pm is no hour."""
    return int(re.split(r"[^0-9]", written)[0]) <= 12


def _is_vietnamese(searchable: str, _: str) -> bool:
    return _GIO.search(searchable) is not None


_HOURS: dict[str, Callable[[str, str], bool]] = {"am": _is_of_twelve, "pm": _is_of_twelve, "g": _is_vietnamese}
"""Units of time that mean something else, too: whether what is written before one is an hour."""

_Reader = Callable[[str, list[Hit], dict[str, list[str]]], None]


def read_numbers(searchable: str, found: list[tuple[str, str, str, str]], entities: dict[str, list[str]]) -> None:
    """Amounts, times, versions and telephone numbers."""
    units, first_letters = always().units, always().first_letters
    for written, times, gap, unit in found:
        name = units.get(unit)
        if name is None and unit and unit[0] in first_letters:
            name = units.get(unit[:3]) or units.get(unit[:2]) or units.get(unit[0])
        if name is None or (written.count(".") > 1 and not numbers.is_grouped_by_points(written)):
            if not written.isdecimal():
                _signed_number(searchable, written, entities)
            elif len(written) >= 11 and (numbers.is_phone(written) or f"+{written}" in searchable):
                add(entities, "phone", written)
            continue
        if name is TIME:
            if unit in _HOURS and not _HOURS[unit](searchable, written):
                continue
            kind, value = "time", written + times + gap + _unit(units, unit)
        elif number := numbers.value_of(written, times):
            kind, value = "amount", f"{number} {name}"
            if unit in SHORT_TOKENS:
                add(entities, "token", name)
        else:
            continue
        if kind in entities:
            add(entities, kind, value)
        else:
            entities[kind] = [value]


def _unit(units: Mapping[str, str], unit: str) -> str:
    """小时 of 小时还没"""
    if unit in units:
        return unit
    return next((unit[:length] for length in (3, 2) if unit[:length] in units), unit[0])


def _signed_number(searchable: str, written: str, entities: dict[str, list[str]]) -> None:
    """A number with signs in it that counts nothing we know."""
    if ":" in written:
        if numbers.is_clock(written):
            add(entities, "time", written)
    elif "-" in written or "/" in written:
        if numbers.is_date(written):
            add(entities, "time", written)
        elif numbers.is_phone(written):
            add(entities, "phone", written)
    elif (parts := written.count(".")) > 1:
        if numbers.is_day(written):
            add(entities, "time", written)
        elif numbers.is_version(written):
            add(entities, "version", written)
    elif parts and any(f"{sign}{written}" in searchable for sign in ("v", "v.", "v ")):
        add(entities, "version", written)


def add(entities: dict[str, list[str]], kind: str, value: str) -> None:
    if kind not in entities:
        entities[kind] = [value]
    elif value not in entities[kind]:
        entities[kind].append(value)


def _names(kind: str) -> _Reader:
    def read(_: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        if len(hits) == 1 and kind not in entities:
            entities[kind] = [hits[0][0]]
            return
        for hit in hits:
            add(entities, kind, hit[0])

    return read


def _as_written(kind: str) -> _Reader:
    def read(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        for _, start, end in hits:
            add(entities, kind, searchable[start:end])

    return read


def _behind(kind: str, value_at: Callable[[str, Hit], str | None]) -> _Reader:
    def read(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        for hit in hits:
            if value := value_at(searchable, hit):
                add(entities, kind, value)

    return read


def _counted(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """Three hours, 三小时; what digits count is read with them."""
    for name, start, end in hits:
        last = searchable[start - 1 : start]
        if (searchable[start - 2 : start - 1] if last == " " else last).isdecimal():
            continue
        if name == "month":
            if match := _DAY.match(searchable, end):
                add(entities, "time", searchable[start : match.end()])
        elif (counted := _COUNTED.search(before := searchable[max(0, start - 16) : start])) and not (
            searchable[start:end] == "点" and _A_BIT.search(before)
        ):
            add(entities, "time", f"{counted[0]}{searchable[start:end]}")


def _tokens(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    for name, _, _ in hits:
        add(entities, "token", name)
    _money(searchable, hits, entities)


def _money(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """Amounts that `_numbers` cannot read: 三千U, "thirty pounds"; where there is no other, USDT: 300 and $300."""
    for name, start, end in hits:
        last = searchable[start - 1 : start]
        if last == " ":
            last = searchable[start - 2 : start - 1]
        if last.isdecimal() and "amount" in entities:
            continue
        if value := numbers.spelled_before(searchable, start, end):
            add(entities, "amount", f"{value} {name}")
        elif "amount" not in entities or searchable[start] in numbers.SIGNS:
            _amount_beside(searchable, name, start, end, entities)


def _amount_beside(searchable: str, name: str, start: int, end: int, entities: dict[str, list[str]]) -> None:
    if match := numbers.BEFORE.search(searchable[max(0, start - 16) : start]):
        value = numbers.value_of(match[1], (match[2] or "").strip())
    elif match := numbers.BEHIND.match(searchable, end):
        unit = match[4] or "-"
        if unit in always().units or unit[0] in always().first_letters:
            return  # it counts something else
        if match[1] == "2.0":
            return  # ETH 2.0
        value = numbers.value_of(match[1], match[2] or "")
    else:
        return
    if value:
        add(entities, "amount", f"{value} {name}")


def _devices(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """Of "oppo find x7" the second word is a part of the first one's model."""
    read_to = 0
    for hit in hits:
        if hit[1] >= read_to:
            value, read_to = after.device(searchable, hit)
            add(entities, "device", value)


def _codes_of_problems(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """报错 INSUFFICIENT_FUNDS, 网络错误500; but 验证码错误 123456 tells no code of an error."""
    for _, start, end in hits:
        if searchable[end - 1] not in "错錯误誤" or searchable[max(0, end - 3)] in "码碼":
            continue
        if code := after.code(searchable, ("", start, end)):
            add(entities, "error", code)


def _contacts(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    for hit in hits:
        if handle := after.contact(searchable, hit):
            add(entities, hit[0], handle)


READERS: dict[str, _Reader] = {
    "chain": _names("chain"),
    "token": _tokens,
    "currency": _money,
    "time": _as_written("time"),
    "unit": _counted,
    "device": _devices,
    "problem": _codes_of_problems,
    "os": _behind("os", after.system),
    "screenshot": _as_written("screenshot"),
    "contact": _contacts,
    "account": _behind("account", after.account),
    "version": _behind("version", after.version),
    "code": _behind("error", after.code),
    "order": _behind("order", after.order),
}
"""What is done with the words of a kind; those of others (`vague`) are only found."""
