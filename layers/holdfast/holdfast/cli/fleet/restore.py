"""Restoring instances, databases, objects of a bucket, or a whole recovery set."""

import time
from dataclasses import replace
from secrets import token_hex
from typing import Annotated

import typer

from holdfast import wiring
from holdfast.adapters.s3 import region_of
from holdfast.cli.fleet import app
from holdfast.cli.fleet.deployed import CannotFinish, Deployed, deployed, follow
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.terminal import moment_of, print_lines, progress
from holdfast.fleet.model import Slot
from holdfast.fleet.restore import prepare, words
from holdfast.fleet.restore.model import Item, NotRestorable, Placement, Plan, Prefix
from holdfast.fleet.restore.plan import Wanted
from holdfast.fleet.restore.prefix import Copying
from holdfast.fleet.restore.prepare import LeftOut, Onto, Planner
from holdfast.fleet.restore.record import NoSuchRestore, Record
from holdfast.fleet.restore.words import Counted
from holdfast.moment import ACCEPTED
from holdfast.workflow import Status, Workflow

MENDED_BY_THE_READER = (NotRestorable, NoSuchRestore)

Groups = Annotated[
    list[str] | None, typer.Option("--security-group", metavar="ID", help="A security group of it. May be repeated.")
]
Wait = Annotated[bool, typer.Option(help="Follow it to its end; without, the same command follows it later.")]


@app.command()
def restore(
    *,
    resource: Annotated[
        str | None, typer.Option("--resource", metavar="ARN|NAME", help="What is restored. It may be gone.")
    ] = None,
    recovery_set: Annotated[
        str | None, typer.Option("--set", metavar="SET", help="All of a recovery set, databases first.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help=f"The newest good backup of that time or before: {ACCEPTED}."),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="The backup that this run made.")] = None,
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="From the copies in this region, and into it.")
    ] = "",
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also a backup that no check has found good.")
    ] = False,
    subnet: Annotated[str, typer.Option("--subnet", metavar="ID", help="Where instances start.")] = "",
    security_group: Groups = None,
    db_subnet_group: Annotated[
        str, typer.Option("--db-subnet-group", metavar="NAME", help="Where databases are made.")
    ] = "",
    name_suffix: Annotated[
        str,
        typer.Option(
            "--name-suffix", metavar="TEXT", help="What new names end in; databases' in restored-DATE without it."
        ),
    ] = "",
    prefix: Annotated[str, typer.Option("--prefix", metavar="PREFIX", help="Of a bucket: only what is under it.")] = "",
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="s3://BUCKET/PREFIX", help="Of a bucket: there, and not back into the bucket."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Of a bucket: also over what is there, and differs.")
    ] = False,
    wait: Wait = True,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Restore a resource, or all of a recovery set, beside what is there: new instances, new databases, objects that
    are missing. What was interrupted goes on by the same command."""
    if (resource is None) == (recovery_set is None):
        raise typer.BadParameter("give --resource or --set, and not both")
    if at is not None and run is not None:
        raise typer.BadParameter("--at and --run each name a moment: give one of them")
    if recovery_set is not None and (at is not None or run is not None):
        raise typer.BadParameter("--set names a moment: give neither --at nor --run with it")
    onto = _onto(prefix, to, overwrite=overwrite)
    found = deployed(stack)
    wanted = Wanted(moment_of(at, wiring.now()) if at else None, _slot(run), region=region, unverified=unverified)
    placement = Placement(subnet, tuple(security_group or ()), db_subnet_group, name_suffix, roles=found.roles)
    planner = Planner(found.fleet, wanted, placement, onto)
    with progress("looking for backups"):
        planned, left_out = planner.set(recovery_set) if recovery_set else (planner.resource(str(resource)), [])
        planned = Record(found.documents, planned.restore).stored() or planned
        planned, nowhere = _writable(found, planned)
        if nowhere and not recovery_set:
            raise NotRestorable(nowhere[0].why)
        counts = {item.name: _count(found, item, item.prefix) for item in planned.items if item.prefix}
        left_out += nowhere
    print_lines(words.plan(planned, counts, left_out))
    if not apply:
        not_applied()
    else:
        _carry_out(found, planned, wait=wait)
    if left_out:
        raise typer.Exit(1)


def _slot(run: str | None) -> Slot | None:
    return Slot.parse(run) if run is not None else None


def _onto(prefix: str, to: str | None, *, overwrite: bool) -> Onto:
    if to is None:
        return Onto(prefix, overwrite=overwrite)
    bucket, _, to_prefix = to.removeprefix("s3://").partition("/")
    if not to.startswith("s3://") or not bucket:
        raise typer.BadParameter(f"--to {to!r} names no bucket: it is s3://BUCKET/PREFIX")
    return Onto(prefix, bucket, to_prefix, overwrite=overwrite)


def _writable(found: Deployed, planned: Plan) -> tuple[Plan, list[LeftOut]]:
    """What is left of a plan without the buckets whose objects have nowhere to go."""
    nowhere = [
        LeftOut(item.source, why)
        for item in planned.items
        if item.prefix and (why := _why_closed(found, item, item.prefix))
    ]
    gone = {one.source for one in nowhere}
    return replace(planned, items=tuple(item for item in planned.items if item.source not in gone)), nowhere


def _why_closed(found: Deployed, item: Item, prefix: Prefix) -> str:
    if region_of(wiring.client("s3"), prefix.to) is None:
        return f"there is no bucket {prefix.to}: make it, or name another with --to"
    return prepare.closed(found.fleet, found.restore.versions, item, prefix)


def _count(found: Deployed, item: Item, prefix: Prefix) -> Counted:
    copying = Copying(found.restore.versions, prefix, item.taken, found.fleet.each)
    objects = size = 0
    for entry in copying.wanted():
        objects += 1
        size += entry.size
    return Counted(objects, size)


# Doing it


def _carry_out(found: Deployed, planned: Plan, *, wait: bool) -> None:
    """Have the state machine do it, or follow it where it does already. Raises CannotFinish."""
    record = Record(found.documents, planned.restore)
    report = record.report()
    if report is not None and not report["failed"]:
        console.print("\nIt was restored already; --name-suffix restores it once more:")
        print_lines(words.outcome(report))
        return
    planned = record.add(planned)
    workflow = found.workflow("FleetRestoreStateMachineArn")
    under_way = _under_way(workflow, record)
    execution = under_way or _start(workflow, record)
    begun = "Under way already" if under_way else "Started"
    console.print(f"\n{begun}: {execution}. It goes on if this command is ended.", markup=False)
    if not wait:
        return
    ended = follow(workflow, execution, time.sleep, _Follower(record, planned).look)
    report = record.report()
    if report is not None:
        print_lines(words.outcome(report))
    if ended.status is Status.FAILED:
        raise CannotFinish(f"{ended.why}. The same command tries again what failed, and nothing else")


def _under_way(workflow: Workflow, record: Record) -> str | None:
    """What this very restore was started as, if that runs still."""
    execution = record.execution()
    if execution is None or workflow.look(execution).status is not Status.RUNNING:
        return None
    return execution


def _start(workflow: Workflow, record: Record) -> str:
    execution = workflow.start(f"{record.restore}-{token_hex(2)}", {"restore": record.restore})
    record.save_execution(execution)
    return execution


class _Follower:
    """Tells of each item when it comes further."""

    def __init__(self, record: Record, planned: Plan) -> None:
        self.record, self.planned = record, planned
        self.told: dict[str, str] = {}

    def look(self) -> None:
        for item in self.planned.items:
            known = self.record.progress(item.name)
            if known is None:
                continue
            line = words.standing(item, known.as_json())
            if self.told.get(item.name) != line:
                self.told[item.name] = line
                console.print(f"{wiring.now():%H:%M:%S} {line}", markup=False)
