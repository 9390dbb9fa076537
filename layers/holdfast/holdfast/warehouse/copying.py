"""The direct engine: the function itself copies, and writes the completion report that a job would have written."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from holdfast.warehouse import database
from holdfast.warehouse.datasets import fetch
from holdfast.warehouse.model import Item, Kind, Listed
from holdfast.warehouse.orders import Order, Outcome, report_manifest, report_part
from holdfast.warehouse.ports import Copier, SourceChanged, SourceGone, SourceUnreadable
from holdfast.warehouse.run import Warehouse

CHUNK = 1_000
CHUNK_BYTES = 64 * 1024**3
"""Rows of one part of the report, and the bytes that they have at most, but for one row alone: a chunk that was begun
must find its end. What is copied of a chunk when the function is cut off is copied again."""

_STATUS = {SourceGone: 404, SourceChanged: 412, SourceUnreadable: 403}


def copy(
    warehouse: Warehouse, item: Item, order: Order, copier: Copier, *, time_left: Callable[[], bool]
) -> dict[str, Any]:
    """Copy as much of an order as time permits, at least a chunk, and tell whether all is done."""
    folder = f"{order.report}/job-direct/"
    there = {found.key for found in warehouse.backup.listing(f"{folder}results/")}
    parts = []
    with warehouse.scratch.open() as scratch:
        fetch(warehouse, order.listed, scratch / "listed.parquet")
        for number, chunk in enumerate(chunks(warehouse, scratch / "listed.parquet", CHUNK, CHUNK_BYTES)):
            part = f"{folder}results/{number:06}.csv"
            parts.append(part)
            if part in there:
                continue
            outcomes = warehouse.each(lambda listed: _copy(copier, listed, f"{order.target}/{listed.key}"), chunk)
            warehouse.backup.write(part, report_part(item.source.bucket, outcomes))
            if not time_left():
                return {"done": False}
    created_at = warehouse.now().isoformat()
    warehouse.backup.write(f"{folder}manifest.json", report_manifest(warehouse.backup, parts, created_at))
    return {"done": True}


def _copy(copier: Copier, listed: Listed, copy_key: str) -> Outcome:
    try:
        copier(listed, copy_key)
    except (SourceGone, SourceChanged, SourceUnreadable) as error:
        return Outcome(listed, type(error).__name__, _STATUS[type(error)], str(error))
    return Outcome(listed)


def chunks(warehouse: Warehouse, path: Path, rows: int, size: int) -> Iterator[list[Listed]]:
    """The rows of a Parquet file in their order, some at a time: the same ones whoever asks."""
    some, total = list[Listed](), 0
    for listed in _listed(warehouse, path):
        if some and (len(some) == rows or total + listed.size > size):
            yield some
            some, total = [], 0
        some.append(listed)
        total += listed.size
    if some:
        yield some


def _listed(warehouse: Warehouse, path: Path) -> Iterator[Listed]:
    with database.connect(warehouse.scratch, path.parent) as connection:
        rows = connection.execute(
            "SELECT key, version_id, etag, size, modified, kind FROM read_parquet(?)", [str(path)]
        )
        while found := rows.fetchmany(CHUNK):
            for key, version_id, etag, size, modified, kind in found:
                yield Listed(key, version_id, etag, size, database.utc(modified), Kind(kind))
