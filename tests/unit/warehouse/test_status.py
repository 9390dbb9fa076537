"""How databases stand: each copy counts once, whatever the sources were called."""

from holdfast.warehouse import report
from holdfast.warehouse.model import Source, Tally
from holdfast.warehouse.status import DatabaseStatus, status
from tests.unit.warehouse.domain import BEGINNING, KEEP_ONE, SALES, Lake

EVERY = Source.parse("s3://lake/*")


def databases(lake: Lake) -> dict[str, DatabaseStatus]:
    found = list(status(lake.warehouse))
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def test_on_an_empty_stack_there_is_none(lake: Lake) -> None:
    assert databases(lake) == {}
    lake.begin()
    assert databases(lake) == {}


def test_a_database_tells_what_is_stored_and_restorable(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.run()
    one = databases(lake)["sales"]
    assert (one.error, one.tables, one.restorable, one.last_run, one.oldest) == ("", 1, 1, BEGINNING, BEGINNING)
    assert one.stored["GLACIER"] == Tally(1, 10)
    assert one.stored["STANDARD"].objects == 1
    assert one.dollars_a_month > 0


def test_a_run_that_failed_tells_so_and_what_is_stored_all_the_same(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.run()
    lake.days(30)
    (item,) = lake.begin()
    lake.plan(item)
    report.note_failure(lake.warehouse, item, {"Error": "X", "Cause": "why"})
    lake.report(item)
    one = databases(lake)["sales"]
    assert (one.error, one.restorable, one.verified) == ("X: why", 1, BEGINNING)
    assert one.last_run == lake.time
    assert one.stored


def test_a_source_that_always_failed_is_listed(lake: Lake) -> None:
    (item,) = lake.begin()
    report.note_failure(lake.warehouse, item, {"Error": "X", "Cause": "why"})
    lake.report(item)
    one = databases(lake)["lake/sales"]
    assert (one.error, one.verified, one.tables, one.oldest, one.stored) == ("X: why", None, 0, None, {})


def test_what_the_lifecycle_rule_has_is_stored_no_more(lake: Lake) -> None:
    lake.bucket.put("sales/x.parquet", b"1")
    lake.bucket.put("sales/y.parquet", b"1")
    lake.run()
    lake.days(100)
    lake.bucket.remove("sales/x.parquet")
    lake.run(rules=KEEP_ONE)
    lake.days(31)
    lake.run(rules=KEEP_ONE)
    assert databases(lake)["sales"].stored == {"GLACIER": Tally(1, 1)}


def test_another_inventory_of_the_same_source_is_no_other_database(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.run()
    lake.days(1)
    lake.inventory(inventory_id="weekly")
    lake.run(Source.parse("s3://lake/sales#weekly"))
    assert databases(lake)["sales"].stored["GLACIER"] == Tally(1, 10)


def test_of_a_source_of_former_days_what_no_newer_one_has_is_told(lake: Lake) -> None:
    lake.bucket.put("sales/x.parquet", b"1")
    lake.bucket.put("hr/x.parquet", b"22")
    lake.run(EVERY)
    lake.days(1)
    lake.run(SALES)
    found = databases(lake)
    assert {name: one.stored["GLACIER"].size for name, one in found.items()} == {"sales": 1, "hr": 2}


def test_several_sources_are_told_apart(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.table("hr/t/", "a.parquet")
    lake.table("hr/u/", "a.parquet")
    lake.run(SALES, Source.parse("s3://lake/hr"))
    assert {name: one.tables for name, one in databases(lake).items()} == {"sales": 1, "hr": 2}
