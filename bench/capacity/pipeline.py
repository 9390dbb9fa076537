"""Events a second through the whole local pipeline, beside the least that S3, SNS, SQS, Lambda and a put can do."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import stack
from bench.report import Cell, Report
from local import cloud, deploy
from local.engine import Engine

ROUNDS = 3
WRITERS = 8
PATIENCE_SECONDS = 300
BARE = Path(__file__).with_name("bare.yaml")
NEVER_FULL = {"CapacityLimitBytes": str(2**50), "CapacityAlarmPeriodSeconds": "60"}


class Stuck(RuntimeError):
    """Not all events came through."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A bucket, and the table in which each of its events ends up as a row."""

    engine: Engine
    bucket: str
    table: str

    def events_a_second(self, prefix: str, objects: int) -> float:
        """Put objects by several threads, and wait until the last of them has its row. Raises Stuck."""
        rows = self.rows() + objects
        began = time.perf_counter()
        put: Callable[..., Any] = self.engine.client("s3").put_object
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(lambda n: put(Bucket=self.bucket, Key=f"{prefix}/{n}", Body=b"x"), range(objects)))
        while self.rows() < rows:
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise Stuck(f"{rows - self.rows()} of {objects} events of {self.bucket} have not arrived")
            time.sleep(0.1)
        return objects / (time.perf_counter() - began)

    def rows(self) -> int:
        pages = self.engine.client("dynamodb").get_paginator("scan").paginate(TableName=self.table, Select="COUNT")
        return sum(page["Count"] for page in pages)


def report(objects: int) -> Report:
    """Put so many objects through either pipeline in turn, several times."""
    with cloud.temporary(NEVER_FULL) as running:
        engine = running.engine
        deploy.deploy(engine, BARE, "bare", {"Memory": str(stack.memory("capacity_track"))})
        bare = deploy.outputs(engine, "bare")
        pipelines = {
            "capacity": Pipeline(engine, running.outputs["CapacityBucketName"], running.outputs["HistoryTableName"]),
            "bare": Pipeline(engine, bare["Bucket"], bare["Table"]),
        }
        for pipeline in pipelines.values():
            pipeline.events_a_second("warm", WRITERS)
        rates = [
            {name: pipeline.events_a_second(f"round-{n}", objects) for name, pipeline in pipelines.items()}
            for n in range(ROUNDS)
        ]
    ratio = median(rate["capacity"] / rate["bare"] for rate in rates)
    rows: list[list[Cell]] = [[name, median(rate[name] for rate in rates)] for name in pipelines]
    return Report(
        "Events a second through the local pipeline",
        ["", "events a second"],
        [*rows, ["capacity / bare", ratio]],
        [f"Medians of {ROUNDS} rounds of {objects} objects, put by {WRITERS} threads."],
    )
