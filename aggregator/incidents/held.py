"""Reports that are held one by one, so that the next posts can be put with them: by inquiry, by post, by thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, KeysView, Sequence
from typing import Final

from aggregator.identity import Id
from aggregator.incidents.reports import Report

MOST_POSTS: Final = 8
"""Posts of a report by which "me too" may find it: its first, and its newest."""

_LOOKED_AT = 200  # newest reports of a thread


class Held:
    """How many there may be is for others to say: what is let go leaves nothing behind."""

    def __init__(self) -> None:
        self._by_inquiry: dict[Id, Report] = {}
        self._by_post: dict[Id, Report] = {}
        self._in_thread: defaultdict[Id, list[Report]] = defaultdict(list)

    def __iter__(self) -> Iterator[Report]:
        return iter(list(self._by_inquiry.values()))

    def __len__(self) -> int:
        return len(self._by_inquiry)

    def inquiries(self) -> KeysView[Id]:
        return self._by_inquiry.keys()

    def of(self, inquiry: Id) -> Report | None:
        return self._by_inquiry.get(inquiry)

    def with_post(self, post: Id) -> Report | None:
        """The report that this post, or this alias of one, belongs to."""
        return self._by_post.get(post)

    def newest_in(self, thread: Id) -> Sequence[Report]:
        """In the order in which they were heard."""
        return self._in_thread.get(thread, [])[-_LOOKED_AT:]

    def hold(self, report: Report) -> None:
        self._by_inquiry[report.inquiry_id] = report
        self._in_thread[report.thread_id].append(report)

    def add_post(self, report: Report, post: Id) -> None:
        """Whoever answers this post speaks of the report."""
        if self._by_post.get(post) is report:
            return
        self._by_post[post] = report
        report.posts.append(post)
        if len(report.posts) > MOST_POSTS:
            self._drop_post(report, report.posts.pop(1))

    def let_go(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if self._by_inquiry.get(report.inquiry_id) is not report:
                continue
            del self._by_inquiry[report.inquiry_id]
            here = self._in_thread[report.thread_id]
            here.remove(report)
            if not here:
                del self._in_thread[report.thread_id]
            for post in report.posts:
                self._drop_post(report, post)

    def _drop_post(self, report: Report, post: Id) -> None:
        if self._by_post.get(post) is report:
            del self._by_post[post]

    def sizes(self) -> tuple[int, int, int]:
        """Reports, posts and threads that are known."""
        return len(self._by_inquiry), len(self._by_post), len(self._in_thread)
