"""The third step: what of a source is to be copied, and which copies are of what is gone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.warehouse import athena, database, naming, parts
from holdfast.warehouse.datasets import fetch, fetch_all
from holdfast.warehouse.engine import PlanEngine
from holdfast.warehouse.model import Item, Manifest, Part, Phase, Retention
from holdfast.warehouse.orders import Orders
from holdfast.warehouse.queries import TOO_LONG
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.validate import load_manifest

ASKED = "athena.json"
"""Says where Athena was told to put its answers."""

NAMED = 1_000
"""So many keys that are too long to be copied are written down by name; the others are counted."""


def plan_source(warehouse: Warehouse, item: Item, orders: Orders, retention: Retention) -> dict[str, Any]:
    """Compare the inventory with the ledger and write the orders to copy, or answer with those that are there already.

    Raises PartCorrupt, PartTooLarge, InventoryUnreadable and what `load_manifest` raises: then nothing is written.
    """
    document = f"{warehouse.folder(item)}plan.json"
    planned = warehouse.load(document)
    if planned is None:
        answered = warehouse.load(f"{warehouse.folder(item)}{ASKED}")
        with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
            engine = PlanEngine(connection, scratch)
            if answered:
                _take_answers(warehouse, engine, answered["folder"])
            else:
                _compare(warehouse, item, engine, retention)
            planned = _write(warehouse, item, engine, orders)
        warehouse.save(document, planned)
    return {"phases": planned["phases"]}


def ask_athena(warehouse: Warehouse, item: Item, retention: Retention) -> dict[str, Any]:
    """The same questions as statements for Athena, to be run one after the other; `plan_source` then takes the answers.

    Each time they are answered into a folder of its own: UNLOAD wants an empty one.
    """
    manifest = load_manifest(warehouse, item)
    asked_at = f"{warehouse.now():%Y%m%dT%H%M%S%f}"
    folder = f"{warehouse.names.athena}{item.run}/{naming.digest(str(item.source))}/{asked_at}/"
    asked = athena.Plan(
        source=item.source,
        file_format=manifest.file_format,
        columns=manifest.columns,
        tables=f"plan_{naming.digest(folder)}",
        hive=_hive(warehouse, item),
        ledger=_location(warehouse, warehouse.names.ledger(item.source.bucket)),
        retirements=_location(warehouse, warehouse.names.retirements(item.source.bucket)),
        answers=_location(warehouse, folder),
        key_limit=_key_limit(warehouse, item),
        gone_before=warehouse.now() - retention.min_age,
    )
    warehouse.save(f"{warehouse.folder(item)}{ASKED}", {"folder": folder})
    return {"queries": asked.statements()}


def _location(warehouse: Warehouse, folder: str) -> str:
    return f"s3://{warehouse.backup.name}/{folder}"


def _hive(warehouse: Warehouse, item: Item) -> str:
    """Where S3 tells Hive of the same inventory: `hive/dt=2026-11-21-01-00/` beside `2026-11-21T01-00Z/`."""
    root, _, named = (item.inventory or "").rstrip("/").rpartition("/")
    moment = named.removesuffix("Z").replace("T", "-")
    return f"s3://{warehouse.inventory_bucket.name}/{root}/hive/dt={moment}/"


def _take_answers(warehouse: Warehouse, engine: PlanEngine, folder: str) -> None:
    """Bring what Athena has answered to local disk."""
    answers: dict[str, list[Path]] = {view: [] for view in ("copies", "gone", "listed")}
    for view, paths in answers.items():
        for number, found in enumerate(warehouse.backup.listing(f"{folder}{view}/")):
            paths.append(fetch(warehouse, found.key, engine.folder / f"{view}-{number:06}.parquet"))
    engine.take(answers)


def _key_limit(warehouse: Warehouse, item: Item) -> int:
    """Bytes of a key that leave room for what is put before it."""
    return naming.KEY_LIMIT - len(warehouse.names.copies(item.run, item.source.bucket).encode())


def _compare(warehouse: Warehouse, item: Item, engine: PlanEngine, retention: Retention) -> None:
    manifest = load_manifest(warehouse, item)
    names, bucket, folder = warehouse.names, item.source.bucket, engine.folder
    engine.read_inventory(manifest.file_format, manifest.columns, _fetch_parts(warehouse, manifest, folder))
    engine.read_ledger(
        fetch_all(warehouse, names.ledger(bucket), item.source, folder / "ledger"),
        fetch_all(warehouse, names.retirements(bucket), item.source, folder / "retirements"),
    )
    engine.find_copies(item.source, _key_limit(warehouse, item))
    engine.find_gone(warehouse.now() - retention.min_age)
    engine.tally(item.source)


def _fetch_parts(warehouse: Warehouse, manifest: Manifest, scratch: Path) -> Mapping[str, Path]:
    """The parts on local disk, each checked, unpacked if they are CSV."""

    def fetch(numbered: tuple[int, Part]) -> Path:
        number, part = numbered
        pieces = warehouse.inventory_bucket.stream(part.key)
        return parts.store(part, manifest.file_format, pieces, scratch / f"part-{number:06}")

    fetched = warehouse.each(fetch, enumerate(manifest.parts))
    return dict(zip((part.key for part in manifest.parts), fetched, strict=True))


def _write(warehouse: Warehouse, item: Item, engine: PlanEngine, orders: Orders) -> dict[str, Any]:
    rows = "SELECT key, version_id, etag, size, modified, kind FROM copies WHERE phase = "
    placed = [orders.place(engine.connection, warehouse, item, phase, 1, f"{rows}'{phase}'") for phase in Phase]
    gone = engine.folder / "gone-all.parquet"
    engine.write("gone", gone)
    warehouse.backup.write_file(f"{warehouse.folder(item)}gone.parquet", gone)
    too_long = engine.connection.execute(
        "SELECT key FROM copies WHERE phase = ? ORDER BY key LIMIT ?", [TOO_LONG, NAMED]
    ).fetchall()
    return {
        "phases": [order.told for order in placed if order],
        "databases": {
            name: {fate: {"objects": tally.objects, "bytes": tally.size} for fate, tally in tallies.items()}
            for name, tallies in engine.tallies().items()
        },
        "too_long": [key for (key,) in too_long],
    }
