"""Builders for what is kept of an object, so that a test of a restore shows only what matters to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from holdfast.adapters.memory_objects import MemoryBackups, MemoryCopyTable, MemorySources
from holdfast.adapters.memory_restore import MemoryTargets
from holdfast.events.model import Sequencer, sequencer
from holdfast.objects.model import Copy, CopyKey, Deletion, Kept, Original, Status, Stored, Version, after
from holdfast.objects.naming import copy_key
from holdfast.objects.restore.model import Found
from holdfast.objects.restore.run import Restorer

BUCKET = "source"
T0 = datetime(2026, 11, 17, tzinfo=UTC)
"""A Tuesday."""

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return T0 + hours * HOUR


def order_of(hours: float) -> Sequencer:
    return sequencer(f"{round(hours * 100) + 0x1000:08X}1")


def seen_after(order: Sequencer) -> Sequencer:
    """The order of what no event told of."""
    return after(order)


def a_copy(
    hours: float,
    *,
    key: str = "a",
    etag: str | None = None,
    size: int = 18,
    order: Sequencer | None = None,
    seen: float | None = None,
    status: Status = Status.ACTIVE,
    deleted: float | None = None,
    checksum: str | None = None,
) -> Copy:
    """A copy of what was written at that hour: complete, unless its status says otherwise."""
    order = order if order is not None else order_of(hours)
    version = Version(Original(BUCKET, key), etag or f"e{hours}", size, at(hours))
    complete = status in (Status.ACTIVE, Status.DISOWNED)
    gone = at(deleted) if deleted is not None else None
    return Copy(
        version,
        copy_key(version.original, version.written_at, order, "t"),
        order,
        created_at=at(hours if seen is None else seen),
        status=Status.DISOWNED if deleted is not None else status,
        stored=Stored(version.etag, checksum) if complete else None,
        disowned_at=gone,
        deleted_at=gone,
    )


def kept(*copies: Copy, deletion: Deletion | None = None, key: str = "a") -> Kept:
    return Kept(Original(BUCKET, key), copies, deletion)


def a_deletion(hours: float, order: Sequencer | None = None) -> Deletion:
    return Deletion(order if order is not None else order_of(hours), at(hours), at(hours))


def found(hours: float, *, etag: str = "other", size: int = 18, checksum: str | None = None) -> Found:
    return Found(etag, size, at(hours), checksum)


def one_by_one[T, R](function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
    return [function(item) for item in items]


@dataclass
class Shop:
    """A source bucket whose copies are made at once, and a restorer of them."""

    now: datetime = T0
    progress: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources = MemorySources(now=lambda: self.now)
        self.backups = MemoryBackups(self.sources)
        self.table = MemoryCopyTable()
        self.targets = MemoryTargets(self.backups)

    @property
    def restorer(self) -> Restorer:
        return Restorer(self.table, self.backups, self.targets, one_by_one, progress=lambda: self.progress.append(None))

    def put(self, key: str, content: str, hours: float, size: int = 1) -> Copy:
        """Write an object, and have it copied."""
        self.now = at(hours)
        original = Original(BUCKET, key)
        self.sources.put(original, content, size)
        version = self.sources.head(original)
        assert version
        copy = Copy(version, copy_key(original, self.now, order_of(hours), "t"), order_of(hours), self.now)
        self.table.announce(copy)
        self.table.activate(copy, self.backups.copy(version, copy.copy_key))
        [row] = [row for row in self.table.read(original).copies if row.copy_key == copy.copy_key]
        return row

    def delete(self, key: str, hours: float) -> None:
        """Delete an object, and have its copies disowned."""
        self.now = at(hours)
        original = Original(BUCKET, key)
        self.sources.remove(original)
        self.table.remember(original, a_deletion(hours))
        for copy in self.table.read(original).with_status(Status.ACTIVE):
            self.table.disown(copy, self.now, self.now)

    def lose(self, copy: Copy) -> None:
        """The bytes of a copy vanish."""
        del self.backups.objects[CopyKey(copy.copy_key)]

    def contents(self, bucket: str = BUCKET) -> dict[str, str]:
        """What a bucket holds, by key."""
        return {version.original.key: version.etag for version in self.sources.listing(bucket, "", "")}
