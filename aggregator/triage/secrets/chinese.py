"""Chinese recovery phrases: single characters of the BIP-39 lists.

Nearly every ordinary character is on the list, so the characters alone prove nothing: they must stand apart from
each other, or beside a cue, in a number that a phrase has, and must not read like a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from aggregator.triage.secrets.found import MASK, Found
from aggregator.triage.secrets.runs import CJK, COUNTER
from aggregator.triage.secrets.wordlists import CHINESE, LENGTHS, checksum_is_right, numbers

CUE = re.compile(
    "助[记記]|[记記][词詞]|助词|恢[复復](?:[词詞短]|用)|seed|mnemonic|recovery|phrase",
    re.IGNORECASE,
)
_WEAK_CUE = re.compile("私[钥鑰]|种子|種子|单词|備份|备份|恢复|恢復|导入|導入")
_HAN = re.compile("[一-鿿]+")
_LABEL = re.compile("(?:助[记記][词詞]?|[记記][词詞]|恢[复復][词詞])[是为為]?(?=[一-鿿])")
_IN_GROUPS = re.compile(r"[ \t\r\n,，、\u3000]{1,4}")
_LETTERS = re.compile("[a-z]", re.IGNORECASE)
_MOST_LETTERS = 12  # between two characters: "word 12 is"
_NEAR_BEFORE, _NEAR_BEHIND = 48, 24
_SENTENCE = re.compile("[一-鿿][，,；;][一-鿿]+[^一-鿿]*[。！？!?]")  # clauses of another matter, and their end
_MOST_AROUND = 4_000  # characters around a piece; more is not hardly anything, and takes long to read for each
_ENOUGH_ALONE = 6  # characters apart that are a piece of a phrase; fewer may be emphasis
# One byte for each character: h for a Chinese one (first UTF-8 byte E4 to E9), a space for all that may part them.
SIGNS = bytes(104 if 0xE4 <= c <= 0xE9 else c if c in b"\x1e\x1f" else 32 for c in range(256))
LATER_BYTES = bytes(range(0x80, 0xC0))
_COMMON = 60  # the lists are in order of frequency; so many of their first characters carry a sentence
_ORDINARY = re.compile(
    "钱包|錢包|助记|记词|备份|導入|导入|恢复|恢復|教程|私钥|转账|交易|安全|泄露|忘记|手机|官方|客服|地址|密码|丢失|骗子"
    "|资产|保存|登录|问题|怎么|如何|什么|可以|输入|错误|提示|需要|请问|谢谢|大家|自己|已经|没有|知道|现在|时候|出来|不要"
    "|福利|加我|微信|领取|红包|加群|进群|免费|关注|公众|活动|注册|邀请|今天|昨天|明天|我们|你们|他们|这个|那个|为什|么办"
    "|因为|所以|但是|如果|还是|就是|不是|不能|不会|还有|一个|一下|一直|一样|东西|事情|觉得|喜欢|开始|以后|以前|之后|之前"
    "|朋友|老师|中国|世界|生活|工作|时间|公司|孩子|学习|电话|电脑|软件|更新|版本|打开|显示|余额|到账|提现|充值|处理|麻烦"
    "|帮忙|帮我|看看|快点|着急|求助|非常|真的|感谢|支持|希望|发现|告诉|联系|注意|重要|加油|新年|快乐|生日|祝你|幸福|健康"
    "|平安|发财|恭喜|早上|晚上|晚安|再见|辛苦|对不|不起|没事|好的|可能|应该|必须|只有|这样|那样|怎样|多少|哪里|起来|下来"
    "|過來|這個|那個|們的|沒有|時候|為什|什麼|麼辦|請問|謝謝|錯誤|轉帳|轉賬|帳戶|账户|顯示|餘額|處理|麻煩|一起|首先|然后"
)


def may_hold_chinese(text: str, signs: bytes) -> bool:
    """The gate, for a folded text and its SIGNS: characters that stand alone, or enough of them beside a cue."""
    alone = signs.split().count(b"h")
    hans = signs.count(b"h")
    return (alone >= 4 and hans - alone <= 24) or may_hold_phrase(text, alone, hans)


def may_hold_phrase(text: str, alone: int, hans: int) -> bool:
    """The same for a whole phrase. `alone`, `hans`: how many characters stand alone, and how many there are."""
    # The first and the last may touch other words, and those on both sides of a "第3个" touch that.
    return alone + 2 * text.count("第") >= LENGTHS[0] - 2 or (hans >= LENGTHS[0] and CUE.search(text) is not None)


def find_chinese(text: str) -> Iterator[Found]:
    """Chinese phrases, and pieces of them, in a folded text."""
    shown = COUNTER.sub(lambda match: " " * len(match.group()), text)
    groups = [match.span() for match in _HAN.finditer(shown)]
    cue = CUE.search(text) is not None
    yield from _apart(text, shown, groups, cue=cue)
    if cue:
        yield from _together(text, shown)


def _apart(text: str, shown: str, groups: Sequence[tuple[int, int]], *, cue: bool) -> Iterator[Found]:
    weak_cue = cue or _WEAK_CUE.search(text) is not None
    row: list[int] = []
    for start, end in [*groups, (len(text) + 99, len(text) + 99)]:
        alone = end - start == 1 and any(shown[start] in numbers(language) for language in CHINESE)
        if row and not (alone and _is_gap(shown[row[-1] + 1 : start])):
            if found := _judged(text, shown, row, cue=cue, weak_cue=weak_cue):
                yield found
            row = []
        if alone:
            row.append(start)


def _is_gap(between: str) -> bool:
    if len(between) > 32 or MASK in between or CJK.search(between):
        return False
    return len(_LETTERS.findall(between)) <= _MOST_LETTERS


def _judged(text: str, shown: str, row: Sequence[int], *, cue: bool, weak_cue: bool) -> Found | None:
    """Whether characters that stand apart are a phrase or a piece of one. `cue`, `weak_cue`: what the text holds."""
    signs = [shown[at] for at in row]
    if len(signs) < 4 or max(_listed(signs, language) for language in CHINESE) < len(signs) - len(signs) // 12:
        return None
    start, end = row[0], row[-1] + 1
    if len(signs) >= LENGTHS[0]:
        checked = any(
            checksum_is_right(signs[at : at + size], language)
            for language in CHINESE
            for size in LENGTHS
            for at in range(min(3, len(signs) - size + 1))
        )
        lined = sum(shown[a + 1 : b].strip(" ") != "" for a, b in pairwise(row)) >= 0.8 * len(signs) - 1
        # A right checksum is an accident once in 16 times, so it outweighs a few ordinary characters.
        plain = reads_like_a_sentence(signs, limit=3 if checked else 2)
        sure = weak_cue or not plain
        varied = checked or _is_varied(signs)
        return Found("phrase", start, end, checked=checked) if varied and (sure or lined) else None
    if not _is_varied(signs) or len(text) - (end - start) > _MOST_AROUND:
        return None
    if MASK in text or not _is_alone(text[:start], text[end:]):
        return None
    listed = re.search(r"[\d,，、•·*-]", shown[start:end])
    if cue or (len(signs) >= _ENOUGH_ALONE and (listed or not reads_like_a_sentence(signs, limit=3))):
        return Found("fragment", start, end)
    return None


def _is_varied(signs: Sequence[str]) -> bool:
    return 2 * len(set(signs)) >= len(signs)


def _is_alone(before: str, behind: str) -> bool:
    """Whether hardly anything stands around a piece but lines with a cue."""
    around = "\n".join(line for line in f"{before}\n{behind}".split("\n") if not CUE.search(line))
    return len(re.findall("[一-鿿]", around)) <= 4 and len(re.findall("[a-zA-Z]+", around)) <= 4


def _together(text: str, shown: str) -> Iterator[Found]:
    """Characters without separators, or in groups of one size, beside a cue."""
    labelled = _LABEL.sub(lambda match: " " * len(match.group()), shown)
    groups = [match.span() for match in _HAN.finditer(labelled)]
    done = 0
    for first, (start, _) in enumerate(groups):
        if start < done or not CUE.search(text, max(0, start - _NEAR_BEFORE), start + _NEAR_BEFORE):
            continue
        for end in _ends(labelled, groups[first : first + LENGTHS[-1] + 1]):
            signs = "".join(_HAN.findall(labelled[start:end]))
            checked = any(checksum_is_right(signs, language) for language in CHINESE)
            if _is_phrase(signs) and _is_beside_cue(text, start, end, surely=checked):
                yield Found("phrase", start, end, checked=checked)
                done = end
                break


def _ends(shown: str, groups: Sequence[tuple[int, int]]) -> list[int]:
    """Where a phrase that begins with the first group may end: groups of one size follow, the last may be shorter.
    The likeliest first: where all gaps are the same, and the longest."""
    width = groups[0][1] - groups[0][0]
    ends: list[tuple[bool, int]] = []
    gaps: set[str] = set()
    total = 0
    for n, (start, end) in enumerate(groups):
        if n:
            gap = shown[groups[n - 1][1] : start]
            if not _IN_GROUPS.fullmatch(gap) or end - start > width:
                break
            gaps.add(gap)
        total += end - start
        if total > LENGTHS[-1]:
            break
        if total in LENGTHS:
            ends.append((len(gaps) < 2, end))
        if end - start < width:
            break
    return [end for _, end in sorted(ends, reverse=True)]


def _is_phrase(signs: str) -> bool:
    for language in CHINESE:
        if _listed(signs, language) == len(signs):
            # A right checksum is an accident once in 16 times, so it outweighs a few ordinary characters.
            limit = 3 if checksum_is_right(signs, language) else 2
            return not reads_like_a_sentence(signs, limit=limit)
    return False


def _is_beside_cue(text: str, start: int, end: int, *, surely: bool) -> bool:
    """Whether a cue stands near. What is no phrase by its checksum must be told of just before or just behind: two
    sentences after the cue, twelve characters are an ordinary sentence."""
    before = [match.end() for match in CUE.finditer(text, max(0, start - _NEAR_BEFORE), start)]
    if before and (surely or _SENTENCE.search(text, before[-1] - 1, start) is None):
        return True
    return CUE.search(text, end, end + _NEAR_BEHIND) is not None


def _listed(signs: Sequence[str], language: str) -> int:
    listed = numbers(language)
    return sum(sign in listed for sign in signs)


def reads_like_a_sentence(signs: Sequence[str], limit: int = 2) -> bool:
    """Whether the commonest characters and ordinary words make up too much of a row; one in 5,000 drawn phrases."""
    common = sum(min(numbers(language).get(sign, 9999) for language in CHINESE) < _COMMON for sign in signs)
    return 6 * (common + 2 * len(_ORDINARY.findall("".join(signs)))) >= limit * len(signs)
