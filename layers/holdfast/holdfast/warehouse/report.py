"""What a run came to, database by database: as documents, as Parquet for Athena, as metrics and as a message."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime
from typing import Any, Protocol

from holdfast import prices
from holdfast.warehouse import database
from holdfast.warehouse.model import Engine, Item, Phase
from holdfast.warehouse.orders import Order
from holdfast.warehouse.plan import ATTEMPTS
from holdfast.warehouse.run import Warehouse


class NotAStep(ValueError):
    """An event asks for nothing that a report does."""


UNFINISHED = "Unfinished: it did not come to its end, and told no error. The execution's history in Step Functions does"

LONGEST_REASON = 1_000
"""Characters of a reason as the report has it: what a task of ECS says of its failure has pages."""

LINES = 100
"""So many sentences a summary has at most: the message, and what Step Functions passes on, have limits."""


class Messenger(Protocol):
    """Tells people of a run."""

    def __call__(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A database in a run. `copied`: of its data; `logs`: files of Delta logs, which every run copies. Bytes are of the
    originals; `dollars`: for the copies of this run, without the functions."""

    run: str
    source: str
    database: str
    copied: int = 0
    copied_bytes: int = 0
    logs: int = 0
    log_bytes: int = 0
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
    told = {"Error": str(error.get("Error", "Unknown")), "Cause": _cause(str(error.get("Cause", "")))}
    warehouse.save(f"{warehouse.folder(item)}failed.json", told | {"at": warehouse.now().isoformat()})
    warehouse.log("source failed", source=str(item.source), run=item.run, **told)
    return {"failed": str(item.source)}


def _cause(text: str) -> str:
    """What a person wants to know of what Step Functions tells of a failed function or task: the fact in it."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    if not isinstance(told, dict):
        return text
    return str(told.get("errorMessage") or told.get("StoppedReason") or text)


def report(warehouse: Warehouse, run: str, message: Messenger) -> dict[str, Any]:
    """Sum up a run, and tell whoever is to know. Written again, it is the same."""
    told = warehouse.load(f"{warehouse.names.run(run)}run.json")
    if told is None:
        raise NotAStep(f"there is no run {run!r}")
    document = f"{warehouse.names.run(run)}report.json"
    before = warehouse.load(document)
    started = datetime.fromisoformat(told["started"])
    ended = datetime.fromisoformat(before["ended"]) if before else warehouse.now()
    seconds = (ended - started).total_seconds()
    sources = [(item, _Told.load(warehouse, item)) for item in map(Item.of, told["sources"])]
    rows = [row for item, found in sources for row in _rows(item, found, seconds)]
    held = {item.source.name: found.held for item, found in sources if found.held}
    _write(warehouse, run, rows)
    failed = sorted({row.source for row in rows if row.error})
    summary = "\n".join(sentences(run, rows, held))
    if before is None:
        message(summary)
    answer = {"failed": failed, "summary": summary, "ended": ended.isoformat()}
    warehouse.save(document, answer | {"databases": [asdict(row) for row in rows]})
    return answer


@dataclass(frozen=True, slots=True)
class _Told:
    """What a run has written down of a source. `tables`, `retired`: by database. `held`: why nothing was retired."""

    planned: dict[str, Any]
    commits: list[tuple[Order, dict[str, Any]]]
    tables: dict[str, list[dict[str, Any]]]
    retired: dict[str, dict[str, int]]
    held: str | None
    error: str

    @classmethod
    def load(cls, warehouse: Warehouse, item: Item) -> "_Told":
        folder = warehouse.folder(item)
        planned = warehouse.load(f"{folder}plan.json") or {"databases": {}, "phases": []}
        tables: dict[str, list[dict[str, Any]]] = {}
        for root, table in (warehouse.verified(item) or {}).items():
            tables.setdefault(item.source.database_of(root) or item.source.name, []).append(table)
        retire = warehouse.load(f"{folder}retire.json") or {"databases": {}, "done": False}
        failure = warehouse.load(f"{folder}failed.json")
        error = f"{failure['Error']}: {failure['Cause']}" if failure else "" if retire["done"] else UNFINISHED
        commits = list(_commits(warehouse, item, planned["phases"]))
        held = retire.get("held")
        return cls(planned["databases"], commits, tables, retire["databases"], held, error[:LONGEST_REASON])

    @property
    def names(self) -> list[str]:
        """Of the databases: those of which all is gone, too."""
        return sorted(self.planned.keys() | self.tables.keys() | self.retired.keys())


def _rows(item: Item, told: _Told, seconds: float) -> Iterator[Row]:
    """Of each database of a source; of a source of which none is known, of the source."""
    dollars = sum(_dollars(order) for order, _ in told.commits)
    objects = sum(order.objects for order, _ in told.commits) or 1
    for name in told.names or [item.source.name]:
        counts = told.planned.get(name, {})
        logs = [commit for commit in told.commits if commit[0].phase is Phase.LOGS]
        data = [commit for commit in told.commits if commit[0].phase is not Phase.LOGS]
        copied, size, failed = _copied(name, data)
        log_files, log_size, log_failed = _copied(name, logs)
        tried = sum(_of(name, commit)["copied"] + _of(name, commit)["failed"] for _, commit in told.commits)
        own = told.tables.get(name, [])
        yield Row(
            run=item.run,
            source=str(item.source),
            database=name,
            copied=copied,
            copied_bytes=size,
            logs=log_files,
            log_bytes=log_size,
            skipped=sum(counts.get(why, {}).get("objects", 0) for why in SKIPPED),
            skipped_bytes=sum(counts.get(why, {}).get("bytes", 0) for why in SKIPPED),
            failed=failed + log_failed + counts.get("too_long", {}).get("objects", 0),
            retired=told.retired.get(name, {}).get("marked", 0),
            expiring=told.retired.get(name, {}).get("expiring", 0),
            tables=len(own),
            restorable=sum(table["current"] for table in own),
            seconds=seconds,
            dollars=dollars * tried / objects,
            error=told.error,
        )


SKIPPED = ("known", "other", "cold")
"""Why an object is not copied: it is backed up; it is no part of a Delta table; its class is not read often."""


def _commits(warehouse: Warehouse, item: Item, phases: list[dict[str, Any]]) -> Iterator[tuple[Order, dict[str, Any]]]:
    """Every attempt that was committed, with what it came to."""
    for phase in phases:
        for attempt in range(1, ATTEMPTS + 1):
            where = warehouse.names.phase(item.run, item.source, Phase(phase["phase"]), attempt)
            told = warehouse.load(f"{where}commit.json")
            if told is not None:
                yield Order.of({"phase": told["order"]}), told


def _of(name: str, commit: dict[str, Any]) -> dict[str, int]:
    """What a commit came to for a database."""
    none = {"copied": 0, "bytes": 0, "failed": 0}
    counts: dict[str, int] = commit["databases"].get(name, none)
    return counts


def _copied(name: str, commits: list[tuple[Order, dict[str, Any]]]) -> tuple[int, int, int]:
    """Copies, their bytes, and failures of a database: what a second attempt copied did not fail."""
    copied = size = 0
    failed = Counter[str]()
    for order, told in commits:
        counts = _of(name, told)
        copied += counts["copied"]
        size += counts["bytes"]
        failed[order.phase] = counts["failed"]
    return copied, size, failed.total()


def _dollars(order: Order) -> float:
    job = prices.job(order.objects) if order.engine is Engine.BATCH else 0.0
    return job + prices.writing(order.storage_class, order.objects)


_KINDS = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE"}


def _write(warehouse: Warehouse, run: str, rows: list[Row]) -> None:
    """As Parquet, a file a run."""
    columns = {field.name: _KINDS[field.type] for field in fields(Row)}  # type: ignore[index]
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        path = scratch / "report.parquet"
        database.write_rows(connection, columns, map(astuple, rows), path)
        warehouse.backup.write_file(f"{warehouse.names.reports}{run}.parquet", path)


def sentences(run: str, rows: list[Row], held: Mapping[str, str]) -> Iterator[str]:
    """The run in words: first what went wrong. `held`: by source, why the breaker let nothing be retired."""
    failed = [row for row in rows if row.error]
    yield f"Warehouse backup {run}: " + (f"{len(failed)} of {len(rows)} FAILED" if failed else f"{len(rows)} done")
    told = [f"FAILED {_plain(row.database)}: {' '.join(row.error.split())}" for row in failed]
    told += [
        f"Nothing of {_plain(source)} was retired: {why}. When it is right: holdfast breaker resume warehouse"
        for source, why in held.items()
    ]
    told += [_sentence(row) for row in sorted(rows, key=_calm) if not row.error]
    yield from told[:LINES]
    if len(told) > LINES:
        yield f"and {len(told) - LINES:,} more: the table of the reports has them all"


def _plain(name: str) -> str:
    """A name as it is, unless it would write lines of its own."""
    return name if name.isprintable() else ascii(name)


def _calm(row: Row) -> bool:
    """Whether nothing happened to a database that somebody should look at."""
    return row.failed == 0 and row.restorable == row.tables


def _sentence(row: Row) -> str:
    return (
        f"{_plain(row.database)}: {row.copied:,} copied ({row.copied_bytes:,} bytes) and {row.logs:,} of logs,"
        f" {row.skipped:,} skipped,"
        f" {row.failed:,} failed, {row.retired:,} retired, {row.expiring:,} expiring,"
        f" {row.restorable} of {row.tables} tables restorable at their newest version, ${row.dollars:.2f}"
    )
