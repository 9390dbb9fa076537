"""Measures the objects system: what events cost, how long cold starts take, how fast a bucket that already had objects
is copied."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import cold
from bench.objects import backfill, cost
from bench.objects.peers import Missing
from bench.report import Report, publish
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "objects.json"


class Part(StrEnum):
    COST = "cost"
    COLD = "cold"
    BACKFILL = "backfill"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="All, if none is given.")] = None,
    objects: Annotated[int, typer.Option(help="Objects of 4 KB that are copied each time.")] = 5000,
    rounds: Annotated[int, typer.Option(help="How often each copies them.")] = 5,
    events: Annotated[int, typer.Option(help="Events of each kind whose cost is counted.")] = 100,
    starts: Annotated[int, typer.Option(help="Cold starts of each function.")] = cold.ROUNDS,
    json: Annotated[Path, typer.Option(help="Where the tables are written for machines.")] = JSON,
) -> None:
    """Print tables, and write them as JSON."""
    reports = (report for part in parts or list(Part) for report in _measure(part, objects, rounds, events, starts))
    try:
        publish(reports, json)
    except Missing as missing:
        sys.exit(str(missing))


def _measure(part: Part, objects: int, rounds: int, events: int, starts: int) -> Iterator[Report]:
    match part:
        case Part.COST:
            yield from cost.reports(events)
        case Part.COLD:
            yield cold.report("objects", starts)
        case Part.BACKFILL:
            yield backfill.report(objects, rounds)


if __name__ == "__main__":
    typer.run(main)
