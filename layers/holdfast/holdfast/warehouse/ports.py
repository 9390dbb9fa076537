"""What the warehouse system asks of the outside. Each has two implementations: AWS's, and one in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from holdfast.warehouse.model import Listed, Stored, Tier
from holdfast.warehouse.naming import KEY_LIMIT


class NotStored(LookupError):
    """A bucket has no object of that key."""


class Frozen(Exception):
    """An object lies in an archive class: it cannot be read until it is thawed."""


class SourceGone(Exception):
    """The version to copy is no longer in its bucket."""


class SourceChanged(Exception):
    """Another write has replaced what was to be copied."""


class SourceUnreadable(Exception):
    """The object cannot be copied as it is: it lies in an archive class, its key or bucket is closed to us, or its name
    is too long to be put behind what all copies begin with."""


def check_length(listed: Listed, copy_key: str) -> None:
    """Raises SourceUnreadable."""
    if (size := len(copy_key.encode())) > KEY_LIMIT:
        raise SourceUnreadable(f"{listed.key!r} has too long a name: its copy's would have {size:,} bytes")


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
        """The body of a small object. Raises NotStored, Frozen."""

    def stream(self, key: str) -> Iterator[bytes]:
        """The body of an object of any size, in pieces. Raises NotStored, Frozen, before the first."""

    def read_from(self, key: str, start: int) -> bytes:
        """The body from a byte on, which it has. Raises NotStored, Frozen."""

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


class Access(StrEnum):
    """Whether an object can be read."""

    READABLE = "readable"
    THAWING = "thawing"
    """It was asked for, and comes."""
    FROZEN = "frozen"


class TierRefused(Exception):
    """S3 does not thaw this object in this tier, or not now: Standard always works."""


class Vault(Protocol):
    """A bucket of which objects lie in archive classes."""

    def access(self, key: str) -> Access:
        """Raises NotStored."""

    def thaw(self, key: str, days: int, tier: Tier) -> None:
        """Have an object become readable, and stay so for this many days from then on. What thaws already goes on, what
        is thawed stays so from now, what was never frozen is left alone. Raises NotStored, TierRefused."""
