"""The capacity system in memory, driven step by step: what is put into the bucket waits until it is delivered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast.adapters.memory import MemoryAlarm, MemoryBreakerStore, MemoryBucket, MemoryHistory, MemoryLedger
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.capacity import run
from holdfast.capacity.model import Commit, HistoryRow
from holdfast.capacity.ports import Bucket, Ledger, StoredCopies
from holdfast.events.model import Delivery, ObjectEvent, sequencer
from holdfast.ports import Conflict
from tests.unit.capacity.domain import BUCKET, T0

NO_BREAKER = Budget(share_percent=100, floor=0)


@dataclass
class Log:
    """Log lines as they were written: the message and its fields."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __call__(self, message: str, **fields: object) -> None:
        self.lines.append((message, fields))

    def of(self, message: str) -> list[dict[str, object]]:
        return [fields for said, fields in self.lines if said == message]


@dataclass
class Watched:
    """A watched bucket. `undelivered`: its events, which nobody has tracked yet."""

    versioned: bool = False
    limit_bytes: int = 20
    budget: Budget = NO_BREAKER
    now: datetime = T0
    undelivered: list[ObjectEvent] = field(default_factory=list)
    log: Log = field(default_factory=Log)
    pauses: list[float] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self.bucket = MemoryBucket(versioned=self.versioned, told=self._told)
        self.ledger = MemoryLedger()
        self.history = MemoryHistory(self.ledger)
        self.alarm = MemoryAlarm(on=True)
        self.breaker = Breaker(MemoryBreakerStore(), self.budget, self.clock)
        self.contest = run.Contest(self.pauses.append, chance=lambda: 1.0)

    def clock(self) -> datetime:
        return self.now

    def _told(self, kind: str, name: str, size: int | None, version_id: str | None) -> None:
        self.events += 1
        order = sequencer(f"{self.events:08X}")
        self.undelivered.append(ObjectEvent(BUCKET, name, kind, order, self.now, size, version_id=version_id))

    # What happens to the bucket

    def holding(self, **sizes: int) -> "Watched":
        """The same, with these objects tracked already."""
        for name, size in sizes.items():
            self.bucket.put(name, size)
        self.settle()
        self.log.lines.clear()
        return self

    def lose_events(self) -> None:
        self.undelivered.clear()

    # What the functions do

    def settle(self) -> None:
        """Track all that is under way."""
        assert self.deliver(*self.undelivered) == []
        self.undelivered.clear()

    def deliver(self, *events: ObjectEvent, ledger: Ledger | None = None) -> list[str]:
        """Track these, each in a message of its own, numbered from 0."""
        return self.track([Delivery(str(n), (event,)) for n, event in enumerate(events)], ledger=ledger)

    def track(self, deliveries: Sequence[Delivery], *, ledger: Ledger | None = None) -> list[str]:
        return run.track(
            deliveries,
            bucket=self.bucket,
            bucket_name=BUCKET,
            ledger=ledger or self.ledger,
            now=self.clock,
            contest=self.contest,
            log=self.log,
        )

    def trim(
        self,
        told_on: bool | None = True,
        *,
        keep_prefixes: Sequence[str] = (),
        delete_versions: bool = True,
        copies: StoredCopies | None = None,
        bucket: Bucket | None = None,
        ledger: Ledger | None = None,
    ) -> run.Trimmed:
        return run.trim(
            told_on,
            alarm=self.alarm,
            bucket=bucket or self.bucket,
            bucket_name=BUCKET,
            ledger=ledger or self.ledger,
            breaker=self.breaker,
            limit_bytes=self.limit_bytes,
            keep_prefixes=keep_prefixes,
            delete_versions=delete_versions,
            copies=copies,
            log=self.log,
        )

    def reconcile(
        self,
        *,
        by_schedule: bool = False,
        time_left: Callable[[], bool] = lambda: True,
        bucket: Bucket | None = None,
        ledger: Ledger | None = None,
    ) -> run.Reconciled | None:
        return run.reconcile(
            by_schedule,
            bucket=bucket or self.bucket,
            bucket_name=BUCKET,
            ledger=ledger or self.ledger,
            now=self.clock,
            time_left=time_left,
            contest=self.contest,
            log=self.log,
        )

    # What is to be seen

    @property
    def total(self) -> int:
        return self.ledger.read(BUCKET, [])[0].total_size

    @property
    def tracked(self) -> dict[str, int]:
        """Sizes of the objects that the table says are there."""
        return {row.name: row.size for row in self.ledger.rows(BUCKET, "") if row.size is not None}

    @property
    def changes(self) -> list[HistoryRow]:
        return [row for _, row in sorted(self.ledger.history.items())]


@dataclass
class Meddler:
    """A port, and somebody who does something once, just before or just behind one of its calls."""

    port: Any
    call: str
    meddle: Callable[[], object]
    behind: bool = True
    done: bool = False

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.port, name)
        if name != self.call or self.done:
            return attribute

        def called(*args: Any, **kwargs: Any) -> Any:
            self.done = True
            if not self.behind:
                self.meddle()
            answer = attribute(*args, **kwargs)
            if self.behind:
                self.meddle()
            return answer

        return called


@dataclass
class Contested(MemoryLedger):
    """Others win the first so many commits."""

    lost: int = 10**6

    def commit(self, commit: Commit) -> None:
        if self.lost:
            self.lost -= 1
            raise Conflict("somebody was faster")
        super().commit(commit)
