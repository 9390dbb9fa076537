"""A table as the archive has it: at a moment, and item by item through time."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from holdfast.ports import Each
from holdfast.tables import plan, segment
from holdfast.tables.archive import Archive
from holdfast.tables.model import Base, Change, Image, ItemId, Segment, State
from holdfast.tables.ports import ItemObjects

FOR_EVER = 253_402_300_799
"""The last second that there is a date for."""

READ_TOGETHER = 256
"""How many segments are in memory at most."""


class Altered(Exception):
    """An item's object is not what was stored under its name."""


@dataclass(frozen=True, slots=True)
class _Items(Mapping[ItemId, Change]):
    """Changes, each read when it is asked for: there may be millions, and lines take a third of the memory."""

    lines: Mapping[ItemId, segment.Line]

    def __getitem__(self, item: ItemId) -> Change:
        return self.lines[item].change

    def __iter__(self) -> Iterator[ItemId]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class View:
    """Reads an archive. `fetch`: what `stored` of a change refers to."""

    archive: Archive
    objects: ItemObjects
    together: Each

    def at(self, at: int, wanted: Callable[[ItemId], bool] = bool) -> State:
        """The table at a moment, in Unix seconds: every change of that second and of all before it.

        A backfill that was not over by then tells nothing of it: what it read may have been written later.
        """
        ground = self.ground(at)
        found = self._latest(ground.base, at, wanted)
        return replace(ground, items=_Items({item: line for item, line in found.items() if not line.is_removal}))

    def ground(self, at: int) -> State:
        """What the table at a moment builds on, without its items."""
        bases, first = self.archive.bases(), self.archive.description(0)
        base = plan.base_for(bases, at)
        return State(
            at=at,
            items={},
            base=base,
            complete_since=plan.complete_since(self.archive.description(), bases, first.taken_at if first else None),
            gaps=tuple(gap for gap in self.archive.gaps() if plan.touches(gap, base.began if base else 0, at)),
        )

    def newest(self, wanted: Callable[[ItemId], bool]) -> dict[ItemId, Change]:
        """The last change of each wanted item, removals among them."""
        base = plan.base_for(self.archive.bases(), FOR_EVER)
        return {item: line.change for item, line in self._latest(base, FOR_EVER, wanted).items()}

    def history(self, item: ItemId) -> list[Change]:
        """Every change of an item that is known, in their order."""
        segments = [*self.archive.base_segments(), *self._segments(None, FOR_EVER)]
        known = {line.moment: line for line in self._lines(segments, item.__eq__)}
        return [known[moment].change for moment in sorted(known)]

    def image(self, change: Change) -> Image | None:
        """What an item held from a change on; None if it was removed. Raises NotStored, Altered."""
        return self.proven(change) if change.image is None else change.image

    def proven(self, change: Change) -> Image | None:
        """The same, read from the object that holds it where one does. Raises NotStored, Altered."""
        if change.stored is None:
            return change.image
        body = self.objects.fetch(change.stored)
        if hashlib.md5(body, usedforsecurity=False).hexdigest() != change.stored.md5:
            raise Altered(f"version {change.stored.version_id} of {change.stored.key!r} is not what was stored")
        image: Image = json.loads(body)
        return image

    def _latest(self, base: Base | None, until: int, wanted: Callable[[ItemId], bool]) -> dict[ItemId, segment.Line]:
        lines = self._lines(self._segments(base, until), wanted)
        return plan.latest(lines, until, wanted, since=base.began if base else 0)

    def _segments(self, base: Base | None, until: int) -> list[Segment]:
        """Where what a base holds is told, and what came since it began."""
        if base is None:
            return self.archive.segments(0, until)
        return [*self.archive.base_segments(base.run), *self.archive.segments(base.began, until)]

    def _lines(self, segments: Sequence[Segment], wanted: Callable[[ItemId], bool]) -> Iterator[segment.Line]:
        for some in batched(segments, READ_TOGETHER, strict=False):
            for one, body in zip(some, self.together(self._read, some), strict=True):
                yield from segment.heads(one, body, wanted)

    def _read(self, one: Segment) -> bytes:
        return self.archive.store.read(one.name)
