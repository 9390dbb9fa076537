"""`Ledger`, in DynamoDB and in memory: one atomic commit, and what is read afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from holdfast.adapters.dynamodb import DynamoLedger
from holdfast.adapters.dynamodb_history import DynamoHistory
from holdfast.adapters.memory import MemoryHistory, MemoryLedger
from holdfast.capacity.model import (
    BucketState,
    Commit,
    HistoryPoint,
    HistoryRow,
    ObjectRow,
    ReconcileProgress,
    Tracked,
)
from holdfast.capacity.plan import plan_events
from holdfast.capacity.ports import History, Ledger
from holdfast.events.model import ObjectEvent, sequencer
from holdfast.ports import Conflict
from tests import aws
from tests.unit.capacity.domain import HOSTILE_NAMES, at


@dataclass(frozen=True)
class Book:
    """A ledger as one bucket has it, and the history that is read from it."""

    ledger: Ledger
    history: History
    bucket: str

    def read(self, *names: str) -> tuple[BucketState, dict[str, ObjectRow]]:
        return self.ledger.read(self.bucket, names)

    def row(self, name: str) -> ObjectRow | None:
        return self.read(name)[1].get(name)

    def plan(self, *sizes: tuple[str, int | None], seq: str = "01") -> Commit:
        """What these objects' creates, or deletes where there is no size, come to."""
        state, rows = self.read(*{name for name, _ in sizes})
        events = [
            ObjectEvent(self.bucket, name, "ObjectCreated:Put", sequencer(seq), at(1), size) for name, size in sizes
        ]
        commit = plan_events(state, rows, events, at(2)).commit
        assert commit
        return commit

    def write(self, *sizes: tuple[str, int | None], seq: str = "01") -> None:
        """Commit them, as many at a time as a transaction holds."""
        for first in range(0, len(sizes), 49):
            self.ledger.commit(self.plan(*sizes[first : first + 49], seq=seq))

    def rows(self, after: str = "") -> list[ObjectRow]:
        return list(self.ledger.rows(self.bucket, after))

    def largest(self) -> list[Tracked]:
        return list(self.ledger.largest(self.bucket))

    def points(self) -> list[HistoryPoint]:
        return list(self.history.points(self.bucket, at(0), at(60)))

    def everything(self) -> tuple[object, ...]:
        return self.read(), self.rows(), self.points()


@pytest.fixture(params=["memory", "dynamodb"])
def book(request: pytest.FixtureRequest, bucket_name: str) -> Book:
    if request.param == "memory":
        memory = MemoryLedger()
        return Book(memory, MemoryHistory(memory), bucket_name)
    tables = request.getfixturevalue("stack").tables
    client = boto3.client("dynamodb")
    ledger = DynamoLedger(client, tables["ObjectTable"], tables["HistoryTable"])
    return Book(ledger, DynamoHistory(client, tables["HistoryTable"]), bucket_name)


# Reading what was committed


def test_of_a_new_bucket_nothing_is_known(book: Book) -> None:
    assert book.read("a") == (BucketState(book.bucket), {})
    assert book.rows() == []
    assert book.largest() == []


def test_a_commit_is_read_back_as_it_was(book: Book) -> None:
    commit = book.plan(("a", 18), ("b", 28))
    book.ledger.commit(commit)
    assert book.read("a", "b") == (commit.after, {row.name: row for _, row in commit.rows})
    assert book.points() == [HistoryPoint(at(2), 18), HistoryPoint(at(2), 46)]


def test_a_tombstone_is_read_back_as_it_was(book: Book) -> None:
    book.write(("a", 18))
    book.write(("a", None), seq="02")
    assert book.row("a") == ObjectRow(book.bucket, "a", None, sequencer("02"), at(1), last_size=18)


def test_a_row_that_only_a_listing_told_of_is_read_back_as_it_was(book: Book) -> None:
    commit = book.plan(("a", 0), seq="00")
    book.ledger.commit(commit)
    assert book.row("a") == ObjectRow(book.bucket, "a", 0, sequencer(""), at(1), last_size=0)


def test_only_the_rows_that_were_asked_for_come(book: Book) -> None:
    book.write(("a", 18), ("b", 28))
    assert set(book.read("b", "c")[1]) == {"b"}


def test_a_commit_may_change_the_state_alone(book: Book) -> None:
    book.write(("a", 18))
    before, _ = book.read()
    after = replace(before, total_size=7, version=before.version + 1)
    book.ledger.commit(Commit(before, after, (), ()))
    assert book.read()[0] == after


def test_sizes_larger_than_a_float_holds_are_exact(book: Book) -> None:
    book.write(("a", 2**60 + 1))
    assert book.read()[0].total_size == 2**60 + 1
    assert book.largest() == [Tracked("a", 2**60 + 1)]


def test_more_rows_than_one_request_reads_all_come(book: Book) -> None:
    names = [f"{n:03}" for n in range(230)]
    book.write(*((name, 1) for name in names))
    state, rows = book.read(*names)
    assert (state.object_count, sorted(rows)) == (230, names)


# Names


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name[:20]))
def test_an_object_of_any_name_is_an_object(book: Book, name: str) -> None:
    book.write((name, 18), ("other", 5))
    state, rows = book.read(name)
    assert (state.total_size, state.object_count) == (23, 2)
    assert rows[name].size == 18
    assert {row.name for row in book.rows()} == {name, "other"}
    assert book.largest() == [Tracked(name, 18), Tracked("other", 5)]


@pytest.mark.parametrize("name", ["__STATE__", "__RECONCILE__"])
def test_a_reserved_name_hides_nothing_and_changes_nothing_of_ours(book: Book, name: str) -> None:
    book.ledger.save_progress(book.bucket, ReconcileProgress(after="m"))
    book.write((name, 18))
    book.write((name, None), seq="02")
    state, rows = book.read(name)
    assert (state.total_size, state.version) == (0, 2)
    assert rows[name].size is None
    assert book.ledger.progress(book.bucket) == ReconcileProgress(after="m")


def test_buckets_know_nothing_of_each_other(book: Book) -> None:
    book.write(("a", 18))
    other = replace(book, bucket=f"{book.bucket}-other")
    assert other.everything() == ((BucketState(other.bucket), {}), [], [])
    assert other.largest() == []
    other.write(("a", 5))
    assert book.largest() == [Tracked("a", 18)]


# Conflicts


def test_a_commit_on_a_state_that_has_changed_writes_nothing(book: Book) -> None:
    late = book.plan(("a", 18), ("b", 28))
    book.write(("c", 1))
    before = book.everything()
    with pytest.raises(Conflict, match=f"the state of {book.bucket}"):
        book.ledger.commit(late)
    assert book.everything() == before


def test_the_same_commit_twice_is_a_conflict(book: Book) -> None:
    commit = book.plan(("a", 18))
    book.ledger.commit(commit)
    before = book.everything()
    with pytest.raises(Conflict):
        book.ledger.commit(commit)
    assert book.everything() == before


def on_the_state_of_now(book: Book, commit: Commit) -> Commit:
    """The same rows and history, as if only the rows had changed meanwhile."""
    state, _ = book.read()
    return replace(commit, before=state, after=replace(commit.after, version=state.version + 1))


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [
        ([], ("a", 5, "01")),
        ([("a", 18, "01")], ("a", 18, "02")),
        ([("a", 18, "01")], ("a", None, "02")),
        ([("a", 18, "01"), ("a", None, "02")], ("a", 18, "03")),
    ],
    ids=["appeared", "same size, newer event", "deleted", "came back"],
)
def test_a_commit_on_a_row_that_has_changed_writes_nothing(
    book: Book, before: Sequence[tuple[str, int | None, str]], meanwhile: tuple[str, int | None, str]
) -> None:
    for name, size, seq in before:
        book.write((name, size), seq=seq)
    late = book.plan(("a", 99), ("b", 1), seq="09")
    name, size, seq = meanwhile
    book.write((name, size), seq=seq)
    seen = book.everything()
    with pytest.raises(Conflict):
        book.ledger.commit(on_the_state_of_now(book, late))
    assert book.everything() == seen


def test_a_row_that_was_repaired_meanwhile_is_a_conflict_though_its_order_stayed(book: Book) -> None:
    book.write(("a", 18))
    late = book.plan(("a", 99), seq="09")
    state, rows = book.read("a")
    repaired = replace(rows["a"], size=20, last_size=20)
    book.ledger.commit(Commit(state, replace(state, version=state.version + 1), ((rows["a"], repaired),), ()))
    with pytest.raises(Conflict):
        book.ledger.commit(on_the_state_of_now(book, late))
    assert book.row("a") == repaired


# Walking


def test_the_largest_come_first_without_what_is_gone(book: Book) -> None:
    sizes = {f"{n:02}": n for n in range(25)}
    book.write(*sizes.items(), ("gone", 99))
    book.write(("gone", None), seq="02")
    assert book.largest() == [Tracked(f"{n:02}", n) for n in reversed(range(25))]


IN_UTF8_ORDER = ["A", "a", "a/b", "ab", "é", "日", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}"]
"""In UTF-16 the last would come before the one but last."""


def test_rows_come_in_the_order_of_their_names_bytes(book: Book) -> None:
    book.write(*((name, 1) for name in reversed(IN_UTF8_ORDER)))
    assert [row.name for row in book.rows()] == IN_UTF8_ORDER


@pytest.mark.parametrize("position", range(len(IN_UTF8_ORDER)))
def test_rows_go_on_behind_a_name(book: Book, position: int) -> None:
    book.write(*((name, 1) for name in IN_UTF8_ORDER))
    assert [row.name for row in book.rows(after=IN_UTF8_ORDER[position])] == IN_UTF8_ORDER[position + 1 :]


def test_rows_go_on_behind_a_name_that_has_no_row(book: Book) -> None:
    book.write(("a", 1), ("c", 1))
    assert [row.name for row in book.rows(after="b")] == ["c"]


def test_rows_have_tombstones_too(book: Book) -> None:
    book.write(("a", 18), ("b", 28))
    book.write(("a", None), seq="02")
    assert [(row.name, row.size, row.last_size) for row in book.rows()] == [("a", None, 18), ("b", 28, 28)]


# Marks


def test_an_eviction_is_noted_and_goes_with_the_delete_into_the_history(book: Book) -> None:
    book.write(("a", 18))
    book.ledger.mark_eviction(book.bucket, Tracked("a", 18), 'the "largest"\n')
    row = book.row("a")
    assert row
    assert row.eviction == 'the "largest"\n'
    book.write(("a", None), seq="02")
    assert book.points()[-1] == HistoryPoint(at(2), 0, evicted="a")


def test_a_mark_does_not_stand_in_the_way_of_a_commit(book: Book) -> None:
    book.write(("a", 18))
    commit = book.plan(("a", 20), seq="02")
    book.ledger.mark_eviction(book.bucket, Tracked("a", 18), "the largest")
    book.ledger.commit(commit)
    row = book.row("a")
    assert row
    assert (row.size, row.eviction) == (20, None)


def test_a_row_that_is_not_as_tracked_any_more_is_not_marked(book: Book) -> None:
    book.write(("a", 18), ("gone", 18))
    book.write(("gone", None), seq="02")
    before = book.rows()
    for name in ("a", "gone", "never"):
        book.ledger.mark_eviction(book.bucket, Tracked(name, 28), "the largest")
    assert book.rows() == before


# How far reconciliation came


def test_the_first_pass_has_no_progress(book: Book) -> None:
    assert book.ledger.progress(book.bucket) == ReconcileProgress()


@pytest.mark.parametrize(
    "progress",
    [
        ReconcileProgress(after="é\n\N{GRINNING FACE}", noncurrent_so_far=7),
        ReconcileProgress(after="m", completed_at=at(5), noncurrent_size=2**60 + 1, multipart_size=9),
        ReconcileProgress(completed_at=at(5)),
    ],
)
def test_progress_is_read_back_as_it_was_saved(book: Book, progress: ReconcileProgress) -> None:
    book.ledger.save_progress(book.bucket, ReconcileProgress(after="z", noncurrent_so_far=99, multipart_size=99))
    book.ledger.save_progress(book.bucket, progress)
    assert book.ledger.progress(book.bucket) == progress


# What only DynamoDB has


def items(stack: aws.Stack, table: str, bucket: str) -> Sequence[Mapping[str, Any]]:
    return boto3.client("dynamodb").query(
        TableName=stack.tables[table],
        KeyConditionExpression="bucket_name = :bucket",
        ExpressionAttributeValues={":bucket": {"S": bucket}},
    )["Items"]


@pytest.fixture
def dynamo(stack: aws.Stack) -> DynamoLedger:
    tables = stack.tables
    return DynamoLedger(boto3.client("dynamodb"), tables["ObjectTable"], tables["HistoryTable"], history_days=400)


DAY = 24 * 60 * 60


def test_tombstones_expire_and_objects_do_not(stack: aws.Stack, dynamo: DynamoLedger, bucket_name: str) -> None:
    book = Book(dynamo, MemoryHistory(MemoryLedger()), bucket_name)
    book.write(("a", 18), ("gone", 28))
    book.write(("gone", None), seq="02")
    expiries = {item["object_name"]["S"]: item.get("expires_at") for item in items(stack, "ObjectTable", bucket_name)}
    assert expiries == {"a": None, "gone": {"N": str(int(at(1).timestamp()) + 30 * DAY)}}


def test_history_rows_hold_all_that_they_tell_and_expire(
    stack: aws.Stack, dynamo: DynamoLedger, bucket_name: str
) -> None:
    state = BucketState(bucket_name)
    row = HistoryRow(bucket_name, "1#2", "a", "ObjectRemoved:Delete", -18, 0, at(1), eviction="the largest")
    dynamo.commit(Commit(state, replace(state, version=1), (), (row,)))
    assert items(stack, "HistoryTable", bucket_name) == [
        {
            "bucket_name": {"S": bucket_name},
            "event_key": {"S": "1#2"},
            "object_name": {"S": "a"},
            "event_type": {"S": "ObjectRemoved:Delete"},
            "size_delta": {"N": "-18"},
            "total_size": {"N": "0"},
            "time": {"S": "2026-01-01T00:00:01+00:00"},
            "eviction": {"S": "the largest"},
            "expires_at": {"N": str(int(at(1).timestamp()) + 400 * DAY)},
        }
    ]


# What DynamoDB may answer, and moto does not


@pytest.fixture
def answers() -> Iterator[Any]:
    """DynamoDB, answering as it is told."""
    client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber


def state_item(bucket: str, total_size: int) -> dict[str, Any]:
    numbers = {"total_size": total_size, "object_count": 1, "version": 1}
    return {
        "bucket_name": {"S": "__STATE__"},
        "object_name": {"S": bucket},
        **{name: {"N": str(number)} for name, number in numbers.items()},
    }


def test_what_one_answer_leaves_out_is_asked_for_again(answers: Any) -> None:
    key = {"bucket_name": {"S": "__STATE__"}, "object_name": {"S": "watched"}}
    unprocessed = {"objects": {"Keys": [key], "ConsistentRead": True}}
    answers.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": unprocessed})
    answers.add_response(
        "batch_get_item", {"Responses": {"objects": [state_item("watched", 18)]}, "UnprocessedKeys": {}}
    )
    state, _ = DynamoLedger(answers.client, "objects", "history").read("watched", [])
    assert state.total_size == 18


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (["ConditionalCheckFailed", "None"], Conflict),
        (["None", "TransactionConflict"], Conflict),
        (["ConditionalCheckFailed", "ThrottlingError"], ClientError),
        (["ValidationError", "None"], ClientError),
    ],
)
def test_only_other_writers_make_a_conflict(answers: Any, codes: list[str], error: type[Exception]) -> None:
    reasons = {"CancellationReasons": [{"Code": code} for code in codes]}
    answers.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
    state = BucketState("watched")
    with pytest.raises(error):
        DynamoLedger(answers.client, "objects", "history").commit(Commit(state, replace(state, version=1), (), ()))
