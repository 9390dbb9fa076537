"""The warehouse system of a stack, as the commands of this package use it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import gettempdir

from holdfast import wiring
from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.adapters.stack import Stack
from holdfast.adapters.stepfunctions import StateMachine
from holdfast.cli.stack import find
from holdfast.warehouse.naming import Names
from holdfast.warehouse.run import Scratch, Warehouse

SYSTEM = "warehouse"

MEMORY_BYTES = 2 * 1024**3
"""What the database of a command may use; it goes to disk with the rest."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a stack keeps what it backs up."""

    stack: Stack
    warehouse: Warehouse

    @property
    def workflow(self) -> StateMachine:
        arn = self.stack.output("WarehouseBackupStateMachineArn", SYSTEM)
        return StateMachine(wiring.client("stepfunctions"), arn)


@contextmanager
def deployed(stack_name: str) -> Iterator[Deployed]:
    """Raises StackMissing; SystemNotDeployed where the stack has no warehouse system."""
    stack = find(stack_name)
    bucket_of = partial(S3WarehouseBucket, wiring.client("s3"))
    inventories, _, folder = stack.output("WarehouseInventoryPlace", SYSTEM).removeprefix("s3://").partition("/")
    pool = ThreadPoolExecutor(wiring.CONNECTIONS)
    try:
        yield Deployed(
            stack,
            Warehouse(
                backup=bucket_of(stack.output("WarehouseBackupBucketName", SYSTEM)),
                names=Names(f"{stack.parameters['WarehousePrefix']}/"),
                inventory_bucket=bucket_of(inventories),
                inventories=f"{folder}/" if folder else "",
                bucket_of=bucket_of,
                scratch=Scratch(Path(gettempdir()), MEMORY_BYTES, os.cpu_count() or 1),
                each=pool.map,
                now=wiring.now,
                log=lambda *_, **__: None,
            ),
        )
    finally:
        pool.shutdown(cancel_futures=True)
