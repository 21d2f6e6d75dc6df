"""Whether the words around 64 hexadecimal digits speak of a private key or of a transaction."""

from __future__ import annotations

import re
from enum import Enum, auto

from aggregator.triage.secrets.found import MASK
from aggregator.triage.secrets.letters import fold


def _spelled(*words: str) -> str:
    """Words as they look in a folded text."""
    return "|".join(fold(word).text for word in words)


# Every cue begins with a letter of its own, and asks for a word's beginning only after it, so that the search can be
# sorted by first letters. A word begins where no Latin letter stands before it: "的hash". They are read in lower case,
# which is quicker than ignoring the case.
_KEY = (
    r"priv(?:ate)?[ _-]?key|secret[ _-]?key|pk(?![a-z])(?<![a-z]pk)|sk(?![a-z])(?<![a-z]sk)|seed|mnemonic"
    r"|ed25519-priv|secp256k1-priv|raw key|wallet key|my key(?![a-z])|我的 ?key(?![a-z])"
    r"|私[钥鑰匙]|秘[钥鑰匙]|密[钥鑰匙]|金[钥鑰]|私 ?key|助记词|助記詞"
    r"|clave privada|cle privee|chiave privata|chave privada|privater schlussel|llave privada|ozel anahtar"
    r"|gizli anahtar|秘密鍵|프라이빗 ?키|개인 ?키|비밀 ?키|"
    + _spelled("приватный ключ", "приватного ключа", "секретный ключ", "закрытый ключ")
    + "|"
    + _spelled("プライベートキー", "シークレットキー", "khóa riêng", "khoá riêng", "khóa cá nhân", "khóa bí mật")
)
_ID = (
    r"tx(?:n|id|hash|s)?(?![a-z])|tx[ _-]?(?:id|hash)|transa[ckz]|hash(?<![a-z]hash)(?:es)?(?![a-z])|hash值"
    r"|block(?<![a-z]block)|explorer|[a-z]{0,12}scan(?![a-z])|mempool|public[ _-]?key|pubkey"
    r"|merkle|signature|sha-?256|checksum|digest|etag|commit|id(?![a-z])(?<![a-z]id)|uuid|nonce|address|addr(?<![a-z]addr)|contract|topic"
    r"|交易|哈希|哈西|雜湊|区块|區塊|高度|流水号|链上|鏈上|公[钥鑰]|签名|簽名|校验|地址|合约|合約"
    r"|islem (?:no|numara|kod|id)|トランザクション|ハッシュ|해시|트랜잭션|거래 ?(?:번호|id|코드)|"
    + _spelled("транзакц", "хеш", "хэш")
)
_WEAK_KEY = (
    r"key(?<![a-z]key)s?(?![a-z])|priv(?<![a-z]priv)(?:ate)?(?![a-z])|import|导入|導入|restor|恢复|恢復|secret|钥|鑰"
    r"|clave|llave|chave|chiave|schlussel|anahtar"
)
_WEAK_ID = (
    r"transfer|sent|send|deposit|withdr|swap|bridge|confirm|pending|arriv|receiv|stuck|order|receipt|paid|payment"
    r"|转账|轉賬|轉帳|跨链|跨鏈|转了|转的|一笔|那笔|兑换|手续费|处理中|到现在|e-\d(?<![a-z]e-\d)|轉了|转出|轉出|提币|提幣|提现|到账|到帳|充值|充币|收到|卡住|这笔|這筆|订单|訂單|单号|單號"
    r"|查一?下|红包|打包|确认|凭(?<![录陆份]凭)证|憑(?<![錄陸份]憑)證"
    r"|enviad|retir|recib|llega|llego|comprobante|uberweis|auszahl|einzahl|virement|islem|gonder|gelmedi"
    r"|送金|入金|出金|着金|송금|입금|출금|전송|거래(?!소)|"
    + _spelled("перевод", "перевел", "отправ", "получ", "вывод", "chuyển", "nhận", "giao dịch")
)


def _by_first_letter(*patterns: str) -> re.Pattern[str]:
    """All alternatives of some patterns, those that begin alike together, so that a letter is compared with a few; and
    those in Latin letters only where a word begins."""
    alike: dict[str, list[str]] = {}
    for pattern in patterns:
        for cue in re.findall(r"(?:[^|()]|\((?:[^()]|\([^()]*\))*\))+", pattern):
            alike.setdefault(cue[0], []).append(cue[1:])
    any_letter = "[" + "|[".join(alike.pop("["))
    latin, others = (
        "|".join(f"{letter}(?:{'|'.join(ends)})" for letter, ends in alike.items() if letter.isascii() is ascii)
        for ascii in (True, False)
    )
    return re.compile(rf"(?<![a-z])(?=[a-z])(?:{latin}|{any_letter})|(?=[^\x00-\u0429])(?:{others})")


_CUES = _by_first_letter(_KEY, _ID, _WEAK_KEY, _WEAK_ID)
_NAMES = re.compile(f"(?P<key>{_KEY})|(?P<id>{_ID})|(?P<weak_key>{_WEAK_KEY})|(?P<weak_id>{_WEAK_ID})")
_AMOUNT = re.compile(r"\d[.,]\d+ ?[a-z]{1,5}(?![a-z])")  # 693.43 sol: somebody speaks of a transfer
_OR = re.compile(r"\bor\b|还是|還是|或")
_LINK = re.compile(r"[a-z][a-z+.-]*://[^\s\"'<>，。]*\Z|\bwww\.[^\s\"'<>，。]*\Z|[/#][a-z]+/\Z|[?&][a-z_]{1,20}=\Z")
_KEY_IN_LINK = re.compile(r"(?:priv|prv|secret|seed|mnemonic|wif|[?&#][ps]?k(?:ey)?=|import/)[^/&]*\Z")
# Another key, id or address, or a mask where one was: what stands before it speaks of that one.
_BOUND = re.compile(
    r"(?<![0-9a-zA-Z+/=_-])(?=[a-zA-Z+/=_-]*(?:\d|[a-z][A-Z]))[0-9a-zA-Z+/=_-]{25,}|█{8,}"
)  # at least _SHORTEST_BOUND
_SHORTEST_BOUND = 25
_BARE = re.compile(r"[\W\d_]*(?:0x)?")
_LEFT, _RIGHT = 90, 48
_MOST_BEFORE = 12  # ids in a list that are passed over to find its heading


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
    left, begins = _words_before(text, start)
    right = text[end : end + _RIGHT].lower()
    if bound := _BOUND.search(right):
        right = right[: bound.start()]
    if begins and label:
        left = f"{label.lower()}: {left}"
    return _decide(left, right)


def speaks_of_keys(text: str) -> bool:
    """Whether any word of a text is one that stands beside keys."""
    return any(name in ("key", "weak_key") for name, _ in _cues(fold(text).text.lower()))


def _words_before(text: str, start: int) -> tuple[str, bool]:
    """The words since the last other key or id, and whether they begin the text. In a list of ids, those before the
    list, as if they stood in the line above."""
    above = ""
    for _ in range(_MOST_BEFORE):
        floor = max(0, start - 2 * _LEFT)
        near = text[floor:start]
        bounds: list[re.Match[str]] = []
        if MASK in near or max(map(len, near.split()), default=0) >= _SHORTEST_BOUND:
            bounds = list(_BOUND.finditer(text, floor, start))
        if not bounds:
            floor = max(0, start - _LEFT)
            return text[floor:start].lower() + above, floor == 0
        last = bounds[-1]
        if not _BARE.fullmatch(text, last.end(), start):
            return text[max(last.end(), start - _LEFT) : start].lower() + above, False
        start, above = last.start(), "\n"
    return "", False


_Cues = list[tuple[str, re.Match[str]]]


def _decide(left: str, right: str) -> Reading:
    before, after = _cues(left), _cues(right)
    line = left.rfind("\n") + 1
    line_ends = right.find("\n") if "\n" in right else len(right)
    if _asks_which(left, before, line, len(left)) or _asks_which(right, after, 0, line_ends):
        return Reading.DOUBT
    strong_before = [cue for cue in before if cue[0] in _STRONG]
    strong_after = [cue for cue in after if cue[0] in _STRONG]
    # Of words before and behind, those in the same line count first, and of those the ones before.
    if strong_before and (strong_before[-1][1].start() >= line or not _begins(strong_after, line_ends)):
        name, match = strong_before[-1]
        is_close = len(left) - match.end() <= 40
        contradicted = any(cue[0] != name for cue in strong_after[:1])
        if is_close or not contradicted:
            return _STRONG[name]
        return Reading.DOUBT
    names = {cue[0] for cue in before + after}
    if strong_after and (_begins(strong_after, line_ends) or "weak_id" not in names):
        return _STRONG[strong_after[0][0]]
    if "weak_key" in names:
        return Reading.DOUBT
    if "weak_id" in names or _AMOUNT.search(left) or _AMOUNT.search(right):
        return Reading.ID
    return Reading.DOUBT


def _cues(part: str) -> _Cues:
    """What is named in a part of a text, and where."""
    found = []
    for match in _CUES.finditer(part):
        name = _NAMES.match(part, match.start())
        assert name is not None
        found.append((name.lastgroup or "", match))
    return found


_STRONG = {"key": Reading.KEY, "id": Reading.ID}


def _begins(cues: _Cues, end: int) -> bool:
    """Whether the first of some cues stands before `end`."""
    return bool(cues) and cues[0][1].start() < end


def _asks_which(part: str, cues: _Cues, start: int, end: int) -> bool:
    """Whether both are named in the same line with an "or" between them."""
    if len(cues) < 2:
        return False
    inside = [(name, match) for name, match in cues if start <= match.start() < end]
    strong = [match for name, match in inside if name in _STRONG]
    named = {name for name, _ in inside} >= {"key", "id"}
    return named and _OR.search(part, strong[0].end(), strong[-1].start()) is not None
