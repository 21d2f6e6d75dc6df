"""Transaction ids, addresses, links, amounts, versions and error codes that a post names.

Each pattern runs only behind a gate that is cheap and that most posts do not pass.
"""

from __future__ import annotations

import re

_LONG = re.compile(r"[0-9A-Za-z]{26}")
# Every id has a digit with more behind it, or is a Tron address, which begins with T.
_MAYBE_ID = re.compile(r"[0-9][0-9A-Za-z]{7}|T[0-9A-Za-z]{25}")
_TX = re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{64}(?![0-9A-Za-z])")
_BARE_TX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{64}(?![0-9A-Za-z])")
_TX_CUE = re.compile(r"tx|hash|transaction|交易|哈希|转账|轉賬|btc|bitcoin|比特币")
_SOLANA_TX = re.compile(r"(?<![0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{86,88}(?![0-9A-Za-z])")
_ADDRESS = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"0x[0-9a-fA-F]{40}"
    r"|bc1[02-9ac-hj-np-z]{11,71}"
    r"|T[1-9A-HJ-NP-Za-km-z]{33}"
    r"|[13][1-9A-HJ-NP-Za-km-z]{25,34}"
    r"|(?=[0-9A-Za-z]*[0-9])(?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])[1-9A-HJ-NP-Za-km-z]{43,44}"
    r")(?![0-9A-Za-z])"
)
_LINK = re.compile(
    r"https?://[^\s<>\"'，。；！？、）】」█]+"
    r"|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|app|xyz|cn|me|co|top|vip|cc|info|finance|exchange|site|online|"
    r"fi|gg|ly|ru|tk|pro|club|shop|live|link|network)(?![\w-])(?:/[^\s<>\"'，。；！？、）】」█]*)?",
    re.IGNORECASE,
)
_HOST = re.compile(r"https?://(?:[^/@\s]*@)?(?:[\w-]+\.)+[a-z][\w-]+", re.IGNORECASE)
_DOTTED = re.compile(r"\.[A-Za-z]")
_DIGIT = re.compile(r"[0-9]")
# A pattern that begins with its digit is found many times faster than one that begins by looking behind.
_AMOUNT = re.compile(
    r"([0-9](?<![A-Za-z0-9_.,][0-9])[0-9,]*(?:\.[0-9]+)?)\s{0,2}[个個枚]?\s{0,2}"
    r"([Uu][Ss][Dd][TtCc]|busd|dai|wbtc|btc|weth|eth|bnb|trx|sol|matic|pol|avax|arb|dot|ada|xrp|doge|shib|ton|ltc|u|"
    r"BUSD|DAI|WBTC|BTC|WETH|ETH|BNB|TRX|SOL|MATIC|POL|AVAX|ARB|DOT|ADA|XRP|DOGE|SHIB|TON|LTC|U)"
    r"(?![A-Za-z0-9])"
)
_VERSION = re.compile(r"([0-9](?<![A-Za-uw-z0-9_.][0-9])[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,4})(?![A-Za-z0-9_]|\.[0-9])")
_ERROR_CUES = ("err", "code", "错", "錯", "代码", "代碼")
_ERROR = re.compile(
    r"(?:error|err|code|错误码|错误代码|錯誤碼|錯誤代碼|错误|錯誤|报错|報錯|代码|代碼)\s{0,2}(?:code|码|碼)?\s{0,2}[:：#=]?\s{0,2}"
    r"([A-Z]{0,8}[-_]?[0-9]{2,6}|0x[0-9a-fA-F]{1,8}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![0-9A-Za-z])",
    re.IGNORECASE,
)


def find_entities(text: str, searchable: str) -> dict[str, list[str]]:
    """kind (`tx, address, link, amount, version, error`) -> distinct values as written, in the order of the text."""
    found: dict[str, list[str]] = {}
    dotted = "." in text
    if _DIGIT.search(text):
        if _MAYBE_ID.search(text) and _LONG.search(text):
            transactions = _TX.findall(text) + _SOLANA_TX.findall(text)
            if _TX_CUE.search(searchable):
                transactions += _BARE_TX.findall(text)
            _keep(found, "tx", transactions)
            _keep(found, "address", _ADDRESS.findall(text))
        _keep(found, "amount", [f"{number} {token.upper()}" for number, token in _AMOUNT.findall(text)])
        if dotted:
            _keep(found, "version", _VERSION.findall(text))
        if any(cue in searchable for cue in _ERROR_CUES):
            _keep(found, "error", _ERROR.findall(text))
    if dotted and _DOTTED.search(text):
        links = [link.rstrip(".,;:!?)") for link in _LINK.findall(text)]
        _keep(found, "link", [link for link in links if "://" not in link or _HOST.match(link)])
    return found


def _keep(found: dict[str, list[str]], kind: str, values: list[str]) -> None:
    if values:
        found[kind] = list(dict.fromkeys(values))
