"""The direct engine: what was copied stays copied, what was cut off is copied again."""

import csv
import io
from typing import Any

import pytest

from holdfast.warehouse import copying
from holdfast.warehouse.model import Item, Listed
from holdfast.warehouse.orders import Order
from tests.unit.warehouse.domain import NEVER, Crash, Lake

NAMES = ["a.parquet", "b 1+2.parquet", 'c"\n.parquet', "d.parquet", "é%20.parquet"]


@pytest.fixture
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", 2)


def data(lake: Lake) -> tuple[Item, Order]:
    lake.table("sales/t/", *NAMES)
    (item,) = lake.begin()
    return item, lake.plan(item)[0]


def reported(lake: Lake, order: Order) -> list[list[str]]:
    """The rows of the parts that the manifest names."""
    told: Any = lake.warehouse.load(f"{order.report}/job-direct/manifest.json")
    bodies = [lake.backup.find(result["Key"]).body or b"" for result in told["Results"]]
    return [row for body in bodies for row in csv.reader(io.StringIO(body.decode(), newline=""))]


@pytest.mark.usefixtures("chunks_of_two")
def test_a_copy_that_has_no_time_does_a_chunk_at_a_time(lake: Lake) -> None:
    item, order = data(lake)
    answers = [lake.copy(item, order, NEVER)["done"] for _ in range(4)]
    assert answers == [False, False, False, True]
    assert len(reported(lake, order)) == len(NAMES)
    assert lake.commit(item, order)["failed"] == 0


@pytest.mark.usefixtures("chunks_of_two")
def test_what_is_reported_is_not_copied_again(lake: Lake) -> None:
    item, order = data(lake)
    lake.copy(item, order, NEVER)
    copied: list[str] = []
    lake.hook = lambda call, _, key: copied.append(key) if call == "copy" else None
    lake.copy(item, order)
    assert len(copied) == len(NAMES) - 2


@pytest.mark.usefixtures("chunks_of_two")
@pytest.mark.parametrize(("call", "part"), [("copy", "d.parquet"), ("write", "000001.csv"), ("write", "manifest.json")])
def test_cut_off_at_any_call_it_goes_on(lake: Lake, call: str, part: str) -> None:
    item, order = data(lake)
    lake.crash_at(call, part)
    with pytest.raises(Crash):
        lake.copy(item, order)
    assert lake.copy(item, order) == {"done": True}
    assert lake.commit(item, order) == {"done": True, "failed": 0, "retry": None}


@pytest.mark.usefixtures("chunks_of_two")
def test_parts_of_another_chunking_are_no_reason_to_call_anything_copied(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, order = data(lake)
    lake.copy(item, order, NEVER)
    monkeypatch.setattr(copying, "CHUNK", 3)
    lake.copy(item, order)
    told = lake.commit(item, order)
    assert told["failed"] == 1
    retry = Order.of({"phase": told["retry"]})
    lake.copy(item, retry)
    assert lake.commit(item, retry)["failed"] == 0
    assert len(lake.ledger()) == len(NAMES)


def test_a_chunk_has_a_limit_in_bytes_but_for_one_object_alone(lake: Lake) -> None:
    sizes = [10, 10, 100, 10, 20]
    for number, size in enumerate(sizes):
        lake.bucket.put(f"sales/{number}.parquet", b"x" * size)
    (item,) = lake.begin()
    (order,) = lake.plan(item)
    path = lake.scratch / "listed.parquet"
    path.write_bytes(lake.backup.find(order.listed).body or b"")
    found: list[list[Listed]] = list(copying.chunks(lake.warehouse, path, 3, 25))
    assert [[listed.size for listed in chunk] for chunk in found] == [[10, 10], [100], [10], [20]]


def test_what_is_gone_or_another_object_now_is_a_failure_by_name(lake: Lake) -> None:
    item, order = data(lake)
    lake.bucket.remove("sales/t/a.parquet")
    lake.bucket.put("sales/t/d.parquet", b"another")
    lake.copy(item, order)
    lake.commit(item, order)
    failures = {one["key"]: one["code"] for one in lake.document(item, "data-1/commit.json")["failures"]}
    assert failures == {"sales/t/a.parquet": "SourceGone", "sales/t/d.parquet": "SourceChanged"}
