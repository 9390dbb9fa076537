"""What backups of all systems cost, and what another retention would make of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any

import typer
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from holdfast import prices, wiring
from holdfast.adapters.stack import Stack
from holdfast.cli.fleet import deployed as fleet
from holdfast.cli.stack import DEFAULT_STACK, StackName, find
from holdfast.cli.terminal import print_lines, print_whole
from holdfast.fleet.cost import plan
from holdfast.fleet.model import Keep
from holdfast.fleet.settings import FleetCost

app = typer.Typer(help=__doc__)

DEPLOYED = Keep(7, 4, 12, 3)
"""What the template keeps unless it is told otherwise."""

Daily = Annotated[int | None, typer.Option("--keep-daily", min=0, help="Keep so many daily backups.")]
Weekly = Annotated[int | None, typer.Option("--keep-weekly", min=0, help="Keep so many weekly backups.")]
Monthly = Annotated[int | None, typer.Option("--keep-monthly", min=0, help="Keep so many monthly backups.")]
Yearly = Annotated[int | None, typer.Option("--keep-yearly", min=0, help="Keep so many yearly backups.")]
Change = Annotated[float, typer.Option("--change", min=0, max=100, help="Per cent of a volume that change in a day.")]


BUCKETS = {
    "ObjectsBackupBucketName": "objects",
    "TablesBackupBucketName": "tables",
    "WarehouseBackupBucketName": "warehouse",
}
TABLES = {"CopyTableName": "objects", "ObjectTableName": "capacity", "HistoryTableName": "capacity"}
"""The outputs of a stack that name where its systems keep what they back up."""


def _told(stack: Stack) -> FleetCost:
    """What fleet_cost is told. Raises SystemNotDeployed."""
    told = fleet.told(stack)
    of_fleet: dict[str, Any] = {field.name: getattr(told, field.name) for field in fields(told)}
    return FleetCost(
        **of_fleet,
        system_buckets=tuple(f"{of}={stack.outputs[name]}" for name, of in BUCKETS.items() if name in stack.outputs),
        system_tables=tuple(f"{of}={stack.outputs[name]}" for name, of in TABLES.items() if name in stack.outputs),
        cost_explorer=stack.parameters["FleetCostExplorer"] == "true",
        infrequent_access_days=int(stack.parameters["FleetInfrequentAccessDays"]),
        glacier_days=int(stack.parameters["FleetGlacierDays"]),
        deep_archive_days=int(stack.parameters["FleetDeepArchiveDays"]),
    )


def _keep(before: Keep, daily: int | None, weekly: int | None, monthly: int | None, yearly: int | None) -> Keep:
    asked = zip(
        (daily, weekly, monthly, yearly), (before.daily, before.weekly, before.monthly, before.yearly), strict=True
    )
    return Keep(*(known if given is None else given for given, known in asked))


@app.callback(invoke_without_command=True)
def cost(
    context: typer.Context,
    *,
    keep_daily: Daily = None,
    keep_weekly: Weekly = None,
    keep_monthly: Monthly = None,
    keep_yearly: Yearly = None,
    change: Change = plan.CHANGE * 100,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Add up what a stack's backups cost a month; with --keep-..., what snapshots would come to in the end."""
    if context.invoked_subcommand:
        return
    costs = wiring.costs(_told(find(stack)), fleet.quiet)
    facts = costs.facts()
    told = costs.look(facts, change / 100)
    keeps = list(dict.fromkeys([facts.keep, _keep(facts.keep, keep_daily, keep_weekly, keep_monthly, keep_yearly)]))
    what_ifs = [plan.what_if(facts.sizes, keep, change / 100, prices.prices()) for keep in keeps]
    if as_json:
        typer.echo(json.dumps({**told, "retention": [_as_json(one) for one in what_ifs]}, indent=1))
        return
    print_whole(_table(told))
    print_lines(_sums(told))
    if facts.sizes:
        print_lines(["", "Snapshots, once a retention has filled up:", *map(_line, what_ifs)])
    print_lines(["", *(f"- {text}" for text in told["assumed"])])


def _as_json(one: plan.WhatIf) -> dict[str, Any]:
    return {"keep": plan.told(one.keep), "bytes": round(one.size), "dollars": round(one.dollars, 4)}


def _line(one: plan.WhatIf) -> str:
    return f"  {plan.told(one.keep)}: {one.size / plan.GB:,.1f} GB, ${one.dollars:,.2f} a month"


def _table(told: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("system", "what", "region", "tier"):
        table.add_column(name)
    for name in ("stored", "$ a month"):
        table.add_column(name, justify="right")
    for item in sorted(told["items"], key=lambda one: (one["system"], -one["dollars"], one["name"])):
        stored, dollars = decimal(item["bytes"]), f"{item['dollars']:,.2f}"
        table.add_row(item["system"], Text(item["name"]), item["region"], item["tier"], stored, dollars)
    return table


def _sums(told: Mapping[str, Any]) -> Iterator[str]:
    at = told["prices"]
    yield f"\n${told['total']:,.2f} a month, at the list prices of {at['region']}, {at['as_of']}:"
    for system, dollars in told["systems"].items():
        yield f"  {system:<10} ${dollars:,.2f}"
    yield "If only snapshots are added: " + ", ".join(
        f"${dollars:,.2f} a month in {days} days" for days, dollars in told["projection"].items()
    )
    if told["billed"] is not None:
        yield f"Cost Explorer, this month so far: ${sum(told['billed'].values()):,.2f}"
        yield from (f"  {service} ${dollars:,.2f}" for service, dollars in sorted(told["billed"].items()))


@app.command()
def estimate(
    *,
    gb: Annotated[float, typer.Option("--gb", min=0.001, help="So many gigabytes of objects, and of volumes.")] = 100,
    keep_daily: Daily = None,
    keep_weekly: Weekly = None,
    keep_monthly: Monthly = None,
    keep_yearly: Yearly = None,
    change: Change = plan.CHANGE * 100,
) -> None:
    """Show what so much data would cost, step by step. Nothing is asked of AWS."""
    keep = _keep(DEPLOYED, keep_daily, keep_weekly, keep_monthly, keep_yearly)
    print_lines(plan.estimate(gb, keep, change / 100, plan.Lifecycle(), prices.prices()))
