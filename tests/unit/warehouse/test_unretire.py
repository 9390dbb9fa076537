"""Taking back what is marked, by the name of a database or table."""

import pytest

from holdfast.warehouse import unretire
from holdfast.warehouse.model import Retirement, Source, State
from holdfast.warehouse.retire import record
from tests.unit.warehouse.domain import SALES, Crash, Lake, gone_for
from tests.unit.warehouse.test_retire import A, retired


def decided(lake: Lake, *keys: str, state: State = State.MARKED, source: Source = SALES) -> None:
    rows = [Retirement("run", key, "e", state, lake.time) for key in keys]
    record(lake.warehouse, source, rows, f"{state}-{keys[0].replace('/', '-')}")


def found(lake: Lake, prefix: str, source: Source = SALES) -> list[str]:
    return [one.key for one in unretire.find(lake.warehouse, source, prefix).copies]


def test_only_what_lies_below_a_name_is_found(lake: Lake) -> None:
    decided(lake, "sales/shop/a", "sales/shopping/b", "sales/a/shop/c")
    assert found(lake, "sales/shop/") == ["sales/shop/a"]


def test_names_that_sql_takes_for_something_are_names(lake: Lake) -> None:
    decided(lake, "sales/it's%_/a", "sales/itxs__/b")
    assert found(lake, "sales/it's%_/") == ["sales/it's%_/a"]


def test_what_another_source_of_the_bucket_has_is_not_found(lake: Lake) -> None:
    decided(lake, "sales/a", "hr/b", source=Source.parse("s3://lake"))
    assert found(lake, "") == ["sales/a"]


def test_it_tells_how_many_there_are_and_names_some(lake: Lake) -> None:
    decided(lake, *(f"sales/{number}" for number in range(5)))
    decided(lake, "sales/x", state=State.EXPIRING)
    marked = unretire.find(lake.warehouse, SALES, "sales/", named=2)
    assert (marked.count, [one.key for one in marked.copies], marked.expiring) == (5, ["sales/0", "sales/1"], 1)


def test_what_was_never_marked_is_nothing_to_take_back(lake: Lake) -> None:
    marked = unretire.find(lake.warehouse, SALES, "sales/")
    assert (marked.count, marked.expiring) == (0, 0)
    assert unretire.take_back(lake.warehouse, marked, lake.time) == 0
    assert lake.rows("retirements") == []


def test_what_is_taken_back_is_left_alone_as_long_as_a_new_copy_would_be(lake: Lake) -> None:
    run = gone_for(lake, 100)
    retired(lake)
    marked = unretire.find(lake.warehouse, SALES, "sales/t/")
    assert unretire.take_back(lake.warehouse, marked, lake.time) == 0
    assert lake.state(run, A) is None
    for days, again in ((31, 0), (58, 0), (2, 1)):
        lake.days(days)
        assert retired(lake)["marked"] == again


@pytest.mark.parametrize(("call", "part"), [("write_file", "unretire-"), ("tag", "a.parquet")])
def test_cut_off_it_is_never_thought_to_be_marked_and_safe(lake: Lake, call: str, part: str) -> None:
    gone_for(lake, 100)
    retired(lake)
    marked = unretire.find(lake.warehouse, SALES, "sales/t/")
    lake.crash_at(call, part)
    with pytest.raises(Crash):
        unretire.take_back(lake.warehouse, marked, lake.time)
    unretire.take_back(lake.warehouse, unretire.find(lake.warehouse, SALES, "sales/t/"), lake.time)
    lake.days(31)
    assert retired(lake)["expiring"] == 0


def test_a_copy_that_somebody_removed_fails_nothing(lake: Lake) -> None:
    run = gone_for(lake, 100)
    retired(lake)
    lake.backup.remove(lake.copy_key(run, A))
    marked = unretire.find(lake.warehouse, SALES, "sales/t/")
    assert unretire.take_back(lake.warehouse, marked, lake.time) == 0


def test_what_a_run_handed_over_meanwhile_is_told(lake: Lake) -> None:
    gone_for(lake, 100)
    retired(lake)
    marked = unretire.find(lake.warehouse, SALES, "sales/")
    lake.days(31)
    retired(lake)
    assert unretire.take_back(lake.warehouse, marked, lake.time) == 1
