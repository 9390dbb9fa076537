"""How a process asks the breaker and tells the census: seldom, and never for less than it removes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.breaker.plan import BreakerState, Budget
from holdfast.breaker.run import Breaker, resume
from holdfast.objects.guard import SYSTEM, Guard
from tests.unit.objects.domain import T0

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
THIRTY_PERCENT = Budget(share_percent=30, floor=10)


@dataclass
class CountedStore(MemoryBreakerStore):
    saved: int = 0

    def save(self, state: BreakerState) -> None:
        super().save(state)
        self.saved += 1


@dataclass
class CountedCensus:
    objects: int
    told: int = 0

    def count(self, change: int) -> int:
        self.objects += change
        self.told += 1
        return self.objects

    def counted(self) -> int:
        return self.objects

    def set(self, number: int) -> None:
        self.objects = number


@dataclass
class Stack:
    """Processes that share a breaker and a census of so many objects."""

    objects: int
    budget: Budget = THIRTY_PERCENT
    now: datetime = T0
    store: CountedStore = field(default_factory=CountedStore)

    def __post_init__(self) -> None:
        self.census = CountedCensus(self.objects)

    def clock(self) -> datetime:
        return self.now

    def process(self) -> Guard:
        return Guard(Breaker(self.store, self.budget, self.clock), self.census, self.clock)

    @property
    def counted(self) -> int:
        """Removals that the breaker counts in the last hour."""
        return sum(count for at, count in self.store.load(SYSTEM).removals if self.now - at < HOUR)

    def is_open(self) -> bool:
        return self.store.load(SYSTEM).open_reason is not None


# Asking


def test_what_the_budget_allows_may_go() -> None:
    stack = Stack(100)
    guard = stack.process()
    assert [guard.ask(10), guard.ask(10), guard.ask(10)] == [None, None, None]
    assert stack.counted == 30


def test_who_asks_for_more_is_told_why_and_nothing_more_is_counted() -> None:
    stack = Stack(100)
    guard = stack.process()
    guard.ask(20)
    why = "24 of 100 objects would be removed, 20 were in the last hour; 36 an hour are allowed (30 %, at least 10)"
    assert [guard.ask(24), guard.ask(1)] == [why, why]
    assert stack.counted == 20


def test_whoever_asks_for_nothing_is_told_whether_it_is_open_and_nothing_is_counted() -> None:
    stack = Stack(100)
    guard = stack.process()
    assert guard.ask(0) is None
    guard.ask(31)
    assert guard.ask(0) == stack.process().ask(0) == stack.store.load(SYSTEM).open_reason is not None
    assert stack.counted == 0


def test_objects_that_the_census_counts_no_more_count_where_they_are_told_of() -> None:
    assert Stack(90).process().ask(31, besides=10) == (
        "31 of 100 objects would be removed, 0 were in the last hour; 30 an hour are allowed (30 %, at least 10)"
    )
    assert Stack(90).process().ask(30, besides=10) is None


def test_a_busy_process_asks_a_hundred_thousand_times_and_writes_some_dozen_times() -> None:
    stack = Stack(10**6)
    guard = stack.process()
    assert not any(guard.ask(1) for _ in range(10_000))
    assert stack.store.saved == stack.census.told < 60
    assert 10_000 <= stack.counted <= 10_300


def test_what_many_processes_take_and_do_not_use_is_no_more_than_what_they_use() -> None:
    """Two hundred of them remove four objects a minute each: 48,000 of a million in an hour."""
    stack = Stack(10**6)
    processes = [stack.process() for _ in range(200)]
    for _ in range(60 * 4):
        stack.now += MINUTE / 4
        assert not any(process.ask(1) for process in processes)
    assert stack.counted <= 2 * 48_000


def test_what_was_taken_may_be_used_for_a_minute() -> None:
    stack = Stack(10**6)
    guard = stack.process()
    for _ in range(100):
        guard.ask(1)
    taken = stack.counted
    assert taken > 100
    stack.now += MINUTE
    guard.ask(1)
    assert stack.counted == taken + 1


def test_a_process_that_was_idle_takes_little_again() -> None:
    stack = Stack(10**6)
    guard = stack.process()
    for _ in range(1000):
        guard.ask(1)
    stack.now += HOUR
    guard.ask(1)
    assert stack.counted == 1


def test_no_process_removes_what_was_not_counted_before() -> None:
    stack = Stack(10**5)
    processes = [stack.process() for _ in range(7)]
    removed = 0
    for turn in range(20_000):
        stack.now += timedelta(milliseconds=7 * (turn % 90))
        removed += processes[turn % 7].ask(1) is None
        assert stack.counted >= removed or stack.now - T0 >= HOUR


def test_all_processes_together_never_remove_more_than_the_share() -> None:
    stack = Stack(10_000)
    processes = [stack.process() for _ in range(20)]
    removed = sum(processes[turn % 20].ask(1) is None for turn in range(20_000))
    assert stack.is_open()
    assert 3000 <= removed <= 4285  # the objects are still there: what was counted counts on both sides


def test_while_it_is_held_a_process_leaves_the_census_alone() -> None:
    """A mass delete asks thousands of times a second: one item of a table does not take that many writes."""
    stack = Stack(100)
    guard = stack.process()
    guard.ask(100)
    told = stack.census.told
    assert all(guard.ask(1) for _ in range(1000))
    assert stack.census.told == told


def test_once_resumed_it_lets_go_at_once() -> None:
    stack = Stack(100)
    guard = stack.process()
    guard.ask(100)
    resume(SYSTEM, stack.store)
    assert guard.ask(30) is None
    assert stack.counted == 30


# What was not removed after all


def test_what_is_given_back_counts_no_more() -> None:
    stack = Stack(100)
    guard = stack.process()
    guard.ask(30)
    guard.give_back(12)
    assert stack.counted == 18
    assert guard.ask(12) is None
    assert stack.counted == 30


# Near the limit


@pytest.mark.parametrize(("removed", "near"), [(0, False), (17, False), (18, True), (30, True), (31, True)])
def test_it_is_near_once_half_of_what_an_hour_may_remove_is_gone_or_it_is_open(removed: int, near: bool) -> None:
    stack = Stack(100)
    stack.process().ask(removed)
    assert stack.process().is_near() is near


def test_an_hour_later_it_is_near_no_more() -> None:
    stack = Stack(100)
    guard = stack.process()
    guard.ask(30)
    stack.now += HOUR
    assert not guard.is_near()


def test_looking_whether_it_is_near_writes_nothing_once_the_census_is_known() -> None:
    stack = Stack(100)
    guard = stack.process()
    guard.is_near()
    told, saved = stack.census.told, stack.store.saved
    for _ in range(100):
        guard.is_near()
    assert (stack.census.told, stack.store.saved) == (told, saved)


# Counting


def test_of_few_objects_the_census_is_told_one_by_one() -> None:
    stack = Stack(0)
    guard = stack.process()
    for _ in range(3):
        guard.count(1)
    guard.count(-1)
    assert stack.census.objects == 2


def test_of_many_it_is_told_a_thousandth_at_a_time() -> None:
    stack = Stack(10**6)
    guard = stack.process()
    for _ in range(5000):
        guard.count(1)
    assert stack.census.told <= 6
    assert 10**6 + 4000 <= stack.census.objects <= 10**6 + 5000


def test_what_was_not_told_yet_is_told_when_the_breaker_is_asked() -> None:
    stack = Stack(10**6)
    guard = stack.process()
    for _ in range(1500):
        guard.count(1)
    guard.ask(1)
    assert stack.census.objects == 10**6 + 1500


def test_a_census_below_zero_guards_nothing() -> None:
    stack = Stack(-5)
    assert stack.process().ask(11) == (
        "11 of 0 objects would be removed, 0 were in the last hour; 10 an hour are allowed (30 %, at least 10)"
    )


# Threads


def test_threads_share_what_was_taken() -> None:
    stack = Stack(10_000)
    guard = stack.process()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: guard.ask(1), range(2000)))
        list(pool.map(lambda _: guard.count(1), range(2000)))
    assert answers == [None] * 2000
    assert stack.counted >= 2000
    stack.now += MINUTE
    guard.ask(1)
    assert stack.census.objects == 12_000
