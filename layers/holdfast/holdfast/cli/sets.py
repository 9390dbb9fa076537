"""Recovery sets: what all systems have of one moment."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from holdfast.cli.fleet.deployed import deployed
from holdfast.cli.stack import DEFAULT_STACK, StackName, console
from holdfast.cli.terminal import print_lines, print_whole
from holdfast.fleet import naming

app = typer.Typer(no_args_is_help=True, help=__doc__)


class NoSuchSet(LookupError):
    """No recovery set has this name."""


MENDED_BY_THE_READER = (NoSuchSet,)


@app.command("list")
def list_sets(stack: StackName = DEFAULT_STACK) -> None:
    """Show the recovery sets, the newest first."""
    documents = deployed(stack).documents
    keys = sorted(documents.keys(naming.SETS), reverse=True)
    if not keys:
        console.print("There is no recovery set yet: each run of the fleet makes one.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("set", "run", "moment"):
        table.add_column(name)
    for name in ("members", "skew"):
        table.add_column(name, justify="right")
    table.add_column("without")
    for told in map(documents.load, keys):
        lacking = ", ".join(sorted({one["system"] for one in told.get("lacking", [])}))
        members, skew = f"{len(told['members']):,}", _skew(told["skew_seconds"])
        table.add_row(Text(told["set"]), Text(told["run"]), told["at"], members, skew, Text(lacking or "-"))
    print_whole(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="SET", help="As holdfast sets list names it.")],
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Show the members of a set: what each has, how far that is from the set's moment, what restores it."""
    told: dict[str, Any] | None = deployed(stack).documents.load(naming.recovery_set(name))
    if told is None:
        raise NoSuchSet(f"there is no recovery set {name!r}: holdfast sets list shows them")
    console.print(f"Set {told['set']}, at {told['at']}, by run {told['run']}:\n", markup=False)
    table = Table(box=None, pad_edge=False)
    for column in ("system", "name", "position"):
        table.add_column(column)
    table.add_column("skew", justify="right")
    table.add_column("restored by")
    for one in told["members"]:
        told_of = [Text(one[column]) for column in ("system", "name", "position")]
        table.add_row(*told_of, _skew(one["skew_seconds"], signed=True), Text(one["restore"]))
    print_whole(table)
    print_lines(f"\nwithout {one['system']}: {one['why']}" for one in told.get("lacking", []))
    console.print(f"\nThe furthest is {_skew(told['skew_seconds'])} from the set's moment.")
    console.print(f"What the fleet has of it, in order: holdfast fleet restore --set {told['set']}", markup=False)


def _skew(seconds: int, *, signed: bool = False) -> str:
    return f"{seconds:+,} s" if signed else f"{seconds:,} s"
