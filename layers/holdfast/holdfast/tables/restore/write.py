"""Writing many items: side by side, no faster than asked, and again and slower where DynamoDB is too busy; and reading
them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

from holdfast.ports import Conflict, Each
from holdfast.tables import item
from holdfast.tables.backfill import Pace
from holdfast.tables.item import Digest
from holdfast.tables.model import Change, Image
from holdfast.tables.ports import LiveTable, NotStored
from holdfast.tables.restore.model import Done, Entry, Outcome, Refused, Written
from holdfast.tables.view import View

TOGETHER = 25
"""Items that DynamoDB takes in one call."""

AHEAD = 128
"""How many calls are planned ahead: what is under way at most is so many times as large as a call."""

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 20.0
TRIES = 14
"""As often a batch is tried of which DynamoDB takes nothing: that is a minute or two."""


class TooBusy(Exception):
    """A table takes no more writes."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes items to a table. `random`: from 0 to 1. `progress` is told how many were written, from any thread."""

    table: LiveTable
    view: View
    each: Each
    pace: Pace
    random: Callable[[], float]
    progress: Callable[[int], object] = lambda _: None

    def write(self, changes: Iterable[Change]) -> Written:
        """Write what items were, and sum it up. Raises TooBusy; NotStored, Altered if the archive has lost some."""
        total = Digest()
        for batches in batched(batched(changes, TOGETHER, strict=False), AHEAD, strict=False):
            for written in self.each(self._write, batches):
                total.merge(written.items, written.digest)
        return Written(total.items, total.hex)

    def _write(self, changes: Sequence[Change]) -> Written:
        digest = Digest()
        images = [image_of(self.view, change) for change in changes]
        for image in images:
            digest.add(image)
        self._put(images)
        self.progress(len(images))
        return Written(digest.items, digest.hex)

    def _put(self, images: Sequence[Image]) -> None:
        left, tries = images, 0
        while left:
            self.pace.wait(len(left))
            rest = self.table.put_all(left)
            tries = 0 if len(rest) < len(left) else tries + 1
            if tries == TRIES:
                raise TooBusy(
                    f"{self.table.name} takes no more writes: raise its capacity, or write slower with --write-rate; "
                    "the same command goes on where this one ends"
                )
            if rest:
                self.pace.sleep(self.random() * min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries + 1)))
            left = rest


def image_of(view: View, change: Change) -> Image:
    """What an item that was there held. Raises NotStored, Altered."""
    image = view.image(change)
    if image is None:
        raise NotStored(f"the archive has no image of {dict(change.keys)}")
    return image


def swapped(table: LiveTable, pace: Pace, entry: Entry) -> Outcome:
    """Make an item what it is to become, if it is what it was before."""
    try:
        pace.wait(1)
        table.change(entry.keys, entry.before, entry.after)
    except Conflict:
        if item.is_same(table.get(entry.keys), entry.after):
            return Done(entry.keys)
        return Refused(entry.keys, "it was changed since it was looked at")
    except Exception as error:  # one item must not keep the others from being written
        return Refused(entry.keys, f"{type(error).__name__}: {error}")
    return Done(entry.keys)


# Reading a table

SCANS = 16
"""Into how many parts a table is divided, to be read side by side."""

PAGE = 10_000
"""How many items are asked for at once. They are fewer: DynamoDB gives a megabyte."""


def pages(table: LiveTable, part: int) -> Iterator[Sequence[Image]]:
    """The items of one part of a table. Raises TableMissing."""
    after: Image | None = None
    while True:
        page = table.scan(part, SCANS, after, PAGE)
        yield page.items
        after = page.next_key
        if after is None:
            return


def summed(table: LiveTable, each: Each, progress: Callable[[int], object] = lambda _: None) -> Written:
    """How many items a table holds, and their digest. Raises TableMissing."""

    def part(number: int) -> Written:
        digest = Digest()
        for images in pages(table, number):
            for image in images:
                digest.add(image)
            progress(len(images))
        return Written(digest.items, digest.hex)

    total = Digest()
    for one in each(part, range(SCANS)):
        total.merge(one.items, one.digest)
    return Written(total.items, total.hex)
