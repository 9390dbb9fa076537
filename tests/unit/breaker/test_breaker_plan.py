"""When a cleaner is stopped, and what its person reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.breaker.plan import BreakerState, Budget, assess, give_back, is_near, resume

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CLOSED = BreakerState("capacity")
THIRD = Budget(share_percent=30, floor=2)


def removed(*counts: int) -> BreakerState:
    """So many a minute, the last a minute ago."""
    times = [T0 - MINUTE * age for age in range(len(counts), 0, -1)]
    return replace(CLOSED, removals=tuple(zip(times, counts, strict=True)), revision=len(counts))


def test_what_the_budget_allows_is_counted() -> None:
    assert assess(CLOSED, 30, 100, THIRD, T0) == BreakerState("capacity", removals=((T0, 30),), revision=1)


def test_one_more_opens_the_breaker_and_says_why() -> None:
    opened = assess(CLOSED, 31, 100, THIRD, T0)
    assert opened.open_reason == (
        "31 of 100 objects would be removed, 0 were in the last hour; 30 an hour are allowed (30 %, at least 2)"
    )
    assert opened == BreakerState("capacity", (), opened.open_reason, T0, revision=1)


def test_what_was_removed_in_the_last_hour_counts_on_both_sides() -> None:
    """Of 100 objects 20 are gone: ten more make 30 % of the hundred."""
    assert assess(removed(15, 5), 10, 80, THIRD, T0).open_reason is None
    assert assess(removed(15, 5), 11, 80, THIRD, T0).open_reason == (
        "11 of 80 objects would be removed, 20 were in the last hour; 30 an hour are allowed (30 %, at least 2)"
    )


def test_removals_of_one_minute_are_counted_as_one() -> None:
    """A busy hour is sixty numbers at most, and each counts for an hour from the first of its minute."""
    state = CLOSED
    for second in range(0, 600, 7):
        state = assess(state, 1, 1000, THIRD, T0 + second * MINUTE / 60)
    minutes = [(at - T0) / MINUTE for at, _ in state.removals]
    assert len(minutes) == 10
    assert all(later - earlier >= 1 for earlier, later in pairwise(minutes))
    assert sum(count for _, count in state.removals) == 86


def test_after_an_hour_a_removal_is_forgotten() -> None:
    hour_ago, later = T0 - 60 * MINUTE, T0 - 59 * MINUTE
    state = replace(CLOSED, removals=((hour_ago, 30), (later, 1)), revision=2)
    assert assess(state, 29, 99, THIRD, T0).removals == ((later, 1), (T0, 29))


def test_of_a_small_bucket_the_floor_may_always_go() -> None:
    assert assess(CLOSED, 2, 3, THIRD, T0).open_reason is None
    assert assess(CLOSED, 3, 3, THIRD, T0).open_reason is not None


def test_an_open_breaker_stays_as_it_is() -> None:
    opened = assess(CLOSED, 31, 100, THIRD, T0)
    assert assess(opened, 1, 1000, THIRD, T0 + 600 * MINUTE) == opened


def test_resumed_it_starts_from_zero_as_a_new_revision() -> None:
    opened = assess(removed(1, 1), 99, 100, THIRD, T0)
    assert resume(opened) == BreakerState("capacity", revision=opened.revision + 1)


# What was asked for and not removed


def test_what_is_given_back_is_taken_from_the_newest_removals() -> None:
    (first, _), (second, _), _ = removed(5, 4, 3).removals
    given_back = give_back(removed(5, 4, 3), 5)
    assert given_back == replace(CLOSED, removals=((first, 5), (second, 2)), revision=4)
    assert give_back(removed(5, 4, 3), 7).removals == ((first, 5),)


def test_no_more_is_given_back_than_was_counted() -> None:
    assert give_back(removed(5, 4), 100) == replace(CLOSED, revision=3)


def test_giving_nothing_back_or_after_a_resume_changes_nothing() -> None:
    assert give_back(removed(5), 0) == removed(5)
    assert give_back(CLOSED, 3) == CLOSED


def test_giving_back_does_not_close_an_open_breaker() -> None:
    opened = assess(removed(20), 99, 100, THIRD, T0)
    assert give_back(opened, 20).open_reason == opened.open_reason


# Near the limit


@pytest.mark.parametrize(
    ("state", "guarded", "near"),
    [
        (CLOSED, 100, False),
        (removed(10, 4), 86, False),
        (removed(10, 5), 85, True),
        (CLOSED, 0, False),
        (removed(1), 3, True),
        (assess(CLOSED, 31, 100, THIRD, T0), 100, True),
    ],
    ids=["nothing removed", "less than half", "half", "nothing guarded", "half of the floor", "open"],
)
def test_it_is_near_from_half_of_what_an_hour_may_remove(state: BreakerState, guarded: int, near: bool) -> None:
    assert is_near(state, guarded, THIRD, T0) is near


def test_without_a_limit_it_never_opens_and_is_never_near_however_few_are_counted() -> None:
    whatever = Budget(share_percent=100, floor=10)
    assert assess(removed(20), 1, 0, whatever, T0).open_reason is None
    assert not is_near(removed(20), 0, whatever, T0)


def test_after_an_hour_it_is_near_no_more() -> None:
    assert not is_near(removed(10, 5), 85, THIRD, T0 + 59 * MINUTE)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_with_all_of_it_allowed_the_breaker_never_opens(planned: int, spared: int, before: int) -> None:
    whatever = Budget(share_percent=100, floor=0)
    assert assess(removed(before), planned, planned + spared, whatever, T0).open_reason is None


@given(st.lists(st.integers(1, 20), max_size=20), st.integers(1, 99), st.integers(0, 10))
def test_an_hour_never_takes_more_than_its_share_of_what_there_was(asked: list[int], share: int, floor: int) -> None:
    state, left = CLOSED, 100
    for minute, planned in enumerate(asked):
        state = assess(state, planned, left, Budget(share, floor), T0 + MINUTE * minute)
        if state.open_reason is None:
            left -= planned
    assert 100 - left <= max(floor, share)
