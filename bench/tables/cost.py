"""What a million records of a stream cost: every call counted on the real handlers, times public prices."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import StringIO
from itertools import batched, islice
from pathlib import Path
from typing import Any

import boto3

from bench import handlers, stack
from bench.handlers import Handler
from bench.meter import S3_REQUESTS, Meter
from bench.report import Cell, Report
from bench.tables import orders
from bench.usage import ASSUMED, MILLION, PRICES, Usage, rows
from holdfast import wiring
from local.handler import Context

FUNCTION = "tables_archive"
USUAL = Path(__file__).with_name("usual.py")
BATCHES = (100, 1000)


@dataclass(frozen=True, slots=True)
class Design:
    """How records are handled, and how many requests are under way at once."""

    name: str
    layout: str | None
    together: int = 1

    def handler(self) -> AbstractContextManager[tuple[Handler, StringIO]]:
        """Of a process that has just started, and its log."""
        if self.layout is None:
            return handlers.other(USUAL, "archive", FUNCTION)
        return handlers.ours(FUNCTION, ARCHIVE_LAYOUT=self.layout)


DESIGNS = (
    Design("usual", None),
    Design("item", "item", wiring.CONNECTIONS),
    Design("segment", "segment"),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Of a million records: what they used; the S3 requests they made, deletes too; and seconds of processor time."""

    usage: Usage
    requests: float
    processor: float


def measure(design: Design, batch: int, records: int) -> Counted:
    """Hand so many records to a design, in batches."""
    events = [{"Records": list(some)} for some in batched(islice(orders.records(), records), batch, strict=False)]
    with handlers.account():
        client = boto3.Session().client("s3")
        bucket = stack.environment(FUNCTION)["BACKUP_BUCKET"]
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        meter = Meter({})
        meter.attach(handlers.session())
        meter.start()
        with design.handler() as (handle, log):
            _hand(handle, events)
            logged = len(log.getvalue().encode())
        stored = sum(_sizes(client, bucket))
        meter.replay(handlers.session())
        with design.handler() as (handle, _):
            handle(events[0], Context())  # what is done once in the life of a process
            processor = _hand(handle, events[1:]) * records / (records - batch)
    waited = sum(meter.calls.values()) / design.together * ASSUMED["s3_round_trip_ms"] / 1000
    memory, platform = stack.memory(FUNCTION), "platform_bytes_text" if design.layout is None else "platform_bytes_json"
    amounts = {
        **{name: float(number) for name, number in meter.s3_requests.items()},
        "lambda_requests": float(len(events)),
        "lambda_gb_seconds": (processor / (memory / ASSUMED["full_processor_mb"]) + waited) * memory / 1024,
        "log_gigabytes": (logged + len(events) * ASSUMED[platform]) / 1e9,
        "s3_gigabyte_months": stored / 1e9,
    }
    scale = MILLION / records
    usage = Usage({n: a * scale for n, a in amounts.items()}, {n: c * scale for n, c in meter.calls.items()})
    return Counted(usage, sum(meter.calls[name] for name in S3_REQUESTS) * scale, processor * scale)


def _hand(handle: Handler, events: Sequence[Any]) -> float:
    """Returns seconds of processor time."""
    began = time.process_time()
    for event in events:
        handle(event, Context())
    return time.process_time() - began


def _sizes(client: Any, bucket: str) -> Iterator[int]:
    """Of every version that is stored, in bytes."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        yield from (version["Size"] for version in page.get("Versions", []))


def reports(records: int) -> Iterator[Report]:
    """Figures per million records, from `records` of them."""
    counted = {(design.name, batch): measure(design, batch, records) for batch in BATCHES for design in DESIGNS}
    names = [f"{name}, {batch} a batch" for name, batch in counted]
    amounts = list(next(iter(counted.values())).usage.amounts)
    calls = sorted({call for one in counted.values() for call in one.usage.calls})
    yield Report(
        "Calls of S3, and what else is used, per million records",
        ["", *names],
        [
            *rows(calls, (one.usage.calls for one in counted.values())),
            ["all calls", *(one.requests for one in counted.values())],
            *rows(amounts[-4:], (one.usage.amounts for one in counted.values())),
            ["processor us a record", *(one.processor for one in counted.values())],
            ["item's calls, over these", *_shares(counted)],
        ],
        ["Lambda's reads of a stream are free."],
    )
    dollars = [{**{n: one.usage.dollars(n) for n in amounts}, "total": one.usage.total} for one in counted.values()]
    yield Report(
        "Dollars per million records",
        ["", *names],
        rows([*amounts, "total"], dollars),
        [
            f"Public prices of us-east-1 as of {PRICES['as_of']}, without free tiers: prices.toml.",
            "Storage is that of one month. Of ten changes, three are new items, six change one, one removes one.",
        ],
    )


def _shares(counted: dict[tuple[str, int], Counted]) -> list[Cell]:
    return [counted["item", batch].requests / one.requests for (_, batch), one in counted.items()]
