"""How each database stands: when it was last backed up, what of it can be restored, what its copies cost."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast import prices
from holdfast.warehouse import database, queries
from holdfast.warehouse.model import Item, Source, Tally
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.runs import newest_first, recorded
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
    """Of every database that the newest run of its source knew. What a source of former days has in common with a newer
    one is the newer one's; of the rest it is told what is stored still."""
    seen: list[Source] = []
    for run in newest_first(warehouse):
        report = run.report(warehouse)
        for item in run.items if report else ():
            if report and item.source not in seen:
                newer = [one for one in seen if one.bucket == item.source.bucket]
                seen.append(item.source)
                found = _of_source(warehouse, item, newer, run.started, report)
                yield from (one for one in found if one.stored or not _overlap(item.source, newer))


def _overlap(source: Source, others: Sequence[Source]) -> bool:
    return any(source.prefix.startswith(one.prefix) or one.prefix.startswith(source.prefix) for one in others)


def _of_source(
    warehouse: Warehouse, item: Item, newer: Sequence[Source], started: datetime, report: dict[str, Any]
) -> Iterator[DatabaseStatus]:
    last = next((one for one in recorded(warehouse) if one.item.source == item.source), None)
    stored = _stored(warehouse, item, newer)
    rows = {row["database"]: row["error"] for row in report["databases"] if row["source"] == str(item.source)}
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for root, told in last.tables.items() if last else ():
        by_name[item.source.database_of(root) or item.source.name].append(told)
    for name in sorted(rows.keys() | stored.keys()):
        own = by_name[name]
        moments = [datetime.fromisoformat(told["at"]) for told in own if told["at"]]
        yield DatabaseStatus(
            source=item.source,
            name=name,
            last_run=started,
            error=rows.get(name, ""),
            verified=last.started if last else None,
            tables=len(own),
            restorable=sum(told["version"] is not None for told in own),
            oldest=min(moments, default=None),
            stored=stored.get(name, {}),
        )


def _stored(warehouse: Warehouse, item: Item, without: Sequence[Source]) -> dict[str, dict[str, Tally]]:
    """Objects and bytes of a source's copies that are not handed to the lifecycle, by database and storage class;
    `without` those of other sources."""
    found: dict[str, dict[str, Tally]] = defaultdict(dict)
    others = "".join(f" AND NOT {queries.is_of(one)}" for one in without)
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        load_stored(connection, warehouse, item, scratch)
        rows = connection.execute(
            f"SELECT {queries.database_of(item.source)} AS name, storage_class, count(*), sum(size)::BIGINT"
            f" FROM ledger ANTI JOIN expiring USING (run, key, etag) WHERE true{others}"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    for name, storage_class, objects, size in rows:
        found[name][storage_class] = Tally(objects, size)
    return found
