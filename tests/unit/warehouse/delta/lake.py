"""A bucket in a local folder, and what is judged of the Delta tables in it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from holdfast.warehouse.delta import plan
from holdfast.warehouse.delta.judge import judge
from holdfast.warehouse.delta.model import Log, LogFile, Verdict
from tests.delta_tables import Table

BUCKET = "lake"


class Lake:
    """Objects are files; `stored` names those that a backup has: at first, all that there are."""

    def __init__(self, folder: Path, bucket: str = BUCKET) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.bucket = bucket
        self.connection = duckdb.connect(config={"memory_limit": "500MB", "temp_directory": str(folder / ".spill")})
        self.fetched: list[str] = []

    def table(self, key: str, **how: Any) -> Table:
        return Table(self.folder / "bucket" / key, **how)

    def sizes(self) -> dict[str, int]:
        """What lies in the bucket: keys, and bytes."""
        root = self.folder / "bucket"
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}

    def path(self, key: str) -> Path:
        return self.folder / "bucket" / key

    def logs(self, without: Iterable[str] = ()) -> list[Log]:
        gone = set(without)
        return plan.logs(self.bucket, [self.file(key) for key in self.sizes() if key not in gone])

    def log(self, without: Iterable[str] = ()) -> Log:
        (only,) = self.logs(without)
        return only

    def file(self, key: str) -> LogFile:
        told = self.path(key).stat()
        return LogFile(key, told.st_size, datetime.fromtimestamp(int(told.st_mtime), UTC))

    def fetch(self, files: Sequence[LogFile]) -> list[Path]:
        self.fetched += [file.key for file in files]
        return [self.path(file.key) for file in files]

    def judged(
        self, logs: Sequence[Log] | None = None, stored: Iterable[tuple[str, str, int]] | None = None
    ) -> list[Verdict]:
        """`stored`: bucket, key and size of each; None for all that is in the bucket now."""
        held = [(self.bucket, key, size) for key, size in self.sizes().items()] if stored is None else list(stored)
        buckets, keys, sizes = (list(column) for column in zip(*held, strict=True)) if held else ([], [], [])
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE held AS SELECT unnest($buckets::VARCHAR[]) AS bucket,"
            " unnest($keys::VARCHAR[]) AS key, unnest($sizes::BIGINT[]) AS size",
            {"buckets": buckets, "keys": keys, "sizes": sizes},
        )
        return judge(
            self.connection, self.logs() if logs is None else logs, self.fetch, self.folder, "FROM held", self.needed
        )

    @property
    def needed(self) -> Path:
        """Where the last closures are."""
        return self.folder / "needed.parquet"

    def closure(self, *kinds: str) -> set[str]:
        """Keys that the versions need that were judged restorable last: all, or those of some kinds."""
        rows = self.connection.execute("SELECT key, kind FROM read_parquet($path)", {"path": str(self.needed)})
        return {key for key, kind in rows.fetchall() if not kinds or kind in kinds}

    def data_of(self, table: Table, version: int | None = None) -> set[str]:
        """Keys of data files, as deltalake tells them."""
        root = self.folder / "bucket"
        return {Path(uri).relative_to(root).as_posix() for uri in table.opened(version).file_uris()}
