"""What retiring looks at: copies whose originals are gone, what was decided of them, and whether they are needed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.warehouse import database, naming, queries
from holdfast.warehouse.database import LATEST, LEDGER, RETIREMENTS, files, utc
from holdfast.warehouse.datasets import fetch, fetch_all
from holdfast.warehouse.model import Copy, Gone, Item, Kind, Phase, Source, State
from holdfast.warehouse.orders import LISTED
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import VERIFIED, Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 1_000
"""Copies that are looked at, and decided on, together."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A copy that may be retired, or taken back. `needed`, `listed`: as `plan.Facts` has them."""

    gone: Gone
    needed: bool
    listed: bool


def chunks(connection: "DuckDBPyConnection", after: tuple[str, str]) -> Iterator[Sequence[Candidate]]:
    """The candidates behind a key and run, in their order, some at a time; after `load`."""
    rows = connection.execute("SELECT * FROM candidates WHERE (key, run) > (?, ?) ORDER BY key, run", list(after))
    while found := rows.fetchmany(CHUNK):
        yield [_candidate(*row) for row in found]


_CANDIDATES = """
CREATE TABLE candidates AS
SELECT DISTINCT ON (ledger.run, ledger.key, ledger.etag)
       ledger.run, ledger.key, version_id, ledger.etag, size, modified, kind, stored_at, copy_etag, storage_class,
       latest.state, latest.decided_at,
       ledger.key IN (SELECT key FROM needed) AS needed,
       gone.key IS NULL AS listed
FROM ledger
LEFT JOIN latest ON latest.run = ledger.run AND latest.key = ledger.key AND latest.etag = ledger.etag
LEFT JOIN (SELECT DISTINCT run, key, etag FROM gone) AS gone
       ON gone.run = ledger.run AND gone.key = ledger.key AND gone.etag = ledger.etag
WHERE (gone.key IS NOT NULL OR latest.state = 'marked') AND {of_source}
"""
"""What the plan found gone, and what is marked but listed again. Not what a source of former days had besides."""


def load(connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, keep_runs: int, scratch: Path) -> None:
    """Bring together what the plan found gone, the ledger, what was decided before, and what is needed."""
    gone = fetch(warehouse, f"{warehouse.folder(item)}gone.parquet", scratch / "gone.parquet")
    connection.execute(f"CREATE VIEW gone AS FROM read_parquet({text(gone)})")
    names, bucket = warehouse.names, item.source.bucket
    for name, folder, columns in (
        ("ledger", names.ledger(bucket), LEDGER),
        ("retirements", names.retirements(bucket), RETIREMENTS),
    ):
        paths = fetch_all(warehouse, folder, item.source, scratch / name)
        database.view(connection, name, paths, columns)
    connection.execute(LATEST)
    _load_needed(connection, warehouse, item, keep_runs, scratch)
    connection.execute(_CANDIDATES.format(of_source=queries.is_of(item.source, "ledger.key")))


def _load_needed(
    connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, keep_runs: int, scratch: Path
) -> None:
    """The keys of what so many newest runs recorded as restorable, and of each table that is still there its newest
    restorable version, however old.

    A run counts if it verified all of this source: what one that was cut off recorded is needed besides.
    """
    _load_living(connection, warehouse, item, scratch)
    connection.execute("CREATE TABLE needed (key VARCHAR)")
    counted = 0
    for run, keys in _closures(warehouse, item.source):
        if counted >= keep_runs and not _living(connection):
            return
        paths = [fetch(warehouse, key, scratch / f"closure-{at}.parquet") for at, key in enumerate(keys)]
        of = f"read_parquet({files(paths)})"
        wanted = "" if counted < keep_runs else " WHERE root IN (FROM living)"
        connection.execute(f"INSERT INTO needed SELECT DISTINCT key FROM {of}{wanted}")
        connection.execute(f"DELETE FROM living WHERE root IN (SELECT root FROM {of})")
        for path in paths:
            path.unlink()
        counted += warehouse.backup.head(f"{warehouse.names.of_source(run, item.source)}{VERIFIED}") is not None


def _closures(warehouse: Warehouse, source: Source) -> Sequence[tuple[str, Sequence[str]]]:
    """The files of the closures that may tell of a source, by run, the newest first."""
    folder = warehouse.names.closures(source.bucket)
    found: dict[str, list[str]] = {}
    for one in warehouse.backup.listing(folder):
        if naming.concerns(one.key.removeprefix(folder), source):
            run = one.key.rpartition("/")[2].rpartition("-")[0]
            found.setdefault(run, []).append(one.key)
    return sorted(found.items(), reverse=True)


def _living(connection: "DuckDBPyConnection") -> bool:
    return connection.execute("FROM living LIMIT 1").fetchone() is not None


def _load_living(connection: "DuckDBPyConnection", warehouse: Warehouse, item: Item, scratch: Path) -> None:
    """The tables that are still there: whose logs the inventory lists, whether they could be copied or not."""
    tables = list(warehouse.verified(item) or {})
    connection.execute("CREATE TABLE living AS SELECT unnest(?::VARCHAR[]) AS root", [tables])
    listed = f"{warehouse.names.phase(item.run, item.source, Phase.LOGS, 1)}{LISTED}"
    if warehouse.backup.head(listed) is not None:
        path = fetch(warehouse, listed, scratch / "logs.parquet")
        connection.execute(f"INSERT INTO living SELECT DISTINCT {_ROOT} FROM read_parquet({text(path)})")


_ROOT = "CASE WHEN starts_with(key, '_delta_log/') THEN '' ELSE substr(key, 1, strpos(key, '/_delta_log/')) END"
"""Of a table, from the key of a file of its log."""


def _candidate(
    run: str,
    key: str,
    version_id: str | None,
    etag: str,
    size: int,
    modified: datetime,
    kind: str,
    stored_at: datetime,
    copy_etag: str,
    storage_class: str,
    state: str | None,
    since: datetime | None,
    needed: bool,
    listed: bool,
) -> Candidate:
    copy = Copy(
        run=run,
        key=key,
        version_id=version_id,
        etag=etag,
        size=size,
        modified=utc(modified),
        kind=Kind(kind),
        stored_at=utc(stored_at),
        copy_etag=copy_etag,
        storage_class=storage_class,
    )
    gone = Gone(copy, State(state) if state else None, utc(since) if since else None)
    return Candidate(gone, needed, listed)
