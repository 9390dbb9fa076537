"""What the capacity system knows: objects of a bucket, its running state, its history.

Sizes are bytes. Times are aware datetimes in UTC.
"""

from dataclasses import dataclass
from datetime import datetime

from holdfast.events.model import Sequencer


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """What ObjectTable holds of one object. `size` is None once it is gone: the row is then a tombstone,
    which keeps the delete's sequencer, so that an older create that comes late brings nothing back."""

    bucket: str
    name: str
    size: int | None
    sequencer: Sequencer
    updated_at: datetime
    last_size: int | None = None
    """The last size it had while it existed: what a delete took away. None if nobody saw it then."""
    eviction: str | None = None
    """Why `capacity_trim` chose it, written before it is deleted."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """The row `__STATE__` of a bucket. `version` counts its changes: each commit is conditional on it."""

    bucket: str
    total_size: int = 0
    object_count: int = 0
    version: int = 0
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One change of a bucket's total. `event_key` sorts as the changes were applied."""

    bucket: str
    event_key: str
    object_name: str
    event_type: str
    size_delta: int
    total_size: int
    time: datetime
    eviction: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """What a plot needs of a history row."""

    at: datetime
    total_size: int
    evicted: str | None = None
    """The name of the object whose eviction this point is, if it is one."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic change: the state as it was read and as it becomes, the rows as read and as they become."""

    before: BucketState
    after: BucketState
    rows: tuple[tuple[ObjectRow | None, ObjectRow], ...]
    history: tuple[HistoryRow, ...]


@dataclass(frozen=True, slots=True)
class ReconcileProgress:
    """How far a reconciliation came, so that the next run goes on from there.

    `after` is the last name that was compared; empty before the first and after the last. Sizes are bytes: what is
    in versions that are not current, and in parts of multipart uploads that were never finished; the total of a
    bucket has neither of them, its bill has both.
    """

    after: str = ""
    noncurrent_so_far: int = 0
    completed_at: datetime | None = None
    noncurrent_size: int = 0
    multipart_size: int = 0


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as its bucket has it now. `size` in bytes."""

    name: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as a listing has it: its current size (None if a delete marker covers it) and the bytes of its
    versions that are not current."""

    name: str
    size: int | None
    noncurrent_size: int = 0


@dataclass(frozen=True, slots=True)
class Tracked:
    """An object as the size index has it: it may have changed, or gone, since."""

    name: str
    size: int
