"""What every step of the fleet system is handed, and how steps find each other's results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from holdfast.fleet import naming, plan
from holdfast.fleet.model import Backup, Keep, NotARun, Place, Resource, Service, Slot
from holdfast.fleet.ports import Buckets, Documents, Shelf
from holdfast.ports import Clock, Each, Log

SNAPSHOT_SERVICES = (Service.EC2, Service.RDS)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a stack backs up. `copies_to`: where copies go, if anywhere; `images`: instances as AMIs; `patience`: for how
    long what cannot be backed up now is tried again; `poll_seconds`: how often AWS is asked how far it is."""

    regions: tuple[str, ...]
    include_all: bool
    images: bool
    copies_to: Place | None
    keep: Keep
    minimum: timedelta
    require_encryption: bool
    patience: timedelta
    poll_seconds: int
    replica_suffix: str


@dataclass(frozen=True, slots=True)
class There:
    """Where copies go."""

    place: Place
    shelf: Shelf


@dataclass(frozen=True, slots=True)
class Fleet:
    """`shelf_of`: EC2 or RDS in a place; a place without an account is of the stack's own. `stack`: the stack's name,
    by which it knows its own backups."""

    stack: str
    rules: Rules
    documents: Documents
    shelf_of: Callable[[Service, Place], Shelf]
    buckets_of: Callable[[str], Buckets]
    each: Each
    now: Clock
    log: Log

    def shelf(self, resource: Resource) -> Shelf:
        return self.shelf_of(resource.kind.service, Place(resource.region))

    def there(self, resource: Resource) -> There | None:
        """Where copies of its backups go; None if nowhere, or if it lives there already."""
        place = self.rules.copies_to
        if place is None or place == Place(resource.region):
            return None
        return There(place, self.shelf_of(resource.kind.service, place))

    def places(self) -> list[tuple[Service, Place]]:
        """Wherever backups can be."""
        places = {Place(region) for region in self.rules.regions} | {
            self.rules.copies_to or Place(self.rules.regions[0])
        }
        return [(service, place) for place in sorted(places) for service in SNAPSHOT_SERVICES]

    def shelves(self) -> dict[tuple[Service, Place], Shelf]:
        return {where: self.shelf_of(*where) for where in self.places()}

    def backups(self, region: str = "") -> list[Backup]:
        """All of them; or those of one region alone: nobody asks another that may be down."""
        shelves = [shelf for (_, place), shelf in self.shelves().items() if region in ("", place.region)]
        found = self.each(lambda shelf: list(shelf.parts()), shelves)
        return plan.gather(part for parts in found for part in parts)


@dataclass(frozen=True, slots=True)
class Item:
    """A resource in a run: what goes through the workflow."""

    slot: Slot
    digest: str

    @property
    def run(self) -> str:
        return str(self.slot)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Raises NotARun."""
        try:
            return cls(Slot.parse(str(event["run"])), str(event["resource"]))
        except KeyError as error:
            raise NotARun(f"the event tells no {error}: run and resource are needed") from None

    def resource(self, documents: Documents) -> Resource:
        """As it was discovered. Raises NotARun."""
        told = documents.load(naming.resource(self.run, self.digest))
        if told is None:
            raise NotARun(f"{self.run} discovered no resource {self.digest}")
        return Resource.of(told)


def discovered(fleet: Fleet, run: str) -> dict[str, Any]:
    """What a run found. Raises NotARun."""
    told: dict[str, Any] | None = fleet.documents.load(naming.discovered(run))
    if told is None:
        raise NotARun(f"{run} has discovered nothing yet: it never began")
    return told


def began(fleet: Fleet, run: str) -> datetime:
    """When a run began. Raises NotARun."""
    return datetime.fromisoformat(discovered(fleet, run)["began"])
