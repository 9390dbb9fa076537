"""Cleaning: which copies go, which stay, and what neither a lock nor an error of one does to the others."""

from dataclasses import asdict
from datetime import timedelta

import pytest

from holdfast.breaker.plan import Budget
from holdfast.objects.guard import SYSTEM
from holdfast.objects.model import Status
from holdfast.objects.run import CLEANED_TOGETHER, CleaningFailed
from tests.unit.capacity.watched import Meddler
from tests.unit.objects.protected import DELAY, Failing, Protected, looks

MOMENT = timedelta(milliseconds=1)


def deleted(*keys: str, bucket: Protected | None = None) -> Protected:
    """A bucket of which these objects were copied and deleted just now."""
    bucket = bucket or Protected()
    for key in keys:
        bucket.holding(f"content of {key}", key=key)
        bucket.replicate(bucket.delete(key))
    bucket.lose_events()
    bucket.log.lines.clear()
    return bucket


def many(number: int) -> list[str]:
    return [f"{n:04}" for n in range(number)]


# What goes


def test_a_copy_goes_with_its_row_once_the_delay_is_over_and_not_before() -> None:
    bucket = deleted("a")
    bucket.now += DELAY - MOMENT
    assert bucket.clean().cleaned == 0
    assert bucket.stored() == ["content of a"]
    bucket.now += MOMENT
    assert asdict(bucket.clean()) == {
        "cleaned": 1,
        "cleaned_bytes": 1,
        "locked": 0,
        "failed": 0,
        "failure": None,
        "held": None,
        "complete": True,
    }
    assert (bucket.stored(), bucket.rows()) == ([], [])


def test_what_lives_stays() -> None:
    bucket = deleted("a").holding("lives", key="b")
    bucket.now += 10 * DELAY
    bucket.clean()
    assert bucket.stored() == ["lives"]


def test_a_copy_of_an_object_that_is_there_again_is_cleaned_and_the_new_one_stays() -> None:
    bucket = deleted("a").holding("again")
    bucket.now += DELAY
    bucket.clean()
    assert bucket.contents() == bucket.stored() == ["again"]


def test_each_copy_that_goes_is_a_line() -> None:
    bucket = deleted("a")
    [copy] = bucket.rows()
    bucket.now += DELAY
    bucket.clean()
    assert bucket.log.lines == [
        ("cleaned", {"copy_key": copy.copy_key, "size": 1, "disowned_at": "2026-01-01 00:00:00+00:00"})
    ]


def test_an_index_that_still_tells_of_what_is_gone_does_no_harm() -> None:
    bucket = deleted("a")
    bucket.now += DELAY
    bucket.clean()
    assert len(bucket.table.ghosts) == 1
    assert bucket.clean().complete
    assert bucket.rows() == []


# Time


def test_a_run_that_has_no_time_stops_and_the_next_goes_on() -> None:
    bucket = deleted(*many(2 * CLEANED_TOGETHER))
    bucket.now += DELAY
    first = bucket.clean(time_left=looks([True]))
    assert (first.cleaned, first.complete) == (CLEANED_TOGETHER, False)
    assert len(bucket.stored()) == CLEANED_TOGETHER
    assert bucket.clean().complete
    assert bucket.stored() == []


def test_the_longest_disowned_go_first() -> None:
    bucket = deleted(*many(CLEANED_TOGETHER))
    bucket.now += timedelta(minutes=1)
    deleted("later", bucket=bucket)
    bucket.now += DELAY
    bucket.clean(time_left=looks([True]))
    assert bucket.stored() == ["content of later"]


# Crashes


class Crash(BaseException):
    pass


def crash() -> None:
    raise Crash


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("call", ["remove", "forget"])
def test_after_a_crash_the_next_run_goes_on(call: str, behind: bool) -> None:
    bucket = deleted("a", "b")
    bucket.now += DELAY
    with pytest.raises(Crash):
        bucket.clean(
            backups=Meddler(bucket.backups, call, crash, behind=behind),
            table=Meddler(bucket.table, call, crash, behind=behind),
        )
    assert bucket.clean().complete
    assert (bucket.stored(), dict(bucket.table.rows)) == ([], {})


# Locks


def test_what_is_locked_stays_with_its_row_and_the_others_go() -> None:
    bucket = deleted("a", "b")
    locked = bucket.copy_of("content of a").copy_key
    bucket.backups.locked.add(locked)
    bucket.now += DELAY
    cleaned = bucket.clean()
    assert (cleaned.cleaned, cleaned.locked, cleaned.complete) == (1, 1, True)
    assert bucket.stored() == ["content of a"]
    assert [copy.status for copy in bucket.rows()] == [Status.DISOWNED]
    assert bucket.log.of("locked") == [{"copy_key": locked, "reason": f"{locked!r} is locked"}]
    bucket.backups.locked.clear()
    bucket.clean()
    assert (bucket.stored(), bucket.rows()) == ([], [])


def test_what_is_locked_for_long_does_not_open_the_breaker() -> None:
    """It is tried every minute, and nothing is removed."""
    bucket = Protected(budget=Budget(share_percent=30, floor=5))
    bucket.table.objects = 100
    deleted(*many(4), bucket=bucket)
    bucket.resume()
    bucket.backups.locked |= set(bucket.backups.objects)
    bucket.now += DELAY
    for _ in range(60):
        bucket.now += timedelta(minutes=1)
        assert bucket.clean().held is None
    assert sum(count for _, count in bucket.store.load(SYSTEM).removals) == 0


def test_an_original_of_which_one_copy_went_counts_though_another_is_locked() -> None:
    bucket = Protected().holding("A", "B")
    bucket.replicate(bucket.delete())
    bucket.resume()
    bucket.backups.locked.add(bucket.copy_of("A").copy_key)
    bucket.now += DELAY
    bucket.clean()
    assert [count for _, count in bucket.store.load(SYSTEM).removals] == [1]


# Errors


def test_a_copy_that_cannot_be_deleted_keeps_no_other_from_being_cleaned() -> None:
    bucket = deleted("a", "b", "c")
    poisoned = bucket.copy_of("content of a").copy_key
    bucket.now += DELAY
    denied = Failing(bucket.backups, "remove", PermissionError("denied"), when=lambda key: key == poisoned)
    for _ in range(2):
        cleaned = bucket.clean(backups=denied)
        assert (cleaned.failed, cleaned.complete) == (1, True)
        assert bucket.stored() == ["content of a"]
        assert list(bucket.statuses("b")) == list(bucket.statuses("c")) == []
    assert bucket.log.of("not cleaned")[0] == {"copy_key": poisoned, "error": "PermissionError('denied')"}
    with pytest.raises(CleaningFailed, match=r"^1 copies could not be deleted, the first: 'source/a/.*'denied'"):
        cleaned.raise_failures()


def test_of_many_errors_the_first_is_told_and_all_are_counted() -> None:
    bucket = deleted(*many(3))
    bucket.now += DELAY
    cleaned = bucket.clean(backups=Failing(bucket.backups, "remove", OSError("no answer")))
    assert cleaned.failed == 3
    assert cleaned.failure
    assert cleaned.failure.startswith("'source/0000/")
    bucket.clean().raise_failures()


def test_what_could_not_be_deleted_does_not_count_as_removed() -> None:
    bucket = deleted(*many(3))
    bucket.resume()
    bucket.now += DELAY
    bucket.clean(backups=Failing(bucket.backups, "remove", OSError("no answer"), times=2))
    assert sum(count for _, count in bucket.store.load(SYSTEM).removals) == 1


# The breaker


def test_a_share_of_what_there_was_may_go_in_an_hour() -> None:
    """Of ten objects three were deleted a while ago: they are no longer counted, and part of the ten."""
    bucket = Protected(budget=Budget(share_percent=30, floor=0))
    for key in many(10):
        bucket.holding(key, key=key)
    for key in many(3):
        bucket.replicate(bucket.delete(key))
    bucket.now += DELAY
    assert bucket.clean().cleaned == 3


def test_it_is_asked_for_objects_and_not_for_copies() -> None:
    bucket = Protected().holding("A", "B", "C")
    bucket.replicate(bucket.delete())
    bucket.resume()
    bucket.now += DELAY
    assert bucket.clean().cleaned == 3
    assert [count for _, count in bucket.store.load(SYSTEM).removals] == [1]


def test_what_the_breaker_lets_go_goes_before_it_holds_the_rest() -> None:
    bucket = deleted(*many(CLEANED_TOGETHER + 1))
    bucket.resume()
    bucket.budget = Budget(share_percent=1, floor=CLEANED_TOGETHER)
    bucket.now += DELAY
    cleaned = bucket.clean()
    assert (cleaned.cleaned, cleaned.complete) == (CLEANED_TOGETHER, False)
    assert cleaned.held == bucket.open_reason
    assert len(bucket.stored()) == 1


def test_each_time_the_breaker_is_resumed_an_hours_budget_goes() -> None:
    bucket = deleted(*many(30))
    bucket.resume()
    bucket.budget = Budget(share_percent=1, floor=12)
    bucket.now += DELAY
    went = []
    for _ in range(3):
        went.append(bucket.clean().cleaned)
        bucket.table.ghosts.clear()
        bucket.resume()
    assert went == [12, 12, 6]
