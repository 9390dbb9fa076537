"""An archive of orders in each layout, as their stream would have made it, without waiting for one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import md5
from itertools import batched
from random import Random

from bench.tables import orders
from bench.tables.orders import BEGAN, TABLE
from holdfast.tables import item, naming
from holdfast.tables.archive import Archive
from holdfast.tables.item import Digest, wire
from holdfast.tables.model import Cause, Change, Description, Moment, Reference

VERSIONS = 5
BATCH = 1000
A_SECOND = 100
SHARDS = 4
PREFIX = "tables"


@dataclass(frozen=True, slots=True)
class Orders:
    """So many orders. All are placed, then all change, in another order, and again: each has five versions at last."""

    items: int

    @property
    def middle(self) -> int:
        """The moment, in Unix seconds, at which every second order has its third version, and the others are yet to
        get it."""
        return self._at(self.items * 5 // 2)

    def _at(self, position: int) -> int:
        return BEGAN + position // A_SECOND

    def changes(self) -> Iterator[Change]:
        """All of them, as they came."""
        for position, (number, version) in enumerate(self._versions()):
            yield _change(number, version, Moment(self._at(position), 10**20 + position))

    def at_middle(self) -> Digest:
        """Of the table as it was then."""
        then = {
            number: version
            for position, (number, version) in enumerate(self._versions())
            if self._at(position) <= self.middle
        }
        digest = Digest()
        for number, version in then.items():
            digest.add(orders.item(number, version))
        return digest

    def _versions(self) -> Iterator[tuple[int, int]]:
        for version in range(VERSIONS):
            numbers = list(range(self.items))
            Random(version).shuffle(numbers)
            yield from ((number, version) for number in numbers)


def _change(number: int, version: int, moment: Moment) -> Change:
    keys = orders.key(number)
    return Change(item.item_id(keys), keys, moment, Cause.WRITE, image=orders.item(number, version))


def fill(some: Orders, archives: dict[str, Archive], described: Description) -> None:
    """Write an archive of each layout. The objects of items are not put: they are small, so no restore reads them."""
    for archive in archives.values():
        archive.save_description(_born_with_its_stream(described))
    for number, batch in enumerate(batched(some.changes(), BATCH * SHARDS, strict=False)):
        for shard in range(SHARDS):
            changes = batch[shard::SHARDS]
            for layout, archive in archives.items():
                kept = changes if layout == "segment" else list(map(_stored, changes))
                archive.write(kept, shard=f"shardId-{number // 100:05d}-{shard}")


def _stored(change: Change) -> Change:
    """As a line of the layout `item` has it: these images are small."""
    digest = md5(wire(change.image or {}), usedforsecurity=False).hexdigest()
    key = naming.item_key(PREFIX, TABLE, None, change.item)
    version_id = md5(f"{change.moment}".encode(), usedforsecurity=False).hexdigest()
    return replace(change, stored=Reference(key, version_id, digest))


def _born_with_its_stream(described: Description) -> Description:
    """So that the archive is complete from the first order on."""
    born = {"CreationDateTime": BEGAN - 1, "LatestStreamLabel": f"{datetime.fromtimestamp(BEGAN - 1, UTC):%FT%T}.000"}
    return replace(described, taken_at=BEGAN, table={**described.table, **born})
