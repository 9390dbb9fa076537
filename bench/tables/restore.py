"""How long it takes to make a table as it was at a moment, from either layout, beside dynamodump with its own dump."""

import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import batched
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

from bench import process
from bench.objects.peers import program
from bench.report import Report
from bench.tables import archives, orders
from bench.tables.archives import PREFIX, Orders
from bench.tables.orders import TABLE
from bench.tables.phases import WRITTEN
from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.s3_tables import S3Store
from holdfast.tables import naming
from holdfast.tables.archive import Archive
from holdfast.tables.item import Digest
from holdfast.tables.model import Description
from holdfast.tables.restore.model import stamp
from local import deploy
from local.cloud import ROOT
from local.engine import REGION, Engine

PEER = "dynamodump"
LAYOUTS = ("segment", "item")
THREADS = 8
READ_TOGETHER = 100
STACK = Path(__file__).with_name("archive.yaml")


class RestoredWrong(RuntimeError):
    """A restored table does not hold what the table held then."""


@dataclass(frozen=True, slots=True)
class Spent:
    """By a restore until its last item was written; seconds, and seconds of processor time. And by all of it."""

    written: float
    written_processor: float
    whole: float
    whole_processor: float

    @classmethod
    def of(cls, spent: process.Spent) -> Self:
        told = re.search(rf"{WRITTEN} ([\d.]+) ([\d.]+)", spent.output)
        written = (float(told[1]) - spent.began, float(told[2])) if told else (spent.wall, spent.processor)
        return cls(*written, spent.wall, spent.processor)


@dataclass(frozen=True)
class Place:
    """An engine with an archive in each layout, and a folder for the dump."""

    engine: Engine
    folder: Path
    some: Orders

    @cached_property
    def then(self) -> Digest:
        return self.some.at_middle()

    def command(self, way: str, to: str) -> Sequence[str | Path]:
        """What restores the table as it was at the middle moment."""
        if way == PEER:
            return [*self._dynamodump("restore"), "--destTable", to, "--noConfirm", "--skipThroughputUpdate"]
        at = stamp(self.some.middle)
        told = ["restore", TABLE, "--at", at, "--to", to, "--apply", "--stack", f"bench-{way}"]
        return [sys.executable, "-m", "bench.tables.phases", "tables", *told]

    def _dynamodump(self, mode: str) -> Sequence[str | Path]:
        return [
            *(program(PEER, f"bin/{PEER}"), "-m", mode, "--srcTable", TABLE, "--billingMode", "PAY_PER_REQUEST"),
            *("-r", REGION, "--host", self.engine.host, "--port", str(self.engine.port)),
            *("--accessKey", "local", "--secretKey", "local"),
        ]

    def dump(self) -> None:
        """Have dynamodump save the table."""
        self._run(self._dynamodump("backup"))

    def restore(self, way: str, to: str) -> Spent:
        """Into a new table, which is checked. Raises Failed, RestoredWrong."""
        spent = self._run(self.command(way, to))
        if (found := self._read(to)) != self.then:
            raise RestoredWrong(f"{way} restored {found.items:,} items, and not what {self.then.items:,} held")
        return Spent.of(spent)

    def _run(self, command: Sequence[str | Path]) -> process.Spent:
        return process.run(
            command, self.engine.environment() | {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/holdfast"}, self.folder
        )

    def _read(self, table: str) -> Digest:
        """What a table holds: by its keys, because on this engine each page of a scan reads the whole table."""
        client = self.engine.client("dynamodb")
        found, known = Digest(), [orders.key(number) for number in range(self.some.items)]

        def read(keys: Sequence[Any]) -> Any:
            return client.batch_get_item(RequestItems={table: {"Keys": list(keys)}})["Responses"][table]

        with ThreadPoolExecutor(THREADS) as threads:
            for items in threads.map(read, batched(known, READ_TOGETHER, strict=False)):
                for item in items:
                    found.add(item)
        if (count := client.describe_table(TableName=table)["Table"]["ItemCount"]) != self.some.items:
            raise RestoredWrong(f"{table} holds {count:,} items")
        return found

    def remove(self, table: str) -> None:
        self.engine.client("dynamodb").delete_table(TableName=table)


def report(items: int, rounds: int) -> Report:
    """Restore by each way in turn, several times. Raises Missing, Failed, RestoredWrong."""
    program(PEER, f"bin/{PEER}")
    with TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True) as folder:
        engine = Engine.start(Path(folder) / "engine")
        try:
            place = Place(engine, Path(folder), Orders(items))
            _prepare(place)
            spent = [dict(_round(place, number)) for number in range(rounds)]
        finally:
            engine.stop()
    return Report(
        f"Restoring {items:,} items of {archives.VERSIONS} versions each as they were at a middle moment",
        [
            *("", "s until written", "of them processor", f"written / {PEER}"),
            *("s with verification", "of them processor", f"all / {PEER}"),
        ],
        [
            [
                way,
                median(each[way].written for each in spent),
                median(each[way].written_processor for each in spent),
                median(each[way].written / each[PEER].written for each in spent),
                None if way == PEER else median(each[way].whole for each in spent),
                None if way == PEER else median(each[way].whole_processor for each in spent),
                None if way == PEER else median(each[way].whole / each[PEER].whole for each in spent),
            ]
            for way in spent[0]
        ],
        [
            f"Medians of {rounds} rounds, each with every way once: whole processes, into new tables of one engine.",
            f"Ours find the moment among {archives.VERSIONS} versions of an item; {PEER} reads a dump of that moment.",
            f"Ours then scan the table to verify it, {PEER} does not. Here a scan reads the whole table for each page.",
        ],
    )


def _prepare(place: Place) -> None:
    archives.fill(place.some, {layout: _archive(place.engine, layout) for layout in LAYOUTS}, _table(place.engine))
    place.remove(TABLE)
    place.restore(LAYOUTS[0], TABLE)
    place.dump()
    place.remove(TABLE)


def _table(engine: Engine) -> Description:
    client = engine.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    return DynamoTable(client, TABLE).describe(0)


def _archive(engine: Engine, layout: str) -> Archive:
    stacks, name = engine.client("cloudformation"), f"bench-{layout}"
    stacks.create_stack(
        StackName=name,
        TemplateBody=STACK.read_text(),
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    bucket = deploy.outputs(engine, name)["TablesBackupBucketName"]
    store = S3Store(engine.client("s3"), bucket, naming.folder(PREFIX, TABLE))
    return Archive(TABLE, store)


def _round(place: Place, number: int) -> Iterator[tuple[str, Spent]]:
    for way in (PEER, *LAYOUTS):
        table = f"{TABLE}-{way}-{number}"
        yield way, place.restore(way, table)
        place.remove(table)
