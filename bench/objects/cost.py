"""What a million events cost: every call counted on the real handlers, times public prices."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import boto3

from bench import handlers, stack
from bench.handlers import Handler
from bench.meter import S3_REQUESTS, Meter, Table
from bench.objects.stories import BUCKET, MIXED, Bucket, Event, Phase, Story, stories
from bench.report import Cell, Report
from bench.usage import ASSUMED, MILLION, PRICES, Usage, rows
from holdfast import wiring
from holdfast.adapters.dynamodb_objects import DynamoCensus
from local.handler import Context

USUAL = Path(__file__).with_name("usual.py")
MIXTURE = "Mixed: 60 % new, 25 % overwritten, 15 % deleted, and what was deleted is cleaned."
NO_DELAY = {"DISOWNED_DELAY_SECONDS": "0"}
GUARDED = 100_000
"""How many objects have copies already: by that it is decided how often the breaker is asked."""


@dataclass(frozen=True, slots=True)
class Design:
    """How events are handled. `shared`: one process handles them all, and what it keeps in mind serves all. `together`:
    how many objects are deleted side by side in a cleaning."""

    name: str
    ours: bool
    shared: bool = True
    together: int = 1

    def handler(self, function: str) -> AbstractContextManager[tuple[Handler, StringIO]]:
        """Of a process that has just started, and its log."""
        if self.ours:
            return handlers.ours(function, **NO_DELAY)
        return handlers.other(USUAL, function.removeprefix("objects_"), function, **NO_DELAY)

    def hand(self, handle: Handler, function: str, event: Event) -> None:
        if not self.shared:
            handlers.forget(function)
        handle(event, Context())

    def wait(self, played: "Played") -> float:
        """Milliseconds until all answers are there."""
        s3 = {name: number for name, number in played.calls.items() if name in S3_REQUESTS}
        copies, deletes = s3.get("CopyObject", 0), s3.get("DeleteObject", 0)
        together = self.together if played.function == "objects_clean" else 1
        others = sum(s3.values()) - copies - deletes
        return (
            copies * ASSUMED["s3_copy_ms"]
            + (deletes / together + others) * ASSUMED["s3_round_trip_ms"]
            + (played.calls.total() - sum(s3.values())) * ASSUMED["round_trip_ms"]
        )


DESIGNS = (
    Design("usual", ours=False),
    Design("ours", ours=True, together=wiring.CONNECTIONS),
    Design("ours, a process an event", ours=True, shared=False, together=wiring.CONNECTIONS),
)


@dataclass(frozen=True, slots=True)
class Played:
    """A phase as it was counted: its events, and when they came; the calls that were made; the bytes of its log."""

    function: str
    events: Sequence[tuple[datetime, Event]]
    calls: Counter[str]
    logged: int


def measure(design: Design, story: Story) -> Usage:
    """Play a story to a design, and count."""
    amounts = defaultdict[str, float](float)
    with handlers.account():
        bucket = _bucket()
        with patch.object(wiring, "now", lambda: bucket.now):
            meter = Meter({name: Table.read(stated) for name, stated in stack.tables().items()})
            handlers.session()
            for phase in story.before:
                _play(design, phase, bucket, meter)
            meter.attach(handlers.session())
            meter.start()
            played = [_play(design, phase, bucket, meter) for phase in story.counted]
            meter.replay(handlers.session())
            for one in played:
                amounts["lambda_gb_seconds"] += _seconds(design, one, bucket) * stack.memory(one.function) / 1024
    platform = ASSUMED["platform_bytes_json" if design.ours else "platform_bytes_text"]
    amounts["lambda_requests"] = sum(len(one.events) for one in played)
    amounts["log_gigabytes"] = (sum(one.logged for one in played) + amounts["lambda_requests"] * platform) / 1e9
    amounts |= {**meter.s3_requests, "write_units": meter.write_units, "read_units": meter.read_units}
    scale = MILLION / story.events
    return Usage({n: a * scale for n, a in amounts.items()}, {n: c * scale for n, c in meter.calls.items()})


def _bucket() -> Bucket:
    client = boto3.Session().client("s3")
    client.create_bucket(Bucket=BUCKET)
    DynamoCensus(boto3.Session().client("dynamodb"), "CopyTable").set(GUARDED)
    return Bucket(client)


def _play(design: Design, phase: Phase, bucket: Bucket, meter: Meter) -> Played:
    before, events = Counter(meter.calls), []
    bucket.now += phase.after
    with design.handler(phase.function) as (handle, log):
        for event in phase.events(bucket):
            design.hand(handle, phase.function, event)
            events.append((bucket.now, event))
        return Played(phase.function, events, meter.calls - before, len(log.getvalue().encode()))


def _seconds(design: Design, played: Played, bucket: Bucket) -> float:
    """What Lambda bills: the time that the code takes on its share of a processor when it gets the same answers at
    once, and the wait for each of them."""
    with design.handler(played.function) as (handle, _):
        began = time.process_time()
        for bucket.now, event in played.events:
            design.hand(handle, played.function, event)
        computed = time.process_time() - began
    return computed / (stack.memory(played.function) / ASSUMED["full_processor_mb"]) + design.wait(played) / 1000


def reports(events: int) -> Iterator[Report]:
    """Figures of `events` events of each kind."""
    told = stories(events)
    used = {story.name: [measure(design, story) for design in DESIGNS] for story in told}
    names = ["CopyObject", "DeleteObject", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]
    yield Report(
        "Calls an event, and units of DynamoDB",
        ["", "design", *names, "write units", "read units"],
        [
            [name, design.name, *(usage.calls.get(call, 0) / MILLION for call in names), *_units(usage)]
            for name, usages in used.items()
            for design, usage in zip(DESIGNS, usages, strict=True)
        ],
        [f"Of a bucket with {GUARDED:,} objects. A cleaning is counted by the copy. {MIXTURE}"],
    )
    yield Report(
        "Dollars per million",
        ["", *(design.name for design in DESIGNS), "the copies alone", "ours / usual"],
        [
            [
                name,
                *(usage.total for usage in usages),
                usages[0].dollars("s3_writes"),
                usages[1].total / usages[0].total,
            ]
            for name, usages in used.items()
        ],
        [f"Public prices of us-east-1 as of {PRICES['as_of']}, without storage and free tiers: prices.toml"],
    )
    mixed = used[MIXED]
    amounts = list(mixed[1].amounts)
    dollars = [{**{name: usage.dollars(name) for name in amounts}, "total": usage.total} for usage in mixed]
    yield Report(
        "Dollars per million, mixed",
        ["", *(design.name for design in DESIGNS)],
        rows([*amounts, "total"], dollars),
    )


def _units(usage: Usage) -> list[Cell]:
    return [usage.amounts[name] / MILLION for name in ("write_units", "read_units")]
