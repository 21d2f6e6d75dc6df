"""The settings of a desk of its own process that listens to a stage, written as an operator writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from aggregator.demo.forum_hooks import HookSender
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.stage import Stage
from connectors.contract import SourceConfig
from connectors.secret import Secret
from tests.ports import free_ports

POLLED_EVERY: Final[Mapping[str, float]] = {"forum": 0.2, "telegram-group": 0.2}
OVERLAP: Final = 1000


def webhooks(stage: Stage) -> list[HookSender]:
    """The forum's, which only tell sooner what polls find: the demo does without."""
    return [scene.simulator.hooks for scene in stage.scenes.values() if isinstance(scene, ForumScene)]


def configured(
    stage: Stage,
    folder: Path,
    more: Mapping[str, Any] | None = None,
    *,
    polled_every: Mapping[str, float] = POLLED_EVERY,
    overlap: int = OVERLAP,
) -> Path:
    """Write connectors.yaml into this folder, beside the folder `data`.

    Args:
        more: further settings.
        polled_every: seconds, by source; the others at the pace of the demo.
        overlap: posts of the forum.
    """
    web_port, hooks_port = free_ports(2)  # the same ones after each start: callers find the service again
    for hooks in webhooks(stage):
        hooks.url = f"http://127.0.0.1:{hooks_port}/hooks/forum"
        (folder / "hooks.secret").write_text(hooks.secret)
    sources = stage.settings(folder / "data", folder, long_poll=0).sources
    config = folder / "connectors.yaml"
    written = {
        "data": "data",
        "web": {"port": web_port},
        "hooks": {"port": hooks_port},
        "sources": {name: _written(source) for name, source in sources.items()},
        **(more or {}),
    }
    for name, seconds in polled_every.items():
        if name in sources:
            written["sources"][name]["poll_every"] = seconds
    if "forum" in sources:
        more = {"overlap": overlap, "calls_per_minute": 100_000, "webhook_secret": {"file": "hooks.secret"}}
        written["sources"]["forum"] |= more
    config.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    return config


def _written(config: SourceConfig) -> dict[str, Any]:
    """The settings as they stand in a file."""
    return {name: _value(getattr(config, name)) for name in sorted(config.model_fields_set)}


def _value(setting: object) -> object:
    match setting:
        case Secret():
            return {"file": str(setting.file)}
        case timedelta():
            return setting.total_seconds()
        case frozenset() | tuple():
            return sorted(setting)
        case dict():
            return setting
        case BaseModel():  # settings within a setting
            return {name: _value(getattr(setting, name)) for name in sorted(setting.model_fields_set)}
        case bool() | int() | float() | str():
            return setting
    return str(setting)
