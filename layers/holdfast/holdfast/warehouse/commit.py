"""After a copy: what the completion report calls copied, and a listing shows as stored, joins the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.warehouse import database, naming, plan, queries
from holdfast.warehouse.database import LEDGER, files
from holdfast.warehouse.datasets import fetch, load_listing
from holdfast.warehouse.model import Engine, Item
from holdfast.warehouse.orders import Order, Orders, fetch_reports
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED_FAILURES = 1_000
"""So many failures are written down by name; the others are counted."""

_JUDGED = """
CREATE TABLE judged AS
WITH told AS (
    SELECT url_decode(replace("Key", '+', '%20')) AS key, -- encoded in reports, a space as %20 or +
           bool_or("TaskStatus" = 'succeeded') AS succeeded,
           max("ErrorCode") AS code,
           max("ResultMessage") AS message
    FROM reported GROUP BY 1
)
SELECT listed.*,
    coalesce(before.copy_etag, there.etag) AS copy_etag,
    coalesce(before.storage_class, there.storage_class) AS storage_class,
    coalesce(before.stored_at, {now}) AS stored_at,
    CASE
        WHEN before.key IS NOT NULL THEN NULL
        WHEN told.key IS NULL THEN 'NotReported'
        WHEN NOT told.succeeded THEN coalesce(nullif(told.code, ''), 'Failed')
        WHEN there.key IS NULL THEN 'NotStored'
        WHEN there.size <> listed.size THEN 'AnotherSize'
        WHEN {may_differ} AND coalesce(listed.version_id, 'null') = 'null' AND there.etag <> listed.etag
            AND original.etag IS DISTINCT FROM listed.etag THEN 'SourceChanged'
    END AS code,
    coalesce(told.message, '') AS message
FROM listed LEFT JOIN told USING (key) LEFT JOIN before USING (key)
LEFT JOIN stored AS there ON there.key = {copies} || listed.key
LEFT JOIN original ON original.key = listed.key
"""
"""`may_differ`: whether another object than the one that was listed may have been copied. `before`: what a commit of
this order that was cut off has entered already, which stays."""


def commit(warehouse: Warehouse, item: Item, order: Order, orders: Orders) -> dict[str, Any]:
    """Write the ledger's file of an order, and the order to try again what failed, if it may be; or answer with what a
    commit of this order came to."""
    document = f"{warehouse.names.phase(item.run, item.source, order.phase, order.attempt)}commit.json"
    told = warehouse.load(document)
    if told is None:
        told = _commit(warehouse, item, order, orders)
        warehouse.save(document, told)
    return {"done": True, "failed": told["failed"], "retry": told["retry"]}


def _commit(warehouse: Warehouse, item: Item, order: Order, orders: Orders) -> dict[str, Any]:
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        fetch(warehouse, order.listed, scratch / "listed.parquet")
        connection.execute(f"CREATE VIEW listed AS FROM read_parquet({text(scratch / 'listed.parquet')})")
        _load_reports(connection, warehouse, order, scratch)
        _load_before(connection, warehouse, _ledger(warehouse, item, order), scratch)
        copies = f"{order.target}/"
        load_listing(connection, warehouse, "stored", warehouse.backup, copies + item.source.prefix, scratch)
        may_differ = _may_differ(order) and _in_doubt(connection, copies)
        source = warehouse.bucket_of(item.source.bucket) if may_differ else None
        load_listing(connection, warehouse, "original", source, item.source.prefix, scratch)
        now = f"TIMESTAMP {text(warehouse.now().replace(tzinfo=None).isoformat())}"
        connection.execute(_JUDGED.format(may_differ=str(may_differ), now=now, copies=text(copies)))
        _write_ledger(connection, warehouse, item, order, scratch / "ledger.parquet")
        retry = _retry(connection, warehouse, item, order, orders)
        return _summary(connection, item) | {"order": order.told, "retry": retry and retry.told}


def _load_reports(connection: "DuckDBPyConnection", warehouse: Warehouse, order: Order, scratch: Path) -> None:
    """What the reports say; a job that failed may have none."""
    columns = ", ".join(f'"{name}" VARCHAR' for name in ("Key", "TaskStatus", "ErrorCode", "ResultMessage"))
    connection.execute(f"CREATE TABLE reported ({columns})")
    for report in fetch_reports(warehouse.backup, order.report, scratch):
        if report.paths:
            told = ", ".join(f"{text(name)}: 'VARCHAR'" for name in report.columns)
            connection.execute(
                'INSERT INTO reported SELECT "Key", "TaskStatus", "ErrorCode", "ResultMessage" FROM'
                f" read_csv({files(report.paths)}, header = false, columns = {{{told}}}, quote = '\"', escape = '\"',"
                " delim = ',', auto_detect = false)"
            )
        for path in report.paths:
            path.unlink()


def _ledger(warehouse: Warehouse, item: Item, order: Order) -> str:
    """The key of the file that is the order's own."""
    folder = warehouse.names.ledger(item.source.bucket) + naming.partition(item.source)
    return f"{folder}{item.run}-{order.phase}-{order.attempt}.parquet"


def _load_before(connection: "DuckDBPyConnection", warehouse: Warehouse, key: str, scratch: Path) -> None:
    """What is in the ledger once is not taken out: others may have counted on it."""
    there = warehouse.backup.head(key) is not None
    paths = [fetch(warehouse, key, scratch / "before.parquet")] if there else []
    database.view(connection, "before", paths, LEDGER)


def _may_differ(order: Order) -> bool:
    """A job copies what is there under a key, unless it is told a version: what was written since the inventory, too.
    "null" is no version: what is written while versioning is suspended takes its place. That the copy has the ETag
    that was listed, or the source holds it still, tells that it was this object."""
    return order.engine is Engine.BATCH


def _in_doubt(connection: "DuckDBPyConnection", copies: str) -> bool:
    """Whether some copy has another ETag than was listed, as those of what came in parts have."""
    doubtful = connection.execute(
        f"SELECT 1 FROM stored JOIN listed ON stored.key = {text(copies)} || listed.key"
        " WHERE stored.etag <> listed.etag AND coalesce(listed.version_id, 'null') = 'null' LIMIT 1"
    )
    return doubtful.fetchone() is not None


def _write_ledger(connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, order: Order, path: Path) -> None:
    """Written again, it has what it had."""
    rows = (
        f"SELECT {text(item.run)} AS run, key, version_id, etag, size, modified, kind, stored_at, copy_etag,"
        " storage_class FROM judged WHERE code IS NULL ORDER BY key"
    )
    database.write(connection, rows, path)
    warehouse.backup.write_file(_ledger(warehouse, item, order), path)


def _summary(connection: "DuckDBPyConnection", item: Item) -> dict[str, Any]:
    by_database = connection.execute(
        f"SELECT {queries.database_of(item.source)} AS name, count(*) FILTER (code IS NULL),"
        " coalesce(sum(size) FILTER (code IS NULL), 0)::BIGINT, count(code) FROM judged GROUP BY 1 ORDER BY 1"
    ).fetchall()
    failures = connection.execute(
        "SELECT key, code, message FROM judged WHERE code IS NOT NULL ORDER BY key LIMIT ?", [NAMED_FAILURES]
    ).fetchall()
    return {
        "failed": sum(failed for *_, failed in by_database),
        "databases": {
            name: {"copied": copied, "bytes": size, "failed": failed} for name, copied, size, failed in by_database
        },
        "failures": [{"key": key, "code": code, "message": message} for key, code, message in failures],
    }


def _retry(
    connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, order: Order, orders: Orders
) -> Order | None:
    """What failed, once more, as an order of its own."""
    if order.attempt == plan.ATTEMPTS:
        return None
    rows = "SELECT key, version_id, etag, size, modified, kind FROM judged WHERE code IS NOT NULL"
    return orders.place(connection, warehouse, item, order.phase, order.attempt + 1, rows)
