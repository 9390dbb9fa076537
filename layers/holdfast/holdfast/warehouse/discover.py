"""The first step: the newest complete inventory of each source."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from holdfast.warehouse import naming, plan
from holdfast.warehouse.inventory import CHECKSUM, FOLDER
from holdfast.warehouse.model import Item, Source
from holdfast.warehouse.run import Warehouse


class NoSources(ValueError):
    """A run that would back up nothing, and be called done."""

    def __init__(self) -> None:
        super().__init__("there is nothing to back up: name sources in the stack's parameter WarehouseSources")


def discover(warehouse: Warehouse, sources: Sequence[Source], *, started: datetime, execution: str) -> dict[str, Any]:
    """Name the run, and tell for each source where its inventory is, or what was told before. Raises NoSources,
    SourcesOverlap."""
    if not sources:
        raise NoSources
    plan.check_apart(sources)
    run = naming.run_name(started, execution)
    document = f"{warehouse.names.run(run)}run.json"
    told = warehouse.load(document)
    if told is None:
        items = [Item(run, source, _newest(warehouse, source)) for source in sources]
        told = {"run": run, "sources": [item.told for item in items], "started": started.isoformat()}
        warehouse.save(document, told)
    return {"run": run, "sources": told["sources"]}


def _newest(warehouse: Warehouse, source: Source) -> str | None:
    """The folder of the newest inventory that is complete; if there is none, of the newest at all."""
    where = f"{warehouse.inventories}{source.bucket}/{source.inventory_id}/"
    folders = [
        found
        for found in warehouse.inventory_bucket.prefixes(where)
        if FOLDER.fullmatch(found.removeprefix(where).rstrip("/"))
    ]
    newest_first = sorted(folders, reverse=True)
    complete = (one for one in newest_first if warehouse.inventory_bucket.head(one + CHECKSUM) is not None)
    return next(complete, newest_first[0] if newest_first else None)
