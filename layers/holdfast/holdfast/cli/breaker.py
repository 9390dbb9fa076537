"""The breakers that stop cleaners which want too much."""

from typing import Annotated

import typer
from rich.table import Table

from holdfast import wiring
from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
from holdfast.breaker import run
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, find, not_applied
from holdfast.objects import guard

app = typer.Typer(no_args_is_help=True, help=__doc__)

SYSTEMS = (guard.SYSTEM, "capacity", "warehouse", "fleet")

System = Annotated[str, typer.Argument(help=f"One of: {', '.join(SYSTEMS)}.")]


def _store(stack: str) -> DynamoBreakerStore:
    return DynamoBreakerStore(wiring.client("dynamodb"), find(stack).outputs["BreakerTableName"])


@app.command()
def status(stack: StackName = DEFAULT_STACK) -> None:
    """Show each system's breaker."""
    store = _store(stack)
    table = Table("system", "breaker", "since", "why")
    for system in SYSTEMS:
        state = store.load(system)
        since = state.opened_at.isoformat(timespec="seconds") if state.opened_at else ""
        table.add_row(system, "[red]open[/red]" if state.open_reason else "closed", since, state.open_reason or "")
    console.print(table)


@app.command()
def resume(system: System, *, apply: Apply = False, stack: StackName = DEFAULT_STACK) -> None:
    """Let a system's cleaner remove again, once you have seen in its log that it is right to."""
    if system not in SYSTEMS:
        raise typer.BadParameter(f"{system} has no breaker; these have: {', '.join(SYSTEMS)}")
    store = _store(stack)
    state = store.load(system)
    if not state.open_reason:
        console.print(f"The breaker of {system} is closed: nothing to resume.")
        return
    console.print(f"The breaker of {system} is open: {state.open_reason}.")
    console.print("Resuming closes it, and the next run of its cleaner may remove up to a whole hour's budget.")
    if not apply:
        not_applied()
        return
    run.resume(system, store)
    console.print(f"[green]Resumed.[/green] The cleaner of {system} goes on with its next run.")
