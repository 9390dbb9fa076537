"""A restored table as a reader finds it: deltalake opens it, and Parquet's footers tell its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from holdfast.warehouse.ports import Bucket

TAIL = 64 * 1024
"""Bytes at the end of a Parquet file, in which most footers have room."""
_MAGIC_AND_LENGTH = 8

UNESCAPED = "/=+'!*(),;:@&$~"
"""What may stand in a URI as it is. deltalake 1.6 finds no deletion vectors below a prefix that is escaped."""


class CannotOpen(Exception):
    """deltalake cannot read a table, which need not mean that it is broken."""


@dataclass(frozen=True, slots=True)
class Opened:
    """`files`: with columns `path`, as the log has it, and `size_bytes`. `hidden`: rows that deletion vectors hide;
    None if they cannot be read."""

    version: int
    files: pa.Table
    hidden: int | None


@dataclass(frozen=True, slots=True)
class DeltaReader:
    """`location`: of the bucket, as deltalake knows it. `options`: how it gets there."""

    location: str
    options: Mapping[str, str]

    def open(self, prefix: str) -> Opened:
        """The newest version of a table that a reader finds. Raises CannotOpen."""
        try:
            table = DeltaTable(f"{self.location}/{self.told(prefix)}", storage_options=dict(self.options))
            files = pa.table(table.get_add_actions(flatten=True)).select(["path", "size_bytes"])
        except (DeltaError, OSError, ValueError) as error:
            raise CannotOpen(str(error).partition("\n")[0]) from error
        return Opened(table.version(), files, _hidden(table))

    def told(self, prefix: str) -> str:
        """As a URI has it; a local path has it as it is."""
        return quote(prefix, safe=UNESCAPED) if "://" in self.location else prefix


def _hidden(table: DeltaTable) -> int | None:
    try:
        vectors: Any = pa.RecordBatchReader.from_stream(table.deletion_vectors())
        return sum(pc.sum(pc.invert(batch["selection_vector"].flatten())).as_py() or 0 for batch in vectors)
    except (DeltaError, OSError, ValueError):
        return None


def rows_in(bucket: Bucket, key: str, size: int) -> int | None:
    """The rows of a Parquet file, by its footer; None if it has none that can be read."""
    tail = bucket.read_from(key, max(0, size - TAIL))
    needed = int.from_bytes(tail[-_MAGIC_AND_LENGTH:-4], "little") + _MAGIC_AND_LENGTH
    if needed > len(tail):
        tail = bucket.read_from(key, max(0, size - needed))
    try:
        rows: int = pq.read_metadata(BytesIO(tail)).num_rows
    except (pa.ArrowInvalid, OSError):
        return None
    return rows
