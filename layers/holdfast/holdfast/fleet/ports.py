"""What the fleet system asks of the outside. Each port has two implementations: AWS's, and one in memory."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from holdfast.fleet.model import Part, Replicated, Resource


class NotAvailable(Exception):
    """A resource is in a state in which it cannot be backed up. It may be in another soon."""


class LimitReached(Exception):
    """AWS makes no more snapshots or copies at a time, or keeps no more. It may again later."""


class ResourceGone(LookupError):
    """There is no such resource any more."""


class Undeletable(Exception):
    """AWS refuses to delete a part, and says why: a lock, an image that stands on it."""


class CannotCopy(Exception):
    """A part cannot be copied there, and will never be: a default key encrypts it, and the other account cannot use
    that."""


class Shelf(Protocol):
    """One service, EC2 or RDS, in one region of one account: what there is to back up, and the backups there."""

    @property
    def region(self) -> str: ...

    def resources(self) -> Iterator[Resource]:
        """Everything of the service that can be backed up, whatever its tags say: instances that are not terminated, DB
        instances that are no members of a cluster, DB clusters."""

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        """All that a restore needs to make another one like it, as JSON. Raises ResourceGone."""

    def identity(self, resource: Resource) -> str | None:
        """What tells a resource from a namesake, as it is now; None if there is none of its name any more."""

    def parts(self, source: str = "") -> Iterator[Part]:
        """Every part that carries the tag `holdfast:stack` of this stack; of one source alone, if its ARN is given.
        What was made a moment ago may be missing."""

    def copies_under_way(self) -> int:
        """How many copies into here AWS makes just now, as far as they are this stack's."""

    def create(self, resource: Resource, name: str, tags: Mapping[str, str]) -> None:
        """Begin a backup of a resource: all its volumes at one moment, or a snapshot of a database. Once for a name,
        where the service has names: of an image and in RDS; EC2's snapshots have none, and are made again.
        Raises NotAvailable, LimitReached, ResourceGone."""

    def copy(self, part: Part, name: str, tags: Mapping[str, str]) -> None:
        """Begin a copy of a part of another region or account into this one, under this place's key. Once for a name,
        where the service has names. Raises LimitReached, CannotCopy."""

    def share(self, part: Part, account: str) -> None:
        """Let another account copy a part of this one. Raises CannotCopy."""

    def tag(self, part: Part, tags: Mapping[str, str]) -> None:
        """Add tags to a part, or change them. What is gone needs none."""

    def delete(self, part: Part) -> None:
        """Deregister an image, delete a snapshot. What is gone is well. Raises Undeletable."""


class Buckets(Protocol):
    """The buckets of a region, and their replicas in another."""

    @property
    def region(self) -> str: ...

    def resources(self) -> Iterator[Resource]: ...

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        """The bucket's settings, as JSON. Raises ResourceGone."""

    def replicate(self, resource: Resource, replica: str, token: str) -> None:
        """Have a bucket replicated into the bucket `replica`, which is made if it is not there, and what was there
        before copied by one job for a token; an empty one asks for none. Other rules of the bucket stay. What is set up
        already is left alone; a bucket of the replica's name that is empty and has no tags is one that was begun.

        Raises NotAvailable: the bucket keeps no versions, and they may not be switched on; the replica's name is too
        long, or somebody else's."""

    def look(self, resource: Resource, replica: str, token: str) -> Replicated:
        """How it stands, as far as a sample tells; without a token, `earlier` is none. Raises ResourceGone."""


class Documents(Protocol):
    """JSON documents by key: in the fleet's bucket, or in memory."""

    def load(self, key: str) -> Any:
        """None if there is none."""

    def save(self, key: str, document: object) -> None: ...

    def add(self, key: str, document: object) -> bool:
        """Store it unless there is one of that key. Tells whether it was stored."""

    def keys(self, prefix: str) -> Iterable[str]:
        """In the order of their UTF-8 bytes."""
