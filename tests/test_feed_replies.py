"""What comes by a feed cannot be answered, and the page says why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.errors import ReplyRefusedError
from connectors.feed import Feed
from connectors.replying import Asked, Outgoing, Replying

AT = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
ASKED = Asked("1", AT, {"entry": {"id": "1"}})


@pytest.mark.parametrize("holds", ["posts", "weibo", "reviews", "notices", "ours"])
async def test_nothing_can_be_written_into_a_feed(holds: str) -> None:
    settings = {"connector": "feed", "url": "https://feed.example/rss", "holds": holds}
    async with Feed("feed", Feed.Config.model_validate(settings), since=AT) as feed:
        assert isinstance(feed, Replying)
        assert feed.reply_window(ASKED, AT).why == "feed"
        with pytest.raises(ReplyRefusedError, match="feed"):
            await feed.reply(Outgoing("1", "hello", ASKED, "amy", AT))
