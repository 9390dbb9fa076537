"""Whether a cleaner may remove what it plans to. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)

MINUTE = timedelta(minutes=1)
"""Removals this close together are counted as one: a busy hour is then sixty numbers, not one for each removal."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A run, and an hour, may remove `share_percent` of what a system guards, or `floor` objects if that is more.

    A hundred percent are no limit: what is guarded is counted roughly.
    """

    share_percent: int
    floor: int

    @property
    def is_limited(self) -> bool:
        return self.share_percent < 100


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What one system removed in the last hour, and why its breaker is open, if it is. `revision` counts changes."""

    system: str
    removals: tuple[tuple[datetime, int], ...] = ()
    open_reason: str | None = None
    opened_at: datetime | None = None
    revision: int = 0


def assess(
    state: BreakerState, planned: int, guarded: int, budget: Budget, now: datetime, *, apart: bool = False
) -> BreakerState:
    """The state once `planned` of `guarded` objects were asked for: open with its reason, or with them counted.

    `apart`: what was removed before was not of what is guarded here, and is no reason.

    Nothing may be removed before this state is stored: a crash then counts too much, never too little.
    """
    if state.open_reason:
        return state
    recent = _recent(state, now)
    removed = 0 if apart else sum(count for _, count in recent)
    allowed = _allowed(removed, guarded, budget)
    revision = state.revision + 1
    if budget.is_limited and removed + planned > allowed:
        reason = (
            f"{planned} of {guarded} objects would be removed, {removed} were in the last hour; "
            f"{allowed} an hour are allowed ({budget.share_percent} %, at least {budget.floor})"
        )
        return replace(state, removals=recent, open_reason=reason, opened_at=now, revision=revision)
    return replace(state, removals=_counted(recent, planned, now), revision=revision)


def give_back(state: BreakerState, count: int) -> BreakerState:
    """The state once `count` of what was asked for was not removed after all: the newest removals are fewer."""
    removals = list(state.removals)
    left = count
    while left and removals:
        at, removed = removals.pop()
        if removed > left:
            removals.append((at, removed - left))
        left -= min(removed, left)
    return state if left == count else replace(state, removals=tuple(removals), revision=state.revision + 1)


def is_near(state: BreakerState, guarded: int, budget: Budget, now: datetime) -> bool:
    """Whether the breaker is open, or half of what an hour may remove has gone: something unusual may be under way."""
    removed = sum(count for _, count in _recent(state, now))
    much = budget.is_limited and 2 * removed >= _allowed(removed, guarded, budget)
    return much or state.open_reason is not None


def _recent(state: BreakerState, now: datetime) -> tuple[tuple[datetime, int], ...]:
    return tuple(removal for removal in state.removals if now - removal[0] < HOUR)


def _allowed(removed: int, guarded: int, budget: Budget) -> int:
    return max(budget.floor, (guarded + removed) * budget.share_percent // 100)


def _counted(recent: tuple[tuple[datetime, int], ...], planned: int, now: datetime) -> tuple[tuple[datetime, int], ...]:
    if recent and now - recent[-1][0] < MINUTE:
        at, count = recent[-1]
        return (*recent[:-1], (at, count + planned))
    return (*recent, (now, planned))


def resume(state: BreakerState) -> BreakerState:
    """Closed again, with the hour's count at zero."""
    return BreakerState(state.system, revision=state.revision + 1)
