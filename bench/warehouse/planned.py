"""The step that plans, as it is, with a folder in the place of S3."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from bench.warehouse.inventories import FOLDER, NAMES, SOURCE
from holdfast.warehouse import planning
from holdfast.warehouse.model import Item, Retention, Stored
from holdfast.warehouse.orders import Orders
from holdfast.warehouse.ports import Bucket, Found, NotStored
from holdfast.warehouse.run import Scratch, Warehouse

RUN = "20261101T020000Z-bench"
_PIECE = 1 << 18


class Folder:
    """A bucket whose objects are files: as much of it as a plan asks for."""

    name = "backups"

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, key: str) -> bytes:
        try:
            return (self.path / key).read_bytes()
        except FileNotFoundError:
            raise NotStored(key) from None

    def stream(self, key: str) -> Iterator[bytes]:
        with (self.path / key).open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield piece

    def write(self, key: str, body: bytes) -> None:
        (self.path / key).parent.mkdir(parents=True, exist_ok=True)
        (self.path / key).write_bytes(body)

    def write_file(self, key: str, path: Path) -> Stored:
        (self.path / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.path / key)
        with path.open("rb") as file:
            return Stored(path.stat().st_size, hashlib.file_digest(file, "md5").hexdigest())

    def listing(self, prefix: str, after: str = "") -> Iterator[Found]:  # noqa: ARG002 it is always all
        for path in sorted((self.path / prefix).rglob("*.parquet")):
            yield Found(str(path.relative_to(self.path)), Stored(path.stat().st_size, ""), datetime.now(UTC))


def main(folder: Path, scratch: Path, memory_megabytes: int) -> None:
    bucket = cast("Bucket", Folder(folder))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        warehouse = Warehouse(
            backup=bucket,
            names=NAMES,
            inventory_bucket=bucket,
            inventories="",
            bucket_of=lambda _: bucket,
            scratch=Scratch(scratch, memory_megabytes * 1024**2, os.cpu_count() or 1),
            each=threads.map,
            now=lambda: datetime(2026, 11, 1, tzinfo=UTC),
            log=lambda *_, **__: None,
        )
        answer = planning.plan_source(
            warehouse,
            Item(RUN, SOURCE, FOLDER),
            Orders(direct_objects=0, storage_class="DEEP_ARCHIVE"),
            Retention(timedelta(days=90), timedelta(days=30)),
        )
    print(json.dumps({phase["phase"]: phase["objects"] for phase in answer["phases"]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
