"""What Lambda delivers of a DynamoDB stream."""

from typing import Any

import pytest

from holdfast.events import dynamodb
from holdfast.events.dynamodb import NotAStream
from tests.unit.tables.domain import ARN, T0, a_record, an_item, keys


def test_a_record_is_read() -> None:
    batch = dynamodb.from_lambda({"Records": [a_record("a", an_item("a"), an_item("a", "0"), at=1, sequence=9)]})
    assert (batch.table, batch.stream_arn, batch.shard, batch.bad) == ("orders", ARN, None, [])
    [record] = batch.records
    assert (record.name, record.keys, record.new, record.old) == ("MODIFY", keys("a"), an_item("a"), an_item("a", "0"))
    assert (record.at, record.sequence, record.expired) == (T0 + 1, 9, False)


def test_the_shard_is_told_if_lambda_tells_it() -> None:
    assert dynamodb.from_lambda({"Records": [a_record("a")], "shardId": "shard-1"}).shard == "shard-1"


def test_of_a_fraction_of_a_second_the_second_counts() -> None:
    record = a_record("a", an_item("a"))
    record["dynamodb"]["ApproximateCreationDateTime"] = T0 + 0.999
    assert dynamodb.from_lambda({"Records": [record]}).records[0].at == T0


@pytest.mark.parametrize(
    "event", [{}, {"Records": []}, {"Records": [{}]}, {"Records": None}, {"Records": [{"Sns": {}}]}]
)
def test_another_event_is_refused_with_the_mend(event: dict[str, Any]) -> None:
    with pytest.raises(NotAStream, match="events/tables_archive"):
        dynamodb.from_lambda(event)


def test_records_of_two_streams_are_not_stored_as_one_tables() -> None:
    other = {**a_record("a"), "eventSourceARN": ARN.replace("orders", "customers")}
    with pytest.raises(NotAStream, match="of it is stored"):
        dynamodb.from_lambda({"Records": [a_record("a"), other]})
    untold = without(a_record("b", sequence=2), "eventSourceARN")
    assert len(dynamodb.from_lambda({"Records": [a_record("a"), untold]}).records) == 2


def told(**changed: Any) -> dict[str, Any]:
    record = a_record("a", an_item("a"))
    return {**record, "dynamodb": {**record["dynamodb"], **changed}}


def without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return record


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (without(a_record("a", an_item("a")), "eventName"), "it has no 'eventName'"),
        ({**a_record("a", an_item("a")), "eventName": "TRUNCATE"}, "its eventName is 'TRUNCATE'"),
        (without(a_record("a", an_item("a")), "dynamodb", "Keys"), "it has no 'Keys'"),
        (without(a_record("a", an_item("a")), "dynamodb", "ApproximateCreationDateTime"), "ApproximateCreation"),
        ({**a_record("a"), "eventName": "MODIFY"}, "the stream's view type must be NEW_AND_OLD_IMAGES"),
        (a_record("a", {"pk": {"S": "a"}, "x": {"Q": "?"}}), "NewImage: attribute 'x' is of type 'Q'"),
        (a_record("a", None, {"x": {"N": "?"}}), "'?' is not a number"),
        ({"eventSourceARN": ARN}, "it has no 'eventName'"),
        # Such a name would be no segment's: nobody would read what is stored with it.
        (told(ApproximateCreationDateTime=T0 * 1000), "is no time in seconds"),
        (told(ApproximateCreationDateTime=-1), "-1, is no time in seconds"),
        (told(ApproximateCreationDateTime=float("inf")), "infinity"),
        (told(ApproximateCreationDateTime="2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z"),
        (told(SequenceNumber="-7"), "its SequenceNumber is '-7'"),
        (told(SequenceNumber="1_0"), "its SequenceNumber is '1_0'"),
    ],
)
def test_a_record_that_cannot_be_read_is_set_apart_as_it_came(record: dict[str, Any], why: str) -> None:
    good = a_record("b", an_item("b"), sequence=2)
    batch = dynamodb.batch("orders", ARN, [good, record], None)
    assert [one.sequence for one in batch.records] == [2]
    [bad] = batch.bad
    assert bad.raw is record
    assert bad.sequence == record.get("dynamodb", {}).get("SequenceNumber", "")
    assert why in bad.why
