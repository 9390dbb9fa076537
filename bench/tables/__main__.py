"""Measures the tables system: what a stream's records cost in either layout, how small segments get, how long cold
starts take, how fast a table is made as it was."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import cold
from bench.objects.peers import Missing
from bench.report import Report, publish
from bench.tables import compression, cost, restore
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "tables.json"


class Part(StrEnum):
    COST = "cost"
    COMPRESSION = "compression"
    COLD = "cold"
    RESTORE = "restore"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="All, if none is given.")] = None,
    records: Annotated[int, typer.Option(min=2000, help="Records whose cost is counted.")] = 2000,
    items: Annotated[int, typer.Option(help="Items that are restored, of five versions each.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="How often each restores them.")] = 3,
    starts: Annotated[int, typer.Option(help="Cold starts of each function.")] = cold.ROUNDS,
    json: Annotated[Path, typer.Option(help="Where the tables are written for machines.")] = JSON,
) -> None:
    """Print tables, and write them as JSON."""
    reports = (report for part in parts or list(Part) for report in _measure(part, records, items, rounds, starts))
    try:
        publish(reports, json)
    except Missing as missing:
        sys.exit(str(missing))


def _measure(part: Part, records: int, items: int, rounds: int, starts: int) -> Iterator[Report]:
    match part:
        case Part.COST:
            yield from cost.reports(records)
        case Part.COMPRESSION:
            yield from compression.reports(records)
        case Part.COLD:
            yield cold.report("tables", starts)
        case Part.RESTORE:
            yield restore.report(items, rounds)


if __name__ == "__main__":
    typer.run(main)
