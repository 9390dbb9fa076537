"""An inventory of our own: S3's format, part by part, and nothing that could be taken for complete before it is."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from io import BytesIO
from itertools import count
from pathlib import Path
from urllib.parse import unquote_plus

import pyarrow.parquet as pq
import pytest

from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryWarehouse
from holdfast.warehouse.inventory import CHECKSUM, FOLDER, MANIFEST, read_manifest
from holdfast.warehouse.model import FileFormat, Manifest, Stored
from holdfast.warehouse.ports import Found
from holdfast.warehouse.write_inventory import InventoryWriter, Place, Written
from tests.contract.buckets import HOSTILE_KEYS

BEGAN = datetime(2026, 11, 20, 1, 5, 59, 250_000, tzinfo=UTC)
FOLDER_KEY = "inventories/lake/holdfast/2026-11-20T01-05Z/"


def a_found(key: str, size: int = 1, storage_class: str = "STANDARD") -> Found:
    return Found(key, Stored(size, "e" * 32, storage_class), BEGAN - timedelta(days=1))


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryWarehouse().bucket("inventories")


@pytest.fixture
def writer(bucket: MemoryBucket, tmp_path: Path) -> InventoryWriter:
    numbers = count(1)
    place = Place(bucket, "inventories/", "lake", "holdfast")
    return InventoryWriter(place, tmp_path, lambda: f"part-{next(numbers)}", part_rows=3)


def written(writer: InventoryWriter, *found: Found) -> Written:
    return writer.write([found[:2], found[2:]], BEGAN)


def manifest_of(bucket: MemoryBucket) -> Manifest:
    """As the workflow reads it."""
    body, checksum = bucket.read(FOLDER_KEY + MANIFEST), bucket.read(FOLDER_KEY + CHECKSUM)
    return read_manifest(FOLDER_KEY, body, checksum, "lake")


def rows(bucket: MemoryBucket, manifest: Manifest) -> list[list[str]]:
    bodies = [gzip.decompress(bucket.read(part.key)).decode("ascii") for part in manifest.parts]
    return [row for body in bodies for row in csv.reader(body.splitlines(keepends=True))]


def test_an_inventory_is_read_as_s3s_own_is(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    done = written(writer, a_found("a", 10), a_found("b", 20, "GLACIER"))
    manifest = manifest_of(bucket)
    assert done == Written(FOLDER_KEY + MANIFEST, objects=2, size=30, tiered=0, parts=manifest.parts)
    assert FOLDER.fullmatch(FOLDER_KEY.split("/")[-2])
    assert manifest.created_at == BEGAN
    assert manifest.file_format is FileFormat.CSV
    assert [dict(zip(manifest.columns, row, strict=True)) for row in rows(bucket, manifest)] == [
        {
            "Bucket": "lake",
            "Key": key,
            "Size": size,
            "LastModifiedDate": "2026-11-19T01:05:59.250Z",
            "ETag": "e" * 32,
            "StorageClass": storage_class,
            "IntelligentTieringAccessTier": "",
        }
        for key, size, storage_class in (("a", "10", "STANDARD"), ("b", "20", "GLACIER"))
    ]


def test_every_part_is_as_large_as_may_be_and_as_the_manifest_says(
    writer: InventoryWriter, bucket: MemoryBucket, tmp_path: Path
) -> None:
    done = written(writer, *(a_found(str(number)) for number in range(7)))
    assert [part.key for part in done.parts] == [f"inventories/lake/holdfast/data/part-{n}.csv.gz" for n in (1, 2, 3)]
    for part in done.parts:
        body = bucket.read(part.key)
        assert (part.size, part.md5) == (len(body), md5(body).hexdigest())
    sizes = [len(rows(bucket, replace(manifest_of(bucket), parts=(part,)))) for part in done.parts]
    assert sizes == [3, 3, 1]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_bucket_has_an_inventory_without_parts(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    assert writer.write([], BEGAN).parts == ()
    assert manifest_of(bucket).parts == ()


def test_hive_is_told_of_the_parts(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    written(writer, *map(a_found, "abcd"))
    assert bucket.read("inventories/lake/holdfast/hive/dt=2026-11-20-01-05/symlink.txt").decode().split("\n") == [
        f"s3://inventories/inventories/lake/holdfast/data/part-{number}.csv.gz" for number in (1, 2)
    ]


ODD_KEYS = [*HOSTILE_KEYS, "a,b\"c'd\r\n", "\x01\x7f", "+", "%2B", "date=2026-01-01/part 1.parquet"]


def test_keys_of_any_kind_are_read_back(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    written(writer, *map(a_found, ODD_KEYS))
    found = [row[1] for row in rows(bucket, manifest_of(bucket))]
    assert [unquote_plus(key, errors="strict") for key in found] == ODD_KEYS
    assert all(key.isascii() and not set(key) & set(' ",\r\n') for key in found)


def test_an_object_whose_tier_no_listing_tells_is_taken_for_one_to_copy_and_counted(
    writer: InventoryWriter, bucket: MemoryBucket
) -> None:
    done = written(writer, a_found("a", 1, "INTELLIGENT_TIERING"), a_found("b", 1, "STANDARD_IA"))
    assert done.tiered == 1
    assert [row[5:] for row in rows(bucket, manifest_of(bucket))] == [
        ["INTELLIGENT_TIERING", "FREQUENT"],
        ["STANDARD_IA", ""],
    ]


# Parquet


def test_parquet_has_the_same_rows_with_keys_as_they_are(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    done = written(
        replace(writer, file_format=FileFormat.PARQUET),
        *map(a_found, ODD_KEYS),
        a_found("z", 2**40, "INTELLIGENT_TIERING"),
    )
    manifest = manifest_of(bucket)
    assert manifest.file_format is FileFormat.PARQUET
    assert manifest.columns == (
        "Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass", "IntelligentTieringAccessTier",
    )  # fmt: skip
    tables = [pq.read_table(BytesIO(bucket.read(part.key))) for part in done.parts]
    read = [row for table in tables for row in table.to_pylist()]
    assert [row["key"] for row in read] == [*ODD_KEYS, "z"]
    assert read[-1] == {
        "bucket": "lake",
        "key": "z",
        "size": 2**40,
        "last_modified_date": BEGAN - timedelta(days=1),
        "e_tag": "e" * 32,
        "storage_class": "INTELLIGENT_TIERING",
        "intelligent_tiering_access_tier": "FREQUENT",
    }
    assert read[0]["intelligent_tiering_access_tier"] is None


# Breaking off


def test_the_checksum_comes_last(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    calls: list[str] = []
    bucket.account.before = lambda call, _, key: calls.append(f"{call} {key.removeprefix('inventories/lake/')}")
    written(writer, a_found("a"))
    assert calls == [
        "head holdfast/2026-11-20T01-05Z/manifest.json",
        "write_file holdfast/data/part-1.csv.gz",
        "write holdfast/2026-11-20T01-05Z/manifest.json",
        "write holdfast/hive/dt=2026-11-20-01-05/symlink.txt",
        "write holdfast/2026-11-20T01-05Z/manifest.checksum",
    ]


def test_a_listing_that_breaks_off_leaves_no_manifest(writer: InventoryWriter, bucket: MemoryBucket) -> None:
    def breaking() -> Iterator[Sequence[Found]]:
        yield [a_found(str(number)) for number in range(4)]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        writer.write(breaking(), BEGAN)
    assert [found.key for found in bucket.listing("")] == ["inventories/lake/holdfast/data/part-1.csv.gz"]


def test_another_inventory_of_the_same_minute_is_named_by_the_next(
    writer: InventoryWriter, bucket: MemoryBucket
) -> None:
    written(writer, a_found("a"))
    before = dict(bucket.keys)
    second = writer.write([[a_found("b")]], BEGAN + timedelta(milliseconds=500))
    assert second.manifest_key == "inventories/lake/holdfast/2026-11-20T01-06Z/manifest.json"
    assert before.items() <= bucket.keys.items()
