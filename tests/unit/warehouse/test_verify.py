"""Which version of each table a run records as restorable, and that a rerun records the same."""

from typing import Any

import pytest

from holdfast.warehouse import verify
from holdfast.warehouse.model import Item, Retirement, Source, State
from holdfast.warehouse.retire import record
from tests.unit.warehouse.domain import NEVER, SALES, Crash, Lake


def copied(lake: Lake, source: Source = SALES) -> Item:
    """A run up to its verification."""
    (item,) = lake.begin(source)
    for order in lake.plan(item):
        lake.copy(item, order)
        lake.commit(item, order)
    return item


def versions(lake: Lake, item: Item) -> dict[str, Any]:
    return {root: told["version"] for root, told in lake.document(item, "verify.json")["tables"].items()}


def needed(lake: Lake) -> list[str]:
    return [row["key"] for row in lake.rows("closures") if row["kind"] == "data"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table is judged alone."""
    monkeypatch.setattr(verify, "LOGS_AT_ONCE", 1)


def test_a_table_whose_every_file_is_stored_is_restorable_at_its_newest_version(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.table("sales/t/", "b.parquet", version=1)
    item = copied(lake)
    assert lake.verify(item) == {"done": True, "restorable": 1, "broken": 0}
    assert versions(lake, item) == {"sales/t/": 1}
    assert needed(lake) == ["sales/t/a.parquet", "sales/t/b.parquet"]


def test_a_source_without_tables_has_nothing_to_restore(lake: Lake) -> None:
    lake.bucket.put("sales/plain.parquet", b"1")
    assert lake.verify(copied(lake)) == {"done": True, "restorable": 0, "broken": 0}


def test_what_the_lifecycle_rule_has_is_not_counted_on(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    item = copied(lake)
    (row,) = [row for row in lake.rows("ledger") if row["key"].endswith("a.parquet")]
    decided = Retirement(item.run, row["key"], row["etag"], State.EXPIRING, lake.time)
    record(lake.warehouse, SALES, [decided], "decided")
    assert lake.verify(item) == {"done": True, "restorable": 0, "broken": 1}
    assert lake.document(item, "verify.json")["tables"]["sales/t/"]["missing"] == ["sales/t/a.parquet"]


@pytest.mark.usefixtures("alone")
def test_without_time_it_judges_some_tables_each_time(lake: Lake) -> None:
    for name in "abc":
        lake.table(f"sales/{name}/", "x.parquet")
    item = copied(lake)
    answers = [lake.verify(item, NEVER)["done"] for _ in range(3)]
    assert answers == [False, False, True]
    assert versions(lake, item) == dict.fromkeys(["sales/a/", "sales/b/", "sales/c/"], 0)
    assert len(needed(lake)) == 3


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("call", "part"), [("write_file", "/closures/"), ("write", "verified/000001"), ("write", "verify.json")]
)
def test_cut_off_at_any_call_it_records_the_same(lake: Lake, call: str, part: str) -> None:
    for name in "ab":
        lake.table(f"sales/{name}/", "x.parquet")
    item = copied(lake)
    lake.crash_at(call, part)
    with pytest.raises(Crash):
        lake.verify(item)
    assert lake.verify(item)["restorable"] == 2
    assert needed(lake) == ["sales/a/x.parquet", "sales/b/x.parquet"]


def test_groups_that_were_made_otherwise_are_judged_anew(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an older release, before it was cut off."""
    for name in "abc":
        lake.table(f"sales/{name}/", "x.parquet")
    item = copied(lake)
    monkeypatch.setattr(verify, "LOGS_AT_ONCE", 1)
    lake.verify(item, NEVER)
    monkeypatch.setattr(verify, "LOGS_AT_ONCE", 10**9)
    lake.verify(item)
    assert versions(lake, item) == dict.fromkeys(["sales/a/", "sales/b/", "sales/c/"], 0)


def test_what_a_larger_source_of_former_days_had_besides_is_not_counted_on(lake: Lake) -> None:
    """Whoever retires it does not read what this source needs."""
    lake.bucket.put("hr/x.parquet", b"x" * 10)
    lake.run(Source.parse("s3://lake"))
    lake.table("sales/t/", "a.parquet")
    clone = '{"add": {"path": "s3://lake/hr/x.parquet", "size": 10, "dataChange": true, "partitionValues": {}}}'
    lake.bucket.put(f"sales/t/_delta_log/{1:020}.json", clone.encode())
    item = copied(lake)
    lake.verify(item)
    assert versions(lake, item) == {"sales/t/": 0}
