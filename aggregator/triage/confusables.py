"""Names in the one form in which look-alikes are alike: what a hurried reader sees, not which letters stand there.

Letters of other scripts, small capitals, letters in circles and squares, digits for letters, doubled letters,
traditional characters, and signs that nobody sees (Unicode TR 39, as far as impostors use it).
"""

from __future__ import annotations

import re
import unicodedata

from aggregator.triage.language import TRADITIONAL

# A Latin letter, then what is taken for it: Cyrillic, Greek, Armenian, Cherokee, Hebrew, IPA and small capitals.
_LOOKALIKES = (
    "aаαɑᴀаⱥ∂д", "bвьƅʙβб฿ᏼ", "cсϲᴄҫςƈ¢", "dԁɗᴅժđð", "eеєеҽεɛᴇєэ€ɇë", "fғƒꜰſϝ", "gɡգցɢǵğ", "hһհнʜħђћի", "iіιɩıɪїįɨ¡ӏǀιاוו",
    "jјϳյᴊ", "kкκҝᴋқĸ", "lⅼӏʟłıاןו|ꞁ", "mмⅿᴍʍм", "nпոռηɴиήп", "oоοօσᴏøөօ๐०০〇ОΟ◯○", "pрρթᴘþ", "qԛգզϙ", "rгʀɼᴦѓр", "sѕꜱʂ§ś",
    "tтτᴛŧт†", "uυսцᴜυμʊ", "vνѵᴠⅴν", "wԝѡωᴡшщա₩", "xхχ×ⅹᕁж", "yуүγʏγ¥ўч", "zᴢʐżʒ",
)  # fmt: skip
_DIGITS = {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "6": "b", "7": "t", "8": "b", "9": "g", "2": "z"}
_SIGNS = {"@": "a", "$": "s", "!": "l", "|": "l", "€": "e", "£": "l", "+": "t"}

_SIMPLIFIED: dict[int, str] = {other: chr(simple) for simple, other in TRADITIONAL.items()}
_SIMPLIFIED |= {ord(a): b for a, b in zip("銭笼灬裏覇対応関発", "钱笼点里霸对应关发", strict=True)}


def _table() -> dict[int, str]:
    table = dict(_SIMPLIFIED)
    for letters in _LOOKALIKES:
        table |= {ord(other): letters[0] for other in letters[1:] if other not in "abcdefghijklmnopqrstuvwxyz"}
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6):  # squared, circled, regional
        table |= {first + number: chr(ord("a") + number) for number in range(26)}
    return table


_TO_LATIN = _table()
_TO_LETTERS = {ord(digit): letter for digit, letter in (_DIGITS | _SIGNS).items()}
_I = {ord("i"): "l"}
_CJK = "一-鿿㐀-䶿"
_WORD = re.compile(f"[a-z0-9@$!|+]+|[{_CJK}]+")
_TWICE = re.compile(r"([a-z])\1+")
_DIGIT_OR_SIGN = re.compile(r"[0-9@$!|+]")
_EDGE = re.compile(r"^[0-9@$!|+]+|[0-9@$!|+]+$")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


def plain(name: str) -> str:
    """Small letters of our script, without marks and invisible signs; digits and separators stay."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFKD", name).translate(_TO_LATIN).lower().translate(_TO_LATIN)
    return unicodedata.normalize(
        "NFC", "".join(one for one in decomposed if unicodedata.category(one) not in ("Mn", "Me", "Cf", "Cc", "So", "Sk"))
    )


def words(name: str) -> list[str]:
    """The words of a plain name, Chinese and Latin apart."""
    return _WORD.findall(name)


def humps(name: str) -> str:
    """`LanternSupport` in two words."""
    return _HUMP.sub(" ", name)


def skeleton(word: str) -> str:
    """One word as it is taken at a glance: digits inside as letters, those at its end gone, no letter twice."""
    if not word.isalpha():
        bare = _EDGE.sub("", word) if any(letter.isalpha() for letter in word) else word
        word = bare.translate(_TO_LETTERS)
    return squeezed(word)


def read_whole(word: str) -> str:
    """The same with the digits at its end as letters, too: `supp0r7`."""
    return squeezed(word.translate(_TO_LETTERS))


def squeezed(word: str) -> str:
    word = word.translate(_I)
    if "rn" in word or "vv" in word or "cl" in word or "nn" in word:
        word = word.replace("rn", "m").replace("vv", "w").replace("cl", "d")
    return _TWICE.sub(r"\1", word)


def differ(left: str, right: str, most: int) -> bool:
    """Whether more than `most` letters were changed, added, dropped, or swapped with their neighbour."""
    if abs(len(left) - len(right)) > most:
        return True
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        before, previous, row = previous, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return True
    return row[-1] > most
