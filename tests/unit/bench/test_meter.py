"""The rules by which DynamoDB counts, as its Developer Guide states them."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from bench.capacity.meter import Meter, Table, Unmetered, item_size

OBJECTS = Table(key=("bucket", "name"), indexes=(("bucket", "size"),))


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
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(item: Any, size: int) -> None:
    assert item_size(item) == size


def test_a_value_that_nobody_taught_the_meter_is_not_guessed() -> None:
    with pytest.raises(Unmetered):
        item_size({"list": {"L": []}})


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
        "an entry that goes",
        "a deleted item takes its entry along",
    ],
)
def test_units_of_a_write(old: Any, new: Any, units: int) -> None:
    assert OBJECTS.write_units(old, new, transaction=False) == units


def test_a_transaction_doubles_the_table_but_not_its_indexes() -> None:
    assert OBJECTS.write_units(row(size=1), row(size=2), transaction=True) == 2 * 1 + 2


@pytest.mark.parametrize(("consistent", "units"), [(True, 1 + 1 + 2), (False, (1 + 1 + 2) / 2)])
def test_each_item_of_a_batch_is_read_on_its_own_even_if_it_is_not_there(consistent: bool, units: float) -> None:
    keys: Any = [{"k": {"S": name}} for name in ("small", "absent", "large")]
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        session.client("dynamodb").create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        )
        meter = Meter({"t": Table(key=("k",))})
        meter.attach(session.events)
        client = session.client("dynamodb")
        client.put_item(TableName="t", Item={"k": {"S": "small"}})
        client.put_item(TableName="t", Item={"k": {"S": "large"}, "p": {"S": "x" * 5000}})
        meter.start()
        client.batch_get_item(RequestItems={"t": {"Keys": keys, "ConsistentRead": consistent}})
    assert meter.read_units == units
    assert meter.calls == {"BatchGetItem": 1}
