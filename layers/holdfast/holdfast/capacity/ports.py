"""What the capacity system asks of the outside. Each has two implementations: AWS's, and one in memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.capacity.model import (
    BucketState,
    Commit,
    HistoryPoint,
    Listed,
    ObjectRow,
    ReconcileProgress,
    StoredObject,
    Tracked,
)


class ObjectChanged(Exception):
    """The object is no longer the one that was looked at."""


class Ledger(Protocol):
    """ObjectTable and HistoryTable: every change of them is one atomic commit."""

    def read(self, bucket: str, names: Sequence[str]) -> tuple[BucketState, dict[str, ObjectRow]]:
        """The state of a bucket and the rows of these objects (those that there are), strongly consistent."""

    def commit(self, commit: Commit) -> None:
        """All of the commit or nothing. Raises Conflict if what it is based on has changed."""

    def largest(self, bucket: str) -> Iterator[Tracked]:
        """Tracked objects, the largest first, eventually consistent."""

    def rows(self, bucket: str, after: str) -> Iterator[ObjectRow]:
        """Rows in the order of their names' UTF-8 bytes, from the first name behind `after`; tombstones too."""

    def mark_eviction(self, bucket: str, tracked: Tracked, reason: str) -> None:
        """Note on the row why it is about to be evicted. Does nothing if the row is not as tracked any more."""

    def progress(self, bucket: str) -> ReconcileProgress:
        """How far the last reconciliation came."""

    def save_progress(self, bucket: str, progress: ReconcileProgress) -> None: ...


class History(Protocol):
    """What HistoryTable tells of the past of a bucket's total."""

    def points(self, bucket: str, start: datetime, end: datetime) -> Iterator[HistoryPoint]:
        """The changes from `start` up to and without `end`, oldest first. Raises RangeTooLarge (capacity.query)."""

    def last_before(self, bucket: str, start: datetime) -> HistoryPoint | None:
        """The last change before `start`: the total with which the range begins."""


class PlotStore(Protocol):
    """Where plots are kept."""

    def put(self, key: str, body: bytes, content_type: str) -> None: ...


class Bucket(Protocol):
    """The watched bucket."""

    def head(self, name: str) -> StoredObject | None:
        """The current object, or None if there is none."""

    def kept(self, name: str) -> bool:
        """Whether the object carries the tag `holdfast:keep = true`."""

    def delete(self, found: StoredObject, *, versions: bool) -> bool:
        """Delete the object if it still is the one found (by its eTag), and with `versions` the bytes of all its
        versions. False if it was gone already. Raises ObjectChanged if it was overwritten."""

    def listing(self, after: str) -> Iterator[Listed]:
        """Its keys in the order of their UTF-8 bytes, from the first behind `after`."""

    def multipart_size(self) -> int:
        """Bytes in parts of multipart uploads that were never finished."""


class StoredCopies(Protocol):
    """Which objects have a backup. The `objects` system answers this where it protects the bucket."""

    def holds(self, bucket: str, found: StoredObject) -> bool:
        """Whether a copy with exactly this content is stored."""


class Alarm(Protocol):
    """The alarm on the bucket's total."""

    def is_on(self) -> bool:
        """In ALARM, with its actions enabled."""


class Uploads(Protocol):
    """The objects that the drive puts into the bucket."""

    def names(self) -> list[str]:
        """The first thousand names in the bucket, sorted."""

    def put(self, name: str, body: bytes) -> None: ...

    def delete(self, name: str) -> None: ...


class Heart(Protocol):
    """What logs the total when nothing happens."""

    def beat(self) -> None:
        """Log it now."""


class PlotApi(Protocol):
    """The plot, as a caller from outside gets it."""

    def png(self, bucket: str, start: datetime, end: datetime) -> bytes:
        """A PNG of the bucket's total from `start` to `end`."""
