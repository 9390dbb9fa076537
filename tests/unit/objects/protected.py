"""The objects system in memory, driven step by step: what happens to the bucket waits until it is delivered."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_objects import MemoryBackups, MemoryCopyTable, MemorySources
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker, resume
from holdfast.events.model import ObjectEvent, sequencer
from holdfast.objects import reconcile as reconciling
from holdfast.objects import run
from holdfast.objects.guard import SYSTEM, Guard
from holdfast.objects.model import Copy, CopyKey, Pass, Status, Stored, Version
from holdfast.objects.plan import Rules
from holdfast.objects.ports import SourceUnreadable
from tests.unit.capacity.watched import Log
from tests.unit.objects.domain import BUCKET, T0, THREE, original

NO_BREAKER = Budget(share_percent=100, floor=0)
NOTHING_GOES = Budget(share_percent=0, floor=0)
DELAY = timedelta(hours=1)
BACKUP_BUCKET = "backup"


def one_by_one[T, R](function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
    return map(function, items)


@dataclass
class Protected:
    """A protected bucket. `undelivered`: its events, which nobody has replicated yet."""

    versioned: bool = False
    budget: Budget = NO_BREAKER
    rules: Rules = THREE
    now: datetime = T0
    undelivered: list[ObjectEvent] = field(default_factory=list)
    log: Log = field(default_factory=Log)
    unreadable: set[str] = field(default_factory=set)
    """Keys whose objects lie in an archive."""
    events: int = 0
    tokens: int = 0

    def __post_init__(self) -> None:
        self.sources = MemorySources(versioned=self.versioned, told=self._told, now=self.clock)
        self.table = MemoryCopyTable()
        self.backups = MemoryBackups(self.sources)
        self.store = MemoryBreakerStore()

    def clock(self) -> datetime:
        return self.now

    def _told(self, kind: str, of: Any, version: Version | None, version_id: str | None) -> None:
        self.events += 1
        self.undelivered.append(
            ObjectEvent(
                of.bucket,
                of.key,
                kind,
                sequencer(f"{self.events:04X}1"),
                self.now,
                size=version.size if version else None,
                version_id=version_id,
                etag=version.etag if version else None,
            )
        )

    def _token(self) -> str:
        self.tokens += 1
        return f"{self.tokens:x}"

    # What happens to the bucket

    def put(self, content: str, key: str = "a") -> ObjectEvent:
        self.sources.put(original(key), content)
        return self.undelivered[-1]

    def delete(self, key: str = "a") -> ObjectEvent:
        self.sources.remove(original(key))
        return self.undelivered[-1]

    def delete_version(self, content: str, key: str = "a") -> ObjectEvent:
        """Delete the version that holds this content."""
        [written] = [w for w in self.sources.keys[original(key)] if w.version and w.version.etag == content]
        self.sources.remove_version(original(key), written.id)
        return self.undelivered[-1]

    def holding(self, *contents: str, key: str = "a") -> "Protected":
        """The same, with these contents written one after the other, and each copied."""
        for content in contents:
            self.put(content, key=key)
            self.settle()
        self.log.lines.clear()
        return self

    def lose_events(self) -> None:
        self.undelivered.clear()

    def pass_time(self, **much: float) -> None:
        self.now += timedelta(**much)

    # What happens to the copies

    def lose_copy(self, content: str) -> None:
        """Somebody deletes the copy of this content."""
        del self.backups.objects[self.copy_of(content).copy_key]

    def spoil_copy(self, content: str, *, etag: str = "spoilt", checksum: str | None = "MEMORY:spoilt") -> None:
        """Somebody writes over the copy of this content."""
        key = self.copy_of(content).copy_key
        self.backups.objects[key] = (self.backups.objects[key][0], Stored(etag, checksum))

    def lose_table(self) -> None:
        for rows in (self.table.rows, self.table.deletions, self.table.folders, self.table.passes):
            rows.clear()
        self.table.objects = 0

    # What the functions do

    @property
    def breaker(self) -> Breaker:
        return Breaker(self.store, self.budget, self.clock)

    def guard(self) -> Guard:
        """As a process of its own has it."""
        return Guard(self.breaker, self.table, self.clock)

    def keeper(self, **ports: Any) -> run.Keeper:
        return run.Keeper(
            **{
                "table": self.table,
                "sources": self.sources,
                "copier": _Reader(self.backups, self.unreadable),
                "backups": self.backups,
                "guard": self.guard(),
                "rules": self.rules,
                "now": self.clock,
                "token": self._token,
                "log": self.log,
                **ports,
            }
        )

    def settle(self) -> None:
        """Replicate all that is under way."""
        while self.undelivered:
            self.replicate(self.undelivered.pop(0))

    def replicate(self, event: ObjectEvent, **ports: Any) -> run.Replicated:
        return run.replicate(event, keeper=self.keeper(**ports), backup_bucket=BACKUP_BUCKET)

    def clean(
        self,
        *,
        guard: Guard | None = None,
        time_left: Callable[[], bool] = lambda: True,
        backups: Any = None,
        table: Any = None,
    ) -> run.Cleaned:
        return run.clean(
            table=table or self.table,
            backups=backups or self.backups,
            guard=guard or self.guard(),
            delay=DELAY,
            now=self.clock,
            time_left=time_left,
            each=one_by_one,
            log=self.log,
        )

    def reconcile(
        self,
        *,
        by_schedule: bool = False,
        time_left: Callable[[], bool] = lambda: True,
        **ports: Any,
    ) -> Pass | None:
        return reconciling.reconcile(
            BUCKET,
            by_schedule,
            keeper=self.keeper(**ports),
            passes=self.table,
            time_left=time_left,
            side_by_side=one_by_one,
            each=one_by_one,
        )

    def reconcile_all(self, *buckets: str, time_left: Callable[[], bool] = lambda: True, **ports: Any) -> Any:
        return reconciling.reconcile_all(
            buckets or (BUCKET,),
            False,
            keeper=self.keeper(**ports),
            census=self.table,
            passes=self.table,
            time_left=time_left,
            side_by_side=one_by_one,
            each=one_by_one,
        )

    def resume(self) -> None:
        """A person lets the cleaners go on."""
        resume(SYSTEM, self.store)

    # What is to be seen

    @property
    def open_reason(self) -> str | None:
        return self.store.load(SYSTEM).open_reason

    def rows(self, *statuses: Status, key: str = "a") -> list[Copy]:
        return self.table.read(original(key)).with_status(*(statuses or tuple(Status)))

    def statuses(self, key: str = "a") -> dict[str, str]:
        """The status of each copy that has a row, by what it holds; the oldest first."""
        return {copy.version.etag: str(copy.status) for copy in self.rows(key=key)}

    def contents(self, key: str = "a", *statuses: Status) -> list[str]:
        """What the active copies hold, the oldest first."""
        return [copy.version.etag for copy in self.rows(*(statuses or (Status.ACTIVE,)), key=key)]

    def stored(self) -> list[str]:
        """What the objects of the backup bucket hold."""
        return sorted(version.etag for version, _ in self.backups.objects.values())

    def copy_of(self, content: str) -> Copy:
        [copy] = [row for row in self.table.rows.values() if row.version.etag == content]
        return copy


@dataclass
class _Reader:
    """A copier that finds some objects in an archive."""

    backups: MemoryBackups
    unreadable: set[str]

    def copy(self, version: Version, copy_key: CopyKey) -> Stored:
        if version.original.key in self.unreadable:
            raise SourceUnreadable(f"{version.original} lies in an archive")
        return self.backups.copy(version, copy_key)


@dataclass
class Failing:
    """A port of which calls with certain arguments fail, the first so many times."""

    port: Any
    call: str
    error: BaseException
    when: Callable[..., bool] = lambda *_, **__: True
    times: int = 10**6

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.port, name)
        if name != self.call:
            return attribute

        def called(*args: Any, **kwargs: Any) -> Any:
            if self.times and self.when(*args, **kwargs):
                self.times -= 1
                raise self.error
            return attribute(*args, **kwargs)

        return called


def looks(clock: Sequence[bool]) -> Callable[[], bool]:
    """Whether there is time left, look after look; none after the last."""
    left = iter(clock)
    return lambda: next(left, False)
