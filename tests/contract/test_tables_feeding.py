"""What has Lambda archive a stream, and tells what it gave up: `StreamSwitch`, `StreamMappings`, `FailureQueue`, in AWS
and in memory."""

import io
import json
from dataclasses import replace
from zipfile import ZipFile

import boto3
import pytest

from holdfast.adapters import event_source_mappings, stream_switch
from holdfast.adapters.event_source_mappings import LambdaMappings, MappingStuck
from holdfast.adapters.failure_queue import SqsFailureQueue
from holdfast.adapters.memory_tables import MemoryFailureQueue, MemoryStreamMappings, MemoryStreamSwitch, MemoryTable
from holdfast.adapters.stream_switch import DynamoStreamSwitch, StreamStuck
from holdfast.tables.ports import FailureQueue, LiveTable, Settings, StreamMappings, StreamSwitch
from tests.contract.tables import a_name, a_table

IN_TWO = pytest.mark.parametrize("where", ["memory", "moto"])
SETTINGS: Settings = {"BatchSize": 100, "MaximumRetryAttempts": 3, "FunctionResponseTypes": ["ReportBatchItemFailures"]}


# The stream


def a_switch(table: LiveTable) -> StreamSwitch:
    if isinstance(table, MemoryTable):
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{table.name}/stream/2026-01-01T00:00:00.000"
        return MemoryStreamSwitch(table, arn)
    return DynamoStreamSwitch(boto3.client("dynamodb"), table.name)


@IN_TWO
def test_a_stream_is_switched_on_with_both_images(request: pytest.FixtureRequest, where: str) -> None:
    table = a_table(request, where)
    arn = a_switch(table).on()
    told = table.describe(0).table
    assert told["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert told["LatestStreamArn"] == arn
    assert f"/stream/{told['LatestStreamLabel']}" in arn


def test_a_stream_that_does_not_come_on_is_told(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = a_table(request, "moto")
    client, slept = boto3.client("dynamodb"), list[float]()
    monkeypatch.setattr(client, "describe_table", lambda **_: {"Table": {"TableStatus": "UPDATING"}})
    with pytest.raises(StreamStuck, match="is not on after 300 seconds"):
        DynamoStreamSwitch(client, table.name, slept.append).on()
    assert len(slept) == stream_switch.TRIES


# Its mapping


@pytest.fixture
def function(moto_account: None) -> str:
    """One that does nothing."""
    name, code = a_name("function"), io.BytesIO()
    with ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def lambda_handler(event, context): ...")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    boto3.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="app.x", Code={"ZipFile": code.getvalue()}
    )
    return name


@pytest.fixture(params=["memory", "moto"])
def mappings(request: pytest.FixtureRequest) -> StreamMappings:
    if request.param == "memory":
        return MemoryStreamMappings()
    return LambdaMappings(boto3.client("lambda"), request.getfixturevalue("function"))


@pytest.fixture
def stream_arn(request: pytest.FixtureRequest, moto_account: None) -> str:
    return a_switch(a_table(request, "moto")).on()


def test_a_mapping_has_the_settings_that_it_was_made_with(mappings: StreamMappings, stream_arn: str) -> None:
    assert mappings.all() == []
    mappings.create(stream_arn, SETTINGS)
    [made] = mappings.all()
    assert (made.stream_arn, made.state, made.settings) == (stream_arn, "Enabled", SETTINGS)


def test_a_mapping_gets_other_settings(mappings: StreamMappings, stream_arn: str) -> None:
    mappings.create(stream_arn, SETTINGS)
    [made] = mappings.all()
    other = SETTINGS | {"BatchSize": 7, "BisectBatchOnFunctionError": True}
    mappings.update(made, other)
    assert mappings.all() == [replace(made, settings=other)]


def test_a_setting_that_is_no_more_wanted_is_cleared(mappings: StreamMappings, stream_arn: str) -> None:
    mappings.create(stream_arn, SETTINGS)
    [made] = mappings.all()
    left = {name: of for name, of in SETTINGS.items() if name != "FunctionResponseTypes"}
    mappings.update(made, left)
    assert mappings.all() == [replace(made, settings=left)]


def test_a_mapping_is_made_from_the_oldest_record_on(function: str, stream_arn: str) -> None:
    client = boto3.client("lambda")
    LambdaMappings(client, function).create(stream_arn, SETTINGS)
    [told] = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    assert told["StartingPosition"] == "TRIM_HORIZON"


def test_a_mapping_that_is_not_enabled_is_told(function: str, stream_arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, slept = boto3.client("lambda"), list[float]()
    monkeypatch.setattr(client, "get_event_source_mapping", lambda **_: {"State": "Creating"})
    with pytest.raises(MappingStuck, match="is Creating after 300 seconds"):
        LambdaMappings(client, function, slept.append).create(stream_arn, SETTINGS)
    assert len(slept) == event_source_mappings.TRIES


# What it gave up


@pytest.fixture(params=["memory", "moto"])
def queue(request: pytest.FixtureRequest) -> FailureQueue:
    if request.param == "memory":
        return MemoryFailureQueue()
    request.getfixturevalue("moto_account")
    client = boto3.client("sqs")
    return SqsFailureQueue(client, client.create_queue(QueueName=a_name("queue"))["QueueUrl"])


def send(queue: FailureQueue, *bodies: str) -> None:
    for body in bodies:
        if isinstance(queue, MemoryFailureQueue):
            queue.send(body)
        elif isinstance(queue, SqsFailureQueue):
            queue.client.send_message(QueueUrl=queue.url, MessageBody=body)


def test_each_message_is_received_once(queue: FailureQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.adapters.failure_queue.WAIT_SECONDS", 0)
    bodies = [f"message {number}" for number in range(12)]
    send(queue, *bodies)
    found = list(queue.receive())
    assert sorted(message.body for message in found) == sorted(bodies)
    assert list(queue.receive()) == []
    assert queue.depth() == 12

    queue.delete(found[0])
    queue.release(found[1])
    assert [message.body for message in queue.receive()] == [found[1].body]
    assert queue.depth() == 11


def test_what_is_not_hidden_any_more_is_released_already(queue: FailureQueue) -> None:
    """A redrive may take longer than its messages are hidden."""
    send(queue, "message")
    [message] = queue.receive()
    queue.release(message)
    queue.release(message)
    assert queue.depth() == 1
