"""A random history of a watched bucket: a user, tracking, trimming and reconciling at once, with every fault."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from holdfast.adapters.memory import MemoryAlarm, MemoryBreakerStore, MemoryBucket, MemoryLedger
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.capacity import run
from holdfast.events.model import Delivery, ObjectEvent, sequencer
from tests.model.interleave import Interleaver

BUCKET = "watched"
NAMES = ("__STATE__", "a", "kept/b", 'ü, "\n../c')
KEEP_PREFIXES = ("kept/",)
LIMIT = 40


@dataclass
class Capacity:
    """A bucket and the capacity system on it. `undelivered` holds messages in no order at all."""

    random: Random
    versioned: bool
    crashes: float
    bucket: MemoryBucket = field(init=False)
    ledger: MemoryLedger = field(init=False)
    undelivered: list[ObjectEvent] = field(default_factory=list)
    evicted: list[tuple[str, int]] = field(default_factory=list)
    """Names and sizes, in bytes."""
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    events: int = 0

    def __post_init__(self) -> None:
        self.interleaver = Interleaver(self.random, self.crashes)
        self.bucket = MemoryBucket(versioned=self.versioned, told=self._told)
        self.ledger = MemoryLedger(between_reads=self.interleaver.step)
        self.breaker = Breaker(MemoryBreakerStore(), Budget(100, 1000), self.now)
        self.alarm = MemoryAlarm(on=True)
        self.contest = run.Contest(lambda _: self.interleaver.step(), self.random.random, attempts=2)

    def now(self) -> datetime:
        """A clock that different machines read differently: it may go back a little."""
        self.clock += timedelta(milliseconds=self.random.randint(0, 50))
        return self.clock - timedelta(milliseconds=self.random.randint(0, 100))

    def _told(self, kind: str, name: str, size: int | None, version_id: str | None) -> None:
        self.events += 1
        order = f"{self.events:06X}".ljust(self.random.choice((6, 8, 10)), "0")
        event = ObjectEvent(BUCKET, name, kind, sequencer(order), self.clock, size, version_id=version_id)
        self.undelivered += [event] * self.random.choice((1, 1, 1, 2))

    # What happens

    def use(self, operations: int) -> None:
        """A user puts, overwrites, deletes, and deletes versions."""
        for _ in range(operations):
            self.interleaver.step()
            name = self.random.choice(NAMES)
            match self.random.randrange(4):
                case 0 | 1:
                    self.bucket.put(name, self.random.choice((0, 5, 18, 20, 28, 50)))
                case 2:
                    self.bucket.remove(name)
                case _ if self.versioned and name in self.bucket.keys:
                    self.bucket.remove_version(name, self.random.choice(self.bucket.keys[name]).id)

    def track(self, batches: int = 1) -> None:
        """Some batches of messages: those that fail, and all of a batch that crashed, come again."""
        for _ in range(batches):
            self._track_batch()

    def _track_batch(self) -> None:
        self.random.shuffle(self.undelivered)
        batch = [self.undelivered.pop() for _ in range(min(len(self.undelivered), self.random.randint(1, 5)))]
        deliveries = [Delivery(str(number), (event,)) for number, event in enumerate(batch)]
        failed = [delivery.message_id for delivery in deliveries]
        try:
            failed = run.track(
                deliveries,
                bucket=self.interleaver.port(self.bucket),
                bucket_name=BUCKET,
                ledger=self.interleaver.port(self.ledger),
                now=self.now,
                contest=self.contest,
                log=lambda *_, **__: None,
            )
        finally:
            self.undelivered += [batch[int(message_id)] for message_id in failed]

    def trim(self) -> None:
        run.trim(
            True,
            alarm=self.alarm,
            bucket=self.interleaver.port(self.bucket),
            bucket_name=BUCKET,
            ledger=self.interleaver.port(self.ledger),
            breaker=self.breaker,
            limit_bytes=LIMIT,
            keep_prefixes=KEEP_PREFIXES,
            delete_versions=True,
            copies=None,
            log=self._log,
        )

    def _log(self, message: str, **fields: object) -> None:
        if message == "evicted":
            self.evicted.append((str(fields["object_name"]), int(str(fields["size"]))))

    def reconcile(self) -> None:
        """One run. One that met others too often fails, and the next schedule's goes on."""
        with suppress(run.Contention):
            self._reconcile()

    def _reconcile(self) -> None:
        run.reconcile(
            False,
            bucket=self.interleaver.port(self.bucket),
            bucket_name=BUCKET,
            ledger=self.interleaver.port(self.ledger),
            now=self.now,
            time_left=lambda: self.random.random() < 0.8,
            contest=self.contest,
            log=lambda *_, **__: None,
        )

    def reconcile_all(self) -> None:
        """Whole passes, until one found nothing to repair and was not cut short."""
        self.reconcile()
        while self.ledger.progress(BUCKET).after:
            self.reconcile()

    def settle(self) -> None:
        """Deliver all that is under way, without faults."""
        for _ in range(1000):
            if not self.undelivered:
                return
            self.track()
        raise AssertionError("the queue drains once nothing goes wrong any more")

    # What must hold at quiet

    def check_totals(self) -> None:
        sizes = {name: found.size for name in self.bucket.names() if (found := self.bucket.head(name))}
        state, _ = self.ledger.read(BUCKET, [])
        rows = [row for _, row in sorted(self.ledger.history.items())]
        assert state.total_size == sum(sizes.values()), "the total is the sum of the live sizes"
        assert state.object_count == len(sizes), "the count is the number of live objects"
        assert state.total_size == sum(row.size_delta for row in rows), "the total is the sum of the deltas"
        total = 0
        for row in rows:
            total += row.size_delta
            assert row.total_size == total, f"{row.event_key} follows from the row before it"
        assert len(rows) == state.version, "one history row a change"
        tracked = {row.name: row.size for row in self.ledger.rows(BUCKET, "") if row.size is not None}
        assert tracked == sizes, "each row has its object's size"

    def check_trimmed(self, evicted: list[tuple[str, int]]) -> None:
        """Behind a trim that no user disturbed: below the limit or nothing may go, and not an object too many."""
        state, _ = self.ledger.read(BUCKET, [])
        may_go = [n for n in self.bucket.names() if not n.startswith(KEEP_PREFIXES)]
        left = [found.size for n in may_go if (found := self.bucket.head(n)) and found.size]
        assert state.total_size < LIMIT or not left, "trimming ends below the limit, or when nothing may go"
        assert not [name for name, _ in evicted if name.startswith(KEEP_PREFIXES)], "kept objects stay"
        if sizes := [size for _, size in evicted]:
            assert state.total_size + min(sizes) >= LIMIT, "the last eviction was needed"
            assert not left or max(left) <= min(sizes), "nothing larger was spared"


def play(seed: int) -> None:
    """One history. Raises AssertionError where an invariant is broken."""
    random = Random(seed)
    world = Capacity(random, versioned=random.random() < 0.4, crashes=random.choice((0.0, 0.02, 0.1)))
    if random.random() < 0.2:  # a bucket that was there before the stack: nobody told of its objects
        world.use(4)
        world.undelivered.clear()
        world.reconcile_all()
    tasks = [lambda: world.use(random.randint(1, 8))]
    tasks += [lambda: world.track(4)] * random.randint(1, 3)
    tasks += [world.trim] * random.randint(0, 2)
    tasks += [world.reconcile] * random.randint(0, 1)
    world.interleaver.run(tasks)
    world.settle()
    world.check_totals()
    world.evicted.clear()
    world.interleaver.crashes = 0
    if random.random() < 0.5:
        world.interleaver.run([world.trim, world.trim])
    else:
        world.trim()
        world.trim()  # the alarm repeats before any event of the first has arrived
    evicted = list(world.evicted)
    world.settle()
    world.check_totals()
    world.check_trimmed(evicted)
