"""DuckDB as the warehouse system uses it: bounded memory, and local disk for what is beyond."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.warehouse import queries
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import Scratch

if TYPE_CHECKING:
    import duckdb


LEDGER = {
    "run": "VARCHAR",
    "key": "VARCHAR",
    "version_id": "VARCHAR",
    "etag": "VARCHAR",
    "size": "BIGINT",
    "modified": "TIMESTAMP",
    "kind": "VARCHAR",
    "stored_at": "TIMESTAMP",
    "copy_etag": "VARCHAR",
    "storage_class": "VARCHAR",
}
RETIREMENTS = {"run": "VARCHAR", "key": "VARCHAR", "etag": "VARCHAR", "state": "VARCHAR", "decided_at": "TIMESTAMP"}
"""The columns of the datasets, and their types. Times are UTC."""


def utc(moment: datetime) -> datetime:
    """A time as the datasets have it, aware."""
    return moment.replace(tzinfo=UTC)


def view(connection: "duckdb.DuckDBPyConnection", name: str, paths: Sequence[Path], columns: Mapping[str, str]) -> None:
    """A dataset from its local files; without one it is empty."""
    told = ", ".join(columns)
    empty = ", ".join(f"NULL::{kind} AS {column}" for column, kind in columns.items())
    source = f"SELECT {told} FROM read_parquet({files(paths)})" if paths else f"SELECT {empty} WHERE false"
    connection.execute(f"CREATE VIEW {name} AS {source}")


LATEST = f"CREATE TABLE latest AS {queries.LATEST}"
"""What counts of what was decided of each copy, of `retirements`."""


def files(paths: Sequence[Path]) -> str:
    """A list of files, as the readers take it."""
    return "[" + ", ".join(text(path) for path in paths) + "]"


def write(connection: "duckdb.DuckDBPyConnection", query: str, path: Path) -> None:
    """The rows of a query as a Parquet file."""
    connection.execute(f"COPY ({query}) TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")


def write_rows(
    connection: "duckdb.DuckDBPyConnection", columns: Mapping[str, str], rows: Iterable[Sequence[Any]], path: Path
) -> None:
    """Rows of some thousand as a Parquet file. `columns`: their types."""
    told = ", ".join(f"unnest(?::{kind}[]) AS {name}" for name, kind in columns.items())
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rows_to_write AS SELECT {told}", values)
    write(connection, "FROM rows_to_write", path)


@contextmanager
def connect(scratch: Scratch, folder: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A database that spills into a folder."""
    import duckdb  # noqa: PLC0415 most functions of the system do without

    config: dict[str, Any] = {
        "memory_limit": f"{scratch.memory_bytes}B",
        "threads": scratch.threads,
        "temp_directory": str(folder / "spilled"),
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")  # what it needs is not there yet while the database is opened
        yield connection
