"""What the warehouse system asks of the outside. Each has two implementations: AWS's, and one in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from holdfast.warehouse.model import Listed, Stored


class NotStored(LookupError):
    """A bucket has no object of that key."""


class SourceGone(Exception):
    """The version to copy is no longer in its bucket."""


class SourceChanged(Exception):
    """Another write has replaced what was to be copied."""


class SourceUnreadable(Exception):
    """The object cannot be copied as it is: it lies in an archive class, or its key or bucket is closed to us."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a listing."""

    key: str
    stored: Stored
    modified: datetime


class Bucket(Protocol):
    """A bucket: the source's, that of the inventories, that of the backups. Keys are plain, never encoded."""

    @property
    def name(self) -> str: ...

    def read(self, key: str) -> bytes:
        """The body of a small object. Raises NotStored."""

    def stream(self, key: str) -> Iterator[bytes]:
        """The body of an object of any size, in pieces. Raises NotStored."""

    def write(self, key: str, body: bytes) -> None:
        """Put a small object."""

    def write_file(self, key: str, path: Path) -> Stored:
        """Put an object of any size from a local file. Tells what is stored, as S3 Batch Operations wants to know it:
        its ETag."""

    def head(self, key: str) -> Stored | None:
        """What is stored under a key now; None if nothing is, or a delete marker covers it."""

    def listing(self, prefix: str, after: str = "") -> Iterator[Found]:
        """Current objects under a prefix in the order of their keys' UTF-8 bytes, from the first behind `after`."""

    def prefixes(self, prefix: str) -> Iterator[str]:
        """The distinct beginnings, up to the next slash, of keys under a prefix that have one."""

    def tags(self, key: str) -> Mapping[str, str]:
        """Raises NotStored."""

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the whole tag set of an object. Raises NotStored."""


class Copier(Protocol):
    """Copies on S3's side, from one bucket into the backup bucket: no byte passes through here."""

    def __call__(self, listed: Listed, copy_key: str) -> Stored:
        """Copy exactly this version, or this ETag. Raises SourceGone, SourceChanged, SourceUnreadable."""
