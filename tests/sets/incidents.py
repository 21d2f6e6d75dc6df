"""A day of many faults at once: reports of twelve incidents between ordinary posts, each with the truth beside it.

A report that tells its incident only by the post it answers ("me too") carries its label; the same words without an
answered post carry none. The two swap incidents overlap in time, and every report of theirs names its chain, its
error or what was answered: they are never one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.sets import rows
from tests.sets.fills import AGAIN, CLOSERS, ME_TOO, OPENERS, WORKS_HERE, filled, nickname

DAY = datetime(2026, 3, 12, tzinfo=UTC)
CHANNELS = {
    "telegram": "telegram",
    "qq": "qq/10007",
    "discourse": "discourse/forum.heron.example",
    "weibo": "weibo",
    "chat": "chat/site",
    "email": "email",
}
ANSWERABLE = ("telegram", "qq", "discourse", "weibo")


@dataclass(frozen=True)
class Report:
    """One post of the day; `native_id` and `author` are unique in `space`, `reply_to` is a native id of it."""

    native_id: str
    at: datetime
    author: str
    channel: str
    space: str
    thread: str
    lang: str
    text: str
    incident: str | None
    reply_to: str | None = None


@dataclass(frozen=True)
class Incident:
    """What its reporters share, and how they come: all at once, or slowly over the day."""

    key: str
    shares: Mapping[str, str]
    reports: tuple[int, int]
    starts_h: tuple[float, float]
    lasts_h: float
    burst: bool = True


INCIDENTS = (
    Incident("swap-bsc", {"feature": "swap", "chain": "bsc", "version": "5.13.2", "error": "SWAP-2041"},
             (45, 60), (5.0, 6.5), 7.0),
    Incident("swap-arbitrum", {"feature": "swap", "chain": "arbitrum", "error": "SWAP-2077"},
             (20, 30), (6.5, 8.0), 5.0),
    Incident("withdraw-usdc", {"feature": "withdrawal", "token": "USDC"}, (30, 45), (3.0, 5.0), 14.0, burst=False),
    Incident("crash-android", {"feature": "app", "version": "5.14.0", "os": "android"}, (45, 60), (7.0, 9.0), 6.0),
    Incident("price-feed", {"feature": "price", "token": "ETH"}, (14, 24), (10.0, 12.0), 1.5),
    Incident("phishing-site", {"feature": "phishing", "domain": "heron-claim.example"},
             (18, 28), (2.0, 6.0), 15.0, burst=False),
    Incident("fake-support", {"feature": "impersonator", "handle": "heron_help_desk"},
             (10, 16), (4.0, 8.0), 12.0, burst=False),
    Incident("login-codes", {"feature": "login"}, (28, 40), (9.0, 11.0), 3.0),
    Incident("card-declined", {"feature": "card"}, (12, 20), (8.0, 10.0), 8.0, burst=False),
    Incident("nft-empty", {"feature": "nft"}, (8, 14), (12.0, 14.0), 4.0),
    Incident("bridge-base", {"feature": "bridge", "chain": "base"}, (12, 20), (6.0, 9.0), 9.0, burst=False),
    Incident("staking-sol", {"feature": "staking", "token": "SOL"}, (5, 9), (1.0, 3.0), 18.0, burst=False),
)  # fmt: skip

ORDINARY = {"question": 150, "thanks": 90, "price": 120, "chatter": 130, "spam": 40, "vague": 25}


def stream(seed: int, phrases: str = "incident_phrases.tsv") -> list[Report]:
    """The whole day in the order of time; the same seed gives the same day.

    phrases: what is reported. `incident_phrases_later.tsv` is of a hand that came when the rules had been made, and its
    mistakes were studied since; `incident_phrases_oblique.tsv` is of two more, asked for irony, half sentences and
    indirect words, and was studied, too. Those of `incident_phrases_apart.tsv`, of the same hand as the later ones, are
    only counted, and not to be read by who changes the rules.
    """
    day = _Day(random.Random(f"day {seed}"), phrases)
    for incident in INCIDENTS:
        day.reported(incident)
    day.single_faults()
    day.ordinary_posts()
    return sorted(day.posts, key=lambda post: (post.at, post.space, post.native_id))


@dataclass
class _Day:
    rng: random.Random
    phrases: str
    posts: list[Report] = field(default_factory=list)

    def reported(self, incident: Incident) -> None:
        """First reports, then the vague answers to them and those who ask twice."""
        count = self.rng.randint(*incident.reports)
        later = round(count * 0.2)
        times = sorted(self._times(incident, count))
        phrases = self._in_turn([row for row in rows(self.phrases) if row["incident"] == incident.key])
        own = [self._first(at, next(phrases), incident.key) for at in times[: count - later]]
        for at in times[count - later :]:
            earlier = [post for post in own if post.at < at] or own[:1]
            in_public = [post for post in earlier if post.channel in ANSWERABLE]
            if in_public and self.rng.random() < 0.6:
                self._me_too(at, self.rng.choice(in_public), incident.key)
            else:
                self._again(at, self.rng.choice(earlier), next(phrases), incident.key)

    def single_faults(self) -> None:
        """Each is one person's own trouble in words that incidents use too, so none is told twice."""
        for row in (row for row in rows("ordinary_posts.tsv") if row["kind"] == "fault"):
            self._first(self._any_time(), row, None)

    def ordinary_posts(self) -> None:
        for kind, count in ORDINARY.items():
            texts = self._in_turn([row for row in rows("ordinary_posts.tsv") if row["kind"] == kind])
            for _ in range(count):
                self._first(self._any_time(), next(texts), None, ANSWERABLE if kind in ("chatter", "price") else None)
        for reported in self.rng.sample([post for post in self.posts if post.incident], 30):
            self._answer(reported, self.rng.choice(WORKS_HERE[_zh_or_en(reported.lang)]), None, minutes=40)

    def _first(
        self, at: datetime, row: Mapping[str, str], incident: str | None, channels: tuple[str, ...] | None = None
    ) -> Report:
        lang = row["lang"]
        words = filled(row["text"], lang, self.rng)
        if incident and lang in OPENERS:
            words = self.rng.choice(OPENERS[lang]) + words + self.rng.choice(CLOSERS[lang])
        channel = self.rng.choice(channels or self._where(lang))
        return self._post(at, self._new_author(lang), channel, self._thread(channel), lang, words, incident)

    def _me_too(self, at: datetime, reported: Report, incident: str) -> None:
        words = self.rng.choice(ME_TOO[_zh_or_en(reported.lang)])
        self._answer(reported, words, incident, at=at)

    def _again(self, at: datetime, reported: Report, row: Mapping[str, str], incident: str) -> None:
        """The same person once more, in the same place: in other words, or only impatiently under the first post."""
        at = max(at, reported.at + timedelta(minutes=12))
        if self.rng.random() < 0.5:
            words = self.rng.choice(AGAIN[_zh_or_en(reported.lang)])
            self._answer(reported, words, incident, at=at, author=reported.author)
            return
        words, lang = filled(row["text"], row["lang"], self.rng), row["lang"]
        self._post(at, reported.author, reported.channel, reported.thread, lang, words, incident)

    def _answer(
        self,
        reported: Report,
        words: str,
        incident: str | None,
        at: datetime | None = None,
        minutes: int = 5,
        author: str | None = None,
    ) -> None:
        at = max(at or reported.at, reported.at + timedelta(seconds=self.rng.randint(40, minutes * 60)))
        lang = _zh_or_en(reported.lang)
        who = author or self._new_author(lang)
        self._post(at, who, reported.channel, reported.thread, lang, words, incident, reported.native_id)

    def _post(
        self,
        at: datetime,
        author: str,
        channel: str,
        thread: str,
        lang: str,
        text: str,
        incident: str | None,
        reply_to: str | None = None,
    ) -> Report:
        native_id = f"{thread}/{len(self.posts) + 1}"
        space = CHANNELS[channel]
        post = Report(native_id, at, author, channel, space, thread, lang, text, incident, reply_to)
        self.posts.append(post)
        return post

    def _times(self, incident: Incident, count: int) -> Iterator[datetime]:
        start = DAY + timedelta(hours=self.rng.uniform(*incident.starts_h))
        for _ in range(count):
            share = min(self.rng.expovariate(5.0), 1.0) if incident.burst else self.rng.random()
            yield start + timedelta(hours=share * incident.lasts_h, milliseconds=self.rng.randrange(1000))

    def _any_time(self) -> datetime:
        return DAY + timedelta(seconds=self.rng.randrange(23 * 3600), milliseconds=self.rng.randrange(1000))

    def _in_turn(self, choices: list[dict[str, str]]) -> Iterator[dict[str, str]]:
        """Every choice once before any comes again."""
        while True:
            yield from self.rng.sample(choices, len(choices))

    def _where(self, lang: str) -> tuple[str, ...]:
        if lang == "zh":
            return ("telegram", "qq", "qq", "weibo", "weibo", "discourse", "chat", "email")
        return ("telegram", "telegram", "discourse", "discourse", "chat", "email")

    def _thread(self, channel: str) -> str:
        number = self.rng.randrange(10**8)
        return {
            "telegram": self.rng.choice(("-1001830077", "-1001830078")),
            "qq": "620118",
            "discourse": f"topic-{number}",
            "weibo": f"50{number:08d}",
            "chat": f"talk-{number}",
            "email": f"<{number}@mail.example>",
        }[channel]

    def _new_author(self, lang: str) -> str:
        return f"{nickname(lang, self.rng)}{len(self.posts) + 1}"


def _zh_or_en(lang: str) -> str:
    return "zh" if lang == "zh" else "en"
