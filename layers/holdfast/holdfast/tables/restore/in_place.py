"""Restore in place: see what differs, journal it, and write what nobody has touched since it was seen."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

from holdfast.ports import Each
from holdfast.tables import item
from holdfast.tables import plan as tables
from holdfast.tables.backfill import Pace
from holdfast.tables.item import Digest
from holdfast.tables.model import Change, Image, ItemId
from holdfast.tables.ports import LiveTable
from holdfast.tables.restore import journal as journals
from holdfast.tables.restore import plan
from holdfast.tables.restore.model import (
    Difference,
    Entry,
    Journal,
    Kind,
    Leave,
    Outcome,
    Preview,
    Refused,
    Same,
    Then,
    Verified,
)
from holdfast.tables.restore.write import SCANS, image_of, pages, swapped
from holdfast.tables.view import View

CHUNK = 1_000
"""Items that are journaled together, before the first of them is written."""

type Found = Difference | Leave


class OtherKeys(Exception):
    """The table that is there is another one: its keys are not those of the archived table."""


@dataclass(slots=True)
class _Part:
    """What one part of a table holds, compared with how it was. `seen`: what was there then too."""

    found: list[Found]
    seen: set[ItemId]
    same: int = 0


@dataclass(frozen=True, slots=True)
class InPlace:
    """A restore of a table over itself. `progress` is told how many items were dealt with, from any thread."""

    view: View
    table: LiveTable
    each: Each
    pace: Pace
    progress: Callable[[int], object] = lambda _: None

    # What differs

    def preview(self, then: Then, *, unarchived: bool = False) -> Preview:
        """What the restore would do. `unarchived`: also to what differs without an archived change since then.

        Raises TableMissing, OtherKeys; NotStored, Altered if the archive lost an item.
        """
        if self.table.describe(0).key_types != then.description.key_types:
            raise OtherKeys(
                f"the keys of table {self.table.name!r} are not those that it had then: restore it with --to NEW_TABLE"
            )
        parts = self._compared(then)
        found = [one for part in parts for one in part.found] + list(self._gone(then, parts))
        differences, left = plan.confirmed(found, (lambda _: True) if unarchived else self._is_known(then, found))
        return Preview(differences, left, sum(part.same for part in parts))

    def _compared(self, then: Then) -> list[_Part]:
        """All that is there now."""
        if then.wanted.item is not None:
            live = self.table.get(then.wanted.item)
            return [self._part(then, [[] if live is None else [live]])]
        return list(self.each(lambda number: self._part(then, pages(self.table, number)), range(SCANS)))

    def _part(self, then: Then, found: Iterable[Sequence[Image]]) -> _Part:
        part = _Part([], set())
        for images in found:
            for image in images:
                self._compare(then, image, part)
            self.progress(len(images))
        return part

    def _compare(self, then: Then, live: Image, part: _Part) -> None:
        keys = item.keys_of(live, then.description.key_names)
        item_id = item.item_id(keys)
        change = then.state.items.get(item_id)
        if change is not None:
            part.seen.add(item_id)
        match self._decided(then, keys, change, live):
            case Same():
                part.same += 1
            case Difference() | Leave() as one:
                part.found.append(one)
            case None:
                pass

    def _gone(self, then: Then, parts: Iterable[_Part]) -> Iterator[Found]:
        """What was there and is not now."""
        seen = set[ItemId]().union(*(part.seen for part in parts))
        gone = (change for item_id, change in then.state.items.items() if item_id not in seen)
        for some in batched(gone, CHUNK, strict=False):
            for one in self.each(lambda change: self._decided(then, change.keys, change, None), some):
                if isinstance(one, Difference | Leave):
                    yield one

    def _decided(self, then: Then, keys: Image, change: Change | None, live: Image | None) -> Found | Same | None:
        owner_then = plan.owner(change, then.column) if change is not None else None
        owner_now = tables.tenant(live, then.column) if live is not None and then.column else None
        tenant = then.wanted.tenant
        if tenant is not None and tenant not in {owner_then, owner_now}:
            return None  # nor is it fetched
        return plan.decide(
            keys,
            self._image(change, live) if change is not None else None,
            live,
            owner_then=owner_then,
            owner_now=owner_now,
            tenant=tenant,
            complete=then.state.is_complete,
        )

    def _image(self, change: Change, live: Image | None) -> Image:
        """What an item was. It is not fetched if what is there now would be stored as the same bytes."""
        stored = change.stored if change.image is None else None
        if stored is not None and live is not None and _md5(item.wire(live)) == stored.md5:
            return live
        return image_of(self.view, change)

    def _is_known(self, then: Then, found: Iterable[Found]) -> Callable[[Difference], bool]:
        """Whether the archive has seen what made an item differ."""
        ids = {item.item_id(one.keys) for one in found if isinstance(one, Difference)}
        newest = self.view.newest(ids.__contains__) if ids else {}

        def is_known(one: Difference) -> bool:
            last = newest.get(item.item_id(one.keys))
            if last is None:  # what a backfill since then did not find was removed before it; or nothing tells of it
                return one.kind is not Kind.REMOVE
            return last.moment.at > then.at

        return is_known

    # Doing it

    def apply(self, preview: Preview, journal: Journal) -> Iterator[Outcome]:
        """Write what the preview says, each item only if it is what the preview saw. The journal is written first."""
        archive = self.view.archive
        journals.save(archive, journal)
        written = journals.Pages(archive.store, journal.run)
        for number, some in enumerate(batched(preview.differences, CHUNK, strict=False)):
            entries = [Entry(one.keys, one.before, one.after) for one in some]
            written.write(number, entries)
            yield from self.each(self._write, entries)

    def _write(self, entry: Entry) -> Outcome:
        done = swapped(self.table, self.pace, entry)
        self.progress(1)
        return done

    def verify(self, preview: Preview, outcomes: Iterable[Outcome]) -> Verified:
        """Read all that was written, and compare it with what the archive holds."""
        refused = {item.item_id(one.keys) for one in outcomes if isinstance(one, Refused)}
        done = [one for one in preview.differences if item.item_id(one.keys) not in refused]
        wanted, found = Digest(), Digest()
        differing: list[Image] = []
        for some in batched(done, CHUNK, strict=False):
            for one, live in zip(some, self.each(self._read, some), strict=True):
                for image, digest in ((one.after, wanted), (live, found)):
                    if image is not None:
                        digest.add(image)
                if not item.is_same(live, one.after):
                    differing.append(one.keys)
        return Verified(len(done), wanted.hex, found.hex, tuple(differing))

    def _read(self, one: Difference) -> Image | None:
        live = self.table.get(one.keys)
        self.progress(1)
        return live


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
