"""Whether the words around 64 hexadecimal digits speak of a private key or of a transaction."""

from __future__ import annotations

import re
from enum import Enum, auto

# Every cue begins with a letter of its own, and asks for a word's beginning only after it: so the search skips at
# once over all other letters. They are read in lower case, which is quicker than ignoring the case.
_KEY = (
    r"priv(?:ate)?[ _-]?key|secret[ _-]?key|[ps]k\b(?<=\b..)|seed|mnemonic|raw key|wallet key"
    r"|私[钥鑰匙]|秘[钥鑰匙]|密[钥鑰匙]|金[钥鑰]|私 ?key|助记词|助記詞"
    r"|clave privada|cl[eé] priv[eé]e|приватный ключ|секретный ключ|秘密鍵|개인 ?키"
)
_ID = (
    r"tx(?:n|id|hash|s)?\b|tx[ _-]?(?:id|hash)|transaction|hash(?<=\bhash)(?:es)?\b|hash值"
    r"|block(?<=\bblock)|explorer|scan\b|mempool|public[ _-]?key|pubkey|merkle|signature|sha-?256|checksum|digest"
    r"|etag|commit|id\b(?<![^\W_]id)|uuid|nonce|address|addr(?<=\baddr)|contract|topic"
    r"|交易|哈希|哈西|雜湊|区块|區塊|高度|流水号|链上|鏈上|公[钥鑰]|签名|簽名|校验|地址|合约|合約"
    r"|транзакц|хеш|хэш|トランザクション|ハッシュ|해시|트랜잭션"
)
_WEAK_KEY = r"key(?<=\bkey)s?\b|priv(?<=\bpriv)(?:ate)?\b|import|导入|導入|restor|恢复|恢復|secret|[钥鑰]"
_WEAK_ID = (
    r"transfer|sent|send|deposit|withdr|swap|bridge|confirm|pending|arriv|receiv|stuck|order|receipt|paid|payment"
    r"|转账|轉賬|轉帳|转了|转的|一笔|那笔|兑换|手续费|处理中|到现在|\be-\d|轉了|转出|轉出|提币|提幣|提现|到账|到帳|充值|充币|收到|卡住|这笔|這筆|订单|訂單|单号|單號"
    r"|查一?下|红包|打包|确认|chuyển|nhận|giao dịch|enviad|retir|recib|перевод|перевел|отправ|получ|вывод"
    r"|送金|入金|出金|着金|송금|입금|출금|전송"
)
_CUES = re.compile(f"(?P<key>{_KEY})|(?P<id>{_ID})|(?P<weak_key>{_WEAK_KEY})|(?P<weak_id>{_WEAK_ID})")
_OR = re.compile(r"\bor\b|还是|還是|或")
_LINK = re.compile(r"[a-z][a-z+.-]*://[^\s\"'<>，。]*$|\bwww\.[^\s\"'<>，。]*$|[/#][a-z]+/$|[?&][a-z_]{1,20}=$")
_KEY_IN_LINK = re.compile(r"(?:priv|secret|seed|[?&#]s?k(?:ey)?=)[^/&]*$")
_BOUND = re.compile(r"[0-9a-zA-Z]{40,}")
_LEFT, _RIGHT = 90, 48


class Reading(Enum):
    """What the surroundings say."""

    KEY = auto()
    ID = auto()
    DOUBT = auto()


def read(text: str, start: int, end: int, label: str = "") -> Reading:
    """Read the words before and after text[start:end]; `label` is the field's name, as if written before."""
    left = text[max(0, start - _LEFT) : start].lower()
    if ("/" in left or "=" in left or "www." in left) and _LINK.search(left):
        return Reading.KEY if _KEY_IN_LINK.search(left) else Reading.ID
    left = _after_last_token(left)
    right = text[end : end + _RIGHT].lower()
    if bound := _BOUND.search(right):
        right = right[: bound.start()]
    if start < _LEFT and label:
        left = f"{label.lower()}: {left}"
    before = [(match.lastgroup or "", match) for match in _CUES.finditer(left)]
    after = [(match.lastgroup or "", match) for match in _CUES.finditer(right)]
    return _decide(left, right, before, after)


def _after_last_token(left: str) -> str:
    """The words since the last other key or id: those before it spoke of that one."""
    ends = [match.end() for match in _BOUND.finditer(left)]
    return left[ends[-1] :] if ends else left


_Cues = list[tuple[str, re.Match[str]]]


def _decide(left: str, right: str, before: _Cues, after: _Cues) -> Reading:
    if _asks_which(left, before) or _asks_which(right, after):
        return Reading.DOUBT
    strong_before = [cue for cue in before if cue[0] in {"key", "id"}]
    strong_after = [cue for cue in after if cue[0] in {"key", "id"}]
    if strong_before:
        name, match = strong_before[-1]
        is_close = len(left) - match.end() <= 40
        contradicted = any(cue[0] != name for cue in strong_after[:1])
        if is_close or not contradicted:
            return Reading.KEY if name == "key" else Reading.ID
        return Reading.DOUBT
    if strong_after:
        return Reading.KEY if strong_after[0][0] == "key" else Reading.ID
    names = {cue[0] for cue in before + after}
    if "weak_key" in names:
        return Reading.DOUBT
    return Reading.ID if "weak_id" in names else Reading.DOUBT


def _asks_which(part: str, cues: _Cues) -> bool:
    """Whether both are named with an "or" between them."""
    strong = [match for name, match in cues if name in {"key", "id"}]
    named = {name for name, _ in cues} >= {"key", "id"}
    return named and _OR.search(part, strong[0].end(), strong[-1].start()) is not None
