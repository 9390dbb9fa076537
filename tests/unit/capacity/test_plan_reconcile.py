"""What a listing of the bucket repairs in the table."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.capacity.model import (
    BucketState,
    HistoryRow,
    ObjectRow,
    ReconcileProgress,
    StoredObject,
)
from holdfast.capacity.plan import compare, plan_repairs, plan_total, reconcile_due
from holdfast.events.model import UNKNOWN_SEQUENCER, sequencer
from tests.unit.capacity.domain import BUCKET, T0, a_row, a_state, a_tombstone, at, listed, rows, stored

# Comparing


def test_each_name_comes_once_with_what_either_side_has() -> None:
    walk = compare([listed("a", 1), listed("b", 2)], [a_row("b", 3), a_row("c", 4)])
    assert [(c.name, c.size, c.tracked_size) for c in walk] == [("a", 1, None), ("b", 2, 3), ("c", None, 4)]


def test_a_delete_marker_and_a_tombstone_agree_that_nothing_is_there() -> None:
    (compared,) = compare([listed("a", None, noncurrent_size=9)], [a_tombstone("a", seq="01")])
    assert (compared.size, compared.tracked_size) == (None, None)


SIZES = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), st.integers(0, 9), max_size=12)


@given(SIZES, SIZES)
def test_walking_side_by_side_finds_what_dictionaries_find(bucket: dict[str, int], table: dict[str, int]) -> None:
    """Whatever the names: S3 and DynamoDB both sort by UTF-8 bytes, and so does Python, by code points."""

    def in_utf8(sizes: dict[str, int]) -> list[tuple[str, int]]:
        return sorted(sizes.items(), key=lambda item: item[0].encode())

    walk = compare(
        [listed(name, size) for name, size in in_utf8(bucket)], [a_row(name, size) for name, size in in_utf8(table)]
    )
    found = {compared.name: (compared.size, compared.tracked_size) for compared in walk}
    assert found == {name: (bucket.get(name), table.get(name)) for name in bucket | table}


# Repairing


def test_a_row_that_nothing_backs_is_repaired_as_gone() -> None:
    commit = plan_repairs(a_state(18, 1), rows(a_row("a", 18, seq="05")), {"a": None}, at(9))
    assert commit
    assert (commit.after.total_size, commit.after.object_count) == (0, 0)
    assert commit.history == (HistoryRow(BUCKET, "1767225609000#000000000002", "a", "Reconcile:Gone", -18, 0, at(9)),)


@pytest.mark.parametrize("known", [rows(), rows(a_tombstone("a", seq="05"))], ids=["no row", "a tombstone"])
def test_an_object_that_the_table_misses_is_repaired_as_missing(known: dict[str, ObjectRow]) -> None:
    commit = plan_repairs(a_state(0, 0), known, {"a": stored("a", 18)}, T0)
    assert commit
    assert (commit.after.total_size, commit.after.object_count) == (18, 1)
    assert [row.event_type for row in commit.history] == ["Reconcile:Missing"]


def test_a_wrong_size_is_repaired() -> None:
    commit = plan_repairs(a_state(18, 1), rows(a_row("a", 18, seq="05")), {"a": stored("a", 20)}, T0)
    assert commit
    assert [(row.event_type, row.size_delta, row.total_size) for row in commit.history] == [("Reconcile:Size", 2, 20)]


def test_what_is_right_already_is_not_touched() -> None:
    known = rows(a_row("a", 18, seq="05"), a_tombstone("b", seq="05"))
    assert plan_repairs(a_state(18, 1), known, {"a": stored("a", 18), "b": None, "c": None}, T0) is None


@pytest.mark.parametrize("found", [None, stored("a", 20)], ids=["gone", "another size"])
def test_a_repair_keeps_the_order_so_that_a_late_event_still_counts(found: StoredObject | None) -> None:
    commit = plan_repairs(a_state(18, 1), rows(a_row("a", 18, seq="05")), {"a": found}, T0)
    assert commit
    assert commit.rows[0][1].sequencer == sequencer("05")


def test_an_object_that_no_event_told_of_is_older_than_any_event() -> None:
    commit = plan_repairs(a_state(0, 0), {}, {"a": stored("a", 18)}, T0)
    assert commit
    assert commit.rows[0][1].sequencer == UNKNOWN_SEQUENCER


def test_the_repairs_of_a_commit_build_on_each_other() -> None:
    found = {"a": stored("a", 1), "b": None, "c": stored("c", 30)}
    commit = plan_repairs(a_state(28, 2), rows(a_row("b", 18), a_row("c", 10)), found, T0)
    assert commit
    assert [row.total_size for row in commit.history] == [29, 11, 31]
    assert commit.after.object_count == 2


# The total


def test_a_total_that_is_the_sum_of_its_rows_is_left_alone() -> None:
    assert plan_total(a_state(18, 1), 18, 1, T0) is None


def test_a_total_set_by_hand_is_corrected_with_a_row_of_its_own_in_the_history() -> None:
    commit = plan_total(a_state(1000, 1, version=4), 18, 1, at(9))
    assert commit
    assert commit.after == BucketState(BUCKET, 18, 1, version=5, changed_at=at(9))
    assert commit.rows == ()
    assert commit.history == (HistoryRow(BUCKET, "1767225609000#000000000005", "", "Reconcile:Total", -982, 18, at(9)),)


def test_a_wrong_number_of_objects_alone_is_corrected_too() -> None:
    commit = plan_total(a_state(18, 7), 18, 1, T0)
    assert commit
    assert (commit.after.object_count, commit.history[0].size_delta) == (1, 0)


def test_a_correction_never_goes_back_in_time() -> None:
    before = BucketState(BUCKET, 5, 1, version=1, changed_at=at(9))
    commit = plan_total(before, 4, 1, at(3))
    assert commit
    assert commit.after.changed_at == at(9)
    assert commit.history[0].event_key == "1767225609000#000000000002"


def test_the_total_of_a_bucket_that_was_never_tracked_can_be_set() -> None:
    commit = plan_total(BucketState(BUCKET), 5, 1, T0)
    assert commit
    assert commit.after.changed_at == T0


# When

DAY = timedelta(days=1)


def test_the_first_pass_is_due_at_once() -> None:
    assert reconcile_due(ReconcileProgress(), T0)


def test_an_unfinished_pass_goes_on() -> None:
    assert reconcile_due(ReconcileProgress(after="a", completed_at=T0), T0)


def test_the_next_pass_is_due_a_day_after_the_last() -> None:
    done = ReconcileProgress(completed_at=T0)
    assert not reconcile_due(done, T0 + DAY - timedelta(seconds=1))
    assert reconcile_due(done, T0 + DAY)
