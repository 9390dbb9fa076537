"""What lies in S3, brought to local disk: ledger, retirements and closures, which are only ever added to; listings."""

import csv
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from holdfast.warehouse import naming
from holdfast.warehouse.model import Source
from holdfast.warehouse.ports import Bucket
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def fetch(warehouse: Warehouse, key: str, path: Path) -> Path:
    """Bring an object of the backup bucket to local disk. Raises NotStored."""
    with path.open("wb") as file:
        for piece in warehouse.backup.stream(key):
            file.write(piece)
    return path


def fetch_all(warehouse: Warehouse, folder: str, source: Source, into: Path) -> tuple[Path, ...]:
    """The files below a bucket's folder that may tell of a source, under names of their own."""
    into.mkdir()
    names = (found.key.removeprefix(folder) for found in warehouse.backup.listing(folder))
    wanted = [folder + name for name in names if naming.concerns(name, source)]
    paths = (into / f"{number:06}.parquet" for number in count())
    return tuple(warehouse.each(lambda one: fetch(warehouse, *one), zip(wanted, paths, strict=False)))


def load_listing(
    connection: "DuckDBPyConnection", warehouse: Warehouse, name: str, bucket: Bucket | None, prefix: str, folder: Path
) -> None:
    """Make a table of what lies in a bucket below a prefix now: `key`, `size`, `etag`, `storage_class`.

    Without a bucket it is empty. Keys go through the disk encoded, whatever is in them.
    """
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        for some in warehouse.list_all(bucket, prefix) if bucket else ():
            for one in some:
                rows.writerow((quote(one.key, safe="/"), one.stored.size, one.stored.etag, one.stored.storage_class))
    connection.execute(
        f"CREATE OR REPLACE TABLE {name} AS SELECT * REPLACE (url_decode(key) AS key) FROM read_csv({text(path)},"
        " header = false, auto_detect = false, delim = ',', columns ="
        " {'key': 'VARCHAR', 'size': 'BIGINT', 'etag': 'VARCHAR', 'storage_class': 'VARCHAR'})"
    )
    path.unlink()
