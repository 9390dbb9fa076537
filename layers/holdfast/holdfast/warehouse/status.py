"""How each database stands: when it was last backed up, what of it can be restored, what its copies cost."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast import prices
from holdfast.warehouse import database, queries
from holdfast.warehouse.model import Source, Tally
from holdfast.warehouse.run import Item, Warehouse
from holdfast.warehouse.runs import newest_first
from holdfast.warehouse.verify import load_stored


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """`last_run`: the newest that has ended, whether it failed (`error`) or not. `tables`, `restorable`: as the newest
    verified run found them. `oldest`: the time of the oldest restorable version among them. `stored`: what the ledger
    has, by storage class."""

    source: Source
    name: str
    last_run: datetime
    error: str
    verified: datetime | None
    tables: int
    restorable: int
    oldest: datetime | None
    stored: dict[str, Tally] = field(default_factory=dict)

    @property
    def dollars_a_month(self) -> float:
        return sum(prices.month(name, tally.objects, tally.size) for name, tally in self.stored.items())


def status(warehouse: Warehouse) -> Iterator[DatabaseStatus]:
    """Of every database that the newest run of its source knew."""
    seen: set[Source] = set()
    for run in newest_first(warehouse):
        for item in run.items if run.report else ():
            if item.source not in seen:
                seen.add(item.source)
                yield from _of_source(warehouse, item, run.started, run.report or {})


def _of_source(warehouse: Warehouse, item: Item, started: datetime, report: dict[str, Any]) -> Iterator[DatabaseStatus]:
    verified, tables = _verified(warehouse, item.source)
    stored = _stored(warehouse, item)
    rows = {row["database"]: row["error"] for row in report["databases"] if row["source"] == str(item.source)}
    for name in sorted(rows.keys() | stored.keys()):
        own = [told for root, told in tables.items() if item.source.database_of(root) == name]
        moments = [datetime.fromisoformat(told["at"]) for told in own if told["at"]]
        yield DatabaseStatus(
            source=item.source,
            name=name,
            last_run=started,
            error=rows.get(name, ""),
            verified=verified,
            tables=len(own),
            restorable=sum(told["version"] is not None for told in own),
            oldest=min(moments, default=None),
            stored=stored.get(name, {}),
        )


def _verified(warehouse: Warehouse, source: Source) -> tuple[datetime | None, dict[str, Any]]:
    """When, and how, the tables of a source were verified last."""
    for run in newest_first(warehouse):
        for item in run.items:
            if item.source == source:
                told = warehouse.load(f"{warehouse.folder(item)}verify.json")
                if told is not None:
                    return run.started, told["tables"]
    return None, {}


def _stored(warehouse: Warehouse, item: Item) -> dict[str, dict[str, Tally]]:
    """Objects and bytes of a source's copies that are not handed to the lifecycle, by database and storage class."""
    found: dict[str, dict[str, Tally]] = defaultdict(dict)
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        load_stored(connection, warehouse, item, scratch)
        rows = connection.execute(
            f"SELECT {queries.database_of(item.source)} AS name, storage_class, count(*), sum(size)::BIGINT"
            " FROM ledger ANTI JOIN expiring USING (run, key, etag) WHERE starts_with(key, ?)"
            " GROUP BY 1, 2 ORDER BY 1, 2",
            [item.source.prefix],
        ).fetchall()
    for name, storage_class, objects, size in rows:
        if name is not None:
            found[name][storage_class] = Tally(objects, size)
    return found
