"""The third step: what of a source is to be copied, and which copies are of what is gone."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.warehouse import database, naming, parts
from holdfast.warehouse.datasets import fetch_all
from holdfast.warehouse.engine import PlanEngine
from holdfast.warehouse.model import Manifest, Part, Phase, Retention
from holdfast.warehouse.orders import Orders
from holdfast.warehouse.run import Item, Warehouse
from holdfast.warehouse.validate import load_manifest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED = 1_000
"""So many keys that are too long to be copied are written down by name; the others are counted."""


def plan_source(warehouse: Warehouse, item: Item, orders: Orders, retention: Retention) -> dict[str, Any]:
    """Compare the inventory with the ledger and write the orders to copy, or answer with those that are there already.

    Raises PartCorrupt, PartTooLarge, InventoryUnreadable and what `load_manifest` raises: then nothing is written.
    """
    document = f"{warehouse.folder(item)}plan.json"
    planned = warehouse.load(document)
    if planned is None:
        with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
            engine = _compare(warehouse, item, connection, scratch)
            planned = _write(warehouse, item, engine, orders, retention)
        warehouse.save(document, planned)
    return {"phases": planned["phases"]}


def _compare(warehouse: Warehouse, item: Item, connection: "DuckDBPyConnection", scratch: Path) -> PlanEngine:
    manifest = load_manifest(warehouse, item)
    names, bucket = warehouse.names, item.source.bucket
    engine = PlanEngine(connection, scratch)
    engine.read_inventory(manifest.file_format, manifest.columns, _fetch_parts(warehouse, manifest, scratch))
    ledger = fetch_all(warehouse, names.ledger(bucket), item.source, scratch / "ledger")
    retirements = fetch_all(warehouse, names.retirements(bucket), item.source, scratch / "retirements")
    engine.read_ledger(ledger, retirements)
    engine.find_copies(item.source, naming.KEY_LIMIT - len(names.copies(item.run, bucket).encode()))
    return engine


def _fetch_parts(warehouse: Warehouse, manifest: Manifest, scratch: Path) -> Mapping[str, Path]:
    """The parts on local disk, each checked, unpacked if they are CSV."""

    def fetch(numbered: tuple[int, Part]) -> Path:
        number, part = numbered
        pieces = warehouse.inventory_bucket.stream(part.key)
        return parts.store(part, manifest.file_format, pieces, scratch / f"part-{number:06}")

    fetched = warehouse.each(fetch, enumerate(manifest.parts))
    return dict(zip((part.key for part in manifest.parts), fetched, strict=True))


def _write(
    warehouse: Warehouse, item: Item, engine: PlanEngine, orders: Orders, retention: Retention
) -> dict[str, Any]:
    rows = "SELECT key, version_id, etag, size, modified, kind FROM copies WHERE phase = "
    placed = [orders.place(engine.connection, warehouse, item, phase, 1, f"{rows}'{phase}'") for phase in Phase]
    gone = engine.folder / "gone.parquet"
    engine.write_gone(warehouse.now() - retention.min_age, gone)
    warehouse.backup.write_file(f"{warehouse.folder(item)}gone.parquet", gone)
    too_long = engine.connection.execute(
        "SELECT key FROM copies WHERE phase = 'too_long' ORDER BY key LIMIT ?", [NAMED]
    ).fetchall()
    return {
        "phases": [order.told for order in placed if order],
        "databases": {
            name: {fate: {"objects": tally.objects, "bytes": tally.size} for fate, tally in tallies.items()}
            for name, tallies in engine.tallies(item.source).items()
        },
        "too_long": [key for (key,) in too_long],
    }
