"""The rules by which DynamoDB counts, as its Developer Guide states them."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bench.meter import Index, Meter, Table, Unmetered, item_size

OBJECTS = Table(key=("bucket", "name"), indexes={"sizes": Index(("bucket", "size"), more=("kind",))})


def row(size: int | None = None, padding: int = 0) -> Any:
    item = {"bucket": {"S": "b"}, "name": {"S": "n"}, "padding": {"S": "x" * padding}}
    return item if size is None else {**item, "size": {"N": str(size)}}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"name": {"S": "n"}}, 5),
        ({"name": {"S": "ü"}}, 6),
        ({"n": {"N": "7"}}, 1 + 2),
        ({"n": {"N": "1234567"}}, 1 + 5),
        ({"n": {"N": "-1234567"}}, 1 + 6),
        ({"n": {"N": "1000000"}}, 1 + 2),
        ({"a": {"S": "bc"}, "n": {"N": "12"}}, 3 + 3),
        ({"b": {"BOOL": True}}, 1 + 1),
        ({"l": {"L": [{"S": "abc"}, {"N": "7"}]}}, 1 + 3 + (1 + 3) + (1 + 2)),
        ({"m": {"M": {"ab": {"S": "c"}}}}, 1 + 3 + (1 + 2 + 1)),
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(item: Any, size: int) -> None:
    assert item_size(item) == size


def test_a_value_that_nobody_taught_the_meter_is_not_guessed() -> None:
    with pytest.raises(Unmetered):
        item_size({"set": {"SS": ["a"]}})


@pytest.mark.parametrize(
    ("old", "new", "units"),
    [
        (None, row(), 1),
        (None, row(padding=1024), 2),
        (row(padding=3000), row(), 3),
        (row(padding=3000), None, 3),
        (None, row(size=1), 1 + 1),
        (row(size=1), row(size=1, padding=10), 1),
        (row(size=1), row(size=2), 1 + 2),
        (row(size=1), row(size=1) | {"kind": {"S": "k"}}, 1 + 1),
        (row(size=1), row(), 1 + 1),
        (row(size=1), None, 1 + 1),
    ],
    ids=[
        "a small item",
        "over one kilobyte",
        "the larger of old and new counts",
        "a delete counts what it removes",
        "a new entry of the index",
        "an entry that stays the same",
        "an entry that moves is removed and put",
        "an entry that stays where it is is written over",
        "an entry that goes",
        "a deleted item takes its entry along",
    ],
)
def test_units_of_a_write(old: Any, new: Any, units: int) -> None:
    assert OBJECTS.write_units(old, new, transaction=False) == units


def test_a_transaction_doubles_the_table_but_not_its_indexes() -> None:
    assert OBJECTS.write_units(row(size=1), row(size=2), transaction=True) == 2 * 1 + 2


@pytest.fixture
def metered() -> Iterator[tuple[Meter, Any]]:
    """A meter, and a client whose calls it counts, of a table `t`."""
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        session.client("dynamodb").create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "k", "AttributeType": "S"},
                {"AttributeName": "s", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        )
        meter = Meter({"t": Table(key=("k", "s"))})
        meter.attach(session)
        yield meter, session.client("dynamodb")


def keyed(sort: str, padding: int = 0) -> Any:
    return {"k": {"S": "k"}, "s": {"S": sort}} | ({"p": {"S": "x" * padding}} if padding else {})


@pytest.mark.parametrize(("consistent", "units"), [(True, 1 + 1 + 2), (False, (1 + 1 + 2) / 2)])
def test_each_item_of_a_batch_is_read_on_its_own_even_if_it_is_not_there(
    metered: tuple[Meter, Any], consistent: bool, units: float
) -> None:
    meter, client = metered
    client.put_item(TableName="t", Item=keyed("small"))
    client.put_item(TableName="t", Item=keyed("large", 5000))
    meter.start()
    keys = [keyed("small"), keyed("absent"), keyed("large")]
    client.batch_get_item(RequestItems={"t": {"Keys": keys, "ConsistentRead": consistent}})
    assert meter.read_units == units
    assert meter.calls == {"BatchGetItem": 1}


@pytest.mark.parametrize("select", [{}, {"Select": "COUNT"}], ids=["items", "count"])
@pytest.mark.parametrize(("items", "units"), [(0, 1), (3, 1), (5, 2)])
def test_what_a_query_goes_through_is_read_together(
    metered: tuple[Meter, Any], items: int, units: int, select: dict[str, str]
) -> None:
    meter, client = metered
    for number in range(items):
        client.put_item(TableName="t", Item=keyed(str(number), 1000))
    meter.start()
    for consistent in (True, False):
        client.query(
            TableName="t",
            KeyConditionExpression="k = :k",
            ExpressionAttributeValues={":k": {"S": "k"}},
            ConsistentRead=consistent,
            **select,
        )
    assert meter.read_units == units * 1.5


def test_an_update_is_paid_by_the_larger_of_what_was_and_what_is(metered: tuple[Meter, Any]) -> None:
    meter, client = metered
    client.put_item(TableName="t", Item=keyed("s", 3000))
    meter.start()
    client.update_item(TableName="t", Key=keyed("s"), UpdateExpression="REMOVE p")
    assert meter.write_units == 3
    client.update_item(
        TableName="t", Key=keyed("s"), UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "1"}}
    )
    assert meter.write_units == 3 + 1


def test_a_condition_that_does_not_hold_is_paid_by_what_is_there(metered: tuple[Meter, Any]) -> None:
    meter, client = metered
    client.put_item(TableName="t", Item=keyed("s", 3000))
    meter.start()
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(TableName="t", Item=keyed("s"), ConditionExpression="attribute_not_exists(k)")
    assert meter.write_units == 3
    assert meter.calls == {"PutItem": 1}


def test_deletes_of_a_batch_are_paid_each(metered: tuple[Meter, Any]) -> None:
    meter, client = metered
    client.put_item(TableName="t", Item=keyed("large", 2000))
    meter.start()
    requests = [{"DeleteRequest": {"Key": keyed(sort)}} for sort in ("large", "absent")]
    client.batch_write_item(RequestItems={"t": requests})
    assert meter.write_units == 2 + 1


def test_copies_are_charged_as_writes_heads_as_reads_and_deletes_not_at_all() -> None:
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
        boto3.client("s3", region_name="us-east-1").put_object(Bucket="bucket", Key="k")
        meter = Meter({})
        meter.attach(session)
        client = session.client("s3")
        client.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "k"})
        client.head_object(Bucket="bucket", Key="copy")
        client.delete_object(Bucket="bucket", Key="copy")
    assert meter.s3_requests == {"s3_writes": 1, "s3_reads": 1}
    assert meter.calls == {"CopyObject": 1, "HeadObject": 1, "DeleteObject": 1}


def test_what_was_answered_can_be_answered_again(metered: tuple[Meter, Any]) -> None:
    meter, client = metered
    client.put_item(TableName="t", Item=keyed("s", 10))
    meter.start()
    first = client.get_item(TableName="t", Key=keyed("s"))["Item"]
    session = boto3.Session(region_name="us-east-1")
    meter.replay(session)
    client.delete_item(TableName="t", Key=keyed("s"))
    assert session.client("dynamodb").get_item(TableName="t", Key=keyed("s"))["Item"] == first
