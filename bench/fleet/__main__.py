"""Measures the fleet system: how long cold starts take. A run waits for AWS for hours: nothing else of it is ours."""

from pathlib import Path
from typing import Annotated

import typer

from bench import cold
from bench.report import publish
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "fleet.json"


def main(
    starts: Annotated[int, typer.Option(help="Cold starts of each function.")] = cold.ROUNDS,
    json: Annotated[Path, typer.Option(help="Where the tables are written for machines.")] = JSON,
) -> None:
    """Print tables, and write them as JSON."""
    publish(iter([cold.report("fleet", starts)]), json)


if __name__ == "__main__":
    typer.run(main)
