"""A random history of a lake and its backups: users, VACUUM, inventories that lag, crashes, races, months that pass.

After each run, and at the moment of each tag, an oracle that shares no code with the system looks at what is stored.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus, unquote
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryCopier, MemoryWarehouse
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.warehouse import database, naming, retire, validate
from holdfast.warehouse.model import Limits, Retention, Source
from holdfast.warehouse.orders import Orders
from tests.model.warehouse_workflow import BatchOperations, Crash, Workflow
from tests.warehouses import a_warehouse

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
MIN_AGE, GRACE = timedelta(days=25), timedelta(days=20)
"""Shorter than anybody's, so that a history of few months sees both end."""
ODD = ["part 1+2", "a,b", 'q"uote', "new\nline", "ünï%20", "100%", "it's"]
FEATURES = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"], "writerFeatures": []}


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong. `races`: something happens in the lake while a run reads it."""

    crashes: float = 0.0
    races: float = 0.0
    lag: float = 0.0
    corruption: float = 0.0
    batch_failures: float = 0.0


@dataclass
class Table:
    """A Delta table as its users see it. `live`: paths of its data with their sizes."""

    root: str
    version: int = -1
    live: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


@dataclass
class Lake:
    """The bucket that is backed up, with tables under `sales/` and `hr/`. `bodies`: whatever was under a key, ever."""

    bucket: MemoryBucket
    random: Random
    tables: dict[str, Table] = field(default_factory=dict)
    bodies: dict[str, set[bytes]] = field(default_factory=dict)
    gone: list[tuple[str, bytes]] = field(default_factory=list)
    written: int = 0

    def put(self, key: str, body: bytes, storage_class: str = "STANDARD") -> None:
        self.bucket.put(key, body, storage_class)
        self.bodies.setdefault(key, set()).add(body)

    def act(self) -> None:
        """One thing that users do."""
        act = self.random.choices(
            [self.commit, self.vacuum, self.checkpoint, self.drop, self.lose, self.litter, self.bring_back],
            [60, 15, 10, 3, 2, 10, 8],
        )[0]
        act()

    def _table(self) -> Table:
        root = self.random.choice(["sales/orders/", "sales/eu/items/", "hr/people/", "hr/p,ay/"])
        return self.tables.setdefault(root, Table(root))

    def commit(self) -> None:
        """Add some files, remove others."""
        table = self._table()
        table.version += 1
        actions: list[dict[str, Any]] = [
            {"commitInfo": {"timestamp": int(self.bucket.account.now().timestamp() * 1000)}}
        ]
        if table.version == 0:
            actions += [{"protocol": FEATURES}, {"metaData": {"id": "1", "schemaString": "{}", "partitionColumns": []}}]
        for path in self.random.sample(sorted(table.live), min(len(table.live), self.random.randrange(3))):
            del table.live[path]
            table.removed.append(path)
            actions.append({"remove": {"path": quote(path), "dataChange": True}})
        for _ in range(self.random.randrange(4)):
            self.written += 1
            path = f"{self.random.choice(ODD)}-{self.written}.parquet"
            body = self.random.randbytes(self.random.randrange(1, 40))
            storage_class = "STANDARD" if self.random.random() < 0.97 else "STANDARD_IA"
            self.put(table.root + path, body, storage_class)
            table.live[path] = len(body)
            actions.append({"add": {"path": quote(path), "size": len(body), "dataChange": True, "partitionValues": {}}})
        self._log(table, f"{table.version:020}.json", actions)

    def _log(self, table: Table, name: str, actions: list[dict[str, Any]]) -> None:
        body = "\n".join(map(json.dumps, actions)).encode()
        self.put(f"{table.root}_delta_log/{name}", body)

    def checkpoint(self) -> None:
        """Write one, and forget some commits before it."""
        table = self._table()
        if table.version < 0:
            return
        adds: list[dict[str, Any]] = [
            {"add": {"path": quote(path), "size": size, "dataChange": False}} for path, size in table.live.items()
        ]
        about: list[dict[str, Any]] = [
            {"checkpointMetadata": {"version": table.version}},
            {"protocol": FEATURES},
            {"metaData": {"id": "1"}},
        ]
        name = f"{table.version:020}.checkpoint.{self.random.randbytes(16).hex():.8}-0000-0000-0000-000000000000.json"
        self._log(table, name, about + adds)
        self._log(table, "_last_checkpoint", [{"version": table.version, "size": len(adds)}])
        for version in range(table.version):
            if self.random.random() < 0.5:
                break
            self.bucket.remove(f"{table.root}_delta_log/{version:020}.json")

    def vacuum(self) -> None:
        table = self._table()
        for path in table.removed:
            self._remove(table.root + path)
        table.removed.clear()

    def _remove(self, key: str) -> None:
        if current := self.bucket.current(key):
            self.gone.append((key, current.body or b""))
        self.bucket.remove(key)

    def bring_back(self) -> None:
        """Somebody puts back what was there, often what went long ago: the same bytes under the same key."""
        if self.gone:
            self.put(*self.gone.pop(self.random.choice([0, self.random.randrange(len(self.gone))])))

    def drop(self) -> None:
        """Remove a table; it may be made anew at the same place."""
        table = self._table()
        for key in [key for key in self.bucket.keys if key.startswith(table.root)]:
            self.bucket.remove(key)
        del self.tables[table.root]

    def lose(self) -> None:
        """A file that is needed is gone: somebody's mistake."""
        table = self._table()
        if table.live:
            self._remove(table.root + self.random.choice(sorted(table.live)))

    def litter(self) -> None:
        self.written += 1
        name = self.random.choice(["notes.txt", "deletion_vector_x.bin", "_delta_logs/a.json", "x.parquet"])
        self.put(f"{self._table().root}{self.random.choice(ODD)}-{self.written}/{name}", self.random.randbytes(3))


class Violated(AssertionError):
    """Something that must never be."""


def check(what: str, *, holds: bool) -> None:
    if not holds:
        raise Violated(what)


@dataclass
class History:
    """A history, and what the oracle remembers of it."""

    seed: int
    weather: Weather
    scratch: Path
    months: int = 4

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.time = BEGINNING
        self.account = MemoryWarehouse(now=lambda: self.time, before=self._before)
        versioned = self.random.random() < 0.5
        self.lake = Lake(self.account.bucket("lake", versioned=versioned), self.random)
        self.backup, self.inventories = self.account.bucket("backup"), self.account.bucket("inventories")
        self.calm, self.racing, self.corrupt = True, False, False
        many = self.random.random() < 0.3
        self.sources = [Source("lake", "", many=True)] if many else [Source("lake", "sales/"), Source("lake", "hr/")]
        self.stored_at: dict[str, datetime] = {}
        self.touched: list[str] = []
        self.workflow = self._workflow()

    def _workflow(self) -> Workflow:
        warehouse = a_warehouse(self.scratch, self.account.bucket, lambda: self.time)
        batch = BatchOperations(self.lake.bucket, self.backup, self.random, self.weather.batch_failures)
        return Workflow(
            warehouse=warehouse,
            sources=self.sources,
            orders=Orders(direct_objects=self.random.choice([0, 5, 1000]), storage_class="GLACIER"),
            validation=validate.Rules(Limits(25, 10**9, 10**10), timedelta(days=10), has_task=False),
            retirement=retire.Rules(Retention(MIN_AGE, GRACE), self.random.randrange(1, 4)),
            breaker=Breaker(MemoryBreakerStore(), Budget(100, 10), lambda: self.time),
            batch=lambda _: batch,
            copier=lambda _, order: MemoryCopier(self.lake.bucket, self.backup, order.storage_class),
            messages=[],
            wait=self._wait,
            chance=self.random,
        )

    def _wait(self, time: timedelta) -> None:
        self.time += time

    # What happens while a run goes on

    def _before(self, call: str, bucket: str, key: str) -> None:
        if self.calm:
            return
        if call == "tag":
            self._about_to_tag(key)
        if call in {"write", "write_file"} and "/copies/" not in key:
            self.touched.append(key)
        if bucket == "lake" and self.racing and self.random.random() < self.weather.races:
            self.calm = True
            self.lake.act()
            self.calm = False
        if self.random.random() < self.weather.crashes:
            raise Crash

    def _about_to_tag(self, copy_key: str) -> None:
        """Nothing is tagged by an inventory that is not right."""
        check(f"{copy_key!r} is tagged by a corrupt inventory", holds=not self.corrupt)

    # Inventories

    def inventory(self) -> dict[str, bytes]:
        """What S3 lists: as things are, but for what came or went just now. Returns what it lists, with bodies."""
        listed = {
            key: self.lake.bucket.find(key) for key in sorted(self.lake.bucket.keys) if self.lake.bucket.current(key)
        }
        if self.random.random() < self.weather.lag:
            for key in self.random.sample(sorted(listed), len(listed) // 10):
                del listed[key]
        columns = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag"]
        columns += ["StorageClass", "IntelligentTieringAccessTier"]
        rows = [
            [
                "lake",
                quote_plus(key, safe="/"),
                one.id if self.lake.bucket.versioned else "",
                "true",
                "false",
                one.size,
                f"{one.modified:%Y-%m-%dT%H:%M:%S.000Z}",
                one.etag,
                one.storage_class,
                "",
            ]
            for key, one in listed.items()
        ]
        if not self.lake.bucket.versioned:
            keep = [at for at, name in enumerate(columns) if name not in {"VersionId", "IsLatest", "IsDeleteMarker"}]
            columns, rows = [columns[at] for at in keep], [[row[at] for at in keep] for row in rows]
        self.random.shuffle(rows)
        lines = "".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows)
        folder = f"daily/lake/holdfast/{self.time:%Y-%m-%dT%H-%MZ}/"
        part = gzip.compress(lines.encode(), mtime=0)
        data = f"daily/lake/holdfast/data/{self.time:%Y%m%d}.csv.gz"
        files = [{"key": data, "size": len(part), "MD5checksum": hashlib.md5(part).hexdigest()}]
        manifest = json.dumps(
            {
                "sourceBucket": "lake",
                "destinationBucket": "arn:aws:s3:::inventories",
                "version": "2016-11-30",
                "creationTimestamp": str(int(self.time.timestamp() * 1000)),
                "fileFormat": "CSV",
                "fileSchema": ", ".join(columns),
                "files": files,
            }
        ).encode()
        self.corrupt = self.random.random() < self.weather.corruption
        if self.corrupt:
            part, manifest = self._corrupted(part, manifest)
        self.inventories.put(data, part)
        self.inventories.put(f"{folder}manifest.json", manifest)
        if not self.corrupt or self.random.random() < 0.9:
            self.inventories.put(f"{folder}manifest.checksum", hashlib.md5(manifest).hexdigest().encode())
        return {key: one.body or b"" for key, one in listed.items() if one.storage_class == "STANDARD"}

    def _corrupted(self, part: bytes, manifest: bytes) -> tuple[bytes, bytes]:
        """Bytes of the part are another's, or the part is cut, or the manifest means another bucket."""
        match self.random.randrange(4):
            case 0:
                at = self.random.randrange(10, len(part))
                return part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :], manifest
            case 1:
                return part[:-1], manifest
            case 2:
                return part, manifest.replace(b'"lake"', b'"hake"')
            case _:
                return part, manifest.replace(b"ETag", b"EBag")

    # The play

    def play(self) -> int:
        """Months of it; how many copies there were at the end."""
        for month in range(self.months):
            for _ in range(self.random.randrange(2, 15)):
                self.time += timedelta(hours=self.random.randrange(1, 30))
                self.lake.act()
            self.time += timedelta(hours=1)
            listed = self.inventory()
            before = self._copies()
            self._run(month)
            if self.corrupt:
                check("a corrupt inventory copied something", holds=self._copies() == before)
            else:
                self._look(listed)
            self.time = BEGINNING + timedelta(days=30 * (month + 1))
        return len(self._copies())

    def _copies(self) -> set[str]:
        return {key for key in self.backup.keys if key.startswith("warehouse/copies/")}

    def _run(self, month: int) -> None:
        before = self._copies()
        self.calm, self.racing = False, not self.corrupt
        try:
            self.report = self.workflow.run(self.time, f"execution-{month}")
        finally:
            self.calm = True
        for key in self._copies() - before:
            self.stored_at[key] = self.time
        check("a run failed that should not", holds=bool(self.report["failed"]) == self.corrupt)

    # The oracle

    def _documents(self, name: str) -> Iterator[tuple[str, Any]]:
        runs = sorted({key.split("/")[2] for key in self.backup.keys if key.startswith("warehouse/runs/")})
        for key in self.backup.keys:
            if key.startswith(f"warehouse/runs/{runs[-1]}/") and key.endswith(f"/{name}"):
                yield runs[-1], json.loads(self.backup.find(key).body or b"")

    def _look(self, listed: dict[str, bytes]) -> None:
        self._everything_listed_is_stored_or_told_as_failed(listed)
        self._what_is_called_restorable_is(self._restorable())
        self._what_is_tagged_may_go()
        self._lifecycle()

    def _everything_listed_is_stored_or_told_as_failed(self, listed: dict[str, bytes]) -> None:
        failures = {one["key"] for _, told in self._documents("commit.json") for one in told["failures"]}
        bodies = self._stored_bodies()
        for key, body in listed.items():
            folders = key.split("/")
            log = "_delta_log" in folders[:-1]
            data = folders[-1].endswith(".parquet") or (
                folders[-1].startswith("deletion_vector_") and folders[-1].endswith(".bin")
            )
            if log or data:
                check(f"{key!r} has no copy", holds=key in failures or body in bodies.get(key, set()))

    def _stored_bodies(self) -> dict[str, set[bytes]]:
        """What the backup bucket has of each key, but for what the lifecycle may take."""
        bodies: dict[str, set[bytes]] = {}
        for copy_key in self._copies():
            found = self.backup.find(copy_key)
            if found.tags.get("holdfast-state") != "expire" and found.body is not None:
                bodies.setdefault(copy_key.split("/", 4)[4], set()).add(found.body)
        return bodies

    def _restorable(self) -> dict[tuple[str, str], int]:
        """By run and table, what was recorded, of the runs whose versions are to be kept."""
        found: dict[tuple[str, str], int] = {}
        for key in self.backup.keys:
            if key.startswith("warehouse/runs/") and key.endswith("/verify.json"):
                for root, told in json.loads(self.backup.find(key).body or b"")["tables"].items():
                    if told["version"] is not None:
                        found[key.split("/")[2], root] = told["version"]
        return found

    def _what_is_called_restorable_is(self, restorable: dict[tuple[str, str], int]) -> None:
        bodies = self._stored_bodies()
        newest = sorted({run for run, _ in restorable})[-self.workflow.retirement.keep_runs :]
        for (run, root), version in restorable.items():
            if run in newest:
                for key in self._needs(run, root, version):
                    genuine = bodies.get(key, set()) & self.lake.bodies[key]
                    check(f"{key!r} of version {version} of {root!r} is not stored", holds=bool(genuine))

    def _needs(self, run: str, root: str, version: int) -> set[str]:
        """The files of a version, replayed naively from the copies of a run's log."""
        folder = f"warehouse/copies/{run}/lake/{root}_delta_log/"
        names = {key.removeprefix(folder) for key in self.backup.keys if key.startswith(folder)}
        bases = [name for name in names if ".checkpoint." in name and int(name[:20]) <= version]
        base = max(bases, default=None)
        commits = [f"{one:020}.json" for one in range(int(base[:20]) + 1 if base else 0, version + 1)]
        live: set[str] = set()
        for name in ([base] if base else []) + commits:
            check(f"{name} of {root!r} is not stored", holds=name in names)
            for line in (self.backup.find(folder + name).body or b"").splitlines():
                action = json.loads(line)
                if "remove" in action:
                    live.discard(action["remove"]["path"])
                if "add" in action:
                    live.add(action["add"]["path"])
        return {root + unquote(path) for path in live}

    def _what_is_tagged_may_go(self) -> None:
        retired: dict[str, datetime] = {}
        for key in self._copies():
            tags = self.backup.find(key).tags
            if not tags:
                continue
            original = key.split("/", 4)[4]
            state = tags[naming.STATE_TAG]
            check(f"{key!r} is a log", holds="/_delta_log/" not in key)
            check(f"{key!r} is young", holds=self.time - self.stored_at[key] >= MIN_AGE)
            if state == naming.EXPIRE:
                since = datetime.fromisoformat(tags[naming.SINCE_TAG])
                check(f"{key!r} had no grace", holds=since - self.stored_at[key] >= MIN_AGE + GRACE)
            elif not self.weather.races:
                check(f"the original of {key!r} is there", holds=self.lake.bucket.current(original) is None)
            retired[key] = self.time

    def _lifecycle(self) -> None:
        """As early as it may, the rule removes what it acts on."""
        for key in self._copies():
            if self.backup.find(key).tags.get("holdfast-state") == "expire":
                self.backup.remove(key)


@cache
def _instance() -> DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@contextmanager
def connect(*_: object) -> Iterator[DuckDBPyConnection]:
    """A database of one's own in an instance that is there already: to make one takes longer than what it is for."""
    name = f"own_{uuid4().hex}"
    connection = _instance().cursor()
    connection.execute(f"ATTACH ':memory:' AS {name}")
    connection.execute(f"USE {name}")
    try:
        yield connection
    finally:
        connection.execute("USE memory")
        connection.execute(f"DETACH {name}")
        connection.close()


def play(seed: int, weather: Weather | None = None, months: int = 4) -> int:
    """A history of a seed."""
    fair = Weather(crashes=0.01, races=0.05, lag=0.3, corruption=0.15, batch_failures=0.1)
    with TemporaryDirectory(prefix="holdfast-") as scratch, patch.object(database, "connect", connect):
        return History(seed, weather or fair, Path(scratch), months).play()
