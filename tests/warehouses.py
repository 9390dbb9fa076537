"""A warehouse for tests, over buckets of any kind."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from holdfast.warehouse.naming import Names
from holdfast.warehouse.ports import Bucket
from holdfast.warehouse.run import Scratch, Warehouse


def a_warehouse(folder: Path, bucket_of: Callable[[str], Bucket], now: Callable[[], datetime]) -> Warehouse:
    """Its backup is in the bucket `backup`, below `warehouse/`, its inventories in `inventories`, below `daily/`. One
    thing is done after the other."""
    return Warehouse(
        backup=bucket_of("backup"),
        names=Names("warehouse/"),
        inventory_bucket=bucket_of("inventories"),
        inventories="daily/",
        bucket_of=bucket_of,
        scratch=Scratch(folder, 512 * 1024**2, 1),
        each=map,
        now=now,
        log=lambda *_, **__: None,
        list_all=lambda bucket, prefix: [list(bucket.listing(prefix))],
    )
