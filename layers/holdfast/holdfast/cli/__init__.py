"""The `holdfast` command: what an operator asks of a deployed stack, and decides."""

import sys

import typer

from holdfast.adapters.stack import AWS_ERRORS, StackMissing, SystemNotDeployed
from holdfast.cli import breaker, capacity, cost, fleet, objects, proof, sets, status, tables, warehouse
from holdfast.cli.fleet import deployed as fleet_deployed
from holdfast.cli.fleet import restore as fleet_restore
from holdfast.cli.fleet import runs as fleet_runs
from holdfast.cli.tables import archive, restore
from holdfast.cli.warehouse import inventory, retire, runs
from holdfast.cli.warehouse import restore as warehouse_restore

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(objects.app, name="objects")
app.add_typer(capacity.app, name="capacity")
app.add_typer(tables.app, name="tables")
app.add_typer(warehouse.app, name="warehouse")
app.add_typer(fleet.app, name="fleet")
app.add_typer(sets.app, name="sets")
app.add_typer(proof.app, name="proof")
app.add_typer(breaker.app, name="breaker")
app.add_typer(cost.app, name="cost")
app.command("status")(status.status)

MENDED_BY_THE_READER = (
    StackMissing,
    SystemNotDeployed,
    capacity.CannotWatch,
    *objects.MENDED_BY_THE_READER,
    *archive.MENDED_BY_THE_READER,
    *restore.MENDED_BY_THE_READER,
    *inventory.MENDED_BY_THE_READER,
    *retire.MENDED_BY_THE_READER,
    *runs.MENDED_BY_THE_READER,
    *warehouse_restore.MENDED_BY_THE_READER,
    *fleet_deployed.MENDED_BY_THE_READER,
    *fleet_restore.MENDED_BY_THE_READER,
    *fleet_runs.MENDED_BY_THE_READER,
    *sets.MENDED_BY_THE_READER,
    *proof.MENDED_BY_THE_READER,
    *AWS_ERRORS,
)


def main() -> None:
    """Run the command; an error that the reader can mend ends it with one line and status 1."""
    try:
        app()
    except MENDED_BY_THE_READER as error:
        sys.exit(f"holdfast: {error}")
