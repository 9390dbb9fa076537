"""Ask the breaker before removing anything; resume it once a person has looked."""

from collections.abc import Callable
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

    def hold(self, system: str, *, planned: int, guarded: int, apart: bool = False) -> str | None:
        """Ask to remove `planned` of `guarded` objects. None if they may go (they are counted from then on),
        else why not. `apart`: what the system has removed in the last hour was none of these."""
        return self._change(
            system, lambda state: plan.assess(state, planned, guarded, self.budget, self.now(), apart=apart)
        )

    def give_back(self, system: str, count: int) -> None:
        """So many of the objects that were asked for were not removed: they are counted no more."""
        self._change(system, lambda state: plan.give_back(state, count))

    def _change(self, system: str, change: Callable[[plan.BreakerState], plan.BreakerState]) -> str | None:
        """Change what is stored of a system. Returns why its breaker is open then, if it is."""
        while True:
            before = self.store.load(system)
            after = change(before)
            if after == before:
                return before.open_reason
            try:
                self.store.save(after)
            except Conflict:
                continue
            return after.open_reason

    def why_open(self, system: str) -> str | None:
        """Why the breaker is open; None if it is not."""
        return self.store.load(system).open_reason

    def is_near(self, system: str, *, guarded: int) -> bool:
        """Whether half of what an hour may remove of `guarded` objects has gone already, or the breaker is open."""
        return plan.is_near(self.store.load(system), guarded, self.budget, self.now())


def resume(system: str, store: BreakerStore) -> None:
    """Let the cleaners of a system remove again. Raises Conflict if it changed meanwhile."""
    store.save(plan.resume(store.load(system)))
