"""An inventory as S3 writes it, of what was listed: for a first backup, which need not wait two days for S3's own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from holdfast.warehouse.inventory import CHECKSUM, MANIFEST
from holdfast.warehouse.model import FileFormat, Part
from holdfast.warehouse.ports import Bucket, Found

PART_ROWS = 500_000
"""About 25 MB as CSV: as many as S3 itself writes into a file."""

SCHEMA = "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IntelligentTieringAccessTier"

_PARQUET_SCHEMA = (
    "message s3.inventory {  required binary bucket (STRING);  required binary key (STRING);  optional int64 size;"
    "  optional int64 last_modified_date (TIMESTAMP(MICROS,true));  optional binary e_tag (STRING);"
    "  optional binary storage_class (STRING);  optional binary intelligent_tiering_access_tier (STRING);}"
)

TIERED = "INTELLIGENT_TIERING"
ASSUMED_TIER = "FREQUENT"
"""No listing tells in which tier an object lies. One that is taken for frequent is copied, and what lies in an archive
tier fails to be, which is reported; any other tier would leave it without a backup, and nobody told."""

_PLAIN = "/="
"""Need no encoding in a key. Where nothing does, it takes a third of the time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an inventory goes: what its configuration in S3 would say. `prefix`: empty, or ends with a slash."""

    bucket: Bucket
    prefix: str
    source_bucket: str
    inventory_id: str

    @property
    def folder(self) -> str:
        return f"{self.prefix}{self.source_bucket}/{self.inventory_id}/"

    def of(self, began: datetime) -> str:
        """The folder of one inventory."""
        return f"{self.folder}{began:%Y-%m-%dT%H-%MZ}/"


@dataclass(frozen=True, slots=True)
class Written:
    """What an inventory has become. `tiered`: objects whose tier is assumed."""

    manifest_key: str
    objects: int
    size: int
    tiered: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class InventoryWriter:
    """Writes inventories. `scratch`: a folder of local disk, for a part at a time. `new_name`: of a part."""

    place: Place
    scratch: Path
    new_name: Callable[[], str]
    file_format: FileFormat = FileFormat.CSV
    part_rows: int = PART_ROWS

    def write(self, listed: Iterable[Sequence[Found]], began: datetime) -> Written:
        """Parts, manifest, Hive's manifest, and the checksum that says that all of it is there.

        `began`: when listing did. What breaks off before its end has no checksum, and nobody takes it for one.
        """
        named = self._free(began)
        folder = self.place.of(named)
        seen = _Seen()
        parts = tuple(map(self._write_part, _slices(seen.each(listed), self.part_rows)))
        manifest = json.dumps(self._manifest(parts, began), indent=2).encode()
        lines = [f"s3://{self.place.bucket.name}/{part.key}" for part in parts]
        self.place.bucket.write(folder + MANIFEST, manifest)
        self.place.bucket.write(f"{self.place.folder}hive/dt={named:%Y-%m-%d-%H-%M}/symlink.txt", _text(lines))
        self.place.bucket.write(folder + CHECKSUM, _text([hashlib.md5(manifest, usedforsecurity=False).hexdigest()]))
        return Written(folder + MANIFEST, seen.objects, seen.size, seen.tiered, parts)

    def _free(self, began: datetime) -> datetime:
        """The first minute from then on of which there is no inventory: they are named by the minute."""
        named = began
        while self.place.bucket.head(self.place.of(named) + MANIFEST) is not None:
            named += timedelta(minutes=1)
        return named

    def _manifest(self, parts: Sequence[Part], began: datetime) -> dict[str, Any]:
        return {
            "sourceBucket": self.place.source_bucket,
            "destinationBucket": f"arn:aws:s3:::{self.place.bucket.name}",
            "version": "2016-11-30",
            "creationTimestamp": str(round(began.timestamp() * 1000)),
            "fileFormat": self.file_format.value,
            "fileSchema": _PARQUET_SCHEMA if self.file_format is FileFormat.PARQUET else SCHEMA,
            "files": [{"key": part.key, "size": part.size, "MD5checksum": part.md5} for part in parts],
        }

    def _write_part(self, some: Iterator[Found]) -> Part:
        path = self.scratch / "part.csv.gz"
        with gzip.open(path, "wt", compresslevel=6, encoding="ascii", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(map(self._row, some))
        ending = "csv.gz"
        if self.file_format is FileFormat.PARQUET:
            path, ending = _to_parquet(path), "parquet"
        with path.open("rb") as read:
            md5 = hashlib.file_digest(read, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        part = Part(f"{self.place.folder}data/{self.new_name()}.{ending}", path.stat().st_size, md5)
        self.place.bucket.write_file(part.key, path)
        path.unlink()
        return part

    def _row(self, found: Found) -> tuple[object, ...]:
        stored = found.stored
        return (
            self.place.source_bucket,
            quote_plus(found.key, safe=_PLAIN),
            stored.size,
            f"{found.modified:%Y-%m-%dT%H:%M:%S}.{found.modified.microsecond // 1000:03}Z",
            stored.etag,
            stored.storage_class,
            ASSUMED_TIER if stored.storage_class == TIERED else "",
        )


@dataclass(slots=True)
class _Seen:
    """Counts what passes."""

    objects: int = 0
    size: int = 0
    tiered: int = 0

    def each(self, listed: Iterable[Sequence[Found]]) -> Iterator[Found]:
        for some in listed:
            self.objects += len(some)
            self.size += sum(found.stored.size for found in some)
            self.tiered += sum(found.stored.storage_class == TIERED for found in some)
            yield from some


def _slices(found: Iterator[Found], rows: int) -> Iterator[Iterator[Found]]:
    """So many at a time; each is to be read to its end before the next is asked for."""
    for first in found:
        yield chain((first,), islice(found, rows - 1))


def _to_parquet(path: Path) -> Path:
    """The same rows, with keys as they are: only in CSV they stand encoded."""
    import duckdb  # noqa: PLC0415 it takes a fifth of a second, and CSV does without

    to = path.with_name("part.parquet")
    names = [name.strip() for name in SCHEMA.split(",")]
    with duckdb.connect() as connection:
        rows = connection.read_csv(
            str(path), header=False, names=names, all_varchar=True, quotechar='"', escapechar='"', sep=","
        )
        rows.project(
            """
            "Bucket" AS bucket, url_decode(replace("Key", '+', '%20')) AS key, "Size"::BIGINT AS size,
            "LastModifiedDate"::TIMESTAMPTZ AS last_modified_date, "ETag" AS e_tag, "StorageClass" AS storage_class,
            nullif("IntelligentTieringAccessTier", '') AS intelligent_tiering_access_tier
            """
        ).write_parquet(str(to), compression="snappy")
    path.unlink()
    return to


def _text(lines: Sequence[str]) -> bytes:
    return "\n".join(lines).encode()
