"""The commands, by what they are about. `main` is what `aggregator` runs."""

from aggregator.cli import data, figures, service, team
from aggregator.cli.group import main

__all__ = ["data", "figures", "main", "service", "team"]
