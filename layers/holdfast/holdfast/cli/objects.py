"""The objects system: what is kept of objects, restoring them, and which buckets are protected."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from holdfast import settings, wiring
from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoCopyTable, DynamoPasses
from holdfast.adapters.s3 import region_of
from holdfast.adapters.s3_objects import S3Backups
from holdfast.adapters.s3_restore import S3Targets
from holdfast.adapters.stack import Stack
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, find, not_applied
from holdfast.cli.terminal import moment_of, print_lines, print_whole, progress
from holdfast.moment import ACCEPTED
from holdfast.objects.guard import SYSTEM
from holdfast.objects.model import Counts, Kept, Original, Pass
from holdfast.objects.protect import deploy_line, plan_protect
from holdfast.objects.restore import plan
from holdfast.objects.restore.model import Decision, Failure, Refuse, Restore, Skip, short, stamp
from holdfast.objects.restore.ports import CopyLost, TargetChanged
from holdfast.objects.restore.run import Choice, Restored, Restorer
from holdfast.objects.restore.target import BadTarget, KeyTooLong, Place
from holdfast.objects.restore.words import line, outcome, summary

app = typer.Typer(no_args_is_help=True, help=__doc__)

KEY_WIDTH = 60
SHOWN = 20
"""How many objects are listed one by one without --verbose."""


class CannotRestore(LookupError):
    """There is nothing to restore as it was asked for."""


class CannotProtect(ValueError):
    """A bucket cannot be protected by this stack."""


MENDED_BY_THE_READER = (BadTarget, CannotProtect, CannotRestore, CopyLost, KeyTooLong, TargetChanged, plan.Differs)

BucketName = Annotated[
    str | None, typer.Option("--bucket", metavar="BUCKET", help="The protected bucket; the stack's own by default.")
]
Prefix = Annotated[str, typer.Argument(metavar="PREFIX", help="What the keys begin with; '' for all.")]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="BUCKET/PREFIX",
        help="Restore there, not over the original. The key is put behind PREFIX as it is: end it with a slash.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over objects that are not older than the copy.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show every object, with what stays as it is.")]

_AT_HELP = f"As it was then: {ACCEPTED}."


@dataclass(frozen=True, slots=True)
class Deployed:
    """The objects system of a stack, and the bucket that a command is about."""

    stack: Stack
    bucket: str
    restorer: Restorer

    @property
    def backup_bucket(self) -> str:
        return _backup_bucket(self.stack)

    def kept(self, key: str) -> Kept:
        """Raises CannotRestore if it is nothing."""
        kept = self.restorer.table.read(Original(self.bucket, key))
        if not kept.copies:
            raise CannotRestore(f"no copy is kept of {key!r} in {self.bucket}")
        return kept

    def place(self, to: str | None) -> Place | None:
        """Where to restore to. Raises BadTarget."""
        if to is None:
            return None
        place = Place.parse(to, self.backup_bucket)
        if region_of(wiring.client("s3"), place.bucket) is None:
            raise BadTarget(f"--to {to!r} is in no bucket that there is")
        return place

    def as_of(self, at: datetime) -> Choice:
        return partial(plan.as_of, at=at, copies_to_keep=int(self.stack.parameters["CopiesToKeep"]))


def _backup_bucket(stack: Stack) -> str:
    return stack.output("ObjectsBackupBucketName", SYSTEM)


def _source_bucket(stack: Stack) -> str:
    return stack.output("ObjectsSourceBucketName", SYSTEM)


@contextmanager
def _deployed(stack_name: str, bucket: str | None) -> Iterator[Deployed]:
    stack = find(stack_name)
    s3, pool = wiring.client("s3"), ThreadPoolExecutor(wiring.CONNECTIONS)
    backups = S3Backups(s3, _backup_bucket(stack), versioned=stack.parameters["BackupLockDays"] != "0")
    restorer = Restorer(
        table=DynamoCopyTable(wiring.client("dynamodb"), stack.output("CopyTableName", SYSTEM), wiring.now),
        backups=backups,
        targets=S3Targets(s3, backups),
        each=pool.map,
    )
    try:
        yield Deployed(stack, bucket or _source_bucket(stack), restorer)
    finally:
        pool.shutdown(cancel_futures=True)


# What is kept


@app.command("list")
def list_copies(
    key: Annotated[
        str, typer.Argument(metavar="KEY-OR-PREFIX", help="A key that has copies, or what keys begin with.")
    ],
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help=f"Show more than {SHOWN} keys.")] = False,
    bucket: BucketName = None,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Show the copies that are kept of an object, or of all objects under a prefix."""
    with _deployed(stack, bucket) as objects:
        exact = objects.restorer.table.read(Original(objects.bucket, key))
        found = iter([exact]) if exact.copies else objects.restorer.kept(objects.bucket, key)
        shown = list(found if verbose else islice(found, SHOWN))
        more = next(found, None)
    if not shown:
        console.print(f"No copy is kept of anything in {objects.bucket} that begins with {key!r}.", markup=False)
        return
    print_whole(_table_of_copies(shown))
    if more:
        console.print(f"There are more keys than these {SHOWN}: --verbose shows all.")


def _table_of_copies(shown: Sequence[Kept]) -> Table:
    key = Column("key", max_width=KEY_WIDTH, overflow="fold")
    table = Table(key, *(Column(name, no_wrap=True) for name in ("written", "bytes", "status", "disowned", "copy")))
    for kept in shown:
        for copy in sorted(kept.copies, key=lambda copy: copy.rank, reverse=True):
            table.add_row(
                Text(repr(kept.original.key)),
                stamp(copy.version.written_at),
                f"{copy.version.size:,}",
                copy.status,
                stamp(copy.disowned_at) if copy.disowned_at else "",
                short(copy.copy_key),
            )
    return table


@app.command()
def status(stack: StackName = DEFAULT_STACK) -> None:
    """Show how many objects have copies, and what the last comparison of each bucket with its copies found."""
    found = find(stack)
    client, copy_table = wiring.client("dynamodb"), found.output("CopyTableName", SYSTEM)
    passes = DynamoPasses(client, copy_table)
    table = Table("bucket", "compared", "found")
    for bucket in [_source_bucket(found), *_protected(found)]:
        passed = passes.load(bucket)
        table.add_row(bucket, _compared(passed), _told(passed.counts) if passed else "")
    console.print(f"{DynamoCensus(client, copy_table).counted():,} objects have copies in {_backup_bucket(found)}.")
    print_whole(table)


def _compared(passed: Pass | None) -> str:
    if passed is None:
        return "never"
    if passed.completed_at:
        return stamp(passed.completed_at)
    return f"{sum(walk.done for walk in passed.walks)} of {len(passed.walks)} parts so far"


def _told(counts: Counts) -> str:
    """All live objects, and what else is not none."""
    return ", ".join(f"{number:,} {name}" for name, number in asdict(counts).items() if number or name == "live")


def _protected(stack: Stack) -> tuple[str, ...]:
    return settings.names(stack.parameters["ProtectedBuckets"])


# Restoring


@app.command()
def restore(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key as it is, not URL-encoded.")],
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help=_AT_HELP)] = None,
    copy: Annotated[
        str | None, typer.Option("--copy", metavar="COPY_KEY", help="This copy: its key, or the end that list shows.")
    ] = None,
    to: To = None,
    overwrite: Overwrite = False,
    apply: Apply = False,
    bucket: BucketName = None,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Restore one object: its newest copy, the one of a time, or one by its name."""
    if at is not None and copy is not None:
        raise typer.BadParameter("--at and --copy each name a copy: give one of them")
    with _deployed(stack, bucket) as objects:
        choose: Choice = plan.newest
        if at is not None:
            choose = objects.as_of(moment_of(at, wiring.now()))
        if copy is not None:
            choose = partial(plan.named, name=copy)
        decision = objects.restorer.plan(objects.kept(key), choose, to=objects.place(to), overwrite=overwrite)
        if isinstance(decision, Skip):
            raise CannotRestore(f"{key!r}: {decision.reason}")
        print_lines([line(decision)])
        if isinstance(decision, Restore):
            if not apply:
                not_applied()
                return
            print_lines(outcome([objects.restorer.restore(decision)]))
    if isinstance(decision, Refuse):
        raise typer.Exit(1)


@app.command("restore-prefix")
def restore_prefix(
    prefix: Prefix,
    *,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help=_AT_HELP)],
    to: To = None,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
    apply: Apply = False,
    bucket: BucketName = None,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Restore all objects under a prefix as they were at a time. What was written first after it stays."""
    then = moment_of(at, wiring.now())
    with _deployed(stack, bucket) as objects:
        place, choose = objects.place(to), objects.as_of(then)

        def planned(restorer: Restorer) -> Iterator[Decision]:
            return restorer.plan_prefix(objects.bucket, prefix, choose, to=place, overwrite=overwrite)

        heading = f"What begins with {prefix!r} in {objects.bucket}, as it was at {stamp(then)}:"
        _carry_out(objects.restorer, heading, planned, verbose=verbose, apply=apply)


@app.command()
def undelete(
    prefix: Prefix,
    *,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help=f"The first deletion to undo: {ACCEPTED}.")],
    verbose: Verbose = False,
    apply: Apply = False,
    bucket: BucketName = None,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Bring back what was deleted under a prefix since a time, each object as it was last. What is there stays."""
    first = moment_of(since, wiring.now())
    with _deployed(stack, bucket) as objects:

        def planned(restorer: Restorer) -> Iterator[Decision]:
            return restorer.plan_undelete(objects.bucket, prefix, first)

        heading = f"What begins with {prefix!r} in {objects.bucket}, and was deleted at {stamp(first)} or later:"
        _carry_out(objects.restorer, heading, planned, verbose=verbose, apply=apply)


def _carry_out(
    restorer: Restorer,
    heading: str,
    planned: Callable[[Restorer], Iterator[Decision]],
    *,
    verbose: bool,
    apply: bool,
) -> None:
    """Show a plan, and with --apply restore what it says. Status 1 if anything was refused, or failed."""
    with progress("looking at copies and objects") as advance:
        decisions = list(planned(replace(restorer, progress=advance)))
    print_lines([heading, *_shown(decisions, verbose=verbose), *summary(decisions)])
    restores = [decision for decision in decisions if isinstance(decision, Restore)]
    outcomes: list[Restored | Failure] = []
    if restores and apply:
        with progress("restoring", len(restores)) as advance:
            outcomes = list(replace(restorer, progress=advance).restore_all(restores))
        print_lines(outcome(outcomes))
    elif restores:
        not_applied()
    if any(isinstance(one, Refuse | Failure) for one in [*decisions, *outcomes]):
        raise typer.Exit(1)


def _shown(decisions: Sequence[Decision], *, verbose: bool) -> Iterator[str]:
    """The lines of a plan: all of them, or the first of those that a reader has to look at."""
    chosen = decisions if verbose else [one for one in decisions if isinstance(one, Restore | Refuse | Failure)]
    few = chosen if verbose else chosen[:SHOWN]
    yield from map(line, few)
    if more := len(chosen) - len(few):
        yield f"... and {more:,} more: --verbose shows all"


# Protecting


@app.command()
def protect(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="A bucket of yours, in the stack's region.")],
    *,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Have a bucket of your own send its events to EventBridge. Its other notifications stay as they are."""
    found = find(stack)
    if bucket == _backup_bucket(found):
        raise CannotProtect(f"{bucket} is the backup bucket: it holds copies, and of copies no copies are made")
    if bucket == _source_bucket(found):
        console.print(f"{bucket} is the stack's own source bucket: it is protected already.")
        return
    s3 = wiring.client("s3")
    region = region_of(s3, bucket)
    if region is None:
        raise CannotProtect(f"there is no bucket {bucket}")
    if region != s3.meta.region_name:
        raise CannotProtect(f"{bucket} is in {region}, and its events reach no stack in {s3.meta.region_name}")
    planned = plan_protect(s3.get_bucket_notification_configuration(Bucket=bucket))
    if planned.is_on:
        console.print(f"{bucket} already sends its events to EventBridge.")
    else:
        console.print(f"{bucket} would send to EventBridge:\n  + all its events")
        console.print(f"  = {planned.kept} notifications that it has already stay as they are")
    if bucket not in _protected(found):
        console.print(f"\nStack {stack} does not listen to {bucket} yet. Build it, and deploy it with")
        console.print(f"  {deploy_line(stack, _protected(found), bucket)}", markup=False)
    if not planned.is_on:
        if not apply:
            not_applied()
            return
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=planned.configuration)
        console.print("[green]Done.[/green]")
    console.print("\nWhat the bucket holds already is copied within 16 minutes of the deploy, or at once with")
    function = found.outputs["ObjectsReconcileFunctionName"]
    console.print(f"  aws lambda invoke --function-name {function} --invocation-type Event /dev/null")
