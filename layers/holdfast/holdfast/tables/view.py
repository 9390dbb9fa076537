"""A table as the archive has it: at a moment, and item by item through time."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched

from holdfast.tables import plan, segment
from holdfast.tables.archive import Archive
from holdfast.tables.model import Base, Change, Gap, Image, ItemId, Segment
from holdfast.tables.ports import ItemObjects

FOR_EVER = 253_402_300_799
"""The last second that there is a date for."""

READ_TOGETHER = 256
"""How many segments are in memory at most."""

type Together = Callable[[Callable[[Segment], bytes], Iterable[Segment]], Iterable[bytes]]
"""`map`, side by side."""


class Altered(Exception):
    """An item's object is not what was stored under its name."""


@dataclass(frozen=True, slots=True)
class State:
    """The items of a table at a moment, each as a change that made it so. `base`: the backfill that it builds on.

    `complete_since`: from when on the archive holds every item. `gaps`: those that touch it.
    """

    at: int
    items: Mapping[ItemId, Change]
    base: Base | None
    complete_since: int | None
    gaps: tuple[Gap, ...]

    @property
    def is_complete(self) -> bool:
        return self.complete_since is not None and self.complete_since <= self.at and not self.gaps


@dataclass(frozen=True, slots=True)
class View:
    """Reads an archive. `fetch`: what `stored` of a change refers to."""

    archive: Archive
    objects: ItemObjects
    together: Together

    def at(self, at: int, wanted: Callable[[ItemId], bool] = bool) -> State:
        """The table at a moment, in Unix seconds: every change of that second and of all before it."""
        bases = self.archive.bases()
        base = plan.base_for(bases, at)
        since = base.began if base else 0
        found = plan.latest(self._changes(since, at), at, wanted)
        return State(
            at=at,
            items={item: change for item, change in found.items() if not change.is_removal},
            base=base,
            complete_since=plan.complete_since(self.archive.description(), bases),
            gaps=tuple(gap for gap in self.archive.gaps() if plan.touches(gap, since, at)),
        )

    def history(self, item: ItemId) -> list[Change]:
        """Every change of an item that is known, in their order."""
        known = {change.moment: change for change in self._changes(0, FOR_EVER) if change.item == item}
        return [known[moment] for moment in sorted(known)]

    def image(self, change: Change) -> Image | None:
        """What an item held from a change on; None if it was removed. Raises NotStored, Altered."""
        if change.stored is None:
            return change.image
        body = self.objects.fetch(change.stored)
        if hashlib.md5(body, usedforsecurity=False).hexdigest() != change.stored.md5:
            raise Altered(f"version {change.stored.version_id} of {change.stored.key!r} is not what was stored")
        image: Image = json.loads(body)
        return image

    def _changes(self, since: int, until: int) -> Iterator[Change]:
        segments = self.archive.segments(since, until)
        for some in batched(segments, READ_TOGETHER, strict=False):
            for one, body in zip(some, self.together(self._read, some), strict=True):
                yield from segment.decode(one, body)

    def _read(self, one: Segment) -> bytes:
        return self.archive.store.read(one.name)
