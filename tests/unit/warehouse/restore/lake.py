"""A lake with Delta tables, backed up by the whole workflow, in memory or in S3, and restored from there."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from unittest.mock import patch

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryCopier, MemoryVault, MemoryWarehouse, Written
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.warehouse import database, retire, validate
from holdfast.warehouse.model import FileFormat, Limits, Retention, Source
from holdfast.warehouse.orders import Order, Orders
from holdfast.warehouse.ports import Bucket, Copier
from holdfast.warehouse.restore.model import Plan, Proof, Thaw, Wanted
from holdfast.warehouse.restore.opened import DeltaReader, Opened
from holdfast.warehouse.restore.plan import To
from holdfast.warehouse.restore.run import Destination, Restoring, planned
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.write_inventory import InventoryWriter, Place
from tests.delta_tables import Table, rows_of
from tests.model.warehouse_history import connect
from tests.model.warehouse_workflow import Workflow
from tests.warehouses import a_warehouse

BEGAN = datetime(2026, 11, 1, 3, tzinfo=UTC)


class User(Protocol):
    """Who writes the lake."""

    def put(self, key: str, body: bytes, /) -> object: ...

    def remove(self, key: str, /) -> None: ...


@dataclass
class Lake:
    """Objects are files below `folder`; a backup puts them into the bucket first.

    `copier`: into the backup, by storage class.
    """

    folder: Path
    warehouse: Warehouse
    user: User
    bucket: Bucket
    copier: Callable[[str], Copier]
    forward: Callable[[timedelta], None]
    storage_class: str = "STANDARD"
    sources: list[Source] = field(default_factory=lambda: [Source("lake", "shop/")])
    there: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def table(self, key: str = "shop/orders", **how: Any) -> Table:
        return Table(self.folder / key, **how)

    def sync(self) -> None:
        """Have the bucket hold what the folder does."""
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        for key, path in files.items():
            body = path.read_bytes()
            digest = hashlib.md5(body).hexdigest()
            if self.there.get(key) != digest:
                self.user.put(key, body)
                self.there[key] = digest
        for key in self.there.keys() - files.keys():
            self.user.remove(key)
            del self.there[key]

    def lose(self, key: str) -> None:
        """Somebody's mistake: it is in no folder, and in no bucket."""
        (self.folder / key).unlink()

    def back_up(self, meanwhile: Callable[[], object] = lambda: None) -> str:
        """A whole run, a day after the last one. `meanwhile`: what happens between its inventory and its copies."""
        self.forward(timedelta(days=1))
        self.sync()
        self._list()
        meanwhile()
        self.sync()
        with patch.object(database, "connect", connect):
            report = self.workflow().run(self.warehouse.now(), f"execution-{next(self.numbers)}")
        assert report["failed"] == []
        self.runs.append(max(self.warehouse.backup.prefixes("warehouse/runs/")).split("/")[-2])
        return self.runs[-1]

    def _list(self) -> None:
        place = Place(self.warehouse.inventory_bucket, "daily/", self.bucket.name, "holdfast")
        folder = self.folder.with_name("inventory")
        folder.mkdir(exist_ok=True)
        writer = InventoryWriter(place, folder, lambda: f"part-{next(self.numbers)}", FileFormat.CSV)
        writer.write([list(self.bucket.listing(""))], self.warehouse.now())

    def workflow(self) -> Workflow:
        now = self.warehouse.now

        def copier(_: Source, order: Order) -> Any:
            return self.copier(order.storage_class)

        return Workflow(
            warehouse=self.warehouse,
            sources=self.sources,
            orders=Orders(direct_objects=10**6, storage_class=self.storage_class),
            validation=validate.Rules(Limits(25, 10**9, 10**10), timedelta(days=10), has_task=False),
            retirement=retire.Rules(Retention(timedelta(days=90), timedelta(days=30)), 3),
            breaker=Breaker(MemoryBreakerStore(), Budget(100, 10), now),
            batch=lambda _: NotImplemented,
            copier=copier,
            messages=[],
            wait=lambda _: None,
            chance=Random(1),
        )


# In memory


@dataclass(frozen=True)
class DumpingReader(DeltaReader):
    """deltalake knows no bucket in memory: its files are put below a folder first."""

    bucket: MemoryBucket

    def open(self, prefix: str) -> Opened:
        self.dump(prefix)
        return super().open(prefix)

    def dump(self, prefix: str) -> Path:
        shutil.rmtree(Path(self.location, prefix), ignore_errors=True)
        for key in [key for key in self.bucket.keys if key.startswith(prefix) and key[-1] != "/"]:
            path = Path(self.location, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.bucket.find(key).body or b"")
        return Path(self.location, prefix)


class Desk:
    """Memory: a lake, its backup, a bucket `new` to restore to, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = BEGAN
        self.md5 = True
        self.account = MemoryWarehouse(now=lambda: self.now)
        for name in ("lake", "scratch", "new"):
            (folder / name).mkdir()
        self.new = self.account.bucket("new")
        self.reader = DumpingReader(str(folder / "new"), {}, self.new)
        self.slept: list[float] = []
        lake = self.account.bucket("lake")
        self.lake = Lake(
            folder=folder / "lake",
            warehouse=a_warehouse(folder / "scratch", self.account.bucket, lambda: self.now),
            user=lake,
            bucket=lake,
            copier=lambda storage_class: MemoryCopier(lake, self.backup, storage_class),
            forward=self.forward,
        )

    @property
    def backup(self) -> MemoryBucket:
        return self.account.bucket("backup")

    def back_up_two_commits(self, storage_class: str = "STANDARD") -> list[tuple[int, str]]:
        """A run, of one table with four rows in two files; its rows. Played once, and then remembered."""
        now, buckets = _two_commits(storage_class)
        self.now = now
        for name, keys in buckets.items():
            self.account.bucket(name).keys.update(keys)
        return [(0, "a"), (1, "b"), (2, "a"), (3, "b")]

    def forward(self, time: timedelta) -> None:
        self.now += time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(timedelta(seconds=seconds))

    def destination(self, to: str) -> Destination:
        place = To.parse(to)
        bucket = self.account.bucket(place.bucket)
        copier, reader = MemoryCopier(self.backup, bucket), replace(self.reader, bucket=bucket)
        return Destination(place, bucket, copier, reader, md5=self.md5)

    @contextmanager
    def planned(
        self, name: str = "shop/orders", wanted: Wanted = None, to: str = "s3://new/again", thaw: Thaw | None = None
    ) -> Iterator[tuple[Plan, Restoring]]:
        vault = MemoryVault(self.backup)
        with planned(self.lake.warehouse, name, wanted, self.destination(to), vault, thaw or Thaw()) as found:
            yield found

    def restore(
        self, name: str = "shop/orders", wanted: Wanted = None, to: str = "s3://new/again", thaw: Thaw | None = None
    ) -> list[Proof]:
        """As the command does with --apply."""
        with self.planned(name, wanted, to, thaw) as (_, restoring):
            restoring.ask()
            restoring.wait(self.sleep)
            restoring.copy()
            return list(restoring.verify())

    def rows(self, prefix: str = "again") -> list[tuple[int, str]]:
        """What a reader finds of a restored table."""
        return rows_of(Table(self.reader.dump(prefix)).opened())


@cache
def _two_commits(storage_class: str) -> tuple[datetime, dict[str, dict[str, list[Written]]]]:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        desk.lake.storage_class = storage_class
        table = desk.lake.table()
        table.append(0, 1)
        table.append(2, 3)
        desk.lake.back_up()
        return desk.now, {name: bucket.keys for name, bucket in desk.account.buckets.items()}
