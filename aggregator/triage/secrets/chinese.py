"""Chinese recovery phrases: single characters of the BIP-39 lists.

Nearly every ordinary character is on the list, so the characters alone prove nothing: they must stand apart from
each other, or follow a cue, in a number that a phrase has, and must not read like a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.triage.secrets.found import Found
from aggregator.triage.secrets.wordlists import LENGTHS, checksum_is_right, numbers

LISTS = ("chinese_simplified", "chinese_traditional")
CUE = re.compile("助[记記]|[记記][词詞]|助词|恢复词|恢復詞|私[钥鑰]|种子|種子|单词|備份|备份|恢复|恢復|导入|導入")
_APART = re.compile(r"[一-鿿](?:(?:[^\w]|[\d_]|第\d{1,2}[个個]?){1,12}[一-鿿]){11,}")
_CUE_WORD = re.compile("助[记記]|[记記][词詞]|恢[复復][词詞]")
_AFTER_CUE = re.compile(
    r"(?:助[记記][词詞]?|[记記][词詞]|恢[复復][词詞])[是为為：:=\s「“\"【(（]{1,6}"
    r"([一-鿿]{1,24}(?:[ \t\r\n,，、]{1,4}[一-鿿]{1,24}){0,23})"
)
_HAN = re.compile(r"[一-鿿]")
# One byte for each character: h for a Chinese one (first UTF-8 byte E4 to E9), a space for all that may part them.
_SIGNS = bytes(104 if 0xE4 <= c <= 0xE9 else 32 for c in range(256))
_LATER_BYTES = bytes(range(0x80, 0xC0))
_COMMON = 60  # the lists are in order of frequency; so many of their first characters carry a sentence
_ORDINARY = re.compile(
    "钱包|錢包|助记|记词|备份|導入|导入|恢复|恢復|教程|私钥|转账|交易|安全|泄露|忘记|手机|官方|客服|地址|密码|丢失|骗子"
    "|资产|保存|登录|问题|怎么|如何|什么|可以|输入|错误|提示|需要|请问|谢谢|大家|自己|已经|没有|知道|现在|时候|出来|不要"
)


def may_hold_chinese(text: str, data: bytes, *, parted: bool) -> bool:
    """The gate, for a folded text and its UTF-8: a cue with characters after it, or characters that stand alone.
    `parted`: a mark may stand between the cue and its characters."""
    if ("助" in text or "词" in text or "詞" in text) and (_CUE_WORD if parted else _AFTER_CUE).search(text):
        return True
    alone = data.translate(_SIGNS, _LATER_BYTES).split().count(b"h")
    # The first and the last may touch other words, and those on both sides of a "第3个" touch that.
    return alone + 2 * text.count("第") >= LENGTHS[0] - 2


def find_chinese(text: str) -> Iterator[Found]:
    """Chinese phrases in a folded text."""
    cue = CUE.search(text) is not None
    for match in _APART.finditer(text):
        signs = _HAN.findall(re.sub(r"第\d{1,2}[个個]?", "", match.group()))
        checked = _is_checked(signs)
        numbered = len(re.findall(r"\d{1,2}", match.group())) >= len(signs) - 1
        if (checked or cue or numbered) and _listed(signs) >= len(signs) - 1 and len(signs) >= LENGTHS[0]:
            yield Found("phrase", match.start(), match.end(), checked=checked)
    for match in _AFTER_CUE.finditer(text):
        yield from _together(match.group(1), match.start(1))


def _together(shown: str, at: int) -> Iterator[Found]:
    """Characters without separators, or in groups, right after a cue: a phrase ends where a group ends."""
    signs: list[str] = []
    for group in re.finditer(r"[一-鿿]+", shown):
        signs += group.group()
        if len(signs) not in LENGTHS or _reads_like_a_sentence(signs):
            continue
        yield Found("phrase", at, at + group.end(), checked=_is_checked(signs))
        return


def _is_checked(signs: list[str]) -> bool:
    return any(checksum_is_right(signs, language) for language in LISTS)


def _listed(signs: list[str]) -> int:
    return max(sum(sign in numbers(language) for sign in signs) for language in LISTS)


def _reads_like_a_sentence(signs: list[str]) -> bool:
    if _listed(signs) < len(signs) or _ORDINARY.search("".join(signs)):
        return True
    common = sum(min(numbers(language).get(sign, 9999) for language in LISTS) < _COMMON for sign in signs)
    return 5 * common > len(signs)
