"""What a restore knows, and what it decides: every decision with the reason that its reader is told."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from holdfast.objects.model import Copy, CopyKey, Original


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a target before the restore. `written_at` has whole seconds: S3 tells no more."""

    etag: str
    size: int
    written_at: datetime
    checksum: str | None = None


class Why(StrEnum):
    """Why there is nothing to restore."""

    NO_COPY = "without a complete copy"
    TOO_OLD = "without a copy as old"
    DID_NOT_EXIST = "did not exist then"
    DELETED_BEFORE = "deleted before"
    THERE = "not deleted"


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to restore."""

    original: Original
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Write a copy to its target, if the target still is what was found there: `over`, or nothing."""

    copy: Copy
    target: Original
    over: Found | None
    reason: str

    @property
    def original(self) -> Original:
        return self.copy.original


@dataclass(frozen=True, slots=True)
class Keep:
    """The target holds what would be restored."""

    original: Original
    target: Original
    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The target may not be written."""

    original: Original
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one object; the others go on."""

    original: Original
    reason: str


type Decision = Restore | Keep | Refuse | Skip | Failure


def stamp(at: datetime) -> str:
    """A moment as it is shown, to the millisecond: given back as TIME, it names the same moment."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(copy_key: CopyKey) -> str:
    """What tells the copies of one original apart: the end of their names."""
    return copy_key.rpartition("/")[2]
