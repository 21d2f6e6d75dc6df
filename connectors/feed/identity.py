"""By what an entry is known: the same for each delivery, each format of the feed, and each feed that lists it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectors.feed.entry import Entry
from connectors.feed.weibo import weibo_post

_NAMED_EVERYWHERE = re.compile(r"^(?:urn:|tag:|[0-9a-f-]{32,40}$)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


class Mark(NamedTuple):
    """Of an entry that we know: what it said, its address with its title, its address with its time; its order, and
    who wrote it (None: it was noted before authors were)."""

    look: str
    by_title: str
    by_time: str
    order: int
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names an entry may be known: `key` to us (made up where the feed gives no id); the others tell it
    again when its id has changed; `look` changes with what it says."""

    key: str
    made_up: bool
    by_title: str
    by_time: str
    author: str
    look: str


def native_id(entry: Entry, *, place: str) -> tuple[str, bool]:
    """The post's id, and whether we made it up because the feed gives none.

    place: names the feed, for ids that are unique in it only.

    Ids that are unique everywhere (addresses, tag:, urn:) stand as they are, so that two feeds that list the same
    entry, or the same route of another host, give one post. An address is the same with http and https, and
    with whatever a campaign hangs on it.
    """
    if post := weibo_post(entry.link):
        return post.native_id, False
    if entry.rating is not None and entry.id:
        return f"appstore/{entry.id.rpartition('/')[2]}", False
    for name in (entry.id, entry.link):
        if name.startswith(("http://", "https://")):
            return address(name), False
        if name and _NAMED_EVERYWHERE.match(name):
            return name, False
        if name:
            return f"{place}#{name}", False
    return f"{place}#{_short(entry.author, entry.title, entry.published, '' if entry.published else entry.body)}", True


def address(url: str) -> str:
    """A URL as an id: without scheme, campaign and a slash at its end."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = [(name, value) for name, value in parse_qsl(parts.query, True) if not name.lower().startswith("utm_")]
    told = f"?{urlencode(query)}" if query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}{told}{fragment}"


def names(entry: Entry, *, place: str, home: str) -> Names:
    """home: the page of the whole feed, which as the address of an entry tells nothing."""
    key, made_up = native_id(entry, place=place)
    # The App Store's ids stay, but many reviews bear the same title, and all have one address.
    tells = entry.rating is None and entry.link and address(entry.link) != address(home)
    link = address(entry.link) if tells else ""
    return Names(
        key=key,
        made_up=made_up,
        by_title=_short(link, entry.title) if link and entry.title else "",
        by_time=_short(link, entry.published) if link and entry.published else "",
        author=_short(entry.author) if entry.author else "",
        look=_short(entry.title, _TAG.sub("", entry.body), entry.rating),
    )


def keys(listed: Sequence[Names], known: Mapping[str, Mark]) -> list[str]:
    """The key of each listed entry, the newest first. One whose id is new, but which stands at the address and
    bears the title or the time of a known one by the same author that is listed no more, is that one: some feeds give
    their entries new ids at every answer. Where ids last, a name that several known entries bear tells nothing: a page
    with many people's words."""
    present = {each.key for each in listed}
    gone: dict[tuple[str, str | None], str] = {}
    for key, mark in known.items():
        if key not in present:
            gone |= {(name, mark.author): key for name in (mark.by_title, mark.by_time) if name}
    shared = _borne_by_several(listed)
    if not present.isdisjoint(known):
        shared |= _borne_by_several(known.values())
    found = []
    for each in listed:
        own = [name for name in (each.by_title, each.by_time) if name not in shared]
        told = [(name, author) for name in own for author in (each.author, None)]
        candidates = [gone[name] for name in told if name in gone]
        found.append(each.key if each.key in known or not candidates else candidates[0])
    return found


def _borne_by_several(entries: Iterable[Names | Mark]) -> set[str]:
    often = Counter(name for each in entries for name in (each.by_title, each.by_time) if name)
    return {name for name, times in often.items() if times > 1}


def nameless(listed: object, *, place: str) -> Names:
    """Of what cannot be read."""
    return Names(key=f"{place}#{_short(listed)}", made_up=True, by_title="", by_time="", author="", look="")


def _short(*parts: object) -> str:
    return blake2b("\0".join(map(str, parts)).encode("utf-8", "replace"), digest_size=6).hexdigest()
