"""What a squeezed day ends with: for people as a table, for machines as one object."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from aggregator.demo.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Outcome:
    """verdicts: by source, and `all`. faults: how often each trouble was made. failing: sources not well at the end."""

    verdicts: dict[str, Verdict]
    faults: dict[str, int]
    failing: list[str]
    secrets_found_on_disk: int

    @property
    def is_good(self) -> bool:
        return all(verdict.is_good for verdict in self.verdicts.values()) and not self.secrets_found_on_disk

    def as_json(self) -> dict[str, Any]:
        sources = {name: asdict(verdict) for name, verdict in self.verdicts.items()}
        return {
            "ok": self.is_good,
            **sources.pop("all"),
            "secrets_found_on_disk": self.secrets_found_on_disk,
            "faults_injected": sum(self.faults.values()),
            "faults": self.faults,
            "failing_sources": self.failing,
            "sources": sources,
        }


def show(outcome: Outcome, console: Console) -> None:
    names = list(outcome.verdicts)
    table = Table("核对 · Checked", *names)
    columns = [asdict(verdict) for verdict in outcome.verdicts.values()]
    for name in columns[0]:
        table.add_row(name, *(_cell(column[name]) for column in columns))
    console.print(table)
    troubles = ", ".join(outcome.faults) or "-"
    console.print(f"故障 · Troubles made: {sum(outcome.faults.values())} ({troubles})")
    console.print(f"仍有故障的来源 · Sources in trouble at the end: {', '.join(outcome.failing) or '-'}")
    console.print(f"磁盘上的助记词和私钥 · Secrets found on disk: {outcome.secrets_found_on_disk}")
    console.print(
        "一条不丢，一条不重 · Nothing lost, nothing twice" if outcome.is_good else "不符 · Not as it should be"
    )


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return "\n".join(value)
    return "-" if value is None else str(value)
