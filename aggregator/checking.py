"""`aggregator check --connect`, and the page's button for one source: try the login, and say what it may read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aggregator.clocks import system_clock
from connectors.contract import Finding
from connectors.errors import ConnectorError
from connectors.registry import connector_class
from connectors.session import Pacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.config import Settings
    from connectors.contract import Connector

LAKE = "the lake"
"""Beside the names of sources, none of which has a space in it."""
PATIENCE = 20.0  # seconds; a platform that takes longer counts as one that does not answer


async def check_sources(settings: Settings, *, patience: float = PATIENCE) -> dict[str, list[Finding]]:
    """Try all enabled sources at once; by name, in the order of the configuration. Never raises for one of them."""
    pacing = Pacing()
    connectors = [
        connector_class(config.connector)(name, config, since=system_clock(), pacing=pacing)
        for name, config in settings.sources.items()
        if config.enabled
    ]
    found = await asyncio.gather(*(_check(connector, patience) for connector in connectors))
    return {connector.source: lines for connector, lines in zip(connectors, found, strict=True)}


async def check_lake(settings: Settings) -> dict[str, list[Finding]]:
    """Look at both places of the lake, if there is one; by its name among the sources."""
    if settings.lake is None:
        return {}
    from aggregator.store.database import StoreError
    from aggregator.store.lake import Lake

    try:
        found = await asyncio.to_thread(Lake.look, settings.lake)
    except StoreError as error:
        return {LAKE: [Finding("failed", str(error))]}
    return {LAKE: [Finding("ok", line) for line in found]}


async def check_source(settings: Settings, name: str, *, patience: float = PATIENCE) -> list[Finding]:
    """Try one source, on a connection of its own.

    Raises:
        KeyError: no such source is configured.
    """
    config = settings.sources[name]
    return await _check(connector_class(config.connector)(name, config, since=system_clock()), patience)


async def _check(connector: Connector, patience: float) -> list[Finding]:
    try:
        async with asyncio.timeout(patience), connector:
            found = list(await connector.check())
    except TimeoutError:
        return [Finding("failed", f"no answer within {patience:g} s")]
    except ConnectorError as error:
        return [Finding("failed", str(error))]
    except Exception as error:  # a bug in one connector must not hide what the others say
        return [Finding("failed", f"the check itself broke: {type(error).__name__}: {error}")]
    return found or [Finding("ok", "it answers")]


def of_quotas(quotas: Mapping[str, Mapping[str, Any]]) -> dict[str, Finding]:
    """What the platforms told of their quotas at the last poll, by source (the answer of the command `quotas`)."""
    return {
        source: Finding(
            "ok" if quota["left"] else "warning",
            f"at the last poll {quota['left']} of {quota['limit']} calls were left, anew at {quota['resets_at']}",
        )
        for source, quota in quotas.items()
    }
