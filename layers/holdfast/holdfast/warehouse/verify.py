"""What can be restored: of every Delta table in a run, the newest version whose whole closure is stored."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.warehouse import database, naming, queries
from holdfast.warehouse.database import LATEST, LEDGER, RETIREMENTS
from holdfast.warehouse.datasets import fetch, fetch_all
from holdfast.warehouse.delta import plan as delta
from holdfast.warehouse.delta.model import Log, LogFile, Verdict
from holdfast.warehouse.model import Item
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import VERIFIED, Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOGS_AT_ONCE = 512 * 1024**2
"""Bytes of log files that are brought to local disk, and judged, together."""


def verify(warehouse: Warehouse, item: Item, *, time_left: Callable[[], bool]) -> dict[str, Any]:
    """Judge the tables of a source, and write down what each restorable version needs."""
    from holdfast.warehouse.delta.judge import judge  # noqa: PLC0415 it brings the database along

    folder, document = f"{warehouse.folder(item)}verified/", f"{warehouse.folder(item)}{VERIFIED}"
    told = warehouse.load(document)
    if told is not None:
        return _answer(told)
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        load_stored(connection, warehouse, item, scratch)
        groups = list(delta.batches(logs_of(connection, item), LOGS_AT_ONCE))
        tables: dict[str, Any] = {}
        for number, group in enumerate(groups):
            some = warehouse.load(f"{folder}{number:06}.json")
            if some is None or some.keys() != {log.root for log in group}:  # of groups that were made otherwise
                with warehouse.scratch.open() as bit:
                    bring = fetching(warehouse, item.run, item.source.bucket, bit)
                    verdicts = judge(connection, group, bring, bit, STORED, bit / "needed.parquet")
                    _write_closures(connection, warehouse, item, bit / "needed.parquet", number)
                some = {verdict.log.root: described(verdict) for verdict in verdicts}
                warehouse.save(f"{folder}{number:06}.json", some)
                if not time_left() and number < len(groups) - 1:
                    return {"done": False, "restorable": 0, "broken": 0}
            tables |= some
    warehouse.save(document, {"tables": tables})
    return _answer({"tables": tables})


def _answer(told: dict[str, Any]) -> dict[str, Any]:
    broken = sum(not table["current"] for table in told["tables"].values())
    return {"done": True, "restorable": len(told["tables"]) - broken, "broken": broken}


def described(verdict: Verdict) -> dict[str, Any]:
    """What was found of a table, as a document has it."""
    snapshot = verdict.snapshot
    return {
        "current": verdict.current,
        "newest": verdict.newest,
        "version": snapshot and snapshot.version,
        "at": snapshot and snapshot.at.isoformat(),
        "files": snapshot and snapshot.files,
        "bytes": snapshot and snapshot.size,
        "records": snapshot and snapshot.records,
        "missing": list(verdict.missing),
        "missing_count": verdict.missing_count,
        "unusable": list(verdict.unusable),
    }


STORED = """
SELECT bucket, key, size FROM ledger
WHERE NOT EXISTS (FROM expiring WHERE expiring.run = ledger.run AND expiring.key = ledger.key
                  AND expiring.etag = ledger.etag)
"""
"""What may be counted on: not what the lifecycle rule may take away."""


def load_stored(connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, scratch: Path) -> None:
    """The ledger of a source, with its bucket, and which of its copies are about to expire. What else a source of
    former days had is not counted on: whoever retires that does not know what is needed here."""
    names, bucket = warehouse.names, item.source.bucket
    paths = fetch_all(warehouse, names.ledger(bucket), item.source, scratch / "ledger")
    database.view(connection, "ledger_rows", paths, LEDGER)
    own = queries.is_of(item.source)
    connection.execute(f"CREATE VIEW ledger AS SELECT {text(bucket)} AS bucket, * FROM ledger_rows WHERE {own}")
    paths = fetch_all(warehouse, names.retirements(bucket), item.source, scratch / "retirements")
    database.view(connection, "retirements", paths, RETIREMENTS)
    connection.execute(LATEST)
    connection.execute("CREATE VIEW expiring AS SELECT run, key, etag FROM latest WHERE state = 'expiring'")


def logs_of(connection: "DuckDBPyConnection", item: Item, prefix: str = "") -> Sequence[Log]:
    """The logs of which this run has copies: all, or those of the tables at or below a prefix."""
    rows = connection.execute(
        "SELECT key, size, modified FROM ledger WHERE run = ? AND kind = 'log' AND starts_with(key, ?)",
        [item.run, max(item.source.prefix, prefix, key=len)],
    )
    return delta.logs(item.source.bucket, _log_files(rows))


def _log_files(rows: "DuckDBPyConnection") -> Iterator[LogFile]:
    while found := rows.fetchmany(10_000):
        for key, size, modified in found:
            yield LogFile(key, size, database.utc(modified))


def fetching(
    warehouse: Warehouse, run: str, bucket: str, folder: Path
) -> Callable[[Sequence[LogFile]], Sequence[Path]]:
    """How the files of logs come to the local disk, from the copies of a run."""
    copies = warehouse.names.copies(run, bucket)

    def bring(files: Sequence[LogFile]) -> Sequence[Path]:
        def one(file: LogFile) -> Path:
            name = naming.digest(file.key) + Path(file.name).suffix
            return fetch(warehouse, copies + file.key, folder / name)

        return list(warehouse.each(one, files))

    return bring


def _write_closures(
    connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, needed: Path, number: int
) -> None:
    path = needed.with_name("closures.parquet")
    rows = (
        f"SELECT {text(item.run)} AS run, table_root AS root, version, bucket, key, size, exact, kind"
        f" FROM read_parquet({text(needed)}) ORDER BY root, key"
    )
    database.write(connection, rows, path)
    folder = warehouse.names.closures(item.source.bucket) + naming.partition(item.source)
    warehouse.backup.write_file(f"{folder}{item.run}-{number:06}.parquet", path)
