"""The objects system as it is deployed: a bucket's events and its functions, with their own permissions."""

import json
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from rich.console import Console

from holdfast.objects.model import Status
from local.cloud import Cloud
from local.demo import objects as demo
from tests.e2e.protected import Protected
from tests.e2e.test_capacity import eventually
from tests.invocation import sample

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ACTIVE, DISOWNED = Status.ACTIVE, Status.DISOWNED

HOSTILE_KEYS = [  # none has a newline: the engine would not let the functions touch it
    "with space+plus%20percent",
    "quotes \" and ' and ` and, comma; semicolon",
    "tab\treturn\rcontrols\x01\x1f\x7f",
    "../../up/./here//twice/",
    "/leading slash",
    "folder/",
    "back\\slash #hash?query=1&x <tag>",
    "ünïcödé 中文 🗄️",
    "u\u0308 decomposed",
    "__DELETED__",
    "__CENSUS__",
    "~" + "0" * 64,
    "20260115T093000.000Z-AB-cd",
    "x" * 1024,
    "é" * 512,
]


@pytest.fixture
def protected(stack: Cloud) -> Protected:
    """The source bucket that the stack made."""
    return Protected(stack, stack.outputs["ObjectsSourceBucketName"])


@pytest.fixture
def foreign_bucket(stack: Cloud) -> Iterator[str]:
    """A bucket that the stack knows nothing of."""
    s3, name = stack.engine.client("s3"), "somebody-elses"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=name, Key="secret", Body=b"1")
    yield name
    s3.delete_object(Bucket=name, Key="secret")
    s3.delete_bucket(Bucket=name)


def test_the_demo_tells_what_is_so(stack: Cloud) -> None:
    shown = StringIO()
    story = demo.tell(stack, Console(file=shown, width=200))
    assert story.as_expected, f"{shown.getvalue()}\n{json.dumps(story.seen, indent=1)}"
    assert [(copy["size"], copy["status"]) for copy in story.seen["after_writing"]] == [
        (30, "active"),
        (40, "active"),
        (50, "active"),
    ]
    assert {copy["status"] for copy in story.seen["after_deleting"]} == {"disowned"}
    assert len({copy["disowned_at"] for copy in story.seen["after_deleting"]}) == 1
    assert story.seen["after_cleaning"] == []
    assert story.seen["restored"]["sha256"] == story.seen["restored"]["expected_sha256"]
    assert "as expected" in shown.getvalue()


def test_keys_of_every_kind_get_their_copies_and_keep_them_when_deleted(protected: Protected) -> None:
    for key in HOSTILE_KEYS:
        protected.put(key, key.encode())
        protected.settle(key, (ACTIVE, key.encode()))
    for key in HOSTILE_KEYS:
        protected.delete(key)
        eventually("a disowned copy", partial(protected.rows, key), lambda kept: bool(kept.with_status(DISOWNED)))


def test_an_event_that_comes_twice_changes_nothing(protected: Protected) -> None:
    protected.put("twice", b"1")
    protected.settle("twice", (ACTIVE, b"1"))
    before = protected.rows("twice")
    [copy] = before.copies
    event = sample("objects_replicate/s3_put")
    told = {"key": quote_plus("twice"), "size": 1, "eTag": copy.version.etag, "sequencer": copy.order}
    event["Records"][0]["s3"] |= {"bucket": {"name": protected.bucket}, "object": told}
    answer = protected.invoke("ObjectsReplicateFunction", event)
    assert answer == {"events": [{"key": "twice", "verdict": "not copied: it has a copy already"}]}
    assert protected.rows("twice") == before


def test_two_quick_writes_leave_a_copy_of_the_second_and_nothing_half_done(protected: Protected) -> None:
    keys = [f"quick/{number}" for number in range(2)]
    for key in keys:
        protected.put(key, b"first")
        protected.put(key, b"second")
    whole = [[(ACTIVE, b"second")], [(ACTIVE, b"first"), (ACTIVE, b"second")]]
    for key in keys:
        eventually(f"the copies of {key}", partial(protected.copies, key), lambda seen: seen in whole)


def test_what_is_written_anew_is_active_beside_the_disowned_copy(protected: Protected) -> None:
    protected.put("anew", b"1")
    protected.settle("anew", (ACTIVE, b"1"))
    protected.delete("anew")
    protected.put("anew", b"2")
    anew = (ACTIVE, b"2")
    # The schedule may have cleaned the first by now.
    eventually("both", partial(protected.copies, "anew"), lambda seen: seen in ([(DISOWNED, b"1"), anew], [anew]))


def test_an_event_of_a_bucket_that_the_function_may_not_read_is_kept_for_a_person(
    stack: Cloud, protected: Protected, foreign_bucket: str, sqs: "SQSClient"
) -> None:
    event = sample("objects_replicate/s3_put")
    event["Records"][0]["s3"]["bucket"]["name"] = foreign_bucket
    event["Records"][0]["s3"]["object"]["key"] = "secret"
    protected.send("ObjectsReplicateFunction", event)
    queue = stack.outputs["ObjectsReplicateDeadLetterQueueUrl"]

    def letters() -> list[Any]:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [body for body in bodies if body["requestPayload"] == event]

    [letter] = eventually("a dead letter", letters, bool)
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert Protected(stack, foreign_bucket).copies("secret") == []


def test_reconciliation_finds_nothing_to_repair_behind_the_events(protected: Protected) -> None:
    protected.put("at rest", b"1")
    protected.settle("at rest", (ACTIVE, b"1"))
    found = protected.invoke("ObjectsReconcileFunction")[protected.bucket]
    assert found.pop("live") > 0
    assert found == {
        "complete": True,
        "copied": 0,
        "deleted": 0,
        "orphans": 0,
        "dangling": 0,
        "corrupt": 0,
        "unreadable": 0,
        "held": 0,
    }
