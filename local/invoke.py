"""One function and one of its sample events, in a process of its own."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.warehouse.model import DEFAULT_INVENTORY_ID
from holdfast.warehouse.write_inventory import InventoryWriter, Place
from local import deploy
from local.cloud import ROOT, STACK
from local.engine import REGION, Engine

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SAMPLE_BUCKET = "holdfast-sample"
"""The watched and protected bucket of the sample events."""

SAMPLE_TABLE = "holdfast-sample"
"""The table that sample events tell of: with `pk` and `sk`."""

SAMPLE_KEYS = ("assignment1.txt", 'ордер 1/../"ü", 100% +\n😀?.txt')
SAMPLE_BODY = b"x" * 18
"""What was written to it, as the events tell."""

SAMPLE_LAKE = "holdfast-lake"
"""The bucket with the warehouse of the sample events: the Delta table `sales`."""

SAMPLE_INVENTORY = datetime(2026, 11, 20, 1, tzinfo=UTC)
"""When it was listed, as the events tell."""

_FUNCTIONS = ROOT / "functions"
_EVENTS = ROOT / "events"


class NoSuchCase(LookupError):
    """There is no function, or no sample event, of that name."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        super().__init__(f"there is no {what} {name!r}: choose one of {', '.join(known) or '(none yet)'}")


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function by its folder's name, and the event file to try it with."""

    function: str
    event: Path

    @classmethod
    def named(cls, function: str, case: str) -> "Invocation":
        """Look the two up. Raises NoSuchCase with the names there are."""
        logical_id(function)
        cases = sorted(event.stem for event in (_EVENTS / function).glob("*.json"))
        if case not in cases:
            raise NoSuchCase(f"event of {function} called", case, cases)
        return cls(function, _EVENTS / function / f"{case}.json")

    @property
    def logical_id(self) -> str:
        return logical_id(self.function)


def logical_id(function: str) -> str:
    """The folder's name as the template has it: capacity_track is CapacityTrackFunction. Raises NoSuchCase."""
    functions = sorted(app.parent.name for app in _FUNCTIONS.glob("*/app.py"))
    if function not in functions:
        raise NoSuchCase("function", function, functions)
    return "".join(map(str.capitalize, function.split("_"))) + "Function"


def in_process(engine: Engine, invocation: Invocation) -> int:
    """Run the handler of the working tree, with the environment that the deployed function has. Returns its status."""
    told = deployed(engine, invocation.logical_id)
    environment = {
        **engine.environment(),
        **variables(engine, invocation),
        "AWS_LAMBDA_FUNCTION_NAME": told["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(told["MemorySize"]),
        "_LAMBDA_FUNCTION_ARN": told["FunctionArn"],
        "_LAMBDA_TIMEOUT": str(told["Timeout"]),
    }
    command: list[str | Path] = [
        sys.executable,
        ROOT / "local" / "handler.py",
        _FUNCTIONS / invocation.function,
        invocation.event,
    ]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


def deployed(engine: Engine, function: str) -> dict[str, Any]:
    """The function's configuration in the engine: its environment, memory, timeout and name."""
    names = deploy.physical_names(engine, STACK)
    configuration: dict[str, Any] = engine.client("lambda").get_function_configuration(FunctionName=names[function])
    return configuration


def variables(engine: Engine, invocation: Invocation) -> dict[str, str]:
    """The function's environment as deployed, save that its bucket, or table, is that of the sample events.

    Only the drive keeps its own: what it uploads has to be noticed.
    """
    told: dict[str, str] = deployed(engine, invocation.logical_id)["Environment"]["Variables"]
    if invocation.function == "capacity_drive":
        return told
    make_sample_bucket(engine)
    make_sample_table(engine)
    if "INVENTORIES" in told:
        make_sample_warehouse(engine.client("s3"), told["INVENTORIES"])
    samples = {
        "BUCKET": SAMPLE_BUCKET,
        "BUCKETS": SAMPLE_BUCKET,
        "TABLES": SAMPLE_TABLE,
        "SOURCES": f"s3://{SAMPLE_LAKE}/sales",
        "SOURCE_BUCKETS": SAMPLE_LAKE,
        "MAX_INVENTORY_AGE_DAYS": "36500",  # it is of a certain day
    }
    return {**told, **{name: sample for name, sample in samples.items() if name in told}}


def make_sample_bucket(engine: Engine) -> None:
    """Have the bucket of the sample events in the engine: when it is made, with the objects that they tell of."""
    s3 = engine.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=SAMPLE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key in SAMPLE_KEYS:
            s3.put_object(Bucket=SAMPLE_BUCKET, Key=key, Body=SAMPLE_BODY)


def make_sample_table(engine: Engine) -> None:
    """Have the table of the sample events in the engine: when it is made, with the item that the first of them tells
    of."""
    dynamodb = engine.client("dynamodb")
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=SAMPLE_TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        [record] = json.loads((_EVENTS / "tables_archive" / "insert.json").read_text())["Records"]
        dynamodb.put_item(TableName=SAMPLE_TABLE, Item=record["dynamodb"]["NewImage"])


def make_sample_warehouse(s3: "S3Client", inventories: str) -> None:
    """Have a small Delta table in the bucket of the sample events: when it is made, with an inventory of it."""
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        place: Any = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=SAMPLE_LAKE, CreateBucketConfiguration=place)
        fill_sample_warehouse(s3, inventories)


def fill_sample_warehouse(s3: "S3Client", inventories: str) -> None:
    """Write the table and the inventory. `inventories`: where S3 would deliver it, `s3://BUCKET/PREFIX`."""
    s3.put_object(Bucket=SAMPLE_LAKE, Key="sales/part-00000.parquet", Body=SAMPLE_BODY)
    s3.put_object(Bucket=SAMPLE_LAKE, Key="sales/_delta_log/00000000000000000000.json", Body=sample_log())
    bucket, _, folder = inventories.removeprefix("s3://").partition("/")
    place = Place(S3WarehouseBucket(s3, bucket), f"{folder}/" if folder else "", SAMPLE_LAKE, DEFAULT_INVENTORY_ID)
    listed = list(S3WarehouseBucket(s3, SAMPLE_LAKE).listing(""))
    with tempfile.TemporaryDirectory() as scratch:
        InventoryWriter(place, Path(scratch), lambda: "sample").write([listed], SAMPLE_INVENTORY)


def sample_log() -> bytes:
    """The first commit of a table with one file."""
    written_at = round(SAMPLE_INVENTORY.timestamp() * 1000)
    schema = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}
    about = {"id": "6d1c4c9e-0f0a-4f6c-9d5e-1b7a3c2d4e5f", "format": {"provider": "parquet", "options": {}}}
    columns = {"schemaString": json.dumps(schema), "partitionColumns": [], "configuration": {}}
    file = {"path": "part-00000.parquet", "partitionValues": {}, "size": len(SAMPLE_BODY), "dataChange": True}
    actions: list[Mapping[str, Any]] = [
        {"commitInfo": {"timestamp": written_at, "operation": "WRITE"}},
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {**about, **columns, "createdTime": written_at}},
        {"add": {**file, "modificationTime": written_at}},
    ]
    return "".join(f"{json.dumps(action)}\n" for action in actions).encode()
