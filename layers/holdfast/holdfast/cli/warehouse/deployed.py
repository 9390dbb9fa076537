"""The warehouse system of a stack, as the commands of this package use it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from holdfast import wiring
from holdfast.adapters.stack import Stack
from holdfast.adapters.stepfunctions import StateMachine
from holdfast.cli.stack import find
from holdfast.warehouse.run import Scratch, Warehouse
from holdfast.warehouse.settings import Places

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
    places = Places(
        inventories=stack.output("WarehouseInventoryPlace", SYSTEM),
        backup_bucket=stack.output("WarehouseBackupBucketName", SYSTEM),
        backup_prefix=stack.parameters["WarehousePrefix"],
    )
    scratch = Scratch(Path(gettempdir()), MEMORY_BYTES, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(wiring.CONNECTIONS)
    try:
        yield Deployed(stack, wiring.warehouse(places, scratch, pool.map, lambda *_, **__: None))
    finally:
        pool.shutdown(cancel_futures=True)
