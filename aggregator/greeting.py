"""What `aggregator run` says to the person who started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.users import sign_in_link

if TYPE_CHECKING:
    from aggregator.service import Running


def greeting(service: Running) -> str:
    """Where the feed is, what is listened to, and what to do next. Creates the first user where there is none."""
    work = service.work
    url = str(work.settings.web.public_url or service.url)
    lines = [f"The feed: {url}"]
    if token := work.desk.first_admin(work.clock()):
        lines.append(f"Sign in as admin with this link (once, within a day): {sign_in_link(url, token)}")
        lines.append("Then give each colleague a link: aggregator user add NAME")
    lines += _sources(list(work.connectors))
    return "\n".join(lines)


def _sources(names: list[str]) -> list[str]:
    if names:
        return [f"Listening to {len(names)}: {', '.join(names)}. Ctrl-C stops, nothing is lost."]
    return [
        "No source is connected yet. The feed says how to connect each channel; in short: write it under",
        "`sources` in connectors.yaml, try it with `aggregator check --connect`, and start again.",
        "Or look at a simulated day first: aggregator demo",
    ]
