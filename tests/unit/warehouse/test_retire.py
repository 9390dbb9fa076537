"""What is tagged, and when: every order of writes, everybody who interferes, and what the breaker is asked for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.breaker.plan import Budget
from holdfast.breaker.run import resume
from holdfast.warehouse import candidates, retire, unretire
from holdfast.warehouse.model import Item, Phase, Retirement, Source, State
from holdfast.warehouse.retire import SYSTEM
from tests.unit.warehouse.conftest import MakeLake
from tests.unit.warehouse.domain import KEEP_ONE, NEVER, RULES, SALES, Crash, Lake, gone_for

A = "sales/t/a.parquet"


def ready(lake: Lake, source: Source = SALES) -> Item:
    """A run up to its retirement."""
    (item,) = lake.begin(source)
    lake.back_up(item)
    return item


def retired(lake: Lake, rules: retire.Rules = KEEP_ONE) -> dict[str, Any]:
    return lake.retire(ready(lake), rules)


def states(lake: Lake) -> list[str]:
    rows = sorted(lake.rows("retirements"), key=lambda row: row["decided_at"])
    return [row["state"] for row in rows]


def removals(lake: Lake) -> int:
    """What the breaker counts."""
    return sum(count for _, count in lake.breaker.store.load(SYSTEM).removals)


def test_what_is_gone_is_marked_and_after_its_grace_handed_over(lake: Lake) -> None:
    run = gone_for(lake, 100)
    assert retired(lake)["marked"] == 1
    assert lake.state(run, A) == "retired"
    lake.days(29)
    assert retired(lake)["expiring"] == 0
    lake.days(2)
    assert retired(lake)["expiring"] == 1
    assert lake.state(run, A) == "expire"
    assert states(lake) == ["marked", "expiring"]


def test_nothing_is_tagged_before_its_time(lake: Lake) -> None:
    gone_for(lake, 89)
    assert retired(lake)["marked"] == 0


def test_what_is_listed_no_more_and_there_is_left_alone(lake: Lake) -> None:
    """An inventory may lag."""
    run = gone_for(lake, 100)
    item = ready(lake)
    lake.bucket.put(A, b"x" * 10)
    assert lake.retire(item, KEEP_ONE)["marked"] == 0
    assert lake.state(run, A) is None


def test_logs_are_never_tagged(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet")
    lake.table("sales/u/", "b.parquet")
    run = lake.run()
    lake.days(1000)
    for key in [key for key in lake.bucket.keys if key.startswith("sales/t/")]:
        lake.bucket.remove(key)
    for _ in range(3):
        retired(lake)
        lake.days(40)
    assert lake.state(run, "sales/t/_delta_log/00000000000000000000.json") is None
    assert lake.state(run, A) == "expire"


def test_each_copy_of_a_key_is_retired_on_its_own(lake: Lake) -> None:
    lake.bucket.put("sales/x.parquet", b"1")
    first = lake.run()
    lake.days(80)
    lake.bucket.put("sales/x.parquet", b"2")
    second = lake.run()
    lake.days(20)
    lake.bucket.remove("sales/x.parquet")
    assert retired(lake)["marked"] == 1
    assert (lake.state(first, "sales/x.parquet"), lake.state(second, "sales/x.parquet")) == ("retired", None)


def test_a_marked_copy_whose_original_is_back_is_taken_back(lake: Lake) -> None:
    run = gone_for(lake, 100)
    retired(lake)
    lake.bucket.put(A, b"x" * 10)
    assert retired(lake)["kept"] == 1
    assert lake.state(run, A) is None


@pytest.mark.parametrize("call", ["head", "tag"])
def test_a_copy_that_somebody_removes_fails_nothing(lake: Lake, call: str) -> None:
    run = gone_for(lake, 100)
    retired(lake)
    lake.bucket.put(A, b"x" * 10)
    item = ready(lake)
    lake.before(call, f"copies/{run}", lambda: lake.backup.remove(lake.copy_key(run, A)))
    assert lake.retire(item, KEEP_ONE)["done"]


def test_an_inventory_of_nothing_tags_nothing_that_is_there(lake: Lake) -> None:
    lake.table("sales/t/", "a.parquet", "b.parquet")
    run = lake.run()
    lake.days(100)
    kept = dict(lake.bucket.keys)
    lake.bucket.keys.clear()
    item = ready(lake)
    lake.bucket.keys.update(kept)
    assert lake.retire(item, KEEP_ONE)["marked"] == 0
    assert lake.state(run, A) is None


# What is needed


def test_what_the_versions_of_the_newest_runs_need_stays(lake: Lake) -> None:
    gone_for(lake, 100)
    assert retired(lake, RULES)["marked"] == 0  # the first of two runs needs it
    assert retired(lake, RULES)["marked"] == 1


def test_a_run_that_was_cut_off_is_none_of_those_that_are_counted(lake: Lake) -> None:
    gone_for(lake, 100)
    item = ready(lake)  # it records what it found of the table, and then
    lake.backup.remove(f"{lake.warehouse.folder(item)}verify.json")
    assert retired(lake, RULES)["marked"] == 0


def test_a_run_of_one_database_is_none_of_those_of_all(lake: Lake) -> None:
    every = Source.parse("s3://lake/*")
    lake.table("sales/t/", "a.parquet", "b.parquet")
    lake.table("hr/t/", "a.parquet")
    lake.run(every)
    lake.days(100)
    for key in [key for key in lake.bucket.keys if key.startswith("hr/")]:
        lake.bucket.remove(key)
    lake.run(SALES)
    lake.days(1)
    lake.run(SALES)
    lake.days(1)
    assert lake.retire(ready(lake, every), RULES)["marked"] == 0


def test_a_table_that_is_there_keeps_its_newest_restorable_version_however_old(lake: Lake) -> None:
    """What its newest version names is lost, and other tables have newer ones."""
    run = gone_for(lake, 100)
    broken = b'{"add": {"path": "lost.parquet", "size": 1, "dataChange": true, "partitionValues": {}}}'
    lake.bucket.put(f"sales/t/_delta_log/{0:020}.json", broken)
    lake.table("sales/u/", "b.parquet")
    for _ in range(3):
        lake.days(1)
        assert retired(lake)["marked"] == 0
    assert lake.state(run, A) is None


def test_a_table_is_there_though_its_log_could_not_be_copied(lake: Lake) -> None:
    run = gone_for(lake, 100)
    lake.table("sales/u/", "b.parquet")
    for _ in range(3):
        lake.days(1)
        (item,) = lake.begin()
        orders = lake.plan(item)
        log = {key: one for key, one in lake.bucket.keys.items() if key.startswith("sales/t/_delta_log/")}
        for key in log:
            lake.bucket.remove(key)
        for order in orders:
            lake.copy(item, order)
            lake.commit(item, order)
        lake.verify(item)
        assert lake.retire(item, KEEP_ONE)["marked"] == 0
        lake.bucket.keys.update(log)
    assert lake.state(run, A) is None


# Who retires what


def test_a_source_leaves_the_copies_of_others_alone_that_one_of_former_days_held_together(lake: Lake) -> None:
    lake.bucket.put("sales/x.parquet", b"1")
    lake.bucket.put("hr/y.parquet", b"2")
    whole = Source.parse("s3://lake")
    run = lake.run(whole)
    lake.days(100)
    lake.bucket.remove("hr/y.parquet")
    lake.run(whole, rules=KEEP_ONE)
    assert lake.state(run, "hr/y.parquet") == "retired"
    assert lake.retire(ready(lake), KEEP_ONE)["kept"] == 0
    assert lake.state(run, "hr/y.parquet") == "retired"
    lake.days(31)
    assert lake.retire(ready(lake, Source.parse("s3://lake/hr")), KEEP_ONE)["expiring"] == 1


# Cut off


@pytest.mark.parametrize(
    ("call", "part"), [("tag", "a.parquet"), ("write_file", "-marked-"), ("write", "retire.json"), ("head", "copies")]
)
def test_cut_off_while_marking_it_goes_on(lake: Lake, call: str, part: str) -> None:
    run = gone_for(lake, 100)
    item = ready(lake)
    lake.crash_at(call, part, after=part == "retire.json")
    with pytest.raises(Crash):
        lake.retire(item, KEEP_ONE)
    assert lake.retire(item, KEEP_ONE)["done"]
    assert lake.state(run, A) == "retired"
    assert set(states(lake)) == {"marked"}


def expiring(lake: Lake) -> tuple[str, Item]:
    """A copy whose grace is over in the run that retires next."""
    run = gone_for(lake, 100)
    retired(lake)
    lake.days(31)
    return run, ready(lake)


@pytest.mark.parametrize(("call", "part"), [("tag", "a.parquet"), ("write", "retire.json")])
def test_what_is_handed_over_is_told_before_it_is_tagged(lake: Lake, call: str, part: str) -> None:
    run, item = expiring(lake)
    lake.crash_at(call, part, after=part == "retire.json")
    with pytest.raises(Crash):
        lake.retire(item, KEEP_ONE)
    assert states(lake) == ["marked", "expiring"]
    lake.retire(item, KEEP_ONE)
    assert lake.state(run, A) == "expire"


def test_a_retirement_that_is_done_is_answered(lake: Lake) -> None:
    _, item = expiring(lake)
    told = lake.retire(item, KEEP_ONE)
    lake.days(100)
    lake.bucket.keys.clear()
    assert lake.retire(item, KEEP_ONE) == told


# Taken back meanwhile


def take_back(lake: Lake, clock: timedelta = timedelta()) -> int:
    marked = unretire.find(lake.warehouse, SALES, "sales/")
    return unretire.take_back(lake.warehouse, marked, lake.time + clock)


@pytest.mark.parametrize("clock", [timedelta(hours=-5), timedelta(hours=5)])
def test_what_is_taken_back_while_it_is_looked_at_is_not_handed_over(lake: Lake, clock: timedelta) -> None:
    run, item = expiring(lake)
    lake.before("head", "copies/", lambda: take_back(lake, clock))
    assert lake.retire(item, KEEP_ONE)["expiring"] == 0
    assert lake.state(run, A) is None
    lake.days(31)
    assert retired(lake)["expiring"] == 0


@pytest.mark.parametrize("clock", [timedelta(hours=-5), timedelta(hours=5)])
@pytest.mark.parametrize(("call", "part"), [("write_file", "-expiring-"), ("tag", "a.parquet")])
def test_what_is_taken_back_too_late_is_told_so_and_counts_no_more(
    lake: Lake, call: str, part: str, clock: timedelta
) -> None:
    """The run has looked for what was taken back a moment before."""
    _, item = expiring(lake)
    marked = unretire.find(lake.warehouse, SALES, "sales/")
    lake.before(call, part, lambda: unretire.take_back(lake.warehouse, marked, lake.time + clock))
    lake.retire(item, KEEP_ONE)
    lake.bucket.put(A, b"x" * 10)
    assert [order.objects for order in lake.plan(ready(lake)) if order.phase is Phase.DATA] == [1]


def test_two_executions_that_retire_at_once_come_to_the_same(lake: Lake) -> None:
    run, item = expiring(lake)
    other = ready(lake)
    lake.before("write_file", "-expiring-", lambda: lake.retire(other, KEEP_ONE))
    lake.retire(item, KEEP_ONE)
    assert lake.state(run, A) == "expire"


# The breaker


def many_gone(lake: Lake, count: int = 20) -> str:
    for number in range(count):
        lake.bucket.put(f"sales/{number:03}.parquet", b"1")
    lake.bucket.put("sales/stays.parquet", b"1")
    run = lake.run()
    lake.days(100)
    for number in range(count):
        lake.bucket.remove(f"sales/{number:03}.parquet")
    return run


@pytest.fixture
def chunks_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "CHUNK", 5)


def test_too_much_at_once_is_held_back_as_a_whole_until_somebody_looks(make_lake: MakeLake) -> None:
    lake = make_lake(budget=Budget(50, 10))
    run = many_gone(lake)
    told = retired(lake)
    assert (told["done"], told["marked"]) == (True, 0)
    assert "20 of 21 objects would be removed" in told["held"]
    assert retired(lake)["held"] == told["held"]
    assert lake.state(run, "sales/000.parquet") is None
    resume(SYSTEM, lake.breaker.store)
    lake.days(1)
    assert retired(lake)["marked"] == 20


@pytest.mark.parametrize(("more", "held"), [(10, False), (19, True)])
def test_somebody_approves_what_was_held_back_and_no_more(make_lake: MakeLake, *, more: int, held: bool) -> None:
    lake = make_lake(budget=Budget(40, 0))
    for number in range(20, 40):
        lake.bucket.put(f"sales/{number:03}.parquet", b"1")
    many_gone(lake)
    assert retired(lake)["held"]
    resume(SYSTEM, lake.breaker.store)
    lake.days(1)
    for number in range(20, 20 + more):
        lake.bucket.remove(f"sales/{number:03}.parquet")
    told = retired(lake)
    assert (told["held"] is not None, told["marked"]) == (held, 0 if held else 20 + more)


def test_what_other_sources_retire_at_the_same_time_is_no_reason_to_hold_back(make_lake: MakeLake) -> None:
    lake = make_lake(budget=Budget(50, 0))
    for number in range(20):
        lake.bucket.put(f"hr/{number:03}.parquet", b"1")
    lake.bucket.put("sales/a.parquet", b"1")
    lake.bucket.put("sales/b.parquet", b"1")
    other = Source.parse("s3://lake/hr")
    lake.run(other, SALES)
    lake.days(100)
    for number in range(10):
        lake.bucket.remove(f"hr/{number:03}.parquet")
    lake.bucket.remove("sales/a.parquet")
    assert lake.retire(ready(lake, other), KEEP_ONE)["marked"] == 10
    assert lake.retire(ready(lake), KEEP_ONE)["marked"] == 1


@pytest.mark.usefixtures("chunks_of_five")
def test_the_breaker_counts_what_was_tagged_and_not_what_was_not(lake: Lake) -> None:
    many_gone(lake)
    item = ready(lake)
    for number in range(7):
        lake.bucket.put(f"sales/{number:03}.parquet", b"1")
    assert lake.retire(item, KEEP_ONE)["marked"] == 13
    assert removals(lake) == 13


@pytest.mark.usefixtures("chunks_of_five")
def test_without_time_it_goes_on_and_the_breaker_is_asked_once(lake: Lake) -> None:
    many_gone(lake)
    item = ready(lake)
    answers = [lake.retire(item, KEEP_ONE, NEVER) for _ in range(6)]
    assert [told["done"] for told in answers] == [False] * 5 + [True]
    assert answers[-1]["marked"] == 20
    assert removals(lake) == 20


@pytest.mark.usefixtures("chunks_of_five")
@pytest.mark.parametrize(
    ("call", "part", "after"),
    [("write_file", "-marked-", 1), ("write", "retire.json", 2), ("tag", "sales/007", 0), ("write", "retire.json", 5)],
)
def test_cut_off_anywhere_the_breaker_never_counts_too_little(lake: Lake, call: str, part: str, after: int) -> None:
    run = many_gone(lake)
    item = ready(lake)
    lake.crash_at(call, part, after=after)
    with pytest.raises(Crash):
        lake.retire(item, KEEP_ONE)
    lake.retire(item, KEEP_ONE)
    tagged = [number for number in range(20) if lake.state(run, f"sales/{number:03}.parquet")]
    assert len(tagged) == 20
    assert removals(lake) >= 20


def test_what_becomes_ripe_while_a_run_is_cut_off_was_not_asked_for(lake: Lake) -> None:
    run = gone_for(lake, 100)
    retired(lake)
    lake.days(29)
    item = ready(lake)
    lake.retire(item, KEEP_ONE, NEVER)
    lake.days(2)
    assert lake.retire(item, KEEP_ONE)["expiring"] == 0
    assert lake.state(run, A) == "retired"


def test_what_was_handed_over_is_guarded_no_more(make_lake: MakeLake) -> None:
    """Or the breaker would allow more from year to year."""
    lake = make_lake(budget=Budget(100, 0))
    many_gone(lake, 8)
    retired(lake)
    lake.days(31)
    assert retired(lake)["expiring"] == 8
    lake.days(31)
    lake.breaker = replace(lake.breaker, budget=Budget(40, 0))
    lake.bucket.remove("sales/stays.parquet")
    lake.bucket.put("sales/new.parquet", b"1")
    assert "1 of 2 objects would be removed" in retired(lake)["held"]


def test_decisions_are_read_as_they_were_written(lake: Lake) -> None:
    """Times are UTC, whatever zone the database thinks it is in."""
    decided = Retirement("run", "sales/it's \n.parquet", "e", State.MARKED, lake.time)
    retire.record(lake.warehouse, SALES, [decided], "some")
    (copy,) = unretire.find(lake.warehouse, SALES, "sales/").copies
    assert copy == decided
