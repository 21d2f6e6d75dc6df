"""Where an answer of ours leads: only to our own domains, and to those that connectors.yaml names as official."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aggregator.hosts import domain_of, host_and_path
from aggregator.triage.entities.links import ENDINGS
from aggregator.triage.impersonation import OurNames

_LETTERS = "A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_REST = r"[^\s<>\"'，。；！？、）】」】█]*"
_URL = re.compile(rf"https?://(?P<host>[^\s<>\"'，。；！？、）】」】█/?#]+){_REST}", re.IGNORECASE)
# A host by itself; Chinese may stand on both sides without a space.
_BARE = re.compile(
    rf"(?<![{_LETTERS}@._/-])(?P<host>(?:[{_LETTERS}-]{{1,63}}\.)+(?P<ending>[A-Za-z]{{2,24}}|xn--[a-z0-9-]+))"
    rf"(?![{_LETTERS}-])(?P<rest>[/:?#]{_REST})?"
)
_MAIL = re.compile(rf"(?<![\w.+-])[A-Za-z0-9][\w.+-]{{0,64}}@((?:[{_LETTERS}-]+\.)+[A-Za-z]{{2,}})", re.ASCII)
_HANDLE = re.compile(r"(?<![\w.@/])@([A-Za-z][A-Za-z0-9_]{3,31})(?![\w@]|\.\w)", re.ASCII)
_ENDS = re.compile(rf"(?:{ENDINGS})$", re.IGNORECASE)
_BETWEEN_SENTENCES = re.compile(r"[A-Z][a-z]+$")  # done.So

Wrong = Literal["link", "lookalike", "handle"]


class WrongLink(NamedTuple):
    """lookalike: it poses as ours; handle: so does an account."""

    kind: Wrong
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Official:
    """Where answers may lead. `places`: domains, or a domain and the beginning of a path such as t.me/lantern."""

    names: OurNames
    places: tuple[str, ...] = ()
    handles: frozenset[str] = frozenset()

    @property
    def is_told(self) -> bool:
        """Whether anybody has said which domains are official."""
        return bool(self.names.domains or self.places)

    def has(self, url: str) -> bool:
        host, path = host_and_path(url if "://" in url else f"https://{url}")
        host = host.rstrip(".").removeprefix("www.")
        return self.names.is_ours(host) or any(_is_beneath(host, path, place) for place in self.places)

    def poses(self, host: str, path: str = "") -> bool:
        """Whether a host that is not official, or an account there, has a name near ours."""
        labels = [*_readable(host).rstrip(".").split(".")[:-1], *path.strip("/@").split("/")[:1]]
        return any(
            self.names.judge(label) is not None or self.names.lures("", [f"{label}.x"])
            for label in labels
            if label != "www"
        )


def official(names: OurNames, places: Iterable[str], handles: Iterable[str]) -> Official:
    return Official(
        names,
        tuple(place.lower().removeprefix("www.").rstrip("/") for place in places),
        frozenset(handle.lower().removeprefix("@") for handle in handles),
    )


def wrong_links(text: str, where: Official, known: frozenset[str] = frozenset()) -> list[WrongLink]:
    """Links, mail addresses and handles that are not ours; `known`: the customer's own addresses, in small letters."""
    return sorted(_wrong(text, where, known), key=lambda one: one.start)


def _wrong(text: str, where: Official, known: frozenset[str]) -> Iterator[WrongLink]:
    covered = []
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?)")
        covered.append((match.start(), match.end()))
        if not where.has(url):
            host, path = host_and_path(url)
            yield _link(where, host or url, path, match.start(), match.start() + len(url))
    for match in _MAIL.finditer(text):
        covered.append(match.span())
        if match[0].lower() not in known and not where.has(match[1].lower()):
            yield _link(where, match[1].lower(), "", *match.span())
    for match in _BARE.finditer(text):
        if any(left <= match.start() < right for left, right in covered):
            continue
        host = match["host"].lower()
        poses = not where.has(match[0]) and where.poses(host)
        if not poses and (
            _BETWEEN_SENTENCES.match(match["ending"]) or not (match["rest"] or _ENDS.match(match["ending"]))
        ):
            continue
        if poses or not where.has(match[0]):
            yield _link(where, host, match["rest"] or "", match.start(), match.end())
    for match in _HANDLE.finditer(text):
        if match[1].lower() not in where.handles and where.names.judge("", match[1]) is not None:
            yield WrongLink("handle", *match.span(), match[0])


def _link(where: Official, host: str, path: str, start: int, end: int) -> WrongLink:
    shown = domain_of(host.removeprefix("www."))
    return WrongLink("lookalike" if where.poses(host, path) else "link", start, end, shown)


def _is_beneath(host: str, path: str, place: str) -> bool:
    domain, _, under = place.partition("/")
    if host != domain and not host.endswith(f".{domain}"):
        return False
    return not under or path.strip("/").lower() == under or path.strip("/").lower().startswith(f"{under}/")


def _readable(host: str) -> str:
    """With the letters that a reader sees."""
    try:
        return ".".join(
            label.encode("ascii").decode("idna") if label.startswith("xn--") else label for label in host.split(".")
        )
    except UnicodeError:
        return host
