"""Starting a run, and how the databases stand."""

import time
from collections.abc import Iterator
from datetime import datetime
from secrets import token_hex
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from holdfast import prices
from holdfast.cli.stack import DEFAULT_STACK, StackName, console
from holdfast.cli.terminal import print_lines, print_whole, progress
from holdfast.cli.warehouse import app
from holdfast.cli.warehouse.deployed import deployed
from holdfast.warehouse.model import Source, total
from holdfast.warehouse.status import DatabaseStatus
from holdfast.warehouse.status import status as statuses
from holdfast.workflow import Status

LOOK_SECONDS = 1.0


class BackupFailed(Exception):
    """Some source could not be backed up."""


MENDED_BY_THE_READER = (BackupFailed,)


@app.command()
def backup(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Such as s3://BUCKET/PREFIX; all without.")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="Follow it to its end.")] = True,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Start a run of the backup now, by the newest inventories that there are."""
    asked = [str(Source.parse(one)) for one in sources or []]
    with deployed(stack) as found:
        workflow = found.workflow
        execution = workflow.start(f"by-hand-{token_hex(6)}", {"sources": asked} if asked else {})
        console.print(f"Started {execution}")
        if not wait:
            return
        with progress("backing up"):
            while (seen := workflow.look(execution)).status is Status.RUNNING:
                time.sleep(LOOK_SECONDS)
    if seen.status is Status.FAILED:
        raise BackupFailed(seen.why)
    print_lines([(seen.answer or {}).get("summary", "Done.")])


@app.command()
def status(stack: StackName = DEFAULT_STACK) -> None:
    """Show each database: its last run, what of it can be restored, what its copies cost a month."""
    with deployed(stack) as found:
        now = found.warehouse.now()
        databases = list(statuses(found.warehouse))
    if not databases:
        console.print("Nothing has been backed up yet: holdfast warehouse backup does it now.")
        return
    print_whole(_table(databases, now))
    print_lines(_failures(databases))
    dollars = sum(one.dollars_a_month for one in databases)
    console.print(f"\nAbout ${dollars:,.2f} a month for storage, at the list prices of us-east-1.")


def _table(databases: list[DatabaseStatus], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("database", "last run", "restorable", "oldest version"):
        table.add_column(name)
    for name in ("objects", "bytes", "$ a month"):
        table.add_column(name, justify="right")
    table.add_column("by storage class")
    for one in databases:
        stored = total(list(one.stored.values()))
        classes = ", ".join(
            f"{name} {tally.objects:,} (${prices.month(name, tally.objects, tally.size):,.2f})"
            for name, tally in sorted(one.stored.items())
        )
        table.add_row(
            Text(one.name),
            f"{one.last_run:%Y-%m-%d %H:%M}" + (" FAILED" if one.error else ""),
            f"{one.restorable} of {one.tables}" if one.verified else "-",
            _age(one.oldest, now),
            *(f"{stored.objects:,}", f"{stored.size:,}", f"{one.dollars_a_month:,.2f}"),
            classes or "-",
        )
    return table


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "-"
    days, rest = divmod(int((now - moment).total_seconds()), 86400)
    return f"{days} d ago" if days else f"{rest // 3600} h {rest % 3600 // 60} min ago"


def _failures(databases: list[DatabaseStatus]) -> Iterator[str]:
    for one in databases:
        if one.error:
            yield f"\n{one.name} FAILED: {one.error}"
