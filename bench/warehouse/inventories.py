"""Makes an inventory as S3 writes it, and a ledger that knows most of it: rows are made by DuckDB and never held."""

import hashlib
import json
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from holdfast.warehouse.inventory import CHECKSUM, MANIFEST
from holdfast.warehouse.model import Source
from holdfast.warehouse.naming import Names, partition
from holdfast.warehouse.write_inventory import SCHEMA

SOURCE = Source.parse("s3://company-data-lake/warehouse/*")
NAMES = Names("warehouse/")
FOLDER = f"{SOURCE.bucket}/{SOURCE.inventory_id}/2026-11-01T01-00Z/"
PART_ROWS = 250_000
GONE = 50
"""One in so many of the ledger is no longer listed."""

_OBJECTS = """
SELECT
    number,
    format('warehouse/db{:02}/', number % 40) || CASE WHEN number % 50 = 1
        THEN format('orders/_delta_log/{:020}.json', number)
        ELSE format('{}/date=2026-{:02}-{:02}/part-{:05}-{}-c000.snappy.parquet',
            ['orders', 'customers', 'events_clickstream', 'payments'][1 + (number // 40) % 4],
            1 + (number // 7) % 12, 1 + (number // 11) % 28, number % 200, CAST(md5('key' || number) AS UUID))
        END AS key,
    md5('etag' || number) AS etag,
    CAST(1000 + hash(number) % 200000000 AS BIGINT) AS size,
    TIMESTAMP '2026-01-01' + to_seconds(number % 20000000) AS modified
FROM range({first}, {end}) AS numbers(number)
"""
"""Files of Delta tables: a key of about 110 bytes, most of it a UUID. One in fifty is of a log."""

_LINE = """
'"' || $bucket || '","' || replace(key, '=', '%3D') || '","' || size || '","'
|| strftime(modified, '%Y-%m-%dT%H:%M:%S.000Z') || '","' || etag || '","'
|| CASE WHEN number % 3 = 0 THEN 'STANDARD",""' ELSE 'INTELLIGENT_TIERING","FREQUENT"' END || chr(10)
"""


def make(objects: int, folder: Path) -> None:
    """Write the inventory, and a ledger in which 95 % of it are, below a folder."""
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        parts = range(0, objects, PART_ROWS)
        with ThreadPoolExecutor(2) as threads:
            files = list(threads.map(lambda at: _part(connection, at, min(at + PART_ROWS, objects), folder), parts))
        _manifest(folder, files)
        ledger = folder / NAMES.ledger(SOURCE.bucket) / partition(SOURCE)
        ledger.mkdir(parents=True)
        connection.execute(
            f"""
            COPY (
                SELECT '20261001T000000Z-' || number % 12 AS run, key, NULL::VARCHAR AS version_id, etag, size,
                    modified, CASE WHEN number % 50 = 1 THEN 'log' ELSE 'data' END AS kind,
                    TIMESTAMP '2026-02-01' AS stored_at, etag AS copy_etag, 'DEEP_ARCHIVE' AS storage_class
                FROM ({_objects(0, objects + objects // GONE)}) WHERE number % 20 <> 0
            ) TO '{ledger / "20261001.parquet"}' (FORMAT parquet, COMPRESSION zstd)
            """
        )


def _objects(first: int, end: int) -> str:
    return _OBJECTS.replace("{first}", str(first)).replace("{end}", str(end))


def _part(connection: duckdb.DuckDBPyConnection, first: int, end: int, folder: Path) -> dict[str, Any]:
    path = folder / FOLDER / "data" / f"{first:010}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    packer, digest = zlib.compressobj(6, wbits=31), hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for lines in _lines(connection.cursor(), first, end):
            packed = packer.compress(lines.encode())
            digest.update(packed)
            file.write(packed)
        rest = packer.flush()
        digest.update(rest)
        file.write(rest)
    return {"key": f"{FOLDER}data/{path.name}", "size": path.stat().st_size, "MD5checksum": digest.hexdigest()}


def _lines(cursor: duckdb.DuckDBPyConnection, first: int, end: int) -> Iterator[str]:
    """A thousand at a time."""
    rows = cursor.execute(
        f"SELECT string_agg({_LINE}, '') FROM ({_objects(first, end)}) GROUP BY number // 1000",
        {"bucket": SOURCE.bucket},
    )
    while some := rows.fetchmany(50):
        yield "".join(lines for (lines,) in some)


def _manifest(folder: Path, files: list[dict[str, Any]]) -> None:
    told = {
        "sourceBucket": SOURCE.bucket,
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": "1793494800000",
        "fileFormat": "CSV",
        "fileSchema": SCHEMA,
        "files": files,
    }
    body = json.dumps(told).encode()
    (folder / FOLDER / MANIFEST).write_bytes(body)
    (folder / FOLDER / CHECKSUM).write_text(hashlib.md5(body, usedforsecurity=False).hexdigest())


def parts(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER / "data").iterdir())


def ledger(folder: Path) -> list[Path]:
    return sorted((folder / NAMES.ledger(SOURCE.bucket) / partition(SOURCE)).iterdir())


if __name__ == "__main__":
    make(int(sys.argv[1]), Path(sys.argv[2]))
