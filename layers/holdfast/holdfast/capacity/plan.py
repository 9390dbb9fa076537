"""What the capacity system decides. Pure: facts in, actions with their reasons out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import Literal

from holdfast.capacity.model import (
    BucketState,
    Commit,
    HistoryRow,
    Listed,
    ObjectRow,
    ReconcileProgress,
    StoredObject,
    Tracked,
)
from holdfast.events.model import UNKNOWN_SEQUENCER, ObjectEvent

TRANSACTION_ITEMS = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


def event_key(at: datetime, version: int) -> str:
    """Sort key of a history row: by the time it was applied, then by the state's version. It never goes back."""
    return f"{round(at.timestamp() * 1000):013d}#{version:012d}"


# Tracking: events become one commit.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event, and the bucket's total behind it."""

    event: ObjectEvent
    verdict: Literal["applied", "duplicate", "stale"]
    size_delta: int
    total_size: int


@dataclass(frozen=True, slots=True)
class EventsPlan:
    """`commit` is None when no event changes anything."""

    commit: Commit | None
    outcomes: tuple[Outcome, ...]


def in_transactions(events: Iterable[ObjectEvent]) -> Iterator[list[ObjectEvent]]:
    """Events in as few groups as fit: a transaction holds the state, a row an object, and a history row an event."""
    group: list[ObjectEvent] = []
    names: set[str] = set()
    for event in sorted(events, key=lambda e: (e.time, e.sequencer)):
        if 1 + len(names | {event.name}) + len(group) + 1 > TRANSACTION_ITEMS:
            yield group
            group, names = [], set()
        group.append(event)
        names.add(event.name)
    if group:
        yield group


class _Ledger:
    """Rows and state as they become while changes are applied one after the other."""

    def __init__(self, before: BucketState, rows: Mapping[str, ObjectRow], now: datetime) -> None:
        self.before = self.state = before
        self.read = rows
        self.now = max(now, before.changed_at or now)
        self.changed: dict[str, ObjectRow] = {}
        self.history: list[HistoryRow] = []

    def row(self, name: str) -> ObjectRow | None:
        return self.changed.get(name) or self.read.get(name)

    def apply(self, event: ObjectEvent) -> int:
        row = self.row(event.name)
        previous = row.size if row else None
        delta = (event.size or 0) - (previous or 0)
        self.state = replace(
            self.state,
            total_size=self.state.total_size + delta,
            object_count=self.state.object_count + (event.size is not None) - (previous is not None),
            version=self.state.version + 1,
            changed_at=self.now,
        )
        self.changed[event.name] = ObjectRow(
            bucket=event.bucket,
            name=event.name,
            size=event.size,
            sequencer=event.sequencer,
            updated_at=event.time,
            last_size=event.size if event.size is not None else (row.last_size if row else None),
        )
        self.history.append(
            HistoryRow(
                bucket=event.bucket,
                event_key=event_key(self.now, self.state.version),
                object_name=event.name,
                event_type=event.type,
                size_delta=delta,
                total_size=self.state.total_size,
                time=event.time,
                eviction=row.eviction if row and previous is not None and event.size is None else None,
            )
        )
        return delta

    def commit(self) -> Commit | None:
        if not self.history:
            return None
        rows = tuple((self.read.get(name), row) for name, row in self.changed.items())
        return Commit(self.before, self.state, rows, tuple(self.history))


def plan_events(
    before: BucketState, rows: Mapping[str, ObjectRow], events: Iterable[ObjectEvent], now: datetime
) -> EventsPlan:
    """Apply each event that is newer, by its key's sequencer, than what the object's row has seen."""
    ledger = _Ledger(before, rows, now)
    outcomes = []
    for event in events:
        row = ledger.row(event.name)
        verdict: Literal["applied", "duplicate", "stale"] = "applied"
        delta = 0
        if row and event.sequencer <= row.sequencer:
            verdict = "duplicate" if event.sequencer == row.sequencer else "stale"
        else:
            delta = ledger.apply(event)
        outcomes.append(Outcome(event, verdict, delta, ledger.state.total_size))
    return EventsPlan(ledger.commit(), tuple(outcomes))


# Trimming: the largest objects that may go, until the total is below the limit.


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the largest tracked objects, and what the bucket says of it now."""

    tracked: Tracked
    found: StoredObject | None
    kept: bool = False
    """It carries the tag that keeps it."""
    backed_up: bool = True
    """It has a stored copy, or needs none."""


@dataclass(frozen=True, slots=True)
class Evict:
    found: StoredObject
    tracked: Tracked
    reason: str


@dataclass(frozen=True, slots=True)
class PassOver:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrimPlan:
    """`projected_size` is the total, in bytes, once the evictions and the events still under way have arrived."""

    evictions: tuple[Evict, ...]
    passed_over: tuple[PassOver, ...]
    projected_size: int
    enough: bool


def _why_not(candidate: Candidate, found: StoredObject, keep_prefixes: Sequence[str]) -> str | None:
    """Why a candidate is not evicted, or None if it may go."""
    if found.size == 0:
        return "holds no bytes"
    if candidate.kept:
        return "carries the tag holdfast:keep = true"
    for prefix in keep_prefixes:
        if found.name.startswith(prefix):
            return f"under the kept prefix {prefix}"
    if not candidate.backed_up:
        return "has no stored copy yet"
    return None


def plan_trim(
    total_size: int, limit_bytes: int, candidates: Sequence[Candidate], keep_prefixes: Sequence[str]
) -> TrimPlan:
    """Evict the largest candidates that may go, and no more of them than bring the total below the limit.

    The total is first corrected by what the candidates tell: bytes that are gone or replaced already, whose events
    have not arrived. So a repeated alarm evicts nothing twice, nor anything instead.
    """
    projected = total_size + sum((c.found.size if c.found else 0) - c.tracked.size for c in candidates)
    evictions: list[Evict] = []
    passed_over: list[PassOver] = []
    for candidate in sorted(candidates, key=lambda c: (-c.found.size if c.found else 0, c.tracked.name)):
        found = candidate.found
        if found is None:
            passed_over.append(PassOver(candidate.tracked.name, "already gone; its event is under way"))
        elif reason := _why_not(candidate, found, keep_prefixes):
            passed_over.append(PassOver(found.name, reason))
        elif projected >= limit_bytes:
            why = f"the largest that may go ({found.size} bytes): total {projected} >= limit {limit_bytes}"
            evictions.append(Evict(found, candidate.tracked, why))
            projected -= found.size
    return TrimPlan(tuple(evictions), tuple(passed_over), projected, projected < limit_bytes)


# Reconciling: the bucket as it is listed against the rows.


@dataclass(frozen=True, slots=True)
class Compared:
    """A name, and what each side has under it."""

    name: str
    listed: Listed | None
    row: ObjectRow | None

    @property
    def size(self) -> int | None:
        """Bytes of the current object in the bucket."""
        return self.listed.size if self.listed else None

    @property
    def tracked_size(self) -> int | None:
        """Bytes of the object in the table."""
        return self.row.size if self.row else None


def compare(listed: Iterable[Listed], rows: Iterable[ObjectRow]) -> Iterator[Compared]:
    """Walk a listing and the rows side by side, both in the order of their names, holding one of each."""

    def name(side: Listed | ObjectRow) -> str:
        return side.name

    both: tuple[Iterable[Listed | ObjectRow], ...] = (listed, rows)
    for key, sides in groupby(merge(*both, key=name), key=name):
        by_kind = {type(side): side for side in sides}
        yield Compared(key, by_kind.get(Listed), by_kind.get(ObjectRow))  # type: ignore[arg-type]


def reconcile_due(progress: ReconcileProgress, now: datetime) -> bool:
    """An unfinished pass goes on; a finished one is followed by the next after a day."""
    return bool(progress.after) or not progress.completed_at or now - progress.completed_at >= timedelta(days=1)


def plan_repairs(
    before: BucketState,
    rows: Mapping[str, ObjectRow],
    found: Mapping[str, StoredObject | None],
    now: datetime,
) -> Commit | None:
    """Bring the rows of these objects to what the bucket says. Their sequencers stay, so that an event which is
    only late still counts; an object that no event told of gets the oldest."""
    ledger = _Ledger(before, rows, now)
    for name, stored in found.items():
        row = rows.get(name)
        size = stored.size if stored else None
        if size == (row.size if row else None):
            continue
        kind = "Missing" if row is None or row.size is None else "Gone" if size is None else "Size"
        order = row.sequencer if row else UNKNOWN_SEQUENCER
        ledger.apply(ObjectEvent(before.bucket, name, f"Reconcile:{kind}", order, now, size))
    return ledger.commit()


def plan_total(before: BucketState, total_size: int, object_count: int, now: datetime) -> Commit | None:
    """Correct a state that is not the sum of its rows, as only a hand in the table could have made it."""
    if (before.total_size, before.object_count) == (total_size, object_count):
        return None
    now = max(now, before.changed_at or now)
    after = replace(
        before, total_size=total_size, object_count=object_count, version=before.version + 1, changed_at=now
    )
    delta = total_size - before.total_size
    key = event_key(now, after.version)
    row = HistoryRow(before.bucket, key, "", "Reconcile:Total", delta, total_size, now.astimezone(UTC))
    return Commit(before, after, (), (row,))


# Logging: what one event brought or took.


def size_delta(event: ObjectEvent, row: ObjectRow | None) -> int | None:
    """Bytes that this event alone brought, or took: a delete takes the last size its object had. None if no row
    tells that size (yet: tracking may be a moment behind)."""
    if event.size is not None:
        return event.size
    return -row.last_size if row and row.last_size is not None else None
