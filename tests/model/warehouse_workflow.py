"""The warehouse workflow as its state machine plays it, on any ports; each step again when it was cut off."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from urllib.parse import unquote

from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryCopier
from holdfast.breaker.run import Breaker
from holdfast.warehouse import commit, copying, discover, planning, report, retire, validate, verify
from holdfast.warehouse.model import Engine, Item, Listed, Source, kind_of
from holdfast.warehouse.orders import REPORT_COLUMNS, Order, Orders
from holdfast.warehouse.ports import SourceChanged, SourceGone, SourceUnreadable
from holdfast.warehouse.run import Warehouse


class Crash(Exception):
    """The process is gone."""


class Failed(Exception):
    """A source's part of the run failed, as the state machine records it."""


TRIES = 50


@dataclass
class BatchOperations:
    """S3 Batch Operations: copies what a manifest names, and reports. `failures`: the chance that a task fails."""

    source: MemoryBucket
    backup: MemoryBucket
    random: Random
    failures: float = 0.0
    jobs: dict[str, str] = field(default_factory=dict)

    def run(self, order: Order) -> None:
        """The same token is the same job."""
        if order.token in self.jobs:
            return
        job = f"{len(self.jobs):08}"
        self.jobs[order.token] = job
        body = self.backup.find(order.manifest)
        assert body.etag == order.etag
        assert body.body is not None
        copier = MemoryCopier(self.source, self.backup, order.storage_class)
        rows: dict[str, list[list[str]]] = {"succeeded": [], "failed": []}
        for row in csv.reader(io.StringIO(body.body.decode())):
            told = dict(zip(order.fields, row, strict=True))
            status, code = self._copy(copier, told, order.target)
            rows[status].append([told["Bucket"], told["Key"], told.get("VersionId", ""), status, code, "200", ""])
        self._report(order, job, rows)

    def _copy(self, copier: MemoryCopier, told: dict[str, str], target: str) -> tuple[str, str]:
        if self.random.random() < self.failures:
            return "failed", "InternalError"
        key = unquote(told["Key"])
        found = self.source.current(key)
        version_id = told.get("VersionId")
        listed = Listed(key, version_id, found.etag if found else "", 0, self.source.account.now(), kind_of(key))
        try:
            copier(listed, f"{target}/{key}")
        except (SourceGone, SourceChanged, SourceUnreadable) as error:
            return "failed", type(error).__name__
        return "succeeded", ""

    def _report(self, order: Order, job: str, rows: dict[str, list[list[str]]]) -> None:
        results = []
        for status, some in rows.items():
            if some:
                text = io.StringIO()
                csv.writer(text, quoting=csv.QUOTE_ALL).writerows(some)
                key = f"{order.report}/job-{job}/results/{status}.csv"
                self.backup.put(key, text.getvalue().encode())
                digest = hashlib.md5(text.getvalue().encode()).hexdigest()
                results.append({"TaskExecutionStatus": status, "Bucket": "b", "MD5Checksum": digest, "Key": key})
        told = {"Format": "Report_CSV_20180820", "Results": results, "ReportSchema": ", ".join(REPORT_COLUMNS)}
        self.backup.put(f"{order.report}/job-{job}/manifest.json", json.dumps(told).encode())


@dataclass
class Workflow:
    """`chance`: decides whether a function's time is over."""

    warehouse: Warehouse
    sources: list[Source]
    orders: Orders
    validation: validate.Rules
    retirement: retire.Rules
    breaker: Breaker
    batch: Callable[[Source], BatchOperations]
    copier: Callable[[Source, Order], MemoryCopier]
    messages: list[str]
    wait: Callable[[timedelta], None]
    chance: Random

    def run(self, started: datetime, execution: str) -> dict[str, Any]:
        """A whole execution; its report."""
        told = self.again(lambda: discover.discover(self.warehouse, self.sources, started=started, execution=execution))
        for item in map(Item.of, told["sources"]):
            try:
                self._source(item)
            except Failed as error:
                name, cause = error.args
                failure = {"Error": name, "Cause": cause}
                self.again(partial(report.note_failure, self.warehouse, item, failure))
        return self.again(lambda: report.report(self.warehouse, told["run"], self.messages.append))

    def again[T](self, step: Callable[[], T]) -> T:
        """As Step Functions tries again."""
        for _ in range(TRIES):
            try:
                return step()
            except Crash:
                continue
            except Exception as error:
                if type(error).__module__.startswith("holdfast."):
                    raise Failed(type(error).__name__, str(error)) from error
                raise
        raise AssertionError("it crashes for ever")

    def _until_done(self, step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        for _ in range(1_000):
            told = self.again(step)
            if told["done"]:
                return told
        raise AssertionError("it is never done")

    def _time_left(self) -> bool:
        return self.chance.random() < 0.7

    def _source(self, item: Item) -> None:
        warehouse = self.warehouse
        since = warehouse.now()
        while True:
            seen = self.again(lambda: validate.validate(warehouse, item, self.validation, since=since))
            if seen["status"] == "complete":
                break
            if seen["status"] != "incomplete":
                raise Failed(seen["error"]["Error"], seen["error"]["Cause"])
            self.wait(timedelta(minutes=1))
        planned = self.again(lambda: planning.plan_source(warehouse, item, self.orders, self.retirement.retention))
        for phase in planned["phases"]:
            self._phase(item, phase)
        self._until_done(lambda: verify.verify(warehouse, item, time_left=self._time_left))
        self._until_done(
            lambda: retire.retire(warehouse, item, self.retirement, self.breaker, time_left=self._time_left)
        )

    def _phase(self, item: Item, phase: dict[str, Any] | None) -> None:
        while phase is not None:
            order = Order.of({"phase": json.loads(json.dumps(phase))})
            self._copy(item, order)
            told = self.again(partial(commit.commit, self.warehouse, item, order, self.orders))
            phase = told["retry"]

    def _copy(self, item: Item, order: Order) -> None:
        if order.engine is Engine.BATCH:
            self.again(lambda: self.batch(item.source).run(order))
        else:
            copier = self.copier(item.source, order)
            self._until_done(lambda: copying.copy(self.warehouse, item, order, copier, time_left=self._time_left))
