"""What the fleet has, its backups, and which of them go."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from holdfast import wiring
from holdfast.cli.fleet import app
from holdfast.cli.fleet.deployed import CannotFinish, Deployed, deployed, follow
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.terminal import print_lines, print_whole, progress
from holdfast.fleet import discover, naming, plan
from holdfast.fleet.expire.plan import Blocked, Expired, Kept, Verdict
from holdfast.fleet.expire.run import plan_all
from holdfast.fleet.model import NotARun, Resource, Schedule, Slot
from holdfast.fleet.ports import Documents
from holdfast.fleet.restore.model import stamp
from holdfast.fleet.restore.prepare import buckets
from holdfast.workflow import Status

MENDED_BY_THE_READER = (NotARun, discover.NoSuchResource)

Wait = Annotated[bool, typer.Option(help="Follow it to its end.")]


# What there is


@app.command("list")
def list_resources(stack: StackName = DEFAULT_STACK) -> None:
    """Show each instance, database and bucket: how often it is backed up or why not, its newest good backup."""
    found = deployed(stack)
    with progress("looking at resources and backups"):
        resources, undiscovered = discover.look(found.fleet)
        newest = _newest(found)
    print_whole(_table(resources, newest, wiring.now(), include_all=found.fleet.rules.include_all))
    gone = sorted(newest.keys() - {one.arn for one in resources})
    if gone:
        console.print("\nGone, with a good backup:")
        print_lines(f"  {arn}, of {stamp(newest[arn])}" for arn in gone)
    if undiscovered:
        console.print("\nNot to be seen:")
        print_lines(f"  {one['service']} in {one['region']}: {one['why']}" for one in undiscovered)
        raise typer.Exit(1)


def _newest(found: Deployed) -> dict[str, datetime]:
    """The moment of the newest good backup of each source."""
    newest: dict[str, datetime] = {}
    for backup in found.fleet.backups():
        if backup.verified:
            newest[backup.source] = max(backup.taken, newest.get(backup.source, backup.taken))
    for arn, bucket in buckets(found.documents).items():
        if bucket["verified"] and bucket["taken"]:
            newest[arn] = datetime.fromisoformat(bucket["taken"])
    return newest


def _table(resources: Iterable[Resource], newest: Mapping[str, datetime], now: datetime, *, include_all: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("resource", "kind", "region", "backed up", "newest good backup"):
        table.add_column(name)
    for one in sorted(resources, key=lambda one: (one.kind, one.region, one.name)):
        often = plan.how_often(one, include_all=include_all)
        told = often.value if isinstance(often, Schedule) else f"no: {often}"
        last = f"{stamp(newest[one.arn])}, {_age(now - newest[one.arn])} ago" if one.arn in newest else "none"
        table.add_row(Text(one.name), one.kind.value, one.region, Text(told), last)
    return table


def _age(age: Any) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


# Backing up


@app.command()
def backup(
    *,
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="ARN|NAME", help="Only this. May be repeated. All that is tagged without."),
    ] = None,
    wait: Wait = True,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Back up now."""
    asked: dict[str, Any] = {"schedule": Schedule.MANUAL.value}
    _run(deployed(stack), asked | ({"resources": resource} if resource else {}), "backing up", wait=wait)


def _run(found: Deployed, asked: Mapping[str, Any], what: str, *, wait: bool) -> bool:
    """Start the workflow, and follow it. Tells whether it came to its end. Raises CannotFinish.

    Its input says when it was due: started anew with the same, it is the same run."""
    workflow = found.workflow("FleetBackupStateMachineArn")
    execution = workflow.start(f"by-hand-{token_hex(6)}", {**asked, "due": wiring.now().isoformat()})
    console.print(f"Started {execution}", markup=False)
    if not wait:
        return False
    with progress(what):
        ended = follow(workflow, execution, time.sleep, lambda: None)
    if ended.status is Status.FAILED:
        raise CannotFinish(ended.why)
    print_lines([(ended.answer or {}).get("summary", "Done.")])
    return True


@app.command()
def drill(wait: Wait = True, stack: StackName = DEFAULT_STACK) -> None:
    """Restore, on trial, the backups whose turn it is, and remove them again: holdfast proof shows what came of it."""
    found = deployed(stack)
    workflow = found.workflow("FleetRestoreStateMachineArn")
    execution = workflow.start(f"drill-{token_hex(6)}", {"drill": True, "due": wiring.now().isoformat()})
    console.print(f"Started {execution}", markup=False)
    if not wait:
        return
    with progress("drilling"):
        ended = follow(workflow, execution, time.sleep, lambda: None)
    if ended.status is Status.FAILED:
        raise CannotFinish(ended.why)
    print_lines([(ended.answer or {}).get("summary", "Done.")])


# Which go


@app.command()
def expire(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show also what is kept, and why.")] = False,
    wait: Wait = True,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Show which backups are kept no longer; with --apply the workflow removes them, unless the breaker holds it."""
    found = deployed(stack)
    with progress("looking at backups"):
        verdicts = plan_all(found.fleet)
    print_lines(_verdicts(verdicts, verbose=verbose))
    if not any(isinstance(one, Expired) for one in verdicts):
        console.print("Nothing is to be removed.")
    elif not apply:
        not_applied()
    elif _run(found, {"schedule": Schedule.CLEANUP.value}, "removing", wait=wait):
        print_lines(_removed(found.documents))


def _verdicts(verdicts: Iterable[Verdict], *, verbose: bool) -> Iterator[str]:
    counts = {Expired: 0, Blocked: 0, Kept: 0}
    words = {Expired: "remove ", Blocked: "blocked", Kept: "keep   "}
    for one in verdicts:
        counts[type(one)] += 1
        if verbose or not isinstance(one, Kept):
            yield f"{words[type(one)]} {one.backup.id}: {one.why}"
    yield f"{counts[Expired]:,} to remove, {counts[Blocked]:,} blocked, {counts[Kept]:,} kept."


def _last_cleaning(documents: Documents) -> Mapping[str, Any] | None:
    """What the last run that removed backups wrote down. Those of older ones may lie in Glacier, where nobody reads
    them."""
    runs = {key.split("/")[1] for key in documents.keys(naming.RUNS) if key.endswith("/expired.json")}
    return documents.load(naming.expired(max(runs, key=lambda run: Slot.parse(run).due))) if runs else None


def _removed(documents: Documents) -> Iterator[str]:
    told = _last_cleaning(documents) or {"removed": [], "blocked": []}
    yield f"{len(told['removed']):,} removed."
    yield from (f"blocked {one['backup']}: {one['why']}" for one in told["blocked"])


@app.command()
def blockers(stack: StackName = DEFAULT_STACK) -> None:
    """Show why backups that should be gone are still there."""
    found = deployed(stack)
    with progress("looking at backups"):
        verdicts = plan_all(found.fleet)
    last = _last_cleaning(found.documents) or {"blocked": []}
    told = {one.backup.id: one.why for one in verdicts if isinstance(one, Blocked)}
    waiting = {one.backup.id for one in verdicts if isinstance(one, Expired)}
    for one in last["blocked"]:  # what nobody knows before it is tried: AWS refuses, the breaker is open
        if one["backup"] in waiting:
            told[one["backup"]] = one["why"]
    print_lines(f"{backup}: {why}" for backup, why in sorted(told.items()))
    others = len(waiting - told.keys())
    console.print(f"{len(told):,} blocked; {others:,} more go when the next cleaning runs.")
