"""What the objects system asks of the outside. Each has two implementations: AWS's, and one in memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.objects.model import (
    BackupObject,
    Copy,
    CopyKey,
    Deletion,
    DisownedCopy,
    Kept,
    Original,
    Pass,
    Stored,
    Version,
    Walk,
)


class SourceGone(Exception):
    """The version to copy is no longer in its bucket."""


class SourceChanged(Exception):
    """Another write has replaced what was to be copied: its own event will come."""


class SourceUnreadable(Exception):
    """The object cannot be copied as it is: it lies in an archive class, or its key or bucket is closed to us."""


class Locked(Exception):
    """Object Lock holds a copy: it cannot be deleted yet."""


class CopyTable(Protocol):
    """Which copies there are: an item a copy, by original and copy key, and an item an original that was deleted.

    Everything of one original is read and changed by `Query` and by its key; nothing scans. Times are kept to the
    millisecond.
    """

    def read(self, original: Original) -> Kept:
        """All of one original, strongly consistent."""

    def announce(self, copy: Copy) -> None:
        """Put the row of a pending copy, before its bytes are copied. It expires if nobody comes back to it."""

    def activate(self, copy: Copy, stored: Stored) -> None:
        """Pending becomes active. Raises Conflict if the row is not pending any more."""

    def remember(self, original: Original, deletion: Deletion) -> Deletion:
        """Keep a deletion if it is the newest of its original. Returns the one that is."""

    def disown(self, copy: Copy, disowned_at: datetime, deleted_at: datetime | None) -> None:
        """Active becomes disowned. Raises Conflict if the row is not active any more."""

    def adopt(self, copy: Copy) -> None:
        """Put the row of a disowned copy whose bytes are there and that had no row. Raises Conflict if it has one."""

    def condemn(self, copy: Copy) -> None:
        """The row becomes removing. Raises Conflict if its status is neither what `copy` says nor removing."""

    def forget(self, copies: Sequence[Copy | DisownedCopy]) -> None:
        """Delete the rows of copies whose bytes are gone."""

    def disowned(self, until: datetime) -> Iterator[DisownedCopy]:
        """Copies disowned until then, the longest first, from an index that lags: some may be gone already."""

    def original_of(self, folder: str) -> Original | None:
        """The original behind a cut folder name, if one was announced under it."""


class Sources(Protocol):
    """The buckets whose objects get copies."""

    def head(self, original: Original) -> Version | None:
        """The current version, or None if there is none (a delete marker covers it, or it never was).

        Raises SourceUnreadable if it may not be looked at.
        """

    def listing(self, bucket: str, prefix: str, after: str) -> Iterator[Version]:
        """Current versions under a prefix in the order of their keys' UTF-8 bytes, from the first behind `after`.

        A listing does not tell version ids: `version_id` is None.
        """

    def prefixes(self, bucket: str, prefix: str) -> list[str]:
        """The distinct beginnings, up to the next slash, of keys under a prefix that have one; of many, the first."""


class Copier(Protocol):
    """Copies on S3's side: no byte passes through here."""

    def copy(self, version: Version, copy_key: CopyKey) -> Stored:
        """Copy exactly this version. Raises SourceGone, SourceChanged, SourceUnreadable."""


class Backups(Protocol):
    """The backup bucket."""

    def head(self, copy_key: CopyKey, version_id: str | None) -> Stored | None:
        """What is stored under a copy key, or None."""

    def remove(self, copy_key: CopyKey) -> None:
        """Delete the bytes, in a versioned bucket those of every version. Nothing to delete is fine. Raises Locked."""

    def listing(self, prefix: str, after: str) -> Iterator[BackupObject]:
        """Objects under a prefix in the order of their keys' UTF-8 bytes, from the first behind `after`."""

    def names(self, prefix: str) -> Iterator[CopyKey]:
        """Of all that is stored under a prefix, what somebody hid behind a delete marker too. Some come repeatedly."""


class Census(Protocol):
    """How many objects have copies: what the breaker's share is a share of. Roughly: reconciliation sets it right."""

    def count(self, change: int) -> int:
        """Add to the number, and return it."""

    def counted(self) -> int:
        """The number as it stands."""

    def set(self, number: int) -> None: ...


class Passes(Protocol):
    """How far the reconciliation of each bucket came."""

    def load(self, bucket: str) -> Pass | None:
        """The last pass over a bucket, under way or complete."""

    def save(self, bucket: str, passed: Pass) -> None:
        """Keep a pass as a whole, when it starts and when it ends."""

    def save_walk(self, bucket: str, number: int, walk: Walk) -> None:
        """Keep how far one walk of a pass came."""
