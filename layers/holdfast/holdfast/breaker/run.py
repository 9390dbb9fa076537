"""Ask the breaker before removing anything; resume it once a person has looked."""

from dataclasses import dataclass

from holdfast.breaker import plan
from holdfast.breaker.ports import BreakerStore
from holdfast.ports import Clock, Conflict


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker with its budget."""

    store: BreakerStore
    budget: plan.Budget
    now: Clock

    def hold(self, system: str, *, planned: int, guarded: int) -> str | None:
        """Ask to remove `planned` of `guarded` objects. None if they may go (they are counted from then on),
        else why not."""
        while True:
            before = self.store.load(system)
            after = plan.assess(before, planned, guarded, self.budget, self.now())
            if after == before:
                return before.open_reason
            try:
                self.store.save(after)
            except Conflict:
                continue
            return after.open_reason

    def is_near(self, system: str, *, guarded: int) -> bool:
        """Whether half of what an hour may remove of `guarded` objects has gone already, or the breaker is open."""
        return plan.is_near(self.store.load(system), guarded, self.budget, self.now())


def resume(system: str, store: BreakerStore) -> None:
    """Let the cleaners of a system remove again. Raises Conflict if it changed meanwhile."""
    store.save(plan.resume(store.load(system)))
