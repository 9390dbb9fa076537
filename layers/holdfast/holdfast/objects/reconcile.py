"""Compare a source bucket, its copies and their rows, and repair what differs.

Bucket and backup bucket are listed side by side, in stretches. No listing is believed: whatever it seems to show is
looked at, object by object, before anything is done about it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from heapq import merge
from itertools import batched, groupby, pairwise
from threading import Lock

from holdfast.objects import naming, plan
from holdfast.objects.model import (
    BackupObject,
    Counts,
    Deletion,
    Kept,
    Original,
    Pass,
    Version,
    Walk,
    after,
)
from holdfast.objects.ports import Census, Passes, Sources, SourceUnreadable
from holdfast.objects.run import Keeper, Tally
from holdfast.ports import Conflict, Each

EVERY = timedelta(days=1)
WALKS = 64
"""Into how many stretches a bucket is divided at most."""

PAGE = 500
"""How many objects are compared between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One original, as the listings show it: what it holds now, if anything, and the objects that are its copies."""

    original: Original
    current: Version | None
    listed: tuple[BackupObject, ...]


class ComparisonFailed(Exception):
    """Some objects could not be compared or repaired. The others were; the next pass looks at all again."""

    def __init__(self, message: str, passed: Pass) -> None:
        super().__init__(message)
        self.passed = passed


def reconcile(
    bucket: str,
    by_schedule: bool,
    *,
    keeper: Keeper,
    passes: Passes,
    time_left: Callable[[], bool],
    side_by_side: Each,
    each: Each,
) -> Pass | None:
    """Do, or go on with, a pass over a bucket. None if a schedule called and no pass is due.

    `side_by_side` runs the walks, `each` what a walk compares. Raises ComparisonFailed once the walks are over.
    """
    passed = passes.load(bucket)
    if passed is None or passed.completed_at:
        if by_schedule and passed and passed.completed_at and keeper.now() - passed.completed_at < EVERY:
            return None
        passed = Pass(divide(keeper.sources, bucket))
        passes.save(bucket, passed)
    walker = _Walker(bucket, keeper, passes, time_left, each)
    walks = tuple(side_by_side(lambda numbered: walker.walk(*numbered), enumerate(passed.walks)))
    passed = Pass(walks)
    if all(walk.done for walk in walks):
        passed = replace(passed, completed_at=keeper.now())
        passes.save(bucket, passed)
    if walker.failed:
        raise ComparisonFailed(f"{walker.failed} of {bucket}, the first {walker.first_failure}", passed)
    return passed


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The passes that were begun or gone on with, by bucket, and what kept some from being right."""

    passes: Mapping[str, Pass]
    failures: tuple[Exception, ...] = ()

    @property
    def completed(self) -> Counts:
        """What the passes found that this run completed."""
        return sum((passed.counts for passed in self.passes.values() if passed.completed_at), Counts())

    def raise_failures(self) -> None:
        if self.failures:
            raise ExceptionGroup(f"{len(self.failures)} buckets are not reconciled", self.failures)


def reconcile_all(
    buckets: Sequence[str],
    by_schedule: bool,
    *,
    keeper: Keeper,
    census: Census,
    passes: Passes,
    time_left: Callable[[], bool],
    side_by_side: Each,
    each: Each,
) -> Reconciliation:
    """Reconcile each bucket; one that fails does not keep the others waiting. Once all are compared, the census is
    what was counted."""
    done: dict[str, Pass] = {}
    failures: list[Exception] = []
    for bucket in buckets:
        try:
            passed = reconcile(
                bucket,
                by_schedule,
                keeper=keeper,
                passes=passes,
                time_left=time_left,
                side_by_side=side_by_side,
                each=each,
            )
        except Exception as error:
            keeper.log("not reconciled", bucket_name=bucket, error=repr(error))
            failures.append(error)
            passed = error.passed if isinstance(error, ComparisonFailed) else None
        if passed:
            done[bucket] = passed
    last = [passes.load(bucket) for bucket in buckets] if done else []
    if last and all(passed and passed.completed_at for passed in last):
        census.set(sum(passed.counts.live for passed in last if passed))
    return Reconciliation(done, tuple(failures))


def divide(sources: Sources, bucket: str) -> tuple[Walk, ...]:
    """Stretches of a bucket's keys that begin at its prefixes: of the first level that has more than one."""
    prefix = ""
    while len(found := sources.prefixes(bucket, prefix)) == 1:
        prefix = found[0]
    step = -(-len(found) // WALKS) or 1
    bounds = ["", *found[step::step], ""]
    return tuple(Walk(start, end) for start, end in pairwise(bounds))


class _Walker:
    """Walks stretches of one bucket."""

    def __init__(self, bucket: str, keeper: Keeper, passes: Passes, time_left: Callable[[], bool], each: Each) -> None:
        self.bucket = bucket
        self.keeper = keeper
        self.passes = passes
        self.time_left = time_left
        self.each = each
        self.failed = 0
        self.first_failure: str | None = None
        self._lock = Lock()

    def walk(self, number: int, walk: Walk) -> Walk:
        """Compare a stretch from where it stopped, for as long as there is time. An error of its own ends it there, and
        keeps no other from being compared."""
        try:
            for further in self._further(walk):
                self.passes.save_walk(self.bucket, number, further)
                walk = further
        except Exception as error:
            self.keeper.log("stopped", bucket_name=self.bucket, after=walk.after or walk.start, error=repr(error))
            self._fail(f"behind {walk.after or walk.start!r}", error)
        return walk

    def _further(self, walk: Walk) -> Iterator[Walk]:
        """How far a walk comes, page after page."""
        if walk.done:
            return
        for page in batched(self._subjects(walk), PAGE, strict=False):
            compared = self._compare(page)
            if compared:
                walk = replace(_past(walk, page[: len(compared)]), counts=sum(compared, walk.counts))
                yield walk
            if len(compared) < len(page):
                return
        yield replace(walk, done=True)

    def _compare(self, page: Sequence[Subject]) -> list[Counts]:
        """What was found of a page, or of as much of its beginning as there was time for."""
        compared: list[Counts] = []
        for counts in list(self.each(self._compared, page)):
            if counts is None:
                break
            compared.append(counts)
        return compared

    def _subjects(self, walk: Walk) -> Iterator[Subject]:
        """Both listings as one. Where they are not sorted alike an original may come twice, once with what it holds and
        once with its copies, and is compared twice."""
        here: Iterable[_Entry] = self._objects(walk)
        there: Iterable[_Entry] = self._copies(walk)
        for original, entries in groupby(merge(here, there, key=_key), key=_key):
            found = [entry for _, entry in entries]
            seen = [entry for entry in found if isinstance(entry, Version)]
            listed = tuple(entry for entry in found if isinstance(entry, BackupObject))
            yield Subject(original, seen[0] if seen else None, listed)

    def _objects(self, walk: Walk) -> Iterator[tuple[Original, Version]]:
        for version in self.keeper.sources.listing(self.bucket, "", walk.after or walk.start):
            if walk.end and version.original.key > walk.end:
                return
            yield version.original, version

    def _copies(self, walk: Walk) -> Iterator[tuple[Original, BackupObject]]:
        folder = f"{self.bucket}/"
        for entry in self.keeper.backups.listing(folder, walk.after_copy or folder + walk.start):
            if walk.end and entry.copy_key > folder + walk.end:
                return
            if original := self._original(entry):
                yield original, entry

    def _original(self, entry: BackupObject) -> Original | None:
        named = naming.parse(entry.copy_key)
        if named is None:
            self.keeper.log("left alone", copy_key=entry.copy_key, reason="it is not named as copies are")
            return None
        folder = named[0]
        of_cut_name = self.keeper.table.original_of(folder) if naming.is_cut(folder) else None
        return of_cut_name or Original.of(folder)

    def _compared(self, subject: Subject) -> Counts | None:
        """None if there is no time. One original must not keep the others from being compared: its error is kept, and
        raised at the end."""
        if not self.time_left():
            return None
        try:
            return compare(subject, self.keeper)
        except Exception as error:
            self.keeper.log("not compared", original_key=str(subject.original), error=repr(error))
            self._fail(str(subject.original), error)
            return Counts(live=int(subject.current is not None))

    def _fail(self, what: str, error: Exception) -> None:
        """Keep the first error, and the number of all: every object of a bucket may fail."""
        with self._lock:
            self.failed += 1
            self.first_failure = self.first_failure or f"{what}: {error!r}"


def _past(walk: Walk, compared: Sequence[Subject]) -> Walk:
    """A walk behind what was compared."""
    keys = (subject.original.key for subject in compared if subject.current)
    copies = (entry.copy_key for subject in compared for entry in subject.listed)
    return replace(walk, after=max(keys, default=walk.after), after_copy=max(copies, default=walk.after_copy))


type _Entry = tuple[Original, Version | BackupObject]


def _key(entry: _Entry) -> Original:
    return entry[0]


def compare(subject: Subject, keeper: Keeper) -> Counts:
    """Compare one original with its copies and their rows, and repair what differs.

    Raises CopyAbandoned.
    """
    original, tally = subject.original, Tally()
    kept = keeper.table.read(original)
    dangling, corrupt = _broken(kept, subject.listed, keeper)
    keeper.apply([*dangling, *corrupt], tally)
    orphans = _adopt(kept, subject.listed, keeper)
    current, unreadable = subject.current, False
    uncovered = not plan.covers(kept, current) if current else kept.owned
    waits = current is not None and plan.is_being_copied(kept, current, keeper.now())
    if (dangling or corrupt or uncovered) and not waits:
        broken = {remove.copy.copy_key for remove in (*dangling, *corrupt)}
        try:
            current = keeper.observe(original, tally, broken=broken)
        except SourceUnreadable as error:
            keeper.log("unreadable", original_key=str(original), reason=str(error))
            unreadable = True
    deleted = current is None and bool(kept.owned) and not unreadable
    if deleted:
        # What is known was read before the object was seen to be gone: a later write comes behind this order.
        now = keeper.now()
        keeper.table.remember(original, Deletion(after(kept.last_order), deleted_at=now, disowned_at=now))
    restless = plan.settle(kept, keeper.now(), keeper.rules, sparing=True)
    if dangling or corrupt or orphans or tally.copied or deleted or restless:
        keeper.settle(original, tally)
    return Counts(
        live=int(subject.current is not None),
        copied=tally.copied,
        deleted=int(deleted),
        orphans=orphans,
        dangling=len(dangling),
        corrupt=len(corrupt),
        unreadable=int(unreadable),
        held=int(tally.held is not None),
    )


def _broken(
    kept: Kept, listed: tuple[BackupObject, ...], keeper: Keeper
) -> tuple[list[plan.Remove], list[plan.Remove]]:
    """What is to be removed: rows of copies that are gone, and copies that are not what was stored."""
    dangling: list[plan.Remove] = []
    corrupt: list[plan.Remove] = []
    for copy in plan.suspects(kept, listed):
        found = keeper.backups.head(copy.copy_key, copy.stored.version_id if copy.stored else None)
        if remove := plan.verdict(copy, found):
            (corrupt if found else dangling).append(remove)
    return dangling, corrupt


def _adopt(kept: Kept, listed: tuple[BackupObject, ...], keeper: Keeper) -> int:
    """Give unclaimed objects a row as disowned copies. Returns how many there were."""
    orphans = 0
    for entry in plan.unclaimed(kept, listed):
        stored = keeper.backups.head(entry.copy_key, entry.version_id)
        named = naming.parse(entry.copy_key)
        if stored is None or named is None:
            continue
        version = Version(kept.original, entry.etag, entry.size, written_at=named[1])
        try:
            keeper.table.adopt(plan.adoption(entry, stored, version, named[2], keeper.now()))
        except Conflict:
            continue
        keeper.log("adopted", copy_key=entry.copy_key, reason="no row told of it")
        orphans += 1
    return orphans
