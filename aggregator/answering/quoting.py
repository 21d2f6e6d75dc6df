"""An answer that another customer got, as it may be said again: without anything that was theirs.

What is taken out leaves a gap: {name}, {code}, {tx} and {me} are filled from the inquiry that is answered now, {?} is
filled by hand, and an answer with a gap cannot be sent. In doubt more is taken out than need be; what cannot be cleaned
is not offered at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aggregator.answering.strangers import COMMON, PRIVATE
from aggregator.triage import secrets
from aggregator.triage.entities import find_entities, ids
from aggregator.triage.language import search_text

GAP = "{?}"
LONGEST = 4000  # characters of an answer that is offered again
_PRIVATE = (*PRIVATE, "order")
_MASK = re.compile("█+")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s<>\"'，。；！？、）】」]+|www\.[^\s<>\"'，。；！？、）】」]+", re.IGNORECASE)
_TELLING_URL = re.compile(r"[?#=@]|\d{4,}|0x|[0-9A-Za-z_-]{24,}")
_HANDLE = re.compile(r"(?<![\w.])@[\w.]{2,32}")
# What was shortened, a wallet's readable name, and rows of digits, or of digits and letters, long enough to tell one.
_SHORTENED = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Za-z]{2,}(?:\.{2,}|…+|\*{2,}|-{3,}|_{3,}|~+|×{2,}|[xX]{3,})[0-9A-Za-z]{2,}(?![0-9A-Za-z])"
)
_NAME_ON_CHAIN = re.compile(r"(?<![\w-])[\w-]+\.(?:eth|sol|bnb|arb|lens|ton|btc|bit|crypto)(?![\w-])", re.IGNORECASE)
_ROW = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX][0-9A-Fa-f]{4,}|(?=[A-Za-z_-]{0,99}\d)(?=[\d_-]{0,99}[A-Za-z])[0-9A-Za-z_-]{8,}|\d{5,})(?![0-9A-Za-z])"
)
_GROUPED = re.compile(r"(?<![\d.])\+?\(?\d{2,4}\)?(?:[ -]\(?\d{2,4}\)?){2,5}(?![\d.])")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_AMOUNT = re.compile(
    r"(?:[$€£¥₽₩]\s?)\d+(?:,\d{3})*(?:\.\d+)?"
    r"|(?<![0-9A-Za-z._])\d+(?:,\d{3})*(?:\.\d+)?\s?(?:[A-Za-z]{1,6}(?![A-Za-z])|元|块|刀|个|枚|美元|美金|万|千|%)"
)
_PARTS = re.compile(r"[\s._\-·|/]+")
_CODE = re.compile(r"#[A-Z2-7]{7}(?![A-Za-z0-9])")

_GREETING = re.compile(
    r"(?P<word>\b(?:hi|hello|hey|dear|hola|buenas|estimad[oa]|chào(?: bạn)?|здравствуйте|привет|уважаем\w+)"
    r"(?:,)?\s+)(?P<who>[^\s,!.:;，！。：；][^,!.:;，！。：；\n]{0,38}?)(?=\s*[,!.:;，！。：；\n]|\s*$)",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"(?:there|all|everyone|everybody|friends?|sir|madam|ma'am|team|customers?|users?|again|folks|guys|both|you|todos|"
    r"a todos|valued customer|and |thanks?|thank you|we |i |your )",
    re.IGNORECASE,
)
_CHINESE_GREETING = re.compile(
    r"(?m)^[^\S\n]*(?:尊敬的|亲爱的)?(?P<who>[^\s，,。！!：:？?、\n]{1,16}?)(?P<title>先生|女士|小姐|同学|老师|老板|总|哥|姐)?"
    r"[，,：: ]?\s?(?=[您你]好|您 ?好)"
)
_CHINESE_NOBODY = re.compile(
    r"(?:亲+|用户|客户|大家|各位|朋友|社区|群友|您|你|小伙伴|伙伴|会员|诸位|嗨|哈喽|各位用户|早上|下午|晚上|上午|中午)+"
)
_TITLED = re.compile(r"(?P<who>[\u4e00-\u9fff]{1,3}?)(?P<title>先生|女士|小姐|同学)(?![\u4e00-\u9fff]?们)")
_NOT_TITLED = re.compile(r"各位|这位|那位|哪位|一位|的|有|对|叫|给|请|和|跟")
_HONOURED = re.compile(r"(?P<who>[^\s、。,，!！?？\n]{1,16}?)(?=様|さま|さん|님)")
_HONOURED_NOBODY = re.compile(r"お客|皆|みな|개발자|고객|사용자|회원|여러분|皆様")


@dataclass(frozen=True, slots=True)
class Other:
    """Whose answer it was. names: what the customer is called; bystanders: others who wrote there; staff: who answered;
    said: the customer's posts, masked; code: of their inquiry."""

    names: tuple[str, ...] = ()
    bystanders: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    said: str = ""
    code: str = ""


_Gap = tuple[int, int, str]


def quotable(answer: str, other: Other) -> str | None:
    """The answer with gaps where it spoke of this customer; None: it cannot be cleaned, nothing much is left, or it is
    too long to be looked through while somebody waits."""
    if len(answer) > LONGEST:
        return None
    clean = _without(answer, list(_gaps(answer, other)))
    if secrets.find(clean) or any(_surely_theirs(clean, other)):
        return None
    words = clean
    for gap in (GAP, "{name}", "{me}", "{tx}", "{code}"):
        words = words.replace(gap, "")
    return clean.strip() if clean.count(GAP) <= 4 and sum(letter.isalpha() for letter in words) >= 8 else None


def _without(text: str, gaps: list[_Gap]) -> str:
    """The longest first where they overlap; words of a gap that reach out of it go, too."""
    taken: list[_Gap] = []
    for start, end, gap in sorted(gaps, key=lambda one: (one[0], -one[1])):
        if taken and start < taken[-1][1]:
            left, right, before = taken[-1]
            taken[-1] = (left, max(right, end), before)
        elif end > start:
            taken.append((start, end, gap))
    pieces: list[str] = []
    done = 0
    for start, end, gap in taken:
        pieces += (text[done:start], gap)
        done = end
    return re.sub(r"(?:\{\?\}[\s,、/]*){2,}", GAP + " ", "".join((*pieces, text[done:])))


def _gaps(text: str, other: Other) -> Iterator[_Gap]:
    yield from _ids(text, other)
    yield from _names(text, other)
    numbers = {_plain(one) for one in _NUMBER.findall(other.said)}
    for match in _AMOUNT.finditer(text):
        number = _NUMBER.search(match[0])
        if number and _plain(number[0]) in numbers:
            yield *match.span(), GAP


def _plain(number: str) -> str:
    whole, _, rest = number.replace(",", "").partition(".")
    return f"{whole.lstrip('0')}.{rest.rstrip('0')}"


def _ids(text: str, other: Other) -> Iterator[_Gap]:
    for form, start, end in ids.find_ids(text):
        yield start, end, "{tx}" if ids.is_transaction(form) else GAP
    for pattern in (_MASK, _MAIL, _SHORTENED, _NAME_ON_CHAIN, _GROUPED):
        for match in pattern.finditer(text):
            yield *match.span(), GAP
    for match in _URL.finditer(text):
        if _TELLING_URL.search(match[0].partition("://")[2] or match[0]):
            yield *match.span(), GAP
    for match in _HANDLE.finditer(text):
        yield *match.span(), "{name}"
    for match in _CODE.finditer(text):
        yield *match.span(), "{code}"
    if other.code:
        for match in re.finditer(rf"#?{re.escape(other.code)}", text, re.IGNORECASE):
            yield *match.span(), "{code}"
    for match in _ROW.finditer(text):
        yield *match.span(), GAP
    for value in _values(text):
        for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text, re.IGNORECASE):
            yield *match.span(), GAP


def _values(text: str) -> list[str]:
    entities = find_entities(text, search_text(text))
    return [value for kind in _PRIVATE for value in entities.get(kind, ()) if len(value) > 1]


def _names(text: str, other: Other) -> Iterator[_Gap]:
    for names, gap in ((other.names, "{name}"), (other.bystanders, GAP), (other.staff, "{me}")):
        for name in names:
            yield from _called(text, name, gap)
    for match in _GREETING.finditer(text):
        if not _NOBODY.match(match["who"]):
            yield *match.span("who"), "{name}"
    for match in _CHINESE_GREETING.finditer(text):
        if not _CHINESE_NOBODY.fullmatch(match["who"]):
            yield match.start("who"), match.end("title") if match["title"] else match.end("who"), "{name}"
    for match in _TITLED.finditer(text):
        if not _NOT_TITLED.search(match["who"]):
            yield *match.span(), "{name}"
    for match in _HONOURED.finditer(text):
        if not _HONOURED_NOBODY.search(match["who"]):
            yield *match.span("who"), "{name}"


def _called(text: str, name: str, gap: str) -> Iterator[_Gap]:
    """A whole name anywhere; of its parts those that are written with a capital letter, as a name is."""
    whole = name.strip().lstrip("@")
    if len(whole) < 2:
        return
    edge = r"[A-Za-z0-9\u00c0-\u024f\u0400-\u04ff]"
    for match in re.finditer(
        rf"(?<!{edge}){re.escape(whole)}(?!{edge})" if whole[0].isascii() else re.escape(whole), text, re.IGNORECASE
    ):
        yield *match.span(), gap
    for part in _PARTS.split(whole):
        if part == whole or len(part) < (3 if part.isascii() else 2) or part.isdigit():
            continue
        for match in re.finditer(rf"(?<!{edge}){re.escape(part)}(?!{edge})", text, re.IGNORECASE):
            if not part.isascii() or match[0][0].isupper():
                yield *match.span(), gap


def _surely_theirs(clean: str, other: Other) -> Iterator[bool]:
    """What must not be left, looked for once more."""
    yield bool(ids.find_ids(clean) or _MAIL.search(clean) or _MASK.search(clean))
    lower = clean.lower()
    for name in (*other.names, *other.bystanders):
        parts = (part for part in _PARTS.split(name.lower()) if len(part) >= (4 if part.isascii() else 2))
        yield (len(name) > 2 and name.strip().lower() in lower) or any(
            part in lower and part not in COMMON and not part.isdigit() for part in parts
        )
    entities = find_entities(other.said, search_text(other.said))
    kinds = (*_PRIVATE, "tx", "address", "email", "phone")
    yield any(value.lower() in lower for kind in kinds for value in entities.get(kind, ()) if len(value) > 3)
