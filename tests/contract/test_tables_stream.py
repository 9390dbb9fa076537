"""`Stream`, in DynamoDB Streams and in memory: the records that Lambda delivers, as it delivers them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import boto3
import pytest
from botocore.stub import Stubber

from holdfast.adapters.dynamodb_streams import EMPTY_PAGES, PAUSES, DynamoStream
from holdfast.adapters.dynamodb_tables import DynamoTable, to_boto
from holdfast.adapters.memory_tables import MemoryStream
from holdfast.events import dynamodb
from holdfast.events.dynamodb import Batch
from holdfast.tables import item
from holdfast.tables.model import Image
from holdfast.tables.ports import Shard, Stream, Trimmed, Undelivered
from tests.contract.tables import EVERY_TYPE, NOW, STREAM, a_client, a_table, an_item, keys

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
SHARD = "shardId-00000001767225600000-aaaaaaaa"
ZERO = 300000000000000499659
GONE = "shardId-00000001767000000000-bbbbbbbb"


class Writer(Protocol):
    """Somebody who writes to the table."""

    def put(self, image: Image) -> None: ...

    def remove(self, keys: Image) -> None: ...


@dataclass
class MemoryWriter:
    stream: MemoryStream
    items: dict[str, Image] = field(default_factory=dict)

    def put(self, image: Image) -> None:
        self._record(item.keys_of(image, ("pk", "sk")), image)

    def remove(self, keys: Image) -> None:
        self._record(keys, None)

    def _record(self, keys: Image, new: Image | None) -> None:
        old = self.items.get(item.item_id(keys))
        told: dict[str, Any] = {"Keys": keys, "ApproximateCreationDateTime": NOW}
        records = self.stream.open_shards.setdefault(SHARD, [])
        told |= {"SequenceNumber": str(ZERO + len(records))}
        told |= {"NewImage": new} if new else {}
        told |= {"OldImage": old} if old else {}
        name = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
        records.append({"eventName": name, "eventSourceARN": self.stream.arn, "dynamodb": told})
        self.items |= {item.item_id(keys): new or {}}


@dataclass(frozen=True)
class DynamoWriter:
    table: DynamoTable

    def put(self, image: Image) -> None:
        self.table.put_all([image])

    def remove(self, keys: Image) -> None:
        self.table.client.delete_item(TableName=self.table.name, Key=to_boto(keys))


@dataclass(frozen=True)
class Place:
    """A table's stream, and somebody who writes to the table."""

    stream: Stream
    writer: Writer

    @property
    def shard(self) -> Shard:
        [shard] = self.stream.shards()
        return shard

    def oldest(self, limit: int = 100) -> list[dict[str, Any]]:
        return list(self.stream.oldest(self.shard.shard_id, limit))

    def read(self, first: int, last: int) -> list[int]:
        return sequences(self.stream.records(self.shard.shard_id, first, last))


@pytest.fixture(params=["memory", "moto", "engine"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        stream = MemoryStream(ARN)
        return Place(stream, MemoryWriter(stream))
    table = a_table(request, request.param, StreamSpecification=STREAM)
    assert isinstance(table, DynamoTable)
    client = a_client(request, request.param, "dynamodbstreams")
    if request.param == "engine":
        client.meta.events.register("provide-client-params.dynamodb-streams.GetShardIterator", pad)
    return Place(DynamoStream(client, table.describe(0).table["LatestStreamArn"]), DynamoWriter(table))


def pad(params: Mapping[str, Any], **_: object) -> dict[str, Any]:
    """The local engine's sequence numbers have zeros before them, and it wants them back; DynamoDB's have none."""
    number = params.get("SequenceNumber")
    return {**params, "SequenceNumber": number.zfill(30)} if number else dict(params)


def sequences(records: Any) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


def batch(records: list[dict[str, Any]]) -> Batch:
    return dynamodb.batch("orders", ARN, records, SHARD)


# What is delivered


def test_each_change_of_an_item_is_a_record_in_order(place: Place) -> None:
    one, two = an_item("a", v={"S": "1"}), an_item("a", v={"S": "2"})
    place.writer.put(one)
    place.writer.put(two)
    place.writer.remove(keys("a"))
    read = batch(place.oldest())
    assert read.bad == []
    assert [(it.name, it.keys, it.old, it.new) for it in read.records] == [
        ("INSERT", keys("a"), None, one),
        ("MODIFY", keys("a"), one, two),
        ("REMOVE", keys("a"), two, None),
    ]
    numbers = [it.sequence for it in read.records]
    assert numbers == sorted(set(numbers))


def test_a_record_is_what_json_holds_and_names_its_stream(place: Place) -> None:
    place.writer.put(an_item("a", 1, **EVERY_TYPE))
    [record] = place.oldest()
    assert json.loads(json.dumps(record)) == record
    assert record["eventSourceARN"] == place.stream.arn
    assert type(record["dynamodb"]["ApproximateCreationDateTime"]) is int
    assert item.is_same(record["dynamodb"]["NewImage"], an_item("a", 1, **EVERY_TYPE))


def test_a_shard_that_is_open_has_no_last_record(place: Place) -> None:
    place.writer.put(an_item("a"))
    [first] = sequences(place.oldest())
    assert (place.shard.first, place.shard.last, place.shard.parent_id) == (first, None, None)


# Which of them


def written(place: Place) -> list[int]:
    for number in range(6):
        place.writer.put(an_item("a", number))
    return sequences(place.oldest())


def test_the_oldest_come_and_no_more_than_wanted(place: Place) -> None:
    all_of_them = written(place)
    assert len(all_of_them) == 6
    assert [sequences(place.oldest(limit)) for limit in (1, 4, 6, 7)] == [all_of_them[:n] for n in (1, 4, 6, 6)]


def test_records_come_from_one_to_another_with_both(place: Place) -> None:
    numbers = written(place)
    assert place.read(numbers[1], numbers[4]) == numbers[1:5]
    assert place.read(numbers[2], numbers[2]) == [numbers[2]]
    assert place.read(numbers[0], numbers[-1]) == numbers


def test_what_does_not_come_is_told(place: Place) -> None:
    numbers = written(place)
    records = place.stream.records(place.shard.shard_id, numbers[4], numbers[-1] + 1)
    assert sequences([next(records), next(records)]) == numbers[4:]
    with pytest.raises(Undelivered, match=str(numbers[-1] + 1)):
        next(records)


def test_what_is_gone_is_told(place: Place) -> None:
    first, *_ = written(place)
    if isinstance(place.stream, MemoryStream):
        place.stream.trimmed = first - 1
    with pytest.raises(Trimmed, match=str(first - 1)):
        place.read(first - 1, first)


def test_a_shard_that_is_gone_is_told(place: Place) -> None:
    written(place)
    with pytest.raises(Trimmed, match=GONE):
        place.stream.oldest(GONE, 1)
    with pytest.raises(Trimmed, match=GONE):
        list(place.stream.records(GONE, 10**21, 10**21))


# Only of DynamoDB


@pytest.fixture(scope="module")
def client() -> Any:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    return session.client("dynamodbstreams")


@pytest.fixture
def answers(client: Any) -> Iterator[Any]:
    """DynamoDB Streams, answering as it is told."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def stream(answers: Any) -> DynamoStream:
    return DynamoStream(answers.client, ARN, sleep=lambda _: None)


def ordinals(records: Any) -> list[int]:
    return [number - ZERO for number in sequences(records)]


def expect_iterator(stubber: Any, kind: str, sequence: int | None, iterator: str | None) -> None:
    asked = {"StreamArn": ARN, "ShardId": SHARD, "ShardIteratorType": kind}
    asked |= {} if sequence is None else {"SequenceNumber": str(ZERO + sequence)}
    stubber.add_response("get_shard_iterator", {} if iterator is None else {"ShardIterator": iterator}, asked)


def expect_page(stubber: Any, iterator: str, found: list[int], then: str | None, limit: int = 1000) -> None:
    records = [a_told(number) for number in found]
    answer = {"Records": records} | ({} if then is None else {"NextShardIterator": then})
    stubber.add_response("get_records", answer, {"ShardIterator": iterator, "Limit": limit})


def a_told(sequence: int, **more: Any) -> dict[str, Any]:
    """A record as the SDK has it."""
    told = {
        "ApproximateCreationDateTime": datetime.fromtimestamp(NOW, UTC),
        "Keys": {"pk": {"B": b"\x00\xff"}},
        "SequenceNumber": str(ZERO + sequence),
        "SizeBytes": 3,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": "1",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": told,
        **more,
    }


def test_a_record_is_as_lambda_has_it(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "TRIM_HORIZON", None, "i")
    who = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    told = {"Records": [a_told(1, userIdentity=who)]}
    answers.add_response("get_records", told, {"ShardIterator": "i", "Limit": 5})
    assert list(stream.oldest(SHARD, 5)) == [
        {
            "eventID": "1",
            "eventName": "REMOVE",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": NOW,
                "Keys": {"pk": {"B": "AP8="}},
                "SequenceNumber": "300000000000000499660",
                "SizeBytes": 3,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
            "eventSourceARN": ARN,
        }
    ]


def test_shards_come_page_by_page(answers: Any, stream: DynamoStream) -> None:
    first = {
        "ShardId": SHARD,
        "SequenceNumberRange": {"StartingSequenceNumber": str(ZERO), "EndingSequenceNumber": str(ZERO + 9)},
    }
    child = {
        "ShardId": SHARD + "2",
        "SequenceNumberRange": {"StartingSequenceNumber": str(ZERO + 5)},
        "ParentShardId": SHARD,
    }
    page = {"Shards": [first], "LastEvaluatedShardId": SHARD}
    answers.add_response("describe_stream", {"StreamDescription": page}, {"StreamArn": ARN})
    asked = {"StreamArn": ARN, "ExclusiveStartShardId": SHARD}
    answers.add_response("describe_stream", {"StreamDescription": {"Shards": [child]}}, asked)
    assert stream.shards() == [Shard(SHARD, None, ZERO, ZERO + 9), Shard(SHARD + "2", SHARD, ZERO + 5, None)]


def test_a_stream_that_is_gone_has_no_shards(answers: Any, stream: DynamoStream) -> None:
    answers.add_client_error("describe_stream", "ResourceNotFoundException")
    with pytest.raises(Trimmed, match=ARN):
        stream.shards()


def test_pages_may_be_empty_before_a_record(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i0")
    for number in range(EMPTY_PAGES - 1):
        expect_page(answers, f"i{number}", [], f"i{number + 1}")
    expect_page(answers, f"i{EMPTY_PAGES - 1}", [1, 3, 7], "more")
    assert ordinals(stream.records(SHARD, ZERO + 1, ZERO + 3)) == [1, 3]


def test_what_comes_behind_the_last_record_is_left_out(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i")
    expect_page(answers, "i", [1, 3], "more")
    assert ordinals(stream.records(SHARD, ZERO + 1, ZERO + 2)) == [1]


def test_of_an_open_shard_that_stays_silent_the_end_is_assumed(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "TRIM_HORIZON", None, "i")
    expect_page(answers, "i", [1], "i", limit=5)
    for _ in range(EMPTY_PAGES):
        expect_page(answers, "i", [], "i", limit=5)
    assert ordinals(stream.oldest(SHARD, 5)) == [1]


def test_a_shard_that_ends_before_the_last_record_has_not_delivered_it(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i")
    expect_page(answers, "i", [1, 2], None)
    with pytest.raises(Undelivered):
        list(stream.records(SHARD, ZERO + 1, ZERO + 3))


def test_a_closed_shard_without_records_has_no_iterator(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "TRIM_HORIZON", None, None)
    assert stream.oldest(SHARD, 5) == []


def test_an_iterator_that_expires_is_renewed_behind_what_was_read(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i1")
    answers.add_client_error("get_records", "ExpiredIteratorException")
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i2")
    expect_page(answers, "i2", [1, 2], "i3")
    answers.add_client_error("get_records", "ExpiredIteratorException")
    expect_iterator(answers, "AFTER_SEQUENCE_NUMBER", 2, "i4")
    expect_page(answers, "i4", [3], "i5")
    assert ordinals(stream.records(SHARD, ZERO + 1, ZERO + 3)) == [1, 2, 3]


def test_what_is_trimmed_while_it_is_read_is_told(answers: Any, stream: DynamoStream) -> None:
    expect_iterator(answers, "AT_SEQUENCE_NUMBER", 1, "i1")
    expect_page(answers, "i1", [1], "i2")
    answers.add_client_error("get_records", "TrimmedDataAccessException")
    records = stream.records(SHARD, ZERO + 1, ZERO + 2)
    assert ordinals([next(records)]) == [1]
    with pytest.raises(Trimmed):
        next(records)


def test_who_asks_too_often_asks_again_later(answers: Any) -> None:
    slept: list[float] = []
    expect_iterator(answers, "TRIM_HORIZON", None, "i")
    for _ in PAUSES:
        answers.add_client_error("get_records", "LimitExceededException")
    expect_page(answers, "i", [1], None, limit=5)
    assert ordinals(DynamoStream(answers.client, ARN, slept.append).oldest(SHARD, 5)) == [1]
    assert tuple(slept) == PAUSES


def test_who_is_always_too_often_there_gives_up(answers: Any, stream: DynamoStream) -> None:
    for _ in range(len(PAUSES) + 1):
        answers.add_client_error("get_shard_iterator", "LimitExceededException")
    with pytest.raises(answers.client.exceptions.LimitExceededException):
        stream.oldest(SHARD, 5)
