"""What a million events cost: every call counted on the real handlers, times public prices."""

import importlib.util
import os
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from bench.capacity import stack
from bench.capacity.meter import Meter, Table
from bench.capacity.stream import BUCKET, Stream, batches
from bench.report import Cell, Report
from holdfast import wiring
from local.cloud import ROOT
from local.handler import Context

MILLION = 1_000_000
FUNCTIONS = ("capacity_track", "capacity_log")
OBJECTS_BEFORE = 49
MESSAGES_A_REQUEST = 10
"""As many SQS receives, or deletes, at once."""

PRICES: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("prices.toml").read_text())
ASSUMED = PRICES["assumed"]

STREAMS: Mapping[str, Callable[[], Stream]] = {
    "new: each event a new object": lambda: Stream(new=100, overwritten=0, deleted=0),
    "mixed: 60 % new, 25 % overwritten, 15 % deleted": lambda: Stream(new=60, overwritten=25, deleted=15),
    "hot: 20 objects, overwritten again and again": lambda: Stream(new=0, overwritten=100, deleted=0, objects=20),
}
MIXED = "mixed: 60 % new, 25 % overwritten, 15 % deleted"

LAMBDA = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "_LAMBDA_TIMEOUT": "60",
    "_X_AMZN_TRACE_ID": "Root=1-65f1f6c7-5b2f6a1c2a3b4c5d6e7f8091;Parent=92411a02e0d2a1b9;Sampled=0",
}

type Messages = list[dict[str, Any]]
type Handler = Callable[[Mapping[str, Any], Context], object]


@dataclass(frozen=True, slots=True)
class Design:
    """How events are handled: whose code, and at most how many messages a function is given at once (None: as many as
    its mapping in the template allows)."""

    name: str
    ours: bool
    most: int | None = None

    def invocations(self, function: str, messages: Messages) -> Messages:
        return list(batches(messages, self.most or stack.batch_size(function)))

    @contextmanager
    def handler(self, function: str) -> Iterator[tuple[Handler, StringIO]]:
        """Its handler, loaded anew in an environment like Lambda's, and its log."""
        name = f"holdfast-{function}-Vb8cZm3xQ2Lk"
        environment = {
            **LAMBDA,
            **stack.environment(function),
            "BUCKET": BUCKET,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(stack.memory(function)),
            "_LAMBDA_FUNCTION_ARN": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        }
        with patch.dict(os.environ, environment), redirect_stdout(StringIO()) as log:
            if not self.ours:
                usual = _load(Path(__file__).with_name("usual.py"))
                yield getattr(usual, function.removeprefix("capacity_")), log
                return
            for made in (wiring.client, getattr(wiring, function)):
                made.cache_clear()
            app = _load(ROOT / "functions" / function / "app.py")
            app.logger.registered_handler.setStream(log)
            yield app.lambda_handler, log


DESIGNS = (
    Design("usual", ours=False, most=1),
    Design("usual, with our guarantees", ours=True, most=1),  # a transaction an event is ours, given one at a time
    Design("ours, 10 a batch", ours=True, most=10),
    Design("ours, full batches", ours=True),
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a stream has used, per million events, named as in prices.toml; and the calls behind it."""

    amounts: Mapping[str, float]
    calls: Mapping[str, float]

    def dollars(self, name: str) -> float:
        price: float = (
            PRICES["per_million"][name] / MILLION if name in PRICES["per_million"] else PRICES["per_unit"][name]
        )
        return self.amounts[name] * price

    @property
    def total(self) -> float:
        return sum(map(self.dollars, self.amounts))


def measure(design: Design, stream: Stream, events: int) -> Usage:
    """Send a stream through both functions of a design."""
    before, messages = list(stream.creations(OBJECTS_BEFORE)), list(stream.messages(events))
    amounts, calls = defaultdict[str, float](float, sns_publishes=events), Counter[str]()
    with _account():
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
    meter.attach(_session().events)
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
    answers = iter(meter.answers)
    _session().events.register("before-send.dynamodb", lambda **_: next(answers))
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
            *_rows(calls, (usage.calls for usage in mixed)),
            *_rows(amounts, (usage.amounts for usage in mixed)),
        ],
    )
    dollars = [{**{name: usage.dollars(name) for name in amounts}, "total": usage.total} for usage in mixed]
    yield Report(
        f"Dollars ({MIXED})",
        columns,
        _rows([*amounts, "total"], dollars),
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


def _rows(names: Iterable[str], columns: Iterable[Mapping[str, float]]) -> list[list[Cell]]:
    columns = list(columns)
    return [[name, *(column.get(name, 0) for column in columns)] for name in names]


def _session() -> boto3.Session:
    """A new default session, so that the clients made from now on have its hooks."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION
    return boto3.DEFAULT_SESSION


@contextmanager
def _account() -> Iterator[None]:
    with patch.dict(os.environ, LAMBDA), mock_aws():
        for name, stated in stack.tables().items():
            kept = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}
            made: Any = {key: value for key, value in stated.items() if key in kept}
            boto3.client("dynamodb").create_table(TableName=name, **made)
        yield


def _load(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
