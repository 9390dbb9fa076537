"""What the objects system knows: source objects, their copies, and which of them were deleted.

Sizes are bytes. Times are aware datetimes in UTC. ETags stand without quotes.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import NewType

from holdfast.events.model import Sequencer

CopyKey = NewType("CopyKey", str)
"""The key of a copy in the backup bucket."""


@dataclass(frozen=True, slots=True, order=True)
class Original:
    """A key of a source bucket: what copies are copies of."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """`original_key` in the copy table. No bucket's name holds a slash, so it names one key of one bucket."""
        return f"{self.bucket}/{self.key}"

    @classmethod
    def of(cls, original_key: str) -> "Original":
        return cls(*original_key.split("/", 1))


OBSERVED = "+"
"""Ends the order of what no event told of: it sorts behind the order it follows, and before every later sequencer,
since no digit of one is below it."""


def after(order: Sequencer) -> Sequencer:
    """The order of what was seen when `order` was the last that was known."""
    return Sequencer(order + OBSERVED)


def is_observed(order: Sequencer) -> bool:
    return order.endswith(OBSERVED)


@dataclass(frozen=True, slots=True)
class Version:
    """What one write put into a source bucket: as an event tells it, or as the bucket shows it.

    `version_id` is None in a bucket without versioning; `written_at` is S3's time of the write.
    """

    original: Original
    etag: str
    size: int
    written_at: datetime
    version_id: str | None = None

    @property
    def identity(self) -> tuple[str | None, str, int]:
        """Equal for two writes only if they wrote the same content, and in a versioned bucket only for one write."""
        return self.version_id, self.etag, self.size


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a copy. `checksum` is an algorithm and its value, such as `CRC64NVME:AAAAAAAAAAA=`; None where
    the service computes none. `version_id` is None in a backup bucket without versioning."""

    etag: str
    checksum: str | None = None
    version_id: str | None = None

    def is_intact(self, found: "Stored | None") -> bool:
        """Whether what was found where this was stored is still this.

        A checksum is of the content alone. An ETag changes with the encryption, and with the parts that were uploaded.
        """
        if found is None:
            return False
        if self.checksum and found.checksum and _algorithm(self.checksum) == _algorithm(found.checksum):
            return self.checksum == found.checksum
        return self.etag == found.etag


def _algorithm(checksum: str) -> str:
    return checksum.partition(":")[0]


class Status(StrEnum):
    """What a copy is. The order of these words is the order of its life."""

    PENDING = "pending"
    """Announced; its bytes may or may not be there."""
    ACTIVE = "active"
    """A complete copy of an object that lives."""
    DISOWNED = "disowned"
    """A complete copy of an object that was deleted: kept for the delay, then cleaned. Nothing turns it back."""
    REMOVING = "removing"
    """Its bytes are being deleted, and then its row."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A row of the copy table. `stored` is None while the copy is pending."""

    version: Version
    copy_key: CopyKey
    order: Sequencer
    created_at: datetime
    """When the copy was announced."""
    status: Status = Status.PENDING
    stored: Stored | None = None
    disowned_at: datetime | None = None
    """When the delay began: one moment for all copies that one delete disowned."""
    deleted_at: datetime | None = None
    """When the object was deleted, as S3 tells it."""

    @property
    def original(self) -> Original:
        return self.version.original

    @property
    def rank(self) -> tuple[Sequencer, CopyKey]:
        """Greater for newer versions of one original."""
        return self.order, self.copy_key


@dataclass(frozen=True, slots=True)
class DisownedCopy:
    """A disowned copy as the index has it: what it takes to clean it. It stays disowned, with its moment, until it is
    gone."""

    original: Original
    copy_key: CopyKey
    size: int
    disowned_at: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """The newest delete of an original: an older create that arrives later brings nothing back."""

    order: Sequencer
    deleted_at: datetime
    disowned_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """All that the copy table holds of one original: one partition, read at one moment."""

    original: Original
    copies: tuple[Copy, ...] = ()
    deletion: Deletion | None = None

    def with_status(self, *statuses: Status) -> list[Copy]:
        """The copies of these statuses, the oldest first."""
        return sorted((c for c in self.copies if c.status in statuses), key=lambda c: c.rank)

    @property
    def owned(self) -> list[Copy]:
        """Active copies that no delete has overtaken, the oldest first."""
        since = self.deletion.order if self.deletion else None
        return [c for c in self.with_status(Status.ACTIVE) if since is None or c.order > since]

    @property
    def last_order(self) -> Sequencer:
        """The newest order that is known of this original."""
        orders = [copy.order for copy in self.copies]
        if self.deletion:
            orders.append(self.deletion.order)
        return max(orders, default=Sequencer(""))


@dataclass(frozen=True, slots=True)
class BackupObject:
    """An object of the backup bucket, as a listing has it."""

    copy_key: CopyKey
    size: int
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a reconciliation found. In objects, but for what is said to be copies."""

    live: int = 0
    """Objects that there are."""
    copied: int = 0
    """Objects without a copy of what they hold now, that have one now."""
    deleted: int = 0
    """Objects whose deletion nobody told of."""
    orphans: int = 0
    """Copies without a row."""
    dangling: int = 0
    """Rows without a copy."""
    corrupt: int = 0
    """Copies that are not what was stored."""
    unreadable: int = 0
    """Objects that cannot be copied: archived, or closed to us."""
    held: int = 0
    """Objects for which the breaker held something back."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Walk:
    """A stretch of a bucket's keys, from the first behind `start` up to and with `end` (empty: to the last), and how
    far it came in the two listings that it compares. They are sorted alike but for keys that begin with another key."""

    start: str
    end: str
    after: str = ""
    """The last key of the bucket that was compared; empty before the first."""
    after_copy: str = ""
    """The last key of the backup bucket that was."""
    done: bool = False
    counts: Counts = Counts()


@dataclass(frozen=True, slots=True)
class Pass:
    """One reconciliation of a whole bucket, over as many runs as it takes. `completed_at` is None while under way."""

    walks: tuple[Walk, ...]
    completed_at: datetime | None = None

    @property
    def counts(self) -> Counts:
        return sum((walk.counts for walk in self.walks), Counts())
