"""What `aggregator check --connect` says of an official account."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.contract import Finding
from connectors.wechat.account import Account
from connectors.wechat.articles import Shelf
from connectors.wechat.budget import Budget
from connectors.wechat_api.errcode import NoSuchItemError, NotPermittedError
from connectors.wording import worded


async def login(account: Account, appid: str, budget: Budget, now: datetime) -> list[Finding]:
    """Raises the errors of a poll."""
    await budget.ask(account, now)
    minutes = int(account.token.good_for // 60)
    found = [Finding("ok", f"logged in as {appid}; the access token is good for {minutes} minutes and renews itself")]
    if quota := budget.quota():
        left = worded(f"calls for comments left today: {quota.left} of {quota.limit}")
        found.append(Finding("warning" if budget.is_low else "ok", left))
    return found


async def comments(account: Account, shelf: Shelf, now: datetime) -> Finding:
    """Whether comments can be read, tried on the newest article."""
    try:
        await shelf.restock(account, now)
        for article in shelf.due(now.timestamp()):
            try:
                rows, total = await account.comments(article.msg_data_id, article.index, 0)
            except NoSuchItemError:
                continue
            newest = max((row["create_time"] for row in rows if isinstance(row.get("create_time"), int)), default=None)
            latest = datetime.fromtimestamp(newest, UTC).isoformat() if newest else ""
            written = worded(f", the newest of {latest}") if latest else ""
            return Finding(
                "ok", f"comments can be read: {total} under the newest of {len(shelf.articles)} articles{written}"
            )
    except NotPermittedError as error:
        return Finding("failed", f"comments cannot be read: {error}")
    return Finding("warning", "no article with open comments was found")


async def agent_chats(account: Account, now: int) -> Finding:
    try:
        rows, _, _ = await account.chats(now - 3600, now, 1, 100)
    except NotPermittedError as error:
        return Finding("failed", f"agents' chats cannot be read: {error}")
    return Finding("ok", f"agents' chats can be read: {len(rows)} rows in the last hour")
