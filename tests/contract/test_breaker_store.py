"""`BreakerStore`, in DynamoDB and in memory."""

from itertools import count

import boto3
import pytest

from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.breaker.plan import BreakerState
from holdfast.breaker.ports import BreakerStore
from holdfast.ports import Conflict
from tests.unit.capacity.domain import at

_numbers = count(1)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> BreakerStore:
    if request.param == "memory":
        return MemoryBreakerStore()
    stack = request.getfixturevalue("stack")
    return DynamoBreakerStore(boto3.client("dynamodb"), stack.tables["BreakerTable"])


@pytest.fixture
def system() -> str:
    """A system that no other test has used."""
    return f"system-{next(_numbers)}"


def test_the_breaker_of_a_new_system_is_closed(store: BreakerStore, system: str) -> None:
    assert store.load(system) == BreakerState(system)


@pytest.mark.parametrize(
    ("removals", "reason"), [((), None), (((at(1), 5), (at(2.5), 10**12)), None), (((at(1), 5),), "too many: é\n")]
)
def test_a_state_is_read_back_as_it_was_saved(
    store: BreakerStore, system: str, removals: tuple[tuple[object, int], ...], reason: str | None
) -> None:
    opened_at = at(3) if reason else None
    state = BreakerState(system, removals, reason, opened_at, revision=1)  # type: ignore[arg-type]
    store.save(state)
    assert store.load(system) == state


def test_each_revision_follows_the_one_before(store: BreakerStore, system: str) -> None:
    store.save(BreakerState(system, open_reason="too many", opened_at=at(1), revision=1))
    store.save(BreakerState(system, revision=2))
    assert store.load(system) == BreakerState(system, revision=2)


@pytest.mark.parametrize("revision", [1, 2, 4])
def test_a_state_that_does_not_follow_the_stored_one_is_not_saved(
    store: BreakerStore, system: str, revision: int
) -> None:
    stored = BreakerState(system, open_reason="too many", opened_at=at(1), revision=2)
    store.save(BreakerState(system, revision=1))
    store.save(stored)
    with pytest.raises(Conflict, match=f"the breaker of {system} has changed"):
        store.save(BreakerState(system, revision=revision))
    assert store.load(system) == stored


def test_systems_have_states_of_their_own(store: BreakerStore, system: str) -> None:
    store.save(BreakerState(system, revision=1))
    assert store.load(f"{system}-other") == BreakerState(f"{system}-other")
