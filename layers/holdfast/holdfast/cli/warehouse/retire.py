"""Taking back what is marked for retirement."""

from typing import Annotated

import typer

from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.terminal import print_lines
from holdfast.cli.warehouse import app
from holdfast.cli.warehouse.deployed import deployed
from holdfast.warehouse import unretire as unretiring
from holdfast.warehouse.runs import DatabaseUnknown, sources_of


class TooLate(Exception):
    """A run was faster."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"a run has just handed {count:,} of these copies to the lifecycle rule: they cannot be taken back, and go"
            " within days. Copy what you need of them by hand; all others are taken back"
        )


MENDED_BY_THE_READER = (DatabaseUnknown, TooLate)

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
    late = 0
    with deployed(stack) as found:
        warehouse = found.warehouse
        for source, prefix in sources_of(warehouse, name, plain=True):
            marked = unretiring.find(warehouse, source, prefix, None if verbose else SHOWN)
            print_lines(f"take back  {one.key!r}  of run {one.run}, marked {one.at:%Y-%m-%d}" for one in marked.copies)
            if len(marked.copies) < marked.count:
                console.print(f"and {marked.count - len(marked.copies):,} more (--verbose lists them)")
            print_lines([f"{marked.count:,} marked, {marked.expiring:,} with the lifecycle rule already"])
            if apply:
                late += unretiring.take_back(warehouse, marked, warehouse.now())
    if not apply:
        not_applied()
    elif late:
        raise TooLate(late)
    else:
        console.print("Taken back.")
