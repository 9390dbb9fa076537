"""A listing by several workers: every key once, however keys are distributed, and whoever comes first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event, get_ident

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryWarehouse
from holdfast.warehouse.listing import divide, list_all
from holdfast.warehouse.ports import Bucket, Found

SECONDS = 10
"""Longer than anything takes."""


def a_bucket(*keys: str) -> MemoryBucket:
    bucket = MemoryWarehouse().bucket("lake")
    for key in keys:
        bucket.put(key, b"1")
    return bucket


def listed(bucket: Bucket, prefix: str = "", workers: int = 4, page: int = 3) -> list[str]:
    return [found.key for some in list_all(bucket, prefix, workers, page) for found in some]


WORDS = st.text(st.sampled_from("aab/-0é\ud7ff\ue000\N{GRINNING FACE}\U0010ffff\x00\x7f"), min_size=1, max_size=6)
NAMES = st.one_of(
    WORDS,
    st.builds("sales/date=2026-01-{:02}/part-{:05}.parquet".format, st.integers(1, 31), st.integers(0, 99)),
    st.builds("sales/{:08x}".format, st.integers(0, 2**32 - 1)),
)


@given(st.sets(NAMES, max_size=60), st.sampled_from(["", "a", "sales/", "é"]), st.integers(1, 5), st.integers(1, 4))
@example({"a" * 1024, "a" * 1023 + "b", "é" * 512}, "", 3, 1)
@example({"\U0010ffff", "\U0010ffff" * 2, "\U0010ffff" * 256}, "", 3, 1)
def test_every_key_is_listed_once(keys: set[str], prefix: str, workers: int, page: int) -> None:
    found = listed(a_bucket(*keys), prefix, workers, page)
    assert sorted(found) == sorted(key for key in keys if key.startswith(prefix))


def test_objects_are_listed_as_they_are() -> None:
    bucket = a_bucket(*map(str, range(50)))
    plain = list(bucket.listing(""))
    found = [one for some in list_all(bucket, "", 4, 3) for one in some]
    assert sorted(found, key=lambda one: one.key) == plain


@dataclass
class Shared:
    """A bucket whose first reader waits behind its first page until somebody else has found something too."""

    bucket: MemoryBucket
    page: int
    name: str = "lake"
    first: int | None = None
    others: set[int] = field(default_factory=set)
    another: Event = field(default_factory=Event)

    def listing(self, prefix: str, after: str = "") -> Iterator[Found]:
        if self.first is None:
            self.first = get_ident()
        for number, found in enumerate(self.bucket.listing(prefix, after)):
            if get_ident() == self.first and number == self.page:
                assert self.another.wait(SECONDS), "nobody shared the work"
            if get_ident() != self.first and number == self.page:
                self.others.add(get_ident())
                self.another.set()
            yield found


@pytest.mark.parametrize(
    "keys",
    [
        [f"{number:04}" for number in range(400)],
        [f"sales/part-00000-{number * 7919 % 65536:04x}.parquet" for number in range(400)],
        [f"sales/date=2026-01-01/{number:03}" for number in range(400)],
        ["sales/", *(f"sales/{number:03}" for number in range(400))],
        [f"é{number:03}" for number in range(400)],
    ],
    ids=["numbers", "digests", "a long common prefix", "a folder of its own", "behind what is not ASCII"],
)
def test_one_large_prefix_is_listed_by_several_workers(keys: list[str]) -> None:
    bucket = Shared(a_bucket(*keys), page=10)
    assert sorted(listed(bucket, "", 2, 10)) == sorted(keys)  # type: ignore[arg-type]
    assert bucket.others


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ([f"{number:04}" for number in range(1000)], 300),
        ([f"part-{number * 40503 % 65536:04x}" for number in range(1000)], 300),
        ([f"date=2026-{month:02}/{number:02}" for month in range(1, 13) for number in range(80)], 200),
    ],
    ids=["numbers", "digests", "dates"],
)
def test_a_stretch_is_divided_somewhere_in_its_middle(keys: list[str], least: int) -> None:
    keys = sorted(keys)
    part = divide(a_bucket(*keys), "", keys[9], None)
    assert part
    size = sum(1 for _ in part.found)
    assert least <= size <= len(keys) - least


def test_a_part_is_within_what_is_divided_and_has_a_key() -> None:
    keys = [f"{number:03}" for number in range(100)]
    bucket = a_bucket(*keys)
    part = divide(bucket, "", "010", "050")
    assert part
    assert "010" < part.at < "050" == part.until
    first = next(part.found)
    assert part.holds(first.key)
    assert first.key == min(key for key in keys if part.holds(key))


@pytest.mark.parametrize(("at", "until"), [("c", None), ("a", "a"), ("a", "aa")])
def test_where_nothing_is_left_nothing_is_divided(at: str, until: str | None) -> None:
    assert divide(a_bucket("a", "b", "c"), "", at, until) is None


def test_looking_for_a_place_to_divide_takes_few_listings() -> None:
    keys = [f"warehouse/sales/orders/date=2026-01-01/part-{number:05}-" + "0" * 60 for number in range(500)]
    bucket, calls = a_bucket(*keys), []
    bucket.account.before = lambda call, *_: calls.append(call)
    assert divide(bucket, "warehouse/", keys[9], None)
    assert len(calls) <= 12


# Breaking off


def test_what_goes_wrong_for_one_worker_ends_all() -> None:
    bucket = a_bucket(*(f"{number:04}" for number in range(400)))
    calls = iter(range(100))

    def fail(call: str, *_: str) -> None:
        if next(calls) == 5:
            raise ConnectionError("the network broke")

    bucket.account.before = fail
    with pytest.raises(ConnectionError, match="the network broke"):
        listed(bucket, "", 3, 5)


def test_a_bucket_that_cannot_be_listed_is_not_empty() -> None:
    bucket = a_bucket()

    def refuse(*_: str) -> None:
        raise PermissionError

    bucket.account.before = refuse
    with pytest.raises(PermissionError):
        listed(bucket)


def test_who_reads_no_further_stops_the_workers() -> None:
    read: list[str] = []
    bucket = a_bucket(*(f"{number:04}" for number in range(2000)))
    plain = bucket.listing

    class Counting:
        name = "lake"

        def listing(self, prefix: str, after: str = "") -> Iterator[Found]:
            for found in plain(prefix, after):
                read.append(found.key)
                yield found

    some = list_all(Counting(), "", 3, 10)  # type: ignore[arg-type]
    next(some)
    some.close()  # type: ignore[attr-defined]
    assert len(read) < 2000
