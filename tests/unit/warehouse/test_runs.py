"""What runs have written down, found by the names that people use."""

from collections.abc import Sequence

import pytest

from holdfast.warehouse.model import Source
from holdfast.warehouse.runs import DatabaseUnknown, newest_first, sources_of
from tests.unit.warehouse.domain import Lake

EVERY = "s3://lake/*"


def backed_up(lake: Lake, roots: Sequence[str], *sources: str) -> None:
    for root in roots:
        lake.table(root, "a.parquet")
    items = lake.begin(*map(Source.parse, sources))
    for item in items:
        lake.back_up(item)
    lake.days(1)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("shop", "shop/"),
        ("shop/", "shop/"),
        ("/shop", "shop/"),
        ("lake/shop", "shop/"),
        ("s3://lake/shop", "shop/"),
        ("shop/orders", "shop/orders/"),
        ("lake/shop/orders/", "shop/orders/"),
    ],
)
def test_a_database_or_table_is_found_by_any_of_its_names(lake: Lake, name: str, prefix: str) -> None:
    backed_up(lake, ["shop/orders/", "shopping/lists/"], EVERY)
    assert sources_of(lake.warehouse, name) == [(Source.parse(EVERY), prefix)]


@pytest.mark.parametrize("name", ["sho", "shop/ord", "orders", "", "lake", "*", "shop%", "s3://other/shop"])
def test_a_part_of_a_name_is_none(lake: Lake, name: str) -> None:
    backed_up(lake, ["shop/orders/", "shopping/lists/"], EVERY)
    with pytest.raises(DatabaseUnknown, match="holdfast warehouse status lists"):
        sources_of(lake.warehouse, name)


def test_on_an_empty_stack_no_name_is_known(lake: Lake) -> None:
    with pytest.raises(DatabaseUnknown, match="no run has backed up 'shop'"):
        sources_of(lake.warehouse, "shop")


def test_a_whole_bucket_that_is_one_database_has_its_name(lake: Lake) -> None:
    backed_up(lake, [""], "s3://lake")
    assert sources_of(lake.warehouse, "lake") == [(Source.parse("s3://lake"), "")]


def test_a_database_called_as_its_bucket_is_found(lake: Lake) -> None:
    backed_up(lake, ["lake/t/"], EVERY)
    assert sources_of(lake.warehouse, "lake/t") == [(Source.parse(EVERY), "lake/t/")]


def test_a_table_that_was_dropped_is_found_by_the_runs_that_had_it(lake: Lake) -> None:
    backed_up(lake, ["shop/a/", "shop/b/"], "s3://lake/shop")
    for key in [key for key in lake.bucket.keys if key.startswith("shop/a/")]:
        lake.bucket.remove(key)
    backed_up(lake, [], "s3://lake/shop")
    assert sources_of(lake.warehouse, "shop/a") == [(Source.parse("s3://lake/shop"), "shop/a/")]


def test_each_source_that_has_it_is_told(lake: Lake) -> None:
    backed_up(lake, ["shop/a/", "hr/a/"], "s3://lake/shop", "s3://lake/hr")
    backed_up(lake, [], EVERY)
    found = {str(source) for source, _ in sources_of(lake.warehouse, "shop/a")}
    assert found == {EVERY, "s3://lake/shop"}


def test_runs_are_told_the_newest_first_whether_they_ended_or_not(lake: Lake) -> None:
    first = lake.run()
    lake.days(1)
    (item,) = lake.begin()
    assert [(run.name, run.report(lake.warehouse) is None) for run in newest_first(lake.warehouse)] == [
        (item.run, True),
        (first, False),
    ]


def test_a_database_without_tables_is_one_for_who_takes_back_its_files(lake: Lake) -> None:
    lake.bucket.put("shop/x.parquet", b"1")
    lake.bucket.put("hr/x.parquet", b"1")
    lake.run(Source.parse(EVERY))
    assert sources_of(lake.warehouse, "lake/shop", plain=True) == [(Source.parse(EVERY), "shop/")]
    with pytest.raises(DatabaseUnknown):
        sources_of(lake.warehouse, "shop")
    with pytest.raises(DatabaseUnknown):
        sources_of(lake.warehouse, "sho", plain=True)
