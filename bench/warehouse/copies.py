"""How fast the direct engine copies, and at what cost, beside programs that do nothing else."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.objects import backfill
from bench.objects.peers import Missing
from bench.report import Report, write
from local.cloud import FOLDER

JSON = FOLDER / "bench" / "warehouse-copies.json"

WAYS = {
    "boto3 in threads": "bench.objects.copying.with_boto3",
    "ours, an order": "bench.warehouse.copying.ordered",
    "ours, an order and its commit": "bench.warehouse.copying.committed",
}


def report(objects: int, rounds: int) -> Report:
    """Raises Missing, ServerDied, Failed, CopiedWrong."""
    return backfill.report(objects, rounds, WAYS)


def main(
    objects: Annotated[int, typer.Option(help="Objects of 4 KB that are copied each time.")] = 5000,
    rounds: Annotated[int, typer.Option(help="How often each copies them.")] = 5,
    json: Annotated[Path, typer.Option(help="Where the table is written for machines.")] = JSON,
) -> None:
    """Print a table, and write it as JSON."""
    try:
        found = report(objects, rounds)
    except Missing as missing:
        sys.exit(str(missing))
    console = Console(highlight=False, width=200)
    found.show(console)
    write([found], json)
    console.print(f"\nAs JSON: {json}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
