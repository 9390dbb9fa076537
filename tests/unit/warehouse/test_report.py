"""What a run came to, as people, Athena and metrics are told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast import prices
from holdfast.warehouse import report, watch
from holdfast.warehouse.model import Item, Source
from holdfast.warehouse.orders import Order, Orders
from holdfast.warehouse.report import NotAStep, Row
from tests.unit.warehouse.conftest import MakeLake
from tests.unit.warehouse.domain import KEEP_ONE, SALES, Crash, Lake, job_report

EVERY = Source.parse("s3://lake/*")


def finished(lake: Lake, source: Source = SALES) -> Item:
    """A run up to its report."""
    (item,) = lake.begin(source)
    lake.back_up(item)
    lake.retire(item, KEEP_ONE)
    return item


def rows(lake: Lake, item: Item) -> dict[str, Any]:
    """By database, of a run."""
    lake.report(item)
    return {row["database"]: row for row in lake.rows("reports") if row["run"] == item.run}


def test_each_database_has_a_row(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.table("hr/t/", "a.parquet", "b.parquet")
    lake.bucket.put("hr/readme.txt", b"1")
    found = rows(lake, finished(lake, EVERY))
    assert {name: (row["copied"], row["skipped"], row["tables"]) for name, row in found.items()} == {
        "sales": (1, 0, 1),
        "hr": (2, 1, 1),
    }


def test_a_database_of_which_all_is_gone_still_has_one(lake: Lake) -> None:
    lake.bucket.put("hr/x.parquet", b"1")
    lake.table("sales/t/", "a.parquet")
    finished(lake, EVERY)
    lake.days(100)
    lake.bucket.remove("hr/x.parquet")
    found = rows(lake, finished(lake, EVERY))
    assert (found["hr"]["copied"], found["hr"]["retired"]) == (0, 1)


def test_a_table_that_no_database_holds_is_told_of_all_the_same(lake: Lake) -> None:
    """A table beside the databases: its log lies in what looks like one, its data in none."""
    lake.table("", "a.parquet")
    found = rows(lake, finished(lake, EVERY))
    assert (found["lake/*"]["tables"], found["lake/*"]["restorable"]) == (1, 0)


def test_what_a_second_attempt_copied_did_not_fail_and_costs_what_it_was(lake: Lake) -> None:
    for name in "abcd":
        lake.bucket.put(f"sales/{name}.parquet", name.encode())
    (item,) = lake.begin()
    (order,) = lake.plan(item)
    lake.bucket.remove("sales/a.parquet")
    lake.copy(item, order)
    lake.bucket.put("sales/a.parquet", b"a")
    retry = Order.of({"phase": lake.commit(item, order)["retry"]})
    lake.copy(item, retry)
    lake.commit(item, retry)
    lake.verify(item)
    lake.retire(item)
    row = rows(lake, item)["sales"]
    assert (row["copied"], row["failed"]) == (4, 0)
    assert row["dollars"] == pytest.approx(prices.writing("GLACIER", 5))


def test_each_job_is_paid_for_besides_its_own_copies(make_lake: MakeLake) -> None:
    lake = make_lake(orders=Orders(direct_objects=0, storage_class="GLACIER"))
    lake.bucket.put("sales/a.parquet", b"a")
    lake.bucket.put("sales/b.parquet", b"b")
    (item,) = lake.begin()
    (order,) = lake.plan(item)
    lake.backup.put(f"{order.target}/sales/a.parquet", b"a")
    job_report(lake, order, [("sales/a.parquet", "succeeded")])
    retry = Order.of({"phase": lake.commit(item, order)["retry"]})
    lake.commit(item, retry)
    copies = prices.writing("GLACIER", 2 + 1)
    assert rows(lake, item)["sales"]["dollars"] == pytest.approx(prices.job(2) + prices.job(1) + copies)


# What went wrong


def test_a_source_that_came_to_no_end_is_no_success(lake: Lake) -> None:
    """Whatever stopped it could not write down why."""
    lake.table("sales/t/", "a.parquet")
    (item,) = lake.begin()
    lake.back_up(item)
    told = lake.report(item)
    assert told["failed"] == [str(SALES)]
    assert "FAILED sales: Unfinished" in told["summary"]


def test_a_source_that_failed_is_named_with_the_fact(lake: Lake) -> None:
    (item,) = lake.begin()
    cause = json.dumps({"errorMessage": "it is no inventory", "errorType": "PartCorrupt", "stackTrace": ["File x"]})
    report.note_failure(lake.warehouse, item, {"Error": "PartCorrupt", "Cause": cause})
    assert "FAILED lake/sales: PartCorrupt: it is no inventory" in lake.report(item)["summary"]


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ('{"StoppedReason": "OutOfMemory", "Containers": []}', "OutOfMemory"),
        ("plain", "plain"),
        ("[1]", "[1]"),
        ('{"else": 1}', '{"else": 1}'),
        ("", ""),
    ],
)
def test_of_what_step_functions_tells_the_fact_is_kept(lake: Lake, cause: str, told: str) -> None:
    (item,) = lake.begin()
    report.note_failure(lake.warehouse, item, {"Error": "States.TaskFailed", "Cause": cause})
    assert lake.document(item, "failed.json")["Cause"] == told


def test_a_failure_without_a_word_is_one(lake: Lake) -> None:
    (item,) = lake.begin()
    report.note_failure(lake.warehouse, item, {})
    assert lake.report(item)["failed"] == [str(SALES)]


def test_the_others_are_reported_though_one_failed(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    good, bad = lake.begin(SALES, Source.parse("s3://lake/hr"))
    lake.back_up(good)
    lake.retire(good)
    report.note_failure(lake.warehouse, bad, {"Error": "X", "Cause": "y"})
    told = lake.report(good)
    assert told["failed"] == ["s3://lake/hr"]
    assert told["summary"].splitlines()[1].startswith("FAILED lake/hr: X: y")
    assert "sales: 1 copied (10 bytes) and 1 of logs" in told["summary"]


def test_what_the_breaker_held_back_is_told_with_the_way_out(lake: Lake) -> None:
    item = finished(lake)
    document = f"{lake.warehouse.folder(item)}retire.json"
    lake.warehouse.save(document, lake.warehouse.load(document) | {"held": "too much"})
    assert (
        "Nothing of lake/sales was retired: too much. When it is right: holdfast breaker resume warehouse"
        in (lake.report(item)["summary"])
    )


def test_no_run_of_that_name_is_an_error_that_names_it(lake: Lake) -> None:
    with pytest.raises(NotAStep, match="there is no run 'x'"):
        report.report(lake.warehouse, "x", lake.messages.append)


# Told once, and in bounds


def test_reported_again_it_is_the_same_and_nobody_is_told_twice(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    item = finished(lake)
    first = lake.report(item)
    before = lake.rows("reports")
    lake.days(3)
    assert lake.report(item) == first
    assert lake.rows("reports") == before
    assert lake.messages == [first["summary"]]


@pytest.mark.parametrize(("call", "part"), [("write_file", "/reports/"), ("write", "report.json")])
def test_cut_off_at_any_call_it_is_reported(lake: Lake, call: str, part: str) -> None:
    item = finished(lake)
    lake.crash_at(call, part)
    with pytest.raises(Crash):
        lake.report(item)
    lake.report(item)
    assert len(lake.rows("reports")) == 1
    assert lake.messages


def test_a_summary_of_thousands_of_databases_is_one_that_can_be_sent() -> None:
    """Step Functions passes on 256 KB; a message of Slack has 40,000 characters."""
    some = [Row("run", "s3://lake/*", f"database-{number}" * 5, copied=10**9) for number in range(5_000)]
    some[4_000] = replace(some[4_000], tables=2, restorable=1, database="broken")
    some[4_500] = replace(some[4_500], error="why", database="lost")
    told = list(report.sentences("run", some, {}))
    assert len("\n".join(told)) < 39_000
    assert told[1] == "FAILED lost: why"
    assert told[2].startswith("broken: ")
    assert told[-1] == "and 4,900 more: the table of the reports has them all"


def test_names_of_databases_write_no_lines_of_their_own() -> None:
    (_, told) = report.sentences("run", [Row("run", "s3://lake/*", "a\n\x1b[31m", error="b\nc")], {})
    assert told == "FAILED 'a\\n\\x1b[31m': b c"


def test_a_reason_of_many_pages_is_cut(lake: Lake) -> None:
    (item,) = lake.begin()
    report.note_failure(lake.warehouse, item, {"Error": "X", "Cause": "y" * 100_000})
    assert len(lake.report(item)["summary"]) < 2_000


# Prices


def test_a_class_that_the_prices_do_not_know_costs_as_the_dearest() -> None:
    assert prices.month("TOMORROW", 1, prices.GB) == prices.month("STANDARD", 1, prices.GB)
    assert prices.writing("TOMORROW", 1000) == prices.writing("DEEP_ARCHIVE", 1000)


def test_small_objects_are_billed_as_if_they_were_larger() -> None:
    assert prices.month("GLACIER_IR", 8 * 1024, 1) == pytest.approx(prices.prices()["s3"]["gb_month"]["GLACIER_IR"])
    assert prices.month("GLACIER_IR", 1, prices.GB) == pytest.approx(0.004)
    assert prices.month("STANDARD", 8 * 1024, prices.GB) == pytest.approx(0.023)


def test_archived_objects_are_billed_with_their_overhead() -> None:
    objects = 32 * 1024
    assert prices.month("GLACIER", objects, 0) == pytest.approx(1 * 0.0036 + 0.25 * 0.023)


# The watch over runs


def test_a_run_in_which_nothing_was_backed_up_is_none(lake: Lake) -> None:
    assert watch.days_since_backup(lake.warehouse) is None
    lake.begin()
    lake.days(2)
    assert watch.days_since_backup(lake.warehouse) == 2
    lake.table("sales/t/", "a.parquet")
    lake.report(finished(lake))
    lake.days(3)
    (item,) = lake.begin()
    assert watch.days_since_backup(lake.warehouse) == 3
    lake.report(item)
    assert watch.days_since_backup(lake.warehouse) == 3
