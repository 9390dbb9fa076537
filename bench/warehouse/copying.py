"""Our own way to copy a bucket into another. Each is the whole work of a process that is measured."""

import csv
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.objects.copying import THREADS, bulk_copier, now
from holdfast.adapters.s3_warehouse import S3WarehouseBucket, S3WarehouseCopier
from holdfast.warehouse import database, queries
from holdfast.warehouse.commit import commit
from holdfast.warehouse.copying import copy
from holdfast.warehouse.model import Item, Phase, Source
from holdfast.warehouse.naming import Names
from holdfast.warehouse.orders import Order, Orders
from holdfast.warehouse.run import Scratch, Warehouse

ORDERS = Orders(direct_objects=10**9, storage_class="STANDARD")


def ordered(source: str, target: str) -> None:
    """Write down an order of all that is listed, and copy it, with its completion report."""
    _run(source, target, committed=False)


def committed(source: str, target: str) -> None:
    """The same, and what the listing of the target confirms joins the ledger."""
    _run(source, target, committed=True)


def _run(source: str, target: str, *, committed: bool) -> None:
    item = Item("run", Source(source, ""), None)
    with (
        tempfile.TemporaryDirectory() as scratch,
        bulk_copier(target) as copier,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        bucket = S3WarehouseBucket(copier.client, target)
        warehouse = Warehouse(
            backup=bucket,
            names=Names("warehouse/"),
            inventory_bucket=bucket,
            inventories="",
            bucket_of=lambda name: S3WarehouseBucket(copier.client, name),
            scratch=Scratch(Path(scratch), 512 * 1024**2, 2),
            each=threads.map,
            now=now,
            log=lambda *_, **__: None,
        )
        order = _order(warehouse, item, Path(scratch))
        done = copy(warehouse, item, order, S3WarehouseCopier.from_bucket(source, copier), time_left=lambda: True)
        assert done["done"]
        if committed:
            assert commit(warehouse, item, order, ORDERS)["failed"] == 0


def _order(warehouse: Warehouse, item: Item, scratch: Path) -> Order:
    """Of all that the source has. A run reads it from an inventory, which is measured elsewhere."""
    with (scratch / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        for some in warehouse.list_all(warehouse.bucket_of(item.source.bucket), ""):
            rows.writerows((one.key, one.stored.etag, one.stored.size, one.modified.isoformat()) for one in some)
    listed = (
        "SELECT key, NULL::VARCHAR AS version_id, etag, size, modified, 'data' AS kind"
        f" FROM read_csv({queries.text(scratch / 'rows.csv')}, header = false,"
        " columns = {'key': 'VARCHAR', 'etag': 'VARCHAR', 'size': 'BIGINT', 'modified': 'TIMESTAMP'})"
    )
    with database.connect(warehouse.scratch, scratch) as connection:
        order = ORDERS.place(connection, warehouse, item, Phase.DATA, 1, listed)
    assert order is not None
    return order
