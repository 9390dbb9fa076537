"""Measures the warehouse system: how long a plan takes and how much memory, how fast the direct engine copies."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.objects.peers import Missing
from bench.report import Report, publish
from bench.warehouse import copies, plan
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "warehouse.json"


class Part(StrEnum):
    PLAN = "plan"
    COPIES = "copies"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="All, if none is given.")] = None,
    millions: Annotated[list[int] | None, typer.Option(help="Keys that are planned over; 1 and 5.")] = None,
    rounds: Annotated[int, typer.Option(help="How often each does it.")] = 3,
    megabytes: Annotated[int, typer.Option(help="Memory that the plan's database may use.")] = 700,
    usual: Annotated[bool, typer.Option(help="Plan in the usual way too, which takes 600 MB a million.")] = True,
    objects: Annotated[int, typer.Option(help="Objects of 4 KB that are copied each time.")] = 5000,
    json: Annotated[Path, typer.Option(help="Where the tables are written for machines.")] = JSON,
) -> None:
    """Print tables, and write them as JSON."""
    reports = (
        report
        for part in parts or list(Part)
        for report in _measure(part, millions or [1, 5], rounds, megabytes, usual, objects)
    )
    try:
        publish(reports, json)
    except Missing as missing:
        sys.exit(str(missing))


def _measure(
    part: Part, millions: list[int], rounds: int, megabytes: int, usual: bool, objects: int
) -> Iterator[Report]:
    match part:
        case Part.PLAN:
            yield from (plan.report(count * 1_000_000, rounds, megabytes, usual=usual) for count in millions)
        case Part.COPIES:
            yield copies.report(objects, rounds)


if __name__ == "__main__":
    typer.run(main)
