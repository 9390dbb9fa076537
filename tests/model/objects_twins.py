"""The ports of the objects system in memory, which know what must hold at every step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_objects import MemoryBackups, MemoryCopyTable
from holdfast.breaker.plan import BreakerState
from holdfast.events.model import Sequencer
from holdfast.objects.model import Copy, CopyKey, Deletion, Original, Status, Stored, Version, is_observed
from holdfast.objects.ports import Locked

KEEP = 3
DELAY = timedelta(seconds=10)
SKEW = timedelta(milliseconds=100)
"""How much the clocks of two machines differ."""

COMPLETE = (Status.ACTIVE, Status.DISOWNED)

type Name = tuple[Sequencer, tuple[str | None, str, int]]
"""What a copy is a copy of."""


def name(copy: Copy) -> Name:
    return copy.order, copy.version.identity


def distinct(copies: Iterable[Copy]) -> list[Name]:
    """The versions that were copied, the oldest first: of one that was seen more than once, the newest sight."""
    names = sorted({name(copy) for copy in copies})
    return [
        (order, identity)
        for order, identity in names
        if not any(
            other == identity and later > order and (identity[0] is not None or is_observed(order))
            for later, other in names
        )
    ]


@dataclass
class CheckedTable(MemoryCopyTable):
    """A copy table whose answers get lost now and then. `locked`: evictions are disownings."""

    backups: "CheckedBackups" = field(init=False)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    loses_answer: Callable[[], bool] = lambda: False
    locked: bool = False
    minimum_copy_age: timedelta = timedelta()
    activated: dict[CopyKey, Copy] = field(default_factory=dict)
    """Every copy that was active ever."""
    last_deleted: dict[Original, Deletion] = field(default_factory=dict)
    """The newest deletion of each original, though its row may have expired."""
    lost: set[tuple[object, ...]] = field(default_factory=set)
    """All that went and counts with the breaker: what was evicted young, and what a delete disowned."""

    def activate(self, copy: Copy, stored: Stored) -> None:
        super().activate(copy, stored)
        found = self.backups.objects.get(copy.copy_key)
        assert found is not None, f"{copy.copy_key!r} is active, and there is no such copy"
        assert found[1] == stored, f"{copy.copy_key!r} is active with a checksum that is not its own"
        assert found[0].etag == copy.version.etag, f"{copy.copy_key!r} holds another version than its row says"
        self.activated[copy.copy_key] = self.rows[copy.original, copy.copy_key]
        self._lose_answer(super().activate, copy, stored)

    def remember(self, original: Original, deletion: Deletion) -> Deletion:
        newest = super().remember(original, deletion)
        known = self.last_deleted.get(original)
        if known is None or known.order < newest.order:
            self.last_deleted[original] = newest
        return newest

    def disown(self, copy: Copy, disowned_at: datetime, deleted_at: datetime | None) -> None:
        row = self.rows.get((copy.original, copy.copy_key))
        super().disown(copy, disowned_at, deleted_at)
        deletion = self.deletions.get(copy.original)
        if row and self.locked and not (deletion and row.order <= deletion.order):
            self._check_eviction(row)
        else:
            assert deletion, f"{copy.copy_key!r} is disowned, and nothing was deleted"
            assert disowned_at <= self.now() + SKEW, "the delay has begun"
            self.lost.add((copy.original, disowned_at))
        self._lose_answer(super().disown, copy, disowned_at, deleted_at)

    def condemn(self, copy: Copy) -> None:
        row = self.rows.get((copy.original, copy.copy_key))
        super().condemn(copy)
        if row and row.status is Status.ACTIVE and self.backups.has(row):
            self._check_eviction(row)
        self._lose_answer(super().condemn, copy)

    def _lose_answer(self, again: Callable[..., None], *arguments: Any) -> None:
        """The client calls once more when an answer does not come."""
        if self.loses_answer():
            again(*arguments)

    def _check_eviction(self, row: Copy) -> None:
        others = [c for c in self.copies_of(row.original) if c.status in COMPLETE and c.copy_key != row.copy_key]
        if any(other.version.identity == row.version.identity for other in others):
            return
        deletion = self.deletions.get(row.original)
        overdue = deletion and deletion.order >= row.order and deletion.disowned_at + DELAY <= self.now()
        newer = distinct(c for c in others if c.rank > row.rank)
        assert len(newer) >= KEEP or overdue, f"{row.copy_key!r} goes without {KEEP} newer copies"
        if not self.minimum_copy_age or self.now() - row.created_at < self.minimum_copy_age:
            self.lost.add((row.copy_key,))

    def copies_of(self, original: Original) -> list[Copy]:
        return [copy for (of, _), copy in self.rows.items() if of == original]

    def forget_the_expired(self) -> None:
        """What DynamoDB's time to live does."""
        for key, row in list(self.rows.items()):
            if row.status is Status.PENDING and self.now() - row.created_at > timedelta(days=1):
                del self.rows[key]
        for original, deletion in list(self.deletions.items()):
            if self.now() - deletion.disowned_at > timedelta(days=30):
                del self.deletions[original]


@dataclass
class CheckedBackups(MemoryBackups):
    """A backup bucket whose copies are locked for a time."""

    table: CheckedTable = field(init=False)
    lock: timedelta = timedelta()
    locked_until: dict[CopyKey, datetime] = field(default_factory=dict)
    unclaimed: set[CopyKey] = field(default_factory=set)
    """Copies whose rows were lost: they may not be deleted before they have rows again."""

    def copy(self, version: Version, copy_key: CopyKey) -> Stored:
        self.locked_until[copy_key] = self.table.now() + self.lock
        return super().copy(version, copy_key)

    def has(self, row: Copy) -> bool:
        """Whether the copy of a row is there, and is what was stored."""
        found = self.objects.get(row.copy_key)
        return found is not None and found[1] == row.stored

    def remove(self, copy_key: CopyKey) -> None:
        if copy_key in self.objects:
            if self.lock and self.table.now() < self.locked_until[copy_key]:
                raise Locked(f"{copy_key!r} is locked")
            rows = [row for (_, key), row in self.table.rows.items() if key == copy_key]
            assert rows or copy_key not in self.unclaimed, f"{copy_key!r} is deleted though nobody knows what it is"
            for row in rows:
                assert row.status is not Status.ACTIVE, f"the copy of the active row {copy_key!r} is deleted"
                if row.status is Status.DISOWNED:
                    assert row.disowned_at, f"{copy_key!r} is disowned since no moment"
                    assert row.disowned_at + DELAY <= self.table.now(), f"{copy_key!r} is deleted before its delay"
        super().remove(copy_key)


@dataclass
class CheckedStore(MemoryBreakerStore):
    """A breaker's store that knows how much it was ever asked for."""

    granted: int = 0

    def save(self, state: BreakerState) -> None:
        before = self.load(state.system)
        super().save(state)
        since = min((at for at, _ in state.removals), default=None)
        counted = sum(count for at, count in before.removals if since and at >= since)
        self.granted += max(0, sum(count for _, count in state.removals) - counted)
