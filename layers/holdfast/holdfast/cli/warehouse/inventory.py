"""An inventory of our own, for who cannot wait for S3's."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal
from uuid import uuid4

import typer

from holdfast import settings, wiring
from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.adapters.stack import Stack
from holdfast.cli.stack import DEFAULT_STACK, StackName, find
from holdfast.cli.terminal import print_lines, progress
from holdfast.cli.warehouse import app
from holdfast.warehouse.listing import WORKERS, list_all
from holdfast.warehouse.model import FileFormat, Source, SourceInvalid
from holdfast.warehouse.ports import Found
from holdfast.warehouse.write_inventory import ASSUMED_TIER, InventoryWriter, Place, Written

SYSTEM = "warehouse"

_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})(?P<path>/.*)?", re.DOTALL)
_FORMATS = {"csv": FileFormat.CSV, "parquet": FileFormat.PARQUET}


class BadPlace(ValueError):
    """What should name a place in S3 does not."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--to {text!r} names no place: s3://BUCKET or s3://BUCKET/PREFIX does")


class InventoryTooNarrow(ValueError):
    """A source would read this inventory, and take for gone what it was not asked to list."""

    def __init__(self, asked: Source, source: Source) -> None:
        wide = replace(asked, prefix="", many=False).name
        super().__init__(
            f"source {source} reads inventory {asked.inventory_id!r} of {asked.bucket} too, and would take for gone"
            f" what is not below {asked.prefix!r}. List all of it (holdfast warehouse inventory {wide}), or give this"
            " one another name with --id"
        )


MENDED_BY_THE_READER = (BadPlace, InventoryTooNarrow, SourceInvalid)


@app.command()
def inventory(
    source: Annotated[
        str,
        typer.Argument(metavar="BUCKET[/PREFIX]", help="What to list; as the stack names its sources is fine too."),
    ],
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="s3://BUCKET/PREFIX", help="Write it there, not where the stack looks for inventories."
        ),
    ] = None,
    inventory_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The inventory configuration that it stands in for.")
    ] = None,
    file_format: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Of its files.")] = "csv",
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, max=wiring.CONNECTIONS, help="Listings side by side.")
    ] = WORKERS,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """List a bucket, or what is below a prefix, into an inventory as S3 writes it, whose first one may take two days.

    A listing does not tell in which tier of INTELLIGENT_TIERING an object lies. All of that class are written as
    FREQUENT, so that the backup copies them. What lies in an archive tier cannot be copied, and the run's report names
    it; what lies in a colder tier becomes frequent by being copied.
    """
    asked = Source.parse(source if source.startswith("s3://") else f"s3://{source}")
    asked = replace(asked, inventory_id=inventory_id) if inventory_id else asked
    place = _place(asked, to, stack)
    bucket = S3WarehouseBucket(wiring.client("s3"), asked.bucket)
    with TemporaryDirectory() as scratch, progress("listing") as advance:
        writer = InventoryWriter(place, Path(scratch), lambda: str(uuid4()), _FORMATS[file_format])
        listed = list_all(bucket, asked.prefix, workers)
        written = writer.write(_counting(listed, advance), wiring.now())
    print_lines(_told(place, written))


def _place(asked: Source, to: str | None, stack_name: str) -> Place:
    """Raises BadPlace, InventoryTooNarrow; StackMissing, SystemNotDeployed."""
    if to is None:
        stack = find(stack_name)
        _check_width(asked, stack)
        to = stack.output("WarehouseInventoryPlace", SYSTEM)
    found = _PLACE.fullmatch(to)
    if found is None:
        raise BadPlace(to)
    path = (found["path"] or "").strip("/")
    bucket = S3WarehouseBucket(wiring.client("s3"), found["bucket"])
    return Place(bucket, f"{path}/" if path else "", asked.bucket, asked.inventory_id)


def _check_width(asked: Source, stack: Stack) -> None:
    """Refuse an inventory of less than what a source of the stack expects of it."""
    for source in map(Source.parse, settings.names(stack.output("WarehouseSourceNames", SYSTEM))):
        same = (source.bucket, source.inventory_id) == (asked.bucket, asked.inventory_id)
        if same and not source.prefix.startswith(asked.prefix):
            raise InventoryTooNarrow(asked, source)


def _counting(listed: Iterable[Sequence[Found]], advance: Callable[[int], None]) -> Iterator[Sequence[Found]]:
    for some in listed:
        advance(len(some))
        yield some


def _told(place: Place, written: Written) -> Iterator[str]:
    objects, files = written.objects, len(written.parts)
    yield (
        f"{objects:,} object{'' if objects == 1 else 's'}, {written.size:,} bytes,"
        f" in {files:,} file{'' if files == 1 else 's'}."
    )
    if written.tiered:
        yield f"{written.tiered:,} of INTELLIGENT_TIERING, whose tier no listing tells: {ASSUMED_TIER} is written."
    yield f"s3://{place.bucket.name}/{written.manifest_key}"
