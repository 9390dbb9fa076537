"""A random history of protected buckets: a user, replication, cleaning and reconciling at once, with every fault."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_objects import MemoryBackups, MemoryCopyTable, MemorySources
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.events.model import ObjectEvent, Sequencer, sequencer
from holdfast.objects import reconcile as reconciling
from holdfast.objects import run
from holdfast.objects.guard import Guard
from holdfast.objects.model import Copy, CopyKey, Original, Status, Stored, Version, is_observed
from holdfast.objects.plan import Rules
from holdfast.ports import Conflict
from tests.model.interleave import Interleaver

BUCKETS = ("source", "source-2")
KEYS = ("a", "a/b", "~" + "k" * 1020, 'ü, "\n../c')
KEEP = 3
DELAY = timedelta(seconds=10)
COMPLETE = (Status.ACTIVE, Status.DISOWNED)


@dataclass
class CheckedTable(MemoryCopyTable):
    """A copy table that knows what must hold at every step, and whose answers get lost now and then."""

    backups: MemoryBackups = field(default_factory=lambda: MemoryBackups(MemorySources()))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    loses_answer: Callable[[], bool] = lambda: False
    activated: dict[CopyKey, Copy] = field(default_factory=dict)

    def activate(self, copy: Copy, stored: Stored) -> None:
        super().activate(copy, stored)
        found = self.backups.objects.get(copy.copy_key)
        assert found is not None, f"{copy.copy_key!r} is active, and there is no such copy"
        assert found[1] == stored, f"{copy.copy_key!r} is active with a checksum that is not its own"
        assert found[0].etag == copy.version.etag, f"{copy.copy_key!r} holds another version than its row says"
        self.activated[copy.copy_key] = self.rows[copy.original, copy.copy_key]
        self._lose_answer(super().activate, copy, stored)

    def disown(self, copy: Copy, disowned_at: datetime, deleted_at: datetime | None) -> None:
        super().disown(copy, disowned_at, deleted_at)
        deletion = self.deletions.get(copy.original)
        assert deletion, f"{copy.copy_key!r} is disowned, and nothing was deleted"
        assert disowned_at <= deletion.disowned_at, "the delay begins with the delete"
        self._lose_answer(super().disown, copy, disowned_at, deleted_at)

    def condemn(self, copy: Copy) -> None:
        row = self.rows.get((copy.original, copy.copy_key))
        super().condemn(copy)
        if row and row.status is Status.ACTIVE:
            self._check_eviction(row)
        self._lose_answer(super().condemn, copy)

    def _lose_answer(self, again: Callable[..., None], *arguments: Any) -> None:
        """The client calls once more when an answer does not come."""
        if self.loses_answer():
            again(*arguments)

    def _check_eviction(self, row: Copy) -> None:
        others = [c for c in self.copies_of(row.original) if c.status in COMPLETE and c.copy_key != row.copy_key]
        newer = [c for c in others if c.rank > row.rank]
        alike = [c for c in others if c.version.identity == row.version.identity]
        deletion = self.deletions.get(row.original)
        overdue = deletion and deletion.order >= row.order and deletion.disowned_at + DELAY <= self.now()
        assert len(newer) >= KEEP or alike or overdue, f"{row.copy_key!r} goes without {KEEP} newer copies"

    def copies_of(self, original: Original) -> list[Copy]:
        return [copy for (of, _), copy in self.rows.items() if of == original]


@dataclass
class CheckedBackups(MemoryBackups):
    """A backup bucket that knows what must not be deleted."""

    table: CheckedTable = field(default_factory=CheckedTable)

    def remove(self, copy_key: CopyKey) -> None:
        if copy_key in self.objects:
            rows = [row for (_, key), row in self.table.rows.items() if key == copy_key]
            for row in rows:
                assert row.status is not Status.ACTIVE, f"the copy of the active row {copy_key!r} is deleted"
                if row.status is Status.DISOWNED:
                    assert row.disowned_at, f"{copy_key!r} is disowned since no moment"
                    assert row.disowned_at + DELAY <= self.table.now(), f"{copy_key!r} is deleted before its delay"
        super().remove(copy_key)


@dataclass
class Objects:
    """Source buckets and the objects system on them. `undelivered` holds events in no order at all."""

    random: Random
    versioned: bool
    crashes: float
    lost_answers: float = 0.0
    undelivered: list[ObjectEvent] = field(default_factory=list)
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    told: int = 0
    tokens: int = 0
    cut_off: int = 0
    """Reconciliations under way, or crashed."""
    created: dict[Original, list[tuple[Sequencer, Version]]] = field(default_factory=dict)
    """What was written, by the user and in this order, since the object was last deleted."""

    def __post_init__(self) -> None:
        self.interleaver = Interleaver(self.random, self.crashes)
        self.sources = MemorySources(versioned=self.versioned, told=self._told, now=lambda: self.clock)
        self.table = CheckedTable(now=lambda: self.clock, loses_answer=self._loses_answer)
        self.backups = CheckedBackups(self.sources, table=self.table)
        self.table.backups = self.backups
        self.originals = [Original(bucket, key) for bucket in BUCKETS for key in KEYS][: self.random.randint(1, 8)]
        self.breaker = Breaker(MemoryBreakerStore(), Budget(100, 10**6), lambda: self.clock)

    def now(self) -> datetime:
        """A clock that different machines read differently: it may go back a little."""
        self.clock += timedelta(milliseconds=self.random.randint(0, 50))
        return self.clock - timedelta(milliseconds=self.random.randint(0, 100))

    def _loses_answer(self) -> bool:
        return self.random.random() < self.lost_answers

    def _told(self, kind: str, original: Original, version: Version | None, version_id: str | None) -> None:
        self.told += 1
        order = sequencer(f"{self.told:06X}".ljust(self.random.choice((6, 8, 10)), "0"))
        if version:
            self.created.setdefault(original, []).append((order, version))
        elif self.sources.head(original) is None:
            self.created[original] = []
        event = ObjectEvent(
            bucket=original.bucket,
            name=original.key,
            type=kind,
            sequencer=order,
            time=self.clock,
            size=version.size if version else None,
            version_id=version_id,
            etag=version.etag if version else None,
        )
        self.undelivered += [event] * self.random.choice((1, 1, 1, 2))

    def keeper(self) -> run.Keeper:
        """As a process of its own has it."""
        backups = self.interleaver.port(self.backups)
        return run.Keeper(
            table=self.interleaver.port(self.table),
            sources=self.interleaver.port(self.sources),
            copier=backups,
            backups=backups,
            guard=Guard(self.breaker, self.table, self.now),
            rules=Rules(KEEP),
            now=self.now,
            token=self._token,
            log=lambda *_, **__: None,
        )

    def _token(self) -> str:
        self.tokens += 1
        return f"{self.tokens:x}"

    # What happens

    def use(self, operations: int) -> None:
        """A user puts, overwrites with new or with the same content, deletes, and deletes versions."""
        for _ in range(operations):
            self.interleaver.step()
            self.clock += timedelta(milliseconds=self.random.choice((0, 1, 900)))
            if self.random.random() < 0.02:  # something hangs for longer than a function may
                self.clock += timedelta(hours=2)
            original = self.random.choice(self.originals)
            match self.random.randrange(6):
                case 0 | 1 | 2 | 3:
                    self.sources.put(original, self.random.choice((f"e{self.sources.made}", "same")))
                case 4:
                    self.sources.remove(original)
                case _ if self.versioned and self.sources.keys.get(original):
                    self.sources.remove_version(original, self.random.choice(self.sources.keys[original]).id)

    def replicate(self, events: int = 1) -> None:
        """Some events: one that failed, or crashed, comes again."""
        for _ in range(min(events, len(self.undelivered))):
            event = self.undelivered.pop(self.random.randrange(len(self.undelivered)))
            try:
                run.replicate(event, keeper=self.keeper(), backup_bucket="backup")
            except BaseException as error:
                self.undelivered.append(event)
                if not isinstance(error, run.CopyAbandoned | Conflict):
                    raise
            if not self.undelivered:
                return

    def clean(self) -> run.Cleaned:
        self.clock += self.random.choice((timedelta(), DELAY / 2, DELAY))
        return run.clean(
            table=self.interleaver.port(self.table),
            backups=self.interleaver.port(self.backups),
            guard=Guard(self.breaker, self.table, self.now),
            delay=DELAY + timedelta(milliseconds=100),  # clocks differ
            now=self.now,
            time_left=lambda: self.random.random() < 0.8,
            each=_one_by_one,
            log=lambda *_, **__: None,
        )

    def clean_now_and_then(self, times: int) -> None:
        for _ in range(times):
            for _ in range(self.random.randint(0, 20)):
                self.interleaver.step()
            self.clean()

    def reconcile(self) -> None:
        """One run over each bucket. Nobody repeats one that crashed: what it left undone waits for the next."""
        self.cut_off += 1
        keeper = self.keeper()
        for bucket in BUCKETS:
            with suppress(reconciling.ComparisonFailed):
                reconciling.reconcile(
                    bucket,
                    False,
                    keeper=keeper,
                    passes=self.interleaver.port(self.table),
                    time_left=lambda: self.random.random() < 0.8,
                    side_by_side=_one_by_one,
                    each=_one_by_one,
                )
        self.cut_off -= 1

    def forget_the_expired(self) -> None:
        """What DynamoDB's time to live does."""
        for key, row in list(self.table.rows.items()):
            if row.status is Status.PENDING and self.clock - row.created_at > timedelta(days=1):
                del self.table.rows[key]

    # Quiet

    def calm(self) -> None:
        """Nothing goes wrong from here on."""
        self.interleaver.crashes = 0
        self.lost_answers = 0

    def deliver_all(self) -> None:
        for _ in range(1000):
            if not self.undelivered:
                return
            self.replicate(len(self.undelivered))
        raise AssertionError("all events are dealt with once nothing goes wrong any more")

    def reconcile_all(self) -> None:
        self.reconcile()
        while any(passed.completed_at is None for passed in self.table.passes.values()):
            self.reconcile()

    def clean_all(self) -> None:
        self.clock += 2 * DELAY
        while not self.clean().complete:
            self.clock += DELAY
        self.table.ghosts.clear()

    # What must hold at quiet

    def check_copies(self) -> None:
        """Once all events have arrived, whatever order they came in and whatever went wrong."""
        for original in self.originals:
            kept = self.table.read(original)
            active = kept.with_status(Status.ACTIVE)
            assert active == kept.owned, "copies of what was deleted are disowned"
            current = self.sources.head(original)
            if current is None:
                assert not active, f"{original} is deleted, and its copies are disowned"
            else:
                newest = active[-1].version if active else None
                assert newest, f"{original} lives and has a copy"
                assert (newest.etag, newest.size) == (current.etag, current.size), f"{original}: of its newest version"
            since = kept.deletion.order if kept.deletion else Sequencer("")
            ever = {c.copy_key: c for c in self.table.activated.values() if c.original == original and c.order > since}
            distinct = _distinct(ever.values())
            assert {_name(c) for c in active} == set(distinct[-KEEP:]), f"{original}: the newest {KEEP} copies are kept"
            assert len(active) == len({_name(c) for c in active}), f"{original}: each of them once"
            if self.versioned and current:
                self._check_all_versions(original, distinct)

    def _check_all_versions(self, original: Original, copied: list["_Name"]) -> None:
        """In a versioned bucket no version is missed that is still there."""
        there = {w.version.version_id for w in self.sources.keys[original] if w.version}
        newest = [version for _, version in self.created.get(original, [])][-KEEP:]
        missed = {v.version_id for v in newest} & there - {identity[0] for _, identity in copied}
        assert not missed, f"{original}: {missed} have no copies"

    def check_stored(self) -> None:
        """Once reconciled and cleaned: rows and copies are the same, and all are of objects that live."""
        rows = {row.copy_key: row for row in self.table.rows.values()}
        assert set(rows) == set(self.backups.objects), "no orphan copy, no dangling row"
        assert all(row.status is Status.ACTIVE for row in rows.values()), "nothing is left over"
        assert all(row.stored == self.backups.objects[key][1] for key, row in rows.items()), "checksums are theirs"
        assert all(len(key.encode()) <= 1024 for key in rows), "names fit"


type _Name = tuple[Sequencer, tuple[str | None, str, int]]


def _name(copy: Copy) -> _Name:
    return copy.order, copy.version.identity


def _distinct(copies: Iterable[Copy]) -> list[_Name]:
    """The versions that were copied, the oldest first: of one that was seen more than once, the newest sight."""
    names = sorted({_name(copy) for copy in copies})
    return [
        (order, identity)
        for order, identity in names
        if not any(
            other == identity and later > order and (identity[0] is not None or is_observed(order))
            for later, other in names
        )
    ]


def _one_by_one[T, R](function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
    return [function(item) for item in items]


def play(seed: int) -> None:
    """One history. Raises AssertionError where an invariant is broken."""
    random = Random(seed)
    world = Objects(
        random,
        versioned=random.random() < 0.5,
        crashes=random.choice((0.0, 0.02, 0.1)),
        lost_answers=random.choice((0.0, 0.1)),
    )
    if random.random() < 0.2:  # a bucket that was there before the stack: nobody told of its objects
        world.use(4)
        world.undelivered.clear()
        world.created.clear()
    tasks: list[Callable[[], object]] = [lambda: world.use(random.randint(1, 12))]
    tasks += [lambda: world.replicate(6)] * random.randint(1, 4)
    tasks += [lambda: world.clean_now_and_then(4)] * random.randint(0, 2)
    tasks += [world.reconcile] * random.randint(0, 2)
    world.interleaver.run(tasks)  # type: ignore[arg-type]
    world.calm()
    if world.told == 0 or random.random() < 0.2:
        world.reconcile_all()
    world.deliver_all()
    if random.random() < 0.3:  # what was disowned just now stays
        world.clean()
    if not world.cut_off and all(original in world.created for original in world.sources.keys):
        world.check_copies()
    world.clock += timedelta(days=2)
    world.forget_the_expired()
    world.reconcile_all()
    world.check_copies()
    world.clean_all()
    world.reconcile_all()
    world.clean_all()
    world.check_copies()
    world.check_stored()
