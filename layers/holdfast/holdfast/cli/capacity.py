"""The capacity system: a bucket's running size, and what is evicted when it grows too big."""

from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from holdfast import settings, wiring
from holdfast.adapters.cloudwatch import CloudWatchAlarm
from holdfast.adapters.dynamodb import DynamoLedger
from holdfast.adapters.s3 import S3Bucket
from holdfast.adapters.stack import Stack
from holdfast.capacity import run
from holdfast.capacity.watch import plan_watch
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, find, not_applied

app = typer.Typer(no_args_is_help=True, help=__doc__)


class CannotWatch(ValueError):
    """The stack watches another bucket."""


def _bucket(stack: Stack) -> str:
    return stack.output("CapacityBucketName", "capacity")


def _ledger(stack: Stack) -> DynamoLedger:
    return DynamoLedger(wiring.client("dynamodb"), stack.outputs["ObjectTableName"], stack.outputs["HistoryTableName"])


@app.command()
def status(stack: StackName = DEFAULT_STACK) -> None:
    """Show the bucket's size, its limit, its alarm, and when table and bucket were last compared."""
    found = find(stack)
    bucket = _bucket(found)
    ledger = _ledger(found)
    state, _ = ledger.read(bucket, [])
    progress = ledger.progress(bucket)
    on = CloudWatchAlarm(wiring.client("cloudwatch"), found.outputs["CapacityAlarmName"]).is_on()
    compared = progress.completed_at.isoformat(timespec="seconds") if progress.completed_at else "never"
    table = Table("", bucket)
    table.add_row("size", decimal(state.total_size))
    table.add_row("objects", f"{state.object_count:,}")
    table.add_row("limit", decimal(int(found.parameters["CapacityLimitBytes"])))
    table.add_row("alarm", "[red]on[/red]" if on else "off")
    table.add_row("in versions that are not current", decimal(progress.noncurrent_size))
    table.add_row("in unfinished uploads", decimal(progress.multipart_size))
    table.add_row("last compared with the bucket", compared)
    console.print(table)


@app.command()
def preview(stack: StackName = DEFAULT_STACK) -> None:
    """Print what capacity_trim would evict now if the alarm were on, and why. Nothing is changed."""
    found = find(stack)
    bucket = _bucket(found)
    planned, object_count = run.look(
        S3Bucket(wiring.client("s3"), bucket),
        bucket,
        _ledger(found),
        int(found.parameters["CapacityLimitBytes"]),
        settings.names(found.parameters["CapacityKeepPrefixes"]),
        wiring.stored_copies(
            bucket,
            required=found.parameters["CapacityRequireBackup"] == "true",
            protected=settings.names(found.parameters["ProtectedBuckets"]),
            copy_table=found.outputs.get("CopyTableName", ""),
        ),
    )
    for eviction in planned.evictions:
        console.print(f"evict      {eviction.found.name!r}: {eviction.reason}", markup=False)
    for passed in planned.passed_over:
        console.print(f"pass over  {passed.name!r}: {passed.reason}", markup=False)
    count = len(planned.evictions)
    console.print(f"{count} of {object_count} objects would go; {planned.projected_size} bytes would be left.")
    if not planned.enough:
        console.print("[red]That is not below the limit, and no other object may go.[/red]")


@app.command()
def watch(
    bucket: Annotated[str, typer.Argument(help="The bucket that the stack was deployed with as CapacityBucketName.")],
    *,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Have a bucket of your own send its events to the stack. Its other notifications stay as they are."""
    found = find(stack)
    if bucket != _bucket(found):
        raise CannotWatch(
            f"stack {stack} watches {_bucket(found)}: deploy it with CapacityBucketName={bucket}, then come back"
        )
    s3 = wiring.client("s3")
    planned = plan_watch(s3.get_bucket_notification_configuration(Bucket=bucket), found.outputs["CapacityTopicArn"])
    if not planned.added:
        console.print(f"{bucket} already sends all its events to the stack.")
        return
    console.print(f"{bucket} would send to {found.outputs['CapacityTopicArn']}:")
    for event in planned.added:
        console.print(f"  + {event}")
    console.print(f"  = {planned.kept} notifications that it has already stay as they are")
    if not apply:
        not_applied()
        return
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=planned.configuration)
    console.print("[green]Done.[/green] What the bucket holds already is counted within 16 minutes, or at once with")
    console.print(f"  aws lambda invoke --function-name {found.outputs['CapacityReconcileFunctionName']} /dev/stdout")
