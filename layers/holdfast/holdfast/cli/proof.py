"""The ledger of restore drills: whether it is whole, and what it tells."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from holdfast.cli.fleet.deployed import deployed
from holdfast.cli.stack import DEFAULT_STACK, StackName, console
from holdfast.cli.terminal import print_whole
from holdfast.fleet.proof import Entry, Ledger, Verdict, as_csv, standings

app = typer.Typer(help=__doc__)


class Unprovable(Exception):
    """The ledger is not what it was."""


class CannotExport(ValueError):
    """A file cannot be written as it was asked for."""


MENDED_BY_THE_READER = (Unprovable, CannotExport)


@app.callback(invoke_without_command=True)
def proof(
    *,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write all entries there: as CSV, or as JSON with its proof."),
    ] = None,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Verify that no entry was changed, moved or removed since it was written, and show the last drill of each."""
    if export is not None and export.suffix not in (".csv", ".json"):
        raise CannotExport(f"--export {str(export)!r} ends in neither .csv nor .json")
    verdict, entries = Ledger(deployed(stack).documents).verify()
    if entries:
        print_whole(_table(entries))
        console.print()
    if export is not None:
        export.write_text(as_csv(entries) if export.suffix == ".csv" else _as_json(verdict, entries))
        console.print(f"{_entries(len(entries))} written to {export}.", markup=False)
    if verdict.broken is not None:
        raise Unprovable(
            f"the ledger is broken at entry {verdict.broken.number}: {verdict.broken.why}. {_entries(verdict.entries)} "
            "before it are whole"
        )
    if not entries:
        console.print("No drill was run yet: holdfast fleet drill runs one now.")
        return
    console.print(f"{_entries(verdict.entries)}, each follows the one before. The last has the digest")
    console.print(f"  {verdict.digest}")
    console.print("Noted where nobody can write to the bucket, it proves all of them later.")


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _table(entries: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("resource", "last drill", "result"):
        table.add_column(name)
    for name in ("RTO", "RPO", "drills", "failed"):
        table.add_column(name, justify="right")
    for one in standings(entries):
        last = one.last
        rto = "-" if last["rto_seconds"] is None else f"{last['rto_seconds']:,} s"
        result = str(last["result"]) + (f": {last['why']}" if last["why"] else "")
        counts = (f"{one.drills:,}", f"{one.failed:,}")
        table.add_row(Text(one.resource), Text(last["at"]), Text(result), rto, f"{last['rpo_seconds']:,} s", *counts)
    return table


def _as_json(verdict: Verdict, entries: Sequence[Entry]) -> str:
    broken = {"number": verdict.broken.number, "why": verdict.broken.why} if verdict.broken else None
    told = {"entries": entries, "digest": verdict.digest, "broken": broken}
    return json.dumps(told, indent=1) + "\n"
