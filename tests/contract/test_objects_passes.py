"""`Passes` and `Census`, in DynamoDB and in memory: what a reconciliation remembers of itself."""

from dataclasses import dataclass, replace
from itertools import count

import pytest

from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoPasses
from holdfast.adapters.memory_objects import MemoryCopyTable
from holdfast.objects.model import Counts, Pass, Walk
from holdfast.objects.ports import Census, Passes
from tests.unit.capacity.domain import HOSTILE_NAMES, at

_numbers = count(1)


@dataclass(frozen=True)
class Memories:
    passes: Passes
    census: Census


@pytest.fixture(params=["memory", "moto", "engine"])
def memories(request: pytest.FixtureRequest) -> Memories:
    if request.param == "memory":
        memory = MemoryCopyTable()
        return Memories(memory, memory)
    client, table = request.getfixturevalue(f"copy_table_in_{request.param}")
    return Memories(DynamoPasses(client, table), DynamoCensus(client, table))


@pytest.fixture
def passes(memories: Memories) -> Passes:
    return memories.passes


@pytest.fixture
def bucket() -> str:
    """One that no other test has used, and that the name of every other one begins with or sorts close to."""
    return f"source{'0' * next(_numbers)}"


COUNTS = Counts(live=1, copied=2, deleted=3, orphans=4, dangling=5, corrupt=6, unreadable=7, held=10**12)
UNDER_WAY = Pass((Walk("", "k", "a/\n", counts=COUNTS), Walk("k", "", done=True)))


def test_a_bucket_that_was_never_compared_has_no_pass(passes: Passes, bucket: str) -> None:
    assert passes.load(bucket) is None


@pytest.mark.parametrize(
    "passed",
    [Pass((Walk("", ""),)), UNDER_WAY, replace(UNDER_WAY, completed_at=at(1.001))],
    ids=["new", "under way", "complete"],
)
def test_a_pass_is_loaded_as_it_was_saved(passes: Passes, bucket: str, passed: Pass) -> None:
    passes.save(bucket, passed)
    assert passes.load(bucket) == passed


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name[:20]))
def test_a_walk_stops_at_any_name(passes: Passes, bucket: str, name: str) -> None:
    passed = Pass((Walk("", name, name), Walk(name, "", name)))
    passes.save(bucket, passed)
    assert passes.load(bucket) == passed


def test_walks_are_saved_one_by_one(passes: Passes, bucket: str) -> None:
    walks = [Walk(str(i), str(i + 1)) for i in range(12)]
    passes.save(bucket, Pass(tuple(walks)))
    for number in (11, 0, 10):
        walks[number] = replace(walks[number], after=f"{number}/b", counts=COUNTS)
        passes.save_walk(bucket, number, walks[number])
    assert passes.load(bucket) == Pass(tuple(walks))


@pytest.mark.parametrize("sizes", [(64, 1), (1, 64), (12, 3, 7)])
def test_a_new_pass_has_nothing_of_the_one_before(passes: Passes, bucket: str, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        passes.save(bucket, Pass(tuple(Walk(f"{i}", f"{i + 1}", done=True) for i in range(size)), at(size)))
    passed = Pass(tuple(Walk(f"{i}", f"{i + 1}") for i in range(sizes[-1])))
    passes.save(bucket, passed)
    assert passes.load(bucket) == passed


def test_buckets_with_names_that_begin_alike_have_passes_of_their_own(passes: Passes, bucket: str) -> None:
    buckets = [bucket, f"{bucket}-1", f"{bucket}.1", f"{bucket}0"]
    for number, name in enumerate(buckets):
        passes.save(name, Pass(tuple(Walk("", f"{number}") for _ in range(4 - number))))
    assert [passes.load(name) for name in buckets] == [
        Pass(tuple(Walk("", f"{number}") for _ in range(4 - number))) for number in range(4)
    ]


@pytest.mark.parametrize("place", ["moto", "engine"])
def test_no_walk_of_an_older_pass_stays_behind(request: pytest.FixtureRequest, place: str, bucket: str) -> None:
    client, table = request.getfixturevalue(f"copy_table_in_{place}")
    passes = DynamoPasses(client, table)
    for size in (5, 2):
        passes.save(bucket, Pass((Walk("", ""),) * size))
    answer = client.query(
        TableName=table,
        KeyConditionExpression="original_key = :reconcile AND begins_with(copy_key, :bucket)",
        ExpressionAttributeValues={":reconcile": {"S": "__RECONCILE__"}, ":bucket": {"S": f"{bucket}/"}},
    )
    assert [item["copy_key"]["S"] for item in answer["Items"]] == [f"{bucket}/00000", f"{bucket}/00001"]


@pytest.mark.parametrize("place", ["moto", "engine"])
def test_a_save_that_breaks_off_is_not_taken_for_progress(
    request: pytest.FixtureRequest, place: str, bucket: str
) -> None:
    """The new walks lie there, and the pass that counts is still the one before."""
    client, table = request.getfixturevalue(f"copy_table_in_{place}")
    passes = DynamoPasses(client, table)
    complete = Pass((Walk("", "", done=True),), at(1))
    passes.save(bucket, complete)
    for number in range(2):
        passes.save_walk(bucket, number, Walk("", ""))
    found = passes.load(bucket)
    assert found
    assert (found.completed_at, len(found.walks)) == (at(1), 1)


def test_objects_are_counted_up_and_down(memories: Memories) -> None:
    memories.census.set(0)
    assert memories.census.count(0) == 0
    assert [memories.census.count(change) for change in (5, -2, -4, 10**12)] == [5, 3, -1, 10**12 - 1]
    memories.census.set(7)
    assert memories.census.counted() == memories.census.count(0) == 7


def test_the_first_object_is_counted_from_nothing(memories: Memories, bucket: str) -> None:
    if isinstance(memories.census, DynamoCensus):
        key = {"original_key": {"S": "__CENSUS__"}, "copy_key": {"S": "__CENSUS__"}}
        memories.census.client.delete_item(TableName=memories.census.table, Key=key)
        assert memories.census.counted() == 0
    assert memories.census.count(1) == 1
