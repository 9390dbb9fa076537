"""What the breaker holds back, why young copies are spared, and what locks make of an eviction."""

from datetime import timedelta

import pytest

from holdfast.breaker.plan import Budget
from holdfast.objects.model import Status
from holdfast.objects.plan import Rules
from tests.unit.objects.domain import at
from tests.unit.objects.protected import DELAY, NO_BREAKER, Protected

DAY = timedelta(days=1)
NOTHING_GOES = Budget(share_percent=0, floor=0)
WHY = "1 of 1 objects would be removed, 0 were in the last hour; 0 an hour are allowed (0 %, at least 0)"


def held() -> Protected:
    """A bucket whose breaker lets nothing go."""
    return Protected(budget=NOTHING_GOES)


# Held


def test_while_held_nothing_is_evicted_and_what_is_written_is_copied_all_the_same() -> None:
    bucket = held().holding("A", "B", "C")
    done = bucket.replicate(bucket.put("D"))
    assert (done.verdict, done.tally.held, done.tally.evicted) == ("copied", WHY, 0)
    assert bucket.contents() == bucket.stored() == ["A", "B", "C", "D"]
    assert bucket.log.of("held") == [
        {"copy_key": bucket.copy_of("A").copy_key, "reason": "3 newer versions have copies", "breaker": WHY}
    ]


def test_while_held_nothing_is_disowned_and_the_delete_is_remembered() -> None:
    bucket = held().holding("A")
    done = bucket.replicate(bucket.delete())
    assert (done.verdict, done.tally.held, done.tally.disowned) == ("deleted", WHY, 0)
    assert bucket.statuses() == {"A": "active"}
    assert bucket.log.of("held") == [{"original_key": "source/a", "reason": "the object was deleted", "breaker": WHY}]
    kept = bucket.table.read(bucket.copy_of("A").original)
    assert kept.deletion
    assert kept.deletion.order == bucket.undelivered[-1].sequencer


def test_while_held_nothing_is_cleaned() -> None:
    bucket = Protected().holding("A")
    bucket.delete()
    bucket.settle()
    bucket.budget = NOTHING_GOES
    bucket.pass_time(days=1)
    cleaned = bucket.clean()
    assert (cleaned.cleaned, cleaned.held, cleaned.complete) == (0, WHY, False)
    assert bucket.stored() == ["A"]
    assert bucket.log.of("held") == [{"copies": 1, "breaker": WHY}]


def test_what_nothing_is_lost_with_goes_though_all_else_is_held() -> None:
    bucket = held().holding("A")
    [row] = bucket.rows()
    bucket.table.condemn(row)
    bucket.replicate(bucket.put("B"))
    assert bucket.stored() == bucket.contents() == ["B"]


# Resumed


def test_once_resumed_the_next_event_evicts_what_was_held_back() -> None:
    bucket = held().holding("A", "B", "C", "D")
    assert bucket.open_reason == WHY
    bucket.budget = NO_BREAKER
    bucket.resume()
    bucket.replicate(bucket.put("E"))
    assert bucket.contents() == bucket.stored() == ["C", "D", "E"]


def test_once_resumed_reconciliation_evicts_and_disowns_what_was_held_back() -> None:
    bucket = held().holding("A", "B", "C", "D")
    bucket.holding("x", key="deleted")
    bucket.delete("deleted")
    bucket.settle()
    bucket.budget = NO_BREAKER
    bucket.resume()
    bucket.now += DAY
    bucket.reconcile()
    assert bucket.contents() == ["B", "C", "D"]
    assert bucket.statuses("deleted") == {"x": "disowned"}
    assert bucket.clean().cleaned == 0, "the delay begins now"


def test_while_held_reconciliation_counts_for_how_many_objects() -> None:
    bucket = held().holding("A", "B", "C", "D")
    bucket.holding("x", key="settled")
    passed = bucket.reconcile()
    assert passed
    assert passed.counts.held == 1


# Young copies


CAREFUL = Rules(copies_to_keep=3, spare_younger_than=DAY)
TEN = Budget(share_percent=1, floor=10)


def attacked(*, age: timedelta, objects: int = 20, times: int = 4) -> Protected:
    """Objects with three copies of so old, then overwritten one after the other, each so many times in a row."""
    bucket = Protected(rules=CAREFUL, budget=TEN)
    for number in range(objects):
        bucket.holding("clean 1", "clean 2", "clean 3", key=str(number))
    bucket.now += age
    for number in range(objects):
        for time in range(times):
            bucket.replicate(bucket.put(f"encrypted {time}", key=str(number)))
    return bucket


def clean_versions(bucket: Protected, objects: int = 20) -> list[int]:
    """Of how many clean versions each object has a copy."""
    return [sum(c.startswith("clean") for c in bucket.contents(str(number))) for number in range(objects)]


def test_on_a_quiet_day_young_copies_are_evicted_like_any_other() -> None:
    bucket = Protected(rules=CAREFUL).holding("A", "B", "C", "D", "E")
    assert bucket.contents() == ["C", "D", "E"]


@pytest.mark.parametrize("age", [timedelta(hours=1), 100 * DAY])
def test_whoever_overwrites_everything_leaves_clean_copies(age: timedelta) -> None:
    """The first object loses them: the breaker takes notice from five evictions on, of the ten that may be."""
    bucket = attacked(age=age)
    assert clean_versions(bucket) == [0, 2] + [3] * 18


def test_whoever_overwrites_everything_opens_the_breaker_though_young_copies_are_spared() -> None:
    bucket = attacked(age=100 * DAY)
    assert bucket.open_reason == (
        "1 of 20 objects would be removed, 10 were in the last hour; 10 an hour are allowed (1 %, at least 10)"
    )
    assert bucket.log.of("spared")[0] == {
        "original_key": "source/1",
        "younger_than": "1 day, 0:00:00",
        "breaker": None,
    }
    assert bucket.log.of("spared")[-1]["breaker"] == bucket.open_reason


def test_what_was_spared_is_held_once_the_breaker_is_open() -> None:
    bucket = attacked(age=100 * DAY)
    done = bucket.replicate(bucket.put("more", key="19"))
    assert done.tally.held == bucket.open_reason


def test_what_came_and_went_on_a_busy_day_opens_no_breaker_the_day_after() -> None:
    bucket = Protected(rules=CAREFUL, budget=TEN)
    for number in range(20):
        for time in range(5):
            bucket.replicate(bucket.put(f"content {time}", key=str(number)))
    assert max(len(bucket.contents(str(number))) for number in range(20)) == 5
    bucket.now += DAY
    bucket.reconcile()
    assert max(len(bucket.contents(str(number))) for number in range(20)) == 5, "it is open"
    bucket.resume()
    bucket.reconcile()
    assert {len(bucket.contents(str(number))) for number in range(20)} == {3}
    assert bucket.open_reason is None


def test_what_an_attack_would_evict_is_still_asked_for_the_day_after() -> None:
    bucket = attacked(age=100 * DAY)
    bucket.now += DAY
    bucket.resume()
    bucket.reconcile()
    assert bucket.open_reason
    assert sum(number > 0 for number in clean_versions(bucket)) >= 15


# Locks


LOCKED = Rules(copies_to_keep=3, locked=True)


def test_where_copies_are_locked_what_would_be_evicted_is_disowned_and_cleaned_after_the_delay() -> None:
    bucket = Protected(rules=LOCKED).holding("A", "B", "C", "D")
    assert bucket.statuses() == {"A": "disowned", "B": "active", "C": "active", "D": "active"}
    [evicted] = bucket.rows(Status.DISOWNED)
    assert (evicted.disowned_at, evicted.deleted_at) == (at(0), None)
    assert bucket.table.objects == 1
    bucket.now += DELAY
    assert bucket.clean().cleaned == 1
    assert bucket.contents() == bucket.stored() == ["B", "C", "D"]


def test_where_copies_are_locked_young_ones_are_spared_too() -> None:
    bucket = Protected(rules=Rules(copies_to_keep=1, locked=True, spare_younger_than=DAY), budget=Budget(1, 2))
    bucket.holding("A", "B", "C", "D")
    assert bucket.contents() == ["B", "C", "D"]


def test_an_event_of_a_version_that_was_disowned_as_one_too_many_comes_again() -> None:
    bucket = Protected(rules=LOCKED)
    first = bucket.put("A")
    bucket.holding("A", "B", "C", "D")
    before = dict(bucket.table.rows)
    assert bucket.replicate(first).verdict == "not copied: 3 newer versions have copies"
    assert bucket.table.rows == before
