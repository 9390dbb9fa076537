"""The capacity system as it is deployed: a bucket's events, its alarm and its functions, with their own permissions."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from botocore.config import Config

from local.cloud import STACK, Cloud
from local.engine import sdk

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LIMIT_BYTES = 20

HOSTILE_NAMES = [
    "__STATE__",
    "__RECONCILE__",
    "with space+plus%20percent",
    "quotes \" and ' and ` and, comma; semicolon",
    "new\nline\ttab\rreturn",
    "../../up/./here//twice/",
    "/leading slash",
    "ünïcödé 中文 🗄️",
    "$.total_size = 9999",
    '{"total_size": 9999}',
    "x" * 1024,
]


def eventually[T](what: str, look: Callable[[], T], is_so: Callable[[T], bool], seconds: float = 60) -> T:
    """What was seen once it is so."""
    deadline = time.monotonic() + seconds
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s, last seen: {seen!r}"
        time.sleep(0.2)
    return seen


class Watched:
    """The watched bucket, and what the tables say of it."""

    def __init__(self, stack: Cloud, s3: "S3Client", dynamodb: "DynamoDBClient") -> None:
        self.name = stack.outputs["CapacityBucketName"]
        self.object_table = stack.outputs["ObjectTableName"]
        self.s3 = s3
        self.dynamodb = dynamodb

    def put(self, name: str, size: int) -> None:
        self.s3.put_object(Bucket=self.name, Key=name, Body=b"x" * size)

    def sizes(self) -> dict[str, int]:
        found = self.s3.list_objects_v2(Bucket=self.name, EncodingType="url").get("Contents", [])
        return {entry["Key"]: entry["Size"] for entry in found}

    def empty(self) -> None:
        for name in [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]:
            self.s3.delete_object(Bucket=self.name, Key=name)
        self.settle(0)

    def row(self, partition: str, name: str) -> dict[str, Any]:
        key = {"bucket_name": {"S": partition}, "object_name": {"S": name}}
        answer = self.dynamodb.get_item(TableName=self.object_table, Key=key, ConsistentRead=True)
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}

    def total(self) -> int:
        return int(self.row("__STATE__", self.name).get("total_size", 0))

    def settle(self, total: int) -> None:
        eventually(f"a total of {total} bytes", self.total, lambda seen: seen == total)


@pytest.fixture
def watched(stack: Cloud, s3: "S3Client", dynamodb: "DynamoDBClient") -> Iterator[Watched]:
    """The watched bucket, empty before and behind."""
    bucket = Watched(stack, s3, dynamodb)
    bucket.empty()
    yield bucket
    bucket.empty()


def test_the_drive_sees_two_evictions_and_the_plot(stack: Cloud, watched: Watched) -> None:
    patient = Config(read_timeout=300, retries={"total_max_attempts": 1}, proxies={})
    functions = sdk().client("lambda", endpoint_url=stack.engine.endpoint, config=patient)
    answer = functions.invoke(FunctionName=stack.outputs["CapacityDriveFunctionName"])
    drive = json.load(answer["Payload"])
    assert drive.get("waiting_for") is None, drive
    assert drive["totals"] == [0, 18, 46, 18, 20, 2]
    assert drive["remaining"] == ["assignment3.txt"]
    assert drive["as_expected"]
    assert watched.sizes() == {"assignment3.txt": 2}
    plots = watched.s3.list_objects_v2(Bucket=stack.outputs["PlotBucketName"])["Contents"]
    assert drive["plot_bytes"] in {plot["Size"] for plot in plots}


def test_names_of_every_kind_are_counted_each_for_itself(watched: Watched) -> None:
    for name in HOSTILE_NAMES:
        watched.put(name, 1)
    watched.settle(len(HOSTILE_NAMES))
    assert {name: watched.row(watched.name, name)["size"] for name in HOSTILE_NAMES} == dict.fromkeys(
        HOSTILE_NAMES, "1"
    )
    watched.empty()
    assert [name for name in HOSTILE_NAMES if "size" in watched.row(watched.name, name)] == []


def test_a_message_that_comes_twice_changes_nothing(stack: Cloud, watched: Watched, sqs: "SQSClient") -> None:
    watched.put("twice", 3)
    watched.settle(3)
    before = watched.row("__STATE__", watched.name)
    sqs.send_message(QueueUrl=_track_queue(stack), MessageBody=_message(watched, "twice", 3))
    watched.put("behind it", 1)
    watched.settle(4)
    assert watched.row("__STATE__", watched.name)["version"] == str(int(before["version"]) + 1)


def test_uploads_during_a_trim_end_below_the_limit_with_an_exact_total(watched: Watched) -> None:
    with ThreadPoolExecutor(4) as uploads:
        list(uploads.map(lambda number: watched.put(f"upload {number}", 5), range(8)))

    def seen() -> tuple[int, int]:
        return watched.total(), sum(watched.sizes().values())

    total, listed = eventually(
        "a settled total below the limit", seen, lambda both: both[0] == both[1] < LIMIT_BYTES, seconds=100
    )
    assert total == listed


def test_reconciliation_finds_nothing_to_repair_behind_the_events(
    stack: Cloud, watched: Watched, functions: "LambdaClient"
) -> None:
    watched.put("one", 1)
    watched.put("two", 2)
    watched.settle(3)
    answer = json.load(functions.invoke(FunctionName=stack.outputs["CapacityReconcileFunctionName"])["Payload"])
    assert answer == {
        "due": True,
        "compared": answer["compared"],
        "repaired": 0,
        "complete": True,
        "total_size": 3,
        "noncurrent_size": 0,
        "multipart_size": 0,
    }


def test_an_eviction_from_a_versioned_bucket_leaves_no_bytes(watched: Watched) -> None:
    watched.s3.put_bucket_versioning(Bucket=watched.name, VersioningConfiguration={"Status": "Enabled"})
    watched.put("large", LIMIT_BYTES - 1)
    watched.put("large", LIMIT_BYTES + 1)

    def versions() -> list[Any]:
        left = watched.s3.list_object_versions(Bucket=watched.name, Prefix="large")
        return [*left.get("Versions", []), *left.get("DeleteMarkers", [])]

    assert versions()
    # An alarm that is still on from before calls nobody: then it is the schedule, once a minute, that goes on.
    eventually("no version of the evicted object", versions, lambda left: not left, seconds=150)
    watched.settle(0)


def _track_queue(stack: Cloud) -> str:
    resource = stack.engine.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="CapacityTrackQueue"
    )
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def _message(watched: Watched, name: str, size: int) -> str:
    """The message of an object's newest event, as SNS put it into the queue."""
    row = watched.row(watched.name, name)
    entity = {"key": quote_plus(name), "size": size, "eTag": "", "sequencer": row["sequencer"]}
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": row["updated_at"],
        "s3": {"bucket": {"name": watched.name}, "object": entity},
    }
    return json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [record]})})
