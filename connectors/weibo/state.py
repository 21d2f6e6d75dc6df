"""All that the cursor of a Weibo source holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from connectors.contract import Cursor
from connectors.weibo.account import Account
from connectors.weibo.api import COMMENT_MENTIONS, COMMENTS, MENTIONS, Endpoint
from connectors.weibo.plan import Profile, Pulse
from connectors.weibo.spots import Kind, Listed, OwnPost, OwnPosts, Search, Spot
from connectors.weibo.walk import Place

What = Literal["mentions", "comments", "comment_mentions", "own_posts"]

# The number: posts per hour that we expect before we know. Mentions come first.
LISTS: Final[Mapping[What, tuple[Endpoint, Kind, float]]] = {
    "mentions": (MENTIONS, "status", 1.0),
    "comments": (COMMENTS, "comment", 0.5),
    "comment_mentions": (COMMENT_MENTIONS, "comment", 0.25),
}


@dataclass
class State:
    """denied: by place, which Weibo does not let us read, since when (epoch seconds) and why. cut_off: ids of posts
    of which we have not read the whole text."""

    spots: list[Spot]
    account: Account
    profile: Profile
    cut_off: list[str] = field(default_factory=list)
    denied: dict[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Cursor | None, what: frozenset[What], words: Sequence[str]) -> State:
        stored = cursor or {}
        profile = stored.get("profile", {})
        spots = list(_spots(stored.get("spots", {}), what, words))
        names = {spot.name for spot in spots}
        return cls(
            spots,
            Account.of(stored.get("account", {})),
            Profile(profile.get("day", ""), profile.get("days", 0.0), list(profile.get("by_hour", [0.0] * 24))),
            list(stored.get("cut_off", ())),
            {name: (at, why) for name, (at, why) in stored.get("denied", {}).items() if name in names},
        )

    def cursor(self) -> Cursor:
        return {
            "spots": {spot.name: spot.cursor() for spot in self.spots},
            "account": self.account.cursor(),
            "profile": self.profile.cursor(),
            "cut_off": list(self.cut_off),
            "denied": {name: list(denial) for name, denial in self.denied.items()},
        }

    def complete_to(self, since: datetime) -> datetime:
        """Until when every place has been asked for what was written there."""
        asked = [spot.pulse.complete_to or since for spot in self.spots if spot.name not in self.denied]
        return min(asked, default=since)


def _spots(stored: Mapping[str, Any], what: frozenset[What], words: Sequence[str]) -> Iterator[Spot]:
    for name, (endpoint, kind, usual) in LISTS.items():
        if name in what:
            spot = stored.get(name, {})
            yield Listed(name, endpoint, kind, Pulse.of(spot, usual), Place.of(spot.get("place")))
    if "own_posts" in what:
        spot = stored.get("own_posts", {})
        posts = {key: OwnPost.of(post) for key, post in spot.get("posts", {}).items()}
        yield OwnPosts("own_posts", Pulse.of(spot, 0.25), Place.of(spot.get("place")), posts)
    for word in words:
        yield Search.of(f"search: {word}", word, 0.5, stored.get(f"search: {word}", {}))
