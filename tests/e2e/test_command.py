"""The `holdfast` command against the deployed stack, word for word where it announces what it will do."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
from holdfast.breaker.plan import Budget, assess
from local.cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

type Command = Callable[..., subprocess.CompletedProcess[str]]

NOT_APPLIED = "\nNothing was changed. Add --apply to do it.\n"


@pytest.fixture
def holdfast(stack: Cloud) -> Command:
    """Runs the command as an operator would, with the engine's credentials."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("holdfast")), *words]
        environment = {**stack.engine.environment(), "COLUMNS": "200"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_status_shows_size_and_limit(holdfast: Command, stack: Cloud) -> None:
    answer = holdfast("capacity", "status")
    assert answer.returncode == 0, answer.stderr
    assert stack.outputs["CapacityBucketName"] in answer.stdout
    assert "20 bytes" in answer.stdout


def test_preview_evicts_nothing(holdfast: Command) -> None:
    answer = holdfast("capacity", "preview")
    assert answer.returncode == 0, answer.stderr
    assert "objects would go" in answer.stdout


def test_an_open_breaker_is_shown_and_closes_only_on_apply(
    holdfast: Command, stack: Cloud, dynamodb: "DynamoDBClient"
) -> None:
    store = DynamoBreakerStore(dynamodb, stack.outputs["BreakerTableName"])
    store.save(assess(store.load("capacity"), 900, 1000, Budget(30, 10), datetime.now(UTC)))
    opened = store.load("capacity")
    assert opened.open_reason
    assert opened.open_reason.startswith("900 of 1000 objects would be removed")
    assert opened.open_reason in holdfast("breaker", "status").stdout.replace("\n", " ")

    announced = holdfast("breaker", "resume", "capacity")
    assert announced.stdout == (
        f"The breaker of capacity is open: {opened.open_reason}.\n"
        "Resuming closes it, and the next run of its cleaner may remove up to a whole hour's budget.\n" + NOT_APPLIED
    )
    assert store.load("capacity") == opened

    assert holdfast("breaker", "resume", "capacity", "--apply").returncode == 0
    assert store.load("capacity").open_reason is None


def test_watching_adds_the_events_and_keeps_other_notifications(
    holdfast: Command, stack: Cloud, s3: "S3Client"
) -> None:
    bucket, topic = stack.outputs["CapacityBucketName"], stack.outputs["CapacityTopicArn"]
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    try:
        announced = holdfast("capacity", "watch", bucket)
        assert announced.stdout == (
            f"{bucket} would send to {topic}:\n"
            "  + s3:ObjectCreated:*\n  + s3:ObjectRemoved:*\n  + s3:LifecycleExpiration:*\n"
            "  = 1 notifications that it has already stay as they are\n" + NOT_APPLIED
        )
        assert "TopicConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)

        assert holdfast("capacity", "watch", bucket, "--apply").returncode == 0
        watched = s3.get_bucket_notification_configuration(Bucket=bucket)
        assert [rule["TopicArn"] for rule in watched["TopicConfigurations"]] == [topic]
        assert "EventBridgeConfiguration" in watched
        assert "already sends all its events" in holdfast("capacity", "watch", bucket).stdout
    finally:
        topics = before["TopicConfigurations"]
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"TopicConfigurations": topics},
        )


def test_an_overwritten_version_is_listed_and_restored(holdfast: Command, stack: Cloud, s3: "S3Client") -> None:
    bucket, key = stack.outputs["ObjectsSourceBucketName"], 'restored/"a" ü'

    def write(body: bytes, copies: int) -> list[str]:
        """Write an object, and wait until so many copies are kept of it. Their names, the newest first."""
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        expires = time.monotonic() + 60
        while True:
            names = re.findall(r"│ (\d{8}T\S+) +│$", holdfast("objects", "list", key).stdout, re.MULTILINE)
            if len(names) >= copies:
                return names
            assert time.monotonic() < expires, f"{copies} copies of {body!r}"
            time.sleep(1)

    [old] = write(b"old", 1)
    write(b"newer", 2)
    refused = holdfast("objects", "restore", key, "--copy", old, "--apply")
    assert refused.returncode == 1
    assert "not older than the copy: --overwrite writes over it" in refused.stdout

    restored = holdfast("objects", "restore", key, "--copy", old, "--overwrite", "--apply")
    assert restored.returncode == 0, restored.stderr
    assert "1 object restored, 3 bytes.\n1 object verified by " in restored.stdout
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"old"
    assert "objects have copies in" in holdfast("objects", "status").stdout


def test_what_was_deleted_a_moment_ago_comes_back(holdfast: Command, stack: Cloud, s3: "S3Client") -> None:
    bucket, key = stack.outputs["ObjectsSourceBucketName"], "undeleted/a"
    s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    expires = time.monotonic() + 60
    while "active" not in holdfast("objects", "list", key).stdout:
        assert time.monotonic() < expires, "no copy is made"
        time.sleep(1)
    s3.delete_object(Bucket=bucket, Key=key)
    answer = holdfast("objects", "undelete", "undeleted/", "--since", "-1h", "--apply")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"content"


def test_protecting_switches_eventbridge_on_and_keeps_other_notifications(
    holdfast: Command, stack: Cloud, s3: "S3Client"
) -> None:
    bucket = stack.outputs["CapacityBucketName"]
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    topics = before["TopicConfigurations"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"TopicConfigurations": topics},
    )
    try:
        announced = holdfast("objects", "protect", bucket).stdout
        assert announced.startswith(
            f"{bucket} would send to EventBridge:\n"
            "  + all its events\n"
            f"  = {len(topics)} notifications that it has already stay as they are\n"
        )
        assert announced.endswith(NOT_APPLIED)
        assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)

        assert holdfast("objects", "protect", bucket, "--apply").returncode == 0
        sends = s3.get_bucket_notification_configuration(Bucket=bucket)
        assert "EventBridgeConfiguration" in sends
        assert sends["TopicConfigurations"] == topics
        again = holdfast("objects", "protect", bucket).stdout
        assert again.startswith(f"{bucket} already sends its events to EventBridge.\n")
    finally:
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"TopicConfigurations": topics, "EventBridgeConfiguration": {}},
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("capacity", "status", "--stack", "nope"),
            "holdfast: there is no stack nope in eu-west-1: name yours with --stack",
        ),
        (("capacity", "watch", "other"), "deploy it with CapacityBucketName=other, then come back"),
        (("objects", "restore", "never"), "holdfast: no copy is kept of 'never' in holdfast-objects-"),
    ],
)
def test_a_mistake_ends_with_one_line_that_mends_it(holdfast: Command, words: tuple[str, ...], sentence: str) -> None:
    answer = holdfast(*words)
    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr
