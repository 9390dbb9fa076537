"""Where the breaker's state is kept: in BreakerTable, or in memory."""

from typing import Protocol

from holdfast.breaker.plan import BreakerState


class BreakerStore(Protocol):
    def load(self, system: str) -> BreakerState:
        """The state of a system; a closed breaker if there is none yet. Strongly consistent."""

    def save(self, state: BreakerState) -> None:
        """Store a state whose `revision` is one above the stored one's. Raises Conflict if it is not."""
