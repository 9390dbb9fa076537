"""What a million events cost: every call counted on the real handlers, times public prices."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from bench import handlers, stack
from bench.capacity.stream import BUCKET, Stream, batches
from bench.handlers import Handler
from bench.meter import Meter, Table
from bench.report import Report
from bench.usage import ASSUMED, MILLION, PRICES, Usage, rows
from local.handler import Context

FUNCTIONS = ("capacity_track", "capacity_log")
USUAL = Path(__file__).with_name("usual.py")
OBJECTS_BEFORE = 49
MESSAGES_A_REQUEST = 10
"""As many SQS receives, or deletes, at once."""

STREAMS: Mapping[str, Callable[[], Stream]] = {
    "new: each event a new object": lambda: Stream(new=100, overwritten=0, deleted=0),
    "mixed: 60 % new, 25 % overwritten, 15 % deleted": lambda: Stream(new=60, overwritten=25, deleted=15),
    "hot: 20 objects, overwritten again and again": lambda: Stream(new=0, overwritten=100, deleted=0, objects=20),
}
MIXED = "mixed: 60 % new, 25 % overwritten, 15 % deleted"

type Messages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Design:
    """How events are handled: whose code, and at most how many messages a function is given at once (None: as many as
    its mapping in the template allows)."""

    name: str
    ours: bool
    most: int | None = None

    def invocations(self, function: str, messages: Messages) -> Messages:
        return list(batches(messages, self.most or stack.batch_size(function)))

    def handler(self, function: str) -> AbstractContextManager[tuple[Handler, StringIO]]:
        """Its handler and its log."""
        if self.ours:
            return handlers.ours(function, BUCKET=BUCKET)
        return handlers.other(USUAL, function.removeprefix("capacity_"), function, BUCKET=BUCKET)


DESIGNS = (
    Design("usual", ours=False, most=1),
    Design("usual, with our guarantees", ours=True, most=1),  # a transaction an event is ours, given one at a time
    Design("ours, 10 a batch", ours=True, most=10),
    Design("ours, full batches", ours=True),
)


def measure(design: Design, stream: Stream, events: int) -> Usage:
    """Send a stream through both functions of a design."""
    before, messages = list(stream.creations(OBJECTS_BEFORE)), list(stream.messages(events))
    amounts, calls = defaultdict[str, float](float, sns_publishes=events), Counter[str]()
    with handlers.account():
        metered = {function: _metered(design, function, before, messages) for function in FUNCTIONS}
    for function, (meter, logged) in metered.items():
        invocations = design.invocations(function, messages)
        receives = sum(-(-len(invocation["Records"]) // MESSAGES_A_REQUEST) for invocation in invocations)
        platform = ASSUMED["platform_bytes_json" if design.ours else "platform_bytes_text"]
        seconds = _seconds(design, function, invocations, meter)
        calls.update({f"invocations of {function}": len(invocations), **meter.calls})
        amounts["sqs_requests"] += events + 2 * receives
        amounts["lambda_requests"] += len(invocations)
        amounts["lambda_gb_seconds"] += seconds * stack.memory(function) / 1024
        amounts["write_units"] += meter.write_units
        amounts["read_units"] += meter.read_units
        amounts["log_gigabytes"] += (logged + len(invocations) * platform) / 1e9
    scale = MILLION / events
    return Usage({n: a * scale for n, a in amounts.items()}, {n: c * scale for n, c in calls.items()})


def _metered(design: Design, function: str, before: Messages, messages: Messages) -> tuple[Meter, int]:
    """What DynamoDB was asked, and how many bytes were logged, once the objects of `before` were there."""
    meter = Meter({name: Table.read(stated) for name, stated in stack.tables().items()})
    meter.attach(handlers.session())
    with design.handler(function) as (handle, log):
        for event in design.invocations(function, before):
            handle(event, Context())
        meter.start()
        start = log.tell()
        for event in design.invocations(function, messages):
            handle(event, Context())
        return meter, len(log.getvalue()[start:].encode())


def _seconds(design: Design, function: str, invocations: Messages, meter: Meter) -> float:
    """What Lambda bills: the time that the code takes on its share of a processor when it gets the same answers at
    once, and the wait for each of them."""
    meter.replay(handlers.session())
    with design.handler(function) as (handle, _):
        began = time.process_time()
        for event in invocations:
            handle(event, Context())
        computed = time.process_time() - began
    share: float = stack.memory(function) / ASSUMED["full_processor_mb"]
    wait: float = meter.calls.total() * ASSUMED["round_trip_ms"] / 1000
    return computed / share + wait


def reports(events: int) -> Iterator[Report]:
    """Figures per million events, from `events` of them."""
    used = {name: [measure(design, make(), events) for design in DESIGNS] for name, make in STREAMS.items()}
    mixed = used[MIXED]
    columns = ["per million events", *(design.name for design in DESIGNS)]
    calls = sorted({name for usage in mixed for name in usage.calls})
    amounts = list(mixed[0].amounts)
    yield Report(
        f"Calls and units ({MIXED})",
        columns,
        [
            *rows(calls, (usage.calls for usage in mixed)),
            *rows(amounts, (usage.amounts for usage in mixed)),
        ],
    )
    dollars = [{**{name: usage.dollars(name) for name in amounts}, "total": usage.total} for usage in mixed]
    yield Report(
        f"Dollars ({MIXED})",
        columns,
        rows([*amounts, "total"], dollars),
        [f"Public prices of us-east-1 as of {PRICES['as_of']}, without storage and free tiers: prices.toml"],
    )
    yield Report(
        "Dollars by stream",
        [*columns, "ours / usual", "ours / with our guarantees"],
        [
            [name, *(usage.total for usage in usages), *(usages[-1].total / usages[base].total for base in (0, 1))]
            for name, usages in used.items()
        ],
    )
