"""A random history of protected buckets: a user, replication, cleaning and reconciling at once, with every fault."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from holdfast.adapters.memory_objects import MemorySources
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker, resume
from holdfast.events.model import ObjectEvent, Sequencer, sequencer
from holdfast.objects import reconcile as reconciling
from holdfast.objects import run
from holdfast.objects.guard import SYSTEM, Guard
from holdfast.objects.model import Kept, Original, Status, Stored, Version
from holdfast.objects.plan import Rules
from holdfast.ports import Conflict
from tests.model.interleave import Interleaver, Throttled
from tests.model.objects_twins import (
    DELAY,
    KEEP,
    SKEW,
    CheckedBackups,
    CheckedStore,
    CheckedTable,
    Name,
    distinct,
    name,
)

BUCKETS = ("source", "source-2")
KEYS = ("a", "a/b", "~" + "k" * 1020, 'ü, "\n../c')
UNLIMITED = Budget(share_percent=100, floor=0)
EXPECTED = ("Throttled(", "CopyAbandoned(")
"""Errors that are caught so that others need not wait."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong. Chances at each step, or call."""

    crashes: float = 0.0
    lost_answers: float = 0.0
    throttles: float = 0.0
    naps: float = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a stack was deployed with. `lock`: how long copies are locked."""

    versioned: bool = False
    budget: Budget = UNLIMITED
    minimum_copy_age: timedelta = timedelta()
    lock: timedelta = timedelta()

    @property
    def rules(self) -> Rules:
        return Rules(KEEP, locked=bool(self.lock), spare_younger_than=self.minimum_copy_age)


@dataclass
class Objects:
    """Source buckets and the objects system on them. `undelivered` holds events in no order at all."""

    random: Random
    settings: Settings
    weather: Weather
    undelivered: list[ObjectEvent] = field(default_factory=list)
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    told: int = 0
    tokens: int = 0
    cut_off: int = 0
    """Reconciliations under way, or crashed."""
    held_back: bool = False
    """Whether the breaker held something back, or spared it, that nobody has looked at since."""
    created: dict[Original, list[tuple[Sequencer, Version]]] = field(default_factory=dict)
    """What was written, by the user and in this order, since the object was last deleted."""

    def __post_init__(self) -> None:
        weather = self.weather
        self.interleaver = Interleaver(self.random, weather.crashes, weather.throttles, weather.naps)
        self.sources = MemorySources(versioned=self.settings.versioned, told=self._told, now=lambda: self.clock)
        self.backups = CheckedBackups(self.sources, lock=self.settings.lock)
        self.table = CheckedTable(
            now=lambda: self.clock,
            loses_answer=lambda: self.random.random() < self.weather.lost_answers,
            locked=bool(self.settings.lock),
            minimum_copy_age=self.settings.minimum_copy_age,
        )
        self.table.backups, self.backups.table = self.backups, self.table
        self.originals = [Original(bucket, key) for bucket in BUCKETS for key in KEYS][: self.random.randint(1, 8)]
        self.store = CheckedStore()

    def now(self) -> datetime:
        """A clock that different machines read differently: it may go back a little."""
        self.clock += timedelta(milliseconds=self.random.randint(0, 50))
        return self.clock - self.random.randint(0, 100) * SKEW / 100

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

    # As a process of its own has them

    def guard(self) -> Guard:
        limited = self.settings.budget.is_limited
        store = self.interleaver.port(self.store) if limited else self.store
        return Guard(Breaker(store, self.settings.budget, self.now), self.table, self.now)

    def keeper(self) -> run.Keeper:
        backups = self.interleaver.port(self.backups)
        return run.Keeper(
            table=self.interleaver.port(self.table),
            sources=self.interleaver.port(self.sources),
            copier=backups,
            backups=backups,
            guard=self.guard(),
            rules=self.settings.rules,
            now=self.now,
            token=self._token,
            log=self._log,
        )

    def _token(self) -> str:
        self.tokens += 1
        return f"{self.tokens:x}"

    def _log(self, message: str, **fields: object) -> None:
        if "error" in fields:
            assert str(fields["error"]).startswith(EXPECTED), f"{message}: {fields['error']}"
        self.held_back |= message in {"held", "spared"}

    # What happens

    def use(self, operations: int) -> None:
        """A user puts, overwrites with new or with the same content, deletes, and deletes versions."""
        for _ in range(operations):
            self.interleaver.step()
            self.clock += timedelta(milliseconds=self.random.choice((0, 1, 900)))
            original = self.random.choice(self.originals)
            match self.random.randrange(6):
                case 0 | 1 | 2 | 3:
                    self.sources.put(original, self.random.choice((f"e{self.sources.made}", "same")))
                case 4:
                    self.sources.remove(original)
                case _ if self.settings.versioned and self.sources.keys.get(original):
                    self.sources.remove_version(original, self.random.choice(self.sources.keys[original]).id)

    def replicate(self, events: int = 1) -> None:
        """Some events: one that failed, or crashed, comes again."""
        for _ in range(min(events, len(self.undelivered))):
            event = self.undelivered.pop(self.random.randrange(len(self.undelivered)))
            try:
                run.replicate(event, keeper=self.keeper(), backup_bucket="backup")
            except BaseException as error:
                self.undelivered.append(event)
                if not isinstance(error, run.CopyAbandoned | Throttled):
                    raise
            if not self.undelivered:
                return

    def clean(self) -> run.Cleaned:
        self.clock += self.random.choice((timedelta(), DELAY / 2, DELAY))
        return run.clean(
            table=self.interleaver.port(self.table),
            backups=self.interleaver.port(self.backups),
            guard=self.guard(),
            delay=DELAY + SKEW,
            now=self.now,
            time_left=lambda: self.random.random() < 0.8,
            each=_one_by_one,
            log=self._log,
        )

    def clean_now_and_then(self, times: int) -> None:
        for _ in range(times):
            for _ in range(self.random.randint(0, 20)):
                self.interleaver.step()
            with suppress(Throttled):
                self.clean()

    def reconcile(self) -> None:
        """One run over each bucket. Nobody repeats one that crashed: what it left undone waits for the next."""
        self.cut_off += 1
        keeper = self.keeper()
        with suppress(Throttled, reconciling.ComparisonFailed):
            for bucket in BUCKETS:
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

    def hang(self) -> None:
        """Whatever is under way takes longer than a function may."""
        for _ in range(self.random.randint(0, 100)):
            self.interleaver.step()
        self.clock += timedelta(hours=2)

    def resume(self) -> None:
        """A person lets the cleaners go on, now and then."""
        for _ in range(self.random.randint(0, 60)):
            self.interleaver.step()
        with suppress(Conflict):
            resume(SYSTEM, self.store)

    # Quiet

    def calm(self) -> None:
        """Nothing goes wrong from here on, and nothing is held back."""
        self.weather = Weather()
        self.interleaver = Interleaver(self.random, 0.0)
        self.let_go(UNLIMITED)

    def let_go(self, budget: Budget) -> None:
        """A person changes what may go in an hour, and resumes the breaker."""
        self.settings = replace(self.settings, budget=budget)
        resume(SYSTEM, self.store)

    def deliver_all(self) -> None:
        for _ in range(1000):
            if not self.undelivered:
                return
            self.replicate(len(self.undelivered))
        raise AssertionError("all events are dealt with once nothing goes wrong any more")

    def reconcile_all(self) -> None:
        self.reconcile()
        for _ in range(1000):
            if all(passed.completed_at for passed in self.table.passes.values()):
                return
            self.reconcile()
        raise AssertionError("a pass ends once nothing goes wrong any more")

    def clean_all(self) -> None:
        self.clock += 2 * DELAY
        while not self.clean().complete:
            self.clock += DELAY
        self.table.ghosts.clear()

    # What a careless hand does to what is kept

    def damage(self) -> None:
        """Rows are lost, or copies, or copies are written over."""
        rows = list(self.table.rows.items())
        for key, row in self.random.sample(rows, self.random.randint(0, len(rows))):
            chance = self.random.random()
            if chance < 0.5:
                del self.table.rows[key]
                self.backups.unclaimed |= {row.copy_key} & self.backups.objects.keys()
            elif chance < 0.75:
                self.backups.objects.pop(row.copy_key, None)
            elif found := self.backups.objects.get(row.copy_key):
                self.backups.objects[row.copy_key] = found[0], Stored("spoilt", "MEMORY:spoilt")
        if self.random.random() < 0.3:
            self.table.deletions.clear()
            self.table.passes.clear()

    # What must hold at quiet

    def check_copies(self) -> None:
        """Once all events have arrived, whatever order they came in and whatever went wrong."""
        for original in self.originals:
            kept = self.table.read(original)
            self._check_newest(kept)
            active = kept.with_status(Status.ACTIVE)
            deletion = self.table.last_deleted.get(original)
            since = deletion.order if deletion else Sequencer("")
            ever = [c for c in self.table.activated.values() if c.original == original and c.order > since]
            newest = distinct(ever)
            assert {name(c) for c in active} == set(newest[-KEEP:]), f"{original}: the newest {KEEP} copies are kept"
            assert len(active) == len({name(c) for c in active}), f"{original}: each of them once"
            if self.settings.versioned:
                self._check_all_versions(original, newest)
            else:
                times = Counter(copy.version.etag for copy in active if copy.version.etag != "same")
                assert all(count == 1 for count in times.values()), f"{original}: what was written once is kept once"

    def check_newest(self) -> None:
        for original in self.originals:
            self._check_newest(self.table.read(original))

    def _check_newest(self, kept: Kept) -> None:
        """What lives has a copy of what it holds, and what was deleted has none that is active."""
        active = kept.with_status(Status.ACTIVE)
        assert active == kept.owned, "copies of what was deleted are disowned"
        current = self.sources.head(kept.original)
        if current is None:
            assert not active, f"{kept.original} is deleted, and its copies are disowned"
            return
        intact = [copy.version for copy in active if self.backups.has(copy)]
        assert intact, f"{kept.original} lives and has a copy"
        newest = intact[-1]
        assert (newest.etag, newest.size) == (current.etag, current.size), f"{kept.original}: of its newest version"

    def _check_all_versions(self, original: Original, copied: list[Name]) -> None:
        """In a versioned bucket no version is missed that is still there."""
        if self.sources.head(original) is None:
            return
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

    def check_breaker(self) -> None:
        assert len(self.table.lost) <= self.store.granted, "nothing goes that the breaker was not asked for"


def _one_by_one[T, R](function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
    return [function(item) for item in items]


def a_world(random: Random) -> Objects:
    """Some settings, and some weather: half of all histories have no breaker, and a fifth no fault at all."""
    settings = Settings(versioned=random.random() < 0.5)
    if random.random() < 0.5:
        settings = Settings(
            versioned=random.random() < 0.5,
            budget=random.choice((UNLIMITED, Budget(30, 0), Budget(30, 5))),
            minimum_copy_age=random.choice((timedelta(), timedelta(seconds=1), timedelta(days=1))),
            lock=random.choice((timedelta(), timedelta(), DELAY)),
        )
    weather = Weather(
        crashes=random.choice((0.0, 0.02, 0.1)),
        lost_answers=random.choice((0.0, 0.1)),
        throttles=random.choice((0.0, 0.0, 0.02)),
        naps=random.choice((0.0, 0.02, 0.1)),
    )
    return Objects(random, settings, weather)


def play(seed: int) -> None:
    """One history. Raises AssertionError where an invariant is broken."""
    random = Random(seed)
    world = a_world(random)
    if random.random() < 0.2:  # a bucket that was there before the stack: nobody told of its objects
        world.use(4)
        world.undelivered.clear()
        world.created.clear()
    tasks: list[Callable[[], None]] = [lambda: world.use(random.randint(1, 12))]
    tasks += [lambda: world.replicate(6)] * random.randint(1, 4)
    tasks += [lambda: world.clean_now_and_then(4)] * random.randint(0, 2)
    tasks += [world.reconcile] * random.randint(0, 2)
    tasks += [world.hang] * (random.random() < 0.2)
    tasks += [world.resume] * (world.settings.budget.is_limited and random.randint(0, 2))
    world.interleaver.run(tasks)
    world.calm()
    if world.told == 0 or random.random() < 0.2:
        world.reconcile_all()
    world.deliver_all()
    if random.random() < 0.3:  # what was disowned just now stays
        world.clean()
    told_of = all(original in world.created for original in world.sources.keys)
    if told_of and not world.cut_off and not world.held_back:
        world.check_copies()
    world.check_breaker()
    rest(world)


def rest(world: Objects) -> None:
    """What reconciliation and cleaning make of what is left."""
    world.clock += timedelta(days=world.random.choice((2, 40)))
    world.table.forget_the_expired()
    world.reconcile_all()  # a pass that was under way passed over what had failed
    world.reconcile_all()
    world.check_copies()
    world.clean_all()
    world.reconcile_all()
    world.clean_all()
    world.check_copies()
    world.check_stored()
    if world.random.random() < 0.3:
        world.damage()
        world.let_go(world.random.choice((UNLIMITED, Budget(0, 0))))
        world.reconcile_all()
        world.check_newest()
        world.let_go(UNLIMITED)
        world.reconcile_all()
        world.check_newest()
        world.clean_all()
        world.check_newest()
        world.check_stored()
    world.check_breaker()
