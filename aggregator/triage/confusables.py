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
    "aаαɑᴀаⱥ∂д", "bвьƅʙβб฿ᏼ", "cсϲᴄҫςƈ¢", "dԁɗᴅժđð", "eеєеҽεɛᴇєэ€ɇë", "fғƒꜰſϝ", "gɡգցɢǵğ", "hһհнʜħђћի", "iіιɩıɪїįɨ¡ӏǀ",
    "jјϳյᴊ", "kкκҝᴋқĸ", "lⅼʟłן|ꞁ", "mмⅿᴍʍм", "nпոռηɴиήп", "oоοօσᴏøөօ๐०০〇ОΟ◯○", "pрρթᴘþ", "qԛգզϙ", "rгʀɼᴦѓ", "sѕꜱʂ§ś",
    "tтτᴛŧт†", "uυսцᴜυμʊ", "vνѵᴠⅴν", "wԝѡωᴡшщա₩", "xхχ×ⅹᕁж", "yуүγʏγ¥ўч", "zᴢʐżʒ",
)  # fmt: skip
_CAPITALS = ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhlkmnoptyx", "АВЕЅІЈКМНОРСТУХԜ", "abesljkmhopctyxw", "ՍՏԼՕ", "uslo")
_DIGITS = {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "6": "b", "7": "t", "8": "b", "9": "g", "2": "z"}
_SIGNS = {"@": "a", "$": "s", "!": "l", "|": "l", "€": "e", "£": "l", "+": "t"}

_SIMPLIFIED: dict[int, str] = {other: chr(simple) for simple, other in TRADITIONAL.items()}
_SIMPLIFIED |= {ord(a): b for a, b in zip("銭笼灬裏覇対応関発", "钱笼点里霸对应关发", strict=True)}


def _table() -> dict[int, str]:
    table = dict(_SIMPLIFIED)
    for letters in _LOOKALIKES:
        table |= {ord(other): letters[0] for other in letters[1:] if other not in "abcdefghijklmnopqrstuvwxyz"}
    for these, those in zip(_CAPITALS[::2], _CAPITALS[1::2], strict=True):
        table |= {ord(this): that for this, that in zip(these, those, strict=True)}
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6):  # squared, circled, regional
        table |= {first + number: chr(ord("a") + number) for number in range(26)}
    return table


_TO_LATIN = _table()
_TO_LETTERS = {ord(digit): letter for digit, letter in (_DIGITS | _SIGNS).items()}
_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cc", "So", "Sk"))  # marks, and what is invisible or a picture
_I = {ord("i"): "l"}
_CJK = "一-鿿㐀-䶿"
_WORD = re.compile(f"[a-z0-9@$!|+]+|[{_CJK}]+")
_TWICE = re.compile(r"([a-z])\1+")
_EDGE = re.compile(r"^[0-9@$!|+]+|[0-9@$!|+]+$")
# Letters that a hurried reader, or a hurried speller, takes for one another.
_ALIKE = tuple(map(frozenset, ("aeouy", "lftj", "nmhu", "uvwy", "ceo", "gqy", "bdp", "kxc", "szc", "vb", "rn")))
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


def plain(name: str) -> str:
    """Small letters of our script, without marks and invisible signs; digits and separators stay."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFKD", name).translate(_TO_LATIN).lower().translate(_TO_LATIN)
    seen = (one for one in decomposed if unicodedata.category(one) not in _UNSEEN)
    return unicodedata.normalize("NFC", "".join(seen))


def words(name: str) -> list[str]:
    """The words of a plain name, Chinese and Latin apart."""
    return _WORD.findall(name)


def humps(name: str) -> str:
    """`LanternSupport` in two words."""
    return _HUMP.sub(" ", name)


def skeleton(word: str) -> str:
    """One word as it is taken at a glance: digits inside as letters, those at its ends gone, no letter twice."""
    return squeezed(letter_by_letter(word))


def letter_by_letter(word: str) -> str:
    """The same with every letter that stands twice."""
    return word.translate(_I) if word.isalpha() else _EDGE.sub("", word).translate(_TO_LETTERS).translate(_I)


def read_whole(word: str) -> str:
    """The same with the digits at its ends as letters, too: `supp0r7`."""
    return squeezed(word.translate(_TO_LETTERS).translate(_I))


def squeezed(word: str) -> str:
    """No letter twice in a row."""
    return _TWICE.sub(r"\1", word)


def blurred(skeleton: str) -> str:
    """Two letters for one that they look like."""
    if "rn" in skeleton or "vv" in skeleton or "cl" in skeleton:
        return skeleton.replace("rn", "m").replace("vv", "w").replace("cl", "d")
    return skeleton


def _alike(letter: str, other: str) -> bool:
    return not letter.isascii() or any(letter in group and other in group for group in _ALIKE)


def differ(left: str, right: str, most: int) -> bool:
    """Whether more than `most` letters were added, dropped, swapped with their neighbour, or changed for one that is
    alike: waller is no wallet."""
    if abs(len(left) - len(right)) > most:
        return True
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        before, previous, row = previous, row, [i]
        for j, other in enumerate(right, 1):
            changed = 0 if letter == other else 1 if _alike(letter, other) else 2
            cost = min(
                previous[j] + 1,
                row[j - 1] + 1,
                previous[j - 1] + changed,
            )
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return True
    return row[-1] > most
