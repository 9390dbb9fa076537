"""Measures the capacity system: what events cost, how long cold starts take, how many events come through a second."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import cold
from bench.capacity import cost, pipeline
from bench.report import Report, publish
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "capacity.json"


class Part(StrEnum):
    COST = "cost"
    COLD = "cold"
    PIPELINE = "pipeline"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="All, if none is given.")] = None,
    events: Annotated[int, typer.Option(help="Events of each stream whose cost is counted.")] = 245,
    rounds: Annotated[int, typer.Option(help="Cold starts of each function.")] = 9,
    objects: Annotated[int, typer.Option(help="Objects put through the local pipeline in each round.")] = 500,
    json: Annotated[Path, typer.Option(help="Where the tables are written for machines.")] = JSON,
) -> None:
    """Print tables, and write them as JSON."""
    reports = (report for part in parts or list(Part) for report in _measure(part, events, rounds, objects))
    publish(reports, json)


def _measure(part: Part, events: int, rounds: int, objects: int) -> Iterator[Report]:
    match part:
        case Part.COST:
            yield from cost.reports(events)
        case Part.COLD:
            yield cold.report("capacity", rounds)
        case Part.PIPELINE:
            yield pipeline.report(objects)


if __name__ == "__main__":
    typer.run(main)
