"""The ports in memory: what model tests run on, held to the same contract suite as the adapters for AWS."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from holdfast.breaker.plan import BreakerState
from holdfast.capacity.model import (
    BucketState,
    Commit,
    HistoryPoint,
    HistoryRow,
    Listed,
    ObjectRow,
    ReconcileProgress,
    StoredObject,
    Tracked,
)
from holdfast.capacity.plan import event_key
from holdfast.capacity.ports import ObjectChanged
from holdfast.ports import Conflict


@dataclass
class MemoryLedger:
    """ObjectTable and HistoryTable. `between_reads` is called between two items of a read, which is not atomic."""

    states: dict[str, BucketState] = field(default_factory=dict)
    objects: dict[tuple[str, str], ObjectRow] = field(default_factory=dict)
    history: dict[tuple[str, str], HistoryRow] = field(default_factory=dict)
    passes: dict[str, ReconcileProgress] = field(default_factory=dict)
    between_reads: Callable[[], None] = lambda: None

    def read(self, bucket: str, names: Sequence[str]) -> tuple[BucketState, dict[str, ObjectRow]]:
        rows = {}
        for name in names:
            if row := self.objects.get((bucket, name)):
                rows[name] = row
            self.between_reads()
        return self.states.get(bucket, BucketState(bucket)), rows

    def commit(self, commit: Commit) -> None:
        bucket = commit.before.bucket
        if self.states.get(bucket, BucketState(bucket)).version != commit.before.version:
            raise Conflict(f"the state of {bucket} has changed")
        for before, after in commit.rows:
            now = self.objects.get((bucket, after.name))
            if (now and (now.sequencer, now.size)) != (before and (before.sequencer, before.size)):
                raise Conflict(f"the row of {after.name!r} has changed")
        self.states[bucket] = commit.after
        self.objects.update({(bucket, after.name): after for _, after in commit.rows})
        self.history.update({(bucket, row.event_key): row for row in commit.history})

    def largest(self, bucket: str) -> Iterator[Tracked]:
        sizes = ((row.size, row.name) for (of, _), row in self.objects.items() if of == bucket and row.size is not None)
        for size, name in sorted(sizes, reverse=True):
            yield Tracked(name, size)

    def rows(self, bucket: str, after: str) -> Iterator[ObjectRow]:
        names = sorted(name for of, name in self.objects if of == bucket and name > after)
        for name in names:
            yield self.objects[bucket, name]

    def mark_eviction(self, bucket: str, tracked: Tracked, reason: str) -> None:
        row = self.objects.get((bucket, tracked.name))
        if row and row.size == tracked.size:
            self.objects[bucket, tracked.name] = replace(row, eviction=reason)

    def progress(self, bucket: str) -> ReconcileProgress:
        return self.passes.get(bucket, ReconcileProgress())

    def save_progress(self, bucket: str, progress: ReconcileProgress) -> None:
        self.passes[bucket] = progress


@dataclass
class MemoryHistory:
    """What a ledger's history tells."""

    ledger: MemoryLedger

    def points(self, bucket: str, start: datetime, end: datetime) -> Iterator[HistoryPoint]:
        for row in self._rows(bucket):
            if event_key(start, 0) <= row.event_key < event_key(end, 0):
                yield _point(row)

    def last_before(self, bucket: str, start: datetime) -> HistoryPoint | None:
        earlier = [row for row in self._rows(bucket) if row.event_key < event_key(start, 0)]
        return _point(earlier[-1]) if earlier else None

    def _rows(self, bucket: str) -> list[HistoryRow]:
        return [row for (of, _), row in sorted(self.ledger.history.items()) if of == bucket]


def _point(row: HistoryRow) -> HistoryPoint:
    at = datetime.fromtimestamp(int(row.event_key.split("#")[0]) / 1000, tz=row.time.tzinfo)
    return HistoryPoint(at, row.total_size, row.object_name if row.eviction else None)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key in a MemoryBucket. A delete marker has no size."""

    id: str
    size: int | None
    etag: str


@dataclass
class MemoryBucket:
    """A bucket, versioned or not. `told` is called with each of its events: type, key, size, version id."""

    versioned: bool = False
    keys: dict[str, list[Version]] = field(default_factory=dict)
    tagged_to_keep: set[str] = field(default_factory=set)
    parts: dict[str, int] = field(default_factory=dict)
    told: Callable[[str, str, int | None, str | None], None] = lambda *_: None
    made: int = 0

    def put(self, name: str, size: int) -> None:
        version = self._version(size)
        self.keys[name] = [version, *(self.keys.get(name, []) if self.versioned else [])]
        self.tagged_to_keep.discard(name)
        self.told("ObjectCreated:Put", name, size, self._id(version))

    def remove(self, name: str) -> None:
        """Delete without a version id."""
        if self.versioned:
            marker = self._version(None)
            self.keys[name] = [marker, *self.keys.get(name, [])]
            self.told("ObjectRemoved:DeleteMarkerCreated", name, None, marker.id)
        elif self.keys.pop(name, None):
            self.told("ObjectRemoved:Delete", name, None, None)

    def remove_version(self, name: str, version_id: str) -> None:
        left = [version for version in self.keys[name] if version.id != version_id]
        if left:
            self.keys[name] = left
        else:
            del self.keys[name]
        self.told("ObjectRemoved:Delete", name, None, version_id)

    def head(self, name: str) -> StoredObject | None:
        match self.keys.get(name):
            case [Version(size=int(size), etag=etag), *_]:
                return StoredObject(name, size, etag)
            case _:
                return None

    def kept(self, name: str) -> bool:
        return name in self.tagged_to_keep

    def delete(self, found: StoredObject, *, versions: bool) -> bool:
        current = self.head(found.name)
        if current is None:
            return False
        if current.etag != found.etag:
            raise ObjectChanged(f"{found.name!r} is not the object that was looked at")
        self.remove(found.name)
        if self.versioned and versions:
            for version in list(self.keys[found.name]):
                self.remove_version(found.name, version.id)
        return True

    def listing(self, after: str) -> Iterator[Listed]:
        names = sorted(self.keys)
        for name in names[bisect_right(names, after) if after else 0 :]:
            if versions := self.keys.get(name):
                yield Listed(name, versions[0].size, sum(version.size or 0 for version in versions[1:]))

    def multipart_size(self) -> int:
        return sum(self.parts.values())

    def names(self) -> list[str]:
        return [listed.name for listed in self.listing("") if listed.size is not None]

    def _version(self, size: int | None) -> Version:
        self.made += 1
        return Version(f"v{self.made}", size, f'"{self.made:032x}"')

    def _id(self, version: Version) -> str | None:
        return version.id if self.versioned else None


@dataclass(frozen=True, slots=True)
class MemoryUploads:
    """What the capacity drive does with a bucket."""

    bucket: MemoryBucket

    def names(self) -> list[str]:
        return self.bucket.names()[:1000]

    def put(self, name: str, body: bytes) -> None:
        self.bucket.put(name, len(body))

    def delete(self, name: str) -> None:
        self.bucket.remove(name)


@dataclass
class MemoryAlarm:
    on: bool = False

    def is_on(self) -> bool:
        return self.on


@dataclass
class MemoryBreakerStore:
    states: dict[str, BreakerState] = field(default_factory=dict)

    def load(self, system: str) -> BreakerState:
        return self.states.get(system, BreakerState(system))

    def save(self, state: BreakerState) -> None:
        if self.load(state.system).revision != state.revision - 1:
            raise Conflict(f"the breaker of {state.system} has changed")
        self.states[state.system] = state
