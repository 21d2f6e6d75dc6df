"""What `aggregator check --connect` says of a feed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from connectors.contract import Finding
from connectors.feed.document import Document
from connectors.feed.memory import Listed
from connectors.feed.reading import Holds
from connectors.session import Answer
from connectors.wording import worded

_MAX_AGE = re.compile(r"max-age\s*=\s*(\d{1,9})")
OLDEST = timedelta(days=1)  # an answer, whatever its server says
TYPICAL = 2  # polls that must fit between an entry's arrival and its leaving the feed


def findings(
    document: Document, answer: Answer, listed: Sequence[Listed], poll_every: timedelta, holds: Holds
) -> Sequence[Finding]:
    return [*_contents(document, listed, holds), *_pace(document, answer, listed, poll_every)]


def _contents(document: Document, listed: Sequence[Listed], holds: Holds) -> Iterator[Finding]:
    times = sorted(each.at for each in listed if each.at)
    if not listed:
        yield Finding("warning", f"{document.format}: it answers, but lists nothing")
        return
    newest = worded(
        f"the newest of {times[-1]:%Y-%m-%d %H:%M} UTC" if times else "none of which says when it was written"
    )
    yield Finding("ok", f"{document.format}: {len(listed)} entries, {newest}")
    yield Finding("warning", f"only what it lists can be read: not what was said before its {len(listed)} entries")
    if made_up := sum(each.names.made_up for each in listed):
        yield Finding("warning", f"{made_up} entries have neither id nor address: an edit looks like a new post")
    if times and (undated := len(listed) - len(times)):
        yield Finding("warning", f"{undated} entries do not say when they were written: the time we see them counts")
    if holds == "weibo":
        yield Finding("warning", "no followers, likes or comments come this way: Weibo's own API tells them")
        if strange := sum(not each.names.key.startswith("s:") for each in listed):
            yield Finding("warning", f"{strange} entries do not lead to a Weibo post and are rejected")


def _pace(document: Document, answer: Answer, listed: Sequence[Listed], poll_every: timedelta) -> Iterator[Finding]:
    if not (answer.headers.get("etag") or answer.headers.get("last-modified")):
        yield Finding("warning", "it cannot say that nothing has changed: each poll reads all of it")
    if (wish := _wish(document, answer)) and wish > poll_every:
        yield Finding(
            "warning", f"it is made anew every {wish.total_seconds():.0f} s: polling more often brings nothing"
        )
    times = sorted(each.at for each in listed if each.at)
    if len(times) > 1 and (lasts := times[-1] - times[0]) < TYPICAL * poll_every:
        yield Finding(
            "warning",
            f"all it lists was written within {lasts.total_seconds():.0f} s: at such a pace entries are lost between "
            "two polls; set poll_every lower, or let it list more",
        )


def _wish(document: Document, answer: Answer) -> timedelta | None:
    return may_be_old(answer) or timedelta(minutes=document.minutes or 0) or None


def may_be_old(answer: Answer) -> timedelta:
    """How long ago what it shows may have been put together: RSSHub and what stands before a feed keep answers."""
    told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
    return min(timedelta(seconds=int(told[1])) if told else timedelta(0), OLDEST)
