"""What a restore asks of the outside, besides what the fleet system has anyway."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from holdfast.fleet.restore.model import Entry, Made, Piece, There


class Refused(Exception):
    """AWS refuses what a restore asks, and will again: a subnet or a group that is not there, a name that is taken."""


class Provisioner(Protocol):
    """EC2 or RDS in one place, as who makes, looks and destroys."""

    def find(self, pieces: Sequence[Piece]) -> list[Made]:
        """Those of the pieces that are there, and what has their names though it is no restore of ours."""

    def make(self, piece: Piece, image: str = "") -> None:
        """Begin to make a piece, once for its name; an instance from `image`, if one was made for it.
        Raises Refused; LimitReached and NotAvailable where it may work later."""

    def configure(self, made: Made, piece: Piece) -> None:
        """Set what making it does not. Setting it again changes nothing. Raises Refused, NotAvailable."""

    def made(self, restore: str) -> Iterator[Made]:
        """All that carries the tag of a restore, and is not gone."""

    def remove(self, made: Made) -> None:
        """Terminate an instance, deregister an image, delete a database without a last snapshot. What is gone is well.
        Raises NotAvailable where it works later."""


PASSING = "iam:PassRole"

NOT_GIVEN = "deploy with that role in FleetRestoreRoleArns; then the same command with another --name-suffix"
"""What is done if AWS says that a role may not be passed."""


class TargetChanged(Exception):
    """What is at a target is not what was found there: somebody has written to it since."""


class Unreadable(Exception):
    """A version cannot be copied now: it is archived, gone, or closed."""


class Versions(Protocol):
    """Buckets, as a restore of a prefix reads and writes them."""

    def entries(self, bucket: str, prefix: str, after: str) -> Iterable[Entry]:
        """Versions and delete markers by key, those of one key newest first; of keys beyond `after`."""

    def tags(self, bucket: str) -> Mapping[str, str]:
        """Those of a bucket."""

    def head(self, bucket: str, key: str, version: str = "") -> There | None:
        """An object as it is now, or a version of it; None if it is not there."""

    def copy(self, bucket: str, entry: Entry, to: str, key: str, over: There | None) -> None:
        """Copy a version, if the target still is as it was found. Raises TargetChanged, Unreadable."""
