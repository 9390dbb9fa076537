"""What Lambda gave up, replayed: what is stored, what stays in the queue, and what was lost."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryFailureQueue
from holdfast.events.failed_batch import FailedBatch, NotAFailedBatch, parse
from holdfast.tables.model import Gap
from holdfast.tables.redrive import Redriven, Redriver, waiting
from tests.unit.tables.domain import ARN, T0, TABLE, an_item, id_of
from tests.unit.tables.in_use import SHARD, InUse

LAYOUTS = pytest.mark.parametrize("layout", ["segment", "item"])
POISON = {"pk": {"S": "p"}, "value": {"Q": "?"}}


def told(first: int, last: int, records: int, *, at: int = 1000, until: int | None = None, arn: str = ARN) -> str:
    """What Lambda sends. `at` and `until`: seconds since T0."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-01-02T00:00:00.000Z",
            "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 21},
            "DDBStreamBatchInfo": {
                "shardId": SHARD,
                "startSequenceNumber": str(first),
                "endSequenceNumber": str(last),
                "approximateArrivalOfFirstRecord": _time(at),
                "approximateArrivalOfLastRecord": _time(at if until is None else until),
                "batchSize": records,
                "streamArn": arn,
            },
        }
    )


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(T0 + seconds, UTC).isoformat().replace("+00:00", "Z")


class Failed(InUse):
    """A table in use, and what Lambda gave up of its stream."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.queue = MemoryFailureQueue()

    def give_up(self) -> str:
        """All that is not delivered."""
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in self.undelivered]
        times = [record["dynamodb"]["ApproximateCreationDateTime"] - T0 for record in self.undelivered]
        body = told(numbers[0], numbers[-1], len(numbers), at=times[0], until=times[-1])
        self.undelivered = []
        return self.queue.send(body)

    def redrive(self) -> list[Redriven]:
        redriver = Redriver(
            queue=self.queue,
            stream_of=lambda _: self.stream,
            table_of=lambda _: self.table,
            archive_of=lambda _: self.archived.archive,
            fill=self.fill,
            tenant_column=self.tenant_column,
            now=self.now,
            log=self.note,
        )
        return [redriver.redrive(one) for one in waiting(self.queue)]


def poison(table: Failed) -> dict[str, Any]:
    """The newest record cannot be read. Returns it as it should be."""
    record = table.stream.open_shards[SHARD][-1]
    right = dict(record["dynamodb"])
    record["dynamodb"]["NewImage"] = POISON
    return right


# What is stored


@LAYOUTS
def test_a_batch_that_was_given_up_completes_the_archive(layout: str) -> None:
    table = Failed(layout)
    table.put("a", "1")
    table.put("b", "1")
    table.seconds += 1
    table.put("a", "2")
    table.remove("b")
    table.give_up()
    [done] = table.redrive()
    assert (done.stored, done.gap, done.stays) == (4, None, None)
    assert table.queue.messages == {}
    assert table.archived.at(1000) == [an_item("a", "1"), an_item("b", "1")]
    assert table.archived.at(1001) == [an_item("a", "2")]


def test_replaying_what_is_stored_changes_nothing() -> None:
    table = Failed()
    table.put("a", "1")
    records = list(table.undelivered)
    table.give_up()
    table.archived(*records)
    [done] = table.redrive()
    assert done.stays is None
    assert [change.moment.sequence for change in table.archived.view.history(id_of("a"))] == [101]


@pytest.mark.parametrize("removed", [False, True])
def test_an_object_is_written_only_if_nothing_newer_is_there(removed: bool) -> None:
    table = Failed("item")
    table.put("a", "1")
    table.give_up()
    table.seconds += 1
    table.remove("a") if removed else table.put("a", "2")
    table.deliver()
    table.redrive()
    there = [] if removed else [an_item("a", "2")]
    assert list(table.archived.objects_there().values()) == there
    assert table.archived.at(1000) == [an_item("a", "1")]
    assert table.archived.at(1001) == there


def test_an_object_whose_removal_was_given_up_is_removed() -> None:
    table = Failed("item")
    table.put("a", "1")
    table.deliver()
    table.remove("a")
    table.give_up()
    table.redrive()
    assert table.archived.objects_there() == {}


def test_an_object_that_was_put_again_after_its_removal_stays() -> None:
    table = Failed("item")
    table.put("a", "1")
    table.deliver()
    table.remove("a")
    table.give_up()
    table.seconds += 1
    table.put("a", "2")
    table.deliver()
    table.redrive()
    assert list(table.archived.objects_there().values()) == [an_item("a", "2")]


def test_an_object_that_is_put_again_while_it_is_removed_comes_back() -> None:
    table = Failed("item")
    table.put("a", "1")
    table.deliver()
    table.remove("a")
    table.give_up()
    remove = table.archived.objects.remove

    def put_again(key: str) -> None:
        table.archived.objects.remove = remove  # type: ignore[method-assign]
        table.seconds += 1
        table.put("a", "2")
        table.deliver()
        remove(key)

    table.archived.objects.remove = put_again  # type: ignore[method-assign]
    table.redrive()
    assert list(table.archived.objects_there().values()) == [an_item("a", "2")]


def test_an_item_that_moved_leaves_no_object_under_its_old_tenant() -> None:
    table = Failed("item", "who")
    table.put("a", "1", who={"S": "x"})
    table.deliver()
    table.put("a", "2", who={"S": "y"})
    table.give_up()
    table.redrive()
    assert table.archived.objects_there() == {f"p/{TABLE}/y/{id_of('a')}": an_item("a", "2", who={"S": "y"})}


def test_a_table_that_is_gone_does_not_keep_its_records_from_being_stored() -> None:
    table = Failed("item")
    table.put("a", "1")
    table.give_up()
    table.table.description = None
    [done] = table.redrive()
    assert done.stays is None
    assert table.archived.at(1000) == [an_item("a", "1")]


# What stays


def test_a_record_that_still_cannot_be_read_stays_and_the_others_are_stored() -> None:
    table = Failed()
    table.put("a", "1")
    table.put("p", "?")
    poison(table)
    message = table.give_up()
    [done] = table.redrive()
    assert done.stored == 1
    assert done.stays
    assert done.stays.startswith("record 102 cannot be read: NewImage")
    assert list(table.queue.messages) == [message]
    assert table.queue.hidden == set()
    assert table.archived.at(1000) == [an_item("a", "1")]


def test_until_a_record_can_be_read_it_is_a_gap() -> None:
    """Its message is gone after two weeks; that the archive lacks it has to be told for longer."""
    table = Failed()
    table.put("p", "1")
    right = poison(table)
    table.give_up()
    table.redrive()
    [gap] = table.archived.archive.gaps()
    assert (gap.records, gap.shard) == (1, SHARD)
    assert gap.why.startswith("records cannot be read: NewImage")
    assert not table.archived.view.at(T0 + 1000).is_complete
    shard = table.stream.open_shards[SHARD]
    shard[-1] = {**shard[-1], "dynamodb": right}
    [done] = table.redrive()
    assert (done.stored, done.stays) == (1, None)
    assert table.archived.archive.gaps() == []


def test_what_stops_one_batch_does_not_stop_the_others() -> None:
    table = Failed()
    table.put("a", "1")
    table.queue.send("{}")
    table.queue.send(told(1, 1, 1, arn="arn:aws:dynamodb:us-east-1:123456789012:table"))
    table.give_up()
    done = table.redrive()
    assert [one.stays is None for one in done] == [False, False, True]
    assert all("it is not what Lambda tells" in str(one.stays) for one in done[:2])
    assert table.archived.at(1000) == [an_item("a", "1")]


def test_a_batch_that_cannot_be_stored_stays_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Failed()
    table.put("a", "1")
    table.give_up()

    def full(*_: object) -> None:
        raise OSError("the bucket is closed")

    monkeypatch.setattr(table.archived.store, "write", full)
    [done] = table.redrive()
    assert done.stays == "the bucket is closed"
    assert len(table.queue.messages) == 1
    assert table.queue.hidden == set()


def test_only_the_messages_of_a_table_are_taken() -> None:
    queue = MemoryFailureQueue()
    mine = queue.send(told(1, 1, 1))
    queue.send(told(1, 1, 1, arn=ARN.replace(TABLE, "others")))
    queue.send("nothing")
    assert [one.message.message_id for one in waiting(queue, TABLE)] == [mine]
    assert queue.hidden == {mine}


# What was lost


def test_what_the_stream_dropped_becomes_a_gap() -> None:
    table = Failed()
    table.put("a", "1")
    table.seconds += 5
    table.put("b", "1")
    table.give_up()
    table.lose()
    [done] = table.redrive()
    gap = Gap(
        T0 + 1000,
        T0 + 1005,
        "the stream had dropped these records before they were stored",
        records=2,
        shard=SHARD,
    )
    assert (done.stored, done.gap, done.stays) == (0, gap, None)
    assert table.archived.archive.gaps() == [gap]
    assert table.queue.messages == {}


def test_what_the_stream_still_holds_of_a_batch_is_stored() -> None:
    table = Failed()
    table.put("a", "1")
    table.put("b", "1")
    table.give_up()
    table.stream.trimmed = 101
    [done] = table.redrive()
    assert done.gap
    assert (done.stored, done.gap.records) == (1, 1)
    assert table.archived.at(1000) == [an_item("b", "1")]


def test_a_record_that_was_kept_as_unreadable_outlives_the_stream() -> None:
    table = Failed()
    table.put("p", "1")
    right = poison(table)
    table.archived(*table.undelivered)
    table.give_up()
    table.lose()
    [done] = table.redrive()
    assert (done.stored, done.gap) == (0, None)
    assert done.stays

    table.archived.archive.reject("101", {"eventName": "INSERT", "dynamodb": right})
    [done] = table.redrive()
    assert (done.stored, done.gap, done.stays) == (1, None, None)
    assert table.archived.at(1000) == [an_item("p", "1")]


def test_what_was_stored_before_lambda_gave_it_up_is_no_gap() -> None:
    table = Failed()
    table.put("a", "1")
    table.put("b", "1")
    records = list(table.undelivered)
    table.give_up()
    table.archived(*records)
    table.lose()
    [done] = table.redrive()
    assert (done.stored, done.gap, done.stays) == (0, None, None)
    assert table.archived.archive.gaps() == []


def test_a_shard_that_is_gone_has_dropped_all_of_it() -> None:
    table = Failed()
    table.put("a", "1")
    table.give_up()
    table.stream.open_shards.clear()
    [done] = table.redrive()
    assert done.gap
    assert done.gap.records == 1


# Messages


def test_a_message_of_lambda_is_read() -> None:
    assert parse(told(100, 120, 3, at=7, until=9)) == FailedBatch(
        table=TABLE,
        stream_arn=ARN,
        shard=SHARD,
        first=100,
        last=120,
        records=3,
        first_at=T0 + 7,
        last_at=T0 + 9,
        condition="RetryAttemptsExhausted",
    )


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "null", '{"DDBStreamBatchInfo": null}', told(1, 1, 1).replace("Z", "?")]
)
def test_what_is_not_a_message_of_lambda_is_told_as_such(body: str) -> None:
    with pytest.raises(NotAFailedBatch, match="it is not what Lambda tells of a stream's failed batch"):
        parse(body)
