"""What a run came to, database by database: as documents, as Parquet for Athena, as metrics and as a message."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Protocol

from holdfast import prices
from holdfast.warehouse import database
from holdfast.warehouse.database import text
from holdfast.warehouse.model import Engine
from holdfast.warehouse.orders import Order
from holdfast.warehouse.plan import ATTEMPTS
from holdfast.warehouse.run import Item, Warehouse


class NotAStep(ValueError):
    """An event asks for nothing that a report does."""


class Messenger(Protocol):
    """Tells people of a run."""

    def __call__(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A database in a run. Bytes are of the originals; `dollars`: for the copies of this run, without the functions."""

    run: str
    source: str
    database: str
    copied: int = 0
    copied_bytes: int = 0
    skipped: int = 0
    skipped_bytes: int = 0
    failed: int = 0
    retired: int = 0
    expiring: int = 0
    tables: int = 0
    restorable: int = 0
    seconds: float = 0.0
    dollars: float = 0.0
    error: str = ""


def note_failure(warehouse: Warehouse, item: Item, error: Mapping[str, Any]) -> dict[str, Any]:
    """Write down why a source could not be backed up: the others go on."""
    told = {"Error": str(error.get("Error", "Unknown")), "Cause": str(error.get("Cause", ""))}
    warehouse.save(f"{warehouse.folder(item)}failed.json", told | {"at": warehouse.now().isoformat()})
    warehouse.log("source failed", source=str(item.source), run=item.run, **told)
    return {"failed": str(item.source)}


def report(warehouse: Warehouse, run: str, message: Messenger) -> dict[str, Any]:
    """Sum up a run, and tell whoever is to know. Written again, it is the same."""
    told = warehouse.load(f"{warehouse.names.run(run)}run.json")
    if told is None:
        raise NotAStep(f"there is no run {run!r}")
    started = datetime.fromisoformat(told["started"])
    rows = [row for item in told["sources"] for row in _rows(warehouse, Item.of(item), started)]
    _write(warehouse, run, rows)
    failed = sorted({row.source for row in rows if row.error})
    summary = "\n".join(sentences(run, rows))
    document = f"{warehouse.names.run(run)}report.json"
    if warehouse.load(document) is None:
        message(summary)
    answer = {"failed": failed, "summary": summary, "ended": warehouse.now().isoformat()}
    warehouse.save(document, answer | {"databases": [asdict(row) for row in rows]})
    return answer


def _rows(warehouse: Warehouse, item: Item, started: datetime) -> Iterator[Row]:
    """Of each database of a source; of a source that failed before its databases were known, of the source."""
    folder = warehouse.folder(item)
    failure = warehouse.load(f"{folder}failed.json")
    error = f"{failure['Error']}: {failure['Cause']}" if failure else ""
    planned = warehouse.load(f"{folder}plan.json") or {"databases": {}, "phases": []}
    commits = list(_commits(warehouse, item, planned["phases"]))
    tables = (warehouse.load(f"{folder}verify.json") or {"tables": {}})["tables"]
    retired = (warehouse.load(f"{folder}retire.json") or {"databases": {}})["databases"]
    names = planned["databases"] or {item.source.name: {}}
    dollars = sum(_dollars(order) for order, _ in commits)
    objects = sum(order.objects for order, _ in commits) or 1
    for name, counts in names.items():
        copied, size, failed = _copied(name, commits)
        own = [told for root, told in tables.items() if item.source.database_of(root) == name]
        yield Row(
            run=item.run,
            source=str(item.source),
            database=name,
            copied=copied,
            copied_bytes=size,
            skipped=sum(counts.get(why, {}).get("objects", 0) for why in SKIPPED),
            skipped_bytes=sum(counts.get(why, {}).get("bytes", 0) for why in SKIPPED),
            failed=failed + counts.get("too_long", {}).get("objects", 0),
            retired=retired.get(name, {}).get("marked", 0),
            expiring=retired.get(name, {}).get("expiring", 0),
            tables=len(own),
            restorable=sum(table["current"] for table in own),
            seconds=(warehouse.now() - started).total_seconds(),
            dollars=dollars * (copied + failed) / objects,
            error=error,
        )


SKIPPED = ("known", "other", "cold")
"""Why an object is not copied: it is backed up; it is no part of a Delta table; its class is not read often."""


def _commits(warehouse: Warehouse, item: Item, phases: list[dict[str, Any]]) -> Iterator[tuple[Order, dict[str, Any]]]:
    """Every attempt that was committed, with what it came to."""
    for phase in phases:
        order = Order.of({"phase": phase})
        for attempt in range(1, ATTEMPTS + 1):
            where = warehouse.names.phase(item.run, item.source, order.phase, attempt)
            told = warehouse.load(f"{where}commit.json")
            if told is not None:
                yield order, told


def _copied(name: str, commits: list[tuple[Order, dict[str, Any]]]) -> tuple[int, int, int]:
    """Copies, their bytes, and failures of a database: what a second attempt copied did not fail."""
    copied = size = 0
    failed = Counter[str]()
    for order, told in commits:
        counts = told["databases"].get(name, {"copied": 0, "bytes": 0, "failed": 0})
        copied += counts["copied"]
        size += counts["bytes"]
        failed[order.phase] = counts["failed"]
    return copied, size, failed.total()


def _dollars(order: Order) -> float:
    job = prices.job(order.objects) if order.engine is Engine.BATCH else 0.0
    return job + prices.writing(order.storage_class, order.objects)


def _write(warehouse: Warehouse, run: str, rows: list[Row]) -> None:
    """As Parquet, a file a run."""
    kinds = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE"}
    columns = ", ".join(
        f"unnest(?::{kinds[field.type]}[]) AS {field.name}"  # type: ignore[index]
        for field in fields(Row)
    )
    values = [[getattr(row, field.name) for row in rows] for field in fields(Row)]
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        path = scratch / "report.parquet"
        connection.execute(f"CREATE TABLE report AS SELECT {columns}", values)
        connection.execute(f"COPY report TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")
        warehouse.backup.write_file(f"{warehouse.names.reports}{run}.parquet", path)


def sentences(run: str, rows: list[Row]) -> Iterator[str]:
    """The run in words: first what went wrong."""
    failed = [row for row in rows if row.error]
    yield f"Warehouse backup {run}: " + (f"{len(failed)} of {len(rows)} FAILED" if failed else f"{len(rows)} done")
    for row in failed:
        yield f"FAILED {row.database}: {row.error}"
    for row in rows:
        if not row.error:
            yield (
                f"{row.database}: {row.copied:,} copied ({row.copied_bytes:,} bytes), {row.skipped:,} skipped,"
                f" {row.failed:,} failed, {row.retired:,} retired, {row.expiring:,} expiring,"
                f" {row.restorable} of {row.tables} tables restorable at their newest version, ${row.dollars:.2f}"
            )
