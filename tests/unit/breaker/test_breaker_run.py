"""Asking the breaker, and resuming it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.breaker.plan import BreakerState, Budget
from holdfast.breaker.run import Breaker, resume
from holdfast.ports import Conflict

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HALF = Budget(share_percent=50, floor=0)


@dataclass
class Meddled(MemoryBreakerStore):
    """Before its first save, these removals of another run are stored."""

    others: list[int] = field(default_factory=list)

    def save(self, state: BreakerState) -> None:
        if self.others:
            count = self.others.pop()
            before = self.load(state.system)
            super().save(BreakerState(state.system, (*before.removals, (T0, count)), revision=before.revision + 1))
        super().save(state)


def a_breaker(store: MemoryBreakerStore | None = None) -> Breaker:
    return Breaker(store or MemoryBreakerStore(), HALF, lambda: T0)


def test_what_may_go_is_stored_as_gone_before_it_goes() -> None:
    breaker = a_breaker()
    assert breaker.hold("capacity", planned=5, guarded=10) is None
    assert breaker.store.load("capacity") == BreakerState("capacity", ((T0, 5),), revision=1)


def test_who_is_held_is_told_why_now_and_at_every_further_try() -> None:
    breaker = a_breaker()
    why = "6 of 10 objects would be removed, 0 were in the last hour; 5 an hour are allowed (50 %, at least 0)"
    assert breaker.hold("capacity", planned=6, guarded=10) == why
    assert breaker.hold("capacity", planned=1, guarded=10) == why


def test_two_runs_share_one_budget() -> None:
    breaker = a_breaker(Meddled(others=[4]))
    held = breaker.hold("capacity", planned=5, guarded=6)
    assert held == (
        "5 of 6 objects would be removed, 4 were in the last hour; 5 an hour are allowed (50 %, at least 0)"
    )


def test_systems_have_budgets_of_their_own() -> None:
    breaker = a_breaker()
    breaker.hold("capacity", planned=6, guarded=10)
    assert breaker.hold("objects", planned=5, guarded=10) is None


def test_resumed_it_lets_go_again() -> None:
    breaker = a_breaker()
    breaker.hold("capacity", planned=6, guarded=10)
    resume("capacity", breaker.store)
    assert breaker.hold("capacity", planned=5, guarded=10) is None


def test_what_was_not_removed_after_all_is_given_back() -> None:
    breaker = a_breaker()
    breaker.hold("capacity", planned=5, guarded=10)
    breaker.give_back("capacity", 2)
    assert breaker.store.load("capacity").removals == ((T0, 3),)


def test_what_others_removed_meanwhile_stays_counted() -> None:
    store = Meddled()
    breaker = a_breaker(store)
    breaker.hold("capacity", planned=5, guarded=10)
    store.others.append(4)
    breaker.give_back("capacity", 2)
    assert sum(count for _, count in breaker.store.load("capacity").removals) == 7


def test_it_tells_why_it_is_open_without_asking_for_anything() -> None:
    breaker = a_breaker()
    assert breaker.why_open("capacity") is None
    held = breaker.hold("capacity", planned=6, guarded=10)
    revision = breaker.store.load("capacity").revision
    assert breaker.why_open("capacity") == held
    assert breaker.store.load("capacity").revision == revision


def test_it_tells_whether_its_limit_is_near() -> None:
    breaker = a_breaker()
    breaker.hold("capacity", planned=2, guarded=10)
    assert not breaker.is_near("capacity", guarded=8)
    breaker.hold("capacity", planned=1, guarded=8)
    assert breaker.is_near("capacity", guarded=7)


def test_resuming_what_changes_meanwhile_is_refused() -> None:
    store = Meddled(others=[4])
    with pytest.raises(Conflict, match="the breaker of capacity has changed"):
        resume("capacity", store)
