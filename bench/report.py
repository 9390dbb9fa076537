"""What a benchmark has to say: Markdown tables for people and documents, JSON for machines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

type Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A table: each row is as long as `columns`. `notes` say how to read it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def show(self, console: Console) -> None:
        table = Table(box=box.MARKDOWN)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*map(_text, row))
        console.print(f"\n{self.title}")
        console.print(table)
        for note in self.notes:
            console.print(note, soft_wrap=True)


def publish(reports: Iterable[Report], file: Path) -> None:
    """Print each as soon as it is there, and write all as JSON."""
    console = Console(highlight=False, width=200)
    shown = []
    for report in reports:
        report.show(console)
        shown.append(report)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(report) for report in shown], indent=2) + "\n")
    console.print(f"\nAs JSON: {file}", soft_wrap=True)


def _text(value: Cell) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case float() if abs(value) < 1000:
            return f"{value:.2f}"
        case _:
            return f"{value:,.0f}"
