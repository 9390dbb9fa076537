"""The plan of a source: written once, all of it or nothing."""

import gzip

import pytest

from holdfast.warehouse.model import Item, Phase, Source
from holdfast.warehouse.parts import PartCorrupt
from tests.unit.warehouse.domain import SALES, Crash, Lake


def phases(lake: Lake, item: Item) -> list[tuple[Phase, int]]:
    return [(order.phase, order.objects) for order in lake.plan(item)]


def test_data_comes_before_logs(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet", "b.parquet")
    (item,) = lake.begin()
    assert phases(lake, item) == [(Phase.DATA, 2), (Phase.LOGS, 1)]


def test_a_plan_that_is_there_is_answered_whatever_has_changed(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    (item,) = lake.begin()
    planned = lake.plan(item)
    lake.inventories.keys.clear()
    assert lake.plan(item) == planned


def test_cut_off_anywhere_it_is_planned_anew(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    (item,) = lake.begin()
    for call, part in (("stream", "/data/"), ("write_file", "data-1/listed"), ("write_file", "gone.parquet")):
        lake.crash_at(call, part)
        with pytest.raises(Crash):
            lake.plan(item)
        assert lake.document(item, "plan.json") is None
    assert phases(lake, item) == [(Phase.DATA, 1), (Phase.LOGS, 1)]


def test_one_wrong_part_of_many_and_nothing_is_written(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet", "b.parquet")
    folder = lake.inventory(parts=3)
    key = max(key for key in lake.inventories.keys if "/data/" in key)
    body = lake.inventories.find(key).body or b""
    lake.inventories.put(key, gzip.compress(gzip.decompress(body).replace(b"STANDARD", b"STANDARE"), mtime=0))
    before = set(lake.backup.keys)
    with pytest.raises(PartCorrupt, match=key):
        lake.plan(Item("run", SALES, folder))
    assert set(lake.backup.keys) == before


@pytest.mark.parametrize("parts", [0, 1])
def test_an_inventory_that_lists_nothing_is_a_plan_of_nothing(lake: Lake, parts: int) -> None:
    item = Item("run", SALES, lake.inventory(parts=parts))
    assert phases(lake, item) == []
    assert lake.document(item, "plan.json")["databases"] == {}


def test_a_table_may_lie_at_the_root_of_a_bucket(lake: Lake) -> None:
    lake.table("", "a.parquet")
    run = lake.run(Source.parse("s3://lake"))
    assert lake.ledger() == ["_delta_log/00000000000000000000.json", "a.parquet"]
    assert lake.rows("reports")[0]["database"] == "lake"
    assert lake.rows("reports")[0]["restorable"] == 1
    assert run in lake.messages[0]


def test_names_that_would_end_a_literal_are_names(lake: Lake) -> None:
    source = Source.parse("s3://lake/it's; DROP TABLE x --/%27")
    lake.table(f"{source.prefix}o'b/", 'a"\n.parquet')
    lake.run(source)
    assert lake.ledger() == [f"{source.prefix}o'b/_delta_log/{0:020}.json", f"{source.prefix}o'b/" + 'a"\n.parquet']
    assert lake.rows("reports")[0]["restorable"] == 1
