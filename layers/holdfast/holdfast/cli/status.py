"""How all systems stand."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from holdfast import settings, wiring
from holdfast.adapters.stack import Stack
from holdfast.cli.fleet.deployed import quiet
from holdfast.cli.stack import DEFAULT_STACK, StackName, console, find
from holdfast.cli.terminal import print_lines, print_whole
from holdfast.fleet.settings import FleetStatus
from holdfast.fleet.status import page
from holdfast.fleet.status.model import Health, Overview, System
from holdfast.fleet.status.plan import ago

STYLES = {
    Health.GOOD: "green",
    Health.EMPTY: "cyan",
    Health.ATTENTION: "red",
    Health.UNKNOWN: "yellow",
    Health.OFF: "dim",
}


def told(stack: Stack) -> FleetStatus:
    """What fleet_status is told; what is not deployed is empty."""
    outputs, parameters = stack.outputs, stack.parameters

    def listed(output: str, parameter: str) -> str:
        """What the stack has made for a system, and what its users have."""
        return ",".join(filter(None, [outputs.get(output, ""), parameters.get(parameter, "")]))

    environment: Mapping[str, str] = {
        "STACK": stack.name,
        "FLEET_BUCKET": outputs.get("FleetBackupBucketName", ""),
        "BREAKER_TABLE": outputs["BreakerTableName"],
        "OBJECTS_BUCKETS": listed("ObjectsSourceBucketName", "ProtectedBuckets"),
        "COPY_TABLE": outputs.get("CopyTableName", ""),
        "ARCHIVED_TABLES": listed("TablesSampleTableName", "ProtectedTables"),
        "ARCHIVE_BUCKET": outputs.get("TablesBackupBucketName", ""),
        "ARCHIVE_PREFIX": parameters.get("BackupPrefix", ""),
        "INVENTORIES": outputs.get("WarehouseInventoryPlace", ""),
        "WAREHOUSE_BUCKET": outputs.get("WarehouseBackupBucketName", ""),
        "WAREHOUSE_PREFIX": parameters.get("WarehousePrefix", ""),
        "WAREHOUSE_ALARM_AFTER_DAYS": parameters.get("WarehouseAlarmAfterDays", "0"),
        "CAPACITY_BUCKET": outputs.get("CapacityBucketName", ""),
        "OBJECT_TABLE": outputs.get("ObjectTableName", ""),
        "HISTORY_TABLE": outputs.get("HistoryTableName", ""),
        "LIMIT_BYTES": parameters.get("CapacityLimitBytes", "0"),
    }
    return settings.read(FleetStatus, environment)


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, as GET /status answers.")] = False,
    as_page: Annotated[bool, typer.Option("--html", help="As a page, as GET /status answers a browser.")] = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Show of every system what is protected, how old the last backups are, and what somebody has to look at.

    Status 1 if anything needs attention, or could not be looked at.
    """
    overview = wiring.status(told(find(stack)), quiet).look()
    if as_json:
        typer.echo(json.dumps(overview.as_json(), indent=1))
    elif as_page:
        typer.echo(page.render(overview))
    else:
        console.print(f"{overview.verdict}.", style=STYLES[overview.health], markup=False)
        print_whole(_table(overview))
        for system in overview.systems:
            print_lines(_lines(system))
        print_lines(f"\nNot looked at: {one}" for one in overview.unknown)
    if overview.health in (Health.ATTENTION, Health.UNKNOWN):
        raise typer.Exit(1)


def _table(overview: Overview) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("system", "", "protected", "last backup", "RPO age", "verified", "alarms", "breaker"):
        table.add_column(name)
    for system in overview.systems:
        health = Text(system.health.value, STYLES[system.health])
        table.add_row(system.name, health, *(Text(cell) for cell in _cells(system, overview)))
    return table


def _cells(system: System, overview: Overview) -> Iterator[str]:
    told = system.told
    if told is None:
        return
    yield told.protected
    yield _ago(told.last_backup, overview)
    yield "-" if told.age is None else ago(told.age)
    yield _ago(told.verified, overview)
    yield str(len(system.alarms) or "-")
    yield ("open" if system.breaker else "closed") if system.has_breaker else "-"


def _ago(at: datetime | None, overview: Overview) -> str:
    return f"{ago((overview.at - at).total_seconds())} ago" if at else "-"


def _lines(system: System) -> Iterator[str]:
    """What somebody has to look at, then what is worth to know."""
    wrong = [f"{one.name} is on: {one.description}" for one in system.alarms]
    wrong += [f"breaker: {system.breaker}"] if system.breaker else []
    wrong += [f"could not be looked at: {system.error}"] if system.error else []
    wrong += system.told.wrong if system.told else ()
    notes = [f"{row.name}: {row.detail}" for row in system.told.rows] if system.told else []
    notes += system.told.notes if system.told else ()
    if wrong or notes:
        yield f"\n{system.name}"
    yield from (f"  ! {one}" for one in wrong)
    yield from (f"    {one}" for one in notes)
