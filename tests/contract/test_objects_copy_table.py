"""`CopyTable`, in DynamoDB and in memory: the life of a row, and what nobody's row can be taken for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

import boto3
import pytest
from botocore.stub import Stubber

from holdfast.adapters.dynamodb_items import from_item
from holdfast.adapters.dynamodb_objects import DynamoCopyTable
from holdfast.adapters.memory_objects import MemoryCopyTable
from holdfast.events.model import Sequencer
from holdfast.objects import naming
from holdfast.objects.model import Copy, Deletion, DisownedCopy, Kept, Original, Status, Stored, Version
from holdfast.objects.ports import CopyTable
from holdfast.ports import Conflict
from tests.unit.capacity.domain import HOSTILE_NAMES, at

NOW = at(1000)
STORED = Stored("copied", "CRC64NVME:AAAAAAAAAAA=", "copy-version")
_numbers = count(1)


@pytest.fixture(params=["memory", "moto", "engine"])
def table(request: pytest.FixtureRequest) -> CopyTable:
    return MemoryCopyTable() if request.param == "memory" else in_dynamodb(request)


def in_dynamodb(request: pytest.FixtureRequest) -> DynamoCopyTable:
    client, name = request.getfixturevalue(f"copy_table_in_{request.param}")
    return DynamoCopyTable(client, name, now=lambda: NOW)


@pytest.fixture
def original() -> Original:
    """One that no other test has used."""
    return Original("source", f"key-{next(_numbers)}")


def a_copy(
    of: Original, order: str = "01", *, size: int = 18, version_id: str | None = None, seconds: float = 0
) -> Copy:
    """A copy that is about to be made."""
    name = naming.copy_key(of, at(seconds), Sequencer(order), f"t{next(_numbers)}")
    return Copy(Version(of, "etag", size, at(seconds), version_id), name, Sequencer(order), created_at=at(seconds + 1))


def put(table: CopyTable, copy: Copy, status: Status = Status.ACTIVE, since: datetime = NOW) -> Copy:
    """Lead a copy to a status. Returns it as the table should have it."""
    table.announce(copy)
    if status is Status.PENDING:
        return copy
    table.activate(copy, STORED)
    copy = replace(copy, status=Status.ACTIVE, stored=STORED)
    if status is Status.DISOWNED:
        table.disown(copy, since, since)
        copy = replace(copy, status=Status.DISOWNED, disowned_at=since, deleted_at=since)
    if status is Status.REMOVING:
        table.condemn(copy)
        copy = replace(copy, status=Status.REMOVING)
    return copy


def rows(table: CopyTable, original: Original) -> list[Copy]:
    return list(table.read(original).copies)


# The life of a row


def test_of_an_unknown_original_nothing_is_kept(table: CopyTable, original: Original) -> None:
    assert table.read(original) == Kept(original)


@pytest.mark.parametrize("version_id", [None, "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"])
@pytest.mark.parametrize("size", [0, 50 * 10**12])
def test_a_row_is_read_back_as_it_was_announced(
    table: CopyTable, original: Original, version_id: str | None, size: int
) -> None:
    copy = put(table, a_copy(original, version_id=version_id, size=size), Status.PENDING)
    assert table.read(original) == Kept(original, (copy,))


@pytest.mark.parametrize("status", Status)
def test_a_row_is_read_back_at_each_step_of_its_life(table: CopyTable, original: Original, status: Status) -> None:
    copy = put(table, a_copy(original), status)
    assert rows(table, original) == [copy]


def test_what_is_stored_may_have_neither_checksum_nor_version(table: CopyTable, original: Original) -> None:
    copy = a_copy(original)
    table.announce(copy)
    table.activate(copy, Stored("copied"))
    assert rows(table, original) == [replace(copy, status=Status.ACTIVE, stored=Stored("copied"))]


def test_what_no_event_told_of_may_have_no_order_and_no_etag(table: CopyTable, original: Original) -> None:
    copy = a_copy(original, order="")
    copy = put(table, replace(copy, version=replace(copy.version, etag="")))
    assert rows(table, original) == [copy]


@pytest.mark.parametrize("milliseconds", [0, 1, 999, 1_500_000_000_001, 1_795_000_000_555, 4_102_444_799_999])
def test_times_are_exact_to_the_millisecond(table: CopyTable, original: Original, milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    copy = replace(a_copy(original), created_at=moment, version=Version(original, "etag", 1, moment))
    copy = put(table, copy, Status.DISOWNED, since=moment)
    assert rows(table, original) == [copy]


def test_an_eviction_disowns_what_was_not_deleted(table: CopyTable, original: Original) -> None:
    copy = put(table, a_copy(original))
    table.disown(copy, NOW, None)
    assert rows(table, original) == [replace(copy, status=Status.DISOWNED, disowned_at=NOW)]


def test_an_adopted_copy_is_disowned_from_the_start(table: CopyTable, original: Original) -> None:
    copy = replace(a_copy(original), status=Status.DISOWNED, stored=STORED, disowned_at=NOW)
    table.adopt(copy)
    assert rows(table, original) == [copy]
    assert due(table, NOW, original) == [disowned(copy)]


@pytest.mark.parametrize("status", Status)
def test_what_has_a_row_is_not_adopted(table: CopyTable, original: Original, status: Status) -> None:
    copy = put(table, a_copy(original), status)
    with pytest.raises(Conflict, match="has a row"):
        table.adopt(replace(copy, status=Status.DISOWNED, stored=STORED, disowned_at=NOW))
    assert rows(table, original) == [copy]


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.DISOWNED, Status.REMOVING])
def test_only_a_pending_copy_becomes_active(table: CopyTable, original: Original, status: Status) -> None:
    copy = put(table, a_copy(original), status)
    with pytest.raises(Conflict, match=f"is {status}"):
        table.activate(copy, Stored("another"))
    assert rows(table, original) == [copy]


@pytest.mark.parametrize("status", [Status.PENDING, Status.DISOWNED, Status.REMOVING])
def test_only_an_active_copy_becomes_disowned(table: CopyTable, original: Original, status: Status) -> None:
    copy = put(table, a_copy(original), status)
    with pytest.raises(Conflict, match=f"is {status}"):
        table.disown(copy, at(1), at(1))
    assert rows(table, original) == [copy]


@pytest.mark.parametrize("status", Status)
def test_a_copy_of_any_status_is_condemned_and_may_be_again(
    table: CopyTable, original: Original, status: Status
) -> None:
    copy = put(table, a_copy(original), status)
    table.condemn(copy)
    table.condemn(copy)
    assert rows(table, original) == [replace(copy, status=Status.REMOVING)]


def test_a_copy_is_not_condemned_for_what_it_no_longer_is(table: CopyTable, original: Original) -> None:
    before = put(table, a_copy(original))
    table.disown(before, NOW, NOW)
    with pytest.raises(Conflict, match="is disowned"):
        table.condemn(before)
    assert [copy.status for copy in rows(table, original)] == [Status.DISOWNED]


@pytest.mark.parametrize("change", ["activate", "disown", "condemn"])
def test_what_has_no_row_gets_none_by_a_change(
    table: CopyTable, original: Original, change: Literal["activate", "disown", "condemn"]
) -> None:
    copy = a_copy(original)
    changes = {
        "activate": lambda: table.activate(copy, STORED),
        "disown": lambda: table.disown(copy, NOW, NOW),
        "condemn": lambda: table.condemn(copy),
    }
    with pytest.raises(Conflict, match="is gone"):
        changes[change]()
    assert table.read(original) == Kept(original)


# Forgetting


@pytest.mark.parametrize("number", [0, 1, 2, 25, 26, 60])
def test_only_what_is_forgotten_goes(table: CopyTable, original: Original, number: int) -> None:
    copies = [put(table, a_copy(original, order=f"{i:04}1")) for i in range(number)]
    kept = put(table, a_copy(original, order="FF"))
    table.forget(copies)
    table.forget(copies)
    assert rows(table, original) == [kept]


def test_copies_of_many_originals_are_forgotten_together_with_those_of_the_index(
    table: CopyTable, original: Original
) -> None:
    originals = [replace(original, key=f"{original.key}/{i}") for i in range(3)]
    for of in originals:
        put(table, a_copy(of), Status.DISOWNED)
    table.forget(due(table, NOW, *originals))
    assert [rows(table, of) for of in originals] == [[], [], []]


# Deletions


def test_the_first_deletion_is_remembered(table: CopyTable, original: Original) -> None:
    deletion = Deletion(Sequencer("02"), deleted_at=at(1), disowned_at=at(2))
    assert table.remember(original, deletion) == deletion
    assert table.read(original) == Kept(original, (), deletion)


@pytest.mark.parametrize(
    ("known", "told", "newest"),
    [
        ("02", "03", "03"),
        ("02", "01", "02"),
        ("0055AED6DCD90281E", "0055AED6DCD90281E5", "0055AED6DCD90281E5"),
        ("02", "02+", "02+"),
        ("02+", "02", "02+"),
        ("02+", "021", "021"),
        ("+", "0", "0"),
    ],
)
def test_the_newest_deletion_is_the_one_that_is_kept(
    table: CopyTable, original: Original, known: str, told: str, newest: str
) -> None:
    first = Deletion(Sequencer(known), deleted_at=at(1), disowned_at=at(2))
    second = Deletion(Sequencer(told), deleted_at=at(3), disowned_at=at(4))
    table.remember(original, first)
    kept = second if newest == told else first
    assert table.remember(original, second) == kept
    assert table.read(original).deletion == kept


def test_a_deletion_told_of_twice_keeps_its_first_moment(table: CopyTable, original: Original) -> None:
    first = Deletion(Sequencer("02"), deleted_at=at(1), disowned_at=at(2))
    table.remember(original, first)
    assert table.remember(original, replace(first, disowned_at=at(9))) == first
    assert table.read(original).deletion == first


def test_a_deletion_stands_beside_the_copies_and_is_none(table: CopyTable, original: Original) -> None:
    copy = put(table, a_copy(original), Status.DISOWNED)
    deletion = Deletion(Sequencer("02"), deleted_at=at(1), disowned_at=NOW)
    table.remember(original, deletion)
    assert table.read(original) == Kept(original, (copy,), deletion)
    assert due(table, NOW, original) == [disowned(copy)]


# What is due


def disowned(copy: Copy) -> DisownedCopy:
    assert copy.disowned_at
    return DisownedCopy(copy.original, copy.copy_key, copy.version.size, copy.disowned_at)


def due(table: CopyTable, until: datetime, *of: Original) -> list[DisownedCopy]:
    """Copies of these originals; other tests' lie in the same index."""
    return [copy for copy in table.disowned(until) if copy.original in of]


def test_copies_are_due_from_their_moment_on_the_longest_disowned_first(table: CopyTable, original: Original) -> None:
    late = put(table, a_copy(original, "01"), Status.DISOWNED, since=at(20))
    early = put(table, a_copy(original, "02", size=0), Status.DISOWNED, since=at(10))
    moment = timedelta(milliseconds=1)
    assert due(table, at(10) - moment, original) == []
    assert due(table, at(10), original) == [disowned(early)]
    assert due(table, at(20) - moment, original) == [disowned(early)]
    assert due(table, at(20), original) == [disowned(early), disowned(late)]


@pytest.mark.parametrize("status", [Status.PENDING, Status.ACTIVE, Status.REMOVING])
def test_what_is_not_disowned_is_never_due(table: CopyTable, original: Original, status: Status) -> None:
    put(table, a_copy(original), status)
    assert due(table, NOW, original) == []


def test_what_is_being_removed_is_not_due_any_more(table: CopyTable, original: Original) -> None:
    copy = put(table, a_copy(original), Status.DISOWNED)
    table.condemn(copy)
    assert due(table, NOW, original) == []


# Hostile names

NAMES = [*HOSTILE_NAMES, "__DELETED__", "__ORIGINAL__", "__CENSUS__", "\x01\x7f", "\r\n", "/", " "]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:20]))
def test_an_original_of_any_name_has_its_own_copies_and_deletion(
    table: CopyTable, original: Original, name: str
) -> None:
    here, there = Original(f"here-{next(_numbers)}", name), Original(f"there-{next(_numbers)}", name)
    copy = put(table, a_copy(here))
    deletion = Deletion(Sequencer("00"), deleted_at=at(1), disowned_at=at(2))
    table.remember(here, deletion)
    assert table.read(here) == Kept(here, (copy,), deletion)
    assert table.read(there) == Kept(there)
    table.disown(copy, at(3), at(3))
    [found] = due(table, NOW, here)
    assert (found.original, found.copy_key) == (here, copy.copy_key)
    table.forget([found])
    assert table.read(here) == Kept(here, (), deletion)


def test_keys_that_begin_with_each_other_are_different_originals(table: CopyTable, original: Original) -> None:
    inner = replace(original, key=f"{original.key}/{a_copy(original).copy_key}")
    copy, other = put(table, a_copy(original)), put(table, a_copy(inner))
    assert rows(table, original) == [copy]
    assert rows(table, inner) == [other]


LONG = "é" * 500


def test_a_cut_name_leads_to_its_original(table: CopyTable) -> None:
    original = Original(f"source-{next(_numbers)}", LONG)
    copy = put(table, a_copy(original))
    folder = copy.copy_key.rpartition("/")[0]
    assert folder != str(original)
    assert table.original_of(folder) == original


def test_no_original_is_behind_a_name_that_nothing_was_announced_under(table: CopyTable, original: Original) -> None:
    put(table, a_copy(original))
    assert table.original_of(naming.folder(Original(f"source-{next(_numbers)}", LONG))) is None
    assert table.original_of(str(original)) is None


def test_an_original_that_is_called_as_another_was_cut_is_taken_for_no_other(table: CopyTable) -> None:
    original = Original(f"source-{next(_numbers)}", LONG)
    namesake = Original.of(naming.folder(original))
    copies = {of: put(table, a_copy(of)) for of in (original, namesake)}
    assert {of: rows(table, of) for of in copies} == {of: [copy] for of, copy in copies.items()}
    assert {of: table.original_of(copy.copy_key.rpartition("/")[0]) for of, copy in copies.items()} == {
        original: original,
        namesake: namesake,
    }


# What only DynamoDB has


@pytest.fixture(params=["moto", "engine"])
def dynamo(request: pytest.FixtureRequest) -> DynamoCopyTable:
    return in_dynamodb(request)


def item(table: DynamoCopyTable, original_key: str, copy_key: str) -> dict[str, Any]:
    """An item as it lies in the table."""
    key = {"original_key": {"S": original_key}, "copy_key": {"S": copy_key}}
    return from_item(table.client.get_item(TableName=table.table, Key=key)["Item"])


def test_a_row_is_written_in_the_words_of_the_reference(dynamo: DynamoCopyTable, original: Original) -> None:
    copy = put(dynamo, a_copy(original, "01", version_id="v1"), Status.DISOWNED, since=at(9.5))
    assert item(dynamo, str(original), copy.copy_key) == {
        "original_key": str(original),
        "copy_key": copy.copy_key,
        "status": "disowned",
        "sequencer": "01",
        "created_at": 1767225601000,
        "written_at": 1767225600000,
        "etag": "etag",
        "size": 18,
        "version_id": "v1",
        "copy_etag": "copied",
        "checksum": "CRC64NVME:AAAAAAAAAAA=",
        "copy_version_id": "copy-version",
        "disowned_at": 1767225609500,
        "deleted_at": 1767225609500,
    }


def test_a_finer_time_is_cut_to_its_millisecond(dynamo: DynamoCopyTable, original: Original) -> None:
    moment = at(0.999_999)
    put(dynamo, replace(a_copy(original), created_at=moment), Status.DISOWNED, since=moment)
    [copy] = rows(dynamo, original)
    assert (copy.created_at, copy.disowned_at, copy.deleted_at) == (at(0.999), at(0.999), at(0.999))
    assert due(dynamo, moment, original) == [disowned(copy)]


def test_what_is_left_half_done_expires_and_nothing_else_does(dynamo: DynamoCopyTable, original: Original) -> None:
    copies = {status: put(dynamo, a_copy(original), status) for status in Status}
    expiry = {s: item(dynamo, str(original), copy.copy_key).get("expires_at") for s, copy in copies.items()}
    day = 24 * 60 * 60
    assert expiry == {
        Status.PENDING: copies[Status.PENDING].created_at.timestamp() + day,
        Status.ACTIVE: None,
        Status.DISOWNED: None,
        Status.REMOVING: NOW.timestamp() + 7 * day,
    }


def test_a_deletion_is_remembered_for_thirty_days(dynamo: DynamoCopyTable, original: Original) -> None:
    dynamo.remember(original, Deletion(Sequencer("02"), deleted_at=at(1), disowned_at=at(2)))
    assert item(dynamo, str(original), "__DELETED__") == {
        "original_key": str(original),
        "copy_key": "__DELETED__",
        "sequencer": "02",
        "deleted_at": 1767225601000,
        "disowned_at": 1767225602000,
        "expires_at": 1767225602 + 30 * 24 * 60 * 60,
    }


def test_copies_beyond_a_page_of_a_query_are_read(dynamo: DynamoCopyTable) -> None:
    original = Original(f"source-{next(_numbers)}", LONG)
    copies = [put(dynamo, a_copy(original, f"{i:04}1", version_id="v" * 1024), Status.PENDING) for i in range(400)]
    assert sum(len(f"{original}{copy.copy_key}{copy.version.version_id}".encode()) for copy in copies) > 2**20
    assert rows(dynamo, original) == copies


# What DynamoDB may answer, and neither moto nor the engine does


@pytest.fixture
def answers() -> Iterator[Any]:
    """DynamoDB, answering as it is told."""
    client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber


def test_what_dynamodb_did_not_get_to_is_forgotten_one_by_one(answers: Any, original: Original) -> None:
    copies = [a_copy(original) for _ in range(3)]
    keys = [{"original_key": {"S": str(original)}, "copy_key": {"S": copy.copy_key}} for copy in copies]
    requests = [{"DeleteRequest": {"Key": key}} for key in keys]
    together = {"RequestItems": {"CopyTable": requests}}
    answers.add_response("batch_write_item", {"UnprocessedItems": {"CopyTable": requests[1:]}}, together)
    for key in keys[1:]:
        answers.add_response("delete_item", {}, {"TableName": "CopyTable", "Key": key})
    DynamoCopyTable(answers.client, "CopyTable", now=lambda: NOW).forget(copies)
    answers.assert_no_pending_responses()
