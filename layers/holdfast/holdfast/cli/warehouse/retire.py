"""Taking back what is marked for retirement."""

from typing import Annotated

import typer

from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.terminal import print_lines
from holdfast.cli.warehouse import app
from holdfast.cli.warehouse.deployed import deployed
from holdfast.warehouse import unretire as unretiring
from holdfast.warehouse.runs import DatabaseUnknown, sources_of

MENDED_BY_THE_READER = (DatabaseUnknown,)

SHOWN = 20
"""How many copies are listed without --verbose."""


@app.command()
def unretire(
    name: Annotated[str, typer.Argument(metavar="DATABASE[/TABLE]", help="Whose copies are taken back.")],
    *,
    apply: Apply = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List every copy.")] = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Take back copies that are marked for retirement, while their grace lasts.

    They are left alone then for WarehouseRetireAfterDays. What was handed to the lifecycle rule cannot be taken back.
    """
    with deployed(stack) as found:
        warehouse = found.warehouse
        for source, prefix in sources_of(warehouse, name):
            marked = unretiring.find(warehouse, source, prefix)
            shown = marked.copies if verbose else marked.copies[:SHOWN]
            print_lines(f"take back  {one.key}  of run {one.run}, marked {one.at:%Y-%m-%d}" for one in shown)
            if len(shown) < len(marked.copies):
                console.print(f"and {len(marked.copies) - len(shown):,} more (--verbose lists them)")
            print_lines([f"{len(marked.copies):,} marked, {marked.expiring:,} with the lifecycle rule already"])
            if apply:
                unretiring.take_back(warehouse, marked, warehouse.now())
    if apply:
        console.print("Taken back.")
    else:
        not_applied()
