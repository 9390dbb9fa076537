"""`History`, in DynamoDB and in memory: what the ledger of the same side wrote is what is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import boto3
import pytest
from moto import mock_aws

from holdfast.adapters.dynamodb import DynamoLedger
from holdfast.adapters.dynamodb_history import DynamoHistory
from holdfast.adapters.memory import MemoryHistory, MemoryLedger
from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.plan import event_key, plan_events
from holdfast.capacity.ports import History, Ledger
from holdfast.capacity.query import RangeTooLarge
from holdfast.events.model import ObjectEvent, sequencer
from tests import aws

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


@dataclass
class Side:
    """A ledger, and the history that is read from it."""

    ledger: Ledger
    history: History
    events: int = 0

    def happens(self, at: datetime, name: str, size: int | None, *, bucket: str = "watched") -> None:
        """An object is written, or deleted if it has no size, and tracked at once."""
        self.events += 1
        event = ObjectEvent(bucket, name, "ObjectCreated:Put", sequencer(f"{self.events:08X}"), at, size)
        state, rows = self.ledger.read(bucket, [name])
        commit = plan_events(state, rows, [event], at).commit
        assert commit
        self.ledger.commit(commit)

    def evicted(self, at: datetime, name: str) -> None:
        tracked = next(tracked for tracked in self.ledger.largest("watched") if tracked.name == name)
        self.ledger.mark_eviction("watched", tracked, "the largest that may go")
        self.happens(at, name, None)

    def points(self, start: datetime, end: datetime) -> list[HistoryPoint]:
        return list(self.history.points("watched", start, end))


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    """DynamoDB with the template's tables, by their logical ids."""
    resources = aws.template()["Resources"]
    with mock_aws():
        client: Any = boto3.client("dynamodb", "us-east-1")
        for table in ("ObjectTable", "HistoryTable"):
            stated = resources[table]["Properties"]
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            client.create_table(TableName=table, **{key: stated[key] for key in wanted if key in stated})
        yield client


@pytest.fixture(params=["memory", "dynamodb"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "memory":
        ledger = MemoryLedger()
        return Side(ledger, MemoryHistory(ledger))
    client = request.getfixturevalue("dynamodb")
    return Side(DynamoLedger(client, "ObjectTable", "HistoryTable"), DynamoHistory(client, "HistoryTable"))


def test_changes_come_oldest_first_with_the_total_behind_each(side: Side) -> None:
    side.happens(START, "a", 18)
    side.happens(START + SECOND, "b", 28)
    side.happens(START + 2 * SECOND, "a", None)
    assert side.points(START, START + 3 * SECOND) == [
        HistoryPoint(START, 18),
        HistoryPoint(START + SECOND, 46),
        HistoryPoint(START + 2 * SECOND, 28),
    ]


def test_changes_of_one_millisecond_come_in_the_order_in_which_they_were_applied(side: Side) -> None:
    for size in range(1, 12):
        side.happens(START, "a", size)
    assert [point.total_size for point in side.points(START, START + SECOND)] == list(range(1, 12))


def test_a_range_has_its_start_and_not_its_end(side: Side) -> None:
    for n in range(4):
        side.happens(START + n * MILLISECOND, "a", n)
    within = side.points(START + MILLISECOND, START + 3 * MILLISECOND)
    assert [point.total_size for point in within] == [1, 2]


@pytest.mark.parametrize("name", ["assignment2.txt", 'ü, "\n../日本', "__STATE__", "x" * 1024])
def test_an_eviction_carries_the_name_of_its_object(side: Side, name: str) -> None:
    side.happens(START, name, 28)
    side.evicted(START + SECOND, name)
    assert side.points(START, START + 2 * SECOND) == [
        HistoryPoint(START, 28),
        HistoryPoint(START + SECOND, 0, name),
    ]


def test_the_last_change_before_a_range_is_the_nearest(side: Side) -> None:
    side.happens(START, "a", 18)
    side.happens(START + SECOND, "a", 28)
    assert side.history.last_before("watched", START) is None
    assert side.history.last_before("watched", START + MILLISECOND) == HistoryPoint(START, 18)
    assert side.history.last_before("watched", START + SECOND) == HistoryPoint(START, 18)
    assert side.history.last_before("watched", START + 2 * SECOND) == HistoryPoint(START + SECOND, 28)


def test_buckets_have_histories_of_their_own(side: Side) -> None:
    side.happens(START, "a", 18, bucket="another")
    assert side.points(START, START + SECOND) == []
    assert side.history.last_before("watched", START + SECOND) is None


def test_a_total_larger_than_a_float_holds_is_exact(side: Side) -> None:
    side.happens(START, "a", 2**60 + 1)
    assert side.points(START, START + SECOND) == [HistoryPoint(START, 2**60 + 1)]


# What only a table can do


def write_rows(client: Any, count: int) -> None:
    """As many changes, one a millisecond, of an object with so long a name that about a thousand fill a page."""
    requests = [
        {
            "PutRequest": {
                "Item": {
                    "bucket_name": {"S": "watched"},
                    "event_key": {"S": event_key(START + number * MILLISECOND, number)},
                    "object_name": {"S": "x" * 1000},
                    "total_size": {"N": str(number)},
                }
            }
        }
        for number in range(1, count + 1)
    ]
    for some in batched(requests, 25, strict=False):
        client.batch_write_item(RequestItems={"HistoryTable": list(some)})


def test_a_history_of_many_pages_comes_whole(dynamodb: Any) -> None:
    write_rows(dynamodb, 2500)
    points = DynamoHistory(dynamodb, "HistoryTable").points("watched", START, START + timedelta(hours=1))
    assert [point.total_size for point in points] == list(range(1, 2501))


def test_a_range_with_too_many_changes_is_refused_with_their_number(dynamodb: Any) -> None:
    write_rows(dynamodb, 2500)
    history = DynamoHistory(dynamodb, "HistoryTable", most_rows=2499)
    with pytest.raises(RangeTooLarge) as refused:
        list(history.points("watched", START, START + timedelta(hours=1)))
    assert (refused.value.changes, refused.value.most) == (2500, 2499)
    assert len(list(history.points("watched", START, START + 2500 * MILLISECOND))) == 2499


def test_an_error_of_the_table_stays_the_error_that_it_is(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        DynamoHistory(dynamodb, "NoSuchTable").last_before("watched", START)
