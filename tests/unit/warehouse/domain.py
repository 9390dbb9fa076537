"""A lake and its backups in memory, where the steps of a run are taken one by one."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_warehouse import MemoryCopier, MemoryWarehouse
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.warehouse import commit, copying, database, discover, planning, report, retire, validate, verify
from holdfast.warehouse.model import Item, Limits, Retention, Source
from holdfast.warehouse.orders import REPORT_COLUMNS, Order, Orders
from holdfast.warehouse.retire import Rules
from tests.unit.warehouse.listings import COLUMNS, WITH_VERSIONS, Row, as_csv
from tests.warehouses import a_warehouse

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
SALES = Source.parse("s3://lake/sales")
RULES = Rules(Retention(timedelta(days=90), timedelta(days=30)), keep_runs=2)
KEEP_ONE = replace(RULES, keep_runs=1)
VALIDATION = validate.Rules(Limits(25, 10**9, 10**10), timedelta(days=10), has_task=False)
ALWAYS = lambda: True  # noqa: E731
NEVER = lambda: False  # noqa: E731


class Crash(Exception):
    """The process is gone."""


@dataclass
class Lake:
    """`hook`: called before each call to a bucket, with the call, the bucket's name and the key."""

    scratch: Path
    orders: Orders = field(default_factory=lambda: Orders(direct_objects=1000, storage_class="GLACIER"))
    versioned: bool = False
    budget: Budget = field(default_factory=lambda: Budget(100, 10))
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time = BEGINNING
        self.hook: Callable[[str, str, str], None] = lambda *_: None
        self.account = MemoryWarehouse(now=lambda: self.time, before=self._before)
        self.bucket = self.account.bucket("lake", versioned=self.versioned)
        self.backup, self.inventories = self.account.bucket("backup"), self.account.bucket("inventories")
        self.breaker = Breaker(MemoryBreakerStore(), self.budget, lambda: self.time)
        self.runs = 0
        self.warehouse = a_warehouse(self.scratch, self.account.bucket, lambda: self.time)

    def _before(self, call: str, bucket: str, key: str) -> None:
        self.hook(call, bucket, key)

    # The lake

    def table(self, root: str, *names: str, version: int = 0, size: int = 10) -> None:
        """Commit a version that adds files which are there."""
        actions: list[Any] = []
        if version == 0:
            actions = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}]
            actions += [{"metaData": {"id": "1", "schemaString": "{}", "partitionColumns": []}}]
        for name in names:
            self.bucket.put(f"{root}{name}", b"x" * size)
            actions.append({"add": {"path": name, "size": size, "dataChange": True, "partitionValues": {}}})
        self.bucket.put(f"{root}_delta_log/{version:020}.json", "\n".join(map(json.dumps, actions)).encode())

    def removed(self, root: str, name: str, version: int) -> None:
        """Commit a version that has a file no more, which VACUUM then deletes."""
        action = json.dumps({"remove": {"path": name, "dataChange": True}})
        self.bucket.put(f"{root}_delta_log/{version:020}.json", action.encode())
        self.bucket.remove(f"{root}{name}")

    def inventory(self, parts: int = 1, inventory_id: str = "holdfast", file_format: str = "CSV") -> str:
        """What S3 lists now, in so many parts; returns its folder."""
        rows = [
            Row(key, one.etag, one.size, one.modified, one.storage_class, None, one.id if self.versioned else None)
            for key in sorted(self.bucket.keys)
            if (one := self.bucket.current(key))
        ]
        columns = WITH_VERSIONS if self.versioned else COLUMNS
        base = f"daily/lake/{inventory_id}/"
        files = []
        for number in range(parts):
            body = gzip.compress(as_csv(rows[number::parts], columns), mtime=0)
            key = f"{base}data/{self.time:%Y%m%d%H%M}-{number}.csv.gz"
            self.inventories.put(key, body)
            files.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
        manifest = json.dumps(
            {
                "sourceBucket": "lake",
                "destinationBucket": "arn:aws:s3:::inventories",
                "version": "2016-11-30",
                "creationTimestamp": str(int(self.time.timestamp() * 1000)),
                "fileFormat": file_format,
                "fileSchema": ", ".join(columns),
                "files": files,
            }
        ).encode()
        folder = f"{base}{self.time:%Y-%m-%dT%H-%MZ}/"
        self.inventories.put(f"{folder}manifest.json", manifest)
        self.inventories.put(f"{folder}manifest.checksum", hashlib.md5(manifest).hexdigest().encode())
        return folder

    def days(self, days: float) -> None:
        self.time += timedelta(days=days)

    # Steps

    def begin(self, *sources: Source) -> list[Item]:
        """A run of sources, by an inventory of now."""
        self.inventory()
        self.runs += 1
        told = discover.discover(
            self.warehouse, sources or [SALES], started=self.time, execution=f"execution-{self.runs}"
        )
        return [Item.of(one) for one in told["sources"]]

    def plan(self, item: Item) -> list[Order]:
        told = planning.plan_source(self.warehouse, item, self.orders, RULES.retention)
        return [Order.of({"phase": json.loads(json.dumps(phase))}) for phase in told["phases"]]

    def copier(self, order: Order) -> MemoryCopier:
        return MemoryCopier(self.bucket, self.backup, order.storage_class)

    def copy(self, item: Item, order: Order, time_left: Callable[[], bool] = ALWAYS) -> dict[str, Any]:
        return copying.copy(self.warehouse, item, order, self.copier(order), time_left=time_left)

    def commit(self, item: Item, order: Order) -> dict[str, Any]:
        return commit.commit(self.warehouse, item, order, self.orders)

    def verify(self, item: Item, time_left: Callable[[], bool] = ALWAYS) -> dict[str, Any]:
        return verify.verify(self.warehouse, item, time_left=time_left)

    def retire(self, item: Item, rules: Rules = RULES, time_left: Callable[[], bool] = ALWAYS) -> dict[str, Any]:
        return retire.retire(self.warehouse, item, rules, self.breaker, time_left=time_left)

    def report(self, item: Item) -> dict[str, Any]:
        return report.report(self.warehouse, item.run, self.messages.append)

    def back_up(self, item: Item) -> None:
        """All before retiring."""
        for order in self.plan(item):
            self.copy(item, order)
            self.commit(item, order)
        self.verify(item)

    def run(self, *sources: Source, rules: Rules = RULES) -> str:
        """A whole run; its name."""
        items = self.begin(*sources)
        for item in items:
            self.back_up(item)
            self.retire(item, rules)
        self.report(items[0])
        return items[0].run

    # What is stored

    def document(self, item: Item, name: str) -> Any:
        return self.warehouse.load(f"{self.warehouse.folder(item)}{name}")

    def rows(self, folder: str) -> list[dict[str, Any]]:
        """Of `ledger`, `retirements`, `closures`, `reports`."""
        paths = []
        for number, key in enumerate(key for key in sorted(self.backup.keys) if key.startswith(f"warehouse/{folder}/")):
            path = self.scratch / f"seen-{number}.parquet"
            path.write_bytes(self.backup.find(key).body or b"")
            paths.append(path)
        if not paths:
            return []
        with database.connect(self.warehouse.scratch, self.scratch) as connection:
            found = connection.execute(f"FROM read_parquet({database.files(paths)})")
            names = [name for name, *_ in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def ledger(self) -> list[str]:
        """Keys, as often as they are in it."""
        return sorted(row["key"] for row in self.rows("ledger"))

    def copy_key(self, run: str, key: str) -> str:
        return f"warehouse/copies/{run}/lake/{key}"

    def state(self, run: str, key: str) -> str | None:
        """The tag of a copy."""
        return self.backup.find(self.copy_key(run, key)).tags.get("holdfast-state")

    def crash_at(self, call: str, part: str, *, after: int = 0) -> None:
        """Before a call of that name on a key that has this part, once; `after` so many of them."""
        left = after

        def hook(name: str, _bucket: str, key: str) -> None:
            nonlocal left
            if name == call and part in key:
                left -= 1
                if left < 0:
                    self.hook = lambda *_: None
                    raise Crash

        self.hook = hook

    def before(self, call: str, part: str, act: Callable[[], object]) -> None:
        """Do something before a call of that name on a key that has this part, once."""

        def hook(name: str, _bucket: str, key: str) -> None:
            if name == call and part in key:
                self.hook = lambda *_: None
                act()

        self.hook = hook


def job_report(lake: Lake, order: Order, rows: Iterable[tuple[str, str]]) -> str:
    """The completion report of a job: keys as they stand in it, and their status. Returns its manifest's key."""
    lines = "".join(f'"lake","{key}","","{status}","","200","told"\n' for key, status in rows).encode()
    part = f"{order.report}/job-1/results/a.csv"
    lake.backup.put(part, lines)
    told = {
        "Format": "Report_CSV_20180820",
        "Results": [{"Key": part, "MD5Checksum": hashlib.md5(lines).hexdigest(), "Bucket": "backup"}],
        "ReportSchema": ", ".join(REPORT_COLUMNS),
    }
    lake.backup.put(f"{order.report}/job-1/manifest.json", json.dumps(told).encode())
    return f"{order.report}/job-1/manifest.json"


def gone_for(lake: Lake, days: float, root: str = "sales/t/", name: str = "a.parquet") -> str:
    """A table whose one file was backed up and then removed from it and from the lake, so many days ago. The run."""
    lake.table(root, name, "b.parquet")
    run = lake.run()
    lake.days(days)
    lake.removed(root, name, version=1)
    return run
