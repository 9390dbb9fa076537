"""Restoring a database, or a table of it, to another place."""

import time
from contextlib import ExitStack
from random import random
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast import wiring
from holdfast.adapters.s3 import region_of
from holdfast.adapters.s3_bulk import CopyObject
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_warehouse import (
    S3Vault,
    S3WarehouseBucket,
    S3WarehouseCopier,
    delta_options,
    etags_are_md5,
    session,
)
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, not_applied
from holdfast.cli.terminal import moment_of, print_lines, progress
from holdfast.cli.warehouse import app
from holdfast.cli.warehouse.deployed import deployed
from holdfast.moment import ACCEPTED
from holdfast.warehouse.model import Tier
from holdfast.warehouse.ports import TierRefused
from holdfast.warehouse.restore import words
from holdfast.warehouse.restore.model import (
    BadDestination,
    CopyFailed,
    Differs,
    KeyTooLong,
    NameAmbiguous,
    NotRestorable,
    Occupied,
    Plan,
    Thaw,
    TierMissing,
    Wanted,
)
from holdfast.warehouse.restore.plan import To

if TYPE_CHECKING:
    from holdfast.warehouse.restore.run import Restoring

NOT_YET = 75
"""The status of a command that has to be given again: EX_TEMPFAIL of sysexits.h."""

MENDED_BY_THE_READER = (
    BadDestination,
    CopyFailed,
    Differs,
    KeyTooLong,
    NameAmbiguous,
    NotRestorable,
    Occupied,
    TierMissing,
    TierRefused,
)


@app.command()
def restore(
    name: Annotated[
        str, typer.Argument(metavar="DATABASE[/TABLE]", help="As holdfast warehouse status and the reports name it.")
    ],
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="s3://BUCKET/PREFIX", help="Where what lies below the name is to lie then.")
    ],
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=0, help="This version of the one table.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help=f"The newest version that was committed by then: {ACCEPTED}."),
    ] = None,
    tier: Annotated[Tier, typer.Option("--tier", help="How fast, and how dear, what is frozen thaws.")] = "Bulk",
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=365, help="How long what was thawed stays readable.")
    ] = 7,
    wait: Annotated[
        bool,
        typer.Option(help=f"Wait until it has thawed; else end with status {NOT_YET}, and go on by the same command."),
    ] = True,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Restore Delta tables: of each the newest version whose every file is stored, a version, or that of a time.

    Tables that are gone by now are restored as the last run knew them that found them. Nothing is overwritten: what
    is at the destination must be of this very restore, which then goes on.
    """
    if version is not None and at is not None:
        raise typer.BadParameter("--version and --at each name a version: give one of them")
    wanted: Wanted = version if at is None else moment_of(at, wiring.now())
    place = To.parse(to)
    # deltalake and pyarrow take their time to be imported: only this command does
    from holdfast.warehouse.restore.opened import DeltaReader  # noqa: PLC0415
    from holdfast.warehouse.restore.run import Destination, planned  # noqa: PLC0415

    with deployed(stack) as found, ExitStack() as entered:
        backup = found.warehouse.backup.name
        s3 = wiring.client("s3")
        if (region := region_of(s3, place.bucket)) is None:
            raise BadDestination(f"--to {to!r} is in no bucket that there is")
        # that one follows nobody to another region
        bulk = CopyObject.like(s3, session(), time.sleep, random) if region == s3.meta.region_name else None
        destination = Destination(
            to=place,
            bucket=S3WarehouseBucket(s3, place.bucket),
            copier=S3WarehouseCopier.from_bucket(backup, S3Copier(s3, place.bucket, "STANDARD", copy_object=bulk)),
            reader=DeltaReader(f"s3://{place.bucket}", delta_options(s3, region)),
            md5=etags_are_md5(s3, backup) and etags_are_md5(s3, place.bucket),
        )
        with progress("reading logs and the ledger"):
            plan, restoring = entered.enter_context(
                planned(found.warehouse, name, wanted, destination, S3Vault(s3, backup), Thaw(tier, days))
            )
        print_lines(words.lines(plan))
        if apply:
            _carry_out(restoring, plan, wait=wait)
        else:
            not_applied()
    if any(one.existed for one in plan.left_out):
        raise typer.Exit(1)


def _carry_out(restoring: "Restoring", plan: Plan, *, wait: bool) -> None:
    """Thaw, copy, verify. Raises TierRefused, CopyFailed, Differs."""
    with progress("asking for what is frozen", sum(one.asked.objects for one in plan.archived)) as advance:
        restoring.ask(advance)
    left = restoring.unreadable
    if left.objects:
        if not wait:
            print_lines(words.pending(left))
            raise typer.Exit(NOT_YET)
        with progress("waiting until it thaws", left.objects) as advance:
            restoring.wait(time.sleep, advance)
    with progress("copying", plan.copies.objects) as advance:
        restoring.copy(advance)
    with progress("verifying", sum(one.snapshot.files for one in plan.tables)) as advance:
        proofs = list(restoring.verify(advance))
    for proof in proofs:
        print_lines(words.proof(proof))
    if wrong := sum(bool(proof.problems) for proof in proofs):
        raise Differs(f"{wrong:,} of {len(proofs):,} tables differ from what was backed up")
