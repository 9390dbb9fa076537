"""How the objects system asks the breaker, many times a second, without a write for every object."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from holdfast.breaker.run import Breaker
from holdfast.objects.ports import Census
from holdfast.ports import Clock

SYSTEM = "objects"

FINENESS = 1000
"""A process takes from the breaker, and tells the census, a thousandth of the whole at most at a time. What it took and
did not use is counted as removed: too much, never too little."""

LEASE = timedelta(minutes=1)
"""How long what was taken may be used: it counts in the hour in which it was taken."""


@dataclass
class Guard:
    """A process's own dealings with the breaker and the census."""

    breaker: Breaker
    census: Census
    now: Clock
    _guarded: int | None = None
    _unreported: int = 0
    _held: bool = False
    _left: int = 0
    _next: int = 1
    """How much is taken next: twice what was taken last, so that a process takes about what it uses."""
    _until: datetime | None = None
    _lock: Lock = field(default_factory=Lock)

    def count(self, change: int) -> None:
        """An object got its first copy, or lost its last."""
        with self._lock:
            self._unreported += change
            if abs(self._unreported) > (self._guarded or 0) // FINENESS:
                self._report()

    def ask(self, planned: int, *, besides: int = 0) -> str | None:
        """Ask to remove what is kept of `planned` objects: None if it may go, else why not. Of none of them: whether
        the breaker is open.

        `besides`: how many objects are guarded that the census no longer counts.
        """
        if not planned:
            return self.breaker.why_open(SYSTEM)
        with self._lock:
            if self._until is None or self.now() >= self._until:
                self._left, self._next = 0, 1
            if self._left < planned and (held := self._take(planned, besides)):
                return held
            self._left -= planned
            return None

    def give_back(self, count: int) -> None:
        """So many of what was asked for were not removed after all."""
        if count:
            self.breaker.give_back(SYSTEM, count)

    def is_near(self) -> bool:
        """Whether so much goes that young copies are to be spared."""
        with self._lock:
            guarded = self._report() if self._guarded is None else self._guarded
        return self.breaker.is_near(SYSTEM, guarded=guarded)

    def _take(self, planned: int, besides: int) -> str | None:
        """Ask the breaker. While it holds, nothing is written: thousands may ask in a second."""
        if self._held and (held := self.breaker.why_open(SYSTEM)):
            return held
        guarded = self._report() + besides
        most = guarded * self.breaker.budget.share_percent // 100 // FINENESS
        taken = max(planned, min(self._next, most))
        held = self.breaker.hold(SYSTEM, planned=taken, guarded=guarded)
        self._held = held is not None
        if held is None:
            self._left, self._next, self._until = taken, 2 * taken, self.now() + LEASE
        return held

    def _report(self) -> int:
        self._guarded = max(0, self.census.count(self._unreported))
        self._unreported = 0
        return self._guarded
