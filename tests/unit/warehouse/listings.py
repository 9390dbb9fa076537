"""Small inventories as S3 writes them, in its three formats, and what a plan should make of them, found out slowly."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
from pyarrow import orc, parquet

from holdfast.warehouse import database
from holdfast.warehouse.engine import PlanEngine
from holdfast.warehouse.model import Copy, FileFormat, Kind, Retirement, Source, State, kind_of
from holdfast.warehouse.relations import NAMES
from holdfast.warehouse.run import Scratch
from tests.contract.buckets import HOSTILE_KEYS

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source.parse("s3://lake/warehouse/*")
KEY_LIMIT = 1000

COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass", "IntelligentTieringAccessTier")
WITH_VERSIONS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", *COLUMNS[2:], "EncryptionStatus")

HOSTILE_NAMES = [
    *HOSTILE_KEYS,
    "a+b",
    "a%2Bb",
    "%",
    "%zz",
    "%FF",
    "a,b",
    'a"b',
    "a\nb",
    "a\r\nb",
    "'",
    "é",
    "e\u0301",
    "\\",
    "\t",
]


def keys() -> list[str]:
    """Hostile names where tables have theirs, as data, logs and others, and what almost is one of these."""
    around = ["warehouse/{}/x.parquet", "warehouse/d/{}.parquet", "warehouse/d/_delta_log/{}", "warehouse/d/{}", "{}"]
    almost = [
        "x.parquet.crc",
        "_delta_log",
        "_delta_log/",
        "x_delta_log/y",
        "deletion_vector_1.bin",
        "1.bin",
        ".parquet",
    ]
    deep = ["deletion_vector_a/b.bin", "deletion_vector_a/deletion_vector_b.bin", "A/deletion_vector_1.bin.parquet"]
    whole = ["warehouse", "warehouse/", "warehouse//a.parquet", "warehouse/a.parquet", "Warehouse/d/a.parquet"]
    own = [f"warehouse/d/{name}" for name in (*almost, *deep)]
    hostile = [form.format(name) for form in around for name in HOSTILE_NAMES]
    return [key for key in dict.fromkeys((*whole, *own, *hostile)) if len(key.encode()) <= 1024]


@dataclass(frozen=True, slots=True)
class Row:
    """Of an inventory. A delete marker has neither size nor ETag nor class."""

    key: str
    etag: str | None = "e" * 32
    size: int | None = 10
    modified: datetime = T0
    storage_class: str | None = "STANDARD"
    tier: str | None = None
    version_id: str | None = None
    is_latest: bool = True
    is_delete_marker: bool = False

    @property
    def is_hot(self) -> bool:
        return self.storage_class == "STANDARD" or (
            self.storage_class == "INTELLIGENT_TIERING" and self.tier == "FREQUENT"
        )

    @property
    def told(self) -> dict[str, Any]:
        """By column of a CSV inventory."""
        return {
            "Bucket": "lake",
            "Key": self.key,
            "VersionId": self.version_id,
            "IsLatest": self.is_latest,
            "IsDeleteMarker": self.is_delete_marker,
            "Size": self.size,
            "LastModifiedDate": self.modified,
            "ETag": self.etag,
            "StorageClass": self.storage_class,
            "IntelligentTieringAccessTier": self.tier,
            "EncryptionStatus": "SSE-S3",
        }


def marker(key: str) -> Row:
    return Row(key, etag=None, size=None, storage_class=None, version_id="m", is_delete_marker=True)


def a_copy(key: str, etag: str = "e" * 32, run: str = "run-1", days: int = 0) -> Copy:
    """`days`: since T0, when it was stored."""
    stored_at = T0 + timedelta(days=days)
    return Copy(run, key, None, etag, 10, T0, kind_of(key), stored_at, f"copy of {etag}", "DEEP_ARCHIVE")


def decided(copy: Copy, state: State, days: int) -> Retirement:
    return Retirement(copy.run, copy.key, copy.etag, state, T0 + timedelta(days=days))


def as_csv(rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([_as_text(name, row.told[name]) for name in columns] for row in rows)
    return text.getvalue().encode()


def packed(rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> bytes:
    return gzip.compress(as_csv(rows, columns))


def _as_text(name: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
        case _:
            return quote_plus(value, safe="/") if name == "Key" else str(value)


_TYPES = {"Size": pa.int64(), "LastModifiedDate": pa.timestamp("ms", tz="UTC")} | dict.fromkeys(
    ("IsLatest", "IsDeleteMarker"), pa.bool_()
)


def write(rows: Sequence[Row], file_format: FileFormat, columns: Sequence[str], path: Path) -> Path:
    """A part as it lies on local disk: CSV unpacked."""
    if file_format is FileFormat.CSV:
        path.write_bytes(as_csv(rows, columns))
        return path
    names = {name: NAMES.get(name, name.lower()) for name in columns}
    table = pa.table(
        {names[name]: pa.array([row.told[name] for row in rows], _TYPES.get(name, pa.string())) for name in columns}
    )
    if file_format is FileFormat.ORC:
        orc.write_table(table, path)
    else:
        parquet.write_table(table, path)
    return path


def _times(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [
        tuple(
            value.replace(tzinfo=None) if isinstance(value, datetime) else value
            for value in (getattr(row, name) for name in row.__dataclass_fields__)
        )
        for row in rows
    ]


def write_rows(rows: Sequence[Any], columns: dict[str, str], path: Path) -> list[Path]:
    """Rows of the ledger or of retirements as their Parquet file; none is no file."""
    if not rows:
        return []
    types = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "TIMESTAMP": pa.timestamp("us")}
    values = list(zip(*_times(rows), strict=True))
    table = {name: pa.array(some, types[kind]) for (name, kind), some in zip(columns.items(), values, strict=True)}
    parquet.write_table(pa.table(table), path)
    return [path]


@contextmanager
def planned(
    folder: Path,
    parts: Sequence[Sequence[Row]],
    ledger: Sequence[Copy] = (),
    retirements: Sequence[Retirement] = (),
    *,
    source: Source = SOURCE,
    file_format: FileFormat = FileFormat.CSV,
    columns: Sequence[str] = COLUMNS,
) -> Iterator[PlanEngine]:
    """An engine that has read all of it and found the copies."""
    files = {
        f"part-{number}": write(rows, file_format, columns, folder / f"{number}.part")
        for number, rows in enumerate(parts)
    }
    with database.connect(Scratch(folder, 256 * 1024**2, 2), folder) as connection:
        engine = PlanEngine(connection, folder)
        engine.read_inventory(file_format, columns, files)
        engine.read_ledger(
            write_rows(ledger, database.LEDGER, folder / "ledger.parquet"),
            write_rows(retirements, database.RETIREMENTS, folder / "retirements.parquet"),
        )
        engine.find_copies(source, KEY_LIMIT)
        yield engine


@dataclass(frozen=True, slots=True)
class Slow:
    """What a plan should come to, one row after the other."""

    rows: Sequence[Row]
    ledger: Sequence[Copy]
    retirements: Sequence[Retirement]
    source: Source = SOURCE

    def current(self) -> Iterator[Row]:
        return (row for row in self.rows if row.is_latest and not row.is_delete_marker)

    def state(self, copy: Copy) -> Retirement | None:
        of_it = [one for one in self.retirements if (one.run, one.key, one.etag) == (copy.run, copy.key, copy.etag)]
        return min(of_it, key=lambda one: (one.state is not State.EXPIRING, T0 - one.at, one.state), default=None)

    def is_known(self, row: Row) -> bool:
        return any(
            copy.kind is Kind.DATA
            and (copy.key, copy.etag) == (row.key, row.etag)
            and (told := self.state(copy), told is None or told.state is not State.EXPIRING)[1]
            for copy in self.ledger
        )

    def fate(self, row: Row) -> str:
        kind = kind_of(row.key)
        if kind is Kind.OTHER:
            return "other"
        if kind is Kind.DATA and self.is_known(row) and row.is_hot:
            return "known"
        if kind is Kind.DATA and not row.is_hot:
            return "cold"
        if len(row.key.encode()) > KEY_LIMIT:
            return "too_long"
        if kind is Kind.LOG:
            return "logs"
        return "large" if (row.size or 0) > 5 * 1024**3 else "data"

    def copies(self) -> set[tuple[Any, ...]]:
        return {
            (row.key, row.version_id, row.etag, row.size, row.modified, kind_of(row.key), fate)
            for row in self.current()
            if self.source.database_of(row.key) and (fate := self.fate(row)) not in {"other", "known", "cold"}
        }

    def tallies(self) -> dict[str, dict[str, tuple[int, int]]]:
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for row in self.current():
            name = self.source.database_of(row.key)
            if name:
                fate = self.fate(row)
                fate = "copied" if fate in {"logs", "large", "data"} else fate
                objects, size = found.setdefault(name, {}).get(fate, (0, 0))
                found[name][fate] = objects + 1, size + (row.size or 0)
        return found

    def gone(self, before: datetime) -> set[tuple[Copy, State | None, datetime | None]]:
        listed = {row.key for row in self.current()}
        return {
            (copy, told.state if told else None, told.at if told else None)
            for copy in self.ledger
            if copy.kind is Kind.DATA and copy.stored_at < before and copy.key not in listed
            if self.source.database_of(copy.key)
            for told in [self.state(copy)]
        }
