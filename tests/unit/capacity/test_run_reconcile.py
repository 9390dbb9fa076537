"""What a walk over bucket and table repairs, and how it goes on where it left off."""

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.capacity.run import Contention, Reconciled
from tests.unit.capacity.domain import BUCKET
from tests.unit.capacity.watched import Contested, Meddler, Watched


def found(reconciled: Reconciled | None) -> Reconciled:
    assert reconciled
    return reconciled


# What it repairs


def test_a_bucket_that_was_there_before_the_stack_is_counted() -> None:
    watched = Watched()
    watched.bucket.put("a", 18)
    watched.bucket.put("b", 28)
    watched.lose_events()
    assert watched.reconcile() == Reconciled(
        compared=2, repaired=2, complete=True, total_size=46, noncurrent_size=0, multipart_size=0
    )
    assert watched.tracked == {"a": 18, "b": 28}
    assert watched.log.lines == [
        ("repaired", {"object_name": "a", "kind": "Reconcile:Missing", "size_delta": 18}),
        ("repaired", {"object_name": "b", "kind": "Reconcile:Missing", "size_delta": 28}),
    ]


def test_a_lost_create_is_made_good() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.put("b", 28)
    watched.lose_events()
    assert found(watched.reconcile()).repaired == 1
    assert watched.tracked == {"a": 18, "b": 28}


def test_a_lost_delete_is_made_good() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.bucket.remove("b")
    watched.lose_events()
    assert found(watched.reconcile()).repaired == 1
    assert (watched.tracked, watched.total) == ({"a": 18}, 18)


def test_a_lost_overwrite_is_made_good() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.bucket.put("b", 3)
    watched.lose_events()
    assert found(watched.reconcile()).repaired == 1
    assert (watched.tracked, watched.total) == ({"a": 18, "b": 3}, 21)


def test_a_bucket_that_agrees_is_only_compared() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.bucket.remove("b")
    watched.settle()
    watched.log.lines.clear()
    assert watched.reconcile() == Reconciled(
        compared=2, repaired=0, complete=True, total_size=18, noncurrent_size=0, multipart_size=0
    )
    assert watched.log.lines == []


def test_an_event_that_was_only_late_still_counts_behind_the_repair() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.put("a", 28)
    late = list(watched.undelivered)
    watched.reconcile()
    watched.bucket.put("a", 30)
    watched.settle()
    watched.deliver(*late)
    assert watched.total == 30


def test_more_than_one_transaction_holds_is_repaired_in_several() -> None:
    watched = Watched()
    for n in range(120):
        watched.bucket.put(f"{n:03}", 1)
    watched.lose_events()
    assert found(watched.reconcile()).repaired == 120
    assert watched.total == 120


def test_what_changes_while_it_walks_is_repaired_as_it_is_then() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.put("b", 28)
    watched.lose_events()
    meddled = Meddler(watched.ledger, "rows", lambda: watched.bucket.put("b", 30))
    watched.reconcile(ledger=meddled)
    assert watched.tracked == {"a": 18, "b": 30}


def test_what_tracking_makes_good_meanwhile_is_not_repaired_again() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.put("b", 28)
    meddled = Meddler(watched.bucket, "head", watched.settle)
    assert found(watched.reconcile(bucket=meddled)).repaired == 0
    assert (watched.tracked, watched.total) == ({"a": 18, "b": 28}, 46)


def test_contention_without_end_fails_the_run() -> None:
    watched = Watched()
    watched.bucket.put("a", 18)
    with pytest.raises(Contention):
        watched.reconcile(ledger=Contested())


# The total


def set_by_hand(watched: Watched, total_size: int) -> None:
    state = watched.ledger.states[BUCKET]
    watched.ledger.states[BUCKET] = replace(state, total_size=total_size)


def test_a_total_that_was_set_wrong_by_hand_is_corrected() -> None:
    watched = Watched().holding(a=18, b=28)
    set_by_hand(watched, 1000)
    assert found(watched.reconcile()).total_size == 46
    assert watched.total == 46
    assert watched.log.lines == [("total corrected", {"size_delta": -954, "total_size": 46})]
    assert [(row.event_type, row.size_delta) for row in watched.changes[-1:]] == [("Reconcile:Total", -954)]


def test_the_total_is_corrected_behind_repairs_too() -> None:
    watched = Watched().holding(a=18, b=28)
    set_by_hand(watched, 1000)
    watched.bucket.remove("b")
    watched.lose_events()
    assert found(watched.reconcile()).total_size == 18


def test_a_sum_over_rows_that_changed_meanwhile_corrects_nothing() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.put("b", 28)
    meddled = Meddler(watched.ledger, "rows", watched.settle)
    assert found(watched.reconcile(ledger=meddled)).total_size == 46
    assert watched.log.of("total corrected") == []


def test_a_correction_that_meets_a_writer_is_left_to_the_next_pass() -> None:
    watched = Watched().holding(a=18)
    set_by_hand(watched, 1000)
    meddled = Meddler(watched.ledger, "commit", lambda: watched.holding(b=28), behind=False)
    assert found(watched.reconcile(ledger=meddled)).complete
    assert watched.total == 1028
    assert found(watched.reconcile()).total_size == 46


# Beside the total


def test_versions_that_are_not_current_and_unfinished_uploads_are_figures_of_their_own() -> None:
    watched = Watched(versioned=True).holding(a=18, b=28)
    watched.bucket.put("a", 5)
    watched.bucket.remove("b")
    watched.settle()
    watched.bucket.parts["upload"] = 77
    assert watched.reconcile() == Reconciled(
        compared=2, repaired=0, complete=True, total_size=5, noncurrent_size=46, multipart_size=77
    )
    progress = watched.ledger.progress(BUCKET)
    assert (progress.noncurrent_size, progress.multipart_size) == (46, 77)


# When, and how far


def test_a_schedule_starts_a_pass_once_a_day() -> None:
    watched = Watched().holding(a=18)
    assert watched.reconcile(by_schedule=True)
    watched.now += timedelta(hours=23)
    assert watched.reconcile(by_schedule=True) is None
    watched.now += timedelta(hours=1)
    assert watched.reconcile(by_schedule=True)


def test_a_person_starts_a_pass_at_any_time() -> None:
    watched = Watched().holding(a=18)
    assert watched.reconcile()
    assert watched.reconcile()


PAGE = 1000


def a_large_bucket() -> Watched:
    watched = Watched(versioned=True)
    for n in range(PAGE + 5):
        watched.bucket.put(f"{n:04}", 1)
        watched.bucket.put(f"{n:04}", 2)
    watched.lose_events()
    return watched


def test_a_run_whose_time_is_up_stops_and_the_next_schedule_goes_on_from_there() -> None:
    watched = a_large_bucket()
    first = found(watched.reconcile(by_schedule=True, time_left=lambda: False))
    assert (first.compared, first.complete, first.noncurrent_size) == (PAGE, False, 0)
    assert watched.ledger.progress(BUCKET).after == f"{PAGE - 1:04}"

    second = found(watched.reconcile(by_schedule=True))
    assert (second.compared, second.complete, second.noncurrent_size) == (5, True, PAGE + 5)
    assert second.total_size == 2 * (PAGE + 5)
    assert watched.ledger.progress(BUCKET).after == ""


def test_a_pass_in_two_halves_does_not_judge_the_total() -> None:
    watched = a_large_bucket()
    watched.reconcile()
    set_by_hand(watched, 7)
    watched.reconcile(time_left=lambda: False)
    watched.reconcile()
    assert watched.total == 7
    watched.reconcile()
    assert watched.total == 2 * (PAGE + 5)
