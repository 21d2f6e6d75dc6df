"""Who poses as one of us: by a name near ours, or by what such people do.

`OurNames.judge` is pure and remembers what it judged, for an account writes many posts. Whether a lure answers
somebody who waits for us is seen where posts are assigned (aggregator/people/suspects.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aggregator.triage.confusables import (
    blurred,
    differ,
    humps,
    letter_by_letter,
    plain,
    read_whole,
    skeleton,
    squeezed,
    words,
)
from aggregator.triage.posing import FILLER, LEFT_OVER, ROLE, WEAK, PosingWords, posing_words

LURE_SCORE = 0.6
_REMEMBERED = 50_000
_LONGEST = 64  # letters of a name
_FULL = {True: 3, False: 6}  # so long is a name that few people share by chance
_HOST = re.compile(r"(?:https?://)?(?:[^/\\?#\s]*@)?([^/\\:?#\s]+)", re.IGNORECASE)
_MESSENGER_LINK = re.compile(
    r"(?:^|[/.])(?:t\.me|telegram\.me|wa\.me|whatsapp\.com|line\.me|discord\.gg|u\.wechat\.com|qm\.qq\.com|m\.me|signal\.me)$"
)
_ADDRESSED = re.compile(
    r"(?:contact|message|msg|dm|pm|write(?: to)?|reach(?: out to)?|text|add|inbox|私信|私聊|联系|聯繫|添加|加|找)"
    r"\D{0,8}?(?<!\w)@([a-z]\w{3,})"
)
_LURING_HOST = re.compile(
    r"verif|valid|sync|claim|recover|restor|rectif|migrat|airdrop|unlock|kefu"
    r"|(?:wallet|node|dapp).*(?:support|help|fix)|(?:support|help|fix).*(?:wallet|node|dapp)"
)

Reason = Literal["name", "role", "lure"]


class Pose(NamedTuple):
    """Why an account is suspected, and how surely (0-1)."""

    reason: Reason
    score: float


class _Name(NamedTuple):
    """A name to be judged: its words, the same at a glance, and these together without roles at the ends."""

    parts: Sequence[str]
    bare: Sequence[str]
    cores: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Ours:
    """One of our names.

    near: so many letters may differ. alone: it needs no role beside it. stem: our name without what others have in
    theirs, too ("Lantern" of "Lantern Wallet").
    """

    spelling: str
    written: str  # with its double letters
    near: int
    alone: bool
    stem: bool
    letters: frozenset[str]
    lacks: int  # so many of its letters a name that comes near may lack

    def besides(self, text: str, name: _Name, said: PosingWords) -> Iterator[str]:
        """What stands in a name, read as `text`, besides ours, if ours does."""
        spelling = self.spelling
        if self.stem and spelling.isascii():
            if spelling in name.bare:
                yield "".join(part for part in name.bare if part != spelling)
            elif spelling in name.cores:  # supportheron, but not supporttheron: Theron is somebody's name
                left = "".join(map(letter_by_letter, name.parts)).replace(self.written, "", 1)
                if not said.strip(left)[1]:
                    yield left
            return
        at = text.find(spelling)
        if at >= 0:
            end = at + len(spelling)
            yield text[:at] + text[end:]
            if at:  # a letter that two words share was written twice
                yield text[: at + 1] + text[end:]
            if end < len(text):
                yield text[:at] + text[end - 1 :]
        elif self.near:
            if not self._differs(text):
                yield ""
            elif near := next((core for core in name.cores if core != text and not self._differs(core)), None):
                yield text.replace(near, "", 1)
        elif not spelling.isascii() and len(spelling) == 3:
            yield from self._one_sign_off(text, said)

    def _differs(self, text: str) -> bool:
        long = abs(len(text) - len(self.spelling)) > self.near
        if long or len(self.letters.symmetric_difference(text)) > 2 * self.near:
            return True
        return differ(text, self.spelling, self.near)

    def _one_sign_off(self, text: str, said: PosingWords) -> Iterator[str]:
        """Of three Chinese signs the first and one more, with a role beside them."""
        at = text.find(self.spelling[0])
        window = text[at : at + 3] if at >= 0 else ""
        if len(window) == 3 and sum(one != other for one, other in zip(window, self.spelling, strict=True)) == 1:
            rest = text[:at] + text[at + 3 :]
            if said.strip(rest)[0] == ROLE:
                yield rest


def _poses(ours: _Ours, role: int, left: str) -> bool:
    if role == FILLER:
        return ours.alone and len(left) <= (left.isascii() and ours.near)
    if ours.stem and role == WEAK:
        return not left
    return len(left) <= LEFT_OVER[not left.isascii()]


def _is_helpdesk(parts: Sequence[str], text: str, said: PosingWords) -> bool:
    """A name of roles alone, two at least; or a role with some wallet."""
    if not text.isascii() and said.is_some_helpdesk(parts, text):
        return True
    if not said.are_whole(parts):
        return False
    role, left = said.strip(text)
    if role == ROLE and not left and text not in said.ends:
        return True
    spelled = [part for part in parts if part not in said.small and part.isalpha()]
    if len(spelled) < 2 or not text.isascii():
        return False
    # Where two words meet, a double letter may be one of each: support team. And "customer support" is one role.
    role, left = said.strip("".join(map(skeleton, spelled)))
    return role == ROLE and not left


class OurNames:
    """The names that people know us by. Pickles: worker processes get a copy."""

    def __init__(self, brand: Iterable[str], people: Iterable[str] = (), domains: Iterable[str] = ()) -> None:
        """
        Args:
            brand: names and handles of the product and of its accounts.
            people: names of colleagues.
            domains: ours; what lies beneath them is ours, too.
        """
        self.given = (tuple(brand), tuple(people), tuple(domains))
        self.domains = tuple(domain.lower().removeprefix("www.") for domain in self.given[2])
        said = posing_words()
        labels = [domain.rpartition(".")[0].rpartition(".")[2] or domain for domain in self.domains]
        self._ours = _names([*self.given[0], *labels], self.given[1], said)
        self._handles = frozenset(name.lower().removeprefix("@") for name in self.given[0])
        self._judged: dict[tuple[str, str | None], Pose | None] = {}

    def __reduce__(self) -> tuple[type[OurNames], tuple[tuple[str, ...], ...]]:
        return OurNames, self.given

    def judge(self, name: str, handle: str | None = None) -> Pose | None:
        """Whether a customer's name or handle poses as ours."""
        key = name, handle
        try:
            return self._judged[key]
        except KeyError:
            pass
        if len(self._judged) > _REMEMBERED:
            self._judged.clear()
        pose = self._pose(name[:_LONGEST], shown=True) if name else None
        if pose is None and handle and handle != name:
            pose = self._pose(handle[:_LONGEST], shown=False)
        self._judged[key] = pose
        return pose

    def _pose(self, name: str, *, shown: bool) -> Pose | None:
        said = posing_words()
        parts = words(plain(humps(name)))
        bare = [word for part in parts if (word := skeleton(part)) and part not in said.small]
        text = squeezed("".join(bare))
        badge = WEAK if not name.isascii() and not said.badges.isdisjoint(name) else FILLER
        texts = tuple(dict.fromkeys((text, squeezed("".join(map(read_whole, parts))), blurred(text))))
        seen = frozenset("".join(texts))
        near = [ours for ours in self._ours if len(ours.letters - seen) <= ours.lacks]
        if near:
            read = _Name(parts, bare, (said.strip(text)[1], said.strip(text, least=FILLER)[1]))
            for ours in near:
                for rest in (rest for each in texts for rest in ours.besides(each, read, said)):
                    role, left = said.strip(rest)
                    if _poses(ours, max(role, badge), left) and not said.is_customer(parts, rest):
                        return Pose("name", 0.9)
        return Pose("role", 0.6) if shown and _is_helpdesk(parts, text, said) else None

    def is_ours(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def lures(self, searchable: str, links: Iterable[str]) -> bool:
        """Whether a text leads people away to where others do not look on, or to a page that poses as ours."""
        said = posing_words()
        if said.lures_in(searchable) or any(self._luring(link) for link in links):
            return True
        if "@" not in searchable:
            return False
        return any(
            found[1] not in self._handles and not said.is_told(searchable, found.start())
            for found in _ADDRESSED.finditer(searchable)
        )

    def _luring(self, link: str) -> bool:
        found = _HOST.match(link)
        host = found[1].lower().removeprefix("www.") if found else ""
        if not host or self.is_ours(host):
            return False
        if _MESSENGER_LINK.search(host) or _LURING_HOST.search(host):
            return True
        label = "".join(words(plain(host.rpartition(".")[0])))
        return any(ours.alone and ours.spelling in read_whole(label) for ours in self._ours if len(ours.spelling) > 4)


def _names(brand: Iterable[str], people: Iterable[str], said: PosingWords) -> tuple[_Ours, ...]:
    found: dict[str, _Ours] = {}
    for name in brand:
        parts = words(plain(humps(name)))
        whole = "".join(parts)
        _add(found, whole, alone=True)
        stem = said.without_generic("".join(part for part in parts if part not in said.generic))
        if stem != whole:
            _add(found, stem, alone=False)
    for name in people:
        whole = "".join(words(plain(name)))
        _add(found, whole, alone=len(whole) >= _FULL[not whole.isascii()], person=True)
    return tuple(sorted(found.values(), key=lambda ours: (ours.stem, not ours.alone, -len(ours.spelling))))


def _add(found: dict[str, _Ours], name: str, *, alone: bool, person: bool = False) -> None:
    spelling, length, chinese = skeleton(name), len(name), not name.isascii()
    if length < (2 if chinese else 4) or (spelling in found and found[spelling].alone):
        return
    near = 0 if person or not alone or length < (4 if chinese else 7) else 2 if length >= 14 else 1
    lacks = max(near, 1 if chinese and length == 3 else 0)
    for form in dict.fromkeys((spelling, blurred(spelling))):
        found[form] = _Ours(form, letter_by_letter(name), near, alone, not alone, frozenset(form), lacks)
